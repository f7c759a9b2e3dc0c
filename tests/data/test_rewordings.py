"""Captions that people wrote, reworded by rules: what each rule keeps, and that none of them breaks."""

import re
from collections import Counter

import numpy as np
import pytest

from t2i_utils.data.rewordings import COLOURS, REWORDINGS, SMALL_WORDS, WRITTEN, clauses

WRITTEN_BY_PEOPLE = [
    "this flower has petals that are pink and has yellow stamen",
    "a small bird with a red head, white belly and a long bill.",
    "The petals are white; the center is yellow!",
    "Two dogs, which are brown, run while a child watches.",
    "Red and yellow petals",
    "flower",
    "with",
    "...",
    "it's the one - that was here",
    "red orange yellow white pink purple blue green brown black grey",
]


def say(name, caption, seed=0):
    return REWORDINGS[name](caption, np.random.default_rng(seed))


def words(text):
    return re.findall(r"[a-z]+", text.lower())


@pytest.mark.parametrize("caption", WRITTEN_BY_PEOPLE)
@pytest.mark.parametrize("name", REWORDINGS)
def test_something_is_always_said_and_the_same_for_the_same_draws(name, caption):
    assert say(name, caption).strip()
    assert say(name, caption, 3) == say(name, caption, 3)


@pytest.mark.parametrize(
    ("caption", "parts"),
    [
        (WRITTEN_BY_PEOPLE[0], ["this flower has petals that are pink", "has yellow stamen"]),
        (WRITTEN_BY_PEOPLE[1], ["a small bird", "with a red head", "white belly", "a long bill"]),
        (WRITTEN_BY_PEOPLE[3], ["Two dogs", "which are brown", "run", "while a child watches"]),
        (WRITTEN_BY_PEOPLE[4], ["Red and yellow petals"]),
    ],
)
def test_clauses_are_parts_of_a_caption(caption, parts):
    assert clauses(caption) == parts


def test_the_caption_itself_stands_first_and_is_not_changed():
    assert next(iter(REWORDINGS)) == WRITTEN
    assert all(say(WRITTEN, caption) == caption for caption in WRITTEN_BY_PEOPLE)


def test_a_list_keeps_the_words_that_name_something_each_once():
    assert say("list", "The petals are red, and the petals have red tips") == "petals, red, tips"
    for caption in WRITTEN_BY_PEOPLE[:5]:
        listed = say("list", caption).split(", ")
        assert set(listed) == set(re.findall(r"[\w']+", caption.lower())) - SMALL_WORDS


def test_the_short_one_is_the_beginning_and_the_long_one_says_everything_twice():
    assert say("shortened", WRITTEN_BY_PEOPLE[1]) == "a small bird"
    for caption in WRITTEN_BY_PEOPLE[:5]:
        assert caption.startswith(say("shortened", caption))
        once, twice = (Counter(words(text)) for text in (say("turned", caption), say("lengthened", caption)))
        assert all(twice[word] >= 2 * count for word, count in once.items())


def test_turned_round_the_clauses_are_the_same_backwards():
    assert say("turned", WRITTEN_BY_PEOPLE[1]) == "a long bill, white belly, with a red head, a small bird"
    for caption in WRITTEN_BY_PEOPLE[:6]:
        assert clauses(say("turned", caption)) == clauses(caption)[::-1]


def test_distractors_and_denials_are_said_after_the_caption():
    for caption in WRITTEN_BY_PEOPLE[:6]:
        for name in ("distractors", "negation"):
            assert say(name, caption).startswith(caption.rstrip(".!") + ", ")


def test_a_denied_colour_is_none_that_the_caption_names():
    denied = {words(say("negation", "red and yellow petals", seed))[-3] for seed in range(200)}
    assert denied == set(COLOURS) - {"red", "yellow"}

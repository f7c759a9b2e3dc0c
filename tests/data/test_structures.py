"""Every structure says what the plainest sentence says, and nothing else that a picture could show."""

import re

import numpy as np
import pytest
from test_grammar import every_flower, read

from t2i_utils.data.grammar import SYNONYMS, caption_for
from t2i_utils.data.structures import CAMERAS, OCCASIONS, PLAIN, STRUCTURES, binding, negation
from t2i_utils.data.synthetic import ATTRIBUTES
from t2i_utils.text.char_cnn_rnn import LENGTH
from t2i_utils.text.clip import tiny_config
from t2i_utils.text.packed import pieces

FLOWERS = [
    flower
    for flower in every_flower()
    if ATTRIBUTES["petal_color"][flower["petal_color"]] != ATTRIBUTES["center_color"][flower["center_color"]]
]
PARTS = [{"petal_color": 2}, {"background": 2, "petal_count": 3}, {"petal_shape": 2}, {"center_color": 0}]


def say(structure, flower, seed=0):
    return STRUCTURES[structure](flower, np.random.default_rng(seed))


def positive(prompt):
    """A prompt's text without its denial, which stands last."""
    return prompt.text if prompt.denied is None else prompt.text.rpartition(", ")[0]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_it_says_everything_once_and_nothing_else(structure):
    for place, flower in enumerate(FLOWERS):
        prompt = say(structure, flower, place)
        assert read(positive(prompt)) == flower, prompt
        assert prompt.states == set(flower)


@pytest.mark.parametrize("structure", [name for name in STRUCTURES if name != "binding"])
def test_what_is_not_known_is_not_said(structure):
    for flower in PARTS:
        prompt = say(structure, flower)
        assert read(positive(prompt)) == flower
        assert prompt.states == set(flower)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_it_is_written_properly_and_no_encoder_cuts_it(structure):
    room = tiny_config(32)["text_cfg"]["context_length"] - 2  # start and end
    for flower in FLOWERS:
        text = say(structure, flower).text
        assert text == " ".join(text.split())
        assert not re.search(r" [,.;]|[,;.]{2}|\bthe the\b|\ba the\b|\bno the\b", text), text
        for article, word in re.findall(r"\b(an?) ([\w-]+)", text.lower()):
            assert (article == "an") == (word[0] in "aeiou" or word[0] == "8"), text
        assert len(pieces(text)) <= room
        assert len(text) <= LENGTH


@pytest.mark.parametrize("structure", STRUCTURES)
def test_it_depends_on_its_draws_and_not_on_the_order_of_attributes(structure):
    flower = FLOWERS[7]
    backwards = dict(reversed(flower.items()))
    assert say(structure, flower, 3) == say(structure, backwards, 3)
    drawn = {say(structure, flower, seed).text for seed in range(40)}
    assert (len(drawn) > 1) == (structure in ("synonyms", "distractors", "negation"))


def test_the_short_one_is_the_plainest_sentence_and_the_long_one_much_longer():
    for flower in FLOWERS[::10]:
        assert say(PLAIN, flower).text == caption_for(flower)
        assert len(say("long", flower).text.split()) > 1.7 * len(caption_for(flower).split())


def test_a_list_is_all_commas():
    flower = {"petal_color": 0, "petal_shape": 0, "petal_count": 1, "center_color": 3, "background": 2}
    assert say("list", flower).text == "red flower, five petals, round petals, black center, sky"


def test_the_turned_one_names_its_parts_in_the_opposite_order():
    nouns = ("flower", "petals", "center", "in front of")
    flower = {"petal_color": 0, "petal_shape": 0, "petal_count": 1, "center_color": 3, "background": 1}
    orders = [[say(name, flower).text.index(noun) for noun in nouns] for name in (PLAIN, "turned")]
    assert orders[0] == sorted(orders[0])
    assert orders[1] == sorted(orders[1], reverse=True)


def test_synonyms_are_other_words_than_the_plainest_in_the_same_sentence():
    found = {(name, index): set() for name, values in SYNONYMS.items() for index in range(len(values))}
    for seed in range(20):
        for flower in FLOWERS[seed::20]:
            text = say("synonyms", flower, seed).text
            for name, index in flower.items():
                plain, *others = SYNONYMS[name][index]
                said = [word for word in others if re.search(rf"(?<![\w-]){word}(?![\w-])", text)]
                assert said, (name, plain, text)
                found[name, index].update(said)
    assert all(found[name, index] == set(SYNONYMS[name][index][1:]) for name, index in found)


def test_distractors_hold_no_word_of_any_value_nor_of_a_flowers_parts():
    values = [word for choice in SYNONYMS.values() for value in choice for word in value]
    values += [word for choice in ATTRIBUTES.values() for word in choice]
    taken = {part for value in values for part in re.findall(r"\w+", value)}
    taken |= {"flower", "bloom", "blossom", "petal", "petals", "center", "middle", "core", "eye"}
    for phrase in (*CAMERAS, *OCCASIONS):
        assert not set(re.findall(r"\w+", phrase.lower())) & taken, phrase
    for flower in FLOWERS[::10]:
        assert say("distractors", flower).text.startswith(caption_for(flower) + ", ")


def test_a_denial_names_another_value_of_the_petals_colour_each_as_often():
    flower = {"petal_color": 2, "center_color": 1}
    drawn = [negation(flower, np.random.default_rng(seed)) for seed in range(600)]
    for prompt in drawn:
        name, index = prompt.denied
        assert name == "petal_color"
        assert prompt.text == f"{caption_for(flower)}, with no {ATTRIBUTES[name][index]} petals"
    counts = np.bincount([prompt.denied[1] for prompt in drawn], minlength=7)
    assert counts[2] == 0
    assert np.delete(counts, 2).min() > 70
    assert negation({"background": 0}, np.random.default_rng(0)).denied[0] == "background"


def test_binding_has_two_colours_each_right_before_its_part():
    flower = {"petal_color": 2, "center_color": 1, "petal_count": 1}
    assert say("binding", flower).text == "a flower with five yellow petals and a brown center"
    assert all(prompt.denied is None for prompt in (say(name, flower) for name in STRUCTURES if name != "negation"))


@pytest.mark.parametrize(
    ("flower", "message"),
    [
        ({"petal_color": 2, "center_color": 0}, "two different colours.*yellow and yellow"),
        ({"petal_color": 2}, "two different colours.*yellow and None"),
    ],
)
def test_binding_refuses_what_is_not_two_colours(flower, message):
    with pytest.raises(ValueError, match=message):
        binding(flower, np.random.default_rng(0))


@pytest.mark.parametrize("structure", STRUCTURES)
def test_unknown_attributes_are_refused(structure):
    for flower, message in (
        ({}, "at least one attribute"),
        ({"petal_color": 9}, "no value number 9"),
        ({"x": 0}, "'x'"),
    ):
        with pytest.raises(ValueError, match=message):
            say(structure, flower)

"""What captions of rendered flowers promise: each says exactly what it claims to say, in many ways."""

import itertools
import os
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from t2i_utils.data.grammar import SYNONYMS, caption_for, write_captions
from t2i_utils.data.sentences import with_article

# Written down apart from the grammar: what a reader takes each word to mean.
MEANINGS = {
    "petal_color": ["red crimson scarlet", "orange tangerine", "yellow", "white", "pink", "purple violet", "blue"],
    "petal_shape": ["round rounded", "pointed pointy spiky sharp", "heart-shaped notched"],
    "petal_count": ["four 4", "five 5", "six 6", "eight 8", "twelve 12"],
    "center_color": ["yellow golden", "brown chestnut", "green", "black"],
    "background": ["leaves foliage greenery", "soil earth dirt ground", "sky"],
}
WORDS = {name: {w: i for i, line in enumerate(lines) for w in line.split()} for name, lines in MEANINGS.items()}
CENTER_COLOR = "|".join(WORDS["center_color"])
CENTER = "center|middle|core|eye"
CENTER_PATTERN = re.compile(
    rf"\b({CENTER_COLOR})(?: (?:{CENTER})\b|-centered\b)|\b(?:{CENTER}) is [a-z-]*? ?-?({CENTER_COLOR})\b"
)


def read(text: str) -> dict[str, int]:
    """Attribute values that a caption states, by the word list above; fails on a value said twice."""
    text = text.lower().replace("heart shaped", "heart-shaped")
    found = [("center_color", WORDS["center_color"][a or b]) for a, b in CENTER_PATTERN.findall(text)]
    tokens = re.findall(r"heart-shaped|[a-z]+|\d+", CENTER_PATTERN.sub(" ", text))
    found += [(name, WORDS[name][t]) for t in tokens for name in WORDS if name != "center_color" and t in WORDS[name]]
    assert len(dict(found)) == len(found), text
    return dict(found)


def every_flower():
    sizes = [range(len(lines)) for lines in MEANINGS.values()]
    return [dict(zip(MEANINGS, values, strict=True)) for values in itertools.product(*sizes)]


@pytest.fixture(scope="module")
def written():
    rng = np.random.default_rng(0)
    return [(flower, write_captions(rng, flower)) for flower in every_flower()]


def test_captions_say_exactly_what_their_states_claim(written):
    for flower, captions in written:
        for caption in captions:
            assert read(caption.text) == {name: flower[name] for name in caption.states}, caption


def test_ten_different_captions_and_one_says_everything(written):
    for flower, captions in written:
        assert len({caption.text for caption in captions}) == len(captions) == 10
        assert any(caption.states == set(flower) for caption in captions)
        assert all(caption.states for caption in captions)


def test_how_often_each_attribute_is_stated(written):
    stated = Counter(name for _, captions in written for caption in captions for name in caption.states)
    share = {name: stated[name] / (10 * len(written)) for name in MEANINGS}
    assert 0.62 < share["petal_color"] < 0.72
    assert 0.46 < share["background"] < 0.56
    assert all(0.4 < share[name] < 0.6 for name in ("petal_shape", "petal_count", "center_color"))


def test_captions_are_short_and_long_and_rarely_the_same(written):
    texts = [caption.text for _, captions in written for caption in captions]
    lengths = [len(text.split()) for text in texts]
    assert min(lengths) <= 3
    assert max(lengths) >= 22
    assert len(set(texts)) > 0.85 * len(texts)


def test_captions_are_written_properly(written):
    for _, captions in written:
        for text in (caption.text for caption in captions):
            assert text == " ".join(text.split())
            assert not re.search(r" [,.;]|[,;.]{2}|,\.|\bthe the\b|\ba the\b", text), text
            assert text[0].isdigit() or text[0].isupper() == text.endswith("."), text
            assert not re.search(r"\bpetal\b", text), text
            for article, word in re.findall(r"\b(an?) ([\w-]+)", text.lower()):
                assert (article == "an") == (word[0] in "aeiou" or word[0] == "8"), text


def test_a_synonym_belongs_to_one_value():
    for name, values in SYNONYMS.items():
        words = [word for value in values for word in value]
        assert len(words) == len(set(words)), name
        assert [len(values)] == [len(MEANINGS[name])]
    owners = Counter(word for values in SYNONYMS.values() for value in values for word in value)
    assert [word for word, count in owners.items() if count > 1] == ["yellow"]  # petals and centres, told by the noun


def test_every_synonym_is_used(written):
    everything = " ".join(caption.text.lower() for _, captions in written for caption in captions)
    for word in (word for values in SYNONYMS.values() for value in values for word in value):
        assert word.removeprefix("the ") in everything, word


def test_captions_are_the_same_in_every_process():
    code = (
        "import numpy as np; from t2i_utils.data.grammar import write_captions;"
        "f = dict(background=0, petal_count=3, petal_color=1, petal_shape=0, center_color=2);"
        "print([(c.text, sorted(c.states)) for c in write_captions(np.random.default_rng(5), f)])"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1] != ""


def test_the_order_of_attributes_does_not_matter():
    flower = {"petal_color": 3, "petal_shape": 1, "petal_count": 4, "center_color": 0, "background": 2}
    backwards = dict(reversed(flower.items()))
    assert write_captions(np.random.default_rng(1), flower) == write_captions(np.random.default_rng(1), backwards)


@pytest.mark.parametrize("known", [{"petal_color": 2}, {"background": 0, "center_color": 3}, {"petal_count": 3}])
def test_what_is_not_known_is_not_said(known):
    for caption in write_captions(np.random.default_rng(0), known):
        assert caption.states <= set(known)
        assert read(caption.text) == {name: known[name] for name in caption.states}


def test_the_plain_sentence_says_everything():
    assert caption_for({"petal_color": 0, "background": 2}) == "a red flower, against the sky"
    full = {"petal_color": 1, "petal_shape": 0, "petal_count": 3, "center_color": 0, "background": 1}
    assert caption_for(full) == "an orange flower with eight round petals and a yellow center, in front of soil"
    assert all(read(caption_for(flower)) == flower for flower in every_flower())


@pytest.mark.parametrize(
    ("phrase", "said"),
    [("orange flower", "an"), ("8-petaled flower", "an"), ("12-petaled flower", "a"), ("eight-petaled one", "an")],
)
def test_articles_as_they_are_spoken(phrase, said):
    assert with_article(phrase) == f"{said} {phrase}"


@pytest.mark.parametrize(
    ("attributes", "count", "message"),
    [
        ({}, 10, "at least one attribute"),
        ({"leaf_color": 0}, 10, "no attribute 'leaf_color'; choose from petal_color"),
        ({"petal_color": 7}, 10, "no value number 7; choose from 0 red"),
        ({"petal_color": -1}, 10, "no value number -1"),
        ({"petal_color": 0}, 0, "at least one caption"),
        ({"background": 2}, 1500, "ask for fewer"),
    ],
)
def test_impossible_captions_are_refused(attributes, count, message):
    with pytest.raises(ValueError, match=message):
        write_captions(np.random.default_rng(0), attributes, count)

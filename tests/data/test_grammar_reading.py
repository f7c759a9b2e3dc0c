"""What a sentence states is read exactly where the grammar wrote it, and with care where a person did."""

import subprocess
import sys

import numpy as np
import pytest

from t2i_utils.data.grammar import write_captions
from t2i_utils.data.grammar_reading import stated
from t2i_utils.data.rewordings import REWORDINGS
from t2i_utils.data.structures import STRUCTURES
from t2i_utils.data.synthetic import ATTRIBUTES


def named(caption):
    """What is stated, in words."""
    return {name: ATTRIBUTES[name][index] for name, index in stated(caption).items()}


def drawn(rng):
    return {name: int(rng.integers(len(values))) for name, values in ATTRIBUTES.items()}


@pytest.fixture(scope="module")
def written():
    rng = np.random.default_rng(5)
    flowers = [drawn(rng) for _ in range(800)]
    return [(flower, caption) for flower in flowers for caption in write_captions(rng, flower)]


def test_the_grammars_own_captions_are_read_exactly(written):
    for flower, caption in written:
        assert stated(caption.text) == {name: flower[name] for name in caption.states}, caption.text


@pytest.mark.parametrize("structure", STRUCTURES)
def test_so_are_all_structures_but_for_what_they_deny(structure):
    rng = np.random.default_rng(6)
    for _ in range(200):
        flower = drawn(rng)
        if structure == "binding" and (flower["petal_color"], flower["center_color"]) == (2, 0):
            continue  # two colours, and both are yellow
        prompt = STRUCTURES[structure](flower, rng)
        denied = prompt.denied[0] if prompt.denied else None
        assert stated(prompt.text) == {name: flower[name] for name in flower if name != denied}, prompt.text


@pytest.mark.parametrize("rewording", REWORDINGS)
def test_said_in_other_ways_less_may_be_read_but_nothing_wrong(rewording, written):
    rng = np.random.default_rng(7)
    for flower, caption in written[::5]:
        text = REWORDINGS[rewording](caption.text, rng)
        assert stated(text).items() <= {name: flower[name] for name in caption.states}.items(), text


@pytest.mark.parametrize(
    ("caption", "told"),
    [
        ("a flower with yellow petals", {"petal_color": "yellow"}),
        ("a flower with a yellow center", {"center_color": "yellow"}),
        ("a yellow flower center", {"center_color": "yellow"}),
        ("a flower, yellow in the middle", {"center_color": "yellow"}),
        ("yellow brown-centered flower", {"petal_color": "yellow", "center_color": "brown"}),
        ("petals yellow, center brown", {"petal_color": "yellow", "center_color": "brown"}),
        ("petals: red, round; center: black", {"petal_color": "red", "petal_shape": "round", "center_color": "black"}),
        ("petals are round, yellow center", {"petal_shape": "round", "center_color": "yellow"}),
        ("a dark brown eye", {"center_color": "brown"}),
        ("deep purple blooms", {"petal_color": "purple"}),
        ("a lime green centre", {"center_color": "green"}),
        ("heart shaped petals around a black heart", {"petal_shape": "heart-shaped", "center_color": "black"}),
        ("4 petals", {"petal_count": "4"}),
        ("a four-petalled flower", {"petal_count": "4"}),
        ("five flowers with six petals", {"petal_count": "6"}),
        ("sky-blue petals", {"petal_color": "blue"}),
        ("a flower under the blue sky", {"background": "sky"}),
        ("an eye-catching yellow flower", {"petal_color": "yellow"}),
        (
            "the flower\u2019s petals are pink and its center\u2019s black",
            {"petal_color": "pink", "center_color": "black"},
        ),
        ("  RED\n \u2013 FLOWER!!! \U0001f339", {"petal_color": "red"}),
    ],
)
def test_a_value_belongs_to_the_noun_beside_it(caption, told):
    assert named(caption) == told


@pytest.mark.parametrize(
    ("caption", "told"),
    [
        ("red and white petals", {}),
        ("a red flower or a blue one", {}),
        ("five or six petals", {}),
        ("on soil, no, on leaves", {}),
        ("a red center, a black center and round petals", {"petal_shape": "round"}),
        ("red petals and green petals", {}),
        ("red, crimson, scarlet petals", {"petal_color": "red"}),  # one value in three words
    ],
)
def test_of_two_different_values_none_is_certain(caption, told):
    assert named(caption) == told


@pytest.mark.parametrize(
    ("caption", "told"),
    [
        ("not a red flower", {}),
        ("a red flower with no blue petals", {}),
        ("a flower that isn't red", {}),
        ("a flower that isn\u2019t red but blue", {}),
        ("none of the petals are red", {}),
        ("neither red nor blue petals", {}),
        ("without soil or leaves", {}),
        ("more than five petals", {}),
        ("at least five petals", {}),
        ("no blue petals and a black center", {"center_color": "black"}),
        ("a round-petaled flower, not red", {"petal_shape": "round"}),
        ("a flower with nothing behind it but soil", {"background": "soil"}),
    ],
)
def test_what_is_denied_is_not_certain_and_what_is_not_denied_is(caption, told):
    assert named(caption) == told


@pytest.mark.parametrize(
    "caption",
    [
        "a red vase with flowers",
        "a green stem",
        "behind it is yellow",
        "a red center",
        "golden petals",
        "4.5 petals",
        "a round flower",
        "reds, yellowish petals",
        "a bird",
        "",
        "   ",
        "\0",
        "\U0001f339\U0001f33b",
        "пять красных лепестков",
        "\u202ered",
        "\ud800 and",
        "<script>alert(1)</script>",
        ", and . and ; is : not of",
        "is red",
        "of the petals",
        "one ones centered petaled",
    ],
)
def test_where_nothing_is_certain_nothing_is_stated(caption):
    assert stated(caption) == {}


def test_anything_typed_is_read_without_a_crash_and_in_time_that_grows_with_it():
    words = "red yellow five round petals flower center centered leaves of no not but with and or , . : is in the one x"
    rng = np.random.default_rng(8)
    for _ in range(3000):
        caption = " ".join(rng.choice(words.split(), size=int(rng.integers(1, 14))))
        for name, index in stated(caption).items():
            assert 0 <= index < len(ATTRIBUTES[name])
    assert stated("red " * 100_000 + "petals") == {"petal_color": 0}


def test_it_imports_no_torch():
    told = "import sys, t2i_utils.data.grammar_reading; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == "False\n"

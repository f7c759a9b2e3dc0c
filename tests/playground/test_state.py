"""The playground's record: what a state can be, and that nothing else gets in, whoever sends it."""

import dataclasses
import json
import math

import pytest

from t2i_utils.playground.state import (
    LETTERS,
    MOST,
    MOST_TRIES,
    SEEDS,
    VIEWS,
    State,
    as_numbers,
    from_numbers,
)

WHOLE = ("red", "blue", 30, 2**40, 16, 0.7, "captions", 1, "flowers", "digits")


def test_a_state_cannot_be_changed_by_accident():
    with pytest.raises(dataclasses.FrozenInstanceError):
        State("red").seed = 3


def test_equal_states_are_one_in_a_set():
    assert len({State(*WHOLE), State(*WHOLE), State("red")}) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"mix": 0},
        {"mix": 100},
        {"seed": 0},
        {"seed": SEEDS - 1},
        {"count": 1},
        {"count": MOST},
        {"tries": MOST_TRIES},
        {"truncation": 0.05},
        {"truncation": 10},
        {"caption": "x" * LETTERS},
        {"caption": ""},
        {"caption": "\0\x1b[31m \u202e <script> \N{CHERRY BLOSSOM}"},
        *({"view": view} for view in VIEWS if view != "captions"),
    ],
)
def test_the_ends_of_every_range_are_inside(change):
    state = State(**{"caption": "red"} | change)
    assert all(getattr(state, name) == value for name, value in change.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mix": 101}, "mix is 101; use a whole number from 0 to 100"),
        ({"mix": -1}, "mix is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": SEEDS}, "seed is 9007199254740992; use a whole number from 0 to 9,007,199,254,740,991"),
        ({"seed": 10**5000}, "seed is an enormous number"),
        ({"seed": -(10**5000)}, "seed is an enormous number"),
        ({"count": 0}, "count is 0; use a whole number from 1 to 16"),
        ({"count": 17}, "count is 17"),
        ({"tries": 0}, "tries is 0"),
        ({"tries": 9}, "tries is 9; use a whole number from 1 to 8"),
        ({"truncation": 0.04}, "truncation is 0.04; use a number from 0.05 to 10, or none"),
        ({"truncation": -1}, "truncation is -1"),
        ({"truncation": math.nan}, "truncation is nan"),
        ({"truncation": math.inf}, "truncation is inf"),
        ({"truncation": 10**5000}, "truncation is an enormous number"),
        ({"view": "stars"}, "view is 'stars'; use one of pictures, captions, noises, words"),
        ({"view": "captions"}, "second is empty"),
        ({"view": "captions", "second": " \t"}, "second is empty"),
        ({"tries": 2, "second": "blue"}, "tries is 2, but nobody can say which picture shows a mixture best"),
        ({"tries": 2, "view": "noises"}, "tries is 2"),
        ({"tries": 2, "view": "words"}, "tries is 2"),
        ({"caption": "x" * (LETTERS + 1)}, "caption has 501 characters; use at most 500"),
        ({"second": "y" * 2**20}, "second has 1,048,576 characters"),
        ({"painter": "z" * 2**20}, "painter has 1,048,576 characters"),
        ({"caption": "half \ud83c"}, "caption holds half a character"),
        ({"other": "\udfff"}, "other holds half a character"),
    ],
)
def test_a_state_that_cannot_be_is_refused_in_a_few_words(change, message):
    with pytest.raises(ValueError, match=message) as raised:
        State(**{"caption": "red"} | change)
    assert len(str(raised.value)) < 200


NO_TEXT = (None, True, 1, 1.5, b"red", ["red"], {"red": 1}, object())
NO_NUMBER = (None, True, False, 1.0, "1", b"1", [1], {}, 1j, 10**30, math.nan, math.inf)
NO_CUT = (True, False, 0, "1", "nan", b"1", [1], {}, 1j, 10**30, math.nan, -math.inf)
WRONG = [
    *((name, value) for name in ("caption", "second", "view", "painter", "other") for value in NO_TEXT),
    *((name, value) for name in ("mix", "seed", "count", "tries") for value in NO_NUMBER),
    *(("truncation", value) for value in NO_CUT),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=map(str, range(len(WRONG))))
def test_a_value_of_another_type_is_refused_by_its_name(name, value):
    with pytest.raises(ValueError, match=f"^{name} is "):
        State(**{"caption": "red"} | {name: value})


def test_blank_space_is_no_second_caption():
    assert State("red", "  ").said == ["red"]
    assert not State("red", "\n").mixes
    assert State("red", "blue").said == ["red", "blue"]


@pytest.mark.parametrize("state", [State(*WHOLE), State("red"), State('a "quoted"\n\N{CHERRY BLOSSOM} \u202e')])
def test_a_state_goes_through_json_and_back(state):
    assert from_numbers(json.loads(json.dumps(as_numbers(state)))) == state


def test_what_is_not_said_is_as_usual():
    assert from_numbers({"caption": "red"}) == State("red")


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (None, "settings are None; give fields and values: caption, second"),
        ([], r"settings are \[\]"),
        ("caption", "settings are 'caption'"),
        ([[[[[[[[[[]]]]]]]]]] * 1000, "settings are"),
        ({}, "settings have no caption"),
        ({"seed": 1}, "settings have no caption"),
        ({"caption": "red", "colour": 1}, "settings name 'colour'; there are only caption"),
        ({"caption": "red", "__post_init__": 1, 5: 2}, "settings name '__post_init__', 5"),
        ({"caption": "red"} | dict.fromkeys(map(str, range(10**4))), "settings name '0', '1', '2'; there"),
        ({"caption": "red", "x" * 2**20: 1}, "settings name 'xx"),
        ({"caption": 3}, "caption is 3, a int; use text"),
        ({"caption": {"a": [1] * 10**6}}, "caption is {'a'"),
        ({"caption": None}, "caption is None"),
        ({"caption": "red", "seed": "3"}, "seed is '3'"),
    ],
)
def test_settings_of_any_shape_are_refused_in_a_few_words(told, message):
    with pytest.raises(ValueError, match=message) as raised:
        from_numbers(told)
    assert len(str(raised.value)) < 300

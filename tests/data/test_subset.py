"""A part of a data set: every class is in it for as long as there is room."""

import pytest

from t2i_utils.data.subset import check_limit, choose, spread

ITEMS = ["a1", "a2", "a3", "b1", "c1", "a4", "b2"]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (1, ["a1"]),
        (3, ["a1", "b1", "c1"]),
        (4, ["a1", "a2", "b1", "c1"]),
        (5, ["a1", "a2", "b1", "c1", "b2"]),
        (7, ITEMS),
        (99, ITEMS),
    ],
)
def test_classes_take_turns_and_the_order_stays(limit, expected):
    assert spread(ITEMS, limit, lambda item: item[0]) == expected


def test_nothing_can_be_taken_of_nothing():
    assert spread([], 3, str) == []


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_that_leaves_nothing_is_named(limit):
    with pytest.raises(ValueError, match=f"a limit of {limit} leaves no pictures; give at least 1"):
        check_limit(limit)
    check_limit(1)
    check_limit(None)


def test_classes_are_chosen_by_either_name_and_told_by_the_one_for_people():
    kept, notes = choose(ITEMS, lambda item: item[0], 3, ["b", "tulip"], {"a": "tulip", "b": "rose"})
    assert kept == ["a1", "a2", "b1"]
    assert notes == [
        "only 2 classes were asked for: tulip, rose",
        "only 3 of 6 pictures were asked for, taken evenly from all classes",
    ]


def test_everything_needs_no_note():
    assert choose(ITEMS, lambda item: item[0], len(ITEMS)) == (ITEMS, [])


@pytest.mark.parametrize(
    ("items", "classes", "words"),
    [
        (ITEMS, ["a", "d"], "no class 'd'; choose from: a, b, c"),
        (ITEMS, [], "no class was given; choose from: a, b, c"),
        ([" "], ["a"], "these pictures have no classes"),
    ],
)
def test_an_unknown_class_is_named(items, classes, words):
    with pytest.raises(ValueError, match=words):
        choose(items, lambda item: item[0].strip(), classes=classes)

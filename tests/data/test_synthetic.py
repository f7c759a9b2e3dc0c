"""What the built-in flowers promise: the same everywhere, true to their attributes, and fairly split."""

import dataclasses
import pickle

import numpy as np
import pytest
from PIL import Image

from t2i_utils.data.flower_drawing import PETAL_RAMPS, PETAL_SHAPES
from t2i_utils.data.synthetic import ATTRIBUTES, CLASSES, draw_flower, render, split_of, synthetic_flowers


def flower(seed, fixed=None):
    return draw_flower(np.random.default_rng(seed), fixed or {})


def with_value(one, attribute, index):
    return dataclasses.replace(one, attributes={**one.attributes, attribute: index})


def pixels(one, size):
    return np.asarray(render(one, size), np.float32)


def petal_mask(one, size):
    """Where the petals are: where another petal colour changes the picture."""
    red, blue = (pixels(with_value(one, "petal_color", index), size) for index in (0, 6))
    return np.abs(red - blue).max(axis=-1) > 60


def test_the_attributes_are_the_promised_ones():
    assert list(ATTRIBUTES) == ["petal_color", "petal_shape", "petal_count", "center_color", "background"]
    assert [len(values) for values in ATTRIBUTES.values()] == [7, 3, 5, 4, 3]
    assert ATTRIBUTES["petal_count"] == ("4", "5", "6", "8", "12")


@pytest.mark.parametrize("size", [32, 76, 304])
def test_a_picture_has_its_size_and_is_the_same_each_time(size):
    picture = render(flower(3), size)
    assert (picture.size, picture.mode) == ((size, size), "RGB")
    assert picture.tobytes() == render(flower(3), size).tobytes()


@pytest.mark.parametrize("background", [0, 1, 2])
@pytest.mark.parametrize("shape", [0, 1, 2])
def test_every_size_shows_the_same_composition(background, shape):
    one = flower(10 * background + shape, {"background": background, "petal_shape": shape})
    large = render(one, 256)
    for size in (32, 64):
        reduced = np.asarray(large.resize((size, size), Image.Resampling.BOX), np.float32)
        assert np.abs(reduced - pixels(one, size)).mean() < {32: 8, 64: 4}[size]
        other = pixels(flower(99, one.attributes), size)
        assert np.abs(reduced - other).mean() > 16


@pytest.mark.parametrize("color", range(7))
def test_petals_have_the_colour_they_are_said_to_have(color):
    palette = np.array([main for _, main, _ in PETAL_RAMPS.values()], np.float32)
    for seed in range(9):
        one = flower(seed, {"petal_color": color, "background": seed % 3})
        mean = pixels(one, 64)[petal_mask(one, 64)].mean(axis=0)
        distances = np.linalg.norm(palette - mean, axis=1)
        assert distances.argmin() == color
        assert distances[color] < 45


@pytest.mark.parametrize("count", range(5))
@pytest.mark.parametrize(("shape", "reach"), [(0, 0.84), (1, 0.7), (2, 0.55)])
def test_petals_can_be_counted_around_the_flower(count, shape, reach):
    for seed in range(3):
        one = flower(seed, {"petal_count": count, "petal_shape": shape})
        angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
        rows = ((one.y + reach * one.radius * np.sin(angles)) * 304).astype(int)
        columns = ((one.x + reach * one.radius * np.cos(angles)) * 304).astype(int)
        around = petal_mask(one, 304)[rows, columns]
        around = sum(np.roll(around, by).astype(int) for by in (-2, -1, 0, 1, 2)) > 2  # no flicker along an edge
        assert (around & ~np.roll(around, 1)).sum() == int(ATTRIBUTES["petal_count"][count])


@pytest.mark.parametrize("petals", [4, 5, 6, 8, 12])
def test_shapes_differ_in_outline(petals):
    beside = np.linspace(-1, 1, 4001, dtype=np.float32)
    cut = {name: outline(np.float32(0.93), beside, petals) < 0 for name, outline in PETAL_SHAPES.items()}
    pieces = {name: int((inside[1:] & ~inside[:-1]).sum()) for name, inside in cut.items()}
    assert pieces == {"round": 1, "pointed": 1, "heart-shaped": 2}  # a notch parts the lobes
    assert cut["pointed"].mean() < 0.4 * cut["round"].mean()


def test_a_petal_is_the_hull_of_two_circles():
    u, v = np.random.default_rng(0).uniform(-0.5, 1.5, (2, 200)).astype(np.float32)
    end = 0.94 * np.sin(np.pi / 6) / (1 + 0.94 * np.sin(np.pi / 6))
    at = np.linspace(0, 1, 20001)[:, None]
    circles = np.hypot(u - (0.12 + at * (1 - end - 0.12)), v) - (0.05 + at * (end - 0.05))
    np.testing.assert_allclose(PETAL_SHAPES["round"](u, v, 6), circles.min(axis=0), atol=1e-5)


@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.parametrize("size", [32, 64])
def test_every_value_of_every_attribute_changes_the_picture(attribute, size):
    one = flower(4)
    pictures = [pixels(with_value(one, attribute, index), size) for index in range(len(ATTRIBUTES[attribute]))]
    for i, first in enumerate(pictures):
        for second in pictures[:i]:
            assert (np.abs(first - second).max(axis=-1) > 40).mean() > 0.01


def test_attributes_change_only_what_they_name():
    one = flower(8, {"background": 0})
    across = (np.arange(64) + 0.5) / 64
    far = np.hypot(across[None] - one.x, across[:, None] - one.y) / one.radius
    for attribute, untouched in (("center_color", far > 0.3), ("petal_color", far > 1.1), ("background", far < 0.2)):
        before, after = (pixels(with_value(one, attribute, index), 64) for index in (0, 1))
        assert np.array_equal(before[untouched], after[untouched]), attribute
        assert not np.array_equal(before, after), attribute


def test_the_flower_stays_inside_its_picture_and_fills_it():
    for seed in range(300):
        one = flower(seed)
        assert max(abs(one.x - 0.5), abs(one.y - 0.5)) + one.radius <= 0.5
        assert 0.6 < 2 * one.radius < 0.9


def test_what_is_fixed_leaves_the_rest_as_it_was():
    free, fixed = flower(5), flower(5, {"petal_color": 2, "background": 1})
    assert (fixed.value("petal_color"), fixed.value("background")) == ("yellow", "soil")
    assert dataclasses.replace(fixed, attributes=free.attributes) == free
    assert isinstance(hash(fixed), int)


@pytest.mark.parametrize("size", [0, 31, 305])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(ValueError, match=f"32 to 304 pixels, not {size}"):
        render(flower(0), size)


@pytest.mark.parametrize(
    ("fixed", "message"),
    [
        ({"scent": 0}, "no attribute 'scent'; choose from petal_color"),
        ({"background": 3}, "choose from 0 leaves, 1 soil"),
    ],
)
def test_an_unknown_attribute_is_refused(fixed, message):
    with pytest.raises(ValueError, match=message):
        flower(0, fixed)


def test_classes_are_split_without_overlap():
    source = synthetic_flowers(210)
    parts = {split: {e.class_name for e in source.examples if e.split == split} for split in ("train", "val", "test")}
    assert [len(part) for part in parts.values()] == [14, 3, 4]
    assert set.union(*parts.values()) == set(CLASSES)
    shapes = {split: {name.split(" ", 1)[1] for name in part} for split, part in parts.items()}
    assert all(found == set(ATTRIBUTES["petal_shape"]) for found in shapes.values())
    colors = {split: {name.split(" ", 1)[0] for name in part} for split, part in parts.items()}
    assert colors["train"] == colors["val"] | colors["test"] == set(ATTRIBUTES["petal_color"])
    assert not colors["val"] & colors["test"]


def test_examples_agree_with_themselves():
    source = synthetic_flowers(42, seed=1)
    assert (source.name, source.version, source.channels) == ("synthetic_flowers", "1", 3)
    assert source.licence == "MIT, made by this project"
    assert source.attributes == ATTRIBUTES
    assert len({example.name for example in source.examples}) == 42
    for example in source.examples:
        drawn = example.picture.args[0]
        assert example.attributes == drawn.attributes
        assert example.class_name == f"{drawn.value('petal_color')} {drawn.value('petal_shape')}"
        assert example.split == split_of(example.class_name)
        assert len(example.captions) == 10
    assert len({example.picture.args[0].texture for example in source.examples}) == 42


def test_an_example_depends_on_seed_and_place_alone():
    few, many = synthetic_flowers(25, seed=7).examples, synthetic_flowers(60, seed=7).examples
    assert [dataclasses.astuple(a)[2:] for a in few] == [dataclasses.astuple(b)[2:] for b in many[:25]]
    assert [a.picture.args for a in few] == [b.picture.args for b in many[:25]]
    other = synthetic_flowers(25, seed=8).examples
    assert all(a.picture.args != b.picture.args for a, b in zip(few, other, strict=True))


def test_a_picture_survives_the_way_to_a_worker():
    picture = synthetic_flowers(1).examples[0].picture
    assert pickle.loads(pickle.dumps(picture))(32).tobytes() == picture(32).tobytes()


def test_a_set_may_be_limited_to_classes():
    source = synthetic_flowers(9, classes=["red round", "white pointed"])
    names = [example.class_name for example in source.examples]
    assert set(names[:2]) == {"red round", "white pointed"}
    assert abs(names.count("red round") - names.count("white pointed")) <= 1
    assert "only 2 of 21 classes" in source.notes[0]
    assert synthetic_flowers(9).notes == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "at least one example, got count=0"),
        ({"classes": ["red square"]}, "no class 'red square'; choose from: red round, red pointed"),
        ({"classes": []}, "at least one class; choose from: red round"),
        ({"classes": ["red round", "red round"]}, "named twice"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_an_impossible_set_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        synthetic_flowers(**arguments)

"""The playground's record and its pure function to a picture."""

import dataclasses
import io
from types import SimpleNamespace

import pytest
from PIL import Image, ImageChops

from t2i_utils.playground.state import State, render

pytest_plugins = ["two_colours"]


def colour(shown, index=0) -> tuple[int, ...]:
    return shown.picture.getpixel((8 * 20 * index + 2 * index + 5, 5))


def test_the_same_state_gives_the_same_picture_and_another_seed_another(painter):
    state = State("red flower", count=3)
    one, two = render(painter, state), render(painter, dataclasses.replace(state))
    assert one.png == two.png
    other = render(painter, dataclasses.replace(state, seed=1))
    assert ImageChops.difference(one.picture, other.picture).getbbox()
    assert Image.open(io.BytesIO(one.png)).size == (3 * 160 + 2 * 2, 160)


@pytest.mark.parametrize(("mix", "red", "blue"), [(0, 255, 0), (25, 191, 64), (100, 0, 255)])
def test_the_slider_goes_from_the_first_caption_to_the_second(painter, mix, red, blue):
    assert colour(render(painter, State("red", "blue", mix, count=1)))[::2] == (red, blue)


def test_without_a_second_caption_the_slider_says_nothing(painter):
    assert render(painter, State("red", "  ", 80)).png == render(painter, State("red")).png


def test_mixing_keeps_each_pictures_noise(painter):
    greens = [[colour(render(painter, State("red", "blue", mix, count=4)), i)[1] for i in range(4)] for mix in (0, 70)]
    assert greens[0] == greens[1]
    assert len(set(greens[0])) == 4


def test_words_that_were_never_seen_are_named(painter):
    assert render(painter, State("red zebra flower", "blue tapir", 10)).note == "ignored: 'zebra', 'tapir'"
    assert render(painter, State("red flower")).note == ""


def test_a_painter_whose_encoder_knows_all_words_ignores_none(painter):
    painter.encoder = SimpleNamespace(encode=painter.encoder.encode)
    assert render(painter, State("red zebra")).note == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mix": 101}, "mix is 101; use a number from 0 to 100"),
        ({"mix": -1}, "mix is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"count": 0}, "count is 0; use a number from 1 to 16"),
        ({"count": 17}, "count is 17"),
    ],
)
def test_a_state_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        State("red", **change)


def test_a_state_cannot_be_changed_by_accident():
    with pytest.raises(dataclasses.FrozenInstanceError):
        State("red").seed = 3

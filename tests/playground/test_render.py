"""The pure function from a state to what is shown, and the sheet that it becomes."""

import dataclasses
import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops

from t2i_utils.interfaces import Text
from t2i_utils.painter import Painter
from t2i_utils.playground.render import GAP, LINE, as_image, render, sheet
from t2i_utils.playground.settings import from_png
from t2i_utils.playground.state import State
from t2i_utils.published import USUAL

pytest_plugins = ["two_colours"]
SIDE = 160  # of a shown picture of 8 pixels


def colours(shown) -> list[list[int]]:
    """Red, green and blue of every picture."""
    return [picture[:, 0, 0].tolist() for picture in shown.pictures]


@pytest.fixture
def other(make_painter) -> Painter:
    """Who paints blue where others paint red."""
    made = make_painter("the other way round")
    encode = made.encoder.encode
    made.encoder.encode = lambda captions: Text(encode(captions).sentence.flip(1))
    return made


def test_the_same_state_gives_the_same_bytes_and_another_seed_another_picture(painter):
    state = State("red flower", count=3)
    one, two = render(state, painter), render(dataclasses.replace(state), painter)
    assert one.png == two.png
    unlike = render(dataclasses.replace(state, seed=1), painter)
    assert ImageChops.difference(one.picture, unlike.picture).getbbox()
    assert Image.open(io.BytesIO(one.png)).size == (3 * SIDE + 2 * GAP, SIDE)


def test_rendering_leaves_the_worlds_randomness_alone(painter):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    render(State("red", seed=5), painter)
    assert torch.equal(torch.rand(3), expected)


def test_what_is_shown_is_what_the_painter_paints(painter):
    shown = render(State("red flower", seed=4, count=3), painter)
    assert torch.equal(torch.stack(shown.pictures), painter.paint(["red flower"] * 3, seed=4))
    assert (shown.labels, shown.note, shown.state) == (("", "", ""), "", State("red flower", seed=4, count=3))


@pytest.mark.parametrize(("mix", "red", "blue"), [(0, 255, 0), (25, 191, 64), (100, 0, 255)])
def test_the_slider_goes_from_the_first_caption_to_the_second(painter, mix, red, blue):
    ((r, _, b),) = colours(render(State("red", "blue", mix, count=1), painter))
    assert (r, b) == (red, blue)


def test_without_a_second_caption_the_slider_says_nothing(painter):
    one, two = render(State("red", "  ", 80), painter), render(State("red"), painter)
    assert colours(one) == colours(two)


def test_mixing_keeps_each_pictures_noise(painter):
    greens = [[g for _, g, _ in colours(render(State("red", "blue", mix, count=4), painter))] for mix in (0, 70)]
    assert greens[0] == greens[1]
    assert len(set(greens[0])) == 4


def test_words_that_were_never_seen_are_named(painter, other):
    assert render(State("red zebra flower", "blue tapir", 10), painter).note == "ignored: 'zebra', 'tapir'"
    assert render(State("red flower"), painter).note == ""
    other.encoder.known = ("red", "zebra")
    note = render(State("red zebra flower", other="b"), painter, other).note
    assert note == f"ignored by {USUAL}: 'zebra'; ignored by b: 'flower'"


def test_a_painter_whose_encoder_knows_all_words_ignores_none(painter):
    painter.encoder = SimpleNamespace(encode=painter.encoder.encode)
    assert render(State("red zebra"), painter).note == ""


def test_a_caption_that_the_encoder_refuses_is_an_error(painter):
    with pytest.raises(ValueError, match="a caption is empty"):
        render(State(" "), painter)


def test_two_painters_take_turns_by_rows_with_the_same_noises(painter, other):
    shown = render(State("red", count=8, painter="a", other="b"), painter, other)
    assert [(r, b) for r, _, b in colours(shown)] == ([(255, 0)] * 4 + [(0, 255)] * 4) * 2
    greens = [g for _, g, _ in colours(shown)]
    assert greens[:4] == greens[4:8]
    assert greens[8:12] == greens[12:]
    assert shown.labels == ("a", "", "", "", "b", "", "", "") * 2
    assert shown.picture.size == (4 * SIDE + 3 * GAP, 4 * (SIDE + LINE) + 3 * GAP)


@pytest.mark.parametrize(
    ("count", "columns"), [(3, 3), (5, 5), (6, 6), (7, 7), (9, 3), (10, 5), (11, 11), (12, 4), (14, 7)]
)
def test_no_picture_of_one_painter_slides_into_a_row_of_the_other(painter, other, count, columns):
    shown = render(State("red", count=count, painter="a", other="b"), painter, other)
    assert shown.columns == columns
    rows = [colours(shown)[start : start + columns] for start in range(0, 2 * count, columns)]
    assert [{(red, blue) for red, _, blue in row} for row in rows] == [{(255, 0)}, {(0, 255)}] * (count // columns)
    blank = [""] * (columns - 1)
    assert shown.labels == ("a", *blank, "b", *blank) * (count // columns)


def test_each_of_two_painters_has_a_chooser_of_its_own(painter, other, likes_green):
    class Refuses:
        name = "nobody"

        def score(self, captions, images):
            raise ValueError("these are not mine")

    state = State("red", count=2, tries=3, painter="a", other="b")
    assert len(render(state, painter, other, likes_green, likes_green).pictures) == 4
    with pytest.raises(ValueError, match="these are not mine"):
        render(state, painter, other, likes_green, Refuses())


def test_one_picture_of_each_of_two_painters_stands_side_by_side(painter, other):
    shown = render(State("red", count=1, painter="a", other="b"), painter, other)
    assert shown.labels == ("a", "b")
    assert shown.picture.size == (2 * SIDE + GAP, SIDE + LINE)


def test_two_painters_labels_tell_who_and_what(painter, other):
    shown = render(State("red flower", count=2, view="words", painter="a", other="b"), painter, other)
    assert shown.labels[::2] == ("a all words", "b all words", "a no 'red': 85", "b no 'red': 85", *shown.labels[8::2])
    strips = render(State("red", "blue", count=3, view="captions", painter="a", other="b"), painter, other)
    assert strips.labels == ("a 0%", "50%", "100%", "b 0%", "50%", "100%")


def test_a_second_painter_is_there_if_and_only_if_the_state_says_so(painter, other):
    with pytest.raises(ValueError, match="other is '', and there is a second painter"):
        render(State("red"), painter, other)
    with pytest.raises(ValueError, match="other is 'b', and there is no second painter"):
        render(State("red", other="b"), painter)


def test_a_sheet_has_every_pixel_as_a_square_on_white():
    pictures = [torch.full((1, 32, 32), level, dtype=torch.uint8) for level in (10, 20, 30)]
    pixels = np.asarray(sheet(pictures, ("", "", ""), 2))
    assert pixels.shape == (2 * 160 + GAP, 2 * 160 + GAP, 3)
    assert (pixels[:160, :160] == 10).all()
    assert (pixels[:160, -160:] == 20).all()
    assert (pixels[-160:, :160] == 30).all()
    assert (pixels[-160:, 160:] == 255).all()
    assert (pixels[160 : 160 + GAP] == 255).all()


def test_nothing_is_smoothed_and_large_pictures_keep_their_size():
    stripes = torch.zeros(3, 200, 200, dtype=torch.uint8)
    stripes[:, :, ::2] = 255
    assert sheet([stripes], ("",), 4).size == (200, 200)
    small = torch.zeros(3, 8, 8, dtype=torch.uint8)
    small[:, :, ::2] = 255
    assert set(np.asarray(sheet([small], ("",), 4)).ravel()) == {0, 255}


def test_a_line_of_labels_stands_under_the_rows_that_have_any():
    pictures = [torch.zeros(3, 8, 8, dtype=torch.uint8)] * 4
    pixels = np.asarray(sheet(pictures, ("", "", "some words", ""), 2))
    assert pixels.shape[0] == 2 * SIDE + LINE + GAP
    ink = (pixels[-LINE:] < 128).all(axis=2)
    assert ink[:, :SIDE].any()
    assert not ink[:, SIDE:].any()


def test_any_text_can_be_a_label():
    pictures = [torch.zeros(3, 8, 8, dtype=torch.uint8)]
    for label in ("\N{CHERRY BLOSSOM}\u202e\0\x1b", "one\ntwo", "x" * 10**4, "مرحبا"):
        assert sheet(pictures, (label,), 1).width == SIDE


def test_pictures_of_two_sizes_are_shown_alike():
    pictures = [torch.zeros(3, 64, 64, dtype=torch.uint8), torch.zeros(3, 8, 8, dtype=torch.uint8)]
    assert sheet(pictures, ("", ""), 2).size == (2 * 128 + GAP, 128)


def test_grey_pictures_become_three_channels():
    grey = torch.arange(4, dtype=torch.uint8).view(1, 2, 2)
    image = as_image(grey)
    assert image.mode == "RGB"
    assert np.asarray(image)[:, :, 2].tolist() == [[0, 1], [2, 3]]


def test_the_png_holds_the_pixels_and_the_state(painter):
    shown = render(State("red", "blue", 30, view="captions", count=5), painter)
    with Image.open(io.BytesIO(shown.png)) as opened:
        assert not ImageChops.difference(opened, shown.picture).getbbox()
    assert from_png(shown.png) == shown.state

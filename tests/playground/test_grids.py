"""Pictures side by side: every pixel where it belongs; PNGs that are there whole or not at all."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from t2i_utils.playground.grids import grid, save_png


def flats(*levels, channels=3, height=2, width=3):
    """One flat picture a level."""
    values = torch.tensor(levels, dtype=torch.uint8)[:, None, None, None]
    return values.expand(-1, channels, height, width)


def test_pictures_stand_in_rows_on_white():
    pixels = np.asarray(grid(flats(10, 20, 30, 40, 50), columns=3, gap=1))
    rows = [
        [10, 10, 10, 255, 20, 20, 20, 255, 30, 30, 30],
        [10, 10, 10, 255, 20, 20, 20, 255, 30, 30, 30],
        [255] * 11,
        [40, 40, 40, 255, 50, 50, 50, 255, 255, 255, 255],
        [40, 40, 40, 255, 50, 50, 50, 255, 255, 255, 255],
    ]
    assert pixels.shape == (5, 11, 3)
    assert pixels.dtype == np.uint8
    for channel in range(3):
        assert pixels[:, :, channel].tolist() == rows


def test_colours_and_places_are_kept():
    images = torch.randint(0, 256, (4, 3, 5, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pixels = np.asarray(grid(images, columns=2, gap=3))
    assert np.array_equal(pixels[8:13, 10:17], images[3].permute(1, 2, 0).numpy())


def test_fewer_pictures_than_columns_need_no_room_for_the_rest():
    assert grid(flats(1, 2), columns=8, gap=2).size == (3 + 2 + 3, 2)
    assert grid(flats(1), columns=8, gap=2).size == (3, 2)


def test_scale_repeats_pixels_and_smooths_nothing():
    images = torch.tensor([[0, 255], [128, 64]], dtype=torch.uint8)[None, None]
    pixels = np.asarray(grid(images, scale=2))[:, :, 0]
    assert pixels.tolist() == [[0, 0, 255, 255], [0, 0, 255, 255], [128, 128, 64, 64], [128, 128, 64, 64]]


def test_grey_pictures_and_the_range_of_networks():
    pixels = np.asarray(grid(flats(77, channels=1)))
    assert pixels.shape == (2, 3, 3)
    assert set(pixels.ravel()) == {77}
    values = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], requires_grad=True)[:, None, None, None]
    painted = np.asarray(grid(values.expand(-1, 3, 1, 1), columns=5, gap=0))
    assert painted[0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_a_png_holds_the_pixels_and_what_they_show(tmp_path):
    picture = grid(flats(10, 20))
    path = save_png(picture, tmp_path / "new" / "folder" / "p.png", "two flowers, seed 3")
    with Image.open(path) as opened:
        assert opened.format == "PNG"
        assert opened.text == {"Description": "two flowers, seed 3"}
        assert np.array_equal(np.asarray(opened), np.asarray(picture))
    assert [found.name for found in path.parent.iterdir()] == ["p.png"]


def test_a_png_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    path = save_png(grid(flats(10)), tmp_path / "p.png")
    before = path.read_bytes()

    def full(handle):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for name in ("p.png", "q.png"):
        with pytest.raises(OSError, match="no space"):
            save_png(grid(flats(99)), tmp_path / name)
    assert [found.name for found in tmp_path.iterdir()] == ["p.png"]
    assert path.read_bytes() == before

"""Pictures of every kind become one kind."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from t2i_utils.data.pictures import (
    BrokenPictureError,
    from_jpeg,
    open_picture,
    prepare,
    squash,
    stored_side,
    to_array,
    to_channels,
    to_jpeg,
)
from t2i_utils.data.source import Caption


@pytest.mark.parametrize(("size", "side"), [(64, 76), (128, 152), (256, 304), (32, 38), (16, 19), (30, 36)])
def test_pictures_are_stored_with_room_for_crops(size, side):
    assert stored_side(size) == stored_side(size, size - 1) == side
    assert stored_side(size, native_size=size) == size


@pytest.mark.parametrize(
    ("picture", "name", "color"),
    [
        (Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "cmyk.jpg", (255, 0, 0)),
        (Image.new("L", (4, 4), 90), "grey.png", (90, 90, 90)),
        (Image.new("1", (4, 4), 1), "bits.png", (255, 255, 255)),
        (Image.new("RGBA", (4, 4), (0, 0, 255, 0)), "clear.png", (255, 255, 255)),
        (Image.new("LA", (4, 4), (0, 0)), "clear_grey.png", (255, 255, 255)),
        (Image.new("RGB", (4, 4), "lime").quantize(4), "palette.png", (0, 255, 0)),
        (Image.fromarray(np.full((4, 4), 25700, np.uint16)), "sixteen.png", (100, 100, 100)),
        (Image.fromarray(np.full((4, 4), 65535, np.uint16)), "sixteen.tiff", (255, 255, 255)),
        (Image.fromarray(np.full((4, 4), 0.5, np.float32)), "float.tiff", (128, 128, 128)),
    ],
)
def test_every_mode_becomes_rgb(picture, name, color, tmp_path):
    picture.save(tmp_path / name)
    found = open_picture(tmp_path / name)
    assert found.mode == "RGB"
    assert np.abs(to_array(found, 3).astype(int) - color).max() <= 2


def test_sixteen_bits_are_scaled_not_clipped():
    ramp = Image.fromarray(np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16))
    assert np.array_equal(to_array(to_channels(ramp, 1), 1).ravel(), np.arange(256))


def test_a_palette_with_a_clear_entry_lies_on_white(tmp_path):
    picture = Image.new("P", (2, 2), 0)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.save(tmp_path / "clear.gif", transparency=0)
    assert open_picture(tmp_path / "clear.gif").getpixel((0, 0)) == (255, 255, 255)


def test_a_turned_photo_stands_upright(tmp_path):
    picture = Image.new("RGB", (8, 4))
    picture.paste("red", (0, 0, 4, 4))
    exif = picture.getexif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees clockwise to see it
    picture.save(tmp_path / "turned.png", exif=exif)
    found = open_picture(tmp_path / "turned.png")
    assert found.size == (4, 8)
    assert found.getpixel((0, 0)) == (255, 0, 0)
    assert found.getpixel((0, 7)) == (0, 0, 0)


def broken_files(folder):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(folder / "whole.jpg")
    whole = (folder / "whole.jpg").read_bytes()
    (folder / "short.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("this is not a picture")
    (folder / "empty.jpg").touch()
    Image.new("RGB", (64, 64), "red").save(folder / "whole.png")
    damaged = bytearray((folder / "whole.png").read_bytes())
    damaged[60] ^= 255
    (folder / "damaged.png").write_bytes(damaged)
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(folder / "nan.tiff")
    return ["short.jpg", "text.jpg", "empty.jpg", "damaged.png", "nan.tiff", "not_there.jpg"]


def test_broken_files_say_why_without_their_path(tmp_path):
    for name in broken_files(tmp_path):
        with pytest.raises(BrokenPictureError) as error:
            open_picture(tmp_path / name)
        assert str(tmp_path) not in str(error.value)


def test_a_worker_reports_a_broken_file_and_goes_on(tmp_path):
    names = broken_files(tmp_path)
    tasks = [(tmp_path / name, (Caption("a flower"),)) for name in [*names, "whole.jpg"]]
    found = prepare(tasks, side=19, channels=3, jpeg=False)
    assert [one.pixels is None for one in found] == [True] * len(names) + [False]
    assert all(one.problem for one in found[:-1])
    assert found[-1].pixels.shape == (19, 19, 3)


def test_a_mistake_in_a_picture_function_is_not_taken_for_a_broken_picture():
    with pytest.raises(ZeroDivisionError):
        prepare([(lambda size: 1 // 0, (Caption("a flower"),))], side=19, channels=3, jpeg=False)


def test_squash_keeps_the_whole_picture():
    wide = Image.new("RGB", (40, 20), "blue")
    wide.paste("red", (0, 0, 20, 20))
    found = to_array(squash(wide, 10), 3)
    assert found.shape == (10, 10, 3)
    assert (found[:, 0] == (255, 0, 0)).all()
    assert (found[:, -1] == (0, 0, 255)).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_there_and_back(channels):
    smooth = np.linspace(40, 200, 32 * 32 * channels).reshape(32, 32, channels).astype(np.uint8)
    image = Image.fromarray(smooth if channels == 3 else smooth[..., 0])
    back = from_jpeg(to_jpeg(image), channels)
    assert back.shape == smooth.shape
    assert np.abs(back.astype(int) - smooth).max() <= 6


def test_workers_start_without_torch():
    code = "import sys, t2i_utils.data.pictures; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""A state inside a PNG: it comes back, and nothing that anybody puts into a file does harm."""

import io
import json
import random
import struct
import zlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from t2i_utils.playground import settings
from t2i_utils.playground.settings import CHUNK, from_png, to_png
from t2i_utils.playground.state import State, as_numbers

PICTURE = Image.radial_gradient("L").resize((64, 64)).convert("RGB")
STATE = State("red", "blue", 30, 2**53 - 1, 5, 0.7, "captions", 1, "flowers", "digits")
HEAD = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes, size=(1, 1)) -> bytes:
    """A PNG of one grey pixel with further chunks before it."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    return HEAD + head + b"".join(chunks) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def text(told: str | bytes, kind: bytes = b"tEXt") -> bytes:
    """A chunk with our name, in any of PNG's three ways."""
    told = told.encode() if isinstance(told, str) else told
    begin, end = {
        b"tEXt": (b"\0", told),
        b"zTXt": (b"\0\0", zlib.compress(told, 9)),
        b"iTXt": (b"\0\1\0\0\0", zlib.compress(told, 9)),
    }[kind]
    return chunk(kind, CHUNK.encode() + begin + end)


@pytest.mark.parametrize(
    "state", [STATE, State("red"), State('<b>"\\\n\0\N{CHERRY BLOSSOM}\u202e'), State("ü" * 500, "界" * 500)]
)
def test_a_state_comes_back_from_a_picture(state):
    data = to_png(PICTURE, state)
    assert from_png(data) == state
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        assert opened.text["Description"] == state.caption
        assert opened.tobytes() == PICTURE.tobytes()


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
def test_any_of_pngs_texts_is_read(kind):
    assert from_png(png(text(json.dumps(as_numbers(STATE)), kind))) == STATE


def test_a_picture_that_another_program_saved_anew_says_what_it_lost():
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(to_png(PICTURE, STATE))) as opened:
        opened.save(buffer, "PNG", pnginfo=PngInfo())
    with pytest.raises(ValueError, match="the PNG holds no settings; only pictures saved by the playground do"):
        from_png(buffer.getvalue())


def other_format(name: str) -> bytes:
    buffer = io.BytesIO()
    PICTURE.save(buffer, name)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 1000,
        b"<html>not found</html>",
        HEAD,
        HEAD + b"\0" * 100,
        png()[:20],
        to_png(PICTURE, STATE)[:60],
        png(chunk(b"IHDR", b"")),
        png(chunk(b"cHRM", b"12345")),
        png(size=(2**31 - 1, 2**31 - 1)),
        other_format("GIF"),
        other_format("JPEG"),
        other_format("TIFF"),
    ],
    ids=range(13),
)
def test_what_is_no_whole_png_is_refused(data):
    with pytest.raises(ValueError, match=r"the (file is no PNG|file cannot be read as PNG|PNG holds no settings)"):
        from_png(data)


def test_a_file_that_is_too_large_is_not_looked_into(monkeypatch):
    monkeypatch.setattr(settings, "LARGEST", 1000)
    with pytest.raises(ValueError, match=r"the file has 1,001 bytes; pictures of the playground have less than 1,000"):
        from_png(b"x" * 1001)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_text_that_unpacks_to_many_megabytes_is_refused(kind):
    bomb = png(text(b"[" + b" " * 20_000_000, kind))
    assert len(bomb) < 100_000
    with pytest.raises(ValueError, match=r"the file (is no PNG|cannot be read as PNG)"):
        from_png(bomb)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[" * 900_000, "no JSON"),
        ('{"caption":' * 90_000, "no JSON"),
        (b"\xff\xfe", "no JSON"),
        ('{"caption": "red", "seed": ' + "9" * 10_000 + "}", "no JSON"),
        ("[" * 100 + "]" * 100, "settings are"),
        ("null", "settings are None"),
        ("NaN", "settings are nan"),
        ('"' + "x" * 900_000 + '"', "settings are 'xx"),
        ("{}", "settings have no caption"),
        ('{"caption": "red", "__class__": 1}', "settings name '__class__'"),
        ('{"caption": "red", "seed": NaN}', "seed is nan"),
        ('{"caption": "red", "seed": 1e400}', "seed is inf"),
        ('{"caption": "red", "seed": ' + "9" * 4000 + "}", "seed is an enormous number"),
        ('{"caption": "red", "count": 17}', "count is 17"),
        ('{"caption": "red", "count": true}', "count is True"),
        ('{"caption": "red", "count": [8]}', r"count is \[8\]"),
        ('{"caption": "red", "truncation": Infinity}', "truncation is inf"),
        ('{"caption": "red", "truncation": "0.7"}', "truncation is '0.7'"),
        ('{"caption": null}', "caption is None"),
        ('{"caption": "' + "x" * 501 + '"}', "caption has 501 characters"),
        ('{"caption": "\\ud800"}', "half a character"),
        ('{"caption": "red", "view": "../../etc/passwd"}', "view is"),
    ],
    ids=range(24),
)
def test_settings_that_no_state_can_have_are_refused_in_a_few_words(told, message):
    with pytest.raises(ValueError, match=message) as raised:
        from_png(png(text(told)))
    assert len(str(raised.value)) < 300


def test_a_file_with_any_damage_gives_a_state_or_an_error_that_says_so():
    """300 files with one to eight bytes replaced, taken out or put in, most of them in the text."""
    whole, rng = to_png(PICTURE.resize((4, 4)), STATE), random.Random(0)
    said = {"state": 0, "error": 0}
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            place = rng.randrange(len(data))
            data[place : place + rng.randint(0, 2)] = rng.randbytes(rng.randint(0, 2))
        if rng.random() < 0.5:
            data = repaired(data)
        try:
            said["state"] += isinstance(from_png(bytes(data)), State)
        except ValueError as error:
            said["error"] += bool(str(error))
    assert sum(said.values()) == 300
    assert min(said.values()) > 10, said


def repaired(data: bytearray) -> bytes:
    """The same file with right checksums, so that damage is met behind them."""
    fixed, place = data[:8], 8
    while place + 12 <= len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        end = place + 8 + length
        if end + 4 > len(data):
            break
        fixed += data[place:end] + struct.pack(">I", zlib.crc32(data[place + 4 : end]))
        place = end + 4
    return bytes(fixed + data[place:])

"""A playground's state inside the PNG that it gave: whoever has the picture can go on from it."""

from __future__ import annotations

import io
import json

from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from t2i_utils.playground.state import State, as_numbers, from_numbers

CHUNK = "t2i_utils"  # the name of the text chunk
LARGEST = 20_000_000  # bytes of a file that is looked into; ours have some hundred thousand


def to_png(picture: Image.Image, state: State) -> bytes:
    """A picture as PNG file, with the state that it shows as UTF-8 text inside."""
    told = PngInfo()
    told.add_itxt(CHUNK, json.dumps(as_numbers(state)))
    told.add_itxt("Description", state.caption)  # what picture viewers show
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=told, compress_level=1)  # of 50 ms a picture the usual 6 took 33, for an eighth
    return buffer.getvalue()


def from_png(data: bytes) -> State:
    """The state inside a PNG file that a playground saved.

    Args:
        data: the file's bytes, from anybody: nothing but the text is used, no pixel is decoded.

    Raises:
        ValueError: for a file that is no PNG, too large, without settings, or with settings that no state can have.
    """
    if len(data) > LARGEST:
        raise ValueError(f"the file has {len(data):,} bytes; pictures of the playground have less than {LARGEST:,}")
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            told = picture.info.get(CHUNK)
    except UnidentifiedImageError as error:
        raise ValueError("the file is no PNG, or only part of one; choose a picture saved by the playground") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"the file cannot be read as PNG ({error}); save a picture of the playground anew") from error
    if told is None:
        raise ValueError("the PNG holds no settings; only pictures saved by the playground do (some sites remove them)")
    try:
        numbers = json.loads(told)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the PNG's settings are no JSON ({str(error)[:80]}); save the picture anew") from error
    return from_numbers(numbers)

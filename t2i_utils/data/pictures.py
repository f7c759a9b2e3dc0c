"""Pictures of every kind to one kind: a uint8 square of a fixed side.

The builder's workers import this module alone, so it must never import torch: starting them has to be quick.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from t2i_utils.data.captions import repair_all
from t2i_utils.data.source import Caption

JPEG_QUALITY = 95

Task = tuple[Path | Callable[[int], Image.Image], tuple[Caption, ...]]  # a picture and its captions, as in Example


class BrokenPictureError(ValueError):
    """A file that holds no whole picture; the message says what is wrong, without the file's path."""


@dataclass(frozen=True)
class Prepared:
    """One example ready to be stored.

    Attributes:
        pixels: uint8 [side, side, channels], or [bytes] of a JPEG, or None where it cannot be stored.
        captions: repaired, without the empty ones.
        problem: why there are no pixels; "" if there are.
    """

    pixels: np.ndarray | None
    captions: tuple[Caption, ...]
    problem: str = ""


def stored_side(size: int, native_size: int | None = None) -> int:
    """Side in pixels at which pictures for training at `size` pixels are stored: room for a random crop.

    Pictures that have exactly this size already (`native_size`, of a Source) are stored as they are.

    From: Reed et al., Generative Adversarial Text to Image Synthesis, 2016: 76 pixels for crops of 64.
    """
    return size if size == native_size else -(-size * 76 // 64)


def open_picture(path: Path, channels: int = 3) -> Image.Image:
    """A picture file as RGB (channels 3) or grey (1), upright, 8 bits, on white where it was transparent.

    Args:
        path: anything that Pillow reads: CMYK, palette, 16-bit, float, transparent and turned (EXIF) pictures too.
        channels: 3 or 1.

    Raises:
        BrokenPictureError: for a missing, truncated or unreadable file.
    """
    if not path.is_file():
        raise BrokenPictureError("the file is missing")
    try:
        with Image.open(path) as image:
            image.load()
            return to_channels(ImageOps.exif_transpose(image), channels)
    except Image.UnidentifiedImageError as error:  # its own message holds the path, which is not the data's business
        raise BrokenPictureError("the file is not a picture") from error
    except (
        Exception
    ) as error:  # damaged files raise nearly anything in Pillow: SyntaxError, struct.error, IndexError ...
        raise BrokenPictureError(f"the file is damaged: {error}") from error


def to_channels(image: Image.Image, channels: int) -> Image.Image:
    """A picture in any of Pillow's modes as 8-bit RGB (channels 3) or grey (1), on white where it was transparent."""
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("L" if channels == 1 else "RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and float grey scaled into 0..255: Pillow's own conversion would clip at 255."""
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("its numbers are not finite")
    highest = values.max()
    if image.mode == "F":
        top = next(limit for limit in (1, 255, 65535, max(highest, 65536)) if highest <= limit)
    else:  # mode I holds the 16 bits of PGM files as well as true 32-bit numbers
        top = 65535 if highest <= 65535 else 2**31 - 1
    return Image.fromarray(np.clip(values * (255 / top) + 0.5, 0, 255).astype(np.uint8))


def squash(image: Image.Image, side: int) -> Image.Image:
    """The whole picture as a square of `side` pixels, its proportions given up (Reed's rule); bicubic, anti-aliased."""
    return image if image.size == (side, side) else image.resize((side, side), Image.Resampling.BICUBIC)


def to_array(image: Image.Image, channels: int) -> np.ndarray:
    """uint8 [height, width, channels] of an RGB or grey picture."""
    return np.array(image, dtype=np.uint8).reshape(image.height, image.width, channels)


def to_jpeg(image: Image.Image) -> np.ndarray:
    """uint8 [bytes] of a JPEG without chroma subsampling, which would smear petals into their background."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return np.frombuffer(buffer.getvalue(), dtype=np.uint8)


def from_jpeg(data: np.ndarray, channels: int) -> np.ndarray:
    """uint8 [side, side, channels] of what `to_jpeg` stored as uint8 [bytes]."""
    with Image.open(io.BytesIO(data.tobytes())) as image:
        return to_array(image, channels)


def prepare(
    tasks: Sequence[Task],
    side: int,
    channels: int,
    jpeg: bool,
) -> list[Prepared]:
    """What one worker does to a run of examples: decode or render, squash, encode; repair their captions.

    Args:
        tasks: picture (a file, or a function from a size in pixels to a picture) and captions of each example.
        side: at which pictures are stored, in pixels.
        channels: 3 or 1.
        jpeg: True for [bytes] of a JPEG, False for raw pixels.

    Returns:
        One Prepared a task, in order. A picture function's own mistakes are not caught: they are not the data's fault.
    """
    return [_prepare(picture, captions, side, channels, jpeg) for picture, captions in tasks]


def _prepare(picture, captions: tuple[Caption, ...], side: int, channels: int, jpeg: bool) -> Prepared:
    kept = repair_all(captions)
    if not kept:
        problem = f"none of its {len(captions)} captions holds a word" if captions else "it has no captions"
        return Prepared(None, kept, problem)
    try:
        image = open_picture(picture, channels) if isinstance(picture, Path) else to_channels(picture(side), channels)
    except BrokenPictureError as error:
        return Prepared(None, kept, str(error))
    image = squash(image, side)
    return Prepared(to_jpeg(image) if jpeg else to_array(image, channels), kept)

"""Files of the idx kind, in which MNIST and its relatives are published: a short header, then bytes."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

GZIP = b"\x1f\x8b"
BYTES = 0x0800  # the second half of the magic number: unsigned bytes, and below it the number of axes


def read_idx(path: Path, shape: tuple[int, ...], most: int) -> np.ndarray:
    """Every item of an idx file of bytes, whether it is packed by gzip or not.

    The header is believed only where it says what is expected, so that a wrong one takes no memory.

    Args:
        path: of the file.
        shape: of one item, e.g. (28, 28) for a picture and () for a label.
        most: how many items such a file can hold.

    Returns:
        uint8 [items, *shape], read-only.

    Raises:
        ValueError: naming the file, for another kind of file, another shape or number, or one that is cut or damaged.
    """
    again = f"fetch {path.name} again"
    try:
        with _open(path) as file:
            header = file.read(4 * (2 + len(shape)))
            count = _read_header(path, header, shape, most)
            size = count * math.prod(shape)
            data = file.read(size + 1)  # one more, which must not be there; at its end gzip compares its checksum
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is cut short or damaged ({error}); {again}") from error
    if len(data) != size:
        found = f"ends after {len(data):,} of their bytes" if len(data) < size else "goes on after them"
        raise ValueError(f"{path} says that it holds {count:,} items of {size:,} bytes in all, but {found}; {again}")
    return np.frombuffer(data, np.uint8).reshape(count, *shape)


def _open(path: Path):
    """The file's unpacked bytes; what it begins with decides, as browsers unpack files and keep their names."""
    with open(path, "rb") as file:
        packed = file.read(2) == GZIP
    return gzip.open(path, "rb") if packed else open(path, "rb")


def _read_header(path: Path, header: bytes, shape: tuple[int, ...], most: int) -> int:
    """The number of items, once all that the header says is what it should."""
    expected = BYTES + 1 + len(shape)
    magic = int.from_bytes(header[:4], "big")
    if len(header) >= 4 and magic != expected:
        raise ValueError(
            f"{path} begins with the magic number {magic}, where an idx file of this kind has {expected}; "
            f"put the file there that is published as {path.name}"
        )
    if len(header) < 4 * (2 + len(shape)):
        raise ValueError(f"{path} ends after {len(header)} bytes, within its header; fetch {path.name} again")
    count, *found = struct.unpack(f">{1 + len(shape)}I", header[4:])
    if tuple(found) != shape:
        here, wanted = (" x ".join(map(str, sides)) for sides in (found, shape))
        raise ValueError(f"{path} holds items of {here} bytes, not of {wanted}; put the published {path.name} there")
    if not 1 <= count <= most:
        raise ValueError(f"{path} says that it holds {count:,} items, of 1 to {most:,}; fetch {path.name} again")
    return count

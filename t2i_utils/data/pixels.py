"""Stored pictures back from an HDF5 file, and crops of them, by numpy alone: loading and streaming share every line."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from t2i_utils.data.pictures import from_jpeg, squash, stored_side, to_array
from t2i_utils.data.sealed import blocks, open_data, open_handle, telling_damage


class StoredPixels:
    """The pictures of one split, read when they are asked for; it can be sent to another process.

    Attributes:
        path: of a file made by `build`.
        rows: int64 [pictures], the rows of this split in the file.
        side: in pixels, of what `read` gives.
        channels: 3 or 1.
    """

    def __init__(self, path: Path, rows: np.ndarray, image_size: int | None = None) -> None:
        """image_size: pixels of crops to come, at most the file's own, which is meant if none is given.

        Raises:
            FileNotFoundError, ValueError: as `open_data`, and for an image_size above the file's.
        """
        self.path, self.rows = Path(path), rows
        with open_data(self.path) as file:
            built, side, self.channels = (int(file.attrs[name]) for name in ("image_size", "side", "channels"))
            self._jpeg = file.attrs["encoding"] == "jpeg"
        self.image_size = built if image_size is None else image_size
        if not 1 <= self.image_size <= built:
            raise ValueError(
                f"{path} was built for {built} pixels, not for {image_size}; use at most {built} or build it larger"
            )
        self._same = self.image_size == built
        # pictures without room for crops have none when they are made smaller either
        self.side = side if self._same else stored_side(self.image_size, self.image_size if side == built else None)
        self._handle: tuple[int, h5py.Dataset] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_handle": None}

    @property
    def nbytes(self) -> int:
        """Bytes of all pictures of the split, decoded."""
        return len(self.rows) * self.side * self.side * self.channels

    def read(self, positions: np.ndarray) -> np.ndarray:
        """uint8 [n, side, side, channels] of the pictures at `positions`, int64 [n] within the split, in any order."""
        rows, back = np.unique(self.rows[positions], return_inverse=True)  # rising: the disk is read in one direction
        with telling_damage(self.path):
            return self._decode(self._stored(rows))[back]

    def read_all(self) -> np.ndarray:
        """uint8 [pictures, side, side, channels], all pictures of the split in order."""
        pixels = np.empty((len(self), self.side, self.side, self.channels), np.uint8)
        start = done = 0
        # Whole blocks, from which rows are picked: h5py takes minutes for thousands of single rows.
        with open_data(self.path) as file:
            for block in blocks(file["images"]):
                inside = self.rows[(self.rows >= start) & (self.rows < start + len(block))] - start
                pixels[done : done + len(inside)] = self._decode(block[inside])
                start, done = start + len(block), done + len(inside)
        return pixels

    def _stored(self, rows: np.ndarray) -> np.ndarray:
        """Rows of the table as they are: uint8 [n, side, side, channels], or [n] arrays of a JPEG's bytes."""
        images = self._images()
        if self._jpeg:
            stored = np.empty(len(rows), object)
            stored[:] = [images[row] for row in rows]
            return stored
        # A picture is a chunk of its own, without filters. Through h5py's selections 64 of them take 100 ms.
        chunks = [images.id.read_direct_chunk((int(row), 0, 0, 0))[1] for row in rows]
        return np.frombuffer(b"".join(chunks), np.uint8).reshape(len(rows), *images.shape[1:])

    def _images(self) -> h5py.Dataset:
        """The table, by this process's own handle: one that was opened before a fork must not be used after it."""
        if self._handle is None or self._handle[0] != os.getpid():
            self._handle = os.getpid(), open_handle(self.path)["images"]
        return self._handle[1]

    def _decode(self, stored: np.ndarray) -> np.ndarray:
        """uint8 [n, side, side, channels] of rows as they are stored, made smaller where that was asked for."""
        pixels = _stack(lambda data: from_jpeg(data, self.channels), stored) if self._jpeg else stored
        return pixels if self._same or not len(pixels) else _stack(self._shrink, pixels)

    def _shrink(self, picture: np.ndarray) -> np.ndarray:
        image = Image.fromarray(picture if self.channels == 3 else picture[..., 0])
        return to_array(squash(image, self.side), self.channels)


def _stack(work: Callable[[np.ndarray], np.ndarray], items: np.ndarray) -> np.ndarray:
    """[n, ...] of what `work` makes of each item, on every core: Pillow lets go of Python's lock."""
    if len(items) < 8:
        return np.stack([work(item) for item in items]) if len(items) else np.empty(0, np.uint8)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.stack(list(pool.map(work, items)))


def crop(images: np.ndarray, index: np.ndarray, top: np.ndarray, left: np.ndarray, size: int) -> np.ndarray:
    """Squares of pictures, one row of memory at a time: ten times faster than indexing single bytes.

    Args:
        images: uint8 [n, side, side, channels], contiguous.
        index, top, left: int64 [batch]: which picture, and the square's upper left pixel.
        size: of the squares in pixels.

    Returns:
        uint8 [batch, size, size, channels], contiguous.
    """
    count, side, _, channels = images.shape
    # Every run of `size` pixels that lies in one line of a picture, as one opaque element: [n, line, first pixel].
    runs = np.ndarray(
        (count, side, side - size + 1),
        f"V{size * channels}",
        images,
        strides=(side * side * channels, side * channels, channels),
    )
    lines = top[:, None] + np.arange(size)
    return runs[index[:, None], lines, left[:, None]].view(np.uint8).reshape(len(index), size, size, channels)

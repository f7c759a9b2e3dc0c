"""Opening, sealing and replacing the project's HDF5 files, so that half of one is never taken for whole.

What lies in such a file is told in `hdf5.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

FORMAT, FORMAT_VERSION = "t2i_utils", 1
# Old enough for every HDF5 that people have, new enough that the file checks its own structure by checksums.
LIBVER = ("v110", "v110")
SEALED = (
    "format_version", "dataset", "source_version", "image_size", "side", "channels", "encoding",
    "class_names", "attributes",
)  # fmt: skip
TABLES = (
    "images", "names", "classes", "splits", "attributes", "captions", "caption_picture", "caption_offsets", "states",
    "left_out",
)  # fmt: skip
BLOCK_BYTES = 2**24


def rebuild(path: Path, dataset: str = "DATASET") -> str:
    """The command that makes a file anew, for error messages."""
    return f"build it again: python -m t2i_utils build {dataset} --root DIR --size N --out {path}"


@contextmanager
def open_data(path: Path) -> Iterator[h5py.File]:
    """Open a file made by `build` for reading.

    Hashes are not compared (that is `verify`'s work); that the file is whole, is ours and has all its tables is.

    Raises:
        FileNotFoundError: if nothing is there.
        ValueError: for a truncated, half-written, damaged or foreign file, and for one of a newer format.
    """
    with open_handle(Path(path)) as file, telling_damage(Path(path)):
        yield file


@contextmanager
def telling_damage(path: Path) -> Iterator[None]:
    """What HDF5 or Pillow says while a damaged file is read, as a ValueError that names the file and the way out."""
    try:
        yield
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"{path} is damaged ({error}); {rebuild(path)}") from error


def open_handle(path: Path) -> h5py.File:
    """What `open_data` opens, for a caller that closes it; errors as there."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is {'a folder' if path.is_dir() else 'not there'}; {rebuild(path)}")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path} is no HDF5 file, or was cut short ({error}); {rebuild(path)}") from error
    try:
        with telling_damage(path):
            _check_layout(file, path)
    except ValueError:
        file.close()
        raise
    return file


def _check_layout(file: h5py.File, path: Path) -> None:
    if file.attrs.get("format") != FORMAT:
        raise ValueError(f"{path} is an HDF5 file, but not one that t2i_utils built; {rebuild(path)}")
    version = file.attrs["format_version"]
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} has format {version}, this library reads {FORMAT_VERSION}; update t2i_utils or {rebuild(path)}"
        )
    missing = [name for name in TABLES if name not in file]
    if missing or not file.attrs.get("complete", False):
        raise ValueError(
            f"{path} was never finished (missing: {', '.join(missing) or 'its end mark'}); {rebuild(path)}"
        )


def content_hash(file: h5py.File) -> str:
    """sha256 of the tables and of the attributes that belong to the data; the same for the same data on any machine."""
    sealed = {name: file.attrs[name] for name in SEALED}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in sealed.items()}
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
    for name in TABLES:
        table = file[name]
        digest.update(f"{name} {list(table.shape)}".encode())
        for block in blocks(table):
            if table.dtype.hasobject:  # texts as bytes, JPEGs as arrays: each with its length, or two could trade bytes
                for item in block.ravel():
                    digest.update(len(item).to_bytes(8, "little"))
                    digest.update(item)
            else:
                digest.update(np.ascontiguousarray(block.astype(block.dtype.newbyteorder("<"), copy=False)))
    return digest.hexdigest()


def attributes_hash(file: h5py.File) -> str:
    """sha256 of every attribute of the file itself, those too that are told to people and do not change the data."""
    told = {name: str(value) for name, value in file.attrs.items() if name != "seal"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def blocks(table: h5py.Dataset) -> Iterator[np.ndarray]:
    """A table's rows from first to last, in arrays of about 16 MB."""
    row_bytes = table.dtype.itemsize * int(np.prod(table.shape[1:], dtype=np.int64))
    step = 256 if table.dtype.hasobject else max(1, BLOCK_BYTES // max(1, row_bytes))
    for start in range(0, len(table), step):
        yield table[start : start + step]

"""A data set's source to one HDF5 file: both cores prepare, one process writes, and only a whole file gets its name."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
from tqdm.auto import tqdm

from t2i_utils import __version__
from t2i_utils.data.parallel import in_order
from t2i_utils.data.pictures import Prepared, prepare, stored_side
from t2i_utils.data.sealed import FORMAT, FORMAT_VERSION, LIBVER, attributes_hash, content_hash
from t2i_utils.data.source import SPLITS, Example, Source
from t2i_utils.whole import writing_whole

SMALLEST, LARGEST, LARGEST_RAW = 16, 1024, 128
USUAL_SIZE = 64
TEXT = h5py.string_dtype()


@dataclass(frozen=True)
class BuildReport:
    """What was stored, and what was not.

    Attributes:
        path: of the file.
        dataset: its name.
        fingerprint: sha256 of the data.
        pictures: how many, by split.
        captions: how many.
        dropped_captions: how many of the kept pictures' captions were empty once repaired.
        left_out: (name, reason) of each example that could not be stored.
        notes: what the source says that a person should know.
        megabytes, seconds: what it took.
    """

    path: Path
    dataset: str
    fingerprint: str
    pictures: dict[str, int]
    captions: int
    dropped_captions: int
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    megabytes: float
    seconds: float

    def __str__(self) -> str:
        splits = ", ".join(f"{count:,} {split}" for split, count in self.pictures.items())
        lines = [
            f"{self.path}: {self.dataset}, {sum(self.pictures.values()):,} pictures ({splits}), "
            f"{self.captions:,} captions, {self.megabytes:,.1f} MB in {self.seconds:.1f} s; "
            f"sha256 {self.fingerprint[:12]}"
        ]
        lines += [f"  note: {note}" for note in self.notes]
        if self.dropped_captions:
            lines.append(f"  {self.dropped_captions:,} captions were empty once repaired and were dropped")
        lines += [f"  left out {name}: {reason}" for name, reason in self.left_out]
        return "\n".join(lines)


def build(
    source: Source,
    out: Path,
    size: int | None = None,
    *,
    encoding: Literal["auto", "raw", "jpeg"] = "auto",
    workers: int | None = None,
    progress: bool = True,
) -> BuildReport:
    """Store a data set for training at `size` pixels, in the format that `hdf5.py` describes.

    Pictures that cannot be decoded and examples without a caption are left out and reported. A failure of any other
    kind, or Ctrl-C, leaves no file behind and one that was there before untouched.

    Args:
        source: what a reader of `datasets.py` gives.
        out: the file; its folder is made if it is not there.
        size: pixels of training pictures, 16 to 1024; they are stored a little larger, for crops, or as they are where
            this is the source's native size. The native size is meant if none is given, or 64.
        encoding: "raw" reads fastest, "jpeg" is some ten times smaller; "auto" is what the source prefers, else raw up
            to 128 pixels.
        workers: processes; as many as there are cores, or 1 for a small set, if not given. 1 works in this process.
        progress: show a bar.

    Raises:
        ValueError: for a size or encoding that cannot be, a source that contradicts itself, or nothing left to store.
        RuntimeError: if a worker was killed.
    """
    start, out = time.monotonic(), Path(out)
    size = usual_size(source) if size is None else size
    _check(source, size, encoding)
    if out.is_dir():
        raise ValueError(f"{out} is a folder; name a file in it, e.g. {out / (source.name + '.h5')}")
    side, jpeg = stored_side(size, source.native_size), _as_jpeg(source, size, encoding)
    work = partial(prepare, side=side, channels=source.channels, jpeg=jpeg)
    out.parent.mkdir(parents=True, exist_ok=True)
    with (
        writing_whole(out) as temporary,
        h5py.File(temporary, "w", libver=LIBVER) as file,
        closing(in_order(source.examples, work, workers)) as prepared,
    ):
        bar = tqdm(
            prepared, total=len(source.examples), desc=f"building {source.name}", unit="picture", disable=not progress
        )
        kept, left_out = _write_pictures(file, source, bar, side, jpeg)
        if not kept:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out[:3])
            raise ValueError(
                f"nothing of {source.name} can be stored, so no file was written ({reasons or 'it has no examples'})"
            )
        _write_tables(file, source, kept, left_out)
        fingerprint = _seal(file, source, size, side, jpeg)
    return BuildReport(
        path=out,
        dataset=source.name,
        fingerprint=fingerprint,
        pictures={split: sum(example.split == split for example, _ in kept) for split in SPLITS},
        captions=sum(len(found.captions) for _, found in kept),
        dropped_captions=sum(len(example.captions) - len(found.captions) for example, found in kept),
        left_out=tuple(left_out),
        notes=source.notes,
        megabytes=out.stat().st_size / 1e6,
        seconds=time.monotonic() - start,
    )


def usual_size(source: Source) -> int:
    """Pixels at which a source is built if nobody says otherwise: those that its pictures have, or 64."""
    return source.native_size or USUAL_SIZE


def _as_jpeg(source: Source, size: int, encoding: str) -> bool:
    """Whether pictures are stored as JPEG: what was asked for, what the source prefers, what their size suggests."""
    wanted = source.encoding if encoding == "auto" else encoding
    return wanted == "jpeg" or (wanted == "auto" and size > LARGEST_RAW)


def _check(source: Source, size: int, encoding: str) -> None:
    """Refuse what could not be built before an hour of decoding, not after it."""
    if isinstance(size, bool) or not isinstance(size, int) or not SMALLEST <= size <= LARGEST:
        raise ValueError(
            f"pictures of {size!r} pixels cannot be built; use a whole number from {SMALLEST} to {LARGEST}, e.g. 64"
        )
    for name in (encoding, source.encoding):
        if name not in ("auto", "raw", "jpeg"):
            raise ValueError(f"no encoding is called {name!r}; use auto, raw or jpeg")
    if source.channels not in (1, 3):
        raise ValueError(f"{source.name} has {source.channels} channels; pictures have 3 (colour) or 1 (grey)")
    double = [name for name, count in Counter(example.name for example in source.examples).items() if count > 1]
    if double:
        raise ValueError(f"{source.name} holds two examples called {double[0]!r}; names must be unique")
    for example in source.examples:
        if example.split not in SPLITS:
            raise ValueError(f"{example.name} is in split {example.split!r}; splits are {', '.join(SPLITS)}")
        for name, value in example.attributes.items():
            if not 0 <= value < len(source.attributes.get(name, ())):
                raise ValueError(f"{example.name} has {name} = {value}, which {source.name}'s attributes do not list")
        stated = frozenset[str]().union(*(caption.states for caption in example.captions)) - source.attributes.keys()
        if stated:
            raise ValueError(
                f"a caption of {example.name} states {sorted(stated)[0]!r}, which is no attribute of {source.name}"
            )


def _write_pictures(
    file: h5py.File, source: Source, prepared: Iterator[Prepared], side: int, jpeg: bool
) -> tuple[list[tuple[Example, Prepared]], list[tuple[str, str]]]:
    """Write pixels as they come; what was kept, without its pixels, and what was left out."""
    kept, left_out = [], []
    shape = (side, side, source.channels)
    count = max(1, len(source.examples))
    if jpeg:
        images = file.create_dataset(
            "images", (count,), h5py.vlen_dtype(np.uint8), maxshape=(count,), chunks=(min(64, count),)
        )
    else:  # one picture a chunk, so that a streaming loader reads nothing beside it
        images = file.create_dataset("images", (count, *shape), np.uint8, maxshape=(count, *shape), chunks=(1, *shape))
    for example, found in zip(source.examples, prepared, strict=True):
        if found.pixels is None:
            left_out.append((example.name, found.problem))
            continue
        images[len(kept)] = found.pixels
        kept.append((example, Prepared(None, found.captions)))
    if kept:
        images.resize(len(kept), axis=0)
    return kept, left_out


def _write_tables(
    file: h5py.File, source: Source, kept: list[tuple[Example, Prepared]], left_out: list[tuple[str, str]]
) -> None:
    """Everything but the pictures and the attributes of the file itself."""
    examples = [example for example, _ in kept]
    captions = [caption for _, found in kept for caption in found.captions]
    counts = np.array([len(found.captions) for _, found in kept], dtype=np.int64)
    class_names = sorted({example.class_name for example in examples} - {""})
    index = {name: position for position, name in enumerate(class_names)} | {"": -1}
    attributes = [[example.attributes.get(name, -1) for name in source.attributes] for example in examples]
    states = [[name in caption.states for name in source.attributes] for caption in captions]

    file["classes"] = np.array([index[example.class_name] for example in examples], dtype=np.int64)
    file["splits"] = np.array([SPLITS.index(example.split) for example in examples], dtype=np.uint8)
    file["attributes"] = np.array(attributes, dtype=np.int64).reshape(len(examples), len(source.attributes))
    file["caption_picture"] = np.repeat(np.arange(len(examples), dtype=np.int64), counts)
    file["caption_offsets"] = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    file["states"] = np.array(states, dtype=bool).reshape(len(captions), len(source.attributes))
    file.create_dataset("names", data=[example.name for example in examples], dtype=TEXT)
    file.create_dataset("captions", data=[caption.text for caption in captions], dtype=TEXT)
    file.create_dataset("left_out", data=np.array(left_out, dtype=object).reshape(-1, 2), dtype=TEXT)
    file.attrs["class_names"] = json.dumps(class_names)


def _seal(file: h5py.File, source: Source, size: int, side: int, jpeg: bool) -> str:
    """Write the file's own attributes, then the hash of what can be read back, last that it is complete."""
    told = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "library_version": __version__,
        "dataset": source.name,
        "source_version": source.version,
        "licence": source.licence,
        "origin": source.origin,
        "notes": json.dumps(source.notes),
        "attributes": json.dumps(source.attributes),
        "image_size": size,
        "side": side,
        "channels": source.channels,
        "encoding": "jpeg" if jpeg else "raw",
    }
    for name, value in told.items():
        file.attrs[name] = value
    file.flush()
    fingerprint = content_hash(file)
    file.attrs["sha256"] = fingerprint
    file.attrs["complete"] = True
    file.attrs["seal"] = attributes_hash(file)
    return fingerprint

"""One split of a data file: its pictures, captions and attributes, numbered from 0 within the split."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from t2i_utils.data.pixels import StoredPixels
from t2i_utils.data.sealed import open_data
from t2i_utils.data.source import SPLITS

PARTS = {**{split: (split,) for split in SPLITS}, "trainval": ("train", "val"), "all": SPLITS}


@dataclass(frozen=True)
class Contents:
    """The tables of one split, without its pixels. Positions are within the split.

    Attributes:
        rows: int64 [pictures], in the file.
        caption_rows: int64 [captions], in the file; those of a picture stand together.
        caption_offsets: int64 [pictures + 1]: captions of picture p are offsets[p] .. offsets[p + 1].
        caption_picture: int64 [captions].
        captions: [captions] texts.
        classes: int64 [pictures], an index of `class_names`, -1 where unknown.
        names, class_names: texts.
        attributes: int64 [pictures, attributes], -1 where unknown.
        states: bool [captions, attributes].
        values: attribute name to its values, in the order of the last axis of `attributes` and `states`.
        dataset: the name of the data set.
        fingerprint: sha256 of the file's data.
    """

    rows: np.ndarray
    caption_rows: np.ndarray
    caption_offsets: np.ndarray
    caption_picture: np.ndarray
    captions: list[str]
    classes: np.ndarray
    names: list[str]
    class_names: tuple[str, ...]
    attributes: np.ndarray
    states: np.ndarray
    values: dict[str, tuple[str, ...]]
    dataset: str
    fingerprint: str


@dataclass(frozen=True)
class Pictures:
    """A split whole, for evaluation. Positions are within the split.

    Attributes:
        images: uint8 [pictures, channels, size, size], the middle of each stored picture.
        classes: int64 [pictures], an index of `class_names`, -1 where unknown.
        class_names: of the whole file.
        names: [pictures].
        captions: [captions].
        caption_picture: int64 [captions], the picture of each caption.
        attributes: attribute name to int64 [pictures], an index of its values, -1 where unknown.
        values: attribute name to its values.
        states: bool [captions, attributes], in the order of `values`: True where the caption states the attribute.
        caption_rows: int64 [captions], the captions' rows in the file, and so in its embeddings.
    """

    images: Tensor
    classes: Tensor
    class_names: tuple[str, ...]
    names: list[str]
    captions: list[str]
    caption_picture: Tensor
    attributes: dict[str, Tensor]
    values: dict[str, tuple[str, ...]]
    states: Tensor
    caption_rows: Tensor

    def __len__(self) -> int:
        return len(self.images)


def read_contents(path: Path, split: str) -> Contents:
    """The tables of a split: "train", "val", "test", "trainval" or "all".

    Raises:
        FileNotFoundError, ValueError: as `open_data`; for an unknown split, and for one without pictures.
    """
    if split not in PARTS:
        raise ValueError(f"no split is called {split!r}; choose from: {', '.join(PARTS)}")
    with open_data(path) as file:
        rows = np.flatnonzero(np.isin(file["splits"][:], [SPLITS.index(part) for part in PARTS[split]]))
        if not len(rows):
            raise ValueError(
                f"{path} has no pictures in its {split} split; choose another split, or build it with more classes"
            )
        offsets = file["caption_offsets"][:]
        counts = np.diff(offsets)[rows]
        mine = np.isin(file["caption_picture"][:], rows)
        names, captions = (file[table].asstr()[:] for table in ("names", "captions"))
        values = json.loads(file.attrs["attributes"])
        return Contents(
            rows=rows,
            caption_rows=np.flatnonzero(mine),
            caption_offsets=np.concatenate([[0], np.cumsum(counts)]),
            caption_picture=np.repeat(np.arange(len(rows)), counts),
            captions=captions[mine].tolist(),
            classes=file["classes"][:][rows],
            names=names[rows].tolist(),
            class_names=tuple(json.loads(file.attrs["class_names"])),
            attributes=file["attributes"][:][rows],
            states=file["states"][:][mine],
            values={name: tuple(choice) for name, choice in values.items()},
            dataset=str(file.attrs["dataset"]),
            fingerprint=str(file.attrs["sha256"]),
        )


def read_split(path: Path, split: str, image_size: int | None = None) -> Pictures:
    """A split whole, its pictures cropped in the middle.

    Args:
        path: of a file made by `build`.
        split: "train", "val", "test", "trainval" or "all".
        image_size: in pixels, at most the size the file was built for, which is meant if none is given.

    Raises:
        FileNotFoundError, ValueError: as `read_contents`, and for an image_size above the file's.
    """
    contents = read_contents(path, split)
    pixels = StoredPixels(path, contents.rows, image_size)
    size, edge = pixels.image_size, (pixels.side - pixels.image_size) // 2
    images = pixels.read_all()[:, edge : edge + size, edge : edge + size]
    return Pictures(
        images=torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))),
        classes=torch.from_numpy(contents.classes),
        class_names=contents.class_names,
        names=contents.names,
        captions=contents.captions,
        caption_picture=torch.from_numpy(contents.caption_picture),
        attributes={name: torch.from_numpy(contents.attributes[:, i].copy()) for i, name in enumerate(contents.values)},
        values=contents.values,
        states=torch.from_numpy(contents.states),
        caption_rows=torch.from_numpy(contents.caption_rows),
    )


def evenly(pictures: Pictures, count: int) -> Pictures:
    """`count` pictures of a split (all, where it has fewer), evenly spread over its order, with all their captions."""
    chosen = torch.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().long()
    place = torch.full((len(pictures),), -1)
    place[chosen] = torch.arange(len(chosen))
    mine = place[pictures.caption_picture] >= 0
    return Pictures(
        images=pictures.images[chosen],
        classes=pictures.classes[chosen],
        class_names=pictures.class_names,
        names=[pictures.names[row] for row in chosen.tolist()],
        captions=[pictures.captions[row] for row in mine.nonzero().flatten().tolist()],
        caption_picture=place[pictures.caption_picture[mine]],
        attributes={name: values[chosen] for name, values in pictures.attributes.items()},
        values=pictures.values,
        states=pictures.states[mine],
        caption_rows=pictures.caption_rows[mine],
    )

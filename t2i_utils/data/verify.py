"""Whether a data file is whole and unaltered, and what it holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import h5py

from t2i_utils.data.hdf5 import embed_command, embeddings_hash, encoder_groups, tell
from t2i_utils.data.sealed import attributes_hash, content_hash, open_data, rebuild
from t2i_utils.data.source import SPLITS


@dataclass(frozen=True)
class Facts:
    """What a file holds, after every hash was compared.

    Attributes:
        path: of the file.
        dataset, version, licence, notes: as its source said.
        fingerprint: sha256 of the data, without embeddings; the same data give the same one on any machine.
        image_size: pixels for which it was built; pictures are stored at `side`.
        side: in pixels.
        channels: 3 or 1.
        encoding: "raw" or "jpeg".
        pictures, classes, captions: how many, by split; a class may be counted in several.
        attributes: attribute name to its values.
        encoders: (name, fingerprint, text_dim) of each encoder whose vectors are inside, oldest first.
        left_out: (name, reason) of what could not be stored.
    """

    path: Path
    dataset: str
    version: str
    licence: str
    notes: tuple[str, ...]
    fingerprint: str
    image_size: int
    side: int
    channels: int
    encoding: str
    pictures: dict[str, int]
    classes: dict[str, int]
    captions: dict[str, int]
    attributes: dict[str, tuple[str, ...]]
    encoders: tuple[tuple[str, str, int], ...]
    left_out: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        lines = [
            f"{self.path}: {self.dataset} ({self.version})",
            f"  {sum(self.pictures.values()):,} pictures for {self.image_size} pixels, stored at "
            f"{self.side} x {self.side} x {self.channels}, {self.encoding}; sha256 {self.fingerprint[:12]}",
        ]
        for split in SPLITS:
            counts = self.pictures[split], self.classes[split], self.captions[split]
            lines.append("  {:<5} {:>7,} pictures of {:>3,} classes, {:>8,} captions".format(split, *counts))
        lines += [f"  {name}: {', '.join(values)}" for name, values in self.attributes.items()]
        lines += [
            f"  encoder {name} ({text_dim} numbers a caption), {mark[:12]}" for name, mark, text_dim in self.encoders
        ]
        lines += [f"  note: {note}" for note in self.notes]
        lines += [f"  left out {name}: {reason}" for name, reason in self.left_out[:10]]
        if self.left_out[10:]:
            lines.append(f"  ... and {len(self.left_out) - 10:,} more left out")
        return "\n".join([*lines, f"  licence: {self.licence}"])


def verify(path: Path, vectors: bool = True) -> Facts:
    """Read a whole file and compare every hash.

    Args:
        path: of a file made by `build`.
        vectors: compare those of captions, too; False for who is about to write them anew.

    Returns:
        What it holds; `str()` of it is for people.

    Raises:
        FileNotFoundError: if nothing is there.
        ValueError: for a truncated, altered, half-written or foreign file, naming it and the way out.
    """
    path = Path(path)
    with open_data(path) as file:
        dataset = str(file.attrs["dataset"])
        try:
            right = (content_hash(file), attributes_hash(file)) == (file.attrs["sha256"], file.attrs["seal"])
            wrong = (
                [tell(group) for group in encoder_groups(file) if not _embeddings_right(group)]
                if right and vectors
                else []
            )
            facts = _facts(file, path) if right else None
        except Exception as error:  # a damaged file makes HDF5 raise nearly anything
            raise ValueError(f"{path} is damaged ({error}); {rebuild(path, dataset)}") from error
    if facts is None:
        raise ValueError(
            f"{path} was altered: its contents do not have the sha256 it was built with; {rebuild(path, dataset)}"
        )
    if wrong:
        raise ValueError(
            f"{path} holds altered vectors of {wrong[0]}; write them again: {embed_command(path, wrong[0])}"
        )
    return facts


def _embeddings_right(group: h5py.Group) -> bool:
    return group.attrs["sha256"] == embeddings_hash(group) and group.attrs["data"] == group.file.attrs["sha256"]


def _facts(file: h5py.File, path: Path) -> Facts:
    splits, classes = file["splits"][:], file["classes"][:]
    caption_split = splits[file["caption_picture"][:]]
    attributes = json.loads(file.attrs["attributes"])
    encoders = [
        (str(g.attrs["name"]), g.name.rpartition("/")[2], int(g.attrs["text_dim"])) for g in encoder_groups(file)
    ]
    return Facts(
        path=path,
        dataset=str(file.attrs["dataset"]),
        version=str(file.attrs["source_version"]),
        licence=str(file.attrs["licence"]),
        notes=tuple(json.loads(file.attrs["notes"])),
        fingerprint=str(file.attrs["sha256"]),
        image_size=int(file.attrs["image_size"]),
        side=int(file.attrs["side"]),
        channels=int(file.attrs["channels"]),
        encoding=str(file.attrs["encoding"]),
        pictures={name: int((splits == index).sum()) for index, name in enumerate(SPLITS)},
        classes={name: len(set(classes[splits == index]) - {-1}) for index, name in enumerate(SPLITS)},
        captions={name: int((caption_split == index).sum()) for index, name in enumerate(SPLITS)},
        attributes={name: tuple(values) for name, values in attributes.items()},
        encoders=tuple(encoders),
        left_out=tuple((name, reason) for name, reason in file["left_out"].asstr()[:]),
    )

"""COCO 2014 with its captions, read from the folders as they are published.

    ROOT/annotations/captions_train2014.json    (annotations_trainval2014.zip)
    ROOT/annotations/captions_val2014.json
    ROOT/train2014/COCO_train2014_000000000009.jpg ...      (train2014.zip)
    ROOT/val2014/COCO_val2014_000000000042.jpg ...          (val2014.zip)

As in text-to-image papers train2014 trains and val2014 tests; nothing is held out for validation, and there are no
classes. Somebody who has only one of the two annotation files can read that part. Pictures stay on disk until the
builder opens one, and are stored as JPEGs at every size; in memory are only the captions (reading the 66 MB of
captions_train2014.json takes about 300 MB for a moment).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from t2i_utils.data.missing import need, tell_absent
from t2i_utils.data.reed import difference
from t2i_utils.data.source import Caption, Example, Source
from t2i_utils.data.subset import check_limit, spread

NAME = "coco_captions"
PARTS = {"train2014": "train", "val2014": "test"}
FULL_TRAIN, FULL_TEST = 82_783, 40_504
ANNOTATIONS_FROM = "annotations_trainval2014.zip of images.cocodataset.org/annotations"
LICENCE = "captions: CC BY 4.0, COCO Consortium; pictures: from Flickr, each under its owner's licence"


def coco_captions(root: Path, limit: int | None = None, classes: Sequence[str] | None = None) -> Source:
    """Read COCO 2014 in its official layout; a part of it is read too, and said to be one.

    Args:
        root: the folder that holds `annotations`, `train2014` and `val2014`.
        limit: at most so many pictures, taken evenly from train2014 and val2014.
        classes: must be None: these pictures have no classes.

    Returns:
        Examples of train2014, then of val2014, each in the order of their ids. `notes` says what differs from the full
        set, and how many pictures or captions had no counterpart.

    Raises:
        FileNotFoundError: naming the file or folder that is missing, and where it should lie.
        ValueError: for a file that is no JSON, an entry that lacks a field or holds a wrong one, a picture named twice
            or outside of its folder; for classes and for a limit below 1.
    """
    root = Path(root)
    check_limit(limit)
    if classes is not None:
        raise ValueError(f"{NAME} has no classes to choose from; leave --classes away, and use --limit for fewer")
    files = {part: root / "annotations" / f"captions_{part}.json" for part in PARTS}
    there = [part for part in PARTS if files[part].is_file()]
    if not there:
        need(files["train2014"], NAME, ANNOTATIONS_FROM)
    examples, notes = [], []
    for part in there:
        found, told = _read_part(files[part], root / part)
        examples += found
        notes += told
    test = sum(example.split == "test" for example in examples)
    notes = difference((len(examples) - test, test), (FULL_TRAIN, FULL_TEST), "COCO 2014") + notes
    notes += [f"{files[part].name} is not there, so {part} is not read" for part in PARTS if part not in there]
    if limit is not None and limit < len(examples):
        notes.append(
            f"only {limit:,} of {len(examples):,} pictures were asked for, taken evenly from {' and '.join(there)}"
        )
        examples = spread(examples, limit, lambda example: example.split)
    return Source(
        NAME, "COCO 2014 captions, 1", LICENCE, examples, origin=str(root), notes=tuple(notes), encoding="jpeg"
    )


def _read_part(path: Path, folder: Path) -> tuple[list[Example], list[str]]:
    """The examples of one annotation file, in the order of their ids, and notes on what is missing."""
    need(folder, NAME, f"{folder.name}.zip of images.cocodataset.org/zips")
    document = _load(path)
    pictures = _pictures(path, document["images"])
    captions, homeless = _captions(path, document["annotations"], pictures)
    with os.scandir(folder) as entries:
        present = {entry.name for entry in entries}
    examples = [
        Example(Path(name).stem, folder / name, tuple(captions.get(number, ())), "", PARTS[folder.name])
        for number, name in sorted(pictures.items())
        if name in present
    ]
    notes = tell_absent(
        [pictures[number] for number in sorted(pictures) if pictures[number] not in present], folder.name
    )
    if homeless:
        ids = ", ".join(map(str, sorted(homeless)[:5]))
        notes.append(f"{path.name} has captions of {len(homeless):,} pictures that it does not list: {ids}")
    return examples, notes


def _load(path: Path) -> dict[str, list]:
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (ValueError, RecursionError) as error:  # RecursionError: a thousand brackets
        raise ValueError(f"{path} is no JSON, or was cut short ({error}); fetch {ANNOTATIONS_FROM} again") from error
    for key in ("images", "annotations"):
        if not isinstance(document, dict) or not isinstance(document.get(key), list):
            raise ValueError(f"{path} has no list {key!r}, as captions of COCO have; fetch {ANNOTATIONS_FROM} again")
    return document


def _pictures(path: Path, entries: list) -> dict[int, str]:
    """Id to file name."""
    pictures: dict[int, str] = {}
    for place, entry in enumerate(entries):
        number, name = (
            _field(path, "images", place, entry, "id", int),
            _field(path, "images", place, entry, "file_name", str),
        )
        if number in pictures:
            raise ValueError(f"{path}: images[{place}] has id {number}, which an earlier entry has too")
        if name in ("", "..") or Path(name).name != name or "\\" in name or "\0" in name:
            raise ValueError(
                f"{path}: images[{place}] has file_name {name[:80]!r}; it must be the name of a file, no path"
            )
        pictures[number] = name
    return pictures


def _captions(path: Path, entries: list, pictures: dict[int, str]) -> tuple[dict[int, list[Caption]], set[int]]:
    """Captions by picture id, in the order of the file, and ids that no picture has."""
    captions: dict[int, list[Caption]] = {}
    for place, entry in enumerate(entries):
        number = _field(path, "annotations", place, entry, "image_id", int)
        captions.setdefault(number, []).append(Caption(_field(path, "annotations", place, entry, "caption", str)))
    return captions, captions.keys() - pictures.keys()


def _field(path: Path, table: str, place: int, entry, key: str, kind: type):
    value = entry.get(key) if isinstance(entry, dict) else None
    if type(value) is not kind:  # not isinstance: True is an int, but no id
        wanted = "a number" if kind is int else "a text"
        raise ValueError(f"{path}: {table}[{place}] has {key} = {value!r:.60}, where {wanted} belongs")
    return value

"""A person's own pictures: a folder with a `captions.jsonl` that says what they show.

    ROOT/captions.jsonl
    ROOT/rose.jpg, ROOT/garden/tulip.png ...    anything that Pillow reads, of any size

    {"file": "rose.jpg", "captions": ["a red rose", "a rose in a garden"], "class": "rose"}
    {"file": "garden/tulip.png", "captions": ["a yellow tulip"], "class": "tulip"}

One JSON object a line, UTF-8. `class` and `split` ("train", "val" or "test") may be left away, `split` for every
picture or for none. Lines about the same file are taken together, as long as they do not contradict each other. Without
splits and with ten classes or more, a tenth of the classes is held out whole for val and for test; otherwise a tenth
of the pictures (see `hold_out`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from t2i_utils.data.captions_file import CAPTIONS, Line, read_lines_of
from t2i_utils.data.held_out import hold_out
from t2i_utils.data.inside import find_inside, listed
from t2i_utils.data.source import SPLITS, Caption, Example, Source
from t2i_utils.data.subset import choose

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MANY_CLASSES = 10


@dataclass
class _Picture:
    """What the lines about one file say together.

    Attributes:
        line: the first of them.
        captions: of all lines, each once.
        said: "class" and "split", where known, to the value and the number of the line that says it.
    """

    line: Line
    captions: list[str] = field(default_factory=list)
    said: dict[str, tuple[str, int]] = field(default_factory=dict)

    def value(self, key: str) -> str:
        """What is said of "class" or "split", "" if nothing."""
        return self.said[key][0] if key in self.said else ""


def own_folder(root: Path, limit: int | None = None, classes: Sequence[str] | None = None) -> Source:
    """Read a person's folder, as the module says.

    Args:
        root: the folder.
        limit: at most so many pictures, taken evenly from all classes.
        classes: only these.

    Returns:
        Examples in the order of captions.jsonl. `notes` says how they were split and which pictures it does not name.

    Raises:
        FileNotFoundError: without the folder or its captions.jsonl, saying what to write.
        ValueError: for a line that cannot be read or contradicts another, a picture that is not there or lies outside
            of the folder, an unknown class or a limit below 1; each with the number of its line.
    """
    root = Path(root)
    lines = read_lines_of(root)
    pictures = _merge(root, lines)
    split_of, notes = _splits(pictures)
    notes += _forgotten(root, pictures)
    found, choices = choose(list(pictures), lambda name: pictures[name].value("class"), limit, classes)
    examples = [
        Example(
            name=name,
            picture=root / name,
            captions=tuple(Caption(text) for text in pictures[name].captions),
            class_name=pictures[name].value("class"),
            split=split_of[name],
        )
        for name in found
    ]
    mark = hashlib.sha256((root / CAPTIONS).read_bytes()).hexdigest()[:12]
    return Source(
        "folder",
        f"1, {CAPTIONS} {mark}",
        "as the owner of these pictures says",
        examples,
        origin=str(root),
        notes=(*notes, *choices),
    )


def _merge(root: Path, lines: Sequence[Line]) -> dict[str, _Picture]:
    """Picture, by its path from the folder on, to what its lines say together."""
    pictures: dict[str, _Picture] = {}
    for line in lines:
        name = find_inside(root, line.file, line.where)
        picture = pictures.setdefault(name, _Picture(line))
        for key, value in (("class", line.class_name), ("split", line.split)):
            before, number = picture.said.get(key, (value, line.number))
            if value and value != before:
                raise ValueError(
                    f"{line.where}: {line.file} has {key} {value!r}, but {before!r} on line {number}; make them agree"
                )
            if before:
                picture.said[key] = before, number
        picture.captions += [text for text in dict.fromkeys(line.captions) if text not in picture.captions]
    return pictures


def _splits(pictures: dict[str, _Picture]) -> tuple[dict[str, str], list[str]]:
    """Split of each picture, and how it came about."""
    without = [picture.line for picture in pictures.values() if not picture.value("split")]
    if not without:
        return {name: picture.value("split") for name, picture in pictures.items()}, [f"splits are those of {CAPTIONS}"]
    if len(without) < len(pictures):
        line = without[0]
        raise ValueError(f"{line.where}: {line.file} has no split, but others have; give every picture one, or none")
    classes = Counter(picture.value("class") for picture in pictures.values())
    if "" not in classes and len(classes) >= MANY_CLASSES:
        by_class = hold_out(classes)
        parts = {split: sorted(name for name in by_class if by_class[name] == split) for split in ("val", "test")}
        held = "; ".join(f"{split}: {', '.join(names[:10]) or 'none'}" for split, names in parts.items())
        note = f"{CAPTIONS} names no splits, so classes were held out whole, drawn by their names: {held}"
        return {name: by_class[picture.value("class")] for name, picture in pictures.items()}, [note]
    split_of = hold_out(dict.fromkeys(pictures, 1))
    counts = Counter(split_of.values())
    held = ", ".join(f"{counts[split]} {split}" for split in SPLITS)
    return split_of, [f"{CAPTIONS} names no splits, so pictures were drawn by their names: {held}"]


def _forgotten(root: Path, pictures: dict[str, _Picture]) -> list[str]:
    """A note on pictures that no line names."""
    names = [name for name in listed(root) if Path(name).suffix.lower() in PICTURES and name not in pictures]
    if not names:
        return []
    told = ", ".join(names[:5]).encode(errors="replace").decode()  # a disk may hold names that are no text
    return [f"{len(names):,} pictures are not in {CAPTIONS} and are left away: {told}{' ...' if names[5:] else ''}"]

"""`captions.jsonl`, line by line, with a message for everything that people get wrong in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from t2i_utils.data.missing import WHY, pickles_in
from t2i_utils.data.source import SPLITS

CAPTIONS = "captions.jsonl"
KEYS = ("file", "captions", "class", "split")
LONGEST = 2000  # characters that an encoder takes (text/captions.py, which data must not import)


@dataclass(frozen=True)
class Line:
    """What one line says.

    Attributes:
        number: of the line, from 1.
        where: the file and the number, for messages.
        file: as it stands there.
        captions: at least one, each with a word in it.
        class_name, split: "" where it says nothing.
    """

    number: int
    where: str
    file: str
    captions: tuple[str, ...]
    class_name: str
    split: str


def read_lines_of(root: Path) -> list[Line]:
    """Every line of the captions.jsonl in a folder that is not blank.

    Raises:
        FileNotFoundError: without the folder or the file, with two lines to begin with.
        ValueError: for a line that is not UTF-8, no JSON object or holds a wrong, unknown or missing key, with its
            number; for a file without lines.
    """
    path = root / CAPTIONS
    if not path.is_file():
        raise FileNotFoundError(_how_to_begin(root))
    rows = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    lines = [_read(f"{path}, line {number}", number, row) for number, row in enumerate(rows, start=1) if row.strip()]
    if not lines:
        raise ValueError(f"{path} holds no line; {_example(root)}")
    return lines


def _read(where: str, number: int, row: bytes) -> Line:
    try:
        text = row.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{where} is not UTF-8 (byte {error.start + 1} of it); save the file as UTF-8") from error
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is no JSON object on one line ({str(error)[:80]}): {text[:60]!r}") from error
    if not isinstance(entry, dict):
        raise ValueError(f"{where} is no JSON object with the keys {', '.join(KEYS)}: {text[:60]!r}")
    unknown = [key for key in entry if key not in KEYS]
    if unknown:
        raise ValueError(f"{where} has the key {unknown[0][:60]!r}; the keys are {', '.join(KEYS)}")
    lacking = [key for key in KEYS[:2] if key not in entry]
    if lacking:
        raise ValueError(f"{where} has no {lacking[0]!r}; every line needs file and captions")
    split = _text(where, "split", entry["split"]) if entry.get("split") is not None else ""
    if split and split not in SPLITS:
        raise ValueError(f"{where} has the split {split[:60]!r}; splits are {', '.join(SPLITS)}")
    class_name = _text(where, "class", entry["class"]) if entry.get("class") is not None else ""
    return Line(
        number, where, _text(where, "file", entry["file"]), _captions(where, entry["captions"]), class_name, split
    )


def _captions(where: str, captions) -> tuple[str, ...]:
    if not isinstance(captions, list) or not captions:
        raise ValueError(f'{where} has captions {captions!r:.60}; write a list of texts, e.g. ["a red rose"]')
    for text in captions:
        _text(where, "a caption", text)
        if len(text) > LONGEST:
            raise ValueError(f"{where} has a caption of {len(text):,} characters; encoders take {LONGEST:,} at most")
        if not any(character.isalnum() for character in text):
            raise ValueError(f"{where} has a caption without a word: {text!r:.60}; say what the picture shows")
    return tuple(captions)


def _text(where: str, key: str, value) -> str:
    """The value without white space around it, if it is a text that can be stored."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where} has {key} = {value!r:.60}, where a text in quotes belongs")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{where} has {key} with half a character in it: {value!r:.60}") from error
    return value.strip()


def _how_to_begin(root: Path) -> str:
    if not root.is_dir():
        what = "a file" if root.exists() else "not there"
        return f"{root} is {what}; give the folder that holds {CAPTIONS} and the pictures"
    pickles = pickles_in(root)
    why = f" ({pickles[0]} lies there, but {WHY})" if pickles else ""
    return f"{root / CAPTIONS} is missing{why}; {_example(root)}"


def _example(root: Path) -> str:
    """Two lines to begin with, about pictures of the folder where it has some."""
    found = sorted(path.name for path in root.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    names = [*found, "rose.jpg", "tulip.jpg"][:2]
    texts = ('["a red rose", "a rose in a garden"]', '["a yellow tulip"]')
    lines = [f'{{"file": {json.dumps(name)}, "captions": {text}}}' for name, text in zip(names, texts, strict=True)]
    return f"write a line for every picture: {lines[0]} and below it {lines[1]}"

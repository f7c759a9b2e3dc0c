"""Files that a data set needs and that are not there: which, where they belong, and why a pickle will not do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

PICKLES = (".pickle", ".pkl", ".p")
WHY = "a pickle runs whatever code its author put into it, so none is ever opened here"


def need(path: Path, dataset: str, origin: str) -> Path:
    """The path itself, if something lies there.

    Args:
        path: of a file or folder.
        dataset: whose it is, by its name on the command line.
        origin: where people get it.

    Raises:
        FileNotFoundError: saying what is missing, where it belongs and where to get it; a pickle that lies nearby,
            as in AttnGAN's metadata, is named with the reason why it is not read instead.
    """
    if path.exists():
        return path
    told = f"{path} is missing: {dataset} needs {path.name} in {path.parent}; it is in {origin}"
    pickles = pickles_in(path.parent)
    if pickles:
        told += f" ({pickles[0]} lies there, but {WHY}: put the text files beside it)"
    raise FileNotFoundError(told)


def pickles_in(folder: Path) -> list[Path]:
    """Pickles in a folder and in the folders in it, by their names; nothing is opened."""
    found = [path for pattern in ("*", "*/*") for path in folder.glob(pattern) if path.suffix.lower() in PICKLES]
    return sorted(found)


def refuse_pickle(path: Path) -> None:
    """Refuse a file that is a pickle by its name or by its first bytes.

    Raises:
        ValueError: saying why, and what to give instead.
    """
    if path.is_file():
        with open(path, "rb") as file:
            start = file.read(2)
        if path.suffix.lower() in PICKLES or is_pickle(start):
            raise ValueError(f"{path} is a pickle: {WHY}; give the folder with the text files that it was made from")


def is_pickle(start: bytes) -> bool:
    """Whether bytes begin as pickles of protocol 2 and later do."""
    return len(start) >= 2 and start[0] == 0x80 and 2 <= start[1] <= 5


def tell_absent(names: Sequence[str], folder: str) -> list[str]:
    """A note on listed pictures whose files are not there; none where all are."""
    if not names:
        return []
    more = " ..." if len(names) > 5 else ""
    return [f"{len(names):,} listed pictures are not in {folder}: {', '.join(names[:5])}{more}"]

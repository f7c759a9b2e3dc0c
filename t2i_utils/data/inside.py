"""Files that a person names from a folder on: found inside it, or said where they are."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path, PurePosixPath, PureWindowsPath


def find_inside(root: Path, file: str, where: str) -> str:
    """The path of a file from a folder on, with links followed: the same file always gives the same path.

    Args:
        root: the folder.
        file: as a person wrote it, with / between folders.
        where: it stands, for messages.

    Raises:
        ValueError: for a file that is not there, naming one with a similar name, and for one outside of the folder:
            an absolute path, one with enough `..`, or a link that leads out.
    """
    if PurePosixPath(file).is_absolute() or PureWindowsPath(file).anchor:
        raise ValueError(f"{where}: {file[:80]!r} is an absolute path; write where it lies from {root} on")
    home = root.resolve()
    try:
        found = (home / file).resolve()
        there = found.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # too long, links in a circle, NUL
        raise ValueError(f"{where}: {file[:80]!r} cannot be the name of a file ({str(error)[:80]})") from error
    if not found.is_relative_to(home):
        raise ValueError(f"{where}: {file[:80]!r} lies outside of {root}; copy it into the folder")
    if not there:
        what = "is a folder" if found.is_dir() else "is not there"
        raise ValueError(f"{where}: {file[:80]!r} {what}; {_similar(root, file)}")
    return found.relative_to(home).as_posix()


def listed(root: Path) -> list[str]:
    """Paths of all files in a folder and in its folders, from it on, sorted; links to folders are not followed."""
    return sorted(
        (Path(folder) / name).relative_to(root).as_posix() for folder, _, names in os.walk(root) for name in names
    )


def _similar(root: Path, file: str) -> str:
    names = listed(root)
    plain = {name.casefold(): name for name in names} | {PurePosixPath(name).name.casefold(): name for name in names}
    wanted = file.replace("\\", "/").casefold()
    close = plain.get(wanted) or plain.get(PurePosixPath(wanted).name)
    if close is None:
        close = next((plain[name] for name in get_close_matches(wanted, plain, 1, 0.7)), None)
    return f"is {close!r} meant?" if close else f"no file in {root} has a name like it"

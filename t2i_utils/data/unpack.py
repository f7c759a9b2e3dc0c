"""An archive's files under a folder: all that is wanted of it, or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from tqdm.auto import tqdm

from t2i_utils.data.archives import BLOCK, Limits, members, reading
from t2i_utils.data.fetch import check_disk


def unpack(archive: Path, root: Path, take: tuple[str, ...], limits: Limits | None = None) -> int:
    """Unpack parts of an archive, after all of it has been looked at.

    Everything is written to a folder beside its place first and renamed when it is whole: files, then folders, so that
    whoever finds the last folder finds everything. What ends on the way leaves nothing behind, or, if it was killed,
    one folder .NAME.unpacking that the next call removes.

    Args:
        archive: tar, tar.gz or zip.
        root: the folder that gets the parts.
        take: paths in the archive, of files or folders. A folder around everything, as in `cvpr2016_flowers/text_c10`,
            does not count.
        limits: of what it may unpack to.

    Returns:
        The number of files.

    Raises:
        ValueError: for an archive that is damaged, hostile or encrypted (see `members`), or lacks a part, and for a
            folder that is there already.
        OSError: for a disk that is full.
    """
    limits = limits or Limits()
    for part in take:
        if (root / part).is_dir():
            raise ValueError(f"{root / part} is there already; move it away, or use another --root")
    with reading(archive):
        sizes = {member.name: None if member.folder else member.size for member in members(archive, limits)}
        around = _around(sizes, take)
        wanted = {
            name: inside
            for name in sizes
            if (inside := name[len(around) :] if name.startswith(around) else "") and _belongs(inside, take)
        }
    total = sum(sizes[name] or 0 for name in wanted)
    check_disk(root, total, f"unpacking {archive.name}")
    beside = root / f".{archive.name}.unpacking"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        with reading(archive):
            _write(archive, beside, wanted, total, limits)
        for part in sorted(take, key=lambda part: (beside / part).is_dir()):
            (root / part).parent.mkdir(parents=True, exist_ok=True)
            os.replace(beside / part, root / part)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return sum(sizes[name] is not None for name in wanted)


def _around(names: Iterable[str], take: tuple[str, ...]) -> str:
    """The path, "" or with a "/" at its end, under which all parts lie in the archive.

    Raises:
        ValueError: if there is none, naming what is missing and what is there.
    """
    paths = {"/".join(parts[:end]) for name in names for parts in [name.split("/")] for end in range(1, len(parts) + 1)}
    first = take[0]
    candidates = {path[: -len(first)] for path in paths if path == first or path.endswith(f"/{first}")}
    whole = [around for around in candidates if all(around + part in paths for part in take)]
    if not whole:
        tops = ", ".join(sorted(path for path in paths if "/" not in path)[:10]) or "nothing"
        missing = [part for part in take if not any(path == part or path.endswith(f"/{part}") for path in paths)]
        raise ValueError(f"it lacks {', '.join(missing or take)}; it holds {tops}: is it the right file?")
    return min(whole, key=lambda around: (around.count("/"), around))


def _belongs(name: str, take: tuple[str, ...]) -> bool:
    return any(name == part or name.startswith(f"{part}/") for part in take)


def _write(archive: Path, folder: Path, wanted: dict[str, str], total: int, limits: Limits) -> None:
    """Write the wanted members to a folder that is empty."""
    with tqdm(total=total, desc=f"unpacking {archive.name}", unit="B", unit_scale=True, mininterval=0.5) as bar:
        for member in members(archive, limits):
            if member.name not in wanted:
                continue
            target = folder / wanted[member.name]
            (target if member.folder else target.parent).mkdir(parents=True, exist_ok=True)
            if not member.folder:
                with member.open() as source:
                    _copy(source, target, member.size, member.name)
                bar.update(member.size)


def _copy(source: IO[bytes], target: Path, size: int, name: str) -> None:
    """Copy a member, and no more of it than the archive said."""
    written = 0
    with open(target, "xb") as file:
        while data := source.read(BLOCK):
            written += len(data)
            if written > size:
                break
            file.write(data)
    if written != size:
        raise EOFError(f"{name!r} has {'more' if written > size else 'fewer'} bytes than it says")

"""The few things that are done to files on a mounted Drive, each of which may fail, be late or be a lie.

Writes are uploaded later and may be lost; what was overwritten or deleted keeps using quota in the trash, so files are
emptied before they are removed; nothing is ever overwritten.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

CHUNK = 8 * 2**20
WAITS = (0, 1, 5, 30, 60, 120)  # seconds until what was written can be read: writes have appeared minutes later
Wait = Callable[[float], object]  # sleeps so many seconds
LIST = "files.json"  # of a folder that lies on Drive whole; written last

log = logging.getLogger(__name__)


class DriveFolder:
    """A folder on a file system that may die under it.

    Args:
        path: of the folder, made when something is first written to it.
    """

    def __init__(self, path: Path):
        self.path = Path(path)

    def __str__(self) -> str:
        return str(self.path)

    def names(self) -> list[str]:
        """What lies there; nothing, where there is no such folder."""
        try:
            return sorted(os.listdir(self.path))
        except FileNotFoundError:
            return []

    def copy_in(self, source: Path, name: str) -> None:
        """Copy a local file to a name that is not taken yet."""
        self.path.mkdir(parents=True, exist_ok=True)
        with open(source, "rb") as here, open(self.path / name, "xb") as there:
            while chunk := here.read(CHUNK):
                there.write(chunk)
            there.flush()
            os.fsync(there.fileno())

    def write(self, name: str, data: bytes) -> None:
        """Write a small file to a name that is not taken yet."""
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path / name, "xb") as there:
            there.write(data)
            there.flush()
            os.fsync(there.fileno())

    def read(self, name: str) -> bytes:
        """The content of a small file."""
        return (self.path / name).read_bytes()

    def digest(self, name: str) -> tuple[int, str]:
        """Size and sha256 of what can be read back."""
        with open(self.path / name, "rb") as file:
            total = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), total

    def copy_out(self, name: str, target: Path) -> None:
        """Copy a file from there to a local name, over whatever has that name."""
        with open(self.path / name, "rb") as there, open(target, "wb") as here:
            while chunk := there.read(CHUNK):
                here.write(chunk)

    def age(self, name: str) -> float:
        """Seconds since a file was written, by the clocks of two machines."""
        return max(0.0, time.time() - (self.path / name).stat().st_mtime)

    def remove(self, name: str) -> None:
        """Empty a file, so that the trash holds nothing of it, and remove it; it may be gone already."""
        path = self.path / name
        if path.is_file():
            os.truncate(path, 0)
            path.unlink()


def new_name(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or `wanted-2`, `wanted-3`, ... where a file has it, with any ending: nothing is ever overwritten."""
    stems, name, count = {Path(other).stem for other in taken}, wanted, 1
    while name in stems:
        count += 1
        name = f"{wanted}-{count}"
    return name


def wait_until_whole(
    what: str, whole: Callable[[], bool], wait: Wait = time.sleep, hurry: Callable[[], bool] = lambda: False
) -> None:
    """Look until a file is what was written; it may appear late, and a longer look may find it whole.

    Args:
        what: was written, for people.
        whole: looks.
        wait: sleeps between two looks.
        hurry: whether the next look is the last.

    Raises:
        ValueError: if it is not there after the last look.
    """
    said = "it is not there"
    for seconds in WAITS:
        if seconds:
            wait(seconds)
        try:
            if whole():
                return
            said = "something else lies there"
        except FileNotFoundError:
            said = "it is not there"
        if hurry():
            break
    raise ValueError(f"{what} was written, but {said}")


def discard(place: DriveFolder, *names: str) -> None:
    """Remove what was not written whole, as far as the Drive allows: nothing tells of it, and it takes room."""
    for name in names:
        try:
            place.remove(name)
        except OSError as error:
            log.info("%s could not be removed from %s (%s)", name, place, error)


def send_folder(folder: Path, place: DriveFolder, wait: Wait = time.sleep) -> bool:
    """Copy a folder of a few files, unless it is there; whether it is there whole. Failures are told, not raised."""
    return send_files({path.relative_to(folder).as_posix(): path for path in files_in(folder)}, place, wait)


def files_in(folder: Path) -> list[Path]:
    """Every file below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def send_files(files: Mapping[str, Path], place: DriveFolder, wait: Wait = time.sleep) -> bool:
    """Copy files, by the names that they shall have there, as `send_folder` copies a folder.

    What an earlier attempt left there whole is used; what is no part of it is removed in the end.
    """
    try:
        if lies_whole(place):
            return True
        place.remove(LIST)  # what it tells of is not there any more
        told = {name: send_file(path, place, wait) for name, path in files.items()}
        text = json.dumps(told, indent=1).encode()
        place.write(LIST, text)
        wait_until_whole(f"{LIST} in {place}", lambda: place.read(LIST) == text, wait)
        discard(place, *(set(place.names()) - {LIST} - {part["file"] for part in told.values()}))
        return True
    except (OSError, ValueError) as error:
        log.warning("%s could not be copied to %s (%s)", ", ".join(files), place, error)
        return False


def send_file(path: Path, place: DriveFolder, wait: Wait) -> dict[str, str]:
    """Copy a file under a name made of its hash, unless it is there; returns its line in the list.

    Raises:
        OSError, ValueError: if it is not there whole afterwards.
    """
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        right = file.tell(), sha256
    there = place.names()
    for name in there:
        if name.startswith(sha256[:12]) and place.digest(name) == right:
            return {"file": name, "sha256": sha256}
    stored = new_name(sha256[:12], there)
    try:
        place.copy_in(path, stored)
        wait_until_whole(f"{path.name} as {stored} in {place}", lambda: place.digest(stored) == right, wait)
    except (OSError, ValueError):
        discard(place, stored)
        raise
    return {"file": stored, "sha256": sha256}


def bring_folder(place: DriveFolder, folder: Path) -> bool:
    """Bring a folder that `send_folder` left there; False, and no folder, where it is not there whole."""
    try:
        files = listed(place)
        if files is None:
            return False
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as name:
            whole = Path(name) / "whole"
            for path, told in files.items():
                target = (whole / path).resolve()
                if not target.is_relative_to(whole.resolve()):
                    raise ValueError(f"{path} lies outside of the folder")
                target.parent.mkdir(parents=True, exist_ok=True)
                place.copy_out(told["file"], target)
                if hashlib.sha256(target.read_bytes()).hexdigest() != told["sha256"]:
                    raise ValueError(f"{path} is not the file that was copied")
            shutil.move(whole, folder)
        return True
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s could not be brought from %s (%s)", folder.name, place, error)
        return False


def lies_whole(place: DriveFolder) -> bool:
    """Whether a folder on Drive still holds every file that its list tells of."""
    try:
        files = listed(place)
        return files is not None and all(place.digest(told["file"])[1] == told["sha256"] for told in files.values())
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return False


def listed(place: DriveFolder) -> dict[str, dict[str, str]] | None:
    """What a folder on Drive says it holds; None where it does not say so."""
    return json.loads(place.read(LIST)) if LIST in place.names() else None

"""The few things that are done to files on a mounted Drive, each of which may fail, be late or be a lie.

Writes are uploaded later and may be lost; what was overwritten or deleted keeps using quota in the trash, so files are
emptied before they are removed; nothing is ever overwritten.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Collection
from pathlib import Path

from t2i_utils.whole import digest_of

CHUNK = 8 * 2**20

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
        return digest_of(self.path / name)

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


def discard(place: DriveFolder, *names: str) -> None:
    """Remove what was not written whole, as far as the Drive allows: nothing tells of it, and it takes room."""
    for name in names:
        try:
            place.remove(name)
        except OSError as error:
            log.info("%s could not be removed from %s (%s)", name, place, error)

"""The few things that are done to files on a mounted Drive, each of which may fail, be late or be a lie.

Writes are uploaded later and may be lost; what was overwritten or deleted keeps using quota in the trash, so files are
emptied before they are removed; nothing is ever overwritten.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

CHUNK = 8 * 2**20


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

    def remove(self, name: str) -> None:
        """Empty a file, so that the trash holds nothing of it, and remove it; it may be gone already."""
        path = self.path / name
        if path.is_file():
            os.truncate(path, 0)
            path.unlink()

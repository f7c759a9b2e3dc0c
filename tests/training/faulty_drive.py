"""A Drive that fails in every way that one has been seen to fail, on a folder of this disk."""

from __future__ import annotations

import errno
from pathlib import Path

from t2i_utils.training.drive import DriveFolder


class FaultyDrive(DriveFolder):
    """Does what `DriveFolder` does, except where `faults` (a list, eaten from the front) says otherwise.

    Each fault meets one copy of a state: an errno (107, 5, 28), "truncated" (half of it arrives and nobody says so),
    "vanishes" (it is gone as soon as it was written), "late" (it can be seen only after `looks` looks), "flipped" (one
    bit is another), None (all goes well).
    """

    def __init__(self, path: Path, faults=(), looks: int = 3):
        super().__init__(path)
        self.faults, self.looks = list(faults), looks
        self.late: dict[str, int] = {}
        self.met: list = []

    def copy_in(self, source: Path, name: str) -> None:
        fault = self.faults.pop(0) if self.faults else None
        self.met.append(fault)
        if isinstance(fault, int):
            if fault == errno.ENOSPC:  # it is full in the middle of the file
                self.path.mkdir(parents=True, exist_ok=True)
                (self.path / name).write_bytes(source.read_bytes()[:1000])
            raise OSError(fault, "the mount says no")
        super().copy_in(source, name)
        path = self.path / name
        data = path.read_bytes()
        if fault == "truncated":
            path.write_bytes(data[: len(data) // 2])
        elif fault == "flipped":
            path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        elif fault == "vanishes":
            path.unlink()
        elif fault == "late":
            self.late[name] = self.looks

    def digest(self, name: str) -> tuple[int, str]:
        if self.late.get(name, 0) > 0:
            self.late[name] -= 1
            raise FileNotFoundError(name)
        return super().digest(name)

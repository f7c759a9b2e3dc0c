"""A Drive that fails in every way that one has been seen to fail, on a folder of this disk."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from pathlib import Path

from t2i_utils.drive.folder import DriveFolder


class FaultyDrive(DriveFolder):
    """Does what `DriveFolder` does, except where it is told otherwise.

    Args:
        faults: eaten from the front, each meets one copy of a file: an errno (107, 5, 28: half of it arrives, then the
            mount says no), "truncated" (half of it arrives and nobody says so), "vanishes" (it is gone as soon as it
            was written), "late" (it can be seen only after `looks` looks), "flipped" (one bit is another), None (all
            goes well).
        looks: at a late file until it is seen.
        ill: by operation ("names", "read", "write", "remove", "digest", "copy_out"): faults that meet its next calls,
            an errno or None; "truncated" for what is written.
        room: bytes that fit; None for any number.
    """

    def __init__(
        self,
        path: Path,
        faults: Sequence[object] = (),
        looks: int = 3,
        ill: Mapping[str, Sequence[object]] | None = None,
        room: int | None = None,
    ):
        super().__init__(path)
        self.faults, self.looks, self.room = list(faults), looks, room
        self.ill = {operation: list(faults) for operation, faults in (ill or {}).items()}
        self.late: dict[str, int] = {}
        self.met: list = []
        self.removed: list[str] = []

    def meets(self, operation: str) -> object:
        """The next fault of an operation; raised, if it is an errno."""
        faults = self.ill.get(operation)
        fault = faults.pop(0) if faults else None
        if isinstance(fault, int):
            raise OSError(fault, "the mount says no")
        return fault

    def copy_in(self, source: Path, name: str) -> None:
        fault = self.faults.pop(0) if self.faults else None
        self.met.append(fault)
        data = source.read_bytes()
        used = sum(path.stat().st_size for path in self.path.glob("*"))
        if self.room is not None and used + len(data) > self.room:
            fault, data = errno.ENOSPC, data[: max(0, self.room - used)]
        if isinstance(fault, int):
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_bytes(data[: len(data) // 2])
            raise OSError(fault, "the mount says no")
        super().copy_in(source, name)
        path = self.path / name
        if fault == "truncated":
            path.write_bytes(data[: len(data) // 2])
        elif fault == "flipped":
            path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        elif fault == "vanishes":
            path.unlink()
        elif fault == "late":
            self.late[name] = self.looks

    def names(self) -> list[str]:
        self.meets("names")
        return super().names()

    def read(self, name: str) -> bytes:
        self.meets("read")
        return super().read(name)

    def write(self, name: str, data: bytes) -> None:
        super().write(name, data[: len(data) // 2] if self.meets("write") == "truncated" else data)

    def copy_out(self, name: str, target: Path) -> None:
        self.meets("copy_out")
        super().copy_out(name, target)

    def digest(self, name: str) -> tuple[int, str]:
        self.meets("digest")
        if self.late.get(name, 0) > 0:
            self.late[name] -= 1
            raise FileNotFoundError(name)
        return super().digest(name)

    def remove(self, name: str) -> None:
        self.meets("remove")
        self.removed.append(name)
        super().remove(name)

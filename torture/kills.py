"""Ways to die, each at a moment where a careless program would lose something."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from t2i_utils.drive.folder import DriveFolder


@dataclass(frozen=True)
class Kill:
    """When a process ends itself as a session's end would: SIGKILL, nothing is flushed, nobody says goodbye.

    Attributes:
        point: a key of POINTS, or "random".
        nth: the how-manieth passing of that point, from 1.
        seconds: until a random death.
    """

    point: str
    nth: int = 1
    seconds: float = 0.0

    def arm(self) -> None:
        """Arrange for it, in this process."""
        if self.point == "random":
            threading.Timer(self.seconds, die).start()
        else:
            POINTS[self.point](self.countdown())

    def countdown(self) -> Callable[[], None]:
        """A function that dies when it is called for the nth time."""
        left = self.nth

        def passed() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                die()

        return passed


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def around_rename(passed: Callable[[], None], ending: str, after: bool) -> None:
    """Die before or after a temporary file gets its name."""
    replace = os.replace

    def dangerous(source, target) -> None:
        mine = str(target).endswith(ending)
        if mine and not after:
            passed()
        replace(source, target)
        if mine and after:
            passed()

    os.replace = dangerous


def in_the_temporary_write(passed: Callable[[], None]) -> None:
    """Die with half a state under its temporary name."""
    write_bytes = Path.write_bytes

    def dangerous(path: Path, data: bytes) -> int:
        if ".pt." in path.name:
            write_bytes(path, data[: len(data) // 2])
            passed()
        return write_bytes(path, data)

    Path.write_bytes = dangerous


def in_the_drive_copy(passed: Callable[[], None]) -> None:
    """Die with half a state on Drive."""
    copy_in = DriveFolder.copy_in

    def dangerous(place: DriveFolder, source: Path, name: str) -> None:
        half = source.read_bytes()
        place.path.mkdir(parents=True, exist_ok=True)
        (place.path / name).write_bytes(half[: len(half) // 2])
        passed()
        (place.path / name).unlink()
        copy_in(place, source, name)

    DriveFolder.copy_in = dangerous


def before_the_drive_manifest(passed: Callable[[], None]) -> None:
    """Die with a whole state on Drive that nothing tells of."""
    write = DriveFolder.write

    def dangerous(place: DriveFolder, name: str, data: bytes) -> None:
        passed()
        write(place, name, data)

    DriveFolder.write = dangerous


def while_removing(passed: Callable[[], None]) -> None:
    """Die between the removal of an old manifest and that of its state."""
    unlink = Path.unlink

    def dangerous(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok=missing_ok)
        if path.suffix == ".json":
            passed()

    Path.unlink = dangerous


POINTS: dict[str, Callable[[Callable[[], None]], None]] = {
    "temporary write": in_the_temporary_write,
    "before the rename": lambda passed: around_rename(passed, ".pt", after=False),
    "before the manifest": lambda passed: around_rename(passed, ".pt", after=True),
    "before the manifest's rename": lambda passed: around_rename(passed, ".json", after=False),
    "drive copy": in_the_drive_copy,
    "before the drive manifest": before_the_drive_manifest,
    "while removing": while_removing,
}

"""Checkpoints copied to Drive while training goes on, by a thread that may fail, wait and be wrong, but never stops it.

A copy counts once it has been read back whole and its manifest has been, too. Everything that happens is logged.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from t2i_utils.training import checkpoints
from t2i_utils.training.drive import DriveFolder

log = logging.getLogger(__name__)

DEAD_MOUNT = (5, 107)  # input/output error; transport endpoint is not connected
RETRIES = (0, 10, 60)  # seconds before a copy is tried, and tried again
WAITS = (0, 1, 5, 30, 60, 120)  # seconds until what was written can be read: writes have appeared minutes later


@dataclass(frozen=True)
class Copied:
    """The newest checkpoint that is known to be safe.

    Attributes:
        step: of the run.
        at: `Mirror.clock` when it had been read back.
    """

    step: int
    at: float


class Mirror:
    """Keeps the newest local checkpoint on Drive, too.

    Args:
        place: the run's folder on Drive.
        minutes: between two copies.
        remount: mounts a dead Drive again; called once for each time it dies.
        beside: copies what a checkpoint needs beside it and says whether it is there; asked before a copy until it is.
        clock: seconds, for tests.
        wait: sleeps so many seconds unless the mirror is being closed, for tests.

    Attributes:
        safe: the newest copy, None before the first.
        busy: the local manifest that is being copied now; it must not be removed meanwhile.
        failures: of copying, since the last copy that came through.
    """

    def __init__(
        self,
        place: DriveFolder,
        minutes: float = 10.0,
        remount: Callable[[], object] | None = None,
        beside: Callable[[], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ):
        self.place, self.seconds, self.remount, self.clock = place, 60 * minutes, remount, clock
        self.beside = beside
        self.safe: Copied | None = None
        self.busy: Path | None = None
        self.failures = 0
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._offered: Path | None = None
        self._news = threading.Condition()
        self._begun = -self.seconds  # when the last copy was begun: the first is due at once
        self._thread: threading.Thread | None = None

    def offer(self, manifest: Path) -> None:
        """Tell of a new local checkpoint; returns at once. It is copied if the last copy is old enough."""
        with self._news:
            self._offered = manifest
            self._closing.clear()  # a run may be trained again after it was closed
            due = self.clock() - self._begun >= self.seconds
            if not due or (self._thread is not None and self._thread.is_alive()):
                return
            self._begun = self.clock()
            self._thread = threading.Thread(target=self._copy_newest, name="copying to Drive", daemon=True)
            self._thread.start()

    def close(self, patience: float = 120.0) -> None:
        """Copy the newest checkpoint now, if it is not there yet, and wait for it: `patience` seconds at most."""
        if self._thread is not None:
            self._thread.join(patience)
        with self._news:
            late = self._offered is not None and (self.safe is None or self.safe.step < step_of(self._offered))
            if late and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._copy_newest, name="copying to Drive", daemon=True)
                self._thread.start()
        if late:
            self._thread.join(patience)
            if self._thread.is_alive():
                log.warning("%s is still being copied after %.0f s; %s", self._offered.stem, patience, self.state())
        self._closing.set()

    def state(self) -> str:
        """How old the newest safe copy is, in words."""
        if self.safe is None:
            return f"NOTHING of this run is safe in {self.place} yet"
        minutes = (self.clock() - self.safe.at) / 60
        return f"the newest safe copy in {self.place} is of step {self.safe.step}, {minutes:.0f} min old"

    def _copy_newest(self) -> None:
        """One visit of the thread: try until the newest checkpoint is there, or give up until the next is offered."""
        remounted = False
        for pause in RETRIES:
            if pause:
                self._wait(pause)
            with self._news:
                manifest = self.busy = self._offered
            try:
                if self.beside is not None and self.beside():
                    self.beside = None
                self.copy(manifest)
                self.failures = 0
                return
            except Exception as error:  # a Drive raises what it likes, and none of it may end training
                self.failures += 1
                log.warning("copying %s to Drive failed (%s); %s", manifest.stem, error, self.state())
                dead = isinstance(error, OSError) and error.errno in DEAD_MOUNT
                if dead and self.remount is not None and not remounted:
                    remounted = True
                    self._mount_again()
            finally:
                self.busy = None

    def _mount_again(self) -> None:
        try:
            self.remount()
            log.warning("Drive was dead and has been mounted again")
        except Exception as error:  # refused, no cookies, a closed window
            log.warning("Drive could not be mounted again (%s): run the setup cell again", error)

    def copy(self, manifest: Path) -> None:
        """Copy one checkpoint, read it back, write its manifest, and remove what is older than needed.

        Raises:
            OSError: whatever the file system says.
            ValueError: if what is read back is not what was written.
        """
        told = json.loads(manifest.read_text(encoding="utf-8"))
        there = self.place.names()
        stem = new_name(f"{manifest.stem}-{told['sha256'][:8]}", there)
        state, record = f"{stem}.pt", f"{stem}.json"
        text = json.dumps(told | {"file": state}, indent=1).encode()
        self.place.copy_in(manifest.with_suffix(".pt"), state)
        self._read_back(state, lambda: self.place.digest(state) == (told["bytes"], told["sha256"]))
        self.place.write(record, text)
        self._read_back(record, lambda: self.place.read(record) == text)
        self.safe = Copied(told["step"], self.clock())
        log.info("step %d is safe in %s as %s", told["step"], self.place, state)
        self._prune(stem)

    def _read_back(self, name: str, whole: Callable[[], bool]) -> None:
        """Look until a file is what was written; it may appear late, and a longer look may find it whole."""
        said = "it is not there"
        for seconds in WAITS:
            if seconds:
                self._wait(seconds)
            try:
                if whole():
                    return
                said = "something else lies there"
            except FileNotFoundError:
                said = "it is not there"
            if self._closing.is_set():
                break
        raise ValueError(f"{name} was written to {self.place}, but {said}")

    def _prune(self, newest: str) -> None:
        """Remove superseded copies, manifests first, and states without a manifest; failing here loses nothing."""
        try:
            names = self.place.names()
            records = {name: told for name in names if (told := read_record(self.place, name)) is not None}
            kept = {Path(name).stem for name in checkpoints.worth_keeping(records)} | {newest}
            old = [name for name in names if name.startswith("step_") and Path(name).stem not in kept]
            for name in sorted(old, key=lambda name: not name.endswith(".json")):
                self.place.remove(name)
        except (OSError, ValueError) as error:
            log.warning("old copies in %s could not be removed (%s)", self.place, error)


def read_record(place: DriveFolder, name: str) -> dict | None:
    """The manifest of that name, or None for what is none: another file, or one that was cut off."""
    if not name.endswith(".json"):
        return None
    try:
        told = json.loads(place.read(name))
        return told if {"step", "file", "bytes", "sha256", "facts"} <= told.keys() else None
    except (ValueError, AttributeError, FileNotFoundError):
        return None


def restore(
    place: DriveFolder, folder: Path, check: Callable[[str, dict], object] = lambda where, told: None
) -> Path | None:
    """Bring the newest checkpoint that is whole from Drive to a run's local folder.

    Args:
        place: the run's checkpoints on Drive.
        folder: `checkpoints/` of the run.
        check: called with (where, manifest) before anything is brought; raises for another run's.

    Returns:
        The local manifest; None where Drive holds nothing newer that is whole.
    """
    here = checkpoints.newest(folder)
    records = {name: told for name in place.names() if (told := read_record(place, name)) is not None}
    for name in sorted(records, key=lambda name: (records[name]["step"], name), reverse=True):
        told = records[name]
        if here is not None and told["step"] <= here.step:
            return None
        check(f"{place}/{told['file']}", told)
        try:
            manifest = checkpoints.adopt(folder, told, partial(place.copy_out, told["file"]))
            log.info("step %d was brought from %s", told["step"], place)
            return manifest
        except (OSError, ValueError) as error:
            log.warning("%s in %s is not whole (%s); looking at an older one", told["file"], place, error)
    return None


def new_name(wanted: str, taken: list[str]) -> str:
    """`wanted`, or `wanted-2`, `wanted-3`, ... where a state or a manifest has it: nothing is ever overwritten."""
    stems, name, count = {Path(other).stem for other in taken}, wanted, 1
    while name in stems:
        count += 1
        name = f"{wanted}-{count}"
    return name


def step_of(manifest: Path) -> int:
    """The step in a checkpoint's name."""
    return int(manifest.stem.split("_")[1].split("-")[0])

"""Checkpoints copied to Drive while training goes on, by a thread that may fail, wait and be wrong, but never stops it.

A copy counts once it has been read back whole and its manifest has been, too. Everything that happens is logged.
"""

from __future__ import annotations

import errno
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from t2i_utils.drive.folder import DriveFolder, discard, new_name
from t2i_utils.drive.looking import Wait, mount_again, wait_until_whole
from t2i_utils.training import checkpoints
from t2i_utils.training.restoring import Check, newest_whole, read_records

log = logging.getLogger(__name__)

RETRIES = (0, 10, 60)  # seconds before a copy is tried, and tried again
ONCE_MORE = (0, 10)  # at the end, where the visit before came to nothing: a Drive that is dead for good costs little
HANGS = 600.0  # seconds after which a copy that has not ended is told of


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
        beside: copies what a checkpoint needs beside it, sleeping by the function that it is given, and says whether it
            is there; asked before a copy until it is.
        check: asked of every manifest that lies there before the first copy; raises for another run's, and what lies
            there is set aside then.
        clock: seconds, for tests.
        wait: sleeps so many seconds unless the mirror is being closed, for tests.

    Attributes:
        safe: the newest copy, None before the first.
        busy: the local manifest that is being copied now; it must not be removed meanwhile.
        failures: of copying, since the last copy that came through.
        anew: the run began anew, or from an older step, and what lies there still has to be set aside.
    """

    def __init__(
        self,
        place: DriveFolder,
        minutes: float = 10.0,
        remount: Callable[[], object] | None = None,
        beside: Callable[[Wait], bool] | None = None,
        check: Check = lambda where, told: None,
        clock: Callable[[], float] = time.monotonic,
        wait: Wait | None = None,
    ):
        self.place, self.seconds, self.remount, self.clock = place, 60 * minutes, remount, clock
        self.beside, self.check = beside, check
        self.safe: Copied | None = None
        self.busy: Path | None = None
        self.failures = 0
        self.anew = False
        self._looked = False  # whether it is known what lies there
        self._closing = threading.Event()
        self._wait = wait or self._closing.wait
        self._offered: Path | None = None
        self._news = threading.Condition()
        self._begun = -self.seconds  # when the last copy was begun: the first is due at once
        self._told = 0.0  # when it was last said that it has not ended
        self._thread: threading.Thread | None = None

    def offer(self, manifest: Path) -> None:
        """Tell of a new local checkpoint; returns at once. It is copied if the last copy is old enough."""
        with self._news:
            self._offered = manifest
            self._closing.clear()  # a run may be trained again after it was closed
            now = self.clock()
            if now - self._begun < self.seconds:
                return
            if self._thread is not None and self._thread.is_alive():
                if now - self._told >= max(self.seconds, HANGS):
                    self._told, minutes = now, (now - self._begun) / 60
                    log.warning("copying to Drive has not ended for %.0f min; %s", minutes, self.state())
                return
            self._begun = self._told = now
            self._visit(RETRIES)

    def _visit(self, pauses: Sequence[float]) -> None:
        work = partial(self._copy_newest, pauses)
        self._thread = threading.Thread(target=work, name="copying to Drive", daemon=True)
        self._thread.start()

    def close(self, patience: float = 120.0) -> None:
        """Copy the newest checkpoint now, if it is not there yet, and wait for it: `patience` seconds at most."""
        if self._thread is not None:
            self._thread.join(patience)
        with self._news:
            late = self._offered is not None and (self.safe is None or self.safe.step < step_of(self._offered))
            if late and (self._thread is None or not self._thread.is_alive()):
                self._visit(ONCE_MORE if self.failures else RETRIES)
        if late:
            self._thread.join(patience)
            if self._thread.is_alive():
                log.warning("%s is still being copied after %.0f s; %s", self._offered.stem, patience, self.state())
        self._closing.set()

    def knows(self, name: str, step: int) -> None:
        """Tell of a manifest that lies there, whose state was read from there and is whole."""
        self.safe = Copied(step, self.clock() - self.place.age(name))

    def state(self) -> str:
        """How old the newest safe copy is, in words."""
        if self.safe is None:
            return f"NOTHING of this run is known to be safe in {self.place} yet"
        minutes = (self.clock() - self.safe.at) / 60
        return f"the newest safe copy in {self.place} is of step {self.safe.step}, {minutes:.0f} min old"

    def _copy_newest(self, pauses: Sequence[float]) -> None:
        """One visit of the thread: try until the newest checkpoint is there, or give up until the next is offered."""
        remounted = False
        for pause in pauses:
            if pause:
                self._wait(pause)
            with self._news:
                manifest = self.busy = self._offered
            try:
                if not self._looked:
                    self._look(patient=pause != pauses[-1])
                if self.beside is not None and self.beside(self._wait):
                    self.beside = None
                if self.safe is None or self.safe.step < step_of(manifest):
                    self.copy(manifest)
                self.failures = 0
                return
            except Exception as error:  # a Drive raises what it likes, and none of it may end training
                self.failures += 1
                log.warning("copying %s to Drive failed (%s); %s", manifest.stem, error, self.state())
                remounted = mount_again(error, None if remounted else self.remount) or remounted
                if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                    self._prune()
            finally:
                self.busy = None

    def _look(self, patient: bool) -> None:
        """Before the first copy: nothing of another run is among what lies there, and the newest of it is known."""
        records, unread = read_records(self.place)
        if unread and patient:
            raise next(iter(unread.values()))
        try:
            for told in records.values():
                self.check(f"{self.place}/{told['file']}", told)
            aside = self.place.path.parent if self.anew and records else None
        except ValueError as error:
            log.warning("%s", error)
            aside = self.place.path
        if aside is not None:
            log.warning("%s was set aside as %s", aside, checkpoints.set_aside(aside))
        elif self.safe is None and (name := newest_whole(self.place, records)):
            self.knows(name, records[name]["step"])
        self._looked = True

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
        try:
            self.place.copy_in(manifest.with_suffix(".pt"), state)
            self._read_back(state, lambda: self.place.digest(state) == (told["bytes"], told["sha256"]))
            self.place.write(record, text)
            self._read_back(record, lambda: self.place.read(record) == text)
        except (OSError, ValueError):
            discard(self.place, record, state)
            raise
        self.safe = Copied(told["step"], self.clock())
        log.info("step %d is safe in %s as %s", told["step"], self.place, state)
        self._prune(stem)

    def _read_back(self, name: str, whole: Callable[[], bool]) -> None:
        wait_until_whole(f"{name} in {self.place}", whole, self._wait, self._closing.is_set)

    def _prune(self, newest: str = "") -> None:
        """Remove superseded copies, and states without a manifest; failing here loses nothing.

        A state goes after its manifest, and stays where that stays: what a manifest tells of is there.
        """
        try:
            names, (records, unread) = self.place.names(), read_records(self.place)
        except OSError as error:
            log.warning("old copies in %s could not be looked at (%s)", self.place, error)
            return
        kept = {Path(name).stem for name in (*checkpoints.worth_keeping(records), *unread)} | {newest}
        old = [name for name in names if name.startswith("step_") and Path(name).stem not in kept]
        stays = set()
        for name in sorted(old, key=lambda name: not name.endswith(".json")):
            if Path(name).stem in stays:
                continue
            try:
                self.place.remove(name)
            except OSError as error:
                stays.add(Path(name).stem)
                log.warning("%s could not be removed from %s (%s)", name, self.place, error)


def step_of(manifest: Path) -> int:
    """The step in a checkpoint's name."""
    return int(manifest.stem.split("_")[1].split("-")[0])

"""A training in a folder: resumed where it stopped, saved by the clock, copied to Drive, taken back when it diverges.

It knows nothing of what is trained. The folder holds `checkpoints/`, `history.csv` (losses by step), `val.csv` (what
was measured beside checkpoints), `board/` (the same for TensorBoard) and `run.log`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch

from t2i_utils import __version__
from t2i_utils.colab import remount_drive
from t2i_utils.drive.folder import DriveFolder
from t2i_utils.drive.looking import Wait
from t2i_utils.training import checkpoints
from t2i_utils.training.board import Board
from t2i_utils.training.budget import Budget
from t2i_utils.training.guard import DivergedError
from t2i_utils.training.keeping import Keeping
from t2i_utils.training.mirror import Mirror
from t2i_utils.training.resuming import CHECKPOINTS, checkpoint_to_go_on_from
from t2i_utils.training.runlog import logged_to
from t2i_utils.training.trainer import Trainer, Watcher
from t2i_utils.training.watchers import History, Progress, SaveEvery, finish_step_on_interrupt

log = logging.getLogger(__name__)

RETREATS = 3  # how often a run may go back and try with half the rates
PATIENCE, HURRY = 120.0, 20.0  # seconds for the last copy to Drive; where an error waits to be seen


class Session:
    """One training in one folder.

    Args:
        folder: where everything lies; made if it is not there.
        name: of what is trained, for people.
        trainer: the loop and its state; put where the newest checkpoint left it.
        batches: from a step to the batches from there on.
        facts: plain values that a resuming run must agree with.
        keeping: how it is kept.
        look: from what the trainer's `prepare` made to more named scalars for the record of losses.
        beside: from the run's folder on Drive, and a function to sleep by, to whether what a checkpoint needs beside it
            is there; it copies it.

    Attributes:
        history: losses and scores by step.
        val: what was measured beside checkpoints, by step.
        board: the same for TensorBoard.
        mirror: the copies on Drive, or None.
        saved_at: the step of the newest checkpoint, -1 before the first.
        ends_at: the step at which training is to end, None where it ends by the clock.

    Raises:
        FileNotFoundError, ValueError: as `checkpoint_to_go_on_from`; naming every difference, for another run's folder.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        trainer: Trainer,
        batches: Callable[[int], Iterable],
        facts: Mapping[str, Any],
        keeping: Keeping,
        look: Callable[[Any], Mapping[str, Any]] | None = None,
        beside: Callable[[Path, Wait], bool] | None = None,
    ):
        self.folder, self.name, self.trainer, self.batches = folder, name, trainer, batches
        self.facts, self.keeping = dict(facts), keeping
        self.mirror = None
        if keeping.drive:
            there = Path(keeping.drive).expanduser() / folder.name
            bring = None if beside is None else partial(beside, there)
            place = DriveFolder(there / CHECKPOINTS)
            self.mirror = Mirror(place, keeping.drive_minutes, remount_drive, bring, self.check)
        self.saved_at, self.ends_at = -1, None
        with logged_to(folder):
            self.resume()
        self.history = History(folder / "history.csv", until=trainer.step, measure=look)
        self.val = History(folder / "val.csv", until=trainer.step)
        self.board = Board(folder / "board", {"": self.history, "val/": self.val})
        self.board.begin(trainer.step)

    def known(self, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """A checkpoint's facts as this version would have written them; for those that knew fewer arguments."""
        return facts

    def measure(self) -> dict[str, float]:
        """Numbers beside a checkpoint, "score" (more is better) among them where there is one; {} for none."""
        return {}

    def resume(self) -> None:
        """Go back to the checkpoint that is asked for, if there is one."""
        checkpoint = checkpoint_to_go_on_from(self.folder, self.keeping.resume, self.mirror, self.check)
        if checkpoint is None:
            return
        self.load(checkpoint)
        now, facts = self.kept(), checkpoint.facts
        before = now | {"precision": facts.get("precision", now["precision"])} | facts.get("kept", {})
        self.ends_at = before["steps"]
        if changed := checkpoints.differences(before | {"steps": None}, now):
            log.warning("going on from step %d, changed in %s", checkpoint.step, "; ".join(changed))

    def kept(self) -> dict[str, Any]:
        """What may change from one session to the next, for the record."""
        minutes = {"save_minutes": self.keeping.save_minutes, "drive_minutes": self.keeping.drive_minutes}
        return {"precision": str(self.trainer.half or "float32"), **minutes, "steps": self.ends_at}

    def load(self, checkpoint: checkpoints.Checkpoint) -> None:
        """Put the trainer into a state; another system's under this one's manifest is refused."""
        state = checkpoints.load(checkpoint.path, self.trainer.device)
        try:
            if state["step"] != checkpoint.step:
                raise ValueError(f"it is of step {state['step']!r}, its manifest of {checkpoint.step}")
            self.trainer.load_state_dict(state)
        except (KeyError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            said = str(error).partition("\n")[0]
            raise ValueError(
                f"{checkpoint.path} does not fit {self.name} ({said}); it is not what its manifest says: "
                "use another checkpoint (--resume PATH), or --resume never"
            ) from error
        self.saved_at = checkpoint.step

    def check(self, where: str, told: Mapping[str, Any]) -> None:
        """Raise a ValueError that names every difference, if a checkpoint is of another run than this one."""
        run = told["facts"].get("run", {})
        with suppress(KeyError, TypeError, AttributeError):  # raised by one so unlike ours that nothing can be added
            run = self.known(run)
        other = checkpoints.differences(run, self.facts)
        if other:
            raise ValueError(
                f"{where} holds another run, at step {told['step']}, which differs in {'; '.join(other)}; "
                "use the same settings to go on, or another folder (or --resume never) to begin anew"
            )

    def train(
        self,
        steps: int | None = None,
        minutes: float | None = None,
        watchers: Sequence[Watcher] = (),
        progress: bool = True,
    ) -> History:
        """Train to `steps` batches in all, or for `minutes` more; saved at the end, and on Ctrl-C.

        Where one player's turns stop being finite, the run goes back to its last checkpoint and goes on from there with
        half the rates, three times at most.

        Raises:
            RuntimeError: with what was seen, when that did not help.
        """
        budget = Budget(steps, minutes)
        bar = Progress(budget, self.name) if progress else None
        saver = SaveEvery(self.save, self.keeping.save_minutes)
        looking = [self.history, saver, *watchers, self.board] + ([bar] if bar else [])
        patience = PATIENCE
        with logged_to(self.folder):
            self._say_where_to(steps)
            try:
                with finish_step_on_interrupt(budget):
                    if self.saved_at < 0:
                        self.save()  # there must be a state to go back to
                    elif self.mirror is not None:  # a Drive that the run did not come from may not have it
                        self.mirror.offer(self.folder / CHECKPOINTS / f"step_{self.saved_at:08d}.json")
                    if budget.fraction(self.trainer.step) < 1:
                        log.info("training from step %d on", self.trainer.step)
                    while True:
                        try:
                            self.trainer.run(self.batches, budget, looking)
                            break
                        except DivergedError as error:
                            self._go_back(error)
                self.save()
                self.board.write()
            except BaseException:  # a second Ctrl-C, too
                patience = HURRY
                raise
            finally:
                if bar:
                    bar.close()
                self.board.close()
                if self.mirror is not None:
                    self.mirror.close(patience)
        return self.history

    def _say_where_to(self, steps: int | None) -> None:
        """Note at which step a training ends; and that it was to be another, where it was."""
        if None not in (self.ends_at, steps) and self.ends_at != steps:
            log.info("going on to step %s; until now it was to be %s", steps, self.ends_at)
        self.ends_at = steps

    def _go_back(self, error: DivergedError) -> None:
        """To the last checkpoint, bitwise, but for rates half as large as they were."""
        rate = self.trainer.rate / 2
        if rate < 0.5**RETREATS:
            raise RuntimeError(
                f"{self.folder}: went back {RETREATS} times, each time with half the rates, and still {error}\n"
                "use a smaller --rate, float32, or a stronger penalty; the last good checkpoint is in the folder"
            ) from error
        checkpoint = checkpoints.newest(self.folder / CHECKPOINTS)
        self.load(checkpoint)
        self.trainer.rate = rate
        for record in (self.history, self.val):
            record.forget(checkpoint.step)
        self.board.begin(checkpoint.step)
        log.warning("%s; went back to step %d, rates times %g from here on", error, checkpoint.step, rate)

    def save(self) -> None:
        """Write a checkpoint of this very step, unless there is one or a turn was just skipped."""
        if self.saved_at == self.trainer.step or not self.trainer.guard.calm:
            return
        measures = self.measure()
        facts = {
            "run": self.facts,
            "kept": self.kept(),
            "t2i_utils": __version__,
            "torch": str(torch.__version__),
            "score": measures.get("score"),
        }
        busy = [self.mirror.busy] if self.mirror is not None and self.mirror.busy else []
        path = checkpoints.save(self.folder / CHECKPOINTS, self.trainer.state_dict(), facts, busy)
        if measures:
            self.val.note(self.trainer.step, measures)
        self.history.flush()
        self.val.flush()
        self.saved_at = self.trainer.step
        if self.mirror is not None:
            self.mirror.offer(path.with_suffix(".json"))

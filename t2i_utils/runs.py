"""A training run: a recipe, a data file, an encoder's vectors and a folder, resumed where it stopped.

The folder holds `checkpoints/`, `samples/` (pictures as training goes), `history.csv`, `encoder.json` and, where the
encoder is a folder of its own, a copy of it in `encoder/`: a run can be moved whole, and still paints.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from t2i_utils import __version__
from t2i_utils.colab import choose_device, half_dtype, remount_drive
from t2i_utils.data.loader import Loader
from t2i_utils.metrics.val import ValMeasures
from t2i_utils.objectives.round import mean_scores
from t2i_utils.painter import Painter
from t2i_utils.recipe import Recipe
from t2i_utils.recipes.arguments import build_recipe, complete, with_defaults
from t2i_utils.text.kept import ENCODER, keep_encoder, kept_encoder, send_encoder
from t2i_utils.training import checkpoints
from t2i_utils.training.board import Board
from t2i_utils.training.budget import Budget
from t2i_utils.training.drive import DriveFolder
from t2i_utils.training.guard import DivergedError
from t2i_utils.training.mirror import Mirror
from t2i_utils.training.resuming import CHECKPOINTS, checkpoint_to_go_on_from
from t2i_utils.training.runlog import logged_to
from t2i_utils.training.trainer import Trainer, Watcher
from t2i_utils.training.watchers import History, Progress, SaveEvery, finish_step_on_interrupt

log = logging.getLogger(__name__)

RETREATS = 3  # how often a run may go back and try with half the rates


@dataclass(frozen=True)
class Settings:
    """What a run needs beside its recipe.

    Attributes:
        seed: of weights, batches and noise.
        precision: auto is bf16 or fp16 on a GPU, by what it can do, and float32 on a CPU.
        split: which classes train; trainval keeps only the test classes out, as the papers do.
        captions_per_visit: 1 draws one of a picture's captions a visit; k gives the mean of k (Reed: 4).
        save_minutes: between two checkpoints.
        resume: auto goes on with the newest whole checkpoint, here or on Drive; never sets what is here aside and
            begins anew; a path goes on from that checkpoint, or from the newest of that folder.
        drive: a folder, on a mounted Drive for example, that gets copies of the checkpoints under the run's own name.
        drive_minutes: between two copies.
    """

    seed: int = 0
    precision: Literal["auto", "float32", "bf16", "fp16"] = "auto"
    split: Literal["trainval", "train"] = "trainval"
    captions_per_visit: int = 1
    save_minutes: float = 5.0
    resume: str = "auto"
    drive: str = ""
    drive_minutes: float = 10.0

    def __post_init__(self):
        for what, minutes in (("save", self.save_minutes), ("copy", self.drive_minutes)):
            if not minutes > 0:
                raise ValueError(f"cannot {what} every {minutes} minutes; use a number above 0")


class Run:
    """One training run in one folder; made by `open_run`.

    Attributes:
        folder: where everything lies.
        recipe: networks and losses.
        loader: batches.
        trainer: the loop and its state.
        average: the generator that paints.
        history: losses and scores by step.
        val: what was measured beside each checkpoint, by step.
        board: the same for TensorBoard.
        facts: what a resuming run must agree with.
    """

    def __init__(self, folder: Path, recipe: Recipe, loader: Loader, facts: dict[str, Any], settings: Settings):
        self.folder, self.recipe, self.loader, self.facts, self.settings = folder, recipe, loader, facts, settings
        turns, self.average = recipe.players()
        half = half_dtype(loader.device, settings.precision)
        state = {"average": self.average}
        self.trainer = Trainer(turns, recipe.prepare(settings.seed), loader.device, half, state)
        self.mirror = self._mirror(settings) if settings.drive else None
        self.measures = ValMeasures(loader)
        self.saved_at = -1
        self.resume()
        self.history = History(folder / "history.csv", until=self.trainer.step, measure=mean_scores)
        self.val = History(folder / "val.csv", until=self.trainer.step)
        self.board = Board(folder / "board", {"": self.history, "val/": self.val})
        self.board.begin(self.trainer.step)

    def _mirror(self, settings: Settings) -> Mirror:
        there = Path(settings.drive).expanduser() / self.folder.name
        encoder = partial(send_encoder, self.folder, DriveFolder(there / ENCODER))
        return Mirror(DriveFolder(there / CHECKPOINTS), settings.drive_minutes, remount_drive, encoder)

    def resume(self) -> None:
        """Go back to the checkpoint that the settings ask for, if there is one.

        Raises:
            ValueError: naming every difference, if it is of another run.
            FileNotFoundError: where a path was asked for that holds none.
        """
        place = None if self.mirror is None else self.mirror.place
        checkpoint = checkpoint_to_go_on_from(self.folder, self.settings.resume, place, self.check)
        if checkpoint is None:
            return
        self._load(checkpoint)
        self.saved_at = self.trainer.step
        before, now = checkpoint.facts["precision"], str(self.trainer.half or "float32")
        if before != now:
            with logged_to(self.folder):
                log.warning("going on in %s; until step %d it was %s", now, checkpoint.step, before)

    def _load(self, checkpoint: checkpoints.Checkpoint) -> None:
        """Put the trainer into a state; another system's under this one's manifest is refused."""
        state = checkpoints.load(checkpoint.path, self.loader.device)
        try:
            self.trainer.load_state_dict(state)
        except (KeyError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            said = str(error).partition("\n")[0]
            raise ValueError(
                f"{checkpoint.path} does not fit {self.facts['system']} ({said}); it is not what its manifest says: "
                "use another checkpoint (--resume PATH), or --resume never"
            ) from error

    def check(self, where: str, told: Mapping[str, Any]) -> None:
        """Raise a ValueError that names every difference, if a checkpoint is of another run than this one."""
        other = checkpoints.differences(with_defaults(told["facts"]["run"]), self.facts)
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
        bar = Progress(budget, self.facts["system"]) if progress else None
        saver = SaveEvery(self.save, self.settings.save_minutes)
        looking = [self.history, saver, *watchers, self.board] + ([bar] if bar else [])
        with logged_to(self.folder):
            try:
                with finish_step_on_interrupt(budget):
                    if self.saved_at < 0:
                        self.save()  # there must be a state to go back to
                    if budget.fraction(self.trainer.step) < 1:
                        log.info("training from step %d on", self.trainer.step)
                    while True:
                        try:
                            self.trainer.run(self.loader.stream, budget, looking)
                            break
                        except DivergedError as error:
                            self._go_back(error)
            finally:
                if bar:
                    bar.close()
            self.save()
            self.board.write()
            self.board.close()
            if self.mirror is not None:
                self.mirror.close()
        return self.history

    def _go_back(self, error: DivergedError) -> None:
        """To the last checkpoint, bitwise, but for rates half as large as they were."""
        rate = self.trainer.rate / 2
        if rate < 0.5**RETREATS:
            raise RuntimeError(
                f"{self.folder}: went back {RETREATS} times, each time with half the rates, and still {error}\n"
                "use a smaller --rate, float32, or a stronger penalty; the last good checkpoint is in the folder"
            ) from error
        checkpoint = checkpoints.newest(self.folder / CHECKPOINTS)
        self._load(checkpoint)
        self.trainer.rate, self.saved_at = rate, checkpoint.step
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
            "precision": str(self.trainer.half or "float32"),
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

    def measure(self) -> dict[str, float]:
        """How well the average paints val captions, and how it listens to them; {} where nobody can say."""
        return self.measures(self.average.module)

    def painter(self) -> Painter:
        """A painter of the run as it is now: it goes on changing while the run trains."""
        return Painter(kept_encoder(self.folder, self.loader.device), self.average.module, self.facts["system"])


def open_run(
    system: str,
    data: Path,
    encoder: str,
    out: Path,
    arguments: Mapping[str, Any] | None = None,
    settings: Settings = Settings(),
    device: torch.device | str | None = None,
) -> Run:
    """Open a run in a folder: a new one, or the one that lies there, to go on with.

    Args:
        system: a name in SYSTEMS.
        data: HDF5 file made by `build`, with the encoder's vectors from `embed`.
        encoder: name or fingerprint of the vectors in the file.
        out: the run's folder, made if it is not there.
        arguments: of the system's function that differ from its defaults.
        settings: seed, precision, split, captions a visit, minutes between checkpoints.
        device: where it trains; the GPU if there is one.

    Raises:
        ValueError: unknown system, argument or encoder; or a folder with a run that differs, naming how.
        FileNotFoundError: no such data.
    """
    device = torch.device(device) if device is not None else choose_device()
    arguments = dict(arguments or {})
    probe = Loader(data, encoder=encoder, batch_size=2, split=settings.split)
    arguments = complete(system, arguments, probe)
    recipe = build_recipe(system, arguments, settings.seed)
    loader = Loader(
        data,
        encoder=encoder,
        batch_size=recipe.batch_size,
        seed=settings.seed,
        split=settings.split,
        captions_per_visit=settings.captions_per_visit,
        device=device,
    )
    facts = {
        "system": system,
        "arguments": arguments,
        "seed": settings.seed,
        "split": settings.split,
        "captions_per_visit": settings.captions_per_visit,
        "data": loader.fingerprint,
        "encoder": loader.encoder,
    }
    run = Run(Path(out), recipe, loader, facts, settings)
    keep_encoder(run.folder, loader.encoder_where, loader.encoder)
    return run

"""What looks on at the end of every step: a progress bar, a record of losses, a clock that saves."""

from __future__ import annotations

import csv
import io
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm.auto import tqdm

from t2i_utils.training.budget import Budget
from t2i_utils.whole import write_whole


class Progress:
    """A bar with the step and the time that is left, by steps or by minutes."""

    def __init__(self, budget: Budget, name: str = ""):
        self.budget = budget
        layout = "{desc}: {percentage:3.0f}%|{bar}| {postfix}"
        self.bar = tqdm(total=1.0, desc=name, bar_format=layout, mininterval=0.5)

    def __call__(self, trainer, moment: Any, losses: Mapping[str, Tensor]) -> None:
        left = self.budget.seconds_left(trainer.step)
        ending = "" if left is None else f", {clock(left)} left"
        self.bar.set_postfix_str(f"step {trainer.step}{ending}", refresh=False)
        self.bar.update(min(1.0, self.budget.fraction(trainer.step)) - self.bar.n)

    def close(self) -> None:
        self.bar.close()


def clock(seconds: float) -> str:
    """Seconds as people say them: 1:05 or 2:00:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class History:
    """Losses by step, the trainer's measures (rates, norms) and others, in memory and, when flushed, in a CSV file.

    A resumed run goes on with that file.

    Args:
        path: of the CSV; None keeps everything in memory.
        until: rows at later steps than this are forgotten: a run that fell back to a checkpoint trains them again.
        measure: from what `prepare` made to more named scalars, e.g. the mean scores of a GAN's round.
        every: steps between two rows.
    """

    def __init__(
        self,
        path: Path | None = None,
        until: int = 0,
        measure: Callable[[Any], Mapping[str, Tensor]] | None = None,
        every: int = 1,
    ):
        self.path, self.measure, self.every = path, measure, every
        self.rows: list[dict[str, Any]] = []
        self._written, self._header = 0, []  # of the rows, those that are in the file, and its columns
        if path is not None and path.is_file():
            with open(path, newline="", encoding="utf-8") as file:
                whole = (line for line in file if line.endswith("\n"))  # a kill may have left half of the last one
                told = [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(whole)]
            self.rows = [row for row in told if row["step"] <= until]

    def __call__(self, trainer, moment: Any, losses: Mapping[str, Tensor]) -> None:
        if trainer.step % self.every == 0:
            more = self.measure(moment) if self.measure else {}
            # tensors, not numbers: a number would make the CPU wait for the GPU in every step
            self.rows.append({"step": trainer.step, **losses, **more, **trainer.measures()})

    def since(self, step: int) -> list[dict[str, Any]]:
        """The rows of later steps than this, oldest first."""
        first = len(self.rows)
        while first and self.rows[first - 1]["step"] > step:
            first -= 1
        return self.rows[first:]

    def forget(self, after: int) -> None:
        """Drop the rows of later steps than this: they will be trained again."""
        self.rows = [row for row in self.rows if row["step"] <= after]
        self._written = 0

    def note(self, step: int, values: Mapping[str, float]) -> None:
        """Add a row that no step made, e.g. what was measured beside a checkpoint."""
        self.rows.append({"step": step, **values})

    def column(self, name: str) -> tuple[list[int], list[float]]:
        """Steps and values of one loss or measure."""
        rows = [row for row in self.rows if name in row]
        return [int(row["step"]) for row in rows], [float(row[name]) for row in rows]

    def names(self) -> list[str]:
        """Every column but the step, in the order of appearance."""
        return [name for name in dict.fromkeys(name for row in self.rows for name in row) if name != "step"]

    def losses(self) -> list[str]:
        """The columns that are losses: those that are named after a player."""
        players = {name.split("/")[1] for name in self.names() if name.startswith("rate/")}
        return [name for name in self.names() if name.split("/")[0] in players]

    def flush(self) -> None:
        """Bring the CSV up to date: new rows are added to it, and where there are new columns it is written whole."""
        if self.path is None or not self.rows:
            return
        new = [{key: float(value) for key, value in row.items()} for row in self.rows[self._written :]]
        self.rows[self._written :] = new
        header = list(dict.fromkeys(["step", *self._header, *(key for row in new for key in row)]))
        text = io.StringIO()
        writer = csv.DictWriter(text, header)
        add = self._written > 0 and header == self._header and self.path.is_file()
        if not add:
            writer.writeheader()
        writer.writerows({key: f"{value:.9g}" for key, value in row.items()} for row in (new if add else self.rows))
        if add:
            with open(self.path, "ab") as file:
                file.write(text.getvalue().encode())
                file.flush()
                os.fsync(file.fileno())
        else:
            write_whole(self.path, text.getvalue().encode())
        self._written, self._header = len(self.rows), header


class SaveEvery:
    """Save by the clock: a session's end is measured in minutes, not in steps."""

    def __init__(self, save: Callable[[], object], minutes: float, now: Callable[[], float] = time.monotonic):
        if minutes <= 0:
            raise ValueError(f"cannot save every {minutes} minutes; use a number above 0")
        self.save, self.seconds, self.now = save, 60 * minutes, now
        self.last = now()

    def __call__(self, trainer, moment: Any, losses: Mapping[str, Tensor]) -> None:
        if self.now() - self.last >= self.seconds:
            self.save()
            self.last = self.now()


class Every:
    """Do something at every so many steps: `Every(500, lambda trainer: ...)`."""

    def __init__(self, steps: int, do: Callable[[Any], object]):
        self.steps, self.do = steps, do

    def __call__(self, trainer, moment: Any, losses: Mapping[str, Tensor]) -> None:
        if trainer.step % self.steps == 0:
            self.do(trainer)


@contextmanager
def finish_step_on_interrupt(budget: Budget) -> Iterator[None]:
    """Turn Ctrl-C (or a notebook's stop button) into the end of the budget, so that no step is left half taken.

    A second Ctrl-C interrupts at once. Outside the main thread Python allows no signal handlers and nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number, frame) -> None:
        budget.stop()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

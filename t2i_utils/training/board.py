"""A run as TensorBoard shows it, while it trains: `tensorboard --logdir RUN/board`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from t2i_utils.training.watchers import History


class Board:
    """A watcher that writes histories and pictures into TensorBoard's event files.

    By the clock and not in every step: what is still on the GPU is fetched for many rows at once.

    Args:
        folder: of the event files; nothing is written there, and TensorBoard not imported, before there is something.
        histories: by the prefix of their names, e.g. {"": losses, "val/": measures beside checkpoints}.
        every: a point at steps divisible by it, of the first history; of the others every row.
        seconds: between two writes.
        now: seconds, for tests.
    """

    def __init__(
        self,
        folder: Path,
        histories: Mapping[str, History],
        every: int = 10,
        seconds: float = 20.0,
        now: Callable[[], float] = time.monotonic,
    ):
        self.folder, self.histories, self.every, self.seconds, self.now = folder, histories, every, seconds, now
        self.last = now()
        self._writer: Any = None
        self.begin(0)

    def begin(self, step: int) -> None:
        """Go on from a state of the run: what was written of later steps, by a session that was lost, is hidden."""
        self.close()
        self._lost_from: int | None = step + 1 if step else None
        self._written = dict.fromkeys(self.histories, step or -1)  # what was measured before the first step counts

    def __call__(self, trainer, moment: Any, losses: Mapping[str, Tensor]) -> None:
        if self.now() - self.last >= self.seconds:
            self.write()
            self.last = self.now()

    def write(self) -> None:
        """Write what the histories have learnt since the last time."""
        for prefix, history in self.histories.items():
            for row in history.since(self._written[prefix]):
                if prefix or row["step"] % self.every == 0:
                    for name in row.keys() - {"step"}:
                        self._open().add_scalar(prefix + name, float(row[name]), int(row["step"]))
                self._written[prefix] = int(row["step"])
        if self._writer is not None:
            self._writer.flush()

    def picture(self, name: str, pixels: Any, step: int) -> None:
        """Write a picture: uint8 [height, width, 3], e.g. of a PIL image."""
        import numpy

        self._open().add_image(name, numpy.asarray(pixels), step, dataformats="HWC")

    def close(self) -> None:
        """Close the file; more to write opens another one."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    def _open(self) -> Any:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder), purge_step=self._lost_from)
            self._lost_from = None
        return self._writer

"""Numbers that are not finite: their turn leaves no trace, and several in a row end the attempt."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import torch
from torch import Tensor, nn

from t2i_utils.training.turns import Turn

PATIENCE = 5

log = logging.getLogger(__name__)


class Verdict(Enum):
    """What becomes of a turn.

    Attributes:
        TAKEN: its numbers are finite.
        OVERFLOW: a gradient is not, every loss is, and the gradient scaler can still halve its scale.
        SKIPPED: its numbers are not finite, and no scale would help.
    """

    TAKEN = auto()
    OVERFLOW = auto()
    SKIPPED = auto()


@dataclass(frozen=True)
class Skipped:
    """A turn that was not taken.

    Attributes:
        step: of the run; with the run's seed it names the batch.
        turn: the player's name.
        losses: by name, what the turn saw; nan and inf are among them, unless only a gradient was not finite.
        norm: of the gradient.
    """

    step: int
    turn: str
    losses: dict[str, float]
    norm: float

    def __str__(self) -> str:
        seen = ", ".join(f"{name} {value:.4g}" for name, value in self.losses.items())
        return f"step {self.step}, {self.turn}: {seen}, gradient {self.norm:.4g}"


class DivergedError(RuntimeError):
    """One player's turns were not finite several times in a row.

    Attributes:
        skipped: these turns, oldest first.
    """

    def __init__(self, skipped: Sequence[Skipped]):
        self.skipped = list(skipped)
        lines = "\n".join(f"  {turn}" for turn in self.skipped)
        super().__init__(f"{len(self.skipped)} turns in a row were not finite:\n{lines}")


class Guard:
    """Decides whether a turn's numbers may be learnt from, and remembers those that may not.

    A gradient scaler finds its scale by overflowing: a gradient that is not finite while every loss is, and while the
    scale is above 1, is the scaler's business. It is skipped like any other and counted apart.

    Attributes:
        patience: turns in a row of one player before it gives up.
        skipped: every turn that was not taken for what its numbers were.
        overflows: by player, how often a scaler's scale was too large; the first few times it is finding it.
    """

    def __init__(self, patience: int = PATIENCE):
        self.patience = patience
        self.skipped: list[Skipped] = []
        self.overflows: dict[str, int] = {}
        self._row: dict[str, list[Skipped]] = {}

    def judge(
        self, turn: Turn, losses: Mapping[str, Tensor], norm: Tensor, step: int, scale: Tensor | None = None
    ) -> Verdict:
        """Whether the turn may be taken. This waits for the GPU, once: nothing else can decide.

        Args:
            turn: whose gradients are there, unscaled.
            losses: scalars.
            norm: of all its gradients, a scalar.
            step: of the run.
            scale: of the turn's gradient scaler, a scalar; None without one.

        Raises:
            DivergedError: when the player's last `patience` turns, this one included, were not finite.
        """
        scale = torch.ones_like(norm) if scale is None else scale
        *values, length, size = torch.stack([*(loss.float() for loss in losses.values()), norm, scale]).tolist()
        if math.isfinite(sum(values)) and math.isfinite(length):
            self._row.pop(turn.name, None)
            return Verdict.TAKEN
        if size > 1 and math.isfinite(sum(values)):
            self.overflows[turn.name] = self.overflows.get(turn.name, 0) + 1
            log.info("step %d, %s: gradients overflowed at the scale %g, which is halved", step, turn.name, size)
            return Verdict.OVERFLOW
        seen = dict(zip((name.rpartition("/")[2] for name in losses), values, strict=True))
        self.skipped.append(Skipped(step, turn.name, seen, length))
        log.warning("skipped, as it is not finite: %s", self.skipped[-1])
        row = self._row.setdefault(turn.name, [])
        row.append(self.skipped[-1])
        if len(row) >= self.patience:
            raise DivergedError(row)
        return Verdict.SKIPPED

    @property
    def calm(self) -> bool:
        """Whether every player's last turn was taken: a state worth going back to."""
        return not self._row

    def forget(self) -> None:
        """Start counting anew: the run went back to where all was well."""
        self._row.clear()


class Buffers:
    """What forward passes change besides computing (running statistics), as it was before a step."""

    def __init__(self, modules: Sequence[nn.Module]):
        found = {id(buffer): buffer for module in modules for buffer in module.buffers()}
        self._kept = [(buffer, buffer.clone()) for buffer in found.values()]

    @torch.no_grad()
    def restore(self) -> None:
        """Put everything back, in place."""
        for buffer, kept in self._kept:
            buffer.copy_(kept)

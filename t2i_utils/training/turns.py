"""A turn: one module learns from one look at the batch. A GAN has two, a text encoder one, others more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

Losses = Mapping[str, Tensor]


@dataclass
class Turn:
    """Who learns, from which losses, and how often.

    Attributes:
        name: of the player, e.g. "generator"; losses are reported under it.
        module: whose parameters learn; every other turn's module is frozen meanwhile.
        optimizer: over those parameters.
        losses: from what `prepare` made to named scalars, whose sum is backpropagated; or an iterator of such
            mappings, each backpropagated as it comes (gradient accumulation).
        every: the turn is due at steps divisible by it; 5 gives a critic five steps to the generator's one.
        schedule: from a step to a factor of the optimiser's rates.
        before_step: called between backward and the optimiser, on true (unscaled) gradients: clipping.
        after: called after the optimiser's step: weight clipping, averaging.
    """

    name: str
    module: nn.Module
    optimizer: Optimizer
    losses: Callable[[Any], Losses | Iterator[Losses]]
    every: int = 1
    schedule: Callable[[int], float] | None = None
    before_step: Callable[[], object] | None = None
    after: Callable[[], object] | None = None

    def __post_init__(self):
        if self.every < 1:
            raise ValueError(f"turn {self.name!r} is due every {self.every} steps; use 1 or more")
        self.learns = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        for group in self.optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])

    def due(self, step: int) -> bool:
        """Whether this player learns at `step`."""
        return step % self.every == 0

    def freeze(self, frozen: bool) -> None:
        """Stop (or let again) gradients reach what learns here; what was frozen from the start stays so."""
        for parameter in self.learns:
            parameter.requires_grad_(not frozen)

    def set_rate(self, step: int, factor: float = 1.0) -> None:
        """Give the optimiser the rates of this step, times `factor`."""
        if self.schedule is not None:
            factor *= self.schedule(step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor


def mixes_examples(module: nn.Module) -> bool:
    """Whether what a module makes of one example depends on the others of its batch; a module of ours that does says so
    by an attribute `mixes_examples`."""
    normalises = isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm))
    return normalises or getattr(module, "mixes_examples", False)

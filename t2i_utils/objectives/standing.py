"""The averaged generator looks at what it paints, so that its batch normalisation expects its own features."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import Text, draw_noise, step_rng
from t2i_utils.objectives.round import Round

SEED = 29  # of its noises


class Settling(Protocol):
    """An average whose normalisations can be shown something: `Average`."""

    count: int
    module: nn.Module

    def settle(self, noise: Tensor, text: Text, momentum: float) -> None:
        """noise: [batch, *noise_shape], text: captions of [batch]; momentum: what they weigh, 0 to 1."""


class StandingStatistics(nn.Module):
    r"""Batch normalisation's statistics of the averaged generator, gathered by itself while it is trained.

    The average of running statistics is not what an average of weights gives: the features of the averaged generator
    are others than those of any generator that trained, and it paints with means and variances that are not its own.
    Every few steps it is shown the step's captions with noise of its own,

    $$ \bar m \leftarrow \bar m + a (m - \bar m), \quad a = \max(1 - d, 1 / n) $$

    after n such looks, and the same for variances.

    Args:
        every: of the generator's steps between two looks; a look costs one forward pass without a gradient.
        decay: d, of the statistics, a look. They must follow quicker than the average moves: 0.98 at every fourth step
            is too slow for a training of a thousand steps.

    Raises:
        ValueError: for an `every` below 1, or a decay that is none.

    From: Brock et al., Large Scale GAN Training, 2019, appendix D, "standing statistics" (arXiv:1809.11096), who
    gather them once, before painting; Izmailov et al., Averaging Weights Leads to Wider Optima, 2018, section 3.2
    (arXiv:1803.05407), for averaged weights.
    """

    def __init__(self, every: int = 2, decay: float = 0.9):
        super().__init__()
        if every < 1:
            raise ValueError(f"the average cannot look every {every} steps; use 1 or more")
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; statistics need 0 <= decay < 1")
        self.every, self.decay = every, decay
        self._seen: tuple[Text, int] | None = None

    def see(self, round: Round) -> None:
        """The captions of the step."""
        self._seen = round.batch.text, round.step

    def keep(self) -> None:
        """Nothing to remember: what is learnt lies in the average."""

    def settle(self, average: Settling) -> None:
        """After the average's update: look, where it is time."""
        if self._seen is None or average.count % self.every:
            return
        text, step = self._seen
        noise = draw_noise(average.module.noise_shape, len(text), step_rng(SEED, step)).to(text.sentence.device)
        with torch.autocast(text.sentence.device.type, enabled=False):
            average.settle(noise, text, max(1 - self.decay, self.every / average.count))

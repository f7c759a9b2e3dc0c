"""A player that may not run away from where it has been on average."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from t2i_utils.objectives.round import Round


class HistoricalAverage(nn.Module):
    r"""Pull a player's weights towards the mean of all that they have been.

    $$ \lambda\, \lVert \theta - \tfrac1t \textstyle\sum_{i \le t} \theta_i \rVert^2 $$

    Two players that only answer each other may circle around their meeting point for ever; this is the brake.

    Args:
        player: whose weights these are; it is looked at, not held.
        weight: lambda. The paper gives none.

    From: Salimans et al., Improved Techniques for Training GANs, 2016, section 3.3 (arXiv:1606.03498).
    """

    def __init__(self, player: nn.Module, weight: float = 1.0):
        super().__init__()
        self.weight = weight
        self._player = [player]  # in a list, or it would become part of this module and be saved twice
        for index, parameter in enumerate(player.parameters()):
            self.register_buffer(f"mean{index}", torch.zeros_like(parameter))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.count = 0  # the same number on the host: reading the buffer would wait for a GPU in every step

    def pairs(self) -> tuple[list[Tensor], list[Tensor]]:
        """What the weights are, and what they were on average."""
        weights = list(self._player[0].parameters())
        return weights, [self.get_buffer(f"mean{index}") for index in range(len(weights))]

    def forward(self, round: Round) -> Tensor:
        """The term, a scalar; 0 while there is no history."""
        weights, means = self.pairs()
        if not self.count:
            return weights[0].new_zeros(())
        return self.weight * sum((now - mean).square().sum() for now, mean in zip(weights, means, strict=True))

    def see(self, round: Round) -> None:
        """Weights are looked at when they are kept."""

    @torch.no_grad()
    def keep(self) -> None:
        """Count the weights as they are now."""
        weights, means = self.pairs()
        self.count += 1
        torch._foreach_lerp_(means, weights, 1 / self.count)
        self.seen.fill_(self.count)

    def _load_from_state_dict(self, state_dict, prefix, *rest) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self.count = int(self.seen)

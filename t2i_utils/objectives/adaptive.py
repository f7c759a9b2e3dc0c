"""As much augmentation as a discriminator needs not to learn its pictures by heart."""

from __future__ import annotations

import torch
from torch import nn

from t2i_utils.objectives.augment import Change, DiffAugment
from t2i_utils.objectives.round import Round

INTERVAL = 4  # steps that are looked at before the probability moves, as in the paper


class AdaptiveAugment(nn.Module):
    r"""DiffAugment whose probability rises while the discriminator is too sure of real pictures, and falls otherwise.

    $$ r = \mathbb{E}[\operatorname{sign} D(x, t)], \quad
       p \leftarrow \operatorname{clip}(p + \operatorname{sign}(r - \text{target})\, n / N, 0, 1) $$

    after every n pictures (four batches). A discriminator that overfits calls every training picture real: r is 1.

    Args:
        target: of r. The paper uses 0.6.
        pictures: N, that p needs from 0 to 1. The paper uses 500,000.

    Raises:
        ValueError: for a target outside -1 to 1, or fewer than 1 picture.

    From: Karras et al., Training Generative Adversarial Networks with Limited Data, 2020, section 3 (arXiv:2006.06676).
    """

    def __init__(self, target: float = 0.6, pictures: int = 500_000):
        super().__init__()
        if not -1 < target < 1 or pictures < 1:
            raise ValueError(
                f"p cannot reach a mean sign of {target} in {pictures} pictures; use a target between -1 and 1, and 1 "
                "picture or more"
            )
        self.target, self.pictures = target, pictures
        self.register_buffer("probability", torch.zeros((), dtype=torch.float64))
        self.register_buffer("signs", torch.zeros(()))  # summed since p moved
        self.register_buffer("rounds", torch.zeros((), dtype=torch.int64))
        self.p, self.count = 0.0, 0  # the same on the host, which would wait for a GPU in every step otherwise
        self._last: torch.Tensor | None = None
        self._batch = 0

    def draw(self, count: int, step: int, rng: torch.Generator) -> Change:
        """Changes for `count` pictures with the probability as it is now."""
        return DiffAugment(self.p).draw(count, step, rng)

    def see(self, round: Round) -> None:
        """Look at what the discriminator says of real pictures."""
        self._last, self._batch = round.matching[0].logits.detach().sign().mean(), len(round.batch)

    @torch.no_grad()
    def keep(self) -> None:
        """Move the probability after every few steps."""
        self.signs += self._last
        self.count += 1
        if self.count == INTERVAL:
            towards = 1 if self.signs.item() / INTERVAL > self.target else -1
            self.p = min(1.0, max(0.0, self.p + towards * INTERVAL * self._batch / self.pictures))
            self.signs.zero_()
            self.count = 0
        self.probability.fill_(self.p)
        self.rounds.fill_(self.count)

    def _load_from_state_dict(self, state_dict, prefix, *rest) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self.p, self.count = float(self.probability), int(self.rounds)

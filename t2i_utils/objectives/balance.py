"""A critic's two tasks, pictures and captions, kept in balance by a weight that learns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from t2i_utils.objectives.adversarial import Pairs
from t2i_utils.objectives.round import Round


class Balance(nn.Module):
    r"""How much captions count beside pictures in a Wasserstein critic's loss (WGAN-CLS).

    The critic's loss is minus two distances, of painted and of wrongly captioned pairs from matching ones,

    $$ -W_1 - k\, W_2, \quad W_1 = \mathbb{E} D(x, t) - \mathbb{E} D(\tilde x, t),
       \quad W_2 = \mathbb{E} D(x, t) - \mathbb{E} D(x, t') $$

    and k learns, in a turn of its own on scores that are taken as they are, to make the two weigh alike:
    $(k W_2 - W_1)^2$.

    Args:
        start: of k. The paper uses 0.7.

    From: Bodnar, 2018, section 4.2.3 (arXiv:1805.00676).
    """

    def __init__(self, start: float = 0.7):
        super().__init__()
        if not start > 0:
            raise ValueError(f"captions cannot begin with the weight {start}; use a number above 0, e.g. 0.7")
        self.k = nn.Parameter(torch.tensor(start))

    def pairs(self) -> Pairs:
        """The weights of the three kinds of pairs as they are now."""
        k = self.k.detach()
        return Pairs(real=1 + k, painted=1.0, swapped=k)

    def losses(self, round: Round) -> dict[str, Tensor]:
        """What k minimises, a scalar."""
        matching, painted, swapped = (
            sum(score.logits.detach().float().mean() for score in scores)
            for scores in (round.matching, round.painted, round.swapped)
        )
        return {"apart": (self.k * (matching - swapped) - (matching - painted)).square()}

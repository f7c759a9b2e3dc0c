"""What each player minimises: three one-line functions of raw logits, and the weights of the three kinds of pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.interfaces import Score
from t2i_utils.objectives.round import Round


@dataclass(frozen=True)
class Adversarial:
    """A game, as three losses of raw logits ([batch, ...] to a scalar), each to be minimised.

    Attributes:
        real: the discriminator's loss on pairs it should believe.
        fake: the discriminator's loss on pairs it should not.
        fool: the generator's loss on what the discriminator says of its pictures.
        labels: its targets are labels, 0 and 1, which can be softened.
        divides: a logit of 0 lies between what is believed and what is not; a critic's 0 means nothing.
    """

    real: Callable[[Tensor], Tensor]
    fake: Callable[[Tensor], Tensor]
    fool: Callable[[Tensor], Tensor]
    labels: bool = False
    divides: bool = True


def bce(real_label: float = 1.0) -> Adversarial:
    r"""Binary cross-entropy: the discriminator is a classifier of real and painted.

    $$ \text{real} = -y \log \sigma(d) - (1 - y) \log(1 - \sigma(d)), \quad
       \text{fake} = -\log(1 - \sigma(d)), \quad \text{fool} = -\log \sigma(d) $$

    Args:
        real_label: y, the label of real pairs; 0.9 is one-sided label smoothing (Salimans et al., 2016, section 3.4).

    From: Goodfellow et al., Generative Adversarial Nets, 2014, section 3, with the generator's non-saturating loss.
    """
    if not 0 < real_label <= 1:
        raise ValueError(f"real_label is {real_label}; a label lies above 0 and at most at 1 (0.9 smooths one side)")
    return Adversarial(
        real=lambda d: F.binary_cross_entropy_with_logits(d, torch.full_like(d, real_label)),
        fake=lambda d: F.binary_cross_entropy_with_logits(d, torch.zeros_like(d)),
        fool=lambda d: F.binary_cross_entropy_with_logits(d, torch.ones_like(d)),
        labels=True,
    )


BCE = bce()

# Hinge: the discriminator stops pushing what it has already put beyond the margin.
# From: Lim and Ye, Geometric GAN, 2017 (arXiv:1705.02894); Miyato et al., 2018, equations 16 and 17 (arXiv:1802.05957).
HINGE = Adversarial(
    real=lambda d: F.relu(1 - d).mean(),  # be above +1 on real pairs
    fake=lambda d: F.relu(1 + d).mean(),  # be below -1 on the others
    fool=lambda d: -d.mean(),  # the generator climbs
)

# Wasserstein: with a critic of slope 1 at most, minus its loss estimates the earth mover's distance.
# From: Arjovsky et al., Wasserstein GAN, 2017, algorithm 1 (arXiv:1701.07875).
WASSERSTEIN = Adversarial(
    real=lambda d: -d.mean(),
    fake=lambda d: d.mean(),
    fool=lambda d: -d.mean(),
    divides=False,
)


def noisy_bce(spread: float = 0.3) -> Adversarial:
    r"""Cross-entropy with labels drawn anew for every picture: real ones from U[1 - s, 1], the others from U[0, s].

    Args:
        spread: s, above 0 and at most a half, where a label would say nothing.

    From: Chintala et al., How to Train a GAN?, 2016, point 6 (github.com/soumith/ganhacks).
    """
    if not 0 < spread <= 0.5:
        raise ValueError(f"labels cannot be spread over {spread}; use more than 0, at most 0.5")
    return replace(
        BCE,
        real=lambda d: F.binary_cross_entropy_with_logits(d, 1 - spread * torch.rand_like(d)),
        fake=lambda d: F.binary_cross_entropy_with_logits(d, spread * torch.rand_like(d)),
    )


def with_flips(adversarial: Adversarial, probability: float = 0.05) -> Adversarial:
    r"""The same game with some of the discriminator's labels wrong on purpose.

    $$ \text{real}(s\, d), \; \text{fake}(s\, d), \quad s = -1 \text{ with probability } p, \text{ else } 1 $$

    In every game here $\text{fake}(d) = \text{real}(-d)$, so that a wrong label is a logit with the other sign.

    Args:
        adversarial: the game; the generator's part in it stays.
        probability: p, of each pair to have the wrong label; below a half.

    From: Chintala et al., How to Train a GAN?, 2016, point 6 (github.com/soumith/ganhacks).
    """
    if not 0 < probability < 0.5:
        raise ValueError(f"labels cannot be wrong with probability {probability}; use more than 0, below 0.5")

    def flip(d: Tensor) -> Tensor:
        wrong = torch.rand(len(d), *[1] * (d.ndim - 1), device=d.device) < probability
        return torch.where(wrong, -d, d)

    return replace(
        adversarial,
        real=lambda d: adversarial.real(flip(d)),
        fake=lambda d: adversarial.fake(flip(d)),
    )


@dataclass(frozen=True)
class Pairs:
    """How much each kind of pair weighs in the discriminator's loss; 0 leaves a kind out.

    Attributes:
        real: a real picture with its own caption. Each may be a scalar tensor, too, where it is learnt.
        painted: a painted picture with the caption it was painted for.
        swapped: a real picture with another picture's caption (only for heads that see text).
    """

    real: float | Tensor = 1.0
    painted: float | Tensor = 0.5
    swapped: float | Tensor = 0.5


def discriminator_losses(round: Round, adversarial: Adversarial, pairs: Pairs) -> dict[str, Tensor]:
    """The discriminator's loss by kind of pair, each a weighted scalar summed over heads.

    With Reed's weights this is line 9 of his algorithm 1: log s_r + (log(1 - s_w) + log(1 - s_f)) / 2, to be minimised
    with the opposite sign.
    """
    losses = {"real": pairs.real * total(adversarial.real, round.matching)}
    if counts(pairs.painted):
        losses["painted"] = pairs.painted * total(adversarial.fake, round.painted)
    if counts(pairs.swapped) and any(score.sees_text for score in round.matching):
        losses["swapped"] = pairs.swapped * total(adversarial.fake, [s for s in round.swapped if s.sees_text])
    return losses


def counts(weight: float | Tensor) -> bool:
    """Whether a kind of pair is looked at; a learnt weight always is, as asking for its value would stop a GPU."""
    return torch.is_tensor(weight) or weight != 0


def generator_losses(round: Round, adversarial: Adversarial) -> dict[str, Tensor]:
    """The generator's adversarial loss, a scalar summed over heads."""
    return {"fool": total(adversarial.fool, round.fooling)}


def total(loss: Callable[[Tensor], Tensor], scores: list[Score]) -> Tensor:
    """The sum over heads of a loss of their logits ([batch, ...] each), a scalar."""
    return sum(loss(score.logits) for score in scores)

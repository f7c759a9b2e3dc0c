"""What keeps a discriminator's slope in bounds: terms that differentiate it with respect to what it was shown.

All are computed in float32, with the graph kept for the second derivative. Between the real pair and its penalty there
is one pass over pictures, not two: `Round.watched` makes the pass that the adversarial loss needs anyway collect
gradients of its inputs. A penalty that is due only every k-th step is multiplied by k: its mean gradient stays.

From (laziness): Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020, section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from einops import rearrange
from torch import Tensor, nn

from t2i_utils.interfaces import Score
from t2i_utils.objectives.round import Round

TINY = 1e-12


@dataclass(frozen=True)
class GradientPenalty:
    r"""Keep the critic's slope near one between real and painted pictures (WGAN-GP).

    $$ \lambda\, \mathbb{E}[(\lVert \nabla_{\hat x} D(\hat x, t) \rVert_2 - 1)^2],
       \quad \hat x = x + u(\tilde x - x), \quad u \sim U[0, 1] $$

    One u per example; the norm runs over every pixel of an example, so the critic must not mix examples (no batch
    normalisation): `Recipe` refuses one that does. A critic of several sizes has one penalty a size.

    Attributes:
        weight: lambda. The paper uses 10.
        every: due at steps divisible by it, and then so many times as strong.

    From: Gulrajani et al., Improved Training of Wasserstein GANs, 2017, equation 3 (arXiv:1704.00028).
    """

    weight: float = 10.0
    every: int = 1
    watches: ClassVar[bool] = False

    def __call__(self, round: Round) -> Tensor:
        """The penalty, a scalar."""
        between = between_pictures(round)
        with torch.autocast(between[-1].device.type, enabled=False):
            scores = round.score(round.discriminator.features(between), round.batch.text)
        slopes = [squares.sqrt() for squares in squared_slopes(scores, between)]
        return self.weight * self.every * sum((slope - 1).square().mean() for slope in slopes)


@dataclass(frozen=True)
class OneSidedPenalty:
    r"""Keep the critic's slope below one between real and painted pictures, along pixels and along the sentence.

    $$ \lambda\, \mathbb{E}[\max(0, \lVert \nabla_{\hat x} D(\hat x, t) \rVert_2 - 1)^2
       + \max(0, \lVert \nabla_t D(\hat x, t) \rVert_2 - 1)^2],
       \quad \hat x = x + u(\tilde x - x), \quad u \sim U[0, 1] $$

    A slope below one costs nothing: a critic need not be steep where nothing asks for it.

    Attributes:
        weight: lambda. The paper uses 150.
        every: due at steps divisible by it, and then so many times as strong.

    From: Bodnar, 2018, section 4.2.3 (arXiv:1805.00676); Petzka et al., 2018 (arXiv:1709.08894) for one side.
    """

    weight: float = 150.0
    every: int = 1
    watches: ClassVar[bool] = False

    def __call__(self, round: Round) -> Tensor:
        """The penalty, a scalar."""
        between = between_pictures(round)
        text = replace(round.batch.text, sentence=round.batch.text.sentence.detach().requires_grad_())
        with torch.autocast(between[-1].device.type, enabled=False):
            scores = round.score(round.discriminator.features(between), text)
        # the root has no slope at 0, and a critic that does not look at the sentence yet has none along it
        slopes = [(squares + TINY).sqrt() for squares in squared_slopes(scores, (*between, text.sentence))]
        return self.weight * self.every * sum((slope - 1).clamp(min=0).square().mean() for slope in slopes)


@dataclass(frozen=True)
class MatchingAwarePenalty:
    r"""Flatten the discriminator around real pictures with their own captions (MA-GP).

    $$ k\, \mathbb{E}[(\lVert \nabla_x D(x, t) \rVert^2 + s^2 \lVert \nabla_t D(x, t) \rVert^2)^{p/2}] $$

    Real matching pairs are where the generator should arrive; on a flat place it arrives without being thrown past.
    Both gradients count as one long vector, of raw logits, and the hinge on the same pairs shares their pass.

    The place that is made flat is about as wide as a slope of 0.7 needs to fall by the hinge's 2: three units. Captions
    that differ in one word lie no further apart than that in most encoders, all on the summit, and the discriminator is
    forbidden to tell them from each other. s says how much a slope along the sentence counts beside one along pixels.

    Attributes:
        weight: k. The paper uses 2.
        power: p. The paper uses 6.
        sentence: s. The paper has 1, and sentences of another encoder.
        every: due at steps divisible by it, and then so many times as strong.

    From: Tao et al., DF-GAN, 2022, equation 2 (arXiv:2008.05865).
    """

    weight: float = 2.0
    power: float = 6.0
    sentence: float = 1.0
    every: int = 1
    watches: ClassVar[bool] = True

    def __call__(self, round: Round) -> Tensor:
        """The penalty, a scalar."""
        *pictures, sentence = squared_slopes(round.matching, (*round.real, round.text.sentence))
        squares = sum(pictures) + self.sentence**2 * sentence
        return self.weight * self.every * (squares ** (self.power / 2)).mean()


@dataclass(frozen=True)
class R1:
    r"""Flatten the discriminator around real pictures.

    $$ \tfrac{\gamma}{2}\, \mathbb{E}\, \lVert \nabla_x D(x, t) \rVert^2 $$

    Attributes:
        weight: gamma. The paper uses 10.
        every: due at steps divisible by it, and then so many times as strong.

    From: Mescheder et al., Which Training Methods for GANs do actually Converge?, 2018, equation 9 (arXiv:1801.04406).
    """

    weight: float = 10.0
    every: int = 1
    watches: ClassVar[bool] = True

    def __call__(self, round: Round) -> Tensor:
        """The penalty, a scalar."""
        return self.weight / 2 * self.every * sum(squared_slopes(round.matching, round.real)).mean()


@dataclass(frozen=True)
class ClipWeights:
    """Keep every weight of a critic in a small box after each of its steps, and so its slope below some bound (WGAN).

    Attributes:
        limit: the largest weight either way. The paper uses 0.01.

    Raises:
        ValueError: for a limit that is not above 0.

    From: Arjovsky et al., Wasserstein GAN, 2017, algorithm 1 (arXiv:1701.07875).
    """

    limit: float = 0.01

    def __post_init__(self):
        if not self.limit > 0:
            raise ValueError(f"weights cannot be clipped at {self.limit}; use a limit above 0, e.g. 0.01")

    @torch.no_grad()
    def __call__(self, critic: nn.Module) -> None:
        """Clip what learns, in place."""
        for parameter in critic.parameters():
            if parameter.requires_grad:
                parameter.clamp_(-self.limit, self.limit)


def between_pictures(round: Round) -> tuple[Tensor, ...]:
    """Somewhere between each real picture and its painted one, at every painted size, collecting gradients."""
    u = rearrange(torch.rand(len(round.batch), generator=round.rng), "batch -> batch 1 1 1")
    u = u.to(round.batch.images.device)
    pairs = zip(round.real, round.fake.detach().images, strict=True)
    return tuple(torch.lerp(real.detach(), fake.float(), u).requires_grad_() for real, fake in pairs)


def squared_slopes(scores: list[Score], inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """How steeply the summed logits of each example rise with each input: squared gradient norms.

    Args:
        scores: heads of a discriminator that looks at each example by itself.
        inputs: each [batch, ...], what the scores were computed from.

    Returns:
        One [batch] an input; zeros where no head looks at that input (a head that sees no text).
    """
    total = sum(score.logits.sum() for score in scores)
    # a backward pass under autocast multiplies matrices in half precision, even those of a float32 forward pass
    with torch.autocast(total.device.type, enabled=False):
        gradients = torch.autograd.grad(total, inputs, create_graph=True, materialize_grads=True)
    return [gradient.flatten(1).square().sum(dim=1) for gradient in gradients]

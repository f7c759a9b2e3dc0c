"""What some papers add to the generator's loss: functions of the round to a scalar, so that a recipe can list them."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from t2i_utils.interfaces import draw_noise
from t2i_utils.objectives.adversarial import Adversarial, total
from t2i_utils.objectives.round import Round, Term


def interpolated_sentences(adversarial: Adversarial, beta: float = 0.5, weight: float = 1.0) -> Term:
    r"""Make pictures of captions that nobody wrote, halfway between two that somebody did, look real (GAN-INT).

    $$ \mathbb{E}[\log(1 - D(G(z, \beta t_1 + (1 - \beta) t_2), \beta t_1 + (1 - \beta) t_2))] $$

    (in the non-saturating form of `adversarial.fool`). Half a batch of midpoints: caption i of the first half with
    caption i of the second. There is no real picture of a midpoint, so the discriminator never learns from them.

    Args:
        adversarial: the game whose `fool` judges.
        beta: the place between the two sentences; the paper fixes 0.5.
        weight: of the term.

    From: Reed et al., 2016, section 4.3 and equation 5 (arXiv:1605.05396).
    """

    def term(round: Round) -> torch.Tensor:
        half = len(round.batch) // 2
        if half < 1:
            raise ValueError(f"a midpoint needs 2 captions in a batch, got {len(round.batch)}; use 2 or more")
        order = torch.arange(2 * half, device=round.batch.images.device)
        text = round.batch.text.take(order[:half]).mix(round.batch.text.take(order[half:]), 1 - beta)
        noise = draw_noise(round.generator.noise_shape, half, round.rng).to(text.sentence.device)
        features = round.features(round.generator(noise, text).images)
        return weight * total(adversarial.fool, round.score(features, text))

    return term


def feature_matching(weight: float = 100.0) -> Term:
    r"""Ask painted pictures for the same average features as real ones: a goal that holds still while the critic moves.

    $$ \lambda \, \text{MSE}\big(\mathbb{E}_x f(x), \mathbb{E}_z f(G(z, t))\big) $$

    f are the discriminator's last features. The real ones are those of the discriminator's own turn, one optimiser
    step old: computing them again costs a pass over pictures and moves the goal by that one step.

    Args:
        weight: lambda; the DCGAN-like port uses 100.

    From: Salimans et al., Improved Techniques for Training GANs, 2016, section 3.1 (arXiv:1606.03498).
    """

    def term(round: Round) -> torch.Tensor:
        real = round.real_features[-1].detach().float().mean(dim=0)
        painted = round.painted_features[-1].float().mean(dim=0)
        return weight * F.mse_loss(painted, real)

    return term


def pixel_distance(weight: float = 50.0) -> Term:
    r"""Pull each painted picture towards the real one of its caption.

    $$ \lambda \, \mathbb{E}\, |G(z, t) - x| $$

    It steadies the first epochs and suppresses diversity: every noise is asked for the same picture.

    Args:
        weight: lambda; the DCGAN-like port uses 50.
    """

    def term(round: Round) -> torch.Tensor:
        return weight * F.l1_loss(round.fake.images[-1].float(), round.real[-1])

    return term


def condition_kl(weight: float = 1.0) -> Term:
    r"""Keep the cloud that a generator draws its condition from near N(0, 1), or it shrinks to a point.

    $$ \lambda\, \tfrac12\, \mathbb{E}[\mu^2 + \sigma^2 - \log \sigma^2 - 1] $$

    the mean over the numbers of the condition of KL(N(\mu, \sigma) || N(0, 1)).

    Args:
        weight: lambda.

    Returns:
        A term giving a scalar, in float32.

    From: Zhang et al., StackGAN, 2017, equation 2 (arXiv:1612.03242).
    """

    def term(round: Round) -> torch.Tensor:
        if round.fake.condition is None:
            raise ValueError("this generator draws no condition, so there is no cloud to keep; leave the term out")
        mean, logvar = (part.float() for part in round.fake.condition)
        return weight * 0.5 * (mean.square() + logvar.exp() - logvar - 1).mean()

    return term

"""Wasserstein GANs: a critic in the discriminator's place, its slope bounded by clipping or by a penalty."""

from __future__ import annotations

from dataclasses import replace

from t2i_utils.models import fashion_wgan_gp as fashion
from t2i_utils.models import gan_cls as reed
from t2i_utils.models import vanilla_gan as dcgan
from t2i_utils.models import wgan as critics
from t2i_utils.models import wgan_cls as bodnar
from t2i_utils.objectives.adversarial import WASSERSTEIN, Pairs
from t2i_utils.objectives.balance import Balance
from t2i_utils.objectives.penalties import ClipWeights, GradientPenalty, OneSidedPenalty
from t2i_utils.objectives.terms import condition_kl
from t2i_utils.recipe import Recipe
from t2i_utils.training.optimizers import Adam, RMSProp, falling

# A critic of bounded slope has only so much to say: with half of it spent on captions, one caption soon gave nearly one
# picture.
TOLD = Pairs(real=1.0, painted=0.75, swapped=0.25)


def unconditional_wgan(
    image_size: int = 64,
    base_channels: int = 64,
    discriminator_channels: int = 64,
    noise_dim: int = 100,
    rate: float = 5e-5,
    clip: float = 0.01,
    critic_steps: int = 5,
    average: float = 0.999,
    batch_size: int = 64,
    channels: int = 3,
) -> Recipe:
    """WGAN that nobody tells what to paint: a critic with clipped weights, five of its steps for each of the generator.

    Args: as of `wgan`.

    From: Arjovsky et al., Wasserstein GAN, 2017 (arXiv:1701.07875).
    """
    return Recipe(
        generator=dcgan.Generator(image_size, base_channels, noise_dim, channels),
        discriminator=critics.Critic(image_size, discriminator_channels, channels),
        generator_optimizer=RMSProp(rate),
        discriminator_optimizer=RMSProp(rate),
        adversarial=WASSERSTEIN,
        pairs=Pairs(real=1.0, painted=1.0, swapped=0.0),
        after_discriminator=ClipWeights(clip),
        critic_steps=critic_steps,
        average=average,
        batch_size=batch_size,
    )


def wgan(
    image_size: int = 64,
    text_dim: int = 1024,
    base_channels: int = 128,
    discriminator_channels: int = 64,
    noise_dim: int = 100,
    rate: float = 5e-5,
    clip: float = 0.01,
    critic_steps: int = 5,
    average: float = 0.999,
    batch_size: int = 64,
    channels: int = 3,
) -> Recipe:
    """WGAN told a sentence: Reed's generator, a critic with clipped weights, some false pairs swapped captions.

    Args:
        image_size: pixels, square: 32, 64, 128, or 28 as Fashion-MNIST has.
        text_dim: length of the sentence vectors.
        base_channels: the generator's width at half its resolution.
        discriminator_channels: the critic's width after its first convolution.
        noise_dim: length of the noise.
        rate: RMSProp's learning rate, of both players.
        clip: the largest weight that the critic may have, either way.
        critic_steps: batches that the critic learns from for each one of the generator.
        average: decay of the generator's moving average (ours; the paper has none).
        batch_size: pictures a step.
        channels: of the pictures: 3 for colour, 1 for grey.

    From: Arjovsky et al., Wasserstein GAN, 2017 (arXiv:1701.07875).
    """
    recipe = unconditional_wgan(
        image_size=image_size, rate=rate, clip=clip, critic_steps=critic_steps, average=average, batch_size=batch_size
    )
    return replace(
        recipe,
        generator=reed.Generator(image_size, text_dim, base_channels, noise_dim, channels=channels),
        discriminator=critics.TextCritic(image_size, text_dim, discriminator_channels, channels=channels),
        pairs=TOLD,
    )


def unconditional_wgan_gp(
    image_size: int = 64,
    base_channels: int = 64,
    discriminator_channels: int = 64,
    noise_dim: int = 100,
    rate: float = 1e-4,
    penalty: float = 10.0,
    critic_steps: int = 5,
    average: float = 0.999,
    batch_size: int = 64,
    channels: int = 3,
) -> Recipe:
    """WGAN-GP that nobody tells what to paint: the critic's slope is held near one by a penalty.

    Args: as of `wgan_gp`.

    From: Gulrajani et al., Improved Training of Wasserstein GANs, 2017 (arXiv:1704.00028).
    """
    return Recipe(
        generator=dcgan.Generator(image_size, base_channels, noise_dim, channels),
        discriminator=critics.Critic(image_size, discriminator_channels, channels),
        generator_optimizer=Adam(rate, (0.0, 0.9)),
        discriminator_optimizer=Adam(rate, (0.0, 0.9)),
        adversarial=WASSERSTEIN,
        pairs=Pairs(real=1.0, painted=1.0, swapped=0.0),
        discriminator_terms={"gradient_penalty": GradientPenalty(penalty)},
        critic_steps=critic_steps,
        average=average,
        batch_size=batch_size,
    )


def wgan_gp(
    image_size: int = 64,
    text_dim: int = 1024,
    base_channels: int = 128,
    discriminator_channels: int = 64,
    noise_dim: int = 100,
    rate: float = 1e-4,
    penalty: float = 10.0,
    critic_steps: int = 5,
    average: float = 0.999,
    batch_size: int = 64,
    channels: int = 3,
) -> Recipe:
    """WGAN-GP told a sentence: Reed's generator, a critic under a gradient penalty, some false pairs swapped.

    Args:
        image_size: pixels, square: 32, 64, 128, or 28 as Fashion-MNIST has.
        text_dim: length of the sentence vectors.
        base_channels: the generator's width at half its resolution.
        discriminator_channels: the critic's width after its first convolution.
        noise_dim: length of the noise.
        rate: Adam's learning rate, of both players.
        penalty: weight of the gradient penalty.
        critic_steps: batches that the critic learns from for each one of the generator.
        average: decay of the generator's moving average (ours; the paper has none).
        batch_size: pictures a step.
        channels: of the pictures: 3 for colour, 1 for grey.

    From: Gulrajani et al., Improved Training of Wasserstein GANs, 2017 (arXiv:1704.00028).
    """
    recipe = unconditional_wgan_gp(
        image_size=image_size, rate=rate, penalty=penalty, critic_steps=critic_steps, average=average,
        batch_size=batch_size,
    )  # fmt: skip
    return replace(
        recipe,
        generator=reed.Generator(image_size, text_dim, base_channels, noise_dim, channels=channels),
        discriminator=critics.TextCritic(image_size, text_dim, discriminator_channels, channels=channels),
        pairs=TOLD,
    )


def fashion_wgan_gp(
    image_size: int = 28,
    base_channels: int = 64,
    discriminator_channels: int = 64,
    noise_dim: int = 128,
    rate: float = 2e-4,
    beta1: float = 0.5,
    penalty: float = 10.0,
    critic_steps: int = 3,
    average: float = 0.999,
    batch_size: int = 512,
    channels: int = 1,
) -> Recipe:
    """WGAN-GP as a report built it for Fashion-MNIST: pixels repeated and smoothed, a critic with dropout.

    Args:
        image_size: pixels, square.
        base_channels: the generator's width at half its resolution.
        discriminator_channels: the critic's width after its first convolution.
        noise_dim: length of the noise.
        rate: Adam's learning rate, of both players.
        beta1: Adam's first beta, of both players.
        penalty: weight of the gradient penalty.
        critic_steps: batches that the critic learns from for each one of the generator.
        average: decay of the generator's moving average (ours; the report has none).
        batch_size: pictures a step.
        channels: of the pictures: 3 for colour, 1 for grey.

    From: Gulrajani et al., Improved Training of Wasserstein GANs, 2017 (arXiv:1704.00028).
    """
    return Recipe(
        generator=fashion.Generator(image_size, base_channels, noise_dim, channels),
        discriminator=fashion.Critic(image_size, discriminator_channels, channels),
        generator_optimizer=Adam(rate, (beta1, 0.9)),
        discriminator_optimizer=Adam(rate, (beta1, 0.9)),
        adversarial=WASSERSTEIN,
        pairs=Pairs(real=1.0, painted=1.0, swapped=0.0),
        discriminator_terms={"gradient_penalty": GradientPenalty(penalty)},
        critic_steps=critic_steps,
        average=average,
        batch_size=batch_size,
    )


def wgan_cls(
    image_size: int = 64,
    text_dim: int = 1024,
    base_channels: int = 128,
    discriminator_channels: int = 128,
    noise_dim: int = 128,
    condition_dim: int = 128,
    rate: float = 1e-4,
    penalty: float = 150.0,
    balance: float = 0.7,
    kl_weight: float = 1.0,
    fall_every: int = 10_000,
    critic_steps: int = 1,
    average: float = 0.999,
    batch_size: int = 8,
    channels: int = 3,
) -> Recipe:
    """WGAN-CLS: a cloud of conditions, one-sided penalties on pictures and sentence, and a learnt weight of captions.

    Args:
        image_size: pixels, square: 32, 64, 128, or 28 as Fashion-MNIST has.
        text_dim: length of the sentence vectors.
        base_channels: the generator's width at half its resolution.
        discriminator_channels: the critic's width after its first convolution.
        noise_dim: length of the noise, beside that of the condition.
        condition_dim: length of the condition that is drawn around each sentence.
        rate: Adam's learning rate, of both players.
        penalty: weight of both one-sided penalties.
        balance: what captions count beside pictures at first; it learns.
        kl_weight: of the term that keeps the conditions near N(0, 1).
        fall_every: steps after which the rate falls by a twentieth, again and again.
        critic_steps: batches that the critic learns from for each one of the generator.
        average: decay of the generator's moving average (ours; the paper has none).
        batch_size: pictures a step.
        channels: of the pictures: 3 for colour, 1 for grey.

    From: Bodnar, Text to Image Synthesis Using Generative Adversarial Networks, 2018 (arXiv:1805.00676).
    """
    return Recipe(
        generator=bodnar.Generator(image_size, text_dim, base_channels, noise_dim, condition_dim, channels),
        discriminator=bodnar.Critic(image_size, text_dim, discriminator_channels, channels=channels),
        generator_optimizer=Adam(rate, (0.0, 0.9)),
        discriminator_optimizer=Adam(rate, (0.0, 0.9)),
        adversarial=WASSERSTEIN,
        balance=Balance(balance),
        discriminator_terms={"one_sided": OneSidedPenalty(penalty)},
        generator_terms={"condition": condition_kl(kl_weight)} if kl_weight else {},
        critic_steps=critic_steps,
        schedule=falling(0.95, fall_every),
        average=average,
        batch_size=batch_size,
    )

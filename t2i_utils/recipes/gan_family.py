"""The first GANs that were told a sentence, and the one before them that was not."""

from __future__ import annotations

from dataclasses import replace

from t2i_utils.models import dcgan_cls as port
from t2i_utils.models import gan_cls as reed
from t2i_utils.models import vanilla_gan as dcgan
from t2i_utils.objectives.adversarial import BCE, Pairs, bce
from t2i_utils.objectives.terms import feature_matching, interpolated_sentences, pixel_distance
from t2i_utils.recipe import Recipe
from t2i_utils.training.optimizers import Adam, halving


def vanilla_gan(
    image_size: int = 64,
    base_channels: int = 64,
    discriminator_channels: int = 64,
    noise_dim: int = 100,
    rate: float = 2e-4,
    beta1: float = 0.5,
    average: float = 0.999,
    batch_size: int = 64,
    channels: int = 3,
) -> Recipe:
    """The GAN that nobody tells what to paint: Goodfellow's game on Radford's networks.

    Args:
        image_size: pixels, square: 32, 64, 128, or 28 as Fashion-MNIST has.
        base_channels: the generator's width at half its resolution.
        discriminator_channels: the discriminator's width after its first convolution.
        noise_dim: length of the noise.
        rate: Adam's learning rate, of both players.
        beta1: Adam's first beta, of both players.
        average: decay of the generator's moving average.
        batch_size: pictures a step.
        channels: of the pictures: 3 for colour, 1 for grey.

    From: Goodfellow et al., 2014 (arXiv:1406.2661); Radford et al., 2016 (arXiv:1511.06434).
    """
    return Recipe(
        generator=dcgan.Generator(image_size, base_channels, noise_dim, channels),
        discriminator=dcgan.Discriminator(image_size, discriminator_channels, channels),
        generator_optimizer=Adam(rate, (beta1, 0.999)),
        discriminator_optimizer=Adam(rate, (beta1, 0.999)),
        pairs=Pairs(real=1.0, painted=1.0, swapped=0.0),
        average=average,
        batch_size=batch_size,
    )


def gan_cls(
    image_size: int = 64,
    text_dim: int = 1024,
    base_channels: int = 128,
    discriminator_channels: int = 64,
    noise_dim: int = 100,
    rate: float = 2e-4,
    beta1: float = 0.5,
    halve_every: int = 0,
    average: float = 0.999,
    batch_size: int = 64,
    channels: int = 3,
) -> Recipe:
    """GAN-CLS: the discriminator also learns that a real picture with someone else's caption is wrong.

    Args:
        image_size: pixels, square: 32, 64, 128, or 28 as Fashion-MNIST has.
        text_dim: length of the sentence vectors.
        base_channels: the generator's width at half its resolution.
        discriminator_channels: the discriminator's width after its first convolution.
        noise_dim: length of the noise.
        rate: Adam's learning rate, of both players.
        beta1: Adam's first beta, of both players.
        halve_every: steps after which the rate halves, again and again (the paper: 100 of 600 epochs); 0 never.
        average: decay of the generator's moving average (ours; the paper has none).
        batch_size: pictures a step.
        channels: of the pictures: 3 for colour, 1 for grey.

    From: Reed et al., 2016, section 4.2 and algorithm 1 (arXiv:1605.05396).
    """
    return Recipe(
        generator=reed.Generator(image_size, text_dim, base_channels, noise_dim, channels=channels),
        discriminator=reed.Discriminator(image_size, text_dim, discriminator_channels, channels=channels),
        generator_optimizer=Adam(rate, (beta1, 0.999)),
        discriminator_optimizer=Adam(rate, (beta1, 0.999)),
        pairs=Pairs(real=1.0, painted=0.5, swapped=0.5),
        schedule=halving(halve_every),
        average=average,
        batch_size=batch_size,
    )


def gan(
    image_size: int = 64,
    text_dim: int = 1024,
    base_channels: int = 128,
    discriminator_channels: int = 64,
    noise_dim: int = 100,
    rate: float = 2e-4,
    beta1: float = 0.5,
    halve_every: int = 0,
    average: float = 0.999,
    batch_size: int = 64,
    channels: int = 3,
) -> Recipe:
    """The text-conditional GAN before GAN-CLS: both players see the caption, no pair is ever wrong on purpose.

    Args: as of `gan_cls`.

    From: Reed et al., 2016, section 4.1 (arXiv:1605.05396).
    """
    sizes = (image_size, text_dim, base_channels, discriminator_channels, noise_dim)
    recipe = gan_cls(*sizes, rate, beta1, halve_every, average, batch_size, channels)
    return replace(recipe, pairs=Pairs(real=1.0, painted=1.0, swapped=0.0))


def gan_int(
    image_size: int = 64,
    text_dim: int = 1024,
    base_channels: int = 128,
    discriminator_channels: int = 64,
    noise_dim: int = 100,
    rate: float = 2e-4,
    beta1: float = 0.5,
    halve_every: int = 0,
    average: float = 0.999,
    batch_size: int = 64,
    channels: int = 3,
) -> Recipe:
    """GAN-INT: the generator also paints captions halfway between two real ones. No swapped pairs.

    Args: as of `gan_cls`.

    From: Reed et al., 2016, section 4.3 (arXiv:1605.05396).
    """
    sizes = (image_size, text_dim, base_channels, discriminator_channels, noise_dim)
    recipe = gan(*sizes, rate, beta1, halve_every, average, batch_size, channels)
    return replace(recipe, generator_terms={"interpolated": interpolated_sentences(BCE)})


def gan_int_cls(
    image_size: int = 64,
    text_dim: int = 1024,
    base_channels: int = 128,
    discriminator_channels: int = 64,
    noise_dim: int = 100,
    rate: float = 2e-4,
    beta1: float = 0.5,
    halve_every: int = 0,
    average: float = 0.999,
    batch_size: int = 64,
    channels: int = 3,
) -> Recipe:
    """GAN-INT-CLS: swapped pairs for the discriminator, interpolated captions for the generator.

    Args: as of `gan_cls`.

    From: Reed et al., 2016, section 5 (arXiv:1605.05396).
    """
    sizes = (image_size, text_dim, base_channels, discriminator_channels, noise_dim)
    recipe = gan_cls(*sizes, rate, beta1, halve_every, average, batch_size, channels)
    return replace(recipe, generator_terms={"interpolated": interpolated_sentences(BCE)})


def dcgan_cls(
    image_size: int = 64,
    text_dim: int = 1024,
    base_channels: int = 64,
    discriminator_channels: int = 64,
    noise_dim: int = 100,
    rate: float = 2e-4,
    beta1: float = 0.5,
    real_label: float = 0.9,
    feature_weight: float = 100.0,
    pixel_weight: float = 50.0,
    halve_every: int = 0,
    average: float = 0.999,
    batch_size: int = 64,
    channels: int = 3,
) -> Recipe:
    """GAN-CLS as most PyTorch code knows it: DCGAN's networks, smoothed labels, feature matching and an L1 pull.

    Args:
        image_size: pixels, square: 32, 64, 128, or 28 as Fashion-MNIST has.
        text_dim: length of the sentence vectors.
        base_channels: the generator's width at half its resolution.
        discriminator_channels: the discriminator's width after its first convolution.
        noise_dim: length of the noise.
        rate: Adam's learning rate, of both players.
        beta1: Adam's first beta, of both players.
        real_label: the label of real pairs in the discriminator's loss.
        feature_weight: of feature matching; 0 leaves it out.
        pixel_weight: of the L1 distance to the paired picture, which suppresses diversity; 0 leaves it out.
        halve_every: steps after which the rate halves, again and again; 0 never.
        average: decay of the generator's moving average (ours; the port has none).
        batch_size: pictures a step.
        channels: of the pictures: 3 for colour, 1 for grey.
    """
    terms = {"features": feature_matching(feature_weight), "pixels": pixel_distance(pixel_weight)}
    weights = {"features": feature_weight, "pixels": pixel_weight}
    return Recipe(
        generator=port.Generator(image_size, text_dim, base_channels, noise_dim, channels=channels),
        discriminator=port.Discriminator(image_size, text_dim, discriminator_channels, channels=channels),
        generator_optimizer=Adam(rate, (beta1, 0.999)),
        discriminator_optimizer=Adam(rate, (beta1, 0.999)),
        adversarial=bce(real_label),
        pairs=Pairs(real=1.0, painted=1.0, swapped=1.0),
        generator_terms={name: term for name, term in terms.items() if weights[name]},
        schedule=halving(halve_every),
        average=average,
        batch_size=batch_size,
    )

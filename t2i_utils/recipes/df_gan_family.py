"""DF-GAN: the sentence in every layer of one generator, a discriminator that is flat where it should be arrived at."""

from __future__ import annotations

from t2i_utils.models import df_gan as fusion
from t2i_utils.objectives.adversarial import HINGE, Pairs
from t2i_utils.objectives.augment import DiffAugment
from t2i_utils.objectives.penalties import MatchingAwarePenalty
from t2i_utils.recipe import Recipe
from t2i_utils.training.optimizers import Adam


def df_gan(
    image_size: int = 64,
    text_dim: int = 256,
    base_channels: int = 32,
    discriminator_channels: int = 32,
    noise_dim: int = 100,
    rate: float = 1e-4,
    discriminator_rate: float = 4e-4,
    penalty: float = 2.0,
    penalty_sentence: float = 0.25,
    penalty_every: int = 4,
    augment: float = 0.0,
    average: float = 0.999,
    batch_size: int = 32,
    channels: int = 3,
) -> Recipe:
    """DF-GAN: hinge loss, matching-aware penalty, slow generator and quick discriminator, sentence in every layer.

    Args:
        image_size: pixels, square: 32, 64, 128, 256, or 28 as Fashion-MNIST has.
        text_dim: length of the sentence vectors.
        base_channels: the generator's width at full resolution.
        discriminator_channels: the discriminator's width at full resolution.
        noise_dim: length of the noise.
        rate: Adam's learning rate, of the generator.
        discriminator_rate: Adam's learning rate, of the discriminator.
        penalty: weight of the matching-aware penalty.
        penalty_sentence: how much a slope along the sentence counts in it beside one along pixels; the paper's is 1.
        penalty_every: steps between two penalties, each then so many times as strong; the paper's is 1.
        augment: probability of each picture that the discriminator sees to be changed (DiffAugment, for small data).
        average: decay of the generator's moving average (ours; the authors have none).
        batch_size: pictures a step.
        channels: of the pictures: 3 for colour, 1 for grey.

    From: Tao et al., DF-GAN, 2022 (arXiv:2008.05865).
    """
    return Recipe(
        generator=fusion.Generator(image_size, text_dim, base_channels, noise_dim, channels),
        discriminator=fusion.Discriminator(image_size, text_dim, discriminator_channels, channels),
        generator_optimizer=Adam(rate, (0.0, 0.9)),
        discriminator_optimizer=Adam(discriminator_rate, (0.0, 0.9)),
        adversarial=HINGE,
        pairs=Pairs(real=1.0, painted=0.5, swapped=0.5),
        discriminator_terms={
            "matching_aware": MatchingAwarePenalty(penalty, sentence=penalty_sentence, every=penalty_every)
        },
        augments=(DiffAugment(augment),) if augment else (),
        average=average,
        batch_size=batch_size,
    )

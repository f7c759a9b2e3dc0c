"""GANs whose sentence is a cloud of conditions."""

from __future__ import annotations

from t2i_utils.models import ca_gan as networks
from t2i_utils.objectives.adversarial import Pairs
from t2i_utils.objectives.augment import DiffAugment
from t2i_utils.objectives.terms import condition_kl
from t2i_utils.recipe import Recipe
from t2i_utils.training.optimizers import Adam


def ca_gan(
    image_size: int = 64,
    text_dim: int = 384,
    base_channels: int = 64,
    discriminator_channels: int = 64,
    noise_dim: int = 100,
    condition_dim: int = 128,
    rate: float = 2e-4,
    discriminator_rate: float = 1e-4,
    beta1: float = 0.5,
    kl_weight: float = 0.0,
    dropout: float = 0.5,
    augment: float = 1.0,
    average: float = 0.999,
    batch_size: int = 64,
    channels: int = 3,
) -> Recipe:
    """The sentence-embedding GAN with conditioning augmentation, as its report built it: it did not converge there.

    Args:
        image_size: pixels, square: 32, 64, 128, or 28 as Fashion-MNIST has.
        text_dim: length of the sentence vectors; the report's 384 are MiniLM's.
        base_channels: the generator's width at its full resolution.
        discriminator_channels: the discriminator's width after its first convolution.
        noise_dim: length of the noise, beside that of the condition.
        condition_dim: length of the condition that is drawn around each sentence.
        rate: Adam's learning rate of the generator.
        discriminator_rate: Adam's learning rate of the discriminator; the report's lies below the generator's.
        beta1: Adam's first beta, of both players.
        kl_weight: of the term that keeps the conditions near N(0, 1); the report gives none.
        dropout: in the discriminator, before its last layer.
        augment: strength of the changes to every picture that the discriminator sees; 0 leaves them as they are.
        average: decay of the generator's moving average (ours; the report has none).
        batch_size: pictures a step.
        channels: of the pictures: 3 for colour, 1 for grey.
    """
    return Recipe(
        generator=networks.Generator(image_size, text_dim, base_channels, noise_dim, condition_dim, channels),
        discriminator=networks.Discriminator(
            image_size, text_dim, discriminator_channels, condition_dim, dropout, channels
        ),
        generator_optimizer=Adam(rate, (beta1, 0.999)),
        discriminator_optimizer=Adam(discriminator_rate, (beta1, 0.999)),
        pairs=Pairs(real=1.0, painted=0.5, swapped=0.5),
        generator_terms={"condition": condition_kl(kl_weight)} if kl_weight else {},
        augments=(DiffAugment(augment),) if augment else (),
        average=average,
        batch_size=batch_size,
    )

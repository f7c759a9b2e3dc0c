"""Stabilisers that change a network: its normalisation, its noise, what it sees of a batch. In place."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from t2i_utils.models.minibatch import MinibatchDiscrimination
from t2i_utils.models.noisy_dropout import DropoutGenerator
from t2i_utils.models.normalisation import layer_norm as layer_norm_for
from t2i_utils.models.normalisation import replace_normalisations
from t2i_utils.models.reference import ReferenceGenerator
from t2i_utils.models.spectral_norm import normalise_spectra
from t2i_utils.objectives.penalties import ClipWeights
from t2i_utils.objectives.standing import StandingStatistics
from t2i_utils.recipe import Recipe
from t2i_utils.training.average import normalisations


def layer_norm(recipe: Recipe) -> Recipe:
    """Layer normalisation in the discriminator, where batch normalisation was: each example has a slope of its own."""
    if not replace_normalisations(recipe.discriminator, layer_norm_for):
        raise ValueError("the discriminator has no batch normalisation that layer normalisation could replace")
    return replace(recipe)  # checked anew


def spectral_norm(recipe: Recipe) -> Recipe:
    """Spectral normalisation of the discriminator, instead of its batch normalisation, which would undo the bound."""
    if isinstance(recipe.after_discriminator, ClipWeights):
        raise ValueError(
            "weight clipping bounds what spectral normalisation divides out again: the clipped size of a weight would "
            "mean nothing; use a system that does not clip, e.g. wgan_gp"
        )
    replace_normalisations(recipe.discriminator, lambda layer: nn.Identity())
    normalise_spectra(recipe.discriminator)
    return replace(recipe)


def spectral_norm_generator(recipe: Recipe) -> Recipe:
    """Spectral normalisation of the generator, beside its batch normalisation (Zhang et al., SAGAN, 2019)."""
    normalise_spectra(recipe.generator)
    return replace(recipe)


def dropout_generator(recipe: Recipe, probability: float = 0.5, layers: int = 3) -> Recipe:
    """Dropout of channels in the generator's first convolutions, in training and when it paints.

    Args:
        probability: that a channel is left out.
        layers: so many convolutions, from the first on.
    """
    generator = recipe.generator
    if any(isinstance(part, DropoutGenerator) for part in generator.modules()):
        raise ValueError("the generator has dropout already; choose its probability there")
    if not isinstance(generator, ReferenceGenerator):
        return replace(recipe, generator=DropoutGenerator(generator, probability, layers))
    # within the reference, whose pictures have masks of their own
    generator.hold(DropoutGenerator(generator.generator, probability, layers))
    return replace(recipe)


def virtual_batch_norm(recipe: Recipe, reference: int = 32) -> Recipe:
    """Virtual batch normalisation in the generator: a reference batch that never changes says what is normal.

    Args:
        reference: examples in it; every step paints them, too.
    """
    return replace(recipe, generator=ReferenceGenerator(recipe.generator, reference))


def minibatch_discrimination(recipe: Recipe, kernels: int = 128, length: int = 16) -> Recipe:
    """Minibatch discrimination: the discriminator sees how close the pictures of a batch lie to each other.

    Args:
        kernels: in which closeness is measured.
        length: numbers of each.
    """
    shape = recipe.generator.image_shape
    return replace(recipe, discriminator=MinibatchDiscrimination(recipe.discriminator, shape, kernels, length))


def standing_statistics(recipe: Recipe, every: int = 2, decay: float = 0.9) -> Recipe:
    """Standing statistics: the averaged generator gathers what its batch normalisation needs from its own features.

    Args:
        every: of the generator's steps between two looks at what it paints.
        decay: of the statistics, a look.
    """
    if not normalisations(recipe.generator):
        raise ValueError("the generator has no batch normalisation, so its average has no statistics to gather")
    return replace(recipe, standing=StandingStatistics(every, decay))

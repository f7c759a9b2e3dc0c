"""What people combine GANs with to keep them alive: each changes one thing of a recipe, or says why it cannot.

A stabiliser takes a recipe and returns it with one part or term more, so that an ablation is a list of names. Networks
are changed in place. The table at the end is in the order in which they are applied, whatever order they are asked for:
first networks, then the game, its terms, what the discriminator is shown, and the optimisers.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from t2i_utils.models.minibatch import MinibatchDiscrimination
from t2i_utils.models.noisy_dropout import DropoutGenerator
from t2i_utils.models.normalisation import layer_norm as layer_norm_for
from t2i_utils.models.normalisation import replace_normalisations
from t2i_utils.models.reference import ReferenceGenerator
from t2i_utils.models.spectral_norm import normalise_spectra
from t2i_utils.objectives import adversarial as games
from t2i_utils.objectives import terms
from t2i_utils.objectives.adaptive import AdaptiveAugment
from t2i_utils.objectives.augment import DiffAugment, InstanceNoise
from t2i_utils.objectives.historical import HistoricalAverage
from t2i_utils.objectives.joint import JointRound
from t2i_utils.objectives.penalties import R1, ClipWeights
from t2i_utils.objectives.replay import Replay
from t2i_utils.recipe import Recipe
from t2i_utils.training.optimizers import SGD, fading

Chosen = Mapping[str, Mapping[str, Any]]


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


def label_smoothing(recipe: Recipe, label: float = 0.9) -> Recipe:
    """One-sided label smoothing: real pairs are believed to nine tenths.

    Args:
        label: of real pairs.
    """
    need_labels(recipe, "smoothed")
    return replace(recipe, adversarial=games.bce(label))


def noisy_labels(recipe: Recipe, spread: float = 0.3) -> Recipe:
    """Noisy labels: drawn anew for every picture, near 1 for real pairs and near 0 for the others.

    Args:
        spread: how far from 1 and 0 at most.
    """
    need_labels(recipe, "made noisy")
    return replace(recipe, adversarial=games.noisy_bce(spread))


def flipped_labels(recipe: Recipe, probability: float = 0.05) -> Recipe:
    """Flipped labels: now and then the discriminator is told the contrary.

    Args:
        probability: of each pair.
    """
    if not recipe.adversarial.divides:
        raise ValueError(
            "a critic's loss is linear in what it says: flipping some of its labels multiplies the distance that it "
            "measures by a number, and nothing else"
        )
    return replace(recipe, adversarial=games.with_flips(recipe.adversarial, probability))


def feature_matching(recipe: Recipe, weight: float = 1.0) -> Recipe:
    """Feature matching: painted pictures shall have real ones' average features.

    Args:
        weight: of the term.
    """
    if "features" in recipe.generator_terms:
        raise ValueError("this system matches features already; set its feature_weight")
    more = {"features": terms.feature_matching(weight)}
    return replace(recipe, generator_terms={**recipe.generator_terms, **more})


def historical_averaging(recipe: Recipe, weight: float = 1.0) -> Recipe:
    """Historical averaging: both players are pulled towards the mean of what their weights have been.

    Args:
        weight: of the term.
    """
    pulls = {name: {"history": HistoricalAverage(getattr(recipe, name), weight)} for name in PLAYERS}
    return replace(
        recipe,
        discriminator_terms={**recipe.discriminator_terms, **pulls["discriminator"]},
        generator_terms={**recipe.generator_terms, **pulls["generator"]},
    )


def lazy_r1(recipe: Recipe, weight: float = 10.0, every: int = 16) -> Recipe:
    """R1, lazily: the discriminator is kept flat around real pictures, at every sixteenth step.

    Args:
        weight: of the penalty.
        every: steps between two, each then so many times as strong.
    """
    return replace(recipe, discriminator_terms={**recipe.discriminator_terms, "r1": R1(weight, every)})


def joint_batches(recipe: Recipe) -> Recipe:
    """Real and painted pictures in one batch under the discriminator's batch normalisation, instead of one each."""
    parts = list(recipe.discriminator.modules())
    if any(isinstance(part, MinibatchDiscrimination) for part in parts):
        raise ValueError(
            "minibatch discrimination asks how alike painted pictures are; real ones must not be among them"
        )
    if not any(isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) for part in parts):
        raise ValueError("without batch normalisation in the discriminator one batch and two are the same")
    return replace(recipe, round=JointRound)


def instance_noise(recipe: Recipe, strength: float = 0.1, steps: int = 10_000) -> Recipe:
    """Instance noise: noise on everything that the discriminator sees, fading as training goes on.

    Args:
        strength: at first, where pictures lie in [-1, 1].
        steps: after which there is none.
    """
    return replace(recipe, augments=(*recipe.augments, InstanceNoise(strength, steps)))


def diff_augment(recipe: Recipe, probability: float = 1.0) -> Recipe:
    """DiffAugment: colour, place and a hole in every picture that the discriminator sees.

    Args:
        probability: of each picture to be changed.
    """
    refuse_second_augmentation(recipe)
    return replace(recipe, augments=(*recipe.augments, DiffAugment(probability)))


def adaptive_augmentation(recipe: Recipe, target: float = 0.6, pictures: int = 500_000) -> Recipe:
    """Adaptive augmentation: as much DiffAugment as the discriminator's certainty calls for.

    Args:
        target: mean sign of its logits of real pairs.
        pictures: that the probability needs from 0 to 1.
    """
    if not recipe.adversarial.divides:
        raise ValueError("a critic's 0 divides nothing, so that its sign does not tell whether it overfits")
    refuse_second_augmentation(recipe)
    return replace(recipe, augments=(*recipe.augments, AdaptiveAugment(target, pictures)))


def experience_replay(recipe: Recipe, size: int = 256, share: float = 0.5) -> Recipe:
    """Experience replay: some of the painted pictures that the discriminator learns from are old ones.

    Args:
        size: pictures that are kept.
        share: of a batch's painted pictures that are old.
    """
    return replace(recipe, replay=Replay(recipe.generator.image_shape, recipe.generator.text_dim, size, share))


def two_rates(recipe: Recipe, factor: float = 4.0) -> Recipe:
    """Two time scales: the discriminator learns at so many times the generator's rate (Heusel et al., 2017).

    Args:
        factor: of the rate.
    """
    if not factor > 0:
        raise ValueError(f"the discriminator cannot learn at {factor} times a rate; use a number above 0")
    rate = factor * recipe.generator_optimizer.rate
    return replace(recipe, discriminator_optimizer=replace(recipe.discriminator_optimizer, rate=rate))


def sgd_discriminator(recipe: Recipe, rate: float = 0.01, momentum: float = 0.5) -> Recipe:
    """Plain gradient descent for the discriminator, Adam for the generator (GAN hacks, point 10).

    Args:
        rate: of the descent.
        momentum: of its steps.
    """
    return replace(recipe, discriminator_optimizer=SGD(rate, momentum))


def rate_decay(recipe: Recipe, steps: int = 10_000, last: float = 0.0) -> Recipe:
    """Learning-rate decay: both rates fall in a straight line.

    Args:
        steps: at which the fall ends: the length of the training.
        last: what is left of the rate then.
    """
    fall, before = fading(steps, last), recipe.schedule
    return replace(recipe, schedule=fall if before is None else lambda step: fall(step) * before(step))


PLAYERS = ("discriminator", "generator")
STABILISERS: dict[str, Callable[..., Recipe]] = {
    function.__name__: function
    for function in (
        layer_norm,
        spectral_norm,
        spectral_norm_generator,
        dropout_generator,
        virtual_batch_norm,
        minibatch_discrimination,
        label_smoothing,
        noisy_labels,
        flipped_labels,
        feature_matching,
        historical_averaging,
        lazy_r1,
        joint_batches,
        instance_noise,
        diff_augment,
        adaptive_augmentation,
        experience_replay,
        two_rates,
        sgd_discriminator,
        rate_decay,
    )
}


def need_labels(recipe: Recipe, what: str) -> None:
    """Refuse a game whose targets are no labels."""
    if not recipe.adversarial.labels:
        raise ValueError(f"this system's game has no labels that could be {what}: its targets are margins or distances")


def refuse_second_augmentation(recipe: Recipe) -> None:
    """Refuse to change pictures twice in the same way."""
    if any(isinstance(augment, DiffAugment | AdaptiveAugment) for augment in recipe.augments):
        raise ValueError("this system's pictures are changed already; take one of the ways (its own: --augment 0)")


def stabilise(recipe: Recipe, chosen: Chosen) -> Recipe:
    """A recipe with stabilisers.

    Args:
        recipe: fresh; its networks may be changed in place.
        chosen: names in STABILISERS with the arguments that differ from their defaults.

    Raises:
        ValueError: for an unknown name or argument, and where one does not fit the recipe, with the reason.
    """
    for name, arguments in complete_stabilisers(chosen).items():
        try:
            recipe = STABILISERS[name](recipe, **arguments)
        except ValueError as error:
            raise ValueError(f"{name} does not join this recipe: {error}") from error
    return recipe


def complete_stabilisers(chosen: Chosen) -> dict[str, dict[str, Any]]:
    """Every argument of the chosen stabilisers, defaults included, in the order in which they are applied."""
    if not isinstance(chosen, Mapping) or not all(isinstance(arguments, Mapping) for arguments in chosen.values()):
        raise ValueError(f"stabilisers are {chosen!r}; give names with their arguments, as {{'two_rates': {{}}}}")
    for name, arguments in chosen.items():
        if name not in STABILISERS:
            raise ValueError(f"there is no stabiliser {name!r}; choose among {', '.join(STABILISERS)}")
        known = defaults_of(name)
        unknown = [argument for argument in arguments if argument not in known]
        if unknown:
            has = ", ".join(known) or "none"
            raise ValueError(f"{name} has no argument {', '.join(unknown)}; it has {has}")
    if {"label_smoothing", "noisy_labels"} <= set(chosen):
        raise ValueError("label_smoothing and noisy_labels both choose the labels; take one of them")
    return {name: defaults_of(name) | dict(chosen[name]) for name in STABILISERS if name in chosen}


def defaults_of(name: str) -> dict[str, Any]:
    """Every argument of a stabiliser with its default."""
    parameters = inspect.signature(STABILISERS[name]).parameters
    return {key: parameter.default for key, parameter in parameters.items() if key != "recipe"}


def read_stabilisers(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Stabilisers as a command line names them: `spectral_norm`, `instance_noise:strength=0.2,steps=500`.

    Raises:
        ValueError: for an unknown name or argument, and a value that is no number.
    """
    chosen: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, _, told = text.partition(":")
        pairs = [part.partition("=") for part in told.split(",") if part]
        chosen[name] = {key.strip(): value for key, _, value in pairs}
    complete_stabilisers(chosen)
    for name, arguments in chosen.items():
        hints = typing.get_type_hints(STABILISERS[name])
        for key, value in arguments.items():
            try:
                arguments[key] = hints[key](value)
            except ValueError as error:
                kind = "a whole number" if hints[key] is int else "a number"
                raise ValueError(f"{name}: {key} is {value!r}; it needs {kind}") from error
    return chosen

"""Stabilisers that change the game: its labels and terms, what the discriminator is shown, and the optimisers."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from t2i_utils.models.minibatch import MinibatchDiscrimination
from t2i_utils.objectives import adversarial as games
from t2i_utils.objectives import terms
from t2i_utils.objectives.adaptive import AdaptiveAugment
from t2i_utils.objectives.augment import DiffAugment, InstanceNoise
from t2i_utils.objectives.historical import HistoricalAverage
from t2i_utils.objectives.joint import JointRound
from t2i_utils.objectives.penalties import R1
from t2i_utils.objectives.replay import Replay
from t2i_utils.recipe import Recipe
from t2i_utils.training.optimizers import SGD, fading

PLAYERS = ("discriminator", "generator")


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


def refuse_second_augmentation(recipe: Recipe) -> None:
    """Refuse to change pictures twice in the same way."""
    if any(isinstance(augment, DiffAugment | AdaptiveAugment) for augment in recipe.augments):
        raise ValueError("this system's pictures are changed already; take one of the ways (its own: --augment 0)")


def need_labels(recipe: Recipe, what: str) -> None:
    """Refuse a game whose targets are no labels."""
    if not recipe.adversarial.labels:
        raise ValueError(f"this system's game has no labels that could be {what}: its targets are margins or distances")

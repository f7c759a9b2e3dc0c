"""What people combine GANs with to keep them alive: each changes one thing of a recipe, or says why it cannot.

A stabiliser takes a recipe and returns it with one part or term more, so that an ablation is a list of names. The table
is in the order in which they are applied, whatever order they are asked for: first networks (`network_stabilisers`),
then the game, its terms, what the discriminator is shown, and the optimisers (`game_stabilisers`).
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from t2i_utils.recipe import Recipe
from t2i_utils.recipes.game_stabilisers import (
    adaptive_augmentation,
    diff_augment,
    experience_replay,
    feature_matching,
    flipped_labels,
    historical_averaging,
    instance_noise,
    joint_batches,
    label_smoothing,
    lazy_r1,
    noisy_labels,
    rate_decay,
    sgd_discriminator,
    two_rates,
)
from t2i_utils.recipes.network_stabilisers import (
    dropout_generator,
    layer_norm,
    minibatch_discrimination,
    spectral_norm,
    spectral_norm_generator,
    standing_statistics,
    virtual_batch_norm,
)

Chosen = Mapping[str, Mapping[str, Any]]

STABILISERS: dict[str, Callable[..., Recipe]] = {
    function.__name__: function
    for function in (
        layer_norm,
        spectral_norm,
        spectral_norm_generator,
        dropout_generator,
        virtual_batch_norm,
        standing_statistics,
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

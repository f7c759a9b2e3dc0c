"""The arguments of systems: their defaults, what somebody chose and what a data file says; and the recipe they make."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from t2i_utils.recipe import Recipe
from t2i_utils.recipes import SYSTEMS
from t2i_utils.recipes.stabilisers import complete_stabilisers, stabilise

if TYPE_CHECKING:
    from t2i_utils.data.loader import Loader  # who only opens a painter need not wait for what reads data files

STABILISED = "stabilisers"  # beside a system's own arguments: what is combined with it
FROM_DATA = ("image_size", "text_dim", "channels")  # nobody chooses these: the data file says them


def defaults(system: str) -> dict[str, Any]:
    """Every argument of a system's function with its default.

    Raises:
        ValueError: for an unknown system.
    """
    if system not in SYSTEMS:
        raise ValueError(f"there is no system {system!r}; choose one of {', '.join(SYSTEMS)}")
    return {name: parameter.default for name, parameter in inspect.signature(SYSTEMS[system]).parameters.items()}


def build_recipe(system: str, arguments: Mapping[str, Any], seed: int = 0) -> Recipe:
    """A system's recipe with the weights of a seed.

    Args:
        system: a name in SYSTEMS.
        arguments: of its function; what is not named keeps the function's default. Under `stabilisers`, names in
            STABILISERS with their own arguments.
        seed: of the first weights.

    Raises:
        ValueError: for an unknown system, stabiliser or argument, and for a stabiliser that does not fit the system.
    """
    known, chosen = defaults(system), arguments.get(STABILISED, {})
    arguments = {name: value for name, value in arguments.items() if name != STABILISED}
    unknown = [name for name in arguments if name not in known]
    if unknown:
        raise ValueError(f"{system} has no argument {', '.join(unknown)}; it has {', '.join(known)}")
    for name, value in arguments.items():
        if name.endswith(("_size", "_dim", "channels")) and value < 1:
            raise ValueError(f"{name} is {value}; {system} needs 1 or more")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return stabilise(SYSTEMS[system](**arguments), chosen)


def complete(system: str, arguments: Mapping[str, Any], loader: Loader) -> dict[str, Any]:
    """Every argument of a system's function: what was asked for, what the data says, the function's defaults."""
    known, told = defaults(system), {name: getattr(loader, name) for name in FROM_DATA}
    if "text_dim" in known and not loader.text_dim:
        raise ValueError(
            f"{system} paints what captions say, but without an encoder they say nothing; `embed` {loader.path}, then "
            "name the encoder"
        )
    for name, value in told.items():
        if arguments.get(name, value) != value:
            raise ValueError(
                f"{name} is {arguments[name]}, but the data has {value}; build or embed it again, or leave it out"
            )
    completed = known | {name: value for name, value in told.items() if name in known} | dict(arguments)
    if chosen := complete_stabilisers(completed.pop(STABILISED, {})):
        completed[STABILISED] = chosen
    return completed


def with_defaults(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's checkpoint says of it, with the arguments that its system did not have yet: they are defaults."""
    known = defaults(facts["system"]) if facts["system"] in SYSTEMS else {}
    return {**facts, "arguments": known | facts["arguments"]}

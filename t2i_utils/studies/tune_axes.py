"""What `tune` tries: axes of values, their combinations, and each combination as a training."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from t2i_utils.recipes.arguments import FROM_DATA, STABILISED, defaults
from t2i_utils.recipes.stabilisers import read_stabilisers
from t2i_utils.studies.attempts import Line

WITH = "with"  # the axis of stabilisers
MOST = 400  # trainings; more than that is a mistyped grid


@dataclass(frozen=True)
class Axis:
    """What is tried of one argument.

    Attributes:
        name: of a system's argument, or `with`.
        values: one after another; or, with `between`, none.
        between: the ends of a range, above 0.
    """

    name: str
    values: tuple[str, ...] = ()
    between: tuple[float, float] | None = None

    def draw(self, rng: np.random.Generator) -> str:
        """One value; of a range evenly in its logarithm, to three digits."""
        if self.between is None:
            return self.values[rng.integers(len(self.values))]
        low, high = (math.log(end) for end in self.between)
        return f"{math.exp(rng.uniform(low, high)):.3g}"


def read_axis(system: str, text: str) -> Axis:
    """`rate=1e-4,3e-4`, `rate=1e-5..1e-3` or `with=none,layer_norm` as an axis.

    Raises:
        ValueError: for a name that the system has not, or a value that its argument cannot have.
    """
    name, _, told = text.partition("=")
    values = tuple(part.strip() for part in told.split(";" if ";" in told else ",") if part.strip())
    if not values:
        raise ValueError(f"--try {text!r} names no values; write NAME=A,B,C (or A;B;C) or NAME=LOW..HIGH")
    if ".." in told:
        ends = tuple(float(check(system, name, end)) for end in told.split(".."))
        if len(ends) != 2 or not 0 < ends[0] < ends[1]:
            raise ValueError(f"{told} is no range; write LOW..HIGH, both above 0")
        return Axis(name, between=ends)
    for value in values:
        check(system, name, value)
    return Axis(name, values)


def check(system: str, name: str, value: str) -> Any:
    """A value as an argument of the system has it; a whole number may be written as 2e1."""
    if name == WITH:
        return read_stabilisers([] if value == "none" else value.split("+"))
    known = {key: usual for key, usual in defaults(system).items() if key not in FROM_DATA}
    if name not in known:
        raise ValueError(f"{system} has no argument {name!r}; try {', '.join([*known, WITH])}")
    try:
        number = float(value)
        return int(number) if isinstance(known[name], int) and number == int(number) else type(known[name])(value)
    except ValueError as error:
        kind = "a whole number" if isinstance(known[name], int) else "a number"
        raise ValueError(f"{name} is {value!r}; it needs {kind}") from error


def choices(axes: Sequence[Axis], draws: int = 0, seed: int = 0) -> list[dict[str, str]]:
    """What is tried: every combination, or so many different random ones (fewer where there are no more).

    Raises:
        ValueError: for a range without draws, an argument named twice, and more than `MOST` trainings.
    """
    names = [axis.name for axis in axes]
    if len(set(names)) < len(names):
        raise ValueError(f"--try names an argument twice: {', '.join(names)}")
    if draws:
        rng, found = np.random.default_rng(seed), []
        for _ in range(20 * draws):
            one = {axis.name: axis.draw(rng) for axis in axes}
            if one not in found and len(found) < draws:
                found.append(one)
        return found
    if ranges := [axis.name for axis in axes if axis.between]:
        raise ValueError(f"{ranges[0]} is a range, which has no grid; say how many to draw: --random N")
    if (count := math.prod(len(axis.values) for axis in axes)) > MOST:
        raise ValueError(f"that makes {count} trainings; try fewer values, or --random N")
    return [dict(zip(names, one, strict=True)) for one in itertools.product(*(axis.values for axis in axes))]


def line_of(system: str, fixed: Mapping[str, str], tried: Mapping[str, str]) -> Line:
    """A combination as a line of a plan."""
    arguments = {name: check(system, name, value) for name, value in {**fixed, **tried}.items()}
    stabilisers = arguments.pop(WITH, {})
    name = "_".join(f"{key}={value}" for key, value in tried.items()) or "defaults"
    return Line(name, system, arguments | ({STABILISED: stabilisers} if stabilisers else {}))

"""Which arguments suit a system and a data file? A search by captions of val classes that training never saw.

    python -m t2i_utils tune gan_cls --data FILE.h5 --encoder tiny_clip --out runs/tune --steps 600 \\
        --try rate=1e-4,3e-4 --try batch_size=16,64 --try with=none,layer_norm,spectral_norm+two_rates

A grid of all that `--try` names; with `--random N` so many draws of it, where `rate=1e-5..1e-3` is a range, drawn
evenly in its logarithm. Every training has the same number of steps and its own file in --out: interrupted, the same
command goes on. The score is, for the built-in flowers, the share of right attributes, over those that a caption
states; for any other file, minus the distance of painted pairs from real ones. Test classes are not looked at.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from t2i_utils.colab import choose_device
from t2i_utils.metrics.intervals import Interval
from t2i_utils.playground.figures import drawn
from t2i_utils.playground.grids import save_png
from t2i_utils.recipes import SYSTEMS
from t2i_utils.recipes.arguments import FROM_DATA, STABILISED, defaults
from t2i_utils.recipes.stabilisers import read_stabilisers
from t2i_utils.studies.attempts import Line, Plan, attempt, open_line, tensor
from t2i_utils.studies.kept import kept
from t2i_utils.studies.reading import over_seeds
from t2i_utils.whole import write_whole

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


@dataclass(frozen=True)
class Tried:
    """One combination.

    Attributes:
        values: by argument, as they were written.
        score: over seeds, and captions where attributes are known; None where it was refused or gave up.
        diversity: of the built-in flowers; None elsewhere.
        seconds: a step.
        said: why there is no score.
    """

    values: Mapping[str, str]
    score: Interval | None = None
    diversity: float | None = None
    seconds: float = math.nan
    said: str = ""


def score_of(runs: Sequence[Mapping[str, Any]]) -> Interval:
    """The score of some seeds: every caption's share of right attributes, or the pairs' distance."""
    if "right" in runs[0]:
        return over_seeds(
            [torch.stack([tensor(part) for part in run["right"].values()]).nanmean(dim=0) for run in runs]
        )
    scores = [run["score"] for run in runs]
    return Interval(statistics.mean(scores), min(scores), max(scores), len(scores))


def try_one(plan: Plan, line: Line, values: Mapping[str, str], device: torch.device) -> Tried:
    """All seeds of one combination."""
    try:
        open_line(plan, line, 0, device)
    except ValueError as error:
        return Tried(values, said=str(error))
    asked = plan.asked(line)
    runs = [
        kept(plan.out, f"{line.name}_{seed}", plan.data, asked, lambda seed=seed: attempt(plan, line, seed, device))
        for seed in range(plan.seeds)
    ]
    if gone := [run["gave_up"] for run in runs if "gave_up" in run]:
        return Tried(values, said=gone[0])
    if "right" not in runs[0] and "score" not in runs[0]:
        raise ValueError(
            f"{plan.data} has no two val pictures, so that nothing can be measured; build it with val classes"
        )
    spread = statistics.mean(statistics.mean(run["diversity"]) for run in runs) if "diversity" in runs[0] else None
    seconds = statistics.mean(run["seconds_a_step"] for run in runs)
    return Tried(values, score_of(runs), spread, seconds)


def best_first(tried: Sequence[Tried]) -> list[Tried]:
    """Sorted by score; those without one last."""
    return sorted(tried, key=lambda one: -one.score.mean if one.score else math.inf)


def table(tried: Sequence[Tried]) -> str:
    """Markdown, best first."""
    names = list(tried[0].values)
    lines = [f"| {' | '.join(names)} | score on val | diversity | ms a step |", "|---|" + "---|" * (len(names) + 2)]
    for one in best_first(tried):
        told = [one.said, "", ""]
        if one.score:
            score = f"{one.score.mean:.3f} [{one.score.low:.3f}, {one.score.high:.3f}]"
            spread = "" if one.diversity is None else f"{one.diversity:.3f}"
            told = [score, spread, f"{1000 * one.seconds:.1f}"]
        lines.append("| " + " | ".join([*one.values.values(), *told]) + " |")
    return "\n".join(lines) + "\n"


def sheet(tried: Sequence[Tried]) -> str:
    """CSV, best first."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*tried[0].values, "score", "low", "high", "diversity", "seconds_a_step", "said"])
    for one in best_first(tried):
        score = (one.score.mean, one.score.low, one.score.high) if one.score else (math.nan,) * 3
        spread = math.nan if one.diversity is None else one.diversity
        writer.writerow([*one.values.values(), *(f"{n:.6g}" for n in (*score, spread, one.seconds)), one.said])
    return text.getvalue()


def draw(tried: Sequence[Tried]):
    """A panel an argument: every combination's score against its value, the best one marked."""
    found = [one for one in best_first(tried) if one.score]
    names = list(found[0].values)
    figure = Figure(figsize=(3.2 * len(names), 2.8), layout="constrained")
    for axis, name in zip(figure.subplots(1, len(names), sharey=True, squeeze=False)[0], names, strict=True):
        values = [one.values[name] for one in found]
        if numbers := name != WITH:
            values = [float(value) for value in values]
        if numbers and min(values) > 0 and max(values) > 3 * min(values):
            axis.set_xscale("log")
        around = [[one.score.mean - one.score.low for one in found], [one.score.high - one.score.mean for one in found]]
        axis.errorbar(values, [one.score.mean for one in found], yerr=around, fmt="o", markersize=4, lw=0.8)
        axis.plot(values[:1], [found[0].score.mean], "o", color="tab:orange", markersize=8, zorder=3)
        axis.set_xlabel(name, fontsize=9)
        axis.grid(alpha=0.3)
    figure.supylabel("score on val", fontsize=9)
    return drawn(figure)


def command_of(system: str, plan: Plan, one: Tried, fixed: Mapping[str, str]) -> str:
    """The `train` command of a combination."""
    values = {**fixed, **one.values}
    parts = values.pop(WITH, "none")
    told = [f"--{name.replace('_', '-')} {value}" for name, value in values.items()]
    told += [f"--with {part}" for part in parts.split("+") if part != "none"]
    return f"python -m t2i_utils train {system} --data {plan.data} --encoder {plan.encoder} {' '.join(told)} ..."


def search(system: str, plan: Plan, axes: Sequence[Axis], fixed: Mapping[str, str], draws: int = 0) -> list[Tried]:
    """Try everything, write `tune.md`, `tune.csv` and `tune.png` to the plan's folder; returns it, best first."""
    device, tried = choose_device(), []
    wanted = choices(axes, draws)
    for values in wanted:
        tried.append(try_one(plan, line_of(system, fixed, values), values, device))
        said = f"{tried[-1].score.mean:.3f}" if tried[-1].score else tried[-1].said
        print(f"{len(tried)} of {len(wanted)}: {values}: {said}", flush=True)
    write_whole(plan.out / "tune.md", table(tried).encode())
    write_whole(plan.out / "tune.csv", sheet(tried).encode())
    if any(one.score for one in tried):
        save_png(draw(tried), plan.out / "tune.png")
    return best_first(tried)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `tune`."""
    parser.add_argument("system", metavar="SYSTEM", choices=list(SYSTEMS), help=", ".join(SYSTEMS))
    parser.add_argument("--data", type=Path, required=True, help="HDF5 file of `build`")
    parser.add_argument("--encoder", required=True, help="name of vectors in it, as given to `embed`")
    parser.add_argument("--out", type=Path, required=True, help="folder of results; what lies there is gone on with")
    parser.add_argument(
        "--try",
        dest="tried",
        action="append",
        required=True,
        metavar="NAME=A,B,...",
        help="values of an argument; NAME=LOW..HIGH for a range; with=none,A,B+C for stabilisers. Several times",
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of every training alike")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="draw N combinations instead of all")
    parser.add_argument("--steps", type=int, default=1000, help="of each training (default 1000)")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each combination (default 1)")
    parser.add_argument("--captions", type=int, default=200, help="val captions that are painted (default 200)")


def run(options: argparse.Namespace) -> None:
    """`tune`: search, and say what is best."""
    axes = [read_axis(options.system, text) for text in options.tried]
    fixed = dict(text.split("=", 1) if "=" in text else (text, "") for text in options.set)
    for name, value in fixed.items():
        check(options.system, name, value)
    both = fixed.keys() & {axis.name for axis in axes}
    if both:
        raise ValueError(f"{', '.join(sorted(both))} cannot be set and tried at once")
    plan = Plan(
        options.data,
        options.encoder,
        options.out,
        options.steps,
        seeds=options.seeds,
        captions=options.captions,
        split="train",
        asked_for="val",
    )
    found = search(options.system, plan, axes, fixed, options.random)
    print(table(found))
    print(f"{plan.steps} steps, {plan.seeds} seeds, trained on train classes, {plan.captions} captions of val classes")
    if found[0].score:
        print(f"best: {command_of(options.system, plan, found[0], fixed)}")

"""What came of `tune`: every combination with its score, as Markdown, CSV, a figure and a command."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from t2i_utils.metrics.intervals import Interval
from t2i_utils.playground.figures import drawn
from t2i_utils.studies.attempts import Plan
from t2i_utils.studies.tune_axes import WITH


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

"""Lines of attempts as a table, a sheet and a figure, and the command of a study that is such a table."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from t2i_utils.colab import choose_device
from t2i_utils.playground.figures import drawn
from t2i_utils.playground.grids import save_png
from t2i_utils.recipes import SYSTEMS
from t2i_utils.studies.attempts import Line, Plan
from t2i_utils.studies.rows import Row, cost_of, measure
from t2i_utils.whole import write_whole


def differences(rows: Sequence[Row], shown: Sequence[str] = ("petal_color", "background", "diversity")) -> str:
    """Markdown: how far each line lies from the first; bold where the interval leaves out 0."""
    names = [name.replace("_", " ").replace("color", "colour") for name in shown]
    lines = [f"| beside {rows[0].name.replace('_', ' ')} | {' | '.join(names)} |", "|---|" + "---|" * len(shown)]
    for row in rows:
        if row.changes:
            changes = [(key, row.changes[key]) for key in shown]
            cells = [bold(f"{one.mean:+.3f} [{one.low:+.3f}, {one.high:+.3f}]", row.apart(key)) for key, one in changes]
            lines.append(f"| {row.name.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def table(rows: Sequence[Row], shown: Sequence[str] = ("petal_color", "background", "diversity")) -> str:
    """Markdown: a row a line; bold where the difference from the first line, seed by seed, leaves out 0."""
    names = [name.replace("_", " ").replace("color", "colour") for name in shown]
    lines = [f"| | {' | '.join(names)} | collapsed | steps | cost of a picture |", "|---|" + "---|" * (3 + len(shown))]
    for row in rows:
        name = row.name.replace("_", " ")
        if row.refused:
            lines.append(f"| {name} | {row.refused} |" + " |" * (2 + len(shown)))
            continue
        scores = [(key, row.scores[key]) for key in shown if row.scores]
        told = [bold(f"{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]", row.apart(key)) for key, one in scores]
        told = told or ["gave up"] * len(shown)
        lines.append(
            f"| {name} | {' | '.join(told)} | {row.collapsed} of {row.runs} | {row.steps:,.0f} | {row.cost:.2f} |"
        )
    return "\n".join(lines) + "\n"


def bold(text: str, sure: bool) -> str:
    """Markdown's bold where something is sure."""
    return f"**{text}**" if sure else text


def sheet(rows: Sequence[Row]) -> str:
    """CSV: a line a score."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["line", "collapsed", "runs", "steps", "cost", "score", "mean", "low", "high", "count"])
    for row in rows:
        for name, one in row.scores.items():
            told = [f"{number:.6g}" for number in (row.steps, row.cost)]
            score = [f"{number:.6g}" for number in (one.mean, one.low, one.high)]
            writer.writerow([row.name, row.collapsed, row.runs, *told, name, *score, one.count])
    return text.getvalue()


def draw(rows: Sequence[Row], shown: Sequence[str] = ("petal_color", "background", "diversity")):
    """A panel a score, a line each with its interval; the first line's mean as a rule."""
    rows = [row for row in rows if row.scores]
    figure = Figure(figsize=(3.2 * len(shown) + 1.5, 0.28 * len(rows) + 0.9), layout="constrained")
    for axis, name in zip(figure.subplots(1, len(shown), sharey=True, squeeze=False)[0], shown, strict=True):
        scores = [row.scores[name] for row in rows]
        around = [[one.mean - one.low for one in scores], [one.high - one.mean for one in scores]]
        axis.errorbar([one.mean for one in scores], range(len(rows)), xerr=around, fmt="o", markersize=4, lw=1)
        axis.axvline(scores[0].mean, color="grey", lw=0.8)
        axis.set_title(name.replace("_", " ").replace("color", "colour"), fontsize=9)
        axis.set_yticks(range(len(rows)), [row.name.replace("_", " ") for row in rows], fontsize=8)
        axis.grid(axis="x", alpha=0.3)
    axis.invert_yaxis()
    return drawn(figure)


def publish(plan: Plan, rows: Sequence[Row], name: str) -> str:
    """Write NAME.md, NAME.csv and NAME.png to the plan's folder; returns the table."""
    told = table(rows) + ("\n" + differences(rows) if any(row.changes for row in rows) else "")
    write_whole(plan.out / f"{name}.md", told.encode())
    write_whole(plan.out / f"{name}.csv", sheet(rows).encode())
    if any(row.scores for row in rows):
        save_png(draw(rows), plan.out / f"{name}.png")
    return told


def compare(
    name: str,
    told: str,
    lines: Callable[..., Sequence[Line]],
    arguments: Sequence[str] | None,
    system: str = "",
    equal_time: bool = False,
) -> int:
    """The command of a study that is a table of lines: measure each, write NAME.md, NAME.csv and NAME.png.

    Args:
        name: of the study.
        told: what it asks, its first line above all.
        lines: from a number of steps and a width to its lines, the plain one first; and from a system where one may
            be chosen.
        arguments: of the command line.
        system: the usual one, where it may be chosen.
        equal_time: each line takes as many steps as fit in the time of the first line's, by what they cost.
    """
    parser = argparse.ArgumentParser(prog=f"python -m t2i_utils study {name}", description=told.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="HDF5 file of the built-in flowers")
    parser.add_argument("--encoder", required=True, help="name of vectors in it")
    parser.add_argument("--out", type=Path, required=True, help="folder of results; what lies there is gone on with")
    if system:
        parser.add_argument("--system", default=system, choices=list(SYSTEMS), help=f"default: {system}")
    parser.add_argument("--steps", type=int, default=1200, help="of 32 pictures (default 1200)")
    parser.add_argument("--channels", type=int, default=16, help="base width of both networks (default 16)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings a line (default 3)")
    parser.add_argument("--captions", type=int, default=200, help="for the accuracies, 4 noises each (default 200)")
    parser.add_argument("--only", nargs="+", help="only these lines, by name; the plain one is always there")
    parser.add_argument("--no-cost", action="store_true", help="do not measure what a step costs")
    options = parser.parse_args(arguments)
    plan = Plan(options.data, options.encoder, options.out, options.steps, options.seeds, options.captions)
    found = lines(*([options.system] if system else []), options.steps, options.channels)
    unknown = set(options.only or ()) - {line.name for line in found}
    if unknown:
        parser.error(f"no line {', '.join(sorted(unknown))}; there are {', '.join(line.name for line in found)}")
    chosen = [line for line in found if not options.only or line is found[0] or line.name in options.only]
    device, rows = choose_device(), []
    for line in chosen:
        if equal_time:
            line = replace(line, share=1 / cost_of(plan, line, found[0], device))
        rows.append(measure(plan, line, found[0], device, not options.no_cost))
        print(f"{line.name}: {len(rows)} of {len(chosen)} lines", flush=True)
    print(publish(plan, rows, name))
    length = f"{plan.steps} steps of 32 pictures" + (", or as many as fit in their time" if equal_time else "")
    print(f"{length}, {options.channels} channels, on {device}; {plan.seeds} seeds")
    print(f"{plan.captions} held-out captions x {plan.noises} noises, intervals of 95 %")
    return 0

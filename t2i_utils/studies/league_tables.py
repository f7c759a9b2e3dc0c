"""What a league says: two tables, a sheet and a figure."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from t2i_utils.metrics.directions import direction
from t2i_utils.playground.figures import drawn

TIME, PICTURES = "time", "pictures"
BUDGETS = (TIME, PICTURES)
SHOWN = ("petal colour right", "background right", "FID", "KID", "recall", "diversity")
COLLAPSED = 0.1  # of real renderings' diversity


@dataclass(frozen=True)
class Row:
    """A system under a budget.

    Attributes:
        system, budget: which.
        runs: what came of each seed: "steps", "parameters", and "seconds_a_picture" and "scores" or "gave_up".
    """

    system: str
    budget: str
    runs: Sequence[Mapping[str, Any]]

    @property
    def whole(self) -> list[Mapping[str, Any]]:
        """The runs that did not give up."""
        return [run for run in self.runs if "scores" in run]

    @property
    def collapsed(self) -> int:
        """Runs that gave up, or paint nearly one picture a caption."""
        alike = [run for run in self.whole if run["scores"].get("diversity", 1.0) < COLLAPSED]
        return len(self.runs) - len(self.whole) + len(alike)

    def of(self, metric: str) -> list[float]:
        """A metric's value for each seed that has one."""
        return [run["scores"][metric] for run in self.whole if metric in run["scores"]]


def told(values: Sequence[float]) -> str:
    """A mean with the lowest and highest value."""
    if not values:
        return ""
    return f"{statistics.mean(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def milliseconds(rows: Sequence[Row]) -> dict[str, float]:
    """What a picture takes, by system: the quickest of all its runs, for what else a machine does only adds to it."""
    times: dict[str, list[float]] = {}
    for row in rows:
        times.setdefault(row.system, []).extend(1000 * run["seconds_a_picture"] for run in row.whole)
    return {system: min(found) for system, found in times.items() if found}


def headings(rows: Sequence[Row]) -> dict[str, str]:
    """Each metric's name in full, with whose eyes it is of: "FID (reader)" is no FID."""
    protocols = next((run["protocols"] for row in rows for run in row.whole), [])
    return {one.partition(" (")[0]: one for one in (protocol.partition(":")[0] for protocol in protocols)}


def page(rows: Sequence[Row], brackets: Mapping[str, Mapping[str, float]], done: str) -> str:
    """Both tables, the best known by their means left to the reader, and the protocol of each column."""
    lines, named, pace = [], headings(rows), milliseconds(rows)
    shown = " | ".join(named.get(metric, metric) for metric in SHOWN)
    for budget in dict.fromkeys(row.budget for row in rows):
        what = "the same time" if budget == TIME else "as many pictures seen"
        lines += [
            f"**At {what}** (mean [lowest, highest] over seeds)",
            "",
            f"| system | parameters | ms to paint a picture | steps | {shown} | collapsed |",
            "|---|" + "---|" * (len(SHOWN) + 4),
        ]
        for row in (one for one in rows if one.budget == budget):
            first = row.runs[0]
            cells = [f"{first['parameters']:,}", f"{pace[row.system]:.2f}" if row.whole else "", f"{first['steps']:,}"]
            cells += [told(row.of(metric)) or ("gave up" if not row.whole else "") for metric in SHOWN]
            lines.append(f"| {row.system} | {' | '.join(cells)} | {row.collapsed} of {len(row.runs)} |")
        for name, scores in brackets.items():
            cells = [f"{scores[metric]:.3g}" if metric in scores else "" for metric in SHOWN]
            lines.append(f"| *{name}* |  |  |  | {' | '.join(cells)} |  |")
        lines.append("")
    protocols = next((run["protocols"] for row in rows for run in row.whole), [])
    wanted = [protocol for protocol in protocols if protocol.partition(":")[0].partition(" (")[0] in SHOWN]
    return "\n".join([*lines, done, "", *(f"- {protocol}" for protocol in wanted), ""])


def sheet(rows: Sequence[Row], brackets: Mapping[str, Mapping[str, float]]) -> str:
    """CSV: a line a seed and metric."""
    text, named = io.StringIO(), headings(rows)
    writer = csv.writer(text)
    writer.writerow(["budget", "system", "seed", "steps", "parameters", "seconds_a_picture", "metric", "value"])
    for row in rows:
        for seed, run in enumerate(row.runs):
            facts = [row.budget, row.system, seed, run["steps"], run["parameters"], run.get("seconds_a_picture", "")]
            if "gave_up" in run:
                writer.writerow([*facts, "gave up", ""])
            for metric, value in run.get("scores", {}).items():
                writer.writerow([*facts, named.get(metric, metric), f"{value:.6g}"])
    for name, scores in brackets.items():
        for metric, value in scores.items():
            writer.writerow(["", name, "", "", "", "", named.get(metric, metric), f"{value:.6g}"])
    return text.getvalue()


def draw(rows: Sequence[Row], metrics: Sequence[str] = ("petal colour right", "FID")) -> Image.Image:
    """Quality against the time that a picture takes; the area of a dot is the number of the generator's parameters."""
    rows = [row for row in rows if row.whole]
    alike = {TIME: "time", PICTURES: "number of pictures"}
    budgets, named = list(dict.fromkeys(row.budget for row in rows)), headings(rows)
    figure = Figure(figsize=(6.4 * len(metrics), 4.2 * len(budgets)), layout="constrained")
    axes = figure.subplots(len(budgets), len(metrics), squeeze=False)
    for line, budget in zip(axes, budgets, strict=True):
        for axis, metric in zip(line, metrics, strict=True):
            title = f"{named.get(metric, metric)}, {direction(metric)}, at the same {alike[budget]}"
            axis.set_title(title, fontsize=9)
            _dots(axis, rows, budget, metric)
    return drawn(figure)


def _dots(axis: Axes, rows: Sequence[Row], budget: str, metric: str) -> None:
    """One panel: means over seeds with their ends."""
    pace, places = milliseconds(rows), {}
    most = max(row.runs[0]["parameters"] for row in rows)
    for row in (one for one in rows if one.budget == budget and one.of(metric)):
        values, x = row.of(metric), pace[row.system]
        mean = statistics.mean(values)
        axis.errorbar(x, mean, [[mean - min(values)], [max(values) - mean]], color="grey", lw=0.8)
        axis.scatter(x, mean, s=20 + 300 * row.runs[0]["parameters"] / most, alpha=0.6)
        places[row.system] = (x, mean)
    axis.set_xscale("log")
    axis.set_yscale("log" if metric == "FID" else "linear")
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter("{x:g}")
        side.set_minor_formatter("{x:g}")
    axis.tick_params(which="both", labelsize=7)
    axis.set_xlabel("ms to paint a picture", fontsize=8)
    axis.margins(x=0.16)  # room for names
    axis.grid(alpha=0.3)
    _names(axis, places)


def _names(axis: Axes, places: Mapping[str, tuple[float, float]]) -> None:
    """A name at the right of each dot, moved up where it would stand on another one."""
    axis.set(xlim=axis.get_xlim(), ylim=axis.get_ylim())  # or they would change after names have found their places
    to_panel = axis.transData + axis.transAxes.inverted()
    spots = sorted((tuple(to_panel.transform(place)[::-1]), name) for name, place in places.items())
    written: list[tuple[float, float]] = []
    for (y, x), name in spots:
        for over, beside in written:  # from below
            if abs(beside - x) < 0.25 and y - over < 0.035:
                y = over + 0.035
        written.append((y, x))
        axis.annotate(
            name,
            places[name],
            (x + 0.02, y),
            textcoords="axes fraction",
            fontsize=7,
            va="center",
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": "grey"},
        )

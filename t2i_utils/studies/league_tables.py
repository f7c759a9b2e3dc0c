"""What a league says: two tables, a sheet and a figure."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

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

    @property
    def milliseconds(self) -> float:
        """To paint a picture."""
        return 1000 * min(run["seconds_a_picture"] for run in self.whole)

    def of(self, metric: str) -> list[float]:
        """A metric's value for each seed that has one."""
        return [run["scores"][metric] for run in self.whole if metric in run["scores"]]


def told(values: Sequence[float]) -> str:
    """A mean with the lowest and highest value."""
    if not values:
        return ""
    return f"{statistics.mean(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def page(rows: Sequence[Row], brackets: Mapping[str, Mapping[str, float]], done: str) -> str:
    """Both tables, the best known by their means left to the reader, and the protocol of each column."""
    lines = []
    for budget in dict.fromkeys(row.budget for row in rows):
        what = "the same time" if budget == TIME else "as many pictures seen"
        lines += [
            f"**At {what}** (mean [lowest, highest] over seeds)",
            "",
            f"| system | parameters | ms a picture | steps | {' | '.join(SHOWN)} | collapsed |",
            "|---|" + "---|" * (len(SHOWN) + 4),
        ]
        for row in (one for one in rows if one.budget == budget):
            first = row.runs[0]
            cells = [f"{first['parameters']:,}", f"{row.milliseconds:.2f}" if row.whole else "", f"{first['steps']:,}"]
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
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["budget", "system", "seed", "steps", "parameters", "seconds_a_picture", "metric", "value"])
    for row in rows:
        for seed, run in enumerate(row.runs):
            facts = [row.budget, row.system, seed, run["steps"], run["parameters"], run.get("seconds_a_picture", "")]
            if "gave_up" in run:
                writer.writerow([*facts, "gave up", ""])
            for metric, value in run.get("scores", {}).items():
                writer.writerow([*facts, metric, f"{value:.6g}"])
    for name, scores in brackets.items():
        for metric, value in scores.items():
            writer.writerow(["", name, "", "", "", "", metric, f"{value:.6g}"])
    return text.getvalue()


def draw(rows: Sequence[Row], metrics: Sequence[str] = ("petal colour right", "FID")) -> Image.Image:
    """Quality against the time that a picture takes; the area of a dot is the number of the generator's parameters."""
    rows = [row for row in rows if row.whole]
    budgets = list(dict.fromkeys(row.budget for row in rows))
    figure = Figure(figsize=(6.4 * len(metrics), 4.2 * len(budgets)), layout="constrained")
    axes = figure.subplots(len(budgets), len(metrics), squeeze=False)
    most = max((row.runs[0]["parameters"] for row in rows), default=1)
    for line, budget in zip(axes, budgets, strict=True):
        for axis, metric in zip(line, metrics, strict=True):
            for row in (one for one in rows if one.budget == budget and one.of(metric)):
                values = row.of(metric)
                mean = statistics.mean(values)
                area = 20 + 300 * row.runs[0]["parameters"] / most
                axis.errorbar(
                    row.milliseconds, mean, [[mean - min(values)], [max(values) - mean]], color="grey", lw=0.8
                )
                axis.scatter(row.milliseconds, mean, s=area, alpha=0.6)
                axis.annotate(row.system, (row.milliseconds, mean), (4, 4), textcoords="offset points", fontsize=7)
            axis.set_xscale("log")
            axis.set_xlabel("ms to paint a picture", fontsize=8)
            axis.set_title(f"{metric}, at the same {'time' if budget == TIME else 'number of pictures'}", fontsize=9)
            if metric == "FID":
                axis.set_yscale("log")
            axis.grid(alpha=0.3)
    return drawn(figure)

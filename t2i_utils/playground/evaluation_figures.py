"""Figures of scores: who has which, bias by the number of pictures, curves over training, pictures with their words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image
from torch import Tensor

from t2i_utils.metrics.directions import direction
from t2i_utils.metrics.record import Protocol, Record, columns
from t2i_utils.playground.figures import drawn
from t2i_utils.playground.grids import grid


def scores(records: Sequence[Record], real: str = "", noise: str = "", across: int = 4) -> Image.Image:
    """A panel a metric: each painter's score with its interval, between real pictures and noise.

    Args:
        records: measured alike.
        real: the name among them that stands for real pictures, a line in every panel.
        noise: the name that stands for noise; where it is far away, its value stands at the side that it is on.
        across: panels in a row.

    Raises:
        MixedProtocolsError, ValueError: as `columns`.
    """
    headings = columns(records)
    painters = [name for name in dict.fromkeys(one.painter for one in records) if name not in (real, noise)]
    rows = -(-len(headings) // across)
    size = (1.7 + 2.25 * across, rows * (0.75 + 0.22 * len(painters)) + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, across, squeeze=False, sharey=True).flatten()
    for axis, heading in zip(axes, headings, strict=False):
        mine = {one.painter: one for one in records if one.protocol.column == heading}
        _panel(axis, mine, painters, mine.get(real), mine.get(noise))
        axis.set_title(_title(next(iter(mine.values())).protocol), fontsize=7.5)
    for axis in axes[len(headings) :]:
        axis.remove()
    axes[0].set_yticks(range(len(painters)), painters)
    axes[0].set_ylim(len(painters) - 0.2, -0.6)  # room for what stands at the bottom
    marks = [Line2D([], [], color="black", linestyle="--", label=real)] if real else []
    marks += [Line2D([], [], color="grey", linestyle=":", label=noise)] if noise else []
    if marks:
        figure.legend(handles=marks, loc="outside lower center", ncols=2, fontsize=8)
    return drawn(figure)


def _title(protocol: Protocol) -> str:
    """A metric with the network that looked, and which way is better."""
    name = textwrap.fill(protocol.column, 34, break_long_words=False, break_on_hyphens=False)
    return f"{name}\n{direction(protocol.metric)}"


def _panel(axis: Axes, mine: Mapping[str, Record], painters: Sequence[str], real: Record | None, noise: Record | None):
    """One metric: intervals of painters in rows, and two lines between which they lie."""
    for row, name in enumerate(painters):
        if name in mine:
            one = mine[name]
            axis.plot([one.low, one.high], [row, row], color=f"C{row}", linewidth=1.6)
            axis.plot(one.value, row, "o", color=f"C{row}", markersize=5)
    ends = [end for name in painters if name in mine for end in (mine[name].low, mine[name].high)]
    if real is not None:
        axis.axvspan(real.low, real.high, color="black", alpha=0.1, linewidth=0)
        axis.axvline(real.value, color="black", linestyle="--", linewidth=1)
        ends += [real.low, real.high]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    room = 0.08 * (high - low) or 0.1
    if noise is not None and low - 0.6 * (high - low) <= noise.value <= high + 0.6 * (high - low):
        axis.axvline(noise.value, color="grey", linestyle=":", linewidth=1.2)
        low, high = min(low, noise.value), max(high, noise.value)
    elif noise is not None:
        side, told = (0.02, f"◂ {noise.value:,.3g}") if noise.value < low else (0.98, f"{noise.value:,.3g} ▸")
        axis.text(
            side, 0.03, told, transform=axis.transAxes, ha="left" if side < 0.5 else "right", fontsize=7, color="grey"
        )
    axis.set_xlim(low - room, high + room)
    axis.tick_params(labelsize=7)
    axis.locator_params(axis="x", nbins=4)
    axis.grid(axis="x", alpha=0.3)


def sheet(records: Sequence[Record]) -> str:
    """Markdown: a row a metric, a column a painter, with intervals; what was measured stands below, a line a metric.

    Raises:
        MixedProtocolsError, ValueError: as `columns`.
    """
    headings = columns(records)
    painters = list(dict.fromkeys(one.painter for one in records))
    cells = {(one.painter, one.protocol.column): one for one in records}
    lines = [["", *painters], ["---"] * (1 + len(painters))]
    for heading in headings:
        found = [cells.get((painter, heading)) for painter in painters]
        told = [f"{one.value:.3g} [{one.low:.3g}, {one.high:.3g}]" if one else "" for one in found]
        lines.append([f"{heading}, {direction(headings[heading].metric)}", *told])
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", *(f"- {one}" for one in headings.values())])


def by_count(curves: Mapping[str, Mapping[int, float]], name: str) -> Image.Image:
    """The same score of more and more pictures of a painter: where a curve still falls, it is the number that speaks.

    curves: by painter, count of pictures to score; name: of the score with the network that looked, "FID (reader)".
    """
    figure = Figure(figsize=(6.4, 3), layout="constrained")
    axis = figure.subplots()
    for painter, curve in curves.items():
        axis.plot(list(curve), list(curve.values()), marker="o", markersize=4, label=painter)
    axis.set(xlabel="pictures", ylabel=name, xscale="log", yscale="log")
    counts = sorted({count for curve in curves.values() for count in curve})
    axis.set_xticks(counts, [f"{count:,}" for count in counts], fontsize=8)
    axis.minorticks_off()
    values = [value for curve in curves.values() for value in curve.values()]
    steps = _round_steps(min(values), max(values))
    axis.set_yticks(steps, [f"{step:,g}" for step in steps], fontsize=8)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return drawn(figure)


def _round_steps(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, ... from low to high, with one beyond on either side where there would be fewer than two."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    every = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    inside = [step for step in every if low <= step <= high]
    below, above = max(step for step in every if step <= low), min(step for step in every if step >= high)
    return inside if len(inside) >= 2 else sorted({below, *inside, above})


def by_step(told: Mapping[int, Sequence[Record]], metrics: Sequence[str], real: Sequence[Record] = ()) -> Image.Image:
    """A panel a metric: its course while a run trains, with intervals, and real pictures as a line.

    Args:
        told: step to the records of the run at that step.
        metrics: which of them.
        real: records of real pictures.
    """
    figure = Figure(figsize=(2.6 * len(metrics), 2.5), layout="constrained")
    for axis, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        course = {step: one for step, records in told.items() for one in records if one.protocol.metric == metric}
        axis.plot(list(course), [one.value for one in course.values()], marker="o", markersize=4)
        axis.fill_between(
            list(course), [one.low for one in course.values()], [one.high for one in course.values()], alpha=0.2
        )
        for one in real:
            if one.protocol.metric == metric:
                axis.axhline(one.value, color="black", linestyle="--", linewidth=1)
        axis.set_title(next((_title(one.protocol) for one in course.values()), metric), fontsize=7.5)
        axis.set_xlabel("step", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.grid(alpha=0.3)
    return drawn(figure)


def labelled(pictures: Tensor, texts: Sequence[str], columns: int = 6, wrap: int = 24) -> Image.Image:
    """Pictures in rows, words below each.

    Args:
        pictures: uint8 [n, channels, height, width].
        texts: [n].
        columns: pictures a row.
        wrap: characters a line.
    """
    rows = -(-len(texts) // columns)
    wrapped = ["\n".join(textwrap.wrap(text, wrap)) for text in texts]
    most = max(text.count("\n") + 1 for text in wrapped)
    figure = Figure(figsize=(1.55 * columns, rows * (1.4 + 0.13 * most)))
    figure.set_layout_engine("constrained", h_pad=0.08)
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for axis, picture, text in zip(axes, pictures, wrapped, strict=False):
        axis.imshow(np.asarray(grid(picture[None])), interpolation="nearest")
        axis.set_title(text, fontsize=7, y=-0.04, va="top", pad=0, parse_math=False)
    for axis in axes:
        axis.axis("off")
    return drawn(figure)

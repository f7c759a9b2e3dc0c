"""What a notebook shows: pictures in grids, curves, and the source of what was just called."""

from __future__ import annotations

import inspect
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from t2i_utils.playground.grids import grid
from t2i_utils.training.watchers import History


def drawn(figure: Figure) -> Image.Image:
    """A figure as a picture: it shows under any notebook's cell, whatever matplotlib's backend is there."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return Image.open(buffer)


def captioned_rows(rows: Mapping[str, Tensor], scale: float = 1.0, wrap: int = 34) -> Image.Image:
    """A row of pictures beside each caption.

    Args:
        rows: caption to uint8 [n, channels, height, width]; the same n in every row.
        scale: inches a picture.
        wrap: characters a line of the caption.
    """
    count = max(len(images) for images in rows.values())
    figure = Figure(figsize=(3.2 + count * scale, len(rows) * scale * 1.08), layout="constrained")
    axes = figure.subplots(len(rows), 2, width_ratios=[3.2, count * scale], squeeze=False)
    for (text, show), (caption, images) in zip(axes, rows.items(), strict=True):
        text.text(1, 0.5, textwrap.fill(caption, wrap), ha="right", va="center", fontsize=9, parse_math=False)
        show.imshow(np.asarray(grid(images, columns=count)), interpolation="nearest")
        text.axis("off")
        show.axis("off")
    return drawn(figure)


def curves(history: History, names: Sequence[str], title: str = "", smooth: int = 25) -> Image.Image:
    """Columns of a history against the step, each the mean of `smooth` neighbours over its own pale line."""
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    axis = figure.subplots()
    for name in names:
        steps, values = history.column(name)
        if not steps:
            continue
        (line,) = axis.plot(steps, values, alpha=0.2, linewidth=0.8)
        window = min(smooth, len(values))
        means = np.convolve(values, np.ones(window) / window, mode="valid")
        axis.plot(steps[window - 1 :], means, color=line.get_color(), label=name.split("/")[-1])
    axis.set_xlabel("step")
    axis.set_title(title)
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    return drawn(figure)


def score_histogram(scores: Mapping[str, Tensor]) -> Image.Image:
    """How a discriminator's logits ([batch, ...] each) of several kinds of pairs are spread."""
    figure = Figure(figsize=(6, 2.4), layout="constrained")
    axis = figure.subplots()
    values = {name: logits.detach().float().flatten().cpu().numpy() for name, logits in scores.items()}
    bins = np.histogram_bin_edges(np.concatenate(list(values.values())), 30)
    for name, numbers in values.items():
        axis.hist(numbers, bins, alpha=0.5, label=name)
    axis.set_xlabel("logit: the larger, the more real")
    axis.legend(fontsize=8)
    return drawn(figure)


def show_source(thing: Callable | type) -> None:
    """Show the very code that a notebook calls, so that there is no copy of it to go stale."""
    from IPython.display import Code, display

    display(Code(inspect.getsource(thing), language="python"))

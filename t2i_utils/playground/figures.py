"""What a notebook shows: pictures in grids, curves, and the source of what was just called."""

from __future__ import annotations

import inspect
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from t2i_utils.training.watchers import History
from t2i_utils.whole import write_whole


def grid(images: Tensor, columns: int = 8, gap: int = 2, scale: int = 1) -> Image.Image:
    """Pictures side by side on white.

    Args:
        images: uint8 [n, channels, height, width], or float in [-1, 1].
        columns: pictures a row.
        gap: white pixels between two.
        scale: each pixel becomes so many, unsmoothed, so that 32-pixel pictures can be seen.
    """
    if images.dtype != torch.uint8:
        images = ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    images = images.cpu().expand(-1, 3, -1, -1).repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    count, _, height, width = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    canvas = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for index, picture in enumerate(images.permute(0, 2, 3, 1).numpy()):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        canvas[top : top + height, left : left + width] = picture
    return Image.fromarray(canvas)


def drawn(figure: Figure) -> Image.Image:
    """A figure as a picture: it shows under any notebook's cell, whatever matplotlib's backend is there."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return Image.open(buffer)


def save_png(picture: Image.Image, path: Path, description: str = "") -> Path:
    """Write a picture as PNG, whole or not at all, with its folder.

    Args:
        picture: what to write.
        path: where.
        description: what it shows; kept inside the file, and printed under it by a gallery.
    """
    told = PngInfo()
    if description:
        told.add_text("Description", description)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, pnginfo=told)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, buffer.getvalue())
    return path


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

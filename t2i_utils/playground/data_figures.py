"""What notebook 01 shows of a data set: pictures with captions, splits, attributes, and what a loader does."""

from __future__ import annotations

import textwrap
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from t2i_utils.data.loader import Loader
from t2i_utils.data.pictures import prepare
from t2i_utils.data.sealed import open_data
from t2i_utils.data.source import SPLITS, Example, Source
from t2i_utils.data.split import Pictures
from t2i_utils.playground.figures import drawn
from t2i_utils.playground.grids import grid

RIGHT, WRONG = "#1b6e3c", "#b3261e"
SPLIT_COLOURS = {"train": "#cfe3d4", "val": "#f5deb0", "test": "#f2c4bd"}


def look(examples: Sequence[Example], size: int, channels: int = 3) -> Tensor:
    """Draw or decode examples as the builder would, at any size: uint8 [n, channels, size, size].

    Raises:
        ValueError: naming an example that cannot be shown, and why.
    """
    tasks = [(example.picture, example.captions) for example in examples]
    found = prepare(tasks, side=size, channels=channels, jpeg=False)
    for example, one in zip(examples, found, strict=True):
        if one.pixels is None:
            raise ValueError(f"{example.name} cannot be shown: {one.problem}; choose another example")
    return torch.from_numpy(np.stack([one.pixels for one in found]).transpose(0, 3, 1, 2).copy())


def with_captions(
    images: Tensor, captions: Sequence[str], wrong: Sequence[str] | None = None, columns: int = 4, wrap: int = 30
) -> Image.Image:
    """Pictures, each over its caption; or, where `wrong` is given, under it in green and over the wrong one in red.

    Args:
        images: uint8 [n, channels, height, width], or float in [-1, 1].
        captions: [n].
        wrong: [n] captions of other pictures.
        columns: pictures a row.
        wrap: characters a line.
    """
    count = len(images)
    columns = min(columns, count)
    rows = -(-count // columns)
    lines = max(len(textwrap.wrap(text, wrap)) for text in [*captions, *(wrong or [])])
    figure = Figure(
        figsize=(2.3 * columns, rows * (2.4 + 0.17 * lines * (1 if wrong is None else 2))), layout="constrained"
    )
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for index, axis in enumerate(axes):
        bare(axis)
        if index >= count:
            continue
        axis.imshow(np.asarray(grid(images[index : index + 1])), interpolation="nearest")
        text = textwrap.fill(captions[index], wrap)
        if wrong is None:
            axis.set_xlabel(text, fontsize=8, parse_math=False)
        else:
            axis.set_title(text, fontsize=8, color=RIGHT, parse_math=False)
            axis.set_xlabel(textwrap.fill(wrong[index], wrap), fontsize=8, color=WRONG, parse_math=False)
    return drawn(figure)


def bare(axis: Axes) -> None:
    """Take ticks and frame from an axis, and leave its title and labels."""
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)


def split_map(source: Source) -> Image.Image:
    """Which classes train, validate and test: a table where classes are pairs of two attributes, else bars."""
    counts = Counter((example.class_name, example.split) for example in source.examples)
    pairs = [name.split(" ", 1) for name, _ in counts]
    known = [value for values in source.attributes.values() for value in values]  # their order, where there is one
    place = {value: index for index, value in reversed(list(enumerate(known)))}
    firsts, seconds = (
        sorted({pair[part] for pair in pairs}, key=lambda value: (place.get(value, len(known)), value))
        for part in (0, -1)
    )
    if all(len(pair) == 2 for pair in pairs) and len(firsts) * len(seconds) <= 2 * len(pairs):
        return _split_table(counts, firsts, seconds)
    return _split_bars(counts)


def _split_table(counts: Counter, columns: list[str], rows: list[str]) -> Image.Image:
    figure = Figure(figsize=(1 + 0.95 * len(columns), 0.7 + 0.5 * len(rows)), layout="constrained")
    axis = figure.subplots()
    for (name, split), count in counts.items():
        first, second = name.split(" ", 1)
        x, y = columns.index(first), rows.index(second)
        box = axis.fill_between((x - 0.47, x + 0.47), y - 0.45, y + 0.45, color=SPLIT_COLOURS[split])
        box.set_edgecolor("white")
        axis.text(x, y, f"{split}\n{count:,}", ha="center", va="center", fontsize=8)
    axis.set_xticks(range(len(columns)), columns)
    axis.set_yticks(range(len(rows)), rows)
    axis.invert_yaxis()
    axis.tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    return drawn(figure)


def _split_bars(counts: Counter) -> Image.Image:
    """Pictures a class, the classes of a split side by side."""
    order = sorted(counts, key=lambda key: (SPLITS.index(key[1]), -counts[key], key[0]))
    figure = Figure(figsize=(9, 3), layout="constrained")
    axis = figure.subplots()
    for split, colour in SPLIT_COLOURS.items():
        places = [place for place, key in enumerate(order) if key[1] == split]
        if not places:
            continue
        label = f"{split}: {len(places)} classes"
        axis.bar(places, [counts[order[place]] for place in places], color=colour, edgecolor="grey", label=label)
    if len(order) <= 30:
        axis.set_xticks(range(len(order)), [name for name, _ in order], rotation=60, ha="right", fontsize=7)
    axis.set_ylabel("pictures")
    figure.legend(fontsize=8, loc="outside upper center", ncols=len(SPLIT_COLOURS))
    return drawn(figure)


def attribute_shares(pictures: Pictures) -> Image.Image:
    """How often each value is drawn, and in its title how many captions say anything of that attribute.

    Raises:
        ValueError: for a data set without attributes.
    """
    if not pictures.values:
        raise ValueError("nobody knows attributes of these pictures; only the built-in flowers come with theirs")
    figure = Figure(figsize=(2.4 * len(pictures.values) + 0.6, 2.6), layout="constrained")  # titles are wide
    axes = figure.subplots(1, len(pictures.values), squeeze=False)[0]
    for number, (axis, (name, values)) in enumerate(zip(axes, pictures.values.items(), strict=True)):
        known = pictures.attributes[name][pictures.attributes[name] >= 0]
        shares = torch.bincount(known, minlength=len(values)).double() / max(1, len(known))
        axis.barh(values, 100 * shares.numpy(), color="#9cc3a5")
        axis.invert_yaxis()
        axis.tick_params(labelsize=8)
        axis.set_xlabel("% of pictures", fontsize=8)
        said = 100 * pictures.states[:, number].double().mean().item()
        axis.set_title(f"{name}\nstated by {said:.0f} % of captions", fontsize=9)
    return drawn(figure)


def steps_that_show(loader: Loader, picture: int, count: int) -> list[tuple[int, int]]:
    """The first `count` steps that show a picture, each with its place in the batch.

    Raises:
        ValueError: for a picture that the loader's split does not have.
    """
    if not 0 <= picture < len(loader):
        raise ValueError(f"the {loader.split} split has pictures 0 to {len(loader) - 1}, not {picture}; choose one")
    found: list[tuple[int, int]] = []
    step = 0
    while len(found) < count:
        places = np.flatnonzero(loader.draw(step).pictures == picture)
        found += [(step, int(place)) for place in places]
        step += 1
    return found[:count]


def pictures_per_second(loader: Loader, batches: int = 50) -> float:
    """How many pictures a second the loader cuts, mirrors and scales, the first batches not counted."""
    for step in range(3):
        loader.batch(step)
    begin = time.perf_counter()
    for step in range(batches):
        images = loader.batch(step).images
    images.sum().item()  # a GPU has only been asked so far; this waits for its answer
    return batches * loader.batch_size / (time.perf_counter() - begin)


def tables(path: Path) -> str:
    """Every table of a data file with its type, shape and megabytes, one a line.

    Raises:
        FileNotFoundError, ValueError: as `open_data`.
    """
    lines: list[str] = []

    def tell(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            kind = "text" if h5py.check_string_dtype(item.dtype) else str(item.dtype)
            megabytes = item.id.get_storage_size() / 1e6
            lines.append(f"{name[:40]:<42}{kind:<9}{list(item.shape)!s:<22}{megabytes:8.2f} MB")

    with open_data(path) as file:
        file.visititems(tell)
    return "\n".join(lines)

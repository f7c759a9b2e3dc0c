"""The pure function from a playground's state to what it shows, and that as one picture whose file holds the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from t2i_utils.painter import Painter
from t2i_utils.playground.choosing import Chooser
from t2i_utils.playground.settings import to_png
from t2i_utils.playground.state import State
from t2i_utils.playground.views import COLUMNS, PAINTED, Rows

SHOWN_PIXELS = 160  # a picture is shown at about this size, each pixel as a square: nothing is smoothed over
GAP, LINE = 2, 18  # white pixels between two pictures; of a line of labels


@dataclass(frozen=True)
class Shown:
    """What the playground shows for a state.

    Attributes:
        state: what it was asked.
        pictures: uint8 [channels, size, size] each, in rows; of two painters, the rows take turns.
        labels: of every picture, "" for none.
        columns: pictures a row.
        note: what a person should know of it, plain text: words that were ignored, who chose.
    """

    state: State
    pictures: tuple[Tensor, ...]
    labels: tuple[str, ...]
    columns: int
    note: str

    @cached_property
    def picture(self) -> Image.Image:
        """All pictures in one grid, labels under them."""
        return sheet(self.pictures, self.labels, self.columns)

    @cached_property
    def png(self) -> bytes:
        """The grid as a PNG file that holds the state, see `settings.from_png`."""
        return to_png(self.picture, self.state)


def render(
    state: State,
    painter: Painter,
    other: Painter | None = None,
    chooser: Chooser | None = None,
    other_chooser: Chooser | None = None,
) -> Shown:
    """What the playground shows for a state: the same state and weights give the same bytes.

    (On another machine, or with another number of threads, sums are rounded otherwise: a grey level here and there.)

    Args:
        state: what is asked.
        painter: who paints; whoever bears the name `state.painter`.
        other: who paints the same beside it, if anybody: `state.other`.
        chooser, other_chooser: who chooses among `state.tries` of each of them; their pictures may differ in size.

    Raises:
        ValueError: for a caption that an encoder refuses, or a state that asks for somebody who is not there.
    """
    if (other is None) != (not state.other):
        raise ValueError(f"other is {state.other!r}, and there is {'no' if other is None else 'a'} second painter")
    painted = [PAINTED[state.view](state, painter, chooser)]
    if other is not None:
        painted.append(PAINTED[state.view](state, other, other_chooser))
        painted = [_named(rows, name) for rows, name in zip(painted, (state.painter, state.other), strict=True)]
    rows = chain.from_iterable(zip(*map(_in_rows, painted), strict=True))
    pictures, labels = zip(*chain.from_iterable(rows), strict=True)
    columns = 2 if len(pictures) == 2 and other is not None else painted[0].columns  # one of each, side by side
    return Shown(state, pictures, labels, columns, _note(state, painter, other, chooser))


def sheet(pictures: Sequence[Tensor], labels: Sequence[str], columns: int) -> Image.Image:
    """Pictures in rows on white, each pixel a square, with a line of labels under every row that has any.

    Args:
        pictures: uint8 [channels, size, size] each; sizes may differ, the largest decides.
        labels: of every picture.
        columns: pictures a row.
    """
    largest = max(picture.shape[-1] for picture in pictures)
    side = largest * max(1, SHOWN_PIXELS // largest)
    columns = min(columns, len(pictures))
    starts = range(0, len(pictures), columns)
    told = [any(labels[start : start + columns]) for start in starts]
    heights = [side + (LINE if one else 0) for one in told]
    canvas = Image.new("RGB", (columns * (side + GAP) - GAP, sum(heights) + GAP * (len(heights) - 1)), "white")
    pen, font, top = ImageDraw.Draw(canvas), ImageFont.load_default(13), 0
    for start, height in zip(starts, heights, strict=True):
        for column, (picture, label) in enumerate(
            zip(pictures[start : start + columns], labels[start : start + columns], strict=True)
        ):
            left = column * (side + GAP)
            canvas.paste(as_image(picture).resize((side, side), Image.Resampling.NEAREST), (left, top))
            pen.text((left + 1, top + side + 1), label, "black", font)
        top += height + GAP
    return canvas


def as_image(picture: Tensor) -> Image.Image:
    """uint8 [channels, size, size] as a picture of three channels."""
    return Image.fromarray(np.ascontiguousarray(picture.expand(3, -1, -1).permute(1, 2, 0).numpy()))


def _named(rows: Rows, name: str) -> Rows:
    """The same pictures in rows that are all full, with a painter's name before the label that begins each row.

    Rows of two painters take turns: one that ends early would let the other's slide into it.
    """
    count, columns = len(rows.labels), rows.columns
    if count % columns:
        columns = max(number for number in range(1, 2 * COLUMNS + 1) if count % number == 0)
        columns = count if columns == 1 else columns
    begins = [index % columns == 0 for index in range(count)]
    labels = [f"{name} {label}".rstrip() if first else label for first, label in zip(begins, rows.labels, strict=True)]
    return Rows(rows.pictures, tuple(labels), columns)


def _in_rows(rows: Rows) -> list[list[tuple[Tensor, str]]]:
    """Lists of (picture, label), a list a row."""
    both = list(zip(torch.unbind(rows.pictures), rows.labels, strict=True))
    return [both[start : start + rows.columns] for start in range(0, len(both), rows.columns)]


def _note(state: State, painter: Painter, other: Painter | None, chooser: Chooser | None) -> str:
    """What a person should know."""
    notes = []
    for name, one in ((state.painter, painter), (state.other, other)):
        ignored = ", ".join(repr(word) for word in one.ignored(state.said)) if one is not None else ""
        if ignored:
            notes.append(f"ignored by {name}: {ignored}" if other is not None else f"ignored: {ignored}")
    if state.tries > 1 and chooser is not None:
        notes.append(f"each the best of {state.tries} in the eyes of {chooser.name}")
    return "; ".join(notes)

"""What a playground is set to, as one frozen record, and the pure function from it to a picture."""

from __future__ import annotations

import io
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from t2i_utils.interfaces import draw_noise
from t2i_utils.painter import Painter
from t2i_utils.playground.figures import grid

MOST = 16
COLUMNS = 4
SHOWN_PIXELS = 160  # a picture is shown at about this size, each pixel as a square: nothing is smoothed over


@dataclass(frozen=True)
class State:
    """Everything that a picture of the playground depends on, beside the painter.

    Attributes:
        caption: what to paint.
        second: another caption to mix in; "" for none.
        mix: how much of the second caption, percent, 0 to 100.
        seed: of the noise, 0 or more: the same seed keeps place, turn and light while the words change.
        count: pictures, 1 to MOST.

    Raises:
        ValueError: for numbers outside these ranges.
    """

    caption: str
    second: str = ""
    mix: int = 0
    seed: int = 0
    count: int = 8

    def __post_init__(self):
        for name, value, least, most in (
            ("mix", self.mix, 0, 100),
            ("seed", self.seed, 0, 2**63 - 1),
            ("count", self.count, 1, MOST),
        ):
            if not least <= value <= most:
                raise ValueError(f"{name} is {value}; use a number from {least} to {most}")

    @property
    def said(self) -> list[str]:
        """The one or two captions."""
        return [self.caption, self.second] if self.second.strip() else [self.caption]


@dataclass(frozen=True)
class Shown:
    """What the playground shows for a state.

    Attributes:
        picture: all pictures in one grid.
        note: what a person should know of it, plain text: words that were ignored.
    """

    picture: Image.Image
    note: str

    @property
    def png(self) -> bytes:
        """The picture as a PNG file."""
        buffer = io.BytesIO()
        self.picture.save(buffer, "PNG")
        return buffer.getvalue()


def paint_state(painter: Painter, state: State) -> Tensor:
    r"""Paint a state: the same painter and state give the same pictures.

    With a second caption the sentence lies on the straight line between the two,
    $$ t = (1 - m)\, t_1 + m\, t_2, $$
    a sentence that nobody wrote; the noise of picture i is the i-th of the seed for any words.

    Returns:
        uint8 [count, channels, size, size] on the CPU.

    Raises:
        ValueError: for a caption that the encoder refuses, saying why.

    From: Reed et al., 2016, section 4.3 (arXiv:1605.05396), where a generator is trained on such mixtures.
    """
    text = painter.encoder.encode(state.said)
    first = text.take(torch.tensor([0]))
    mixed = first.mix(text.take(torch.tensor([1])), state.mix / 100) if len(text) > 1 else first
    noise = draw_noise(painter.generator.noise_shape, state.count, torch.Generator().manual_seed(state.seed))
    return painter.paint_vectors(mixed.take(torch.zeros(state.count, dtype=torch.int64)), noise)


def render(painter: Painter, state: State) -> Shown:
    """What the playground shows for a state: its pictures in one grid, and which of its words meant nothing.

    Raises:
        ValueError: as `paint_state`.
    """
    pictures = paint_state(painter, state)
    ignored = ", ".join(repr(word) for word in painter.ignored(state.said))
    scale = max(1, SHOWN_PIXELS // pictures.shape[-1])
    return Shown(grid(pictures, COLUMNS, scale=scale), f"ignored: {ignored}" if ignored else "")

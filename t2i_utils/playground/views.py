"""What can be painted of a playground's state: plain pictures, strips between captions or noises, words left out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from t2i_utils.interfaces import Text, draw_noise
from t2i_utils.painter import Painter, truncate
from t2i_utils.playground.choosing import Chooser
from t2i_utils.playground.state import State

COLUMNS = 4
MOST_WORDS = 24  # each of them is a row


@dataclass(frozen=True)
class Rows:
    """Pictures in rows.

    Attributes:
        pictures: uint8 [n, channels, size, size].
        labels: of every picture, "" for none.
        columns: pictures a row.
    """

    pictures: Tensor
    labels: tuple[str, ...]
    columns: int


def plain(state: State, painter: Painter, chooser: Chooser | None = None) -> Rows:
    r"""A picture a noise.

    With a second caption the sentence lies on the straight line between the two,
    $$ t = (1 - m)\, t_1 + m\, t_2, $$
    a sentence that nobody wrote; the noise of picture i is the i-th of the seed for any words.

    With `tries` every picture is the best of so many, in the chooser's eyes; the one that stands there without tries is
    always among them.

    Raises:
        ValueError: for a caption that the encoder refuses, or tries without a chooser.

    From: Reed et al., 2016, section 4.3 (arXiv:1605.05396), where a generator is trained on such mixtures.
    """
    noise = _noise(state, painter)
    pictures = painter.paint_vectors(_text(state, painter, [state.mix / 100] * len(noise)), noise)
    if state.tries > 1:
        if chooser is None:
            raise ValueError(f"tries is {state.tries}, but nobody is there to choose among them; use 1")
        scores = chooser.score([state.caption] * len(pictures), pictures).view(state.tries, state.count)
        pictures = pictures[scores.argmax(0) * state.count + torch.arange(state.count)]
    return Rows(pictures, ("",) * len(pictures), COLUMNS)


def between_captions(state: State, painter: Painter, chooser: Chooser | None = None) -> Rows:
    """A strip from the first caption to the second, all with the first noise of the seed."""
    shares = _shares(state)
    noise = _noise(state, painter)[:1].repeat_interleave(len(shares), 0)
    pictures = painter.paint_vectors(_text(state, painter, shares), noise)
    return Rows(pictures, tuple(f"{share:.0%}" for share in shares), 2 * COLUMNS)


def between_noises(state: State, painter: Painter, chooser: Chooser | None = None) -> Rows:
    r"""A strip from the first noise of the seed to its second, all with the same sentence.

    $$ z(s) = \cos(\tfrac{\pi}{2} s)\, z_1 + \sin(\tfrac{\pi}{2} s)\, z_2 $$

    is standard normal for every s, as a straight line is not: a generator never saw noise as short as a straight line's
    middle.
    """
    shares = _shares(state)
    ends = draw_noise(painter.generator.noise_shape, 2, _rng(state))
    angles = [math.pi / 2 * share for share in shares]
    noise = torch.stack([math.cos(angle) * ends[0] + math.sin(angle) * ends[1] for angle in angles])
    text = _text(state, painter, [state.mix / 100] * len(shares))
    pictures = painter.paint_vectors(text, _cut(noise, state))
    return Rows(pictures, tuple(f"{share:.0%}" for share in shares), 2 * COLUMNS)


def without_words(state: State, painter: Painter, chooser: Chooser | None = None) -> Rows:
    """A row with all words of the first caption, then a row without each of them, always with the same noises.

    A row's label tells by how many of 255 grey levels its pictures differ from the first row's on average.

    Raises:
        ValueError: for a single word, or more than MOST_WORDS.
    """
    words = state.caption.split()
    if not 2 <= len(words) <= MOST_WORDS:
        raise ValueError(f"the caption has {len(words)} word(s); to leave out each of them, use 2 to {MOST_WORDS}")
    columns = min(state.count, COLUMNS)
    shorter = [" ".join(words[:index] + words[index + 1 :]) for index in range(len(words))]
    text = painter.encoder.encode([state.caption, *shorter])
    noise = _noise(state, painter)[:columns].repeat(len(text), *(1 for _ in painter.generator.noise_shape))
    rows = torch.arange(len(text)).repeat_interleave(columns)
    pictures = painter.paint_vectors(text.take(rows), noise)
    whole, *others = pictures.float().split(columns)
    changes = [(other - whole).abs().mean().item() for other in others]
    labels = ["all words", *(f"no {word!r}: {change:.0f}" for word, change in zip(words, changes, strict=True))]
    return Rows(pictures, tuple(text for label in labels for text in (label, *[""] * (columns - 1))), columns)


PAINTED = {"pictures": plain, "captions": between_captions, "noises": between_noises, "words": without_words}


def _text(state: State, painter: Painter, shares: list[float]) -> Text:
    """[shares] captions, each so much of the way from the first to the second; all the first, where there is none."""
    text = painter.encoder.encode(state.said)
    if not state.mixes:
        return text.take(torch.zeros(len(shares), dtype=torch.int64))
    first, second = text.take(torch.tensor([0])), text.take(torch.tensor([1]))
    return Text.join([first.mix(second, share) for share in shares])


def _shares(state: State) -> list[float]:
    """From 0 to 1 in as many steps as there are pictures."""
    if state.count < 2:
        raise ValueError(f"count is {state.count}; a strip has two ends: use 2 or more")
    return [index / (state.count - 1) for index in range(state.count)]


def _rng(state: State) -> torch.Generator:
    return torch.Generator().manual_seed(state.seed)


def _noise(state: State, painter: Painter) -> Tensor:
    """[count x tries, *noise_shape], as the state cuts it."""
    return _cut(draw_noise(painter.generator.noise_shape, state.count * state.tries, _rng(state)), state)


def _cut(noise: Tensor, state: State) -> Tensor:
    return noise if state.truncation is None else truncate(noise, state.truncation)

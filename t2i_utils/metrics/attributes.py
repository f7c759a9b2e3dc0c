"""Does the picture show what its caption says? Counted only on captions that say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from t2i_utils.data.grammar import caption_for
from t2i_utils.data.split import read_split
from t2i_utils.data.synthetic import draw_flower, render
from t2i_utils.metrics.diversity import relative_spread
from t2i_utils.metrics.intervals import Interval, bootstrap
from t2i_utils.metrics.reader import Reader, reading_accuracy


def attribute_accuracy(
    read: Mapping[str, Tensor], wanted: Mapping[str, Tensor], states: Mapping[str, Tensor]
) -> dict[str, Interval]:
    """How often painted pictures show what their captions state.

    Args:
        read: by attribute, [captions, pictures] int64, what the reader saw.
        wanted: by attribute, [captions] int64, the value that the caption may state.
        states: by attribute, [captions] bool, whether it does.

    Returns:
        By attribute, the share of right pictures with its interval over captions; attributes that no caption states are
        left out.
    """
    scores = {}
    for name, told in states.items():
        if told.any():
            right = (read[name] == wanted[name][:, None]).double().mean(dim=1)
            scores[name] = bootstrap(right[told].tolist())
    return scores


@dataclass(frozen=True)
class CaptionSet:
    """Captions of held-out classes with what they state.

    Attributes:
        captions: [n] sentences.
        attributes: by attribute, [n] int64, of the picture that each caption was written for.
        states: by attribute, [n] bool, whether the caption states it.
    """

    captions: list[str]
    attributes: dict[str, Tensor]
    states: dict[str, Tensor]


def held_out_captions(data: Path, count: int = 200, seed: int = 0, split: str = "test") -> CaptionSet:
    """Draw captions of classes that no generator was trained on, at random over the split."""
    pictures = read_split(data, split)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(pictures.captions), size=min(count, len(pictures.captions)), replace=False)
    index = torch.from_numpy(np.sort(chosen))
    whose = pictures.caption_picture[index]
    names = list(pictures.attributes)
    return CaptionSet(
        [pictures.captions[i] for i in index.tolist()],
        {name: pictures.attributes[name][whose] for name in names},
        {name: pictures.states[index, column] for column, name in enumerate(names)},
    )


def spelled_out(data: Path, count: int, seed: int = 0, split: str = "test") -> CaptionSet:
    """Captions that state every attribute of pictures drawn from held-out classes.

    Nothing is left for the noise to choose but what no caption says: place, turn, size, shade. Measured on captions
    that leave attributes out, a generator would be called diverse for not knowing what it was asked for.
    """
    pictures = read_split(data, split)
    rng = np.random.default_rng(seed)
    chosen = torch.from_numpy(np.sort(rng.choice(len(pictures), size=min(count, len(pictures)), replace=False)))
    attributes = {name: values[chosen] for name, values in pictures.attributes.items()}
    rows = [{name: int(values[row]) for name, values in attributes.items()} for row in range(len(chosen))]
    states = {name: torch.ones(len(chosen), dtype=torch.bool) for name in attributes}
    return CaptionSet([caption_for(row) for row in rows], attributes, states)


@dataclass(frozen=True)
class AttributeReport:
    """What the reader says of a painter.

    Attributes:
        painted: accuracy by attribute, over captions that state it.
        ceiling: the reader's own accuracy on real renderings of the held-out classes.
        chance: one over the number of values.
        diversity: spread among noises of one caption that states everything, over that of real renderings of
            the same attributes.
        protocol: what was measured, in one line.
    """

    painted: dict[str, Interval]
    ceiling: dict[str, Interval]
    chance: dict[str, float]
    diversity: Interval
    protocol: str

    def numbers(self) -> dict[str, object]:
        """Plain values, for a file: means with their intervals, and the protocol."""
        scores = {**self.painted, "diversity": self.diversity}
        return {name: [score.mean, score.low, score.high] for name, score in scores.items()} | {
            "protocol": self.protocol
        }

    def __str__(self) -> str:
        lines = [self.protocol, f"{'attribute':14} {'painted':>32}   reader on real   chance"]
        for name, score in self.painted.items():
            lines.append(f"{name:14} {score!s:>32}   {self.ceiling[name].mean:14.3f}   {self.chance[name]:6.3f}")
        return "\n".join([*lines, f"diversity (1 = real renderings) {self.diversity}"])


def real_renderings(captions: CaptionSet, count: int, size: int, seed: int = 0) -> Tensor:
    """Pictures that fit each caption: what it states is fixed, everything else is drawn.

    Returns:
        uint8 [captions, count, 3, size, size].
    """
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(len(captions.captions)):
        fixed = {n: int(v[index]) for n, v in captions.attributes.items() if captions.states[n][index]}
        rows += [np.asarray(render(draw_flower(rng, fixed), size)) for _ in range(count)]
    pixels = torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2)
    return pixels.reshape(len(captions.captions), count, 3, size, size)


def score_painter(
    painter, reader: Reader, data: Path, captions: int = 200, noises: int = 4, diverse: int = 24, seed: int = 0
) -> AttributeReport:
    """Measure a painter on captions of the built-in data's held-out classes.

    Args:
        painter: has `paint(captions, seed)`.
        reader: trained on the same data.
        data: HDF5 file of the built-in flowers.
        captions: how many are painted for the accuracies.
        noises: pictures a caption for the accuracies.
        diverse: captions for the diversity, 16 noises each.
        seed: of the choice of captions and of the noises.
    """
    pictures = read_split(data, "test")
    chosen = held_out_captions(data, captions, seed)
    painted = paint_each(painter, chosen.captions, noises, seed)
    read = {name: values.reshape(-1, noises) for name, values in reader.read(painted.flatten(0, 1)).items()}
    few = spelled_out(data, diverse, seed + 1)
    many = paint_each(painter, few.captions, 16, seed + 1)
    real = real_renderings(few, 16, many.shape[-1], seed)
    ratio = relative_spread(grouped_features(reader, many), grouped_features(reader, real))
    return AttributeReport(
        attribute_accuracy(read, chosen.attributes, chosen.states),
        reading_accuracy(reader, pictures),
        {name: 1 / len(values) for name, values in reader.attributes.items()},
        bootstrap(ratio.tolist()),
        f"{len(chosen.captions)} captions of held-out classes x {noises} noises at {many.shape[-1]} px, seed {seed}; "
        f"diversity: {len(few.captions)} full captions x 16 noises, reader features; reader: {len(pictures)} pictures",
    )


def paint_each(painter, captions: Sequence[str], noises: int, seed: int) -> Tensor:
    """Several pictures of each caption: uint8 [captions, noises, channels, size, size]."""
    repeated = [caption for caption in captions for _ in range(noises)]
    return painter.paint(repeated, seed).unflatten(0, (len(captions), noises))


def grouped_features(reader: Reader, images: Tensor) -> Tensor:
    """uint8 [captions, n, channels, size, size] to features [captions, n, feature_dim]."""
    return reader.features(images.flatten(0, 1)).unflatten(0, images.shape[:2])

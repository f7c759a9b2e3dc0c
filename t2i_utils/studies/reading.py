"""What the reader sees in a painter's pictures, caption by caption, so that several seeds can be put together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from t2i_utils.metrics.attributes import grouped_features, held_out_captions, paint_each, real_renderings, spelled_out
from t2i_utils.metrics.diversity import relative_spread
from t2i_utils.metrics.intervals import Interval
from t2i_utils.metrics.reader import ready_reader


def right_by_caption(
    painter, data: Path, size: int, captions: int = 200, noises: int = 4, split: str = "test"
) -> dict[str, Tensor]:
    """By attribute, [captions] the share of pictures that show it; nan where a caption does not state it."""
    chosen = held_out_captions(data, captions, split=split)
    painted = paint_each(painter, chosen.captions, noises, seed=0)
    read = ready_reader(size, data.parent).read(painted.flatten(0, 1))
    right = {}
    for name, states in chosen.states.items():
        share = (read[name].reshape(-1, noises) == chosen.attributes[name][:, None]).double().mean(dim=1)
        right[name] = torch.where(states, share, torch.nan)
    return right


def diversity_by_caption(painter, data: Path, size: int, captions: int = 24, noises: int = 16) -> Tensor:
    """[captions] the spread among noises of captions that state everything, over that of real renderings."""
    reader, few = ready_reader(size, data.parent), spelled_out(data, captions, 1)
    many = paint_each(painter, few.captions, noises, 1)
    real = real_renderings(few, noises, size)
    return relative_spread(grouped_features(reader, many), grouped_features(reader, real))


def over_seeds(tables: Sequence[Tensor], resamples: int = 2000) -> Interval:
    """The mean of [captions] a seed, the same captions each, nan left out, with a 95 % interval over both."""
    table = torch.stack(list(tables)).numpy()
    table = table[:, ~np.isnan(table[0])]
    rng = np.random.default_rng(0)
    seeds, captions = table.shape
    means = [
        table[np.ix_(rng.integers(seeds, size=seeds), rng.integers(captions, size=captions))].mean()
        for _ in range(resamples)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(table.mean()), float(low), float(high), captions)

"""How sure a mean is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWN = 1 << 20  # positions at a time: 2,000 sets of 30,000 at once would take 1.4 GB


@dataclass(frozen=True)
class Interval:
    """A mean with its bootstrap interval.

    Attributes:
        mean: of all values.
        low, high: the interval's ends.
        count: of groups that were drawn from (captions, where several pictures belong to one).
    """

    mean: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}], n = {self.count}"


def bootstrap(
    values: Sequence[float],
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    sizes: Sequence[float] | None = None,
) -> Interval:
    """The percentile bootstrap interval of a mean.

    Args:
        values: [n] independent numbers; where several belong together (pictures of one caption), give their means.
        level: of confidence.
        resamples: sets of n drawn with replacement.
        seed: of the draws.
        sizes: [n], how many belong to each of the values, so that the mean is the mean of all of them; 1 if not given.

    Raises:
        ValueError: for no values, or a value that is not finite.

    From: Efron, Bootstrap Methods: Another Look at the Jackknife, 1979.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.size == 0:
        raise ValueError("got no values; an interval needs at least one")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{int((~np.isfinite(numbers)).sum())} of {numbers.size} values are not finite")
    weights = np.ones_like(numbers) if sizes is None else np.asarray(sizes, dtype=np.float64)
    weighted, rng = numbers * weights, np.random.default_rng(seed)
    means = np.empty(resamples)
    at_once = max(1, DRAWN // numbers.size)
    for start in range(0, resamples, at_once):  # the same draws as all at once: they come one set after another
        draws = rng.integers(numbers.size, size=(min(at_once, resamples - start), numbers.size))
        means[start : start + at_once] = weighted[draws].sum(axis=1) / weights[draws].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(np.average(numbers, weights=weights)), float(low), float(high), numbers.size)

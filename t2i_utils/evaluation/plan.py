"""What is asked of everything that is scored: which captions, how many pictures, which noises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from t2i_utils.data.pixels import StoredPixels
from t2i_utils.data.split import Contents
from t2i_utils.metrics.gather import KEPT

BATCH = 100  # pictures at a time
LEAST = 20  # pictures, real or painted: FID's interval and the inception score leave out a tenth of them at a time
SEEDS_APART = 1 << 32  # so that no two of a plan's batches, and no two plans, share noises


@dataclass(frozen=True)
class Plan:
    """What decides a score beside the painter.

    Attributes:
        data: HDF5 file of real pictures with captions.
        split: whose captions are painted and whose pictures are compared with.
        pictures: how many are painted; captions come again, with other noises, where there are fewer.
        seed: of the choice of captions and of the noises.
        truncation: where the noise is cut; None where it is whole.
        halves: the real pictures are cut in two by chance, one half to compare with and one that is scored like a
            painter; what is painted has as many pictures as the second. Real pictures then have a score of their own.
        fewer_than_features: give FID even of fewer pictures than features, under a heading that says so.
        diverse: captions of the diversity, noises: pictures of each.
        keep: pictures of a kind whose features stay in memory for kernels, neighbours and classifiers; FID is of all.

    Raises:
        ValueError: for numbers outside their ranges.
    """

    data: Path
    split: str = "test"
    pictures: int = 1000
    seed: int = 0
    truncation: float | None = None
    halves: bool = False
    fewer_than_features: bool = False
    diverse: int = 24
    noises: int = 16
    keep: int = KEPT

    def __post_init__(self):
        for name, least in (("pictures", LEAST), ("seed", 0), ("diverse", 1), ("noises", 2), ("keep", LEAST)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; use {least} or more")
        if self.seed >= 2**31:
            raise ValueError(f"seed is {self.seed}; use one below 2**31")
        if self.truncation is not None and not self.truncation > 0:
            raise ValueError(f"truncation is {self.truncation}; cut noise at a number above 0, e.g. 2, or leave it out")

    def noise_seed(self, start: int) -> int:
        """The seed of the batch that begins with picture `start`."""
        return self.seed * SEEDS_APART + start

    def halved(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the real pictures that are compared with, and of those that are scored, int64, by chance.

        Of an odd number the second half has one more.
        """
        order = np.random.default_rng(self.seed).permutation(count)
        middle = count // 2 if self.halves else count
        return order[:middle], order[middle:]

    def captions(self, count: int, wanted: int) -> np.ndarray:
        """int64 [wanted] positions of captions, by chance; each once before one comes again."""
        rng = np.random.default_rng([self.seed, 1])
        rounds = [rng.permutation(count) for _ in range(-(-wanted // count))]
        return np.concatenate(rounds)[:wanted]


def real_parts(contents: Contents, data: Path, size: int, positions: np.ndarray) -> Iterator[Tensor]:
    """Real pictures of a split, uint8 [n, channels, size, size], a batch at a time: never all in memory.

    Args:
        contents: of the split.
        data: its file.
        size: of the pictures; a file built for larger ones gives them made smaller, as training does.
        positions: int64, which pictures, in this order.
    """
    pixels = StoredPixels(data, contents.rows, size)
    edge = (pixels.side - size) // 2
    for start in range(0, len(positions), BATCH):
        squares = pixels.read(positions[start : start + BATCH])[:, edge : edge + size, edge : edge + size]
        yield torch.from_numpy(np.ascontiguousarray(squares.transpose(0, 3, 1, 2)))

"""A reader of attributes beside any extractor: where it is the extractor itself, pictures are looked at once."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from t2i_utils.data.split import Contents
from t2i_utils.data.synthetic import ATTRIBUTES
from t2i_utils.metrics.extractors import ReaderExtractor
from t2i_utils.metrics.reader import ready_reader
from t2i_utils.metrics.seen import Extractor


def known_exactly(contents: Contents, channels: int) -> bool:
    """Whether the attributes of a split are those of the built-in flowers, in colour: the ones that a reader reads."""
    return contents.values == ATTRIBUTES and channels == 3


class Reading:
    """What a reader reads off pictures.

    Args:
        extractor: of the scores; where it is a reader, that one reads.
        size: of the pictures.
        folder: where another one lies, or will lie.

    Attributes:
        eyes: the reader as an extractor, with its name and fingerprint.
    """

    def __init__(self, extractor: Extractor, size: int, folder: Path):
        self._shared = isinstance(extractor, ReaderExtractor)
        self.eyes = extractor if self._shared else ReaderExtractor(ready_reader(size, folder), size)

    @torch.no_grad()
    def read(self, images: Tensor, features: Tensor) -> dict[str, Tensor]:
        """The likeliest value of each attribute.

        Args:
            images: uint8 [n, 3, size, size].
            features: [n, dim], what the scores' extractor saw in them.

        Returns:
            By attribute, [n] int64, indices of its values, on the CPU.
        """
        if not self._shared:
            features = self.eyes.see(images).features
        heads = self.eyes.reader.heads
        return {name: head(features.to(self.eyes.device)).argmax(dim=1).cpu() for name, head in heads.items()}

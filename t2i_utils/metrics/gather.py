"""Any number of pictures, looked at once: moments of all of them, and the features of some."""

from __future__ import annotations

import torch
from torch import Tensor

from t2i_utils.metrics.moments import Moments
from t2i_utils.metrics.seen import Extractor, Seen

KEPT = 10_000  # pictures whose features stay in memory: 80 MB of Inception's


class Gathered:
    """What scores need of many pictures, in memory that does not grow with their number.

    The moments are of all pictures. Features themselves, which kernels, neighbours and classifiers ask for, are those
    of the first `keep`: give the pictures in random order.

    Args:
        extractor: whose features.
        keep: so many pictures' features stay, 1 or more.

    Attributes:
        count: pictures so far.
        moments: of all features.
    """

    def __init__(self, extractor: Extractor, keep: int = KEPT):
        self.extractor, self.keep, self.count = extractor, keep, 0
        self.moments = Moments(extractor.dim)
        self._features: list[Tensor] = []
        self._probabilities: list[Tensor] = []

    def add(self, images: Tensor) -> Seen:
        """Look at pictures, uint8 [n, channels, size, size], keep what is to be kept, and return all that was seen."""
        seen = self.extractor.see(images)
        self.moments.add(seen.features)
        room = max(0, self.keep - self.count)
        if room:
            self._features.append(seen.features[:room].clone())
            if seen.probabilities is not None:
                self._probabilities.append(seen.probabilities[:room].clone())
        self.count += len(images)
        return seen

    @property
    def features(self) -> Tensor:
        """float32 [kept, dim].

        Raises:
            ValueError: before any picture was looked at.
        """
        if not self._features:
            raise ValueError("no picture was looked at yet; scores need some")
        return _joined(self._features)

    @property
    def probabilities(self) -> Tensor | None:
        """float32 [kept, classes]; None where the extractor names no classes."""
        return _joined(self._probabilities) if self._probabilities else None


def _joined(parts: list[Tensor]) -> Tensor:
    """[n, ...] of all parts; they are joined once, however often they are asked for."""
    if len(parts) > 1:
        parts[:] = [torch.cat(parts)]
    return parts[0]

"""What a source of pictures is, and what it gives: parts, never all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from t2i_utils.painter import Painter


@dataclass(frozen=True)
class Part:
    """Some pictures.

    Attributes:
        images: uint8 [n, channels, size, size].
        captions: [n] what they should show; None where nobody knows.
        rows: int64 [n], the captions' positions in the split, -1 for those that are not there; None without captions.
    """

    images: Tensor
    captions: list[str] | None = None
    rows: Tensor | None = None


class Source(Protocol):
    """Something that is scored.

    Attributes:
        name: its row in a table.
        checkpoint: sha256 of what painted, or of the files; "" for real pictures and noise.
        size: of its pictures, in pixels.
        painter: what can paint more where a score asks for it; None where nothing can.
    """

    name: str
    checkpoint: str
    size: int
    painter: Painter | None

    def parts(self) -> Iterator[Part]:
        """The pictures, in random order; all parts with captions, or none."""

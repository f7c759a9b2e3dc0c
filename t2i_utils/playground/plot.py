"""A figure that shows itself under a notebook's cell."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure


class Plot(Figure):
    """A figure without pyplot: no global state, nothing shown twice, nothing to close.

    Jupyter and VS Code draw a plain Figure only after somebody called pyplot, and show its name otherwise.

    Args:
        width, height: inches.
    """

    def __init__(self, width: float, height: float):
        super().__init__(figsize=(width, height), layout="constrained")

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=90)
        return buffer.getvalue()


def bare(axis: Any) -> None:
    """Take ticks and frame from an axis, and leave its title and labels."""
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)

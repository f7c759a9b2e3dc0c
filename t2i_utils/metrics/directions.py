"""Which way each metric is better, so that figures and studies need not guess."""

from __future__ import annotations

import re

MORE, LESS, ONE, NEITHER = "more is better", "less is better", "1 is real", "neither way is better"

# A metric that claims a direction tells real pictures from noise in it. The last ones describe: of them real pictures
# have values in the middle, which stand in the protocols where they are known.
DIRECTIONS = {
    "FID": LESS,
    "KID": LESS,
    "CMMD": LESS,
    "IS": MORE,
    "precision": MORE,
    "recall": MORE,
    "density": ONE,
    "coverage": MORE,
    "distance to training pictures": ONE,
    "classification accuracy": MORE,
    "petal colour right": MORE,
    "petal shape right": MORE,
    "petal count right": MORE,
    "center colour right": MORE,
    "background right": MORE,
    "CLIP score": MORE,
    "R-precision": MORE,
    "diversity": ONE,
    "MS-SSIM within captions": NEITHER,
    "spread within captions": NEITHER,
    "text sensitivity": NEITHER,
    "matched pairs believed": NEITHER,
    "swapped pairs seen through": NEITHER,
    "painted pairs seen through": NEITHER,
}
SCALES = re.compile(r" \(\d of \d scales\)")


def direction(metric: str) -> str:
    """MORE, LESS, ONE or NEITHER.

    Args:
        metric: of a protocol; "MS-SSIM (3 of 5 scales) within captions" is found under its name without the scales.

    Raises:
        ValueError: for a metric that nobody has written down.
    """
    name = SCALES.sub("", metric)
    if name not in DIRECTIONS:
        raise ValueError(f"nobody has written down which way {metric!r} is better; give it a line in DIRECTIONS")
    return DIRECTIONS[name]


def shortfall(metric: str, value: float) -> float | None:
    """How far a value is from the best, on a scale of the metric's own: the smaller the better.

    Returns:
        Minus the value where more is better, the value where less is, its distance from 1 where 1 is real; None for a
        metric that has no direction.
    """
    return {MORE: -value, LESS: value, ONE: abs(value - 1), NEITHER: None}[direction(metric)]

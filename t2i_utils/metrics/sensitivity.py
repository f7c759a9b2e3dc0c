"""Does a generator listen? How much of what differs among its pictures is due to their captions."""

from __future__ import annotations

from torch import Tensor


def text_sensitivity(pictures: Tensor) -> float:
    r"""The captions' share of the variance among pictures of every caption with every noise.

    $$ \frac{\sum_{ij} \lVert \bar x_{i \cdot} - \bar x \rVert^2}{\sum_{ij} \lVert x_{ij} - \bar x \rVert^2} $$

    0 where captions change nothing, 1 where noises change nothing. Because each caption meets the same noises, a
    generator that does not listen has exactly 0, not the chance spread of means.

    Args:
        pictures: [captions, noises, ...], caption i with noise j at [i, j].

    Returns:
        0 to 1; 0 where all pictures are equal.

    From: two-way analysis of variance, its eta squared (Fisher, Statistical Methods for Research Workers, 1925).
    """
    points = pictures.double().flatten(2)
    middle = points.mean(dim=(0, 1))
    total = (points - middle).square().sum().item()
    told = points.shape[1] * (points.mean(dim=1) - middle).square().sum().item()
    return told / total if total else 0.0

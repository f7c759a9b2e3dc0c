"""How far painted pairs of picture and sentence lie from real ones, by a kernel and without a network to download."""

from __future__ import annotations

import torch
from torch import Tensor


def pair_distance(real: Tensor, painted: Tensor, sentence: Tensor) -> float:
    r"""Squared maximum mean discrepancy between real pairs (x, t) and painted pairs (x~, t), unbiased.

    $$ \mathbb{E}\,[k(x, x') l(t, t')] - 2\, \mathbb{E}\,[k(x, \tilde x') l(t, t')]
       + \mathbb{E}\,[k(\tilde x, \tilde x') l(t, t')] $$

    k and l are Gaussian kernels as wide as the median distance of real pictures and of sentences. The product looks at
    pairs: pictures that are all good, but not of their captions, are as far away as bad ones. Never two of one pair.

    Args:
        real: [n, pixels], e.g. of `small_pixels`; n at least 2.
        painted: [n, pixels], for the same captions.
        sentence: [n, text_dim].

    Returns:
        About 0 for pairs of the same distribution (a little below as often as above), more for others.

    From: Gretton et al., A Kernel Two-Sample Test, 2012, equation 3; pairs by a product of kernels.
    """
    width, text_width = (median_distance(part) for part in (real, sentence))
    text = gaussian(sentence, sentence, text_width)
    within = gaussian(real, real, width) + gaussian(painted, painted, width)
    across = gaussian(real, painted, width)
    apart = ~torch.eye(len(real), dtype=torch.bool, device=real.device)
    return (text * (within - across - across.T))[apart].mean().item()


def gaussian(one: Tensor, other: Tensor, width: float) -> Tensor:
    """[n, d] and [m, d] to [n, m]: 1 where they are equal, exp(-1/2) at a distance of `width`."""
    return torch.exp(-(torch.cdist(one, other) / width).square() / 2)


def median_distance(points: Tensor) -> float:
    """The median distance of two different rows of [n, d]; 1 where more than half of them are equal."""
    distances = torch.pdist(points)
    median = distances.median().item()
    return median if median > 0 else 1.0

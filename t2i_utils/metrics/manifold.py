"""Precision and recall, density and coverage: do painted pictures look real, and are all kinds of real ones there?

Balls around the pictures of one kind, out to the k-th neighbour of their own kind, stand for what such pictures look
like. All four are means over pictures: values come one a picture, and `intervals.bootstrap` says how sure their mean is
with the balls held fixed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from t2i_utils.metrics.moments import features_matrix

ROWS = 512  # pictures whose distances to all others are in memory at a time
SAME = 1e-12  # of two squared lengths: squared distances below it are what matrix products leave of 0
EDGE = 1e-9  # of a squared radius: a copy of the neighbour that sets it lies on the edge, and rounding must not decide


@dataclass(frozen=True)
class PrecisionRecall:
    """Which pictures lie where, 0 or 1.

    Attributes:
        precision: [painted] float64, 1 for a painted picture in the ball of some real one.
        recall: [real] float64, 1 for a real picture in the ball of some painted one.
        k: the neighbour that the balls reach to.
    """

    precision: Tensor
    recall: Tensor
    k: int


def precision_recall(real: Tensor, painted: Tensor, k: int = 3) -> PrecisionRecall:
    r"""How many painted pictures look real (precision), and how many real ones could have been painted (recall).

    $$ f(\phi, \Phi) = 1 \text{ if } \lVert \phi - \phi' \rVert \le \lVert \phi' - \mathrm{NN}_k(\phi', \Phi) \rVert
       \text{ for some } \phi' \in \Phi $$

    Both are 1 for copies, 0 for pictures far away. For two samples of one distribution they lie below 1, by how much
    depends on k, counts and features: score one half of the real pictures against the other for the ideal. One outlier
    has a large ball, and anything inside counts; density and coverage mind that less.

    Args:
        real: [m, dim] features.
        painted: [n, dim] features; as many as real ones, or the two do not compare.
        k: 3 in the paper.

    Raises:
        ValueError: for features that do not fit, or no more than k pictures of a kind.

    From: Kynkäänniemi et al., Improved Precision and Recall Metric, 2019, equations 1 and 2 (arXiv:1904.06991).
    """
    real, painted = _alike(real, painted)
    in_real, _ = _inside(real, _radii(real, k, "real"), painted)
    in_painted, _ = _inside(painted, _radii(painted, k, "painted"), real)
    return PrecisionRecall((in_real > 0).double(), (in_painted > 0).double(), k)


@dataclass(frozen=True)
class DensityCoverage:
    """How the balls around real pictures are filled.

    Attributes:
        density: [painted] float64, the real balls that a painted picture lies in, over k; its mean may exceed 1.
        coverage: [real] float64, 1 for a real picture whose ball holds a painted one.
        k: the neighbour that the balls reach to.
    """

    density: Tensor
    coverage: Tensor
    k: int


def density_coverage(real: Tensor, painted: Tensor, k: int = 5) -> DensityCoverage:
    r"""How deep among real pictures painted ones lie (density), and how many real ones have one near (coverage).

    $$ \frac{1}{k n} \sum_j \sum_i 1[y_j \in B(x_i)], \quad \frac{1}{m} \sum_i 1[\exists j: y_j \in B(x_i)], \quad
       B(x_i) = \{ y: \lVert y - x_i \rVert \le \lVert x_i - \mathrm{NN}_k(x_i) \rVert \} $$

    For two samples of one distribution density is 1 and coverage `expected_coverage`, whatever the features. A painted
    crowd in one dense spot has a density above 1 and hardly any coverage.

    Args:
        real: [m, dim] features.
        painted: [n, dim] features.
        k: 5 in the paper.

    Raises:
        ValueError: for features that do not fit, or no more than k real pictures.

    From: Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models, 2020, section 3
    (arXiv:2002.09797).
    """
    real, painted = _alike(real, painted)
    holding, covered = _inside(real, _radii(real, k, "real"), painted)
    return DensityCoverage(holding / k, covered.double(), k)


def expected_coverage(real_count: int, painted_count: int, k: int = 5) -> float:
    r"""The coverage that painted pictures of the very distribution of real ones would have: its ideal.

    $$ 1 - \prod_{j=1}^{k} \frac{m - j}{m + n - j} $$

    A real picture is not covered where its k nearest, of all others, are real. 1 - 1/2^k for many of both.

    Args:
        real_count: m, more than k.
        painted_count: n.
        k: as of `density_coverage`.

    From: Naeem et al., 2020, section 3 (arXiv:2002.09797).
    """
    missed = 1.0
    for j in range(1, k + 1):
        missed *= (real_count - j) / (real_count + painted_count - j)
    return 1 - missed


def _alike(real: Tensor, painted: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float64 and about one centre, where the squares that distances are made of are smallest."""
    features_matrix(real, "real features")
    features_matrix(painted, "painted features")
    if real.shape[1] != painted.shape[1]:
        raise ValueError(
            f"real features have length {real.shape[1]}, painted ones {painted.shape[1]}; use one extractor"
        )
    centre = real.double().mean(dim=0)
    return real.double() - centre, painted.double() - centre


def _squared_distances(features: Tensor, others: Tensor) -> Iterator[Tensor]:
    """[rows, m] of [n, dim] and [m, dim], block after block of rows, so that memory grows with m and not with n m."""
    lengths = others.square().sum(dim=1)
    for part in features.split(ROWS):
        both = part.square().sum(dim=1)[:, None] + lengths
        squared = both - 2 * part @ others.T
        yield torch.where(squared > SAME * both, squared, 0)


def _radii(features: Tensor, k: int, whose: str) -> Tensor:
    """[n], the squared distance of each to its k-th neighbour among the rest."""
    if not 1 <= k < len(features):
        raise ValueError(
            f"neighbour {k} of {len(features)} {whose} pictures; give a k from 1, and more pictures than k"
        )
    # one more: each is nearest to itself
    return torch.cat([rows.kthvalue(k + 1, dim=1).values for rows in _squared_distances(features, features)])


def _inside(centres: Tensor, radii: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """By point, how many balls it lies in, [points] float64; by ball, whether a point lies in it, [centres] bool."""
    counts, hit = points.new_zeros(len(points)), []
    for rows, radius in zip(_squared_distances(centres, points), radii.split(ROWS), strict=True):
        inside = rows <= radius[:, None] * (1 + EDGE)
        counts += inside.sum(dim=0)
        hit.append(inside.any(dim=1))
    return counts, torch.cat(hit)

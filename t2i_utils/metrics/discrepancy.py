"""The squared maximum mean discrepancy of two samples, and what each picture did to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from t2i_utils.metrics.intervals import Interval
from t2i_utils.metrics.student import student_interval

BLOCK = 2048  # pictures by pictures whose kernel is in memory at a time: 32 MB

Kernel = Callable[[Tensor, Tensor], Tensor]  # ([n, dim], [m, dim]) to [n, m]


@dataclass(frozen=True)
class Discrepancy:
    """A squared maximum mean discrepancy with what each picture did to it.

    Attributes:
        unbiased: the U-statistic: no picture is compared with itself.
        biased: the V-statistic: every picture is.
        real: [m] float64, how much `unbiased` would fall without each real picture.
        painted: [n] float64, the same of painted ones.
    """

    unbiased: float
    biased: float
    real: Tensor
    painted: Tensor


def discrepancy(real: Tensor, painted: Tensor, kernel: Kernel) -> Discrepancy:
    r"""The squared maximum mean discrepancy of two samples.

    $$ \frac{1}{m (m - 1)} \sum_{i \ne j} k(x_i, x_j) + \frac{1}{n (n - 1)} \sum_{i \ne j} k(y_i, y_j)
       - \frac{2}{m n} \sum_{i, j} k(x_i, y_j) $$

    The estimate without one picture follows from sums over the kernel's rows, so leaving each out costs nothing.

    Args:
        real: [m, dim] float64, m at least 3.
        painted: [n, dim] float64, n at least 3.
        kernel: [n, dim] and [m, dim] to [n, m].

    From: Gretton et al., A Kernel Two-Sample Test, 2012, equations 3 and 5.
    """
    rows, columns = _sums(real, painted, kernel)
    crossed, pairs = rows.sum(), len(real) * len(painted)
    within_real, real_changes, all_real = _within(real, kernel)
    within_painted, painted_changes, all_painted = _within(painted, kernel)
    between = crossed / pairs
    return Discrepancy(
        float(within_real + within_painted - 2 * between),
        float(all_real + all_painted - 2 * between),
        real_changes - 2 * (between - (crossed - rows) / (pairs - len(painted))),
        painted_changes - 2 * (between - (crossed - columns) / (pairs - len(real))),
    )


def _within(features: Tensor, kernel: Kernel) -> tuple[Tensor, Tensor, Tensor]:
    """The mean over pairs of different pictures; by how much it would fall without each; the mean over all pairs."""
    count = len(features)
    own = torch.cat([kernel(part, part).diagonal() for part in features.split(64)])
    rows = _sums(features, features, kernel)[0] - own
    total = rows.sum()
    mean = total / (count * (count - 1))
    without = (total - 2 * rows) / ((count - 1) * (count - 2))
    return mean, mean - without, (total + own.sum()) / count**2


def _sums(features: Tensor, others: Tensor, kernel: Kernel) -> tuple[Tensor, Tensor]:
    """The kernel summed over others, [n], and over features, [m]; block by block, so memory does not grow with n m."""
    rows, columns = features.new_zeros(len(features)), features.new_zeros(len(others))
    for part, row in zip(features.split(BLOCK), rows.split(BLOCK), strict=True):
        for other, column in zip(others.split(BLOCK), columns.split(BLOCK), strict=True):
            values = kernel(part, other)
            row.add_(values.sum(dim=1))
            column.add_(values.sum(dim=0))
    return rows, columns


def jackknife(estimate: float, real: Tensor, painted: Tensor, sizes: tuple[int, int], level: float) -> Interval:
    r"""The interval of an estimate from what it loses without each picture.

    $$ s^2 = \tfrac{m - 1}{m} \sum_i \Delta_i^2 + \tfrac{n - 1}{n} \sum_j \Delta_j^2 $$

    Args:
        estimate: from all pictures.
        real: [pictures], its loss without each real picture; where it is a mean over subsets, the mean of the losses.
        painted: [pictures], the same of painted ones.
        sizes: m and n, how many real and painted pictures one subset held.
        level: of confidence.

    Returns:
        `count` is of the rarer kind of pictures.

    From: Efron and Stein, The Jackknife Estimate of Variance, 1981: in expectation it is never too small.
    """
    variance = real.square().sum() * (1 - 1 / sizes[0]) + painted.square().sum() * (1 - 1 / sizes[1])
    fewest = min(len(real), len(painted))
    return student_interval(estimate, float(variance.sqrt()), fewest - 1, fewest, level)

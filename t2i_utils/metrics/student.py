"""An interval around an estimate that is no plain mean of independent values."""

from __future__ import annotations

import math

from scipy.special import stdtrit

from t2i_utils.metrics.intervals import Interval


def student_interval(estimate: float, error: float, degrees: float, count: int, level: float = 0.95) -> Interval:
    r"""The interval of an estimate whose standard error was itself estimated.

    $$ \hat\theta \pm t_{\nu}\, s $$

    Symmetric about the estimate, so it carries no bias that the estimate has not. With few degrees of freedom it is
    wider than the normal one, as it should be.

    Args:
        estimate: of one number.
        error: its standard error s.
        degrees: nu, one less than the groups that the error was estimated from.
        count: of pictures; it stands in the interval.
        level: of confidence.

    Raises:
        ValueError: for less than 1 degree of freedom, or an error that is negative or not finite.

    From: Student, The Probable Error of a Mean, 1908.
    """
    if degrees < 1:
        raise ValueError(f"an interval needs at least 2 groups to see how they differ, got {degrees + 1:g}; make more")
    if not (math.isfinite(estimate) and math.isfinite(error) and error >= 0):
        raise ValueError(f"an estimate of {estimate} with a standard error of {error} has no interval")
    half = float(stdtrit(degrees, (1 + level) / 2)) * error
    return Interval(estimate, estimate - half, estimate + half, count)

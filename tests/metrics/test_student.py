"""Intervals of estimates with a standard error."""

import numpy as np
import pytest

from t2i_utils.metrics.student import student_interval


def test_half_the_width_is_students_t_times_the_error():
    interval = student_interval(1.0, 0.5, 9, 200)
    assert (interval.mean, interval.count) == (1.0, 200)
    assert interval.high - 1 == pytest.approx(2.262157 * 0.5)
    assert 1 - interval.low == pytest.approx(2.262157 * 0.5)


def test_many_groups_give_the_normal_interval():
    assert student_interval(0.0, 1.0, 1e7, 1).high == pytest.approx(1.959964, rel=1e-5)


def test_a_lower_level_is_narrower():
    assert student_interval(0.0, 1.0, 5, 6, level=0.5).high == pytest.approx(0.726687, rel=1e-5)


def test_five_normal_values_hold_their_mean_as_often_as_it_says():
    rows = np.random.default_rng(0).normal(size=(4000, 5))
    intervals = [student_interval(row.mean(), row.std(ddof=1) / 5**0.5, 4, 5) for row in rows]
    assert np.mean([interval.low <= 0 <= interval.high for interval in intervals]) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((1.0, 0.5, 0, 9), "at least 2 groups .* got 1"),
        ((1.0, -0.5, 3, 9), "standard error of -0.5"),
        ((1.0, float("nan"), 3, 9), "standard error of nan"),
        ((float("inf"), 0.5, 3, 9), "estimate of inf"),
    ],
)
def test_what_has_no_interval_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        student_interval(*given)

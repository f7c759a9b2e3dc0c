"""How sure a mean is: intervals that hold what they should, as often as they say."""

import tracemalloc

import numpy as np
import pytest

from t2i_utils.metrics.intervals import Interval, bootstrap


def test_a_constant_is_certain():
    assert bootstrap([0.25] * 7) == Interval(0.25, 0.25, 0.25, 7)


def test_one_value_is_all_there_is_to_draw_from():
    assert bootstrap([3.0]) == Interval(3.0, 3.0, 3.0, 1)


def test_the_mean_lies_between_its_ends_and_the_seed_decides():
    values = np.random.default_rng(0).normal(size=30)
    interval = bootstrap(values)
    assert interval.low < interval.mean < interval.high
    assert interval.mean == pytest.approx(values.mean())
    assert interval == bootstrap(values)
    assert interval != bootstrap(values, seed=1)


def test_the_width_is_that_of_a_mean():
    values = np.random.default_rng(1).normal(size=400)
    interval = bootstrap(values, resamples=4000)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.06)


def test_a_lower_level_is_narrower():
    values = np.random.default_rng(2).normal(size=100)
    wide, narrow = bootstrap(values, level=0.95), bootstrap(values, level=0.5)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(3)
    trials = [bootstrap(rng.exponential(size=60), level=0.9, resamples=400, seed=trial) for trial in range(400)]
    covered = np.mean([interval.low <= 1 <= interval.high for interval in trials])
    assert 0.83 < covered < 0.93  # skewed values: a little below 0.9 is known of the percentile bootstrap


@pytest.mark.parametrize("at_once", [1, 1000, 12_345])
def test_drawing_in_parts_draws_the_same(monkeypatch, at_once):
    values, sizes = np.random.default_rng(5).normal(size=(2, 700)) ** 2
    whole = bootstrap(values, resamples=300, sizes=sizes)
    monkeypatch.setattr("t2i_utils.metrics.intervals.DRAWN", at_once)
    assert bootstrap(values, resamples=300, sizes=sizes) == whole


def test_memory_does_not_grow_with_the_number_of_values():
    values = np.random.default_rng(6).normal(size=30_000)
    tracemalloc.start()
    bootstrap(values, resamples=400)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 8 * 2**20, "all draws at once would take 96 MB"


def test_said_in_one_line():
    assert str(Interval(0.5, 0.25, 0.75, 12)) == "0.500 [0.250, 0.750], n = 12"


@pytest.mark.parametrize(("values", "said"), [([], "no values"), ([1.0, float("nan"), float("inf")], "2 of 3 values")])
def test_values_that_have_no_mean_are_refused(values, said):
    with pytest.raises(ValueError, match=said):
        bootstrap(values)


def test_groups_of_different_sizes_count_by_their_size():
    interval = bootstrap([0.0, 1.0], sizes=[3, 1])
    assert (interval.mean, interval.low, interval.high, interval.count) == (0.25, 0.0, 1.0, 2)
    values = np.random.default_rng(4).normal(size=50).tolist()
    assert bootstrap(values, sizes=[2] * 50) == bootstrap(values)

"""KID and CMMD: closed forms, no bias, intervals that hold what they should."""

import math

import numpy as np
import pytest
import torch

from t2i_utils.metrics.kernels import clip_mmd, gaussian_kernel, kernel_distance, polynomial_kernel

NAN = float("nan")


def noise(count, dim=8, seed=0):
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def repeated(*point, count=3):
    return torch.tensor([point], dtype=torch.float64).expand(count, -1)


def test_kernels_by_hand():
    features, others = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[3.0, 1.0]])
    assert polynomial_kernel(features, others).tolist() == [[(5 / 2 + 1) ** 3], [1.0]]
    axes = torch.eye(2)
    assert gaussian_kernel(axes, axes)[0].tolist() == pytest.approx([1, math.exp(-2 / 200)])


def test_kid_of_two_points_by_hand():
    found = kernel_distance(repeated(1.0, 1.0), repeated(2.0, 0.0), subset_size=3)
    assert found.interval.mean == (1 + 1) ** 3 + (2 + 1) ** 3 - 2 * (1 + 1) ** 3
    assert found.interval.low == found.interval.high == found.interval.mean


def test_cmmd_of_two_directions_by_hand():
    found = clip_mmd(repeated(3.0, 0.0), repeated(0.0, 7.0, count=5))
    assert found.interval.mean == pytest.approx(2000 * (1 - math.exp(-0.01)))
    assert found.biased == pytest.approx(2000 * (1 - math.exp(-0.01)))
    assert found.interval.count == 3


def test_lengths_do_not_count_for_cmmd():
    real, painted = noise(20), noise(30, seed=1)
    assert clip_mmd(9 * real, painted / 4).interval.mean == pytest.approx(clip_mmd(real, painted).interval.mean)


def test_cmmd_is_nearly_10_times_the_squared_distance_of_means():
    real, painted = (torch.nn.functional.normalize(one, dim=1) for one in (noise(400), noise(400, seed=1) + 0.5))
    away = float((real.mean(0) - painted.mean(0)).square().sum())
    assert clip_mmd(real, painted).biased == pytest.approx(10 * away, rel=0.02)


def test_the_biased_cmmd_is_larger_by_what_each_picture_has_with_itself():
    real, painted = noise(50), noise(50, seed=1)
    found = clip_mmd(real, painted)
    within = []
    for one in (real, painted):
        unit = torch.nn.functional.normalize(one, dim=1)
        kernel = gaussian_kernel(unit, unit)
        within.append(float(kernel.sum() - kernel.trace()) / (50 * 49))
    assert found.biased - found.interval.mean == pytest.approx(1000 * (2 - sum(within)) / 50)


@pytest.mark.parametrize("size", [5, 12])
def test_kid_of_one_distribution_is_0_in_expectation_at_any_subset_size(size):
    found = [kernel_distance(noise(12, seed=2 * seed), noise(12, seed=2 * seed + 1), size, 2) for seed in range(300)]
    means = np.array([one.interval.mean for one in found])
    error = means.std() / 300**0.5
    assert abs(means.mean()) < 3 * error < 0.2


def test_cmmd_of_one_distribution_is_0_in_expectation():
    found = [clip_mmd(noise(10, seed=seed) + 1, noise(14, seed=seed + 1000) + 1) for seed in range(500)]
    means = np.array([one.interval.mean for one in found])
    error = means.std() / 500**0.5
    assert abs(means.mean()) < 3 * error
    assert np.mean([one.biased for one in found]) > 20 * error


def test_kid_says_how_it_was_made_and_the_seed_decides():
    real, painted = noise(50), noise(60, seed=1) + 0.3
    found = kernel_distance(real, painted, subset_size=20, subsets=7, seed=3)
    assert (found.subset_size, found.subsets, found.seed, len(found.values)) == (20, 7, 3, 7)
    assert found.interval.mean == pytest.approx(np.mean(found.values))
    assert len(set(found.values)) == 7
    assert found == kernel_distance(real, painted, subset_size=20, subsets=7, seed=3)
    assert found.values != kernel_distance(real, painted, subset_size=20, subsets=7, seed=4).values


def test_a_subset_never_holds_a_picture_twice():
    # pictures that have nothing in common with each other, and each 51 ** 3 with itself
    axes = 20 * torch.eye(8, dtype=torch.float64)
    assert set(kernel_distance(axes, torch.zeros(8, 8), subset_size=4, subsets=20).values) == {0.0}


def test_one_subset_is_enough_where_it_holds_all():
    found = kernel_distance(noise(20), noise(20, seed=1), subset_size=20, subsets=100)
    assert (found.subsets, len(found.values)) == (1, 1)
    assert kernel_distance(noise(20), noise(21, seed=1), subset_size=20, subsets=100).subsets == 100


@pytest.mark.parametrize("protocol", [{"subset_size": 60}, {"subset_size": 20, "subsets": 15}])
def test_kid_intervals_hold_the_truth_at_least_as_often_as_they_say(protocol):
    def trial(seed):
        return kernel_distance(noise(60, 4, seed), noise(60, 4, seed + 1000) + 0.5, **protocol).interval

    intervals = [trial(seed) for seed in range(200)]
    means = [interval.mean for interval in intervals]
    covered = np.mean([interval.low <= np.mean(means) <= interval.high for interval in intervals])
    assert 0.9 < covered <= 1
    errors = np.array([interval.high - interval.mean for interval in intervals]) / 2.001
    assert 0.9 < np.sqrt(np.mean(errors**2)) / np.std(means) < 1.5  # never too small on the whole, nor much too wide


def test_more_subsets_of_the_same_pictures_do_not_make_kid_certain():
    real, painted = noise(60, 4), noise(60, 4, seed=1) + 0.5
    widths = [
        interval.high - interval.low
        for interval in (kernel_distance(real, painted, 30, subsets).interval for subsets in (30, 480))
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)


def test_cmmd_intervals_hold_the_truth_at_least_as_often_as_they_say():
    intervals = [clip_mmd(noise(50, 4, seed), noise(70, 4, seed + 1000) + 0.5).interval for seed in range(200)]
    means = [interval.mean for interval in intervals]
    covered = np.mean([interval.low <= np.mean(means) <= interval.high for interval in intervals])
    assert 0.9 < covered <= 1
    errors = np.array([interval.high - interval.mean for interval in intervals]) / 2.01
    assert 0.9 < np.sqrt(np.mean(errors**2)) / np.std(means) < 1.3


@pytest.mark.parametrize(
    ("subset_size", "subsets", "said"),
    [
        (1000, 100, "subsets of 1,000 from 20 real and 15 painted pictures; give a subset_size from 3 to 15"),
        (16, 100, "subset_size from 3 to 15"),
        (2, 100, "subset_size from 3 to 15"),
        (10, 0, "subsets is 0"),
    ],
)
def test_subsets_that_cannot_be_had(subset_size, subsets, said):
    with pytest.raises(ValueError, match=said):
        kernel_distance(noise(20), noise(15), subset_size, subsets)


@pytest.mark.parametrize("distance", [lambda *both: kernel_distance(*both, subset_size=3), clip_mmd])
@pytest.mark.parametrize(
    ("real", "painted", "said"),
    [
        (noise(5), noise(5, dim=3), "real features have length 8, painted ones 3; use one extractor"),
        (noise(5)[0], noise(5), "real features are"),
        (noise(5), noise(5)[:0], r"painted features are \[0, 8\]"),
        (noise(5), noise(5) * NAN, "5 of 5 rows of the painted features hold NaN"),
        (noise(2), noise(5), "2 real and 5 painted pictures"),
    ],
)
def test_features_that_do_not_fit_are_refused(distance, real, painted, said):
    with pytest.raises(ValueError, match=said):
        distance(real, painted)


def test_a_feature_without_direction_is_refused_by_cmmd():
    with pytest.raises(ValueError, match="2 of 5 painted features have length 0"):
        clip_mmd(noise(5), torch.cat([noise(3), torch.zeros(2, 8)]))

"""FID in closed form, its refusals, how sure it is, and its bias."""

import numpy as np
import pytest
import torch

from t2i_utils.metrics.frechet import frechet_by_count, frechet_distance, frechet_interval
from t2i_utils.metrics.moments import Moments

DIM = 12


def gaussian(mean, covariance, count=1000):
    return Moments.given(count, torch.as_tensor(mean).double(), torch.as_tensor(covariance).double())


def noise(count, dim=DIM, seed=0):
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_covariance(seed):
    root = noise(DIM, seed=seed)
    return root @ root.T


NORMAL = gaussian(torch.zeros(DIM), torch.eye(DIM))


def test_of_n_0_1_and_n_m_1_it_is_the_squared_length_of_m():
    mean = torch.arange(DIM) / 3.0
    assert frechet_distance(NORMAL, gaussian(mean, torch.eye(DIM))) == pytest.approx(float(mean.square().sum()))


@pytest.mark.parametrize(("a", "b"), [(1.0, 4.0), (0.25, 9.0), (2.0, 0.0)])
def test_of_two_widths_it_is_d_times_the_squared_difference_of_their_roots(a, b):
    found = frechet_distance(
        gaussian(torch.zeros(DIM), a * torch.eye(DIM)), gaussian(torch.zeros(DIM), b * torch.eye(DIM))
    )
    assert found == pytest.approx(DIM * (a**0.5 - b**0.5) ** 2, rel=1e-9)


def test_of_covariances_that_commute_each_direction_counts_by_itself():
    turn = torch.linalg.qr(noise(DIM)).Q
    first, second = torch.linspace(0.1, 3, DIM).double(), torch.linspace(2, 0.5, DIM).double()
    found = frechet_distance(*(gaussian(torch.zeros(DIM), (turn * width) @ turn.T) for width in (first, second)))
    assert found == pytest.approx(float((first.sqrt() - second.sqrt()).square().sum()), rel=1e-9)


def test_of_covariances_that_do_not_commute_the_root_is_that_of_their_product():
    first, second = random_covariance(1), random_covariance(2)
    root = np.sqrt(np.linalg.eigvals((first @ second).numpy()).astype(complex)).real.sum()
    found = frechet_distance(gaussian(torch.zeros(DIM), first), gaussian(torch.ones(DIM), second))
    assert found == pytest.approx(DIM + float(first.trace() + second.trace()) - 2 * root, rel=1e-9)


def test_it_is_0_of_the_same_and_the_same_both_ways():
    first, second = gaussian(torch.zeros(DIM), random_covariance(1)), gaussian(torch.ones(DIM), random_covariance(2))
    assert 0 <= frechet_distance(first, first) < 1e-6
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), rel=1e-9)


def test_it_does_not_depend_on_how_features_are_turned_and_grows_with_their_square():
    real, painted, turn = noise(200), 2 * noise(200, seed=1) + 1, torch.linalg.qr(noise(DIM, seed=2)).Q
    found = frechet_distance(Moments.of(real), Moments.of(painted))
    assert frechet_distance(Moments.of(real @ turn), Moments.of(painted @ turn)) == pytest.approx(found, rel=1e-9)
    assert frechet_distance(Moments.of(3 * real), Moments.of(3 * painted)) == pytest.approx(9 * found, rel=1e-9)


@pytest.mark.parametrize(("real", "painted", "whose"), [(11, 400, "real"), (400, 11, "painted")])
def test_fewer_pictures_than_features_are_refused_with_a_way_out(real, painted, whose):
    moments = Moments.of(noise(real)), Moments.of(noise(painted))
    with pytest.raises(ValueError, match=f"11 {whose} pictures for 12 features; take more, or use KID or CMMD"):
        frechet_distance(*moments)
    assert frechet_distance(*moments, fewer_than_features=True) > 0
    assert frechet_distance(Moments.of(noise(12)), Moments.of(noise(12, seed=1))) > 0


def test_a_singular_covariance_gives_a_finite_number_when_asked_for():
    few = Moments.of(noise(4))
    assert 0 <= frechet_distance(few, few, fewer_than_features=True) < 1e-5
    constant = gaussian(torch.zeros(DIM), torch.zeros(DIM, DIM))
    assert frechet_distance(NORMAL, constant) == pytest.approx(
        DIM
    )  # a collapsed generator: all of the trace is missing


def test_one_picture_is_refused_even_then():
    with pytest.raises(ValueError, match="1 painted pictures"):
        frechet_distance(NORMAL, Moments.of(noise(1)), fewer_than_features=True)


def test_features_of_two_extractors_are_refused():
    with pytest.raises(ValueError, match="real features have length 12, painted ones 3; use one extractor"):
        frechet_distance(NORMAL, Moments.of(noise(50, dim=3)))


def test_an_interval_is_around_fid_and_the_seed_decides():
    painted = noise(300, seed=1) + 0.5
    interval = frechet_interval(NORMAL, painted)
    assert interval.mean == pytest.approx(frechet_distance(NORMAL, Moments.of(painted)), rel=1e-9)
    assert interval.low < interval.mean < interval.high
    assert interval.count == 300
    assert interval == frechet_interval(NORMAL, painted)
    assert interval != frechet_interval(NORMAL, painted, seed=1)
    narrow = frechet_interval(NORMAL, painted, level=0.5)
    assert interval.low < narrow.low < narrow.high < interval.high


def test_pictures_that_are_all_the_same_are_certain():
    interval = frechet_interval(NORMAL, torch.ones(40, DIM))
    assert (interval.low, interval.high) == pytest.approx((2 * DIM, 2 * DIM))


def test_intervals_hold_fid_at_this_number_about_as_often_as_they_say():
    dim, count = 4, 60
    real = gaussian(torch.zeros(dim), torch.eye(dim))
    samples = [1.2 * noise(count, dim, seed) + 0.2 for seed in range(150)]
    intervals = [frechet_interval(real, sample) for sample in samples]
    at_this_number = np.mean([interval.mean for interval in intervals])
    covered = np.mean([interval.low <= at_this_number <= interval.high for interval in intervals])
    assert 0.88 < covered <= 1
    widths = np.array([interval.high - interval.mean for interval in intervals]) / 2.262
    assert np.median(widths) == pytest.approx(np.std([interval.mean for interval in intervals]), rel=0.25)


def test_the_interval_is_free_of_the_bias_that_a_bootstrap_would_add():
    painted, rng = noise(40, seed=5), np.random.default_rng(0)
    interval = frechet_interval(NORMAL, painted)
    drawn = [frechet_distance(NORMAL, Moments.of(painted[rng.integers(40, size=40)])) for _ in range(60)]
    assert min(drawn) > interval.mean  # the number itself lies outside of what a bootstrap draws
    assert (interval.low + interval.high) / 2 == pytest.approx(interval.mean)


@pytest.mark.parametrize(
    ("count", "splits", "said"),
    [
        (40, 1, "40 painted pictures in 1 blocks"),
        (40, 21, "2 blocks of at least 2"),
        (11, 2, "11 painted pictures for 12"),
    ],
)
def test_too_few_for_an_interval(count, splits, said):
    with pytest.raises(ValueError, match=said):
        frechet_interval(NORMAL, noise(count), splits)


def test_an_interval_of_fewer_than_features_has_to_be_asked_for():
    assert frechet_interval(NORMAL, noise(8), splits=4, fewer_than_features=True).mean > 0


def test_the_curve_falls_as_one_over_the_count_towards_the_truth():
    dim = 8
    real, counts = gaussian(torch.zeros(dim), torch.eye(dim)), (50, 200, 800)
    curves = [frechet_by_count(real, noise(800, dim, seed), counts) for seed in range(30)]
    by_count = {count: np.mean([curve[count] for curve in curves]) for count in counts}
    assert list(curves[0]) == [50, 200, 800]
    # the same distribution: all of it is bias, d/n of the mean and about d (d + 1) / 4 n of the covariance
    for count in counts:
        assert by_count[count] == pytest.approx((dim + dim * (dim + 1) / 4) / count, rel=0.15)


def test_the_curve_ends_at_fid_of_all_and_can_be_asked_for_in_any_order():
    painted = noise(200, seed=1)
    curve = frechet_by_count(NORMAL, painted, [200, 50, 50])
    assert list(curve) == [50, 200]
    assert curve[200] == pytest.approx(frechet_distance(NORMAL, Moments.of(painted)), rel=1e-9)
    assert curve[50] != frechet_by_count(NORMAL, painted, [50], seed=1)[50]
    assert curve[50] == pytest.approx(frechet_by_count(NORMAL, painted, [50, 60])[50], rel=1e-9)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([], "counts are"),
        ([1, 50], "from 2 to the 100"),
        ([50, 101], "from 2 to the 100"),
        ([5, 50], "5 painted pictures"),
    ],
)
def test_counts_that_cannot_be_had(counts, said):
    with pytest.raises(ValueError, match=said):
        frechet_by_count(NORMAL, noise(100), counts)


def test_a_curve_below_the_number_of_features_has_to_be_asked_for():
    assert frechet_by_count(NORMAL, noise(100), [5], fewer_than_features=True)[5] > 0


def test_nan_among_painted_features():
    with pytest.raises(ValueError, match="1 of 50 rows of the painted features"):
        frechet_interval(NORMAL, torch.cat([noise(49), torch.full((1, DIM), float("nan"))]))

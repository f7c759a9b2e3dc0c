"""The squared maximum mean discrepancy: by hand, without bias, and what each picture does to it."""

import pytest
import torch

from t2i_utils.metrics import discrepancy as module
from t2i_utils.metrics.discrepancy import discrepancy, jackknife


def dot(features, others):
    return features @ others.T


def squared_dot(features, others):
    return (features @ others.T) ** 2


def noise(count, dim=3, seed=0):
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_two_points_by_hand():
    # of two points it is k(x, x) + k(y, y) - 2 k(x, y), by either estimator
    found = discrepancy(column(2, 2, 2), column(5, 5, 5), dot)
    assert found.unbiased == found.biased == 4 + 25 - 2 * 10
    assert found.real.tolist() == found.painted.tolist() == [0, 0, 0]  # no picture makes a difference


def test_more_points_by_hand():
    found = discrepancy(column(0, 1, 2), column(1, 3, 5), dot)
    # pairs of different ones: 0, 0, 2 and 3, 5, 15; across: the products of the sums 3 and 9
    assert found.unbiased == pytest.approx(2 / 3 + 23 / 3 - 2 * 27 / 9)
    assert found.biased == pytest.approx((9 + 81 - 2 * 27) / 9)


def test_with_a_straight_kernel_the_biased_one_is_the_squared_distance_of_means():
    real, painted = noise(20), noise(30, seed=1) + 1
    found = discrepancy(real, painted, dot)
    assert found.biased == pytest.approx(float((real.mean(0) - painted.mean(0)).square().sum()))


def test_changes_are_what_leaving_a_picture_out_does():
    real, painted = noise(6), noise(5, seed=1)
    found = discrepancy(real, painted, squared_dot)
    for index in range(6):
        without = discrepancy(torch.cat([real[:index], real[index + 1 :]]), painted, squared_dot)
        assert float(found.real[index]) == pytest.approx(found.unbiased - without.unbiased)
    for index in range(5):
        without = discrepancy(real, torch.cat([painted[:index], painted[index + 1 :]]), squared_dot)
        assert float(found.painted[index]) == pytest.approx(found.unbiased - without.unbiased)


def test_blocks_do_not_show(monkeypatch):
    whole = discrepancy(noise(70), noise(90, seed=1), squared_dot)
    monkeypatch.setattr(module, "BLOCK", 16)
    parts = discrepancy(noise(70), noise(90, seed=1), squared_dot)
    assert (parts.unbiased, parts.biased) == pytest.approx((whole.unbiased, whole.biased))
    torch.testing.assert_close(parts.real, whole.real)
    torch.testing.assert_close(parts.painted, whole.painted)


def test_the_kernel_is_never_asked_for_more_than_a_block(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 70)
    asked = []

    def kernel(features, others):
        asked.append(len(features) * len(others))
        return dot(features, others)

    discrepancy(noise(200), noise(300, seed=1), kernel)
    assert max(asked) == 70 * 70


def test_of_one_distribution_it_is_0_in_expectation_and_the_biased_one_is_not():
    found = [discrepancy(noise(8, seed=2 * seed), noise(8, seed=2 * seed + 1), dot) for seed in range(1500)]
    unbiased = torch.tensor([one.unbiased for one in found])
    biased = torch.tensor([one.biased for one in found])
    error = float(unbiased.std()) / 1500**0.5
    assert abs(float(unbiased.mean())) < 3 * error < 0.06
    assert float(biased.mean()) == pytest.approx(2 * 3 / 8, abs=3 * error)  # the variances of two means of 8


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = noise(40, dim=1)[:, 0]
    changes = values.mean() - (values.sum() - values) / 39
    interval = jackknife(float(values.mean()), changes, torch.zeros(50).double(), (40, 50), 0.95)
    assert (interval.high - interval.mean) / 2.0227 == pytest.approx(float(values.std()) / 40**0.5, rel=1e-4)
    assert interval.count == 40

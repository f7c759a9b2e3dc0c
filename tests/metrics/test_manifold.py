"""Precision, recall, density, coverage: inside and outside, copies, collapse, and what chance gives."""

import numpy as np
import pytest
import torch

from t2i_utils.metrics import manifold as module
from t2i_utils.metrics.manifold import density_coverage, expected_coverage, precision_recall

NAN = float("nan")


def noise(count, dim=4, seed=0):
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def line(*places):
    return torch.tensor(places, dtype=torch.float64)[:, None]


def test_points_inside_and_outside_by_hand():
    # radii to the nearest neighbour: 1, 1, 3 (balls [-1, 1], [0, 2], [1, 7]); painted 0.5, 0.5, 12
    found = precision_recall(line(0, 1, 4), line(0.5, 1.0, 13.0), k=1)
    assert found.precision.tolist() == [1, 1, 0]
    # painted balls: [0, 1], [0.5, 1.5], [1, 25]
    assert found.recall.tolist() == [1, 1, 1]
    assert precision_recall(line(0, 1, 4), line(0.5, 1.0, 1.6), k=1).recall.tolist() == [1, 1, 0]
    assert found.k == 1


def test_a_larger_k_reaches_to_a_farther_neighbour():
    real, painted = line(0, 1, 4, 9), line(16.5, 30, 31, 32)
    assert precision_recall(real, painted, k=1).precision.tolist() == [0, 0, 0, 0]  # the last ball ends at 14
    assert precision_recall(real, painted, k=2).precision.tolist() == [1, 0, 0, 0]  # at 17


def test_density_and_coverage_by_hand():
    # balls of k = 1: [-1, 1], [0, 2], [1, 7]; of k = 2: [-4, 4], [-2, 4], [0, 8]
    real, painted = line(0, 1, 4), line(0.5, -3, 6, 20)
    found = density_coverage(real, painted, k=1)
    assert found.density.tolist() == [2, 0, 1, 0]
    assert found.coverage.tolist() == [1, 1, 1]
    wider = density_coverage(real, painted, k=2)
    assert wider.density.tolist() == [1.5, 0.5, 0.5, 0]
    assert density_coverage(real, line(-0.5, 20), k=1).coverage.tolist() == [1, 0, 0]


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("place", [0.0, 1e6])
def test_copies_are_precise_recalled_and_cover_everything(k, place):
    real = noise(333, dim=77).double() + place
    both, filled = precision_recall(real, real.clone(), k), density_coverage(real, real.flip(0), k)
    assert both.precision.min() == both.recall.min() == filled.coverage.min() == 1
    # each ball holds its centre and k neighbours, the last of them on its edge
    assert filled.density.mean().item() == pytest.approx((k + 1) / k, rel=1e-12)


def test_pictures_far_away_are_neither():
    both, filled = precision_recall(noise(40), noise(40) + 100), density_coverage(noise(40), noise(40) + 100)
    assert both.precision.max() == both.recall.max() == filled.density.max() == filled.coverage.max() == 0


def test_a_collapsed_generator_is_precise_and_recalls_nothing():
    real = noise(100)
    collapsed = real[:1].expand(100, -1)
    both, filled = precision_recall(real, collapsed), density_coverage(real, collapsed)
    assert both.precision.min() == 1
    assert both.recall.tolist() == [1] + [0] * 99  # the one that is painted again and again
    assert filled.coverage.mean() < 0.2


def test_half_of_the_kinds_is_half_of_recall_and_coverage():
    kinds = torch.cat([noise(50), noise(50, seed=1) + 50])
    only_one = noise(100, seed=2)
    both, filled = precision_recall(kinds, only_one), density_coverage(kinds, only_one)
    assert both.precision.mean() > 0.75
    assert both.recall[50:].max() == filled.coverage[50:].max() == 0
    assert both.recall[:50].mean() > 0.75
    assert filled.coverage[:50].mean() > 0.9


@pytest.mark.parametrize(("real_count", "painted_count", "k"), [(40, 40, 5), (30, 60, 2)])
def test_of_one_distribution_density_is_1_and_coverage_as_expected(real_count, painted_count, k):
    found = [
        density_coverage(noise(real_count, seed=seed), noise(painted_count, seed=seed + 1000), k) for seed in range(150)
    ]
    assert np.mean([one.density.mean() for one in found]) == pytest.approx(1, abs=0.03)
    expected = expected_coverage(real_count, painted_count, k)
    assert np.mean([one.coverage.mean() for one in found]) == pytest.approx(expected, abs=0.01)


def test_the_expected_coverage_of_many_pictures():
    assert expected_coverage(10**6, 10**6, 5) == pytest.approx(1 - 1 / 2**5, abs=1e-5)
    assert expected_coverage(4, 2, 1) == pytest.approx(1 - 3 / 5)  # the nearest of five others is painted


def test_values_come_one_a_picture():
    both, filled = precision_recall(noise(20), noise(30)), density_coverage(noise(20), noise(30))
    assert (both.precision.shape, both.recall.shape) == ((30,), (20,))
    assert (filled.density.shape, filled.coverage.shape) == ((30,), (20,))
    assert (both.k, filled.k) == (3, 5)


def test_blocks_do_not_show_and_bound_what_is_in_memory(monkeypatch):
    real, painted = noise(100).double(), noise(130, seed=1).double()
    whole, filled = precision_recall(real, painted), density_coverage(real, painted)
    monkeypatch.setattr(module, "ROWS", 9)
    assert max(block.numel() for block in module._squared_distances(real, painted)) == 9 * 130
    parts = precision_recall(real, painted)
    assert parts.precision.equal(whole.precision)
    assert parts.recall.equal(whole.recall)
    assert density_coverage(real, painted).density.equal(filled.density)
    assert density_coverage(real, painted).coverage.equal(filled.coverage)


@pytest.mark.parametrize("measure", [precision_recall, density_coverage])
@pytest.mark.parametrize(
    ("real", "painted", "k", "said"),
    [
        (noise(5), noise(50), 5, "neighbour 5 of 5 real pictures; give a k from 1, and more pictures than k"),
        (noise(50), noise(50), 0, "neighbour 0 of 50 real"),
        (noise(50), noise(50, dim=3), 2, "real features have length 4, painted ones 3; use one extractor"),
        (noise(50)[0], noise(50), 2, "real features are"),
        (noise(50), noise(50)[:0], 2, "painted features are"),
        (noise(50), noise(50) * NAN, 2, "50 of 50 rows of the painted features hold NaN"),
    ],
)
def test_what_does_not_fit_is_refused(measure, real, painted, k, said):
    with pytest.raises(ValueError, match=said):
        measure(real, painted, k)


def test_recall_needs_more_painted_pictures_than_k_and_density_does_not():
    with pytest.raises(ValueError, match="neighbour 3 of 3 painted"):
        precision_recall(noise(50), noise(3))
    assert density_coverage(noise(50), noise(1)).density.shape == (1,)

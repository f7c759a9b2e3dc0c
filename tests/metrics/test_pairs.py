"""The distance of pairs: nothing within one world, something where pictures, or only their captions, differ."""

import pytest
import torch

from t2i_utils.metrics.pairs import gaussian, median_distance, pair_distance


@pytest.fixture
def world():
    """Pictures that depend on their sentences."""

    def draw(seed, count=150):
        rng = torch.Generator().manual_seed(seed)
        sentence = torch.randn(count, 4, generator=rng)
        return sentence @ torch.ones(4, 12) + 0.3 * torch.randn(count, 12, generator=rng), sentence

    return draw


def pictures_of(sentence, seed):
    rng = torch.Generator().manual_seed(seed)
    return sentence @ torch.ones(4, 12) + 0.3 * torch.randn(len(sentence), 12, generator=rng)


def test_pairs_of_the_same_world_are_near_and_others_are_not(world):
    real, sentence = world(0)
    same = pair_distance(real, pictures_of(sentence, 7), sentence)
    assert abs(same) < 0.0005
    swapped = pair_distance(real, real.roll(1, 0), sentence)  # the same pictures, beside others' captions
    assert swapped > 0.01
    assert pair_distance(real, real + 3.0, sentence) > 0.05
    assert pair_distance(real, torch.zeros_like(real), sentence) > 0.05


def test_a_set_is_at_no_distance_from_itself(world):
    real, sentence = world(1)
    assert pair_distance(real, real, sentence) == pytest.approx(0.0, abs=1e-6)


def test_of_two_pairs_it_is_what_the_equation_says():
    real, painted = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [4.0]])
    sentence = torch.tensor([[0.0], [1.0]])
    k = lambda distance: torch.exp(torch.tensor(-((distance / 2) ** 2) / 2)).item()  # noqa: E731
    text = torch.exp(torch.tensor(-0.5)).item()
    expected = text * (k(2) + k(4) - k(4) - k(2))
    assert pair_distance(real, painted, sentence) == pytest.approx(expected, abs=1e-6)


def test_kernels_are_one_at_nought_and_points_that_are_equal_have_a_width():
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert gaussian(points, points, 5.0)[0].tolist() == pytest.approx([1.0, 0.6065], abs=1e-4)
    assert median_distance(points) == 5.0
    assert median_distance(torch.zeros(5, 3)) == 1.0

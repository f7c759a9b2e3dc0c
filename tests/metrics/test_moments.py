"""Mean and covariance of a stream: those of everything at once, however it is cut."""

import pytest
import torch

from t2i_utils.metrics import moments as module
from t2i_utils.metrics.moments import Moments, features_matrix


@pytest.fixture
def features():
    return torch.randn(101, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def assert_same(one, other):
    assert one.count == other.count
    torch.testing.assert_close(one.mean, other.mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(one.covariance, other.covariance, rtol=1e-12, atol=1e-12)


def test_they_are_the_mean_and_the_covariance_over_n_minus_1(features):
    found = Moments.of(features)
    assert (found.count, found.dim) == (101, 6)
    torch.testing.assert_close(found.mean, features.mean(dim=0))
    torch.testing.assert_close(found.covariance, features.T.cov())


@pytest.mark.parametrize("sizes", [[101], [1] * 101, [50, 51], [1, 99, 1]])
def test_batches_of_any_size_give_the_same(features, sizes):
    found = Moments(6)
    for part in features.split(sizes):
        found.add(part)
    assert_same(found, Moments.of(features))


def test_a_batch_larger_than_what_is_turned_to_float64_at_a_time(features, monkeypatch):
    whole = Moments.of(features)
    monkeypatch.setattr(module, "ROWS", 7)
    assert_same(Moments.of(features), whole)


def test_merged_moments_are_of_both_and_leave_the_parts_alone(features):
    first, second = Moments.of(features[:30]), Moments.of(features[30:])
    assert_same(first.merge(second), Moments.of(features))
    assert_same(second.merge(first), Moments.of(features))
    assert_same(first, Moments.of(features[:30]))
    assert_same(Moments(6).merge(first), first)
    assert_same(first.merge(Moments(6)), first)


def test_nothing_is_lost_far_from_zero(features):
    far = Moments(6)
    for part in (features + 1e8).split(10):
        far.add(part)
    torch.testing.assert_close(far.covariance, features.T.cov(), rtol=1e-6, atol=1e-6)


def test_float16_and_gradients_do_no_harm(features):
    half = features.half()
    found = Moments.of(half.requires_grad_())
    assert_same(found, Moments.of(half.detach().double()))
    assert not found.mean.requires_grad


def test_memory_does_not_grow_with_the_count():
    found = Moments(4)
    for _ in range(20):
        found.add(torch.randn(50, 4))
    held = [value for value in vars(found).values() if isinstance(value, torch.Tensor)]
    assert found.count == 1000
    assert sum(tensor.numel() for tensor in held) == 4 + 4 * 4


def test_given_moments_are_what_was_given(features):
    mean, covariance = features.mean(dim=0), features.T.cov()
    assert_same(Moments.given(101, mean, covariance), Moments.of(features))
    kept = Moments.given(101, mean, covariance)
    kept.add(features + 1)
    torch.testing.assert_close(mean, features.mean(dim=0), rtol=0, atol=0)  # ours to add to, not theirs
    assert kept.count == 202


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_nan_and_infinity_are_refused_and_not_taken_in(features, bad):
    found = Moments.of(features)
    spoiled = features.clone()
    spoiled[3, 2] = spoiled[3, 4] = spoiled[7, 0] = bad
    with pytest.raises(ValueError, match="2 of 101 rows of the features hold NaN or infinity"):
        found.add(spoiled)
    assert_same(found, Moments.of(features))


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 6), (3, 0)])
def test_features_are_a_matrix_with_rows(shape):
    with pytest.raises(ValueError, match=r"painted ones are .* give \[pictures, dim\]"):
        features_matrix(torch.zeros(shape), "painted ones")


def test_other_lengths_are_refused():
    with pytest.raises(ValueError, match="length 5 do not go with moments of length 6"):
        Moments(6).add(torch.zeros(3, 5))
    with pytest.raises(ValueError, match="length 5 do not go with moments of length 6"):
        Moments(6).merge(Moments(5))


def test_one_picture_has_no_covariance():
    with pytest.raises(ValueError, match="1 pictures is not defined; add 2"):
        _ = Moments.of(torch.ones(1, 3)).covariance


@pytest.mark.parametrize(
    ("count", "mean", "covariance", "said"),
    [
        (1, torch.zeros(2), torch.eye(2), "give 2 or more"),
        (9, torch.zeros(2), torch.eye(3), r"give \[dim\] and \[dim, dim\]"),
        (9, torch.zeros(1, 2), torch.eye(2), r"give \[dim\] and \[dim, dim\]"),
        (9, torch.zeros(2), torch.tensor([[1.0, 0.5], [0.0, 1.0]]), "not symmetric"),
        (9, torch.tensor([0.0, float("nan")]), torch.eye(2), "NaN"),
    ],
)
def test_given_moments_that_fit_nothing_are_refused(count, mean, covariance, said):
    with pytest.raises(ValueError, match=said):
        Moments.given(count, mean, covariance)

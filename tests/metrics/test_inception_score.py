"""Inception score in closed form: 1 of a constant, k of k classes that are certain."""

import math

import pytest
import torch

from t2i_utils.metrics.inception_score import inception_score, inception_scores

CERTAIN = torch.eye(5).repeat(40, 1)


def random_probabilities(count=200, classes=5, seed=0):
    return torch.randn(count, classes, generator=torch.Generator().manual_seed(seed)).mul(2).softmax(dim=1)


@pytest.mark.parametrize("classes", [2, 5, 200])
def test_certain_of_k_classes_equally_often_is_k(classes):
    assert inception_scores(torch.eye(classes).repeat(4, 1), splits=2).tolist() == pytest.approx([classes] * 2)


@pytest.mark.parametrize("row", [[0.2] * 5, [1.0, 0, 0, 0, 0], [0.5, 0.5, 0, 0, 0]])
def test_the_same_for_every_picture_is_1(row):
    assert inception_score(torch.tensor([row] * 40)).mean == pytest.approx(1, abs=1e-6)


def test_by_hand():
    # half a bit of what could be known: two pictures certain, two at a loss
    scores = inception_scores(torch.tensor([[1.0, 0], [0, 1], [0.5, 0.5], [0.5, 0.5]]), splits=1)
    assert scores.tolist() == [pytest.approx(math.exp(0.5 * math.log(2)))]


def test_each_split_has_classes_of_its_own():
    sorted_by_class = CERTAIN.sort(dim=0, descending=True, stable=True).values * 0 + torch.eye(5).repeat_interleave(
        40, 0
    )
    assert inception_scores(sorted_by_class, splits=5).tolist() == [1] * 5
    assert inception_score(sorted_by_class, splits=5).mean > 4.5  # mixed first


def test_splits_are_equally_large_to_within_one():
    probabilities = random_probabilities(23)
    parts = [probabilities[:6], probabilities[6:12], probabilities[12:18], probabilities[18:]]
    alone = [inception_scores(part, splits=1).item() for part in parts]
    assert inception_scores(probabilities, splits=4).tolist() == pytest.approx(alone)


def test_an_interval_over_splits():
    found = inception_score(random_probabilities(), splits=4)
    assert 1 < found.low < found.mean < found.high < 5
    assert found.count == 200
    assert found == inception_score(random_probabilities(), splits=4)
    assert found != inception_score(random_probabilities(), splits=4, seed=1)
    narrow = inception_score(random_probabilities(), splits=4, level=0.5)
    assert found.low < narrow.low


def test_the_interval_is_students_over_splits():
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    scores = inception_scores(random_probabilities()[order], splits=4)
    found = inception_score(random_probabilities(), splits=4)
    assert found.mean == pytest.approx(scores.mean().item())
    assert found.high - found.mean == pytest.approx(3.182446 * scores.std().item() / 2)


def test_the_same_score_in_every_split_is_certain():
    found = inception_score(torch.full((40, 4), 0.25))
    assert found.low == found.mean == found.high


@pytest.mark.parametrize(
    ("probabilities", "splits", "said"),
    [
        (CERTAIN, 1, "an interval needs 2 or more"),
        (CERTAIN[:19], 10, "19 pictures in 10 splits"),
        (3 * CERTAIN, 10, "softmax of logits, not logits"),
        (2 * CERTAIN - 0.2, 10, "negative or do not sum to 1"),
        (CERTAIN[0], 2, "probabilities are"),
        (CERTAIN[:0], 2, "at least one picture"),
        (CERTAIN * float("nan"), 2, "200 of 200 rows of the probabilities hold NaN"),
    ],
)
def test_what_is_no_probability_or_too_few_is_refused(probabilities, splits, said):
    with pytest.raises(ValueError, match=said):
        inception_score(probabilities, splits)


def test_no_split_is_refused():
    with pytest.raises(ValueError, match="in 0 splits"):
        inception_scores(CERTAIN, splits=0)

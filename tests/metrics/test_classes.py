"""A classifier learns from some real pictures, is examined on others, and then asked about painted ones."""

import pytest
import torch

from t2i_utils.metrics.classes import train_classifier


def clouds(apart, count=60, classes=(3, 5, 9), dim=6, seed=0):
    """Features of some classes, their middles so far apart in units of their spread."""
    rng = torch.Generator().manual_seed(seed)
    middles = apart * torch.eye(dim)[: len(classes)]
    place = torch.arange(count * len(classes)) % len(classes)
    return middles[place] + torch.randn(len(place), dim, generator=rng), torch.tensor(classes)[place]


def test_classes_that_lie_apart_are_told_apart_and_those_that_do_not_are_not():
    clear, same = (train_classifier(*clouds(apart)) for apart in (20.0, 0.0))
    assert clear.held_out.mean == 1
    assert same.held_out.low < 1 / 3 < same.held_out.high
    features, classes = clouds(20.0, seed=1)
    assert clear.accuracy(features, classes).mean == 1
    assert clear.accuracy(features, classes.roll(1)).mean == 0


def test_what_is_held_out_is_never_learnt_from():
    features, classes = clouds(0.0, count=20, dim=200)  # enough numbers to know every picture by heart
    classifier = train_classifier(features, classes, penalty=1e-6)
    assert classifier.held_out.mean < 0.7
    assert classifier.held_out.count == 3 * 6
    assert classifier.accuracy(features, classes).mean > 0.75, "most of them it has seen"


def test_a_feature_that_never_changes_does_no_harm():
    features, classes = clouds(20.0)
    features[:, 5] = 7.0
    assert train_classifier(features, classes).held_out.mean == 1


def test_what_cannot_be_asked_is_refused():
    features, classes = clouds(5.0)
    with pytest.raises(ValueError, match="never saw class 4"):
        train_classifier(features, classes).accuracy(features[:1], torch.tensor([4]))
    with pytest.raises(ValueError, match="among 1 classes"):
        train_classifier(features, torch.zeros(len(features), dtype=torch.int64))
    with pytest.raises(ValueError, match="class 9 has 3 real pictures"):
        train_classifier(features[:11], classes[:11])

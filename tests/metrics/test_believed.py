"""Accuracies of a discriminator whose judgement is known by hand."""

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Batch, Sample, Score, Text
from t2i_utils.metrics.believed import pair_accuracies


class Grey(nn.Module):
    """Paints the first number of the sentence, plus an offset."""

    noise_shape, text_dim, image_shape = (1,), 1, (1, 2, 2)

    def __init__(self, offset):
        super().__init__()
        self.offset = offset

    def forward(self, noise, text):
        return Sample(((text.sentence[:, 0] + self.offset)[:, None, None, None].expand(-1, 1, 2, 2),))


class Matcher(nn.Module):
    """Believes a pair whose grey is the caption's number."""

    def __init__(self, sees_text=True, shift=0.5):
        super().__init__()
        self.sees_text, self.shift = sees_text, shift
        self.normalise = nn.BatchNorm1d(1)
        self.calls = 0

    def features(self, images):
        self.normalise(images[-1].mean(dim=(1, 2, 3))[:, None])  # moves running statistics, if it may
        return images

    def score(self, features, text):
        off = (features[-1].mean(dim=(1, 2, 3)) - text.sentence[:, 0]).abs()
        return [Score(self.shift - off, self.sees_text)]


def batches(count=2):
    numbers = torch.tensor([[-1.0], [0.0], [1.0]])
    images = numbers[:, :, None, None].expand(-1, 1, 2, 2)
    return [Batch(images, Text(numbers), torch.arange(3), torch.tensor([1, 2, 0])) for _ in range(count)]


def means(found):
    return {name: interval.mean for name, interval in found.items()}


def test_each_kind_of_pair_is_asked_by_itself():
    assert means(pair_accuracies(Grey(3.0), Matcher(), batches())) == {"matched": 1, "swapped": 1, "painted": 1}
    assert means(pair_accuracies(Grey(0.0), Matcher(), batches())) == {"matched": 1, "swapped": 1, "painted": 0}
    assert means(pair_accuracies(Grey(3.0), Matcher(shift=-0.5), batches()))["matched"] == 0
    # with a shift of 1.5 a caption that is 1 away is believed, one that is 2 away is not
    assert means(pair_accuracies(Grey(3.0), Matcher(shift=1.5), batches()))["swapped"] == pytest.approx(1 / 3)


def test_a_critics_zero_means_nothing_so_pairs_are_ranked():
    far = Matcher(shift=-100.0)
    assert means(pair_accuracies(Grey(3.0), far, batches(), divides=False)) == {
        "matched": 1,
        "swapped": 1,
        "painted": 1,
    }
    equal = means(pair_accuracies(Grey(0.0), far, batches(), divides=False))
    assert equal == {"matched": 0, "swapped": 1, "painted": 0}, "a copy is no lower than what it copies"


def test_heads_that_see_no_text_are_not_asked_about_captions():
    assert set(pair_accuracies(Grey(3.0), Matcher(sees_text=False), batches())) == {"matched", "painted"}


def test_running_statistics_stay_as_they_are():
    judge = Matcher()
    judge.eval()
    pair_accuracies(Grey(3.0), judge, batches())
    assert judge.normalise.num_batches_tracked == 0
    assert not judge.training


def test_chance_of_training_plays_no_part():
    class Forgetful(Matcher):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.9)

        def score(self, features, text):
            return [Score(self.drop(torch.ones(3)) * one.logits, True) for one in super().score(features, text)]

    before = torch.get_rng_state()
    found = pair_accuracies(Grey(3.0), Forgetful(), batches())
    assert means(found) == {"matched": 1, "swapped": 1, "painted": 1}
    assert torch.equal(torch.get_rng_state(), before)

"""Minibatch discrimination: equal pictures are as close as can be, far ones not close at all."""

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Score, Text
from t2i_utils.models.minibatch import MinibatchDiscrimination


class Flat(nn.Module):
    """Its features are the picture, its logit is always 3."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(2)

    def features(self, images):
        return (self.norm(images[-1]) if self.training else images[-1],)

    def score(self, features, text):
        assert len(features) == 1, "closeness is not the business of the one within"
        return [Score(torch.full((len(features[-1]),), 3.0), True), Score(torch.full((len(text), 2, 2), 3.0), False)]


@pytest.fixture
def seeing():
    torch.manual_seed(0)
    return MinibatchDiscrimination(Flat(), (2, 3, 3), kernels=4, length=5).eval()


def test_closeness_by_hand(seeing):
    images = torch.randn(3, 2, 3, 3)
    closeness, features = seeing.features((images,))
    assert torch.equal(features, images)
    rows = seeing.project(images.flatten(1)).reshape(3, 4, 5)
    for i in range(3):
        for b in range(4):
            by_hand = sum(torch.exp(-(rows[i, b] - rows[j, b]).abs().sum()) for j in range(3))
            assert closeness[i, b].item() == pytest.approx(by_hand.item(), rel=1e-5)


def test_equal_pictures_are_all_close_and_distant_ones_only_to_themselves(seeing):
    same = torch.randn(1, 2, 3, 3).expand(6, -1, -1, -1)
    torch.testing.assert_close(seeing.features((same,))[0], torch.full((6, 4), 6.0))
    apart = 1000 * torch.randn(6, 2, 3, 3)
    torch.testing.assert_close(seeing.features((apart,))[0], torch.ones(6, 4), atol=1e-3, rtol=0)


def test_every_head_hears_of_it_as_beside_a_last_linear_layers_features(seeing):
    images, text = torch.randn(6, 2, 3, 3), Text(torch.zeros(6, 1))
    features = seeing.features((images,))
    told = features[0] @ seeing.judge.weight[0]
    one, per_pixel = seeing.score(features, text)
    torch.testing.assert_close(one.logits, 3 + told)
    torch.testing.assert_close(per_pixel.logits, (3 + told)[:, None, None].expand(6, 2, 2))
    assert (one.sees_text, per_pixel.sees_text) == (True, False)


def test_making_it_leaves_no_trace_in_running_statistics():
    within = Flat().train()
    MinibatchDiscrimination(within, (2, 3, 3))
    assert int(within.norm.num_batches_tracked) == 0
    assert within.training


def test_no_kernels_are_refused():
    with pytest.raises(ValueError, match="use 1 or more each"):
        MinibatchDiscrimination(Flat(), (2, 3, 3), kernels=0)

"""Critics: each example is judged by itself."""

import pytest
import torch

from t2i_utils.interfaces import Text
from t2i_utils.models import wgan
from t2i_utils.training.turns import mixes_examples

pytestmark = pytest.mark.usefixtures("one_thread")
CRITICS = [wgan.Critic(16, 8), wgan.TextCritic(16, 6, 8)]


@pytest.mark.parametrize("critic", CRITICS)
def test_no_example_changes_anothers_score(critic):
    assert not any(mixes_examples(part) for part in critic.modules())
    images = torch.randn(4, 3, 16, 16).requires_grad_()
    (score,) = critic.score(critic.features((images,)), Text(torch.randn(4, 6)))
    (gradient,) = torch.autograd.grad(score.logits[1], images)
    assert [bool(part.abs().sum() > 0) for part in gradient] == [False, True, False, False]


@pytest.mark.parametrize("critic", CRITICS)
def test_only_the_one_that_is_told_listens(critic):
    features = critic.features((torch.randn(4, 3, 16, 16),))
    (one,), (other,) = (critic.score(features, Text(torch.randn(4, 6))) for _ in range(2))
    assert one.sees_text == isinstance(critic, wgan.TextCritic) == (not torch.equal(one.logits, other.logits))

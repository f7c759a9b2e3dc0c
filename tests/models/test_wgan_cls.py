"""WGAN-CLS's networks: a smoothing convolution behind every doubling, a leaky cloud, a critic without normalisation."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from t2i_utils.interfaces import Text
from t2i_utils.models.blocks import Bottleneck, FromVector
from t2i_utils.models.wgan_cls import Critic, Generator, LeakyAugmentation
from t2i_utils.training.turns import mixes_examples


def test_every_transposed_convolution_is_followed_by_a_3x3():
    parts = list(Generator(64, 6, 4).paint)
    doubling = [place for place, part in enumerate(parts) if type(part) is nn.ConvTranspose2d]
    assert len(doubling) == 4
    assert all(parts[place + 1].kernel_size == (3, 3) for place in doubling)
    assert [type(part) for part in parts[:3]] == [FromVector, nn.BatchNorm2d, Bottleneck]


def test_mean_and_log_of_sigma_pass_a_leaky_relu():
    augmentation, sentence = LeakyAugmentation(6, 4), torch.randn(3, 6)
    condition, (mean, logvar) = augmentation(sentence, torch.ones(3, 4))
    told = F.leaky_relu(augmentation.describe(sentence), 0.2)
    torch.testing.assert_close(mean, told[:, :4])
    torch.testing.assert_close(condition, told[:, :4] + told[:, 4:].exp())
    torch.testing.assert_close((logvar / 2).exp(), told[:, 4:].exp())


@pytest.mark.parametrize(("image_size", "channels", "grid"), [(16, 3, 4), (64, 3, 4), (28, 1, 7)])
def test_shapes_at_every_size(image_size, channels, grid):
    text, generator = Text(torch.randn(3, 6)), Generator(image_size, 6, 4, 5, 7, channels)
    sample = generator(torch.randn(3, 12), text)
    assert sample.images[-1].shape == (3, channels, image_size, image_size)
    assert [part.shape for part in sample.condition] == [(3, 7), (3, 7)]
    critic = Critic(image_size, 6, 4, channels=channels)
    features = critic.features(sample.images)
    assert features[-1].shape[2:] == (grid, grid)
    assert [score.logits.shape for score in critic.score(features, text)] == [(3,)]


def test_the_critic_looks_at_each_example_by_itself():
    critic = Critic(16, 6, 4)
    assert not any(mixes_examples(part) for part in critic.modules())
    images, text = torch.randn(3, 3, 16, 16), Text(torch.randn(3, 6))
    together = critic.score(critic.features((images,)), text)[0].logits
    alone = critic.score(critic.features((images[1:2],)), Text(text.sentence[1:2]))[0].logits
    torch.testing.assert_close(alone, together[1:2])

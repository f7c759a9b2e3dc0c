"""The DCGAN-like port: Reed's idea on DCGAN's trunks."""

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Text
from t2i_utils.models import dcgan_cls, vanilla_gan
from t2i_utils.models.blocks import Bottleneck


@pytest.mark.parametrize(
    ("image_size", "channels", "grid"), [(16, 3, 4), (32, 3, 4), (64, 3, 4), (128, 3, 4), (28, 1, 7), (48, 3, 6)]
)
def test_shapes_at_every_size(image_size, channels, grid):
    text = Text(torch.randn(3, 6))
    images = dcgan_cls.Generator(image_size, 6, 4, noise_dim=5, channels=channels)(torch.randn(3, 5), text).images
    assert [image.shape for image in images] == [(3, channels, image_size, image_size)]
    discriminator = dcgan_cls.Discriminator(image_size, 6, 4, channels=channels)
    features = discriminator.features(images)
    assert features[-1].shape[2:] == (grid, grid)
    assert [score.logits.shape for score in discriminator.score(features, text)] == [(3,)]


def test_both_players_normalise_the_sentence_and_none_has_a_bottleneck():
    for network in (dcgan_cls.Generator(64, 6, 4), dcgan_cls.Discriminator(64, 6, 4)):
        assert [type(part) for part in network.project] == [nn.Linear, nn.BatchNorm1d, nn.LeakyReLU]
        assert not any(isinstance(part, Bottleneck) for part in network.modules())


def test_trunks_are_those_of_the_vanilla_gan():
    port, plain = dcgan_cls.Discriminator(32, 6, 4), vanilla_gan.Discriminator(32, 4)
    assert str(port.see) == str(plain.see)
    port, plain = dcgan_cls.Generator(32, 6, 4, noise_dim=5), vanilla_gan.Generator(32, 4, noise_dim=5)
    assert str(port.paint[1:]) == str(plain.paint[1:])


def test_the_sentence_joins_just_before_the_last_convolution():
    torch.manual_seed(0)
    discriminator = dcgan_cls.Discriminator(16, 6, 4).eval()
    features = discriminator.features((torch.randn(2, 3, 16, 16),))
    sentence = torch.randn(2, 6)
    score = discriminator.score(features, Text(sentence))[0]
    # a linear head: the picture's part and the sentence's part add up
    weight = discriminator.judge.weight[0]
    picture = (features[-1] * weight[:8]).sum(dim=(1, 2, 3))
    words = (discriminator.project(sentence) * weight[8:].sum(dim=(1, 2))).sum(dim=1)
    torch.testing.assert_close(score.logits, picture + words)
    assert score.sees_text

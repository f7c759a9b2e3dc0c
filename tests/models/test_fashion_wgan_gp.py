"""The report's networks for Fashion-MNIST: counts, the cropped rim, and where dropout stands."""

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Text
from t2i_utils.models.fashion_wgan_gp import Critic, Generator, up_to

NOBODY = Text(torch.zeros(3, 0))


def test_the_reports_counts():
    assert sum(p.numel() for p in Generator().parameters()) == 902_082
    assert sum(p.numel() for p in Critic().parameters()) == 4_305_409


@pytest.mark.parametrize(("image_size", "up", "down"), [(28, 32, 32), (32, 32, 32), (16, 16, 16), (40, 40, 48)])
def test_sizes_that_doublings_and_halvings_reach(image_size, up, down):
    assert (up_to(image_size, 3), up_to(image_size, 4)) == (up, down)
    images = Generator(image_size, 4, 5)(torch.randn(3, 5), NOBODY).images
    assert images[-1].shape == (3, 1, image_size, image_size)
    critic = Critic(image_size, 4)
    assert critic.features(images)[-1].shape == (3, 32, down // 16, down // 16)
    assert [score.logits.shape for score in critic.score(critic.features(images), NOBODY)] == [(3,)]


def test_the_picture_is_the_middle_of_what_is_painted():
    generator = Generator(28, 4, 5).eval()
    noise = torch.randn(3, 5)
    picture = generator(noise, NOBODY).images[-1]
    generator.image_size = 32
    assert torch.equal(picture, generator(noise, NOBODY).images[-1][:, :, 2:30, 2:30])


def test_the_rim_is_of_zeros_and_even():
    critic, seen = Critic(28, 4), []
    critic.see[0].register_forward_pre_hook(lambda part, given: seen.append(given[0]))
    critic.features((torch.ones(1, 1, 28, 28),))
    assert seen[0].shape[-1] == 32
    assert seen[0].sum() == seen[0][:, :, 2:30, 2:30].sum() == 28 * 28


def test_dropout_stands_behind_the_second_and_third_convolution_and_before_the_end():
    kinds = [type(part) for part in (*Critic().see, *Critic().judge)]
    block = [nn.Conv2d, nn.LeakyReLU]
    assert kinds == [*block, *block, nn.Dropout, *block, nn.Dropout, *block, nn.Flatten, nn.Dropout, nn.Linear]
    assert [part.p for part in Critic().modules() if isinstance(part, nn.Dropout)] == [0.3, 0.3, 0.2]

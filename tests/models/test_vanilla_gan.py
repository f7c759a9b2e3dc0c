"""The GAN that nobody tells what to paint."""

import pytest
import torch

from t2i_utils.interfaces import Text
from t2i_utils.models.vanilla_gan import Discriminator, Generator


@pytest.mark.parametrize(
    ("image_size", "channels", "grid"), [(16, 3, 4), (32, 3, 4), (64, 3, 4), (128, 3, 4), (28, 1, 7), (48, 3, 6)]
)
def test_shapes_at_every_size(image_size, channels, grid):
    text = Text(torch.zeros(3, 6))
    images = Generator(image_size, 4, noise_dim=5, channels=channels)(torch.randn(3, 5), text).images
    assert [image.shape for image in images] == [(3, channels, image_size, image_size)]
    discriminator = Discriminator(image_size, 4, channels=channels)
    features = discriminator.features(images)
    assert features[-1].shape[2:] == (grid, grid)
    scores = discriminator.score(features, text)
    assert [score.logits.shape for score in scores] == [(3,)]


def test_captions_change_nothing_and_the_score_says_so():
    torch.manual_seed(0)
    generator, discriminator = Generator(16, 4, noise_dim=5).eval(), Discriminator(16, 4).eval()
    noise, text, other = torch.randn(2, 5), Text(torch.randn(2, 6)), Text(torch.randn(2, 6))
    images = generator(noise, text).images
    assert torch.equal(images[-1], generator(noise, other).images[-1])
    assert not torch.equal(images[-1], generator(-noise, text).images[-1])
    features = discriminator.features(images)
    scores, others = discriminator.score(features, text), discriminator.score(features, other)
    assert [score.sees_text for score in scores] == [False]
    assert torch.equal(scores[0].logits, others[0].logits)

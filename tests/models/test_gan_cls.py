"""Reed's networks: what distinguishes them from the port, down to the missing activations."""

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Text
from t2i_utils.models.blocks import Bottleneck, FromVector
from t2i_utils.models.gan_cls import Discriminator, Generator


def kinds(network):
    return [type(part) for part in network]


@pytest.mark.parametrize(
    ("image_size", "channels", "grid"), [(16, 3, 4), (32, 3, 4), (64, 3, 4), (128, 3, 4), (28, 1, 7), (48, 3, 6)]
)
def test_shapes_at_every_size(image_size, channels, grid):
    text = Text(torch.randn(3, 6))
    images = Generator(image_size, 6, 4, noise_dim=5, channels=channels)(torch.randn(3, 5), text).images
    assert [image.shape for image in images] == [(3, channels, image_size, image_size)]
    discriminator = Discriminator(image_size, 6, 4, channels=channels)
    features = discriminator.features(images)
    assert features[-1].shape[2:] == (grid, grid)
    assert [score.logits.shape for score in discriminator.score(features, text)] == [(3,)]


def test_the_generator_has_no_activation_between_normalisation_and_bottleneck():
    assert kinds(Generator(64, 6, 4).paint) == [
        *(FromVector, nn.BatchNorm2d, Bottleneck),  # 4 pixels
        *(nn.ConvTranspose2d, nn.BatchNorm2d, Bottleneck),  # 8
        *(nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU),  # 16
        *(nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU),  # 32
        *(nn.ConvTranspose2d, nn.Tanh),  # 64
    ]


def test_the_discriminator_leaves_out_two_activations():
    assert kinds(Discriminator(64, 6, 4).see) == [
        *(nn.Conv2d, nn.LeakyReLU),  # 32 pixels
        *(nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU),  # 16
        *(nn.Conv2d, nn.BatchNorm2d),  # 8
        *(nn.Conv2d, nn.BatchNorm2d),  # 4
        Bottleneck,
    ]


def test_only_the_discriminator_normalises_its_sentence():
    assert kinds(Generator(64, 6, 4).project) == [nn.Linear, nn.LeakyReLU]
    assert kinds(Discriminator(64, 6, 4).project) == [nn.Linear, nn.BatchNorm1d, nn.LeakyReLU]


def test_noise_and_sentence_have_their_places():
    torch.manual_seed(0)
    generator = Generator(16, 6, 4, noise_dim=5).eval()
    noise, text = torch.randn(2, 5), Text(torch.randn(2, 6))
    picture = generator(noise, text).images[-1]
    assert not torch.equal(generator(-noise, text).images[-1], picture)
    assert not torch.equal(generator(noise, Text(-text.sentence)).images[-1], picture)


def test_features_do_not_see_text_and_scores_do():
    torch.manual_seed(0)
    discriminator = Discriminator(16, 6, 4).eval()
    features = discriminator.features((torch.randn(2, 3, 16, 16),))
    first, other = (discriminator.score(features, Text(torch.randn(2, 6)))[0] for _ in range(2))
    assert first.sees_text
    assert not torch.equal(first.logits, other.logits)
    assert first.logits.min() < first.logits.max()

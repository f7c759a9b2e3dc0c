"""The DCGAN-like port of Reed's networks that most PyTorch code uses (4,756,736 and 2,899,072 parameters at 1024-d).

What it changed: no residual bottlenecks, batch normalisation in the generator's projection of the sentence too, and the
sentence joins the discriminator just before its last convolution. The
trunks are those of the vanilla GAN.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import Sample, Score, Text
from t2i_utils.models import blocks
from t2i_utils.models.vanilla_gan import paint, see


def projection(text_dim: int, projection_dim: int) -> nn.Module:
    """[batch, text_dim] to [batch, projection_dim]."""
    return nn.Sequential(nn.Linear(text_dim, projection_dim), nn.BatchNorm1d(projection_dim), blocks.leaky())


class Generator(nn.Module):
    """Noise and a sentence to a picture.

    Args:
        image_size: pixels, square: 32, 64, 28 or another size that `blocks.smallest_grid` knows.
        text_dim: length of the sentence vector.
        base_channels: channels at half the picture's resolution; the port's 64.
        noise_dim: length of the noise.
        projection_dim: the sentence is projected to so many numbers.
        channels: 3 for colour, 1 for grey.
    """

    def __init__(
        self,
        image_size: int = 64,
        text_dim: int = 1024,
        base_channels: int = 64,
        noise_dim: int = 100,
        projection_dim: int = 128,
        channels: int = 3,
    ):
        super().__init__()
        self.noise_shape, self.text_dim = (noise_dim,), text_dim
        self.image_shape = (channels, image_size, image_size)
        self.project = projection(text_dim, projection_dim)
        self.paint = paint(noise_dim + projection_dim, image_size, base_channels, channels)
        blocks.initialise(self)

    def forward(self, noise: Tensor, text: Text) -> Sample:
        """noise: [batch, noise_dim]; returns [batch, channels, image_size, image_size] in [-1, 1]."""
        start = torch.cat([self.project(text.sentence), noise], dim=1)
        return Sample((self.paint(start),))


class Discriminator(nn.Module):
    """A picture, and at the last moment a sentence, to one logit.

    Args:
        image_size: pixels, square: 32, 64, 28 or another size that `blocks.smallest_grid` knows.
        text_dim: length of the sentence vector.
        base_channels: channels of the first convolution; the port's 64.
        projection_dim: the sentence is projected to so many numbers.
        channels: 3 for colour, 1 for grey.
    """

    def __init__(
        self,
        image_size: int = 64,
        text_dim: int = 1024,
        base_channels: int = 64,
        projection_dim: int = 128,
        channels: int = 3,
    ):
        super().__init__()
        self.see = see(image_size, base_channels, channels)
        self.project = projection(text_dim, projection_dim)
        width, self.grid = blocks.widths(image_size, base_channels)[0], blocks.smallest_grid(image_size)
        self.judge = blocks.ToLogit(width + projection_dim, self.grid)
        blocks.initialise(self)

    def features(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """images: one scale, [batch, channels, image_size, image_size]; returns [batch, width, 4, 4]."""
        return (self.see(images[-1]),)

    def score(self, features: tuple[Tensor, ...], text: Text) -> list[Score]:
        """features: [batch, width, 4, 4]; returns one head, [batch]."""
        joint = torch.cat([features[-1], blocks.tile(self.project(text.sentence), self.grid)], dim=1)
        return [Score(self.judge(joint), sees_text=True)]

"""Radford et al., Unsupervised Representation Learning with DCGANs, ICLR 2016 (arXiv:1511.06434).

What the paper changed: a GAN of convolutions alone, with batch normalisation, that trains. Captions are not looked at:
this is the series' vanilla GAN, and its two trunks are those of the port in `dcgan_cls`.
"""

from __future__ import annotations

from torch import Tensor, nn

from t2i_utils.interfaces import Sample, Score, Text
from t2i_utils.models import blocks


def paint(start_dim: int, image_size: int, base_channels: int) -> nn.Sequential:
    """The generators' trunk: [batch, start_dim] to [batch, 3, image_size, image_size]."""
    channels = blocks.widths(image_size, base_channels)
    layers = [blocks.FromVector(start_dim, channels[0]), nn.BatchNorm2d(channels[0]), nn.ReLU(inplace=True)]
    for wide, narrow in blocks.steps_between(channels):
        layers += [blocks.double(wide, narrow), nn.BatchNorm2d(narrow), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, blocks.double(channels[-1], 3), nn.Tanh())


def see(image_size: int, base_channels: int) -> nn.Sequential:
    """The discriminators' trunk: [batch, 3, image_size, image_size] to [batch, channels, 4, 4]."""
    channels = blocks.widths(image_size, base_channels)[::-1]
    layers = [blocks.halve(3, channels[0]), blocks.leaky()]
    for narrow, wide in blocks.steps_between(channels):
        layers += [blocks.halve(narrow, wide), nn.BatchNorm2d(wide), blocks.leaky()]
    return nn.Sequential(*layers)


class Generator(nn.Module):
    """Noise to a picture; captions are not looked at.

    Args:
        image_size: 32, 64 or 128 pixels.
        base_channels: channels at half the picture's resolution.
        noise_dim: length of the noise.
    """

    def __init__(self, image_size: int = 64, base_channels: int = 64, noise_dim: int = 100):
        super().__init__()
        self.noise_shape = (noise_dim,)
        self.paint = paint(noise_dim, image_size, base_channels)
        blocks.initialise(self)

    def forward(self, noise: Tensor, text: Text) -> Sample:
        """noise: [batch, noise_dim]; returns [batch, 3, image_size, image_size] in [-1, 1]."""
        return Sample((self.paint(noise),))


class Discriminator(nn.Module):
    """A picture to one logit; captions are not looked at, and its score says so.

    Args:
        image_size: 32, 64 or 128 pixels.
        base_channels: channels of the first convolution.
    """

    def __init__(self, image_size: int = 64, base_channels: int = 64):
        super().__init__()
        self.see = see(image_size, base_channels)
        self.judge = blocks.ToLogit(blocks.widths(image_size, base_channels)[0])
        blocks.initialise(self)

    def features(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """images: one scale, [batch, 3, image_size, image_size]; returns [batch, channels, 4, 4]."""
        return (self.see(images[-1]),)

    def score(self, features: tuple[Tensor, ...], text: Text) -> list[Score]:
        """features: [batch, channels, 4, 4]; returns one head, [batch]."""
        return [Score(self.judge(features[-1]), sees_text=False)]

"""Radford et al., Unsupervised Representation Learning with DCGANs, ICLR 2016 (arXiv:1511.06434).

What the paper changed: a GAN of convolutions alone, with batch normalisation, that trains. Captions are not looked at:
this is the series' vanilla GAN, and its two trunks are those of the port in `dcgan_cls`.
"""

from __future__ import annotations

from torch import Tensor, nn

from t2i_utils.interfaces import Sample, Score, Text
from t2i_utils.models import blocks


def paint(start_dim: int, image_size: int, base_channels: int, channels: int = 3) -> nn.Sequential:
    """The generators' trunk: [batch, start_dim] to [batch, channels, image_size, image_size]."""
    widths, start = blocks.widths(image_size, base_channels), blocks.smallest_grid(image_size)
    layers = [blocks.FromVector(start_dim, widths[0], start), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
    for wide, narrow in blocks.steps_between(widths):
        layers += [blocks.double(wide, narrow), nn.BatchNorm2d(narrow), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, blocks.double(widths[-1], channels), nn.Tanh())


def see(image_size: int, base_channels: int, channels: int = 3) -> nn.Sequential:
    """The discriminators' trunk: [batch, channels, image_size, image_size] to [batch, width, 4, 4]; 7 x 7 at 28."""
    widths = blocks.widths(image_size, base_channels)[::-1]
    layers = [blocks.halve(channels, widths[0]), blocks.leaky()]
    for narrow, wide in blocks.steps_between(widths):
        layers += [blocks.halve(narrow, wide), nn.BatchNorm2d(wide), blocks.leaky()]
    return nn.Sequential(*layers)


class Generator(nn.Module):
    """Noise to a picture; captions are not looked at.

    Args:
        image_size: pixels, square: 32, 64, 28 or another size that `blocks.smallest_grid` knows.
        base_channels: channels at half the picture's resolution.
        noise_dim: length of the noise.
        channels: 3 for colour, 1 for grey.
    """

    def __init__(self, image_size: int = 64, base_channels: int = 64, noise_dim: int = 100, channels: int = 3):
        super().__init__()
        self.noise_shape, self.text_dim = (noise_dim,), 0
        self.image_shape = (channels, image_size, image_size)
        self.paint = paint(noise_dim, image_size, base_channels, channels)
        blocks.initialise(self)

    def forward(self, noise: Tensor, text: Text) -> Sample:
        """noise: [batch, noise_dim]; returns [batch, channels, image_size, image_size] in [-1, 1]."""
        return Sample((self.paint(noise),))


class Discriminator(nn.Module):
    """A picture to one logit; captions are not looked at, and its score says so.

    Args:
        image_size: pixels, square: 32, 64, 28 or another size that `blocks.smallest_grid` knows.
        base_channels: channels of the first convolution.
        channels: 3 for colour, 1 for grey.
    """

    def __init__(self, image_size: int = 64, base_channels: int = 64, channels: int = 3):
        super().__init__()
        self.see = see(image_size, base_channels, channels)
        self.judge = blocks.ToLogit(blocks.widths(image_size, base_channels)[0], blocks.smallest_grid(image_size))
        blocks.initialise(self)

    def features(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """images: one scale, [batch, channels, image_size, image_size]; returns [batch, width, 4, 4]."""
        return (self.see(images[-1]),)

    def score(self, features: tuple[Tensor, ...], text: Text) -> list[Score]:
        """features: [batch, width, 4, 4]; returns one head, [batch]."""
        return [Score(self.judge(features[-1]), sees_text=False)]

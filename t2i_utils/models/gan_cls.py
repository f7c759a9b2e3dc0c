"""Reed et al., Generative Adversarial Text to Image Synthesis, ICML 2016 (arXiv:1605.05396).

What the paper changed: the DCGAN is told a sentence. The generator starts from noise beside a projection of the
sentence; the discriminator sees the projection beside its 4 x 4 features of the picture. These are the networks of the
authors' birds and flowers code, residual bottlenecks included (18,905,472 and 4,030,080 parameters at 64 px and 1024-d
sentences). Where we differ: one rule gives 28, 32 and 128 px too, and a discriminator returns logits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import Sample, Score, Text
from t2i_utils.models import blocks


def relu() -> nn.Module:
    """The generator's activation."""
    return nn.ReLU(inplace=True)


class Generator(nn.Module):
    """Noise and a sentence to a picture.

    Args:
        image_size: pixels, square: 32, 64, 28 or another size that `blocks.smallest_grid` knows.
        text_dim: length of the sentence vector.
        base_channels: channels at half the picture's resolution; the paper's 128.
        noise_dim: length of the noise.
        projection_dim: the sentence is projected to so many numbers.
        channels: 3 for colour, 1 for grey.
    """

    def __init__(
        self,
        image_size: int = 64,
        text_dim: int = 1024,
        base_channels: int = 128,
        noise_dim: int = 100,
        projection_dim: int = 128,
        channels: int = 3,
    ):
        super().__init__()
        self.noise_shape, self.text_dim = (noise_dim,), text_dim
        self.image_shape = (channels, image_size, image_size)
        widths = blocks.widths(image_size, base_channels)
        self.project = nn.Sequential(nn.Linear(text_dim, projection_dim), blocks.leaky())
        layers = [
            blocks.FromVector(noise_dim + projection_dim, widths[0], blocks.smallest_grid(image_size)),
            nn.BatchNorm2d(widths[0]),
            blocks.Bottleneck(widths[0], relu),
            blocks.double(widths[0], widths[1]),
            nn.BatchNorm2d(widths[1]),
            blocks.Bottleneck(widths[1], relu),
        ]
        for wide, narrow in blocks.steps_between(widths[1:]):
            layers += [blocks.double(wide, narrow), nn.BatchNorm2d(narrow), relu()]
        self.paint = nn.Sequential(*layers, blocks.double(widths[-1], channels), nn.Tanh())
        blocks.initialise(self)

    def forward(self, noise: Tensor, text: Text) -> Sample:
        """noise: [batch, noise_dim]; returns [batch, channels, image_size, image_size] in [-1, 1], one a caption."""
        start = torch.cat([noise, self.project(text.sentence)], dim=1)
        return Sample((self.paint(start),))


class Discriminator(nn.Module):
    """A picture, and then a sentence, to one logit.

    Args:
        image_size: pixels, square: 32, 64, 28 or another size that `blocks.smallest_grid` knows.
        text_dim: length of the sentence vector.
        base_channels: channels of the first convolution; the paper's 64.
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
        widths, self.grid = blocks.widths(image_size, base_channels), blocks.smallest_grid(image_size)
        steps = blocks.steps_between(widths[::-1])
        layers = [blocks.halve(channels, widths[-1]), blocks.leaky()]
        for index, (narrow, wide) in enumerate(steps):
            # the birds and flowers code leaves out the activation after the last two convolutions
            activation = [blocks.leaky()] if index < len(steps) - 2 else []
            layers += [blocks.halve(narrow, wide), nn.BatchNorm2d(wide), *activation]
        self.see = nn.Sequential(*layers, blocks.Bottleneck(widths[0]))
        self.project = nn.Sequential(
            nn.Linear(text_dim, projection_dim), nn.BatchNorm1d(projection_dim), blocks.leaky()
        )
        self.judge = nn.Sequential(
            nn.Conv2d(widths[0] + projection_dim, widths[0], kernel_size=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            blocks.leaky(),
            blocks.ToLogit(widths[0], self.grid),
        )
        blocks.initialise(self)

    def features(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """images: one scale, [batch, channels, size, size]; returns [batch, 8 x base_channels, 4, 4] at 64 pixels."""
        return (self.see(images[-1]),)

    def score(self, features: tuple[Tensor, ...], text: Text) -> list[Score]:
        """features: [batch, width, 4, 4] of the pictures; returns one head, [batch]."""
        joint = torch.cat([features[-1], blocks.tile(self.project(text.sentence), self.grid)], dim=1)
        return [Score(self.judge(joint), sees_text=True)]

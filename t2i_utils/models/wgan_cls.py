"""Bodnar, Text to Image Synthesis Using Generative Adversarial Networks, 2018 (arXiv:1805.00676): WGAN-CLS's networks.

What it changed: Reed's generator draws its condition from a cloud around the sentence, and has a 3x3 convolution behind
every transposed one; the critic normalises nothing. Where we differ: one rule gives 28, 32 and 128 px, too, and the
cloud's randomness comes in with the noise, so that a seed paints the same picture everywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import Sample, Score, Text
from t2i_utils.models import blocks
from t2i_utils.models.conditioning import ConditioningAugmentation
from t2i_utils.models.wgan import see


class LeakyAugmentation(ConditioningAugmentation):
    """A cloud whose mean and log of sigma pass a leaky ReLU."""

    def cloud(self, sentence: Tensor) -> tuple[Tensor, Tensor]:
        """sentence: [batch, text_dim]; returns (mean, log-variance), each [batch, condition_dim]."""
        mean, log_sigma = nn.functional.leaky_relu(self.describe(sentence), 0.2).chunk(2, dim=1)
        return mean, 2 * log_sigma


def double_and_smooth(fan_in: int, fan_out: int) -> list[nn.Module]:
    """[batch, fan_in, size, size] to [batch, fan_out, size * 2, size * 2], and a 3x3 convolution."""
    return [blocks.double(fan_in, fan_out), nn.Conv2d(fan_out, fan_out, kernel_size=3, padding=1, bias=False)]


class Generator(nn.Module):
    """Noise and a sentence to a picture.

    Args:
        image_size: pixels, square: 32, 64, 28 or another size that `blocks.smallest_grid` knows.
        text_dim: length of the sentence vector.
        base_channels: channels at half the picture's resolution; the paper's 128.
        noise_dim: length of the noise, beside that of the condition.
        condition_dim: length of the condition.
        channels: 3 for colour, 1 for grey.
    """

    def __init__(
        self,
        image_size: int = 64,
        text_dim: int = 1024,
        base_channels: int = 128,
        noise_dim: int = 128,
        condition_dim: int = 128,
        channels: int = 3,
    ):
        super().__init__()
        self.noise_shape = (noise_dim + condition_dim,)  # the condition's own noise comes last
        self.noise_dim, self.text_dim = noise_dim, text_dim
        self.image_shape = (channels, image_size, image_size)
        widths = blocks.widths(image_size, base_channels)
        self.condition = LeakyAugmentation(text_dim, condition_dim)
        layers = [
            blocks.FromVector(noise_dim + condition_dim, widths[0], blocks.smallest_grid(image_size)),
            nn.BatchNorm2d(widths[0]),
            blocks.Bottleneck(widths[0]),
            *double_and_smooth(widths[0], widths[1]),
            nn.BatchNorm2d(widths[1]),
            blocks.Bottleneck(widths[1]),
        ]
        for wide, narrow in blocks.steps_between(widths[1:]):
            layers += [*double_and_smooth(wide, narrow), nn.BatchNorm2d(narrow), nn.ReLU(inplace=True)]
        self.paint = nn.Sequential(*layers, *double_and_smooth(widths[-1], channels), nn.Tanh())
        blocks.initialise(self)

    def forward(self, noise: Tensor, text: Text) -> Sample:
        """noise: [batch, noise_dim + condition_dim]; returns [batch, channels, image_size, image_size] in [-1, 1]."""
        noise, epsilon = noise[:, : self.noise_dim], noise[:, self.noise_dim :]
        condition, cloud = self.condition(text.sentence, epsilon)
        return Sample((self.paint(torch.cat([noise, condition], dim=1)),), condition=cloud)


class PlainBottleneck(nn.Module):
    """Reed's residual block without normalisation: 1x1 to a quarter of the channels, 3x3, 3x3 back.

    Args:
        channels: of input and output.
    """

    def __init__(self, channels: int):
        super().__init__()
        quarter = channels // 4
        self.residual = nn.Sequential(
            nn.Conv2d(channels, quarter, kernel_size=1),
            blocks.leaky(),
            nn.Conv2d(quarter, quarter, kernel_size=3, padding=1),
            blocks.leaky(),
            nn.Conv2d(quarter, channels, kernel_size=3, padding=1),
        )
        self.activation = blocks.leaky()

    def forward(self, features: Tensor) -> Tensor:
        """features: [batch, channels, height, width]; returns the same shape."""
        return self.activation(features + self.residual(features))


class Critic(nn.Module):
    """A picture, and then a sentence, to one number.

    Args:
        image_size: pixels, square; see `blocks.smallest_grid`.
        text_dim: length of the sentence vector.
        base_channels: channels of the first convolution; the paper's 128.
        projection_dim: the sentence is projected to so many numbers.
        channels: of the picture: 3 for colour, 1 for grey.
    """

    def __init__(
        self,
        image_size: int = 64,
        text_dim: int = 1024,
        base_channels: int = 128,
        projection_dim: int = 128,
        channels: int = 3,
    ):
        super().__init__()
        width, self.grid = blocks.widths(image_size, base_channels)[0], blocks.smallest_grid(image_size)
        self.see = nn.Sequential(see(image_size, base_channels, channels), PlainBottleneck(width))
        self.project = nn.Sequential(nn.Linear(text_dim, projection_dim), blocks.leaky())
        self.judge = nn.Sequential(
            nn.Conv2d(width + projection_dim, width, kernel_size=3, padding=1),
            blocks.leaky(),
            nn.Conv2d(width, width, kernel_size=1),
            blocks.leaky(),
            blocks.ToLogit(width, self.grid),
        )
        blocks.initialise(self)

    def features(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """images: one scale, [batch, channels, image_size, image_size]; returns [batch, width, 4, 4]."""
        return (self.see(images[-1]),)

    def score(self, features: tuple[Tensor, ...], text: Text) -> list[Score]:
        """features: [batch, width, 4, 4] of the pictures; returns one head, [batch]."""
        joint = torch.cat([features[-1], blocks.tile(self.project(text.sentence), self.grid)], dim=1)
        return [Score(self.judge(joint), sees_text=True)]

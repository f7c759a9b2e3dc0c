"""Tao et al., DF-GAN: A Simple and Effective Baseline for Text-to-Image Synthesis, CVPR 2022 (arXiv:2008.05865).

What the paper changed: one generator and one discriminator instead of a stack; noise and sentence scale and shift the
channels twice before every convolution (deep fusion) instead of standing beside the noise once; the discriminator has
one head, which sees the pair. No batch normalisation anywhere. These are the networks of the authors' code (9,744,131
and 6,717,766 parameters at 256 px and 256-d sentences). Where we differ: shortcut convolutions that their code
allocates and never runs are left out, one rule gives 16 to 256 px, and the layer that joins picture and sentence keeps
the paper's 64 channels in narrower networks, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from t2i_utils.interfaces import Sample, Score, Text
from t2i_utils.models import blocks


class Affine(nn.Module):
    """Scale and shift each channel by the condition; the identity at the start of training.

    Args:
        condition_dim: length of the condition, noise and sentence in one.
        channels: of the features.
    """

    def __init__(self, condition_dim: int, channels: int):
        super().__init__()
        self.scale, self.shift = (self._two_layers(condition_dim, channels) for _ in range(2))
        nn.init.ones_(self.scale[-1].bias)

    @staticmethod
    def _two_layers(condition_dim: int, channels: int) -> nn.Sequential:
        layers = nn.Sequential(nn.Linear(condition_dim, channels), nn.ReLU(), nn.Linear(channels, channels))
        nn.init.zeros_(layers[-1].weight)
        nn.init.zeros_(layers[-1].bias)
        return layers

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """features: [batch, channels, height, width]; condition: [batch, condition_dim]; the shape of features."""
        scale = rearrange(self.scale(condition), "batch channels -> batch channels 1 1")
        shift = rearrange(self.shift(condition), "batch channels -> batch channels 1 1")
        return torch.addcmul(shift, scale, features)


class Fusion(nn.Module):
    """Affine, leaky ReLU, affine, leaky ReLU: between the two affines the sentence can bend what it cannot scale."""

    def __init__(self, condition_dim: int, channels: int):
        super().__init__()
        self.affines = nn.ModuleList(Affine(condition_dim, channels) for _ in range(2))

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """features: [batch, channels, height, width]; condition: [batch, condition_dim]; the shape of features."""
        for affine in self.affines:
            features = F.leaky_relu_(affine(features, condition), 0.2)
        return features


class UpBlock(nn.Module):
    """Twice the resolution, then two convolutions, each after a fusion, beside a shortcut."""

    def __init__(self, condition_dim: int, wide: int, narrow: int):
        super().__init__()
        self.fuse = nn.ModuleList([Fusion(condition_dim, wide), Fusion(condition_dim, narrow)])
        self.convolve = nn.ModuleList([nn.Conv2d(wide, narrow, 3, padding=1), nn.Conv2d(narrow, narrow, 3, padding=1)])
        self.shortcut = nn.Identity() if wide == narrow else nn.Conv2d(wide, narrow, 1)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """features: [batch, wide, size, size]; returns [batch, narrow, 2 size, 2 size]."""
        residual = F.interpolate(features, scale_factor=2, mode="nearest")
        for fuse, convolve in zip(self.fuse, self.convolve, strict=True):
            residual = convolve(fuse(residual, condition))
        # a 1 x 1 convolution before it costs a quarter of one after it, and comes to the same
        return F.interpolate(self.shortcut(features), scale_factor=2, mode="nearest") + residual


class Generator(nn.Module):
    """Noise and a sentence to a picture.

    Args:
        image_size: pixels, square; see `blocks.smallest_grid`.
        text_dim: length of the sentence vector.
        base_channels: channels at the picture's own resolution; the paper's 32.
        noise_dim: length of the noise.
        channels: of the picture: 3 for colour, 1 for grey.
    """

    def __init__(
        self,
        image_size: int = 256,
        text_dim: int = 256,
        base_channels: int = 32,
        noise_dim: int = 100,
        channels: int = 3,
    ):
        super().__init__()
        self.noise_shape, self.text_dim = (noise_dim,), text_dim
        self.image_shape, self.grid = (channels, image_size, image_size), blocks.smallest_grid(image_size)
        widths = [*blocks.widths(image_size, 2 * base_channels, most=4), base_channels]
        condition_dim = noise_dim + text_dim
        self.start = nn.Linear(noise_dim, widths[0] * self.grid**2)
        self.blocks = nn.ModuleList(UpBlock(condition_dim, *step) for step in blocks.steps_between(widths))
        self.paint = nn.Conv2d(base_channels, channels, 3, padding=1)

    def forward(self, noise: Tensor, text: Text) -> Sample:
        """noise: [batch, noise_dim]; returns one picture a caption, [batch, channels, size, size] in [-1, 1]."""
        return self.paint_with([text] * len(self.blocks), noise)

    def paint_with(self, texts: Sequence[Text], noise: Tensor) -> Sample:
        """The same with a caption of its own for every block, coarse to fine: what does each of them listen to?

        texts: one a block, [batch] captions each; noise: [batch, noise_dim]; returns as `forward`.
        """
        places = "batch (channels height width) -> batch channels height width"
        features = rearrange(self.start(noise), places, height=self.grid, width=self.grid)
        features = features.contiguous(memory_format=torch.channels_last)
        for block, text in zip(self.blocks, texts, strict=True):
            features = block(features, torch.cat([noise, text.sentence], dim=1))
        return Sample((torch.tanh(self.paint(F.leaky_relu(features, 0.2))),))


JOINT = 64  # channels of picture and sentence together: with half of them fewer attributes are learnt in the same time


class DownBlock(nn.Module):
    """Half the resolution; the residual comes in slowly, through one learnt gate that begins at 0."""

    def __init__(self, narrow: int, wide: int):
        super().__init__()
        self.residual = nn.Sequential(
            blocks.halve(narrow, wide),
            blocks.leaky(),
            nn.Conv2d(wide, wide, 3, padding=1, bias=False),
            blocks.leaky(),
        )
        self.shortcut = nn.Identity() if narrow == wide else nn.Conv2d(narrow, wide, 1)
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        """features: [batch, narrow, size, size]; returns [batch, wide, size / 2, size / 2]."""
        # a 1 x 1 convolution after the average costs a quarter of one before it, and comes to the same
        return self.shortcut(F.avg_pool2d(features, 2)) + self.gate * self.residual(features)


class Discriminator(nn.Module):
    """A picture, and then a sentence, to one logit.

    Args:
        image_size: pixels, square; see `blocks.smallest_grid`.
        text_dim: length of the sentence vector.
        base_channels: channels of the first convolution; the paper's 32.
        channels: of the picture: 3 for colour, 1 for grey.
    """

    def __init__(self, image_size: int = 256, text_dim: int = 256, base_channels: int = 32, channels: int = 3):
        super().__init__()
        self.grid = blocks.smallest_grid(image_size)
        widths = [base_channels, *blocks.widths(image_size, 2 * base_channels, most=4)[::-1]]
        # at the picture's resolution base_channels, doubled with every halving up to 8 times as many
        down = [DownBlock(*step) for step in blocks.steps_between(widths)]
        self.see = nn.Sequential(nn.Conv2d(channels, base_channels, 3, padding=1), *down)
        self.judge = nn.Sequential(
            nn.Conv2d(widths[-1] + text_dim, JOINT, 3, padding=1, bias=False),
            blocks.leaky(),
            blocks.ToLogit(JOINT, self.grid),
        )

    def features(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """images: one scale, [batch, channels, size, size]; returns [batch, 8 x base_channels, 4, 4] (64 px)."""
        return (self.see(images[-1]),)

    def score(self, features: tuple[Tensor, ...], text: Text) -> list[Score]:
        """features: [batch, channels, grid, grid] of the pictures; returns one head, [batch]."""
        joint = torch.cat([features[-1], blocks.tile(text.sentence, self.grid)], dim=1)
        return [Score(self.judge(joint), sees_text=True)]

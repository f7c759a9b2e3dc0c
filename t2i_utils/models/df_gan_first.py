"""DF-GAN's generator as its first version had it, for weights that were released then; no system trains it.

It has a block more than today's, at 4 x 4, where nothing is doubled. Of the condition its blocks hear the sentence
alone, through a hidden layer of one width however many channels there are, and a learnt gate lets each residual in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from t2i_utils.models import blocks, df_gan


class FirstBlock(df_gan.UpBlock):
    """A block of 2020: of the condition it hears the sentence, and a learnt gate lets its residual in.

    Args:
        text_dim: length of the sentence vector, with which the condition ends.
        wide, narrow: channels before and after.
        hidden: width of the affines' hidden layers.
        doubles: whether it doubles the resolution first; the one at 4 x 4 does not.
    """

    def __init__(self, text_dim: int, wide: int, narrow: int, hidden: int, doubles: bool):
        super().__init__(text_dim, wide, narrow)
        self.text_dim, self.doubles, self.gate = text_dim, doubles, nn.Parameter(torch.zeros(1))
        for fusion, channels in zip(self.fuse, (wide, narrow), strict=True):
            for affine in fusion.affines:
                affine.scale, affine.shift = (
                    nn.Sequential(nn.Linear(text_dim, hidden), nn.ReLU(), nn.Linear(hidden, channels)) for _ in range(2)
                )

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """features: [batch, wide, size, size]; returns [batch, narrow, 2 size, 2 size], undoubled [..., size, size]."""
        if self.doubles:
            features = F.interpolate(features, scale_factor=2, mode="nearest")
        residual, sentence = features, condition[:, -self.text_dim :]
        for fuse, convolve in zip(self.fuse, self.convolve, strict=True):
            residual = convolve(fuse(residual, sentence))
        return self.shortcut(features) + self.gate * residual


class FirstGenerator(df_gan.Generator):
    """The generator of 2020, to be filled with its weights. Arguments as of `df_gan.Generator`, and

    Args:
        hidden: width of the affines' hidden layers; the authors' 256.

    From: Tao et al., DF-GAN, first version, 2020 (arXiv:2008.05865v1).
    """

    def __init__(self, image_size: int, text_dim: int, base_channels: int, noise_dim: int, channels: int, hidden: int):
        super().__init__(image_size, text_dim, base_channels, noise_dim, channels)
        widths = [*blocks.widths(image_size, 2 * base_channels, most=4), base_channels]
        steps = [(widths[0], widths[0]), *blocks.steps_between(widths)]
        self.blocks = nn.ModuleList(FirstBlock(text_dim, *step, hidden, place > 0) for place, step in enumerate(steps))

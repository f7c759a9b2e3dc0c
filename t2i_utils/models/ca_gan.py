"""The sentence-embedding GAN with conditioning augmentation (14,978,880 and 3,192,961 parameters at 64 px, 384-d).

What it changed: sentences of a Sentence-BERT in place of the char-CNN-RNN's, StackGAN's conditioning augmentation in
both players, and a 3x3 convolution at the picture's full size. Nothing has a bias but the conditioning and the
discriminator's last Linear. Where we differ: one rule gives 28, 32 and 128 px, too; the cloud's randomness comes in
with the noise, so that a seed paints the same picture everywhere; and a discriminator that does not learn looks at the
middle of the cloud.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import Sample, Score, Text
from t2i_utils.models import blocks
from t2i_utils.models.conditioning import ConditioningAugmentation


class Generator(nn.Module):
    """Noise and a sentence to a picture.

    Args:
        image_size: pixels, square: 32, 64, 128, 28 or another size whose double `blocks.smallest_grid` knows.
        text_dim: length of the sentence vector.
        base_channels: channels at the picture's full size; the report's 64.
        noise_dim: length of the noise, beside that of the condition.
        condition_dim: length of the condition.
        channels: 3 for colour, 1 for grey.
    """

    def __init__(
        self,
        image_size: int = 64,
        text_dim: int = 384,
        base_channels: int = 64,
        noise_dim: int = 100,
        condition_dim: int = 128,
        channels: int = 3,
    ):
        super().__init__()
        self.noise_shape = (noise_dim + condition_dim,)  # the condition's own noise comes last
        self.noise_dim, self.text_dim = noise_dim, text_dim
        self.image_shape = (channels, image_size, image_size)
        widths = blocks.widths(2 * image_size, base_channels, most=16)
        self.condition = ConditioningAugmentation(text_dim, condition_dim)
        start = noise_dim + condition_dim
        layers = [blocks.FromVector(start, widths[0], blocks.smallest_grid(image_size)), nn.ReLU(inplace=True)]
        for wide, narrow in blocks.steps_between(widths):
            layers += [blocks.double(wide, narrow), nn.BatchNorm2d(narrow), nn.ReLU(inplace=True)]
        last = nn.Conv2d(widths[-1], channels, kernel_size=3, padding=1, bias=False)
        self.paint = nn.Sequential(*layers, last, nn.Tanh())
        blocks.initialise(self)

    def forward(self, noise: Tensor, text: Text) -> Sample:
        """noise: [batch, noise_dim + condition_dim]; returns [batch, channels, image_size, image_size] in [-1, 1]."""
        noise, epsilon = noise[:, : self.noise_dim], noise[:, self.noise_dim :]
        condition, cloud = self.condition(text.sentence, epsilon)
        return Sample((self.paint(torch.cat([noise, condition], dim=1)),), condition=cloud)


class Discriminator(nn.Module):
    """A picture, and then a sentence, to one logit.

    Args:
        image_size: pixels, square: 32, 64, 28 or another size that `blocks.smallest_grid` knows.
        text_dim: length of the sentence vector.
        base_channels: channels of the first convolution; the report's 64.
        condition_dim: length of the condition.
        dropout: share of the features that are left out before the last Linear.
        channels: 3 for colour, 1 for grey.
    """

    def __init__(
        self,
        image_size: int = 64,
        text_dim: int = 384,
        base_channels: int = 64,
        condition_dim: int = 128,
        dropout: float = 0.5,
        channels: int = 3,
    ):
        super().__init__()
        widths, self.grid = blocks.widths(image_size, base_channels)[::-1], blocks.smallest_grid(image_size)
        layers = []
        for narrow, wide in blocks.steps_between([channels, *widths]):
            layers += [blocks.halve(narrow, wide), nn.BatchNorm2d(wide), blocks.leaky()]
        self.see = nn.Sequential(*layers)
        self.condition = ConditioningAugmentation(text_dim, condition_dim)
        self.judge = nn.Sequential(
            nn.Conv2d(widths[-1] + condition_dim, widths[-1], kernel_size=1, bias=False),
            nn.BatchNorm2d(widths[-1]),
            blocks.leaky(),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(widths[-1] * self.grid**2, 1),
        )
        blocks.initialise(self)

    def features(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """images: one scale, [batch, channels, size, size]; returns [batch, 8 x base_channels, 4, 4] at 64 pixels."""
        return (self.see(images[-1]),)

    def score(self, features: tuple[Tensor, ...], text: Text) -> list[Score]:
        """features: [batch, width, 4, 4] of the pictures; returns one head, [batch]."""
        shape = (len(text), self.condition.describe.out_features // 2)
        epsilon = torch.randn(shape, device=text.sentence.device) if self.training else None
        condition, _ = self.condition(text.sentence, epsilon)
        joint = torch.cat([features[-1], blocks.tile(condition, self.grid)], dim=1)
        return [Score(self.judge(joint).squeeze(1), sees_text=True)]

"""Critics for Wasserstein GANs: the DCGAN's and Reed's discriminators without what a gradient penalty cannot bear.

What the papers changed: the discriminator becomes a critic, a function of slope one whose difference between real and
painted pictures is a distance. The slope of one example must not depend on others, so nothing is normalised over the
batch: convolutions have biases instead. The generators are those of `vanilla_gan.py` and `gan_cls.py`.

From: Arjovsky et al., 2017 (arXiv:1701.07875); Gulrajani et al., 2017 (arXiv:1704.00028).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import Score, Text
from t2i_utils.models import blocks


def see(image_size: int, base_channels: int, channels: int = 3) -> nn.Sequential:
    """The critics' trunk: [batch, channels, image_size, image_size] to [batch, width, 4, 4]; 7 x 7 at 28."""
    widths = [channels, *blocks.widths(image_size, base_channels)[::-1]]
    layers = []
    for narrow, wide in blocks.steps_between(widths):
        layers += [nn.Conv2d(narrow, wide, kernel_size=4, stride=2, padding=1), blocks.leaky()]
    return nn.Sequential(*layers)


class Critic(nn.Module):
    """A picture to one number; captions are not looked at, and its score says so.

    Args:
        image_size: pixels, square; see `blocks.smallest_grid`.
        base_channels: channels of the first convolution.
        channels: of the picture: 3 for colour, 1 for grey.
    """

    def __init__(self, image_size: int = 64, base_channels: int = 64, channels: int = 3):
        super().__init__()
        self.see = see(image_size, base_channels, channels)
        self.judge = blocks.ToLogit(blocks.widths(image_size, base_channels)[0], blocks.smallest_grid(image_size))

    def features(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """images: one scale, [batch, channels, image_size, image_size]; returns [batch, width, 4, 4]."""
        return (self.see(images[-1]),)

    def score(self, features: tuple[Tensor, ...], text: Text) -> list[Score]:
        """features: [batch, width, 4, 4]; returns one head, [batch]."""
        return [Score(self.judge(features[-1]), sees_text=False)]


class TextCritic(nn.Module):
    """A picture, and then a sentence, to one number.

    Args:
        image_size: pixels, square; see `blocks.smallest_grid`.
        text_dim: length of the sentence vector.
        base_channels: channels of the first convolution.
        projection_dim: the sentence is projected to so many numbers.
        channels: of the picture: 3 for colour, 1 for grey.
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
        width, self.grid = blocks.widths(image_size, base_channels)[0], blocks.smallest_grid(image_size)
        self.see = see(image_size, base_channels, channels)
        self.project = nn.Sequential(nn.Linear(text_dim, projection_dim), blocks.leaky())
        self.judge = nn.Sequential(
            nn.Conv2d(width + projection_dim, width, kernel_size=1), blocks.leaky(), blocks.ToLogit(width, self.grid)
        )

    def features(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """images: one scale, [batch, channels, image_size, image_size]; returns [batch, width, 4, 4]."""
        return (self.see(images[-1]),)

    def score(self, features: tuple[Tensor, ...], text: Text) -> list[Score]:
        """features: [batch, width, 4, 4] of the pictures; returns one head, [batch]."""
        joint = torch.cat([features[-1], blocks.tile(self.project(text.sentence), self.grid)], dim=1)
        return [Score(self.judge(joint), sees_text=True)]

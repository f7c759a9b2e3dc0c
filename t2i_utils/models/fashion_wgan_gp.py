"""The networks of a report's WGAN-GP on Fashion-MNIST (902,082 and 4,305,409 parameters at 28 px, grey).

They follow a well-known example of Keras: the generator doubles by repeating pixels and smooths with 3x3 convolutions
up to 32 pixels, of which the middle 28 are the picture; the critic looks at a picture with a rim of zeros through 5x5
convolutions, with dropout. Where we differ: other sizes and colour follow by the same rule.
"""

from __future__ import annotations

from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from t2i_utils.interfaces import Sample, Score, Text
from t2i_utils.models import blocks

DOUBLINGS, HALVINGS = 3, 4


def up_to(image_size: int, doublings: int) -> int:
    """The smallest size, at least a picture's, that comes of so many doublings."""
    return -(-image_size // 2**doublings) * 2**doublings


class Generator(nn.Module):
    """Noise to a picture; captions are not looked at.

    Args:
        image_size: pixels, square.
        base_channels: channels at half the full size; the report's 64.
        noise_dim: length of the noise.
        channels: 3 for colour, 1 for grey.
    """

    def __init__(self, image_size: int = 28, base_channels: int = 64, noise_dim: int = 128, channels: int = 1):
        super().__init__()
        self.noise_shape, self.text_dim = (noise_dim,), 0
        self.image_shape = (channels, image_size, image_size)
        self.image_size, self.grid = image_size, up_to(image_size, DOUBLINGS) // 2**DOUBLINGS
        widths = [4 * base_channels, 2 * base_channels, base_channels]
        places = widths[0] * self.grid**2
        self.begin = nn.Sequential(nn.Linear(noise_dim, places, bias=False), nn.BatchNorm1d(places), blocks.leaky())
        layers = []
        for wide, narrow in blocks.steps_between([*widths, channels]):
            layers += [
                nn.Upsample(scale_factor=2),
                nn.Conv2d(wide, narrow, kernel_size=3, padding=1, bias=False),
                nn.BatchNorm2d(narrow),
                blocks.leaky(),
            ]
        self.paint = nn.Sequential(*layers[:-1], nn.Tanh())

    def forward(self, noise: Tensor, text: Text) -> Sample:
        """noise: [batch, noise_dim]; returns [batch, channels, image_size, image_size] in [-1, 1]."""
        places = "batch (channels height width) -> batch channels height width"
        images = self.paint(rearrange(self.begin(noise), places, height=self.grid, width=self.grid))
        edge = (images.shape[-1] - self.image_size) // 2
        return Sample((images[:, :, edge : edge + self.image_size, edge : edge + self.image_size],))


class Critic(nn.Module):
    """A picture to one number; captions are not looked at, and its score says so.

    Args:
        image_size: pixels, square.
        base_channels: channels of the first convolution; the report's 64.
        channels: 3 for colour, 1 for grey.
    """

    def __init__(self, image_size: int = 28, base_channels: int = 64, channels: int = 1):
        super().__init__()
        size = up_to(image_size, HALVINGS)
        before = (size - image_size) // 2
        self.rim = (before, size - image_size - before) * 2
        widths = [channels, *(base_channels * 2**step for step in range(HALVINGS))]
        layers = []
        for step, (narrow, wide) in enumerate(blocks.steps_between(widths)):
            layers += [nn.Conv2d(narrow, wide, kernel_size=5, stride=2, padding=2), blocks.leaky()]
            layers += [nn.Dropout(0.3)] if step in (1, 2) else []
        self.see = nn.Sequential(*layers)
        self.judge = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(widths[-1] * (size // 2**HALVINGS) ** 2, 1))

    def features(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """images: one scale, [batch, channels, image_size, image_size]; returns [batch, 8 x base_channels, 2, 2]."""
        return (self.see(F.pad(images[-1], self.rim)),)

    def score(self, features: tuple[Tensor, ...], text: Text) -> list[Score]:
        """features: [batch, width, 2, 2] at 28 pixels; returns one head, [batch]."""
        return [Score(self.judge(features[-1]).squeeze(1), sees_text=False)]

"""Pieces that several papers share."""

from __future__ import annotations

from itertools import pairwise

from einops import rearrange, repeat
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d)
LARGEST = 256  # pixels


def leaky() -> nn.Module:
    """Leaky ReLU with the slope 0.2 of every paper here."""
    return nn.LeakyReLU(0.2, inplace=True)


def halve(fan_in: int, fan_out: int) -> nn.Module:
    """[batch, fan_in, size, size] to [batch, fan_out, size / 2, size / 2]; no bias, as batch normalisation follows."""
    return nn.Conv2d(fan_in, fan_out, kernel_size=4, stride=2, padding=1, bias=False)


def double(fan_in: int, fan_out: int) -> nn.Module:
    """[batch, fan_in, size, size] to [batch, fan_out, size * 2, size * 2] by a transposed convolution without bias."""
    return nn.ConvTranspose2d(fan_in, fan_out, kernel_size=4, stride=2, padding=1, bias=False)


class FromVector(nn.ConvTranspose2d):
    """A vector to 4 x 4 places: the transposed convolution of the papers, computed as the matrix product that it is.

    On a CPU the convolution itself took an eighth of a whole training step at 32 pixels.

    Args:
        fan_in: length of the vector.
        fan_out: channels of each place.
        size: places a side; `smallest_grid` of a picture's size.
    """

    def __init__(self, fan_in: int, fan_out: int, size: int = 4):
        super().__init__(fan_in, fan_out, kernel_size=size, bias=False)

    def forward(self, vector: Tensor) -> Tensor:
        """vector: [batch, fan_in]; returns [batch, fan_out, size, size]."""
        size = self.kernel_size[0]
        weight = rearrange(self.weight, "before after height width -> before (height width after)")
        # channels last in memory, as the convolutions after it want their input
        places = "batch (height width after) -> batch after height width"
        return rearrange(vector @ weight, places, height=size, width=size)


class ToLogit(nn.Conv2d):
    """4 x 4 places to one number a picture: a convolution that fits once, computed as a matrix product.

    Args:
        fan_in: channels of each place.
        size: places a side; `smallest_grid` of a picture's size.
    """

    def __init__(self, fan_in: int, size: int = 4):
        super().__init__(fan_in, 1, kernel_size=size, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """features: [batch, fan_in, size, size]; returns [batch]."""
        return (features.flatten(1) @ self.weight.flatten(1).T).squeeze(1)


class Bottleneck(nn.Module):
    """Residual block of Reed et al.: 1x1 to a quarter of the channels, 3x3, 3x3 back; batch normalisation after each.

    Args:
        channels: of input and output.
        activation: makes the activation between the convolutions and after the sum.
    """

    def __init__(self, channels: int, activation=leaky):
        super().__init__()
        quarter = channels // 4
        self.residual = nn.Sequential(
            nn.Conv2d(channels, quarter, kernel_size=1, bias=False),
            nn.BatchNorm2d(quarter),
            activation(),
            nn.Conv2d(quarter, quarter, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(quarter),
            activation(),
            nn.Conv2d(quarter, channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.activation = activation()

    def forward(self, features: Tensor) -> Tensor:
        """features: [batch, channels, height, width]; returns the same shape."""
        return self.activation(features + self.residual(features))


def tile(vector: Tensor, size: int) -> Tensor:
    """Repeat a vector ([batch, channels]) over a grid: [batch, channels, size, size]."""
    return repeat(vector, "batch channels -> batch channels height width", height=size, width=size)


def smallest_grid(image_size: int) -> int:
    """Places a side where a generator begins and a discriminator ends: 4 to 7, doubled until they are the picture.

    Powers of two come from 4, 28 pixels (Fashion-MNIST) from 7 and 48 from 6.

    Raises:
        ValueError: for a size below 16 or above 256, and for one that no doubling reaches.
    """
    reached = {start * 2**doublings: start for start in (4, 5, 6, 7) for doublings in range(2, 7)}
    sizes = [size for size in sorted(reached) if size <= LARGEST]
    if image_size not in sizes:
        raise ValueError(f"image_size is {image_size}; these networks paint {', '.join(map(str, sizes))} pixels")
    return reached[image_size]


def widths(image_size: int, base_channels: int, most: int = 8) -> list[int]:
    """Channels at 4, 8, 16 ... image_size / 2 pixels: they halve as resolution doubles, at most `most` x base_channels.

    At 64 pixels with a base of 64 that is the usual [512, 256, 128, 64]; 32 and 128 pixels follow by the same rule, and
    28 too, which has 7 and 14 for 4 and 8.

    Raises:
        ValueError: as `smallest_grid`.
    """
    sizes = [smallest_grid(image_size)]
    while sizes[-1] < image_size // 2:
        sizes.append(sizes[-1] * 2)
    return [base_channels * min(most, image_size // (2 * size)) for size in sizes]


def steps_between(channels: list[int]) -> list[tuple[int, int]]:
    """[a, b, c] as [(a, b), (b, c)]: the layers that lead from one width to the next."""
    return list(pairwise(channels))


def initialise(module: nn.Module) -> None:
    """Weights as DCGAN and Reed et al. draw them: convolutions N(0, 0.02), batch normalisation's gain N(1, 0.02).

    Linear layers keep PyTorch's default, as they do in the authors' code.

    From: Radford et al., Unsupervised Representation Learning with DCGANs, 2016, section 4 (arXiv:1511.06434).
    """
    for part in module.modules():
        if isinstance(part, CONVOLUTIONS):
            nn.init.normal_(part.weight, 0.0, 0.02)
        elif isinstance(part, NORMALISATIONS):
            nn.init.normal_(part.weight, 1.0, 0.02)
            nn.init.zeros_(part.bias)

"""How pictures are brought to the 299 pixels of an Inception network: every rule that papers' numbers were made with.

The rules give different pixels, and so different FIDs of the same pictures. Each is a value with a name, to be printed
beside the number; the network's range is part of the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

SIDE = 299  # pixels, of every Inception v3


@dataclass(frozen=True)
class Resize:
    """A rule.

    Attributes:
        name: filter, antialiasing and range, for a protocol.
        rule: float32 [n, 3, size, size] in 0..255 to float32 [n, 3, 299, 299] in the network's range.
    """

    name: str
    rule: Callable[[Tensor], Tensor]

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 [n, 1 or 3, size, size] to float32 [n, 3, 299, 299] in the network's range; grey is told to all three.

        Raises:
            ValueError: as `check_pictures`.
        """
        check_pictures(images)
        return self.rule(images.expand(-1, 3, -1, -1).float())


def check_pictures(images: Tensor) -> None:
    """Raise a ValueError for anything but uint8 [n, 1 or 3, size, size] of one picture or more."""
    if images.dtype != torch.uint8:
        raise ValueError(
            f"pictures are {images.dtype}, and this looks at uint8 of 0..255; from [-1, 1]: "
            "(images * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)"
        )
    shape = list(images.shape)
    if len(shape) != 4 or shape[1] not in (1, 3):
        raise ValueError(f"pictures are {shape}; give [n, 3, size, size], or [n, 1, size, size] of grey")
    if 0 in shape:
        raise ValueError(f"pictures are {shape}: there is nothing to see; give one picture or more")
    if shape[2] != shape[3]:
        raise ValueError(f"pictures are {shape[2]} x {shape[3]} pixels; cut squares out of them, or pad them")


def tf1_bilinear(images: Tensor) -> Tensor:
    r"""TensorFlow 1's bilinear resize, without antialiasing, then (x - 128) / 128.

    Output pixel i lies at input place $i\, s / 299$: both pictures' first pixels coincide (today's rules let the
    pictures' edges coincide), and what lies beyond the last pixel is that pixel.

    Args:
        images: float32 [n, channels, size, size] in 0..255.

    Returns:
        [n, channels, 299, 299] in [-1, 1).

    From: Heusel et al., GANs Trained by a Two Time-Scale Update Rule, 2017 (arXiv:1706.08500), whose code left the
    resize to TensorFlow 1 with align_corners=False.
    """
    return (_tf1_along(_tf1_along(images, -1), -2) - 128) / 128


def _tf1_along(images: Tensor, dim: int) -> Tensor:
    """The resize of one axis: -1 for columns, -2 for rows."""
    length = images.shape[dim]
    scale = torch.tensor(length / SIDE)  # float32, as TensorFlow's: a longer one falls to the other side of a pixel
    place = torch.arange(SIDE, dtype=torch.float32, device=images.device) * scale
    before = place.long()
    after = (before + 1).clamp(max=length - 1)
    share = (place - before).reshape(-1, *[1] * (-dim - 1))
    start = images.index_select(dim, before)
    return start + (images.index_select(dim, after) - start) * share


def torch_bilinear(images: Tensor) -> Tensor:
    """torch's bilinear resize, without antialiasing, of pictures in 0..1, then 2 x - 1: pytorch-fid's.

    float32 [n, channels, size, size] in 0..255 to [n, channels, 299, 299] in [-1, 1].
    """
    return 2 * unit_bilinear(images) - 1


def pil_bicubic(images: Tensor) -> Tensor:
    """PIL's bicubic resize with antialiasing, of each channel in float, cut to 0..255, then (x - 128) / 128.

    Computed by torch, whose antialiased bicubic has PIL's coefficients, where the pictures are: PIL's own pixels differ
    by less than 0.005 of 255.

    float32 [n, channels, size, size] in 0..255 to [n, channels, 299, 299] in [-1, 1).

    From: Parmar et al., On Aliased Resizing and Surprising Subtleties in GAN Evaluation, 2022 (arXiv:2104.11222).
    """
    resized = F.interpolate(images, size=(SIDE, SIDE), mode="bicubic", align_corners=False, antialias=True)
    return (resized.clamp(0, 255) - 128) / 128


def unit_bilinear(images: Tensor) -> Tensor:
    """torch's bilinear resize, without antialiasing, of pictures in 0..1: before torchvision's Inception.

    The code of DF-GAN and GALIP, as torchvision's Resize was when they were published (today's antialiases unless told
    otherwise). DM-GAN's resizes files with PIL, in bytes: from the 256 pixels that all three paint, up to rounding the
    same.

    float32 [n, channels, size, size] in 0..255 to [n, channels, 299, 299] in [0, 1].
    """
    return F.interpolate(images / 255, size=(SIDE, SIDE), mode="bilinear", align_corners=False)


TF1_BILINEAR = Resize("TF1 bilinear to 299 px, no antialias, (x - 128) / 128", tf1_bilinear)
TORCH_BILINEAR = Resize("torch bilinear to 299 px, no antialias, 2 x / 255 - 1", torch_bilinear)
PIL_BICUBIC = Resize("PIL bicubic to 299 px, antialias, (x - 128) / 128", pil_bicubic)
UNIT_BILINEAR = Resize("torch bilinear to 299 px, no antialias, x / 255", unit_bilinear)

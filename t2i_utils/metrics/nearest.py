"""Is a painted picture a copy of one that the generator was shown?"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def small_pixels(images: Tensor, size: int = 16) -> Tensor:
    """Features that need no network: the picture shrunk by averaging.

    images: uint8 [n, channels, side, side]; returns [n, channels x size x size] float32 in [0, 1]. Distances are then
    root sums over 16 x 16 pixels: small shifts and textures hardly count, composition and colours do.
    """
    return F.adaptive_avg_pool2d(images.float() / 255, size).flatten(1)


def nearest(features: Tensor, others: Tensor, batch_size: int = 256) -> tuple[Tensor, Tensor]:
    """For each row the closest of the others.

    Args:
        features: [n, dim] of painted pictures.
        others: [m, dim] of training pictures.
        batch_size: rows at a time.

    Returns:
        distances [n] (Euclidean) and indices [n] into `others`.
    """
    indices = torch.cat([torch.cdist(part, others).argmin(dim=1) for part in features.split(batch_size)])
    # cdist of many rows multiplies matrices and gives a copy a distance above 0, so it only finds
    return (features - others[indices]).norm(dim=1), indices

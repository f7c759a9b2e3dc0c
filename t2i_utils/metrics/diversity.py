"""Does one caption give many pictures, or one picture many times?"""

from __future__ import annotations

import torch
from torch import Tensor


def spread(features: Tensor) -> Tensor:
    r"""How far apart pictures of one caption lie.

    $$ \frac{1}{n (n - 1)} \sum_{i \ne j} \lVert f_i - f_j \rVert_2 $$

    Args:
        features: [captions, n, dim], n pictures of every caption, n at least 2.

    Returns:
        [captions] mean distances; 0 where all n pictures are the same.

    Raises:
        ValueError: for fewer than 2 pictures a caption.
    """
    if features.ndim != 3 or features.shape[1] < 2:
        raise ValueError(f"features are {list(features.shape)}; give [captions, pictures, dim] with 2 pictures or more")
    count = features.shape[1]
    distances = torch.cdist(features.double(), features.double(), compute_mode="donot_use_mm_for_euclid_dist")
    return distances.sum(dim=(1, 2)) / (count * (count - 1))


def relative_spread(painted: Tensor, real: Tensor) -> Tensor:
    """The spread of painted pictures over that of real ones of the same captions: 1 is as diverse as real, 0 collapsed.

    painted: [captions, n, dim]; real: [captions, m, dim]; returns [captions].

    Raises:
        ValueError: where the real pictures of a caption are all the same: nothing can be said relative to them.
    """
    reference = spread(real)
    if (reference == 0).any():
        raise ValueError(f"{int((reference == 0).sum())} captions have real pictures that are all alike; give others")
    return spread(painted) / reference

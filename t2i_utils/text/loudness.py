"""How loud a caption is beside the noise, and the mark of what made its vector."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

# Beside noise of 1. Louder captions drown the noise: no two are alike, so a generator can satisfy its critic without
# ever using noise, and one caption gives one picture. Softer ones (unit length is 0.09 at 128 numbers) are heard late.
LOUDNESS = 0.3


def loud(vectors: Tensor) -> Tensor:
    """The same directions, [n, text_dim], at the root mean square LOUDNESS; cosines do not change."""
    return F.normalize(vectors, dim=-1) * LOUDNESS * vectors.shape[-1] ** 0.5


def weights_fingerprint(weights: Mapping[str, Tensor]) -> str:
    """sha256 over the loudness and every weight with its name: other vectors, other fingerprint."""
    digest = hashlib.sha256(str(LOUDNESS).encode())
    for name, tensor in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()

"""What a network sees in pictures, and how it looks: in float32, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Seen:
    """What a network sees in pictures.

    Attributes:
        features: [n, dim] float32, on the CPU.
        probabilities: [n, classes] float32, on the CPU, rows of sum 1; None where the network names no classes.
    """

    features: Tensor
    probabilities: Tensor | None


class Extractor(Protocol):
    """A network that looks at pictures, the same way every time.

    Attributes:
        name: stands in a score's name, e.g. "FID (reader)".
        fingerprint: sha256 of its weights, in hexadecimal digits.
        resize: how pictures are brought to its size, for a protocol.
        dim: length of the features.
    """

    name: str
    fingerprint: str
    resize: str
    dim: int

    def see(self, images: Tensor) -> Seen:
        """What it sees in pictures, uint8 [n, 3 or 1, size, size], however many; grey is told to all three colours.

        Raises:
            ValueError: for pictures that it cannot look at.
        """
        ...


def see_in_batches(
    images: Tensor, batch_size: int, device: torch.device, look: Callable[[Tensor], tuple[Tensor, Tensor | None]]
) -> Seen:
    """Look at pictures a batch at a time, and gather on the CPU what was seen.

    Args:
        images: uint8 [n, channels, size, size], n at least 1.
        batch_size: pictures that are on the device at once.
        device: where they are looked at.
        look: such pictures to features [n, dim] and probabilities [n, classes] or None.
    """
    features, probabilities = [], []
    with in_float32(device):
        for part in images.split(batch_size):
            seen, named = look(part.to(device))
            features.append(seen.float().cpu())
            if named is not None:
                probabilities.append(named.float().cpu())
    return Seen(torch.cat(features), torch.cat(probabilities) if probabilities else None)


@contextmanager
def in_float32(device: torch.device) -> Iterator[None]:
    """No gradients, no autocast, and no TF32, in which newer GPUs convolve unless they are told not to."""
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.set_float32_matmul_precision(products)

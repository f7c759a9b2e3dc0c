"""Convolutions of halves on a CPU as a GPU computes them: products of halves, sums in float32, the result rounded.

Torch's own convolution of float16 on a CPU without instructions for it is ten times slower than that of float32, and
sums in an order of its own; what fp16 does to a training on a GPU, this shows better and sooner.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

CONVOLUTIONS = (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default)


class WideSums(TorchDispatchMode):
    """While it lasts, convolutions of float16 on the CPU sum in float32, in passes of any order.

    A product of two halves is exact in float32; a sum beyond 65,504 becomes infinite when it is rounded, as on a GPU.

    From: Micikevicius et al., Mixed Precision Training, 2018, section 3.3 (arXiv:1710.03740), on tensor cores.
    """

    def __torch_dispatch__(self, function, types, args=(), kwargs=None) -> Any:
        """Compute one operation."""
        kwargs = kwargs or {}
        if function not in CONVOLUTIONS or not _of_halves(args[0]):
            return function(*args, **kwargs)
        found = function(*tree_map_only(torch.Tensor, torch.Tensor.float, args), **kwargs)
        return tree_map_only(torch.Tensor, torch.Tensor.half, found)


def sums_of_a_gpu(half: torch.dtype | None, device: torch.device) -> AbstractContextManager:
    """`WideSums` where a training in `half` on `device` would convolve float16 on a CPU; elsewhere nothing."""
    return WideSums() if half is torch.float16 and device.type == "cpu" else nullcontext()


def _of_halves(tensor: torch.Tensor) -> bool:
    return tensor.dtype == torch.float16 and tensor.device.type == "cpu"

"""The generator that paints is an average of the generators that trained."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average(nn.Module):
    r"""Exponential moving average of a module, buffers included.

    $$ \bar\theta \leftarrow d \bar\theta + (1 - d) \theta, \quad d = \min(\text{decay}, (1 + n) / (10 + n)) $$

    after n updates: without the second bound a short run would paint with its initial weights. Kept in float32.

    Args:
        module: whose average this is; it is copied, not held.
        decay: of one update; 0.999 remembers about a thousand steps.

    From: Yazici et al., The Unusual Effectiveness of Averaging in GAN Training, 2019 (arXiv:1806.04498).
    """

    def __init__(self, module: nn.Module, decay: float = 0.999):
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; an average needs 0 <= decay < 1")
        self.decay = decay
        self.module = copy.deepcopy(module).requires_grad_(False).eval()
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.count = 0  # the same number on the host: reading the buffer would wait for a GPU in every step

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move towards `module`, whose weights are now one step further."""
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        ours, theirs = tensors(self.module), tensors(module)
        moving = [index for index, tensor in enumerate(ours) if tensor.is_floating_point()]
        torch._foreach_lerp_([ours[i] for i in moving], [theirs[i] for i in moving], 1 - decay)
        for mine, its in zip(ours, theirs, strict=True):
            if not mine.is_floating_point():
                mine.copy_(its)
        self.updates += 1
        self.count += 1

    def load_state_dict(self, state_dict, strict: bool = True, assign: bool = False):
        """As in torch, and the count of updates with it."""
        result = super().load_state_dict(state_dict, strict=strict, assign=assign)
        self.count = int(self.updates)
        return result


def tensors(module: nn.Module) -> list[torch.Tensor]:
    """Parameters and buffers in a fixed order."""
    return [*module.parameters(), *module.buffers()]

"""The generator that paints is an average of the generators that trained."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import Text


class Average(nn.Module):
    r"""Exponential moving average of a module, buffers included.

    $$ \bar\theta \leftarrow d \bar\theta + (1 - d) \theta, \quad d = \min(\text{decay}, (1 + n) / (10 + n)) $$

    after n updates: without the second bound a short run would paint with its initial weights. Kept in float32. Buffers
    of a module that says so (`copies_buffers`) are copied: what is no quantity has no average.

    Args:
        module: whose average this is; it is copied, not held.
        decay: of one update; 0.999 remembers about a thousand steps.
        standing: the statistics of its batch normalisation come from `settle` alone, not from the module's.

    From: Yazici et al., The Unusual Effectiveness of Averaging in GAN Training, 2019 (arXiv:1806.04498).
    """

    def __init__(self, module: nn.Module, decay: float = 0.999, standing: bool = False):
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; an average needs 0 <= decay < 1")
        self.decay, self.standing = decay, standing
        self.module = copy.deepcopy(module).requires_grad_(False).eval()
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.count = 0  # the same number on the host: reading the buffer would wait for a GPU in every step

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move towards `module`, whose weights are now one step further."""
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        copied, own = copies(self.module), statistics(self.module) if self.standing else set()
        pairs = [pair for pair in zip(tensors(self.module), tensors(module), strict=True) if id(pair[0]) not in own]
        moving = [pair for pair in pairs if pair[0].is_floating_point() and id(pair[0]) not in copied]
        torch._foreach_lerp_([mine for mine, _ in moving], [its for _, its in moving], 1 - decay)
        for mine, its in pairs:
            if not mine.is_floating_point() or id(mine) in copied:
                mine.copy_(its)
        self.updates += 1
        self.count += 1

    @torch.no_grad()
    def settle(self, noise: Tensor, text: Text, momentum: float) -> None:
        """Show the averaged generator what it paints, so that its batch normalisation knows its own features.

        noise: [batch, *noise_shape], text: captions of [batch]; momentum: the weight of this look, 0 to 1.
        """
        parts = normalisations(self.module)
        for part in parts:
            part.momentum = momentum
            part.train()
        self.module(noise, text)
        for part in parts:
            part.eval()

    def load_state_dict(self, state_dict, strict: bool = True, assign: bool = False):
        """As in torch, and the count of updates with it."""
        result = super().load_state_dict(state_dict, strict=strict, assign=assign)
        self.count = int(self.updates)
        return result


def normalisations(module: nn.Module) -> list[nn.Module]:
    """The parts of a module that keep running statistics of batches."""
    return [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]


def statistics(module: nn.Module) -> set[int]:
    """The ids of the running statistics of a module's batch normalisation."""
    return {id(buffer) for part in normalisations(module) for buffer in part.buffers(recurse=False)}


def copies(module: nn.Module) -> set[int]:
    """The ids of the buffers of those parts of a module that say `copies_buffers`."""
    parts = [part for part in module.modules() if getattr(part, "copies_buffers", False)]
    return {id(buffer) for part in parts for buffer in part.buffers(recurse=False)}


def tensors(module: nn.Module) -> list[torch.Tensor]:
    """Parameters and buffers in a fixed order."""
    return [*module.parameters(), *module.buffers()]

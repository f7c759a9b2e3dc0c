"""Weights as values: the best of a training so far, and what lies between two states of one network."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Best(nn.Module):
    """The weights of the epoch with the best score so far; part of the training's state, so that it is never lost."""

    def __init__(self, network: nn.Module):
        super().__init__()
        for name, part in network.state_dict().items():
            self.register_buffer(name.replace(".", "/"), part.detach().clone())
        self.register_buffer("score", torch.tensor(-torch.inf))
        self.register_buffer("epoch", torch.tensor(0))

    def offer(self, network: nn.Module, epoch: int, score: float) -> None:
        """Keep these weights if they are better than all before."""
        if score <= self.score:
            return
        for name, part in network.state_dict().items():
            getattr(self, name.replace(".", "/")).copy_(part)
        self.score.fill_(score)
        self.epoch.fill_(epoch)

    def weights(self) -> dict[str, Tensor]:
        """As of the network's `state_dict`."""
        kept = {name.replace("/", "."): part for name, part in self.named_buffers() if name not in ("score", "epoch")}
        return {name: part.clone() for name, part in kept.items()}


def between(original: Mapping[str, Tensor], tuned: Mapping[str, Tensor], weight: float) -> dict[str, Tensor]:
    """Every tensor `weight` of the way from one state of a network to another, of its shape; counters are the second's.

    From: Wortsman et al., Robust fine-tuning of zero-shot models, 2022, equation 1 (arXiv:2109.01903).
    """
    return {
        name: torch.lerp(part, tuned[name].to(part.device), weight) if part.is_floating_point() else tuned[name]
        for name, part in original.items()
    }

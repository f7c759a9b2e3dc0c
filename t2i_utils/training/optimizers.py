"""Optimisers as values: a recipe names one before there is a module to optimise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Adam:
    """Adam, waiting for its module.

    Attributes:
        rate: the learning rate.
        betas: both floats; GANs use (0.5, 0.999) or (0.0, 0.9).
        weight_decay: decoupled (AdamW) where it is not 0; gains and biases (fewer than two axes) never decay.
        factors: (beginning of a name, factor): parameters whose name begins so learn at so many times the rate.

    From: Kingma and Ba, 2015 (arXiv:1412.6980); Loshchilov and Hutter, 2019 (arXiv:1711.05101).
    """

    rate: float
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    factors: tuple[tuple[str, float], ...] = ()

    def __call__(self, module: nn.Module) -> torch.optim.Optimizer:
        """The optimiser of what learns in `module`."""
        found: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                factor = next((factor for begun, factor in self.factors if name.startswith(begun)), 1.0)
                decay = self.weight_decay if parameter.ndim >= 2 else 0.0
                found.setdefault((self.rate * factor, decay), []).append(parameter)
        groups = [{"params": learn, "lr": rate, "weight_decay": decay} for (rate, decay), learn in found.items()]
        kind = torch.optim.AdamW if self.weight_decay else torch.optim.Adam
        return kind(groups, lr=self.rate, betas=self.betas, fused=True)


@dataclass(frozen=True)
class RMSProp:
    """RMSProp, waiting for its module: no momentum, which WGAN's authors found to destabilise a clipped critic.

    Attributes:
        rate: the learning rate.
        decay: of the mean square of gradients.

    From: Tieleman and Hinton, lecture 6.5 of Neural Networks for Machine Learning, 2012.
    """

    rate: float
    decay: float = 0.99

    def __call__(self, module: nn.Module) -> torch.optim.Optimizer:
        """The optimiser of what learns in `module`."""
        learns = [parameter for parameter in module.parameters() if parameter.requires_grad]
        return torch.optim.RMSprop(learns, lr=self.rate, alpha=self.decay)


@dataclass(frozen=True)
class SGD:
    """Plain gradient descent, waiting for its module.

    Attributes:
        rate: the learning rate.
        momentum: of the step.
    """

    rate: float
    momentum: float = 0.0

    def __call__(self, module: nn.Module) -> torch.optim.Optimizer:
        """The optimiser of what learns in `module`."""
        learns = [parameter for parameter in module.parameters() if parameter.requires_grad]
        return torch.optim.SGD(learns, lr=self.rate, momentum=self.momentum)


def falling(factor: float, every: int) -> Callable[[int], float]:
    """Multiply the rate by `factor` every so many steps (WGAN-CLS: 0.95, 10,000)."""
    if every < 1 or not 0 < factor <= 1:
        raise ValueError(
            f"the rate cannot fall by {factor} every {every} steps; use a factor up to 1 and 1 step or more"
        )
    return lambda step: factor ** (step // every)


def fading(steps: int, last: float = 0.0) -> Callable[[int], float]:
    """Bring the rate down in a straight line, from its all at the first step to `last` of it at step `steps`."""
    if steps < 1 or not 0 <= last < 1:
        raise ValueError(f"the rate cannot fall to {last} of itself in {steps} steps; use 0 to 1, and 1 step or more")
    return lambda step: 1 - (1 - last) * min(1.0, step / steps)


def halving(every: int) -> Callable[[int], float] | None:
    """Halve the rate every so many steps (Reed et al.: 100 epochs); 0 keeps it constant."""
    if every < 0:
        raise ValueError(f"the rate cannot halve every {every} steps; use 0 for a constant rate")
    return falling(0.5, every) if every else None

"""Batch normalisation taken out of a network, and what may stand in its place."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from t2i_utils.models.blocks import NORMALISATIONS


def replace_normalisations(network: nn.Module, make: Callable[[nn.Module], nn.Module]) -> int:
    """Put `make(layer)` in the place of each batch normalisation of a network, in place; returns how many."""
    found = [(name, part) for name, part in network.named_modules() if isinstance(part, NORMALISATIONS)]
    for name, part in found:
        above, _, last = name.rpartition(".")
        setattr(network.get_submodule(above), last, make(part))
    return len(found)


def layer_norm(layer: nn.Module) -> nn.Module:
    """Layer normalisation for a batch normalisation's channels: each example's own mean and variance, over all of it.

    From: Ba et al., Layer Normalization, 2016 (arXiv:1607.06450); WGAN-GP's authors recommend it to critics.
    """
    if isinstance(layer, nn.BatchNorm1d):
        return nn.LayerNorm(layer.num_features)
    return nn.GroupNorm(1, layer.num_features)  # one group: over channels and places


class VirtualBatchNorm(nn.Module):
    r"""Normalise each example by a reference batch that never changes, and by itself.

    $$ \mu_i = \frac{m(x_i) + R\, m(r)}{R + 1}, \quad \overline{x^2}_i \text{ alike},
       \quad y_i = \gamma \frac{x_i - \mu_i}{\sqrt{\overline{x^2}_i - \mu_i^2 + \epsilon}} + \beta $$

    m is a mean by channel, r are the R reference examples, which come first in the batch and are normalised by
    themselves. What is made of one example no longer depends on who else is in its batch. Computed in float32.

    Args:
        layer: the batch normalisation whose gain and shift are taken over.
        reference: R.

    From: Salimans et al., Improved Techniques for Training GANs, 2016, section 3.5 (arXiv:1606.03498).
    """

    def __init__(self, layer: nn.Module, reference: int):
        super().__init__()
        self.reference, self.eps = reference, layer.eps
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, features: Tensor) -> Tensor:
        """features: [reference + batch, channels, ...]; returns the same shape."""
        with torch.autocast(features.device.type, enabled=False):
            whole, places = features.float(), tuple(range(2, features.ndim))
            variance, mean = torch.var_mean(whole, places, correction=0) if places else (whole.new_zeros(()), whole)
            moments = torch.stack([mean, variance + mean.square()])
            known = moments[:, : self.reference].mean(dim=1, keepdim=True)
            share = 1 / (self.reference + 1)
            own = share * moments[:, self.reference :] + (1 - share) * known
            mean, square = torch.cat([known.expand(-1, self.reference, -1), own], dim=1)
            scale = self.weight * (square - mean.square() + self.eps).rsqrt()
            shift = self.bias - mean * scale
            # one product and one sum, in the memory order of the features
            scale, shift = (part[(...,) + (None,) * len(places)] for part in (scale, shift))
            return torch.addcmul(shift, scale, whole).to(features.dtype)

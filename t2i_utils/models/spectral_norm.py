"""Miyato et al., Spectral Normalization for Generative Adversarial Networks, ICLR 2018 (arXiv:1802.05957).

What it changed: every layer's weight is divided by its largest singular value, so that no layer, and with slopes of at
most one between them no network, stretches anything by more than one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize


class SpectralNorm(nn.Module):
    r"""Divide a weight by its largest singular value, which a step of power iteration a pass keeps in sight.

    $$ W / \sigma(W), \quad \sigma(W) \approx u^\top W v, \quad v \leftarrow W^\top u / \lVert W^\top u \rVert,
       \quad u \leftarrow W v / \lVert W v \rVert $$

    u and v are learnt from without a gradient, and only while training. Computed in float32.

    Args:
        weight: whose singular values these are, two axes or more.
        first: the axis of the layer's outputs; the others are its inputs.

    From: Miyato et al., 2018, algorithm 1 (arXiv:1802.05957).
    """

    copies_buffers = True  # an average of directions would be no direction

    def __init__(self, weight: Tensor, first: int = 0):
        super().__init__()
        self.first = first
        rows, columns = self.matrix(weight).shape
        self.register_buffer("u", F.normalize(torch.randn(rows), dim=0))
        self.register_buffer("v", F.normalize(torch.randn(columns), dim=0))
        self.look(weight, 15)

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight as a matrix, [outputs, everything else], in float32."""
        return weight.float().transpose(0, self.first).flatten(1)

    @torch.no_grad()
    def look(self, weight: Tensor, times: int) -> None:
        """Turn u and v towards the directions that a weight, [outputs, ...], stretches most."""
        with torch.autocast(weight.device.type, enabled=False):
            matrix = self.matrix(weight)
            for _ in range(times):
                self.v.copy_(F.normalize(matrix.T @ self.u, dim=0))
                self.u.copy_(F.normalize(matrix @ self.v, dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        """weight: as it learns; returns it with the largest singular value 1."""
        if self.training:
            self.look(weight, 1)
        with torch.autocast(weight.device.type, enabled=False):
            # copies: the next pass turns u and v before this one is differentiated
            return weight / (self.u.clone() @ self.matrix(weight) @ self.v.clone())


def normalise_spectra(network: nn.Module) -> int:
    """Divide every convolution's and Linear's weight by its largest singular value, in place; returns how many.

    A weight that begins as nothing but zeros is left as it is: it stretches nothing, and could never begin to.
    """
    layers = [part for part in network.modules() if isinstance(part, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    layers = [layer for layer in layers if layer.weight.any()]
    for layer in layers:
        outputs = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
        parametrize.register_parametrization(layer, "weight", SpectralNorm(layer.weight, outputs))
    return len(layers)

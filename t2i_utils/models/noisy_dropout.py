"""Dropout as a generator's second noise: at work when it paints, too, and still a function of the seed."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import Sample, Text

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


class ChannelDropout(nn.Module):
    """A convolution, of whose channels some are left out for each picture, as `mask` says: [batch, channels]."""

    def __init__(self, convolution: nn.Module):
        super().__init__()
        self.convolution, self.mask = convolution, None

    def forward(self, features: Tensor) -> Tensor:
        """features: [batch, fan_in, ...]; returns [batch, channels, height, width]."""
        made = self.convolution(features)
        return made * self.mask[:, :, None, None].to(made.dtype)


class DropoutGenerator(nn.Module):
    r"""A generator with dropout that never ends: in training and when it paints.

    Which channels are left out is read off standard normal numbers that come with the noise,
    $m = [\epsilon > \Phi^{-1}(p)] / (1 - p)$, so that a seed paints the same picture everywhere, whatever is painted
    beside it. (The paper draws a mask a place; a channel is left out whole here, as in convolutional dropout.)

    Args:
        generator: whose first convolutions are changed, in place.
        probability: p, that a channel is left out.
        layers: so many convolutions, from the first on; the last one, which makes the picture, is never among them.

    Raises:
        ValueError: for a probability outside 0 to 1, or a generator with no convolution but the last.

    From: Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017, section 3.2
    (arXiv:1611.07004).
    """

    def __init__(self, generator: nn.Module, probability: float = 0.5, layers: int = 3):
        super().__init__()
        if not 0 < probability < 1:
            raise ValueError(f"channels cannot be left out with probability {probability}; use more than 0, below 1")
        if layers < 1:
            raise ValueError(f"dropout in {layers} layers is none; use 1 or more")
        convolutions = [(name, part) for name, part in generator.named_modules() if isinstance(part, CONVOLUTIONS)]
        if len(convolutions) < 2:
            raise ValueError("this generator has no convolution but the one that makes the picture")
        changed = convolutions[: min(layers, len(convolutions) - 1)]
        for name, part in changed:
            above, _, last = name.rpartition(".")
            setattr(generator.get_submodule(above), last, ChannelDropout(part))
        self.generator, self.probability = generator, probability
        self.names, self.widths = [name for name, _ in changed], [part.out_channels for _, part in changed]
        self.noise_shape = (generator.noise_shape[0] + sum(self.widths),)  # the masks' numbers come last
        self.text_dim, self.image_shape = generator.text_dim, generator.image_shape

    def forward(self, noise: Tensor, text: Text) -> Sample:
        """noise: [batch, *noise_shape]; returns pictures of [batch], as the generator within."""
        noise, *numbers = noise.split([noise.shape[1] - sum(self.widths), *self.widths], dim=1)
        bound = math.sqrt(2) * torch.erfinv(torch.tensor(2 * self.probability - 1)).item()
        for name, drawn in zip(self.names, numbers, strict=True):
            self.generator.get_submodule(name).mask = (drawn > bound) / (1 - self.probability)
        return self.generator(noise, text)

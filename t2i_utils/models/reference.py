"""A generator that looks at the same reference batch whenever it paints, for virtual batch normalisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import Sample, Text
from t2i_utils.models.normalisation import VirtualBatchNorm, replace_normalisations


class ReferenceGenerator(nn.Module):
    """A generator with virtual batch normalisation; its reference are fixed noises and the first captions it trains on.

    It paints the reference along with every batch, which costs as much as that many pictures more.

    Args:
        generator: with batch normalisation, which is replaced in place.
        count: reference examples.
        seed: of their noise.

    Raises:
        ValueError: for fewer than 2 examples, or a generator without batch normalisation.
    """

    copies_buffers = True  # an average of captions would be nobody's

    def __init__(self, generator: nn.Module, count: int = 32, seed: int = 0):
        super().__init__()
        if count < 2:
            raise ValueError(f"a reference batch of {count} has no statistics; use 2 or more")
        if not replace_normalisations(generator, lambda layer: VirtualBatchNorm(layer, count)):
            raise ValueError("this generator has no batch normalisation that virtual batch normalisation could replace")
        self.count, self.seed = count, seed
        self.register_buffer("sentence", torch.zeros(count, generator.text_dim))
        self.register_buffer("known", torch.zeros((), dtype=torch.bool))
        self.hold(generator)

    def hold(self, generator: nn.Module) -> None:
        """Paint with this generator from now on: the one within, with something around it that wants other noise."""
        self.generator = generator
        self.noise_shape, self.text_dim = generator.noise_shape, generator.text_dim
        self.image_shape = generator.image_shape
        rng = torch.Generator().manual_seed(self.seed)
        self.register_buffer("noise", torch.randn(self.count, *self.noise_shape, generator=rng, device="cpu"))

    def forward(self, noise: Tensor, text: Text) -> Sample:
        """noise: [batch, *noise_shape]; returns pictures of [batch], as the generator within."""
        if self.training and not self.known:  # a step that is skipped takes back what it remembered, this too
            self.remember(text)
        sentence = torch.cat([self.sentence, text.sentence]) if self.text_dim else text.sentence
        painted = self.generator(torch.cat([self.noise, noise]), Text(sentence))
        images = tuple(image[self.count :] for image in painted.images)
        condition = painted.condition and tuple(part[self.count :] for part in painted.condition)
        return Sample(images, condition)

    @torch.no_grad()
    def remember(self, text: Text) -> None:
        """Take the reference's captions from the first batch, again and again if it is smaller."""
        if self.text_dim:
            self.sentence.copy_(text.sentence[torch.arange(self.count, device=text.sentence.device) % len(text)])
        self.known.fill_(True)

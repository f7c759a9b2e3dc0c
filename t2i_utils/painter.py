"""Captions and a seed to pictures: the one thing that metrics, widgets and web pages receive."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import Text, TextEncoder, draw_noise


class Painter:
    """Paints what captions say.

    Args:
        encoder: captions to vectors; the very encoder that the generator was trained with.
        generator: noise and vectors to pictures; put into evaluation mode, so give an average, not one that trains.
        name: of the run or the weights, for captions of figures.
    """

    def __init__(self, encoder: TextEncoder, generator: nn.Module, name: str = ""):
        self.encoder, self.generator, self.name = encoder, generator.eval(), name

    @property
    def device(self) -> torch.device:
        """Where the generator is."""
        return next(self.generator.parameters()).device

    def ignored(self, captions: Sequence[str]) -> list[str]:
        """The words of [n] captions that its encoder never saw; none where every word means something to it."""
        return self.encoder.ignored(captions) if hasattr(self.encoder, "ignored") else []

    def paint(self, captions: Sequence[str], seed: int = 0) -> Tensor:
        """One picture a caption.

        The same captions with the same seed give the same pictures, and what stands later in the list changes nothing:
        picture i has the i-th noise of the seed.

        Args:
            captions: [n] sentences.
            seed: of the noise, 0 or more.

        Returns:
            uint8 [n, channels, size, size] on the CPU.

        Raises:
            ValueError: for a caption that the encoder refuses, or a negative seed.
        """
        if not 0 <= seed < 2**63:
            raise ValueError(f"seed is {seed}; use 0 or more, below 2**63")
        text = self.encoder.encode(captions)
        noise = draw_noise(self.generator.noise_shape, len(text), torch.Generator().manual_seed(seed))
        return self.paint_vectors(text, noise)

    @torch.no_grad()
    def paint_vectors(self, text: Text, noise: Tensor, batch_size: int = 128) -> Tensor:
        """The same from vectors, for interpolations and cached captions.

        Args:
            text: [n] captions' vectors, sentence [n, text_dim].
            noise: [n, *noise_shape].
            batch_size: pictures at a time.

        Returns:
            uint8 [n, channels, size, size] on the CPU.
        """
        pictures = []
        for start in range(0, len(text), batch_size):
            part = text.take(torch.arange(start, min(start + batch_size, len(text)))).to(self.device)
            images = self.generator(noise[start : start + batch_size].to(self.device), part).images[-1]
            pictures.append(((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu())
        return torch.cat(pictures).contiguous()

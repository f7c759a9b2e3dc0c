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
        dataset: the name of the data set that it learnt from; "" where nobody recorded it.
    """

    def __init__(self, encoder: TextEncoder, generator: nn.Module, name: str = "", dataset: str = ""):
        self.encoder, self.generator, self.name, self.dataset = encoder, generator.eval(), name, dataset

    @property
    def device(self) -> torch.device:
        """Where the generator is."""
        return next(self.generator.parameters()).device

    def ignored(self, captions: Sequence[str]) -> list[str]:
        """The words of [n] captions that its encoder never saw; none where every word means something to it."""
        return self.encoder.ignored(captions) if hasattr(self.encoder, "ignored") else []

    def paint(self, captions: Sequence[str], seed: int = 0, truncation: float | None = None) -> Tensor:
        """One picture a caption.

        The same captions with the same seed give the same pictures, and what stands later in the list changes nothing:
        picture i has the i-th noise of the seed.

        Args:
            captions: [n] sentences.
            seed: of the noise, 0 or more.
            truncation: where the noise is cut, see `truncate`; None leaves it whole.

        Returns:
            uint8 [n, channels, size, size] on the CPU.

        Raises:
            ValueError: for a caption that the encoder refuses, a negative seed, or a truncation not above 0.
        """
        if not 0 <= seed < 2**63:
            raise ValueError(f"seed is {seed}; use 0 or more, below 2**63")
        text = self.encoder.encode(captions)
        noise = draw_noise(self.generator.noise_shape, len(text), torch.Generator().manual_seed(seed))
        return self.paint_vectors(text, noise if truncation is None else truncate(noise, truncation))

    @torch.no_grad()
    def paint_vectors(self, text: Text, noise: Tensor, batch_size: int = 128) -> Tensor:
        """The same from vectors, for interpolations and cached captions.

        Args:
            text: [n] captions' vectors, sentence [n, text_dim].
            noise: [n, *noise_shape].
            batch_size: pictures at a time.

        Returns:
            uint8 [n, channels, size, size] on the CPU.

        Raises:
            ValueError: for a generator that paints NaN or infinity, of which bytes would make black or nonsense.
        """
        pictures = []
        for start in range(0, len(text), batch_size):
            part = text.take(torch.arange(start, min(start + batch_size, len(text)))).to(self.device)
            images = self.generator(noise[start : start + batch_size].to(self.device), part).images[-1]
            if bad := int((~torch.isfinite(images)).flatten(1).any(dim=1).sum()):
                raise ValueError(
                    f"{bad} of {len(images)} pictures by {self.name or 'this painter'} hold NaN or infinity: its "
                    "training diverged, or a caption's vector or a noise does; use an earlier checkpoint"
                )
            pictures.append(((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu())
        return torch.cat(pictures).contiguous()


def truncate(noise: Tensor, cut: float) -> Tensor:
    r"""Standard normal noise drawn in towards the middle of its distribution: surer pictures, less different ones.

    $$ z \mapsto \Phi^{-1}\big(\Phi(-c) + \Phi(z)\, (\Phi(c) - \Phi(-c))\big) $$

    is distributed as a normal from which everything beyond c was drawn again, but each number moves only a little with
    c: the same seed keeps its picture. (A `dropout_generator`'s numbers are among them: it leaves out fewer channels or
    more, too.)

    Args:
        noise: of any shape.
        cut: c, above 0.

    Returns:
        The same shape, within -c to c.

    Raises:
        ValueError: for a cut that is not above 0.

    From: Brock et al., Large Scale GAN Training, 2019, section 3.1 (arXiv:1809.11096).
    """
    if not cut > 0:
        raise ValueError(f"truncation is {cut}; noise can be cut at a number above 0, e.g. 2, or not at all (None)")
    low, high = (torch.special.ndtr(torch.tensor(side, dtype=torch.float64)) for side in (-cut, cut))
    return torch.special.ndtri(low + torch.special.ndtr(noise.double()) * (high - low)).to(noise.dtype).clamp(-cut, cut)

"""A number beside every checkpoint: how near painted pairs of val captions are to real ones."""

from __future__ import annotations

import torch
from torch import nn

from t2i_utils.data.loader import Loader
from t2i_utils.data.split import read_contents
from t2i_utils.interfaces import Batch, draw_noise, step_rng
from t2i_utils.metrics.nearest import small_pixels
from t2i_utils.metrics.pairs import pair_distance

SEED = 11  # of the batch and its noise


class ValScore:
    """Minus `pair_distance` on a fixed batch of val pictures and their captions, so that more is better.

    With split="trainval" these classes are trained on, too: it tells better states of one run from worse ones, and
    nothing about captions that nobody has seen.

    Args:
        loader: of the run: its file, vectors, size and device.
        most: pictures.

    Attributes:
        batch: None where the file has no two val pictures or no vectors; the score is then None, too.
    """

    def __init__(self, loader: Loader, most: int = 128):
        self.batch: Batch | None = None
        try:
            count = min(most, len(read_contents(loader.path, "val").rows))
        except ValueError:  # no such classes in this file
            return
        if count < 2 or not loader.text_dim:
            return
        size, device = loader.image_size, loader.device
        self.batch = Loader(
            loader.path, loader.encoder, count, SEED, "val", size, mirror=False, memory_limit=0, device=device
        ).batch(0)

    @torch.no_grad()
    def __call__(self, generator: nn.Module) -> float | None:
        """The score of a generator, best of an average in evaluation mode."""
        if self.batch is None:
            return None
        noise = draw_noise(generator.noise_shape, len(self.batch), step_rng(SEED, 0)).to(self.batch.images.device)
        painted = generator(noise, self.batch.text).images[-1]
        real, painted = (small_pixels(127.5 * (images + 1)) for images in (self.batch.images, painted))
        return -pair_distance(real, painted, self.batch.text.sentence)

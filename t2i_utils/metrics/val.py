"""Numbers beside every checkpoint, of val captions: how near painted pairs are to real ones, and what text does."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from t2i_utils.data.loader import Loader
from t2i_utils.data.split import read_contents
from t2i_utils.interfaces import Batch, Text, draw_noise, step_rng
from t2i_utils.metrics.nearest import small_pixels
from t2i_utils.metrics.pairs import pair_distance
from t2i_utils.metrics.sensitivity import text_sensitivity

SEED = 11  # of the batch and its noise
SIDE = 8  # captions, and noises of each, for the sensitivity


class ValMeasures:
    """What a generator makes of a fixed batch of val captions: a score, more is better, and its sensitivity to text.

    The score is minus `pair_distance`. With split="trainval" these classes are trained on, too: it tells better states
    of one run from worse ones, and nothing about captions that nobody has seen.

    Args:
        loader: of the run: its file, vectors, size and device.
        most: pictures.

    Attributes:
        batch: None where the file has no two val pictures or no vectors; nothing is measured then.
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

    def __call__(self, generator: nn.Module) -> dict[str, float]:
        """Score and text_sensitivity of a generator, best of an average in evaluation mode; {} without a batch."""
        if self.batch is None:
            return {}
        count = len(self.batch)
        noise = draw_noise(generator.noise_shape, count, step_rng(SEED, 0)).to(self.batch.images.device)
        real = small_pixels(127.5 * (self.batch.images + 1))
        score = -pair_distance(real, self.painted(generator, noise, self.batch.text), self.batch.text.sentence)
        side = min(SIDE, count)
        captions, noises = torch.arange(side).repeat_interleave(side), torch.arange(side).repeat(side)
        every = self.painted(generator, noise[noises], self.batch.text.take(captions))
        return {"score": score, "text_sensitivity": text_sensitivity(every.unflatten(0, (side, side)))}

    @staticmethod
    @torch.no_grad()
    def painted(generator: nn.Module, noise: Tensor, text: Text) -> Tensor:
        """[n, pixels] of small pictures, float32."""
        return small_pixels(127.5 * (generator(noise, text).images[-1] + 1))

"""One round of the game: everything that a loss may look at, each part computed at most once.

Two rules make a step cheap. The discriminator's features of the real pictures are computed once and scored with the
matching *and* with the swapped caption, so a wrong pair costs one head, not one more pass over pictures. The pictures
painted for the discriminator are the ones the generator learns from, so nothing is painted twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.interfaces import Batch, Discriminator, Generator, Sample, Score, Text, draw_noise, step_rng


@dataclass
class Round:
    """What the players see in one step; made by `paint_round`, looked at by losses and terms.

    Attributes:
        generator: the painter of `fake`.
        discriminator: the judge.
        batch: real pictures with their captions and swaps.
        step: batches seen before this one; terms read it, keep no counters.
        rng: draws of this step, a function of (seed, step), on the CPU.
        fake: pictures for the batch's captions, with history where the generator's turn is due.
    """

    generator: Generator
    discriminator: Discriminator
    batch: Batch
    step: int
    rng: torch.Generator
    fake: Sample

    @cached_property
    def real(self) -> tuple[Tensor, ...]:
        """The real pictures at every painted size, coarse to fine, each [batch, channels, size, size]."""
        images = self.batch.images
        sizes = [image.shape[-1] for image in self.fake.images]
        return tuple(images if size == images.shape[-1] else F.adaptive_avg_pool2d(images, size) for size in sizes)

    @cached_property
    def real_features(self) -> tuple[Tensor, ...]:
        """The discriminator's features of the real pictures, once a step, whoever asks first."""
        return self.discriminator.features(self.real)

    @cached_property
    def matching(self) -> list[Score]:
        """Scores of real pictures beside their own captions."""
        return self.score(self.real_features, self.batch.text)

    @cached_property
    def swapped(self) -> list[Score]:
        """Scores of real pictures beside someone else's captions."""
        return self.score(self.real_features, self.batch.text.take(self.batch.swap))

    @cached_property
    def painted(self) -> list[Score]:
        """Scores of painted pictures in the discriminator's turn: no gradient reaches the generator."""
        return self.score(self.discriminator.features(self.fake.detach().images), self.batch.text)

    @cached_property
    def painted_features(self) -> tuple[Tensor, ...]:
        """The discriminator's features of the painted pictures in the generator's turn, with their history."""
        return self.discriminator.features(self.fake.images)

    @cached_property
    def fooling(self) -> list[Score]:
        """Scores of painted pictures in the generator's turn."""
        return self.score(self.painted_features, self.batch.text)

    def score(self, features: tuple[Tensor, ...], text: Text) -> list[Score]:
        """The discriminator's scores, in float32: losses of half-precision logits lose what they are for.

        features: as the discriminator made them for [batch] pictures; text: [batch] captions.
        """
        scores = self.discriminator.score(features, text)
        return [Score(score.logits.float(), score.sees_text) for score in scores]


def mean_scores(round: Round) -> dict[str, Tensor]:
    """The mean logit of each kind of pair that was scored anyway, detached scalars; no network runs for it."""
    kinds = [kind for kind in ("matching", "swapped", "painted") if kind in vars(round)]
    return {f"score/{kind}": getattr(round, kind)[0].logits.detach().mean() for kind in kinds}


Term = Callable[[Round], Tensor]


def paint_round(
    generator: Generator, discriminator: Discriminator, batch: Batch, step: int, seed: int, with_history: bool
) -> Round:
    """Draw the step's noise and paint its pictures, the only ones that either player needs.

    Args:
        generator: paints.
        discriminator: will judge.
        batch: on the device of both.
        step: batches seen before this one.
        seed: of the run.
        with_history: True where the generator learns in this step; without, its graph is not kept.
    """
    rng = step_rng(seed, step)
    noise = draw_noise(generator.noise_shape, len(batch), rng).to(batch.images.device)
    with torch.set_grad_enabled(with_history):
        fake = generator(noise, batch.text)
    return Round(generator, discriminator, batch, step, rng, fake)

"""One round of the game: everything that a loss may look at, each part computed at most once.

Two rules make a step cheap. The discriminator's features of the real pictures are computed once and scored with the
matching *and* with the swapped caption, so a wrong pair costs one head, not one more pass over pictures. The pictures
painted for the discriminator are the ones the generator learns from, so nothing is painted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.interfaces import Batch, Discriminator, Generator, Sample, Score, Text, draw_noise, step_rng
from t2i_utils.objectives.augment import Augment


class Mixer(Protocol):
    """Puts something else in the place of some painted pictures: `Replay`."""

    def mix(self, images: tuple[Tensor, ...], text: Text, rng: torch.Generator) -> tuple[tuple[Tensor, ...], Text]:
        """images: [batch, channels, size, size] each, without history; text: their captions; returns as many."""


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
        watched: real pictures and their sentences collect gradients, because a penalty is due that asks for them. The
            pass that it differentiates then runs in float32 whatever the others do: a graph that was recorded in
            half precision cannot be made float32 afterwards, and a sixth power of a norm of 7 is infinite in fp16.
        augments: each changes every picture before the discriminator sees it.
        replay: earlier painted pictures, some of which the discriminator sees in the place of new ones.
    """

    generator: Generator
    discriminator: Discriminator
    batch: Batch
    step: int
    rng: torch.Generator
    fake: Sample
    watched: bool = False
    augments: Sequence[Augment] = ()
    replay: Mixer | None = None

    @cached_property
    def changes(self) -> list[Callable[[Tensor], Tensor]]:
        """How the step's pictures are changed, real and painted ones alike."""
        return [augment.draw(len(self.batch), self.step, self.rng) for augment in self.augments]

    def changed(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Pictures as the discriminator sees them, [batch or fewer, channels, size, size] each."""
        for change in self.changes:
            images = tuple(change(image) for image in images)
        return images

    def features(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What the discriminator makes of pictures, [batch or fewer, channels, size, size] each, after augmentation."""
        return self.discriminator.features(self.changed(images))

    @cached_property
    def text(self) -> Text:
        """The captions of the real pictures; their sentences collect gradients where the round is watched."""
        text = self.batch.text
        return replace(text, sentence=text.sentence.detach().requires_grad_()) if self.watched else text

    @cached_property
    def real(self) -> tuple[Tensor, ...]:
        """The real pictures at every painted size, coarse to fine, each [batch, channels, size, size]."""
        images = self.batch.images.detach().requires_grad_() if self.watched else self.batch.images
        sizes = [image.shape[-1] for image in self.fake.images]
        return tuple(images if size == images.shape[-1] else F.adaptive_avg_pool2d(images, size) for size in sizes)

    @cached_property
    def real_features(self) -> tuple[Tensor, ...]:
        """The discriminator's features of the real pictures, once a step, whoever asks first."""
        with self.precision():
            return self.features(self.real)

    @cached_property
    def matching(self) -> list[Score]:
        """Scores of real pictures beside their own captions."""
        with self.precision():
            return self.score(self.real_features, self.text)

    @cached_property
    def swapped(self) -> list[Score]:
        """Scores of real pictures beside someone else's captions."""
        return self.score(self.real_features, self.batch.text.take(self.batch.swap))

    @cached_property
    def painted(self) -> list[Score]:
        """Scores of painted pictures in the discriminator's turn: no gradient reaches the generator."""
        images, text = self.shown
        return self.score(self.features(images), text)

    @cached_property
    def shown(self) -> tuple[tuple[Tensor, ...], Text]:
        """Painted pictures, with their captions, that the discriminator learns from; without history."""
        images, text = self.fake.detach().images, self.batch.text
        return (images, text) if self.replay is None else self.replay.mix(images, text, self.rng)

    @cached_property
    def painted_features(self) -> tuple[Tensor, ...]:
        """The discriminator's features of the painted pictures in the generator's turn, with their history."""
        return self.features(self.fake.images)

    @cached_property
    def fooling(self) -> list[Score]:
        """Scores of painted pictures in the generator's turn."""
        return self.score(self.painted_features, self.batch.text)

    def precision(self) -> AbstractContextManager:
        """Float32 for the pass that a penalty differentiates; whatever the trainer chose where none is due."""
        return torch.autocast(self.batch.images.device.type, enabled=False) if self.watched else nullcontext()

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


@runtime_checkable
class Penalty(Protocol):
    """A term that differentiates the discriminator, and may be left out of most steps.

    Attributes:
        every: due at steps divisible by it.
        watches: it asks for gradients with respect to the real pictures and their sentences.
    """

    every: int
    watches: bool

    def __call__(self, round: Round) -> Tensor:
        """The penalty, a scalar in float32."""


@runtime_checkable
class Memory(Protocol):
    """What a part of a recipe remembers from step to step: a module, in the run's checkpoint."""

    def see(self, round: Round) -> None:
        """Look at a round whose discriminator's losses are there; nothing is remembered yet."""

    def keep(self) -> None:
        """Remember what was seen: the discriminator has learnt from it."""


def is_due(term: Term, step: int) -> bool:
    """Whether a term belongs to the loss of this step: terms always, penalties at their own steps."""
    return not isinstance(term, Penalty) or step % term.every == 0


def paint_round(
    generator: Generator,
    discriminator: Discriminator,
    batch: Batch,
    step: int,
    seed: int,
    with_history: bool,
    watched: bool = False,
    augments: Sequence[Augment] = (),
    replay: Mixer | None = None,
    kind: type[Round] = Round,
) -> Round:
    """Draw the step's noise and paint its pictures, the only ones that either player needs.

    Args:
        generator: paints.
        discriminator: will judge.
        batch: on the device of both.
        step: batches seen before this one.
        seed: of the run.
        with_history: True where the generator learns in this step; without, its graph is not kept.
        watched: True where a penalty is due that asks for gradients of the real pairs.
        augments: change pictures before the discriminator sees them.
        replay: earlier painted pictures.
        kind: of round, e.g. one whose discriminator sees everything in one batch.
    """
    rng = step_rng(seed, step)
    noise = draw_noise(generator.noise_shape, len(batch), rng).to(batch.images.device)
    with torch.set_grad_enabled(with_history):
        fake = generator(noise, batch.text)
    return kind(generator, discriminator, batch, step, rng, fake, watched, augments, replay)

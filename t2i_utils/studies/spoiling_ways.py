"""The ways of spoiling, at two strengths each, and real pictures spoilt in one of them, as a source of a painter's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from t2i_utils.data.split import read_contents
from t2i_utils.evaluation.plan import BATCH, real_parts
from t2i_utils.evaluation.reference import TRAINING, Reference
from t2i_utils.evaluation.sources import Part
from t2i_utils.interfaces import step_rng
from t2i_utils.metrics.claims import SPOILINGS
from t2i_utils.metrics.spoilings import add_noise, blur, closest_words, few_again, swap_some, turn_colours

Pixels = Callable[[Tensor, torch.Generator], Tensor]  # uint8 [n, channels, size, size] to the same


def untouched(images: Tensor, rng: torch.Generator) -> Tensor:
    """Every pixel as it was."""
    return images


@dataclass(frozen=True)
class Way:
    """One way of spoiling at one strength.

    Attributes:
        spoiling: a name of SPOILINGS.
        strength: in words.
        pixels: what becomes of pictures.
        times: how often each of a few pictures comes in place of others.
        swapped: share of pictures with somebody else's caption.
        copied: share of pictures that give way to a training picture, the one whose caption has the closest words.
    """

    spoiling: str
    strength: str
    pixels: Pixels = untouched
    times: int = 1
    swapped: float = 0.0
    copied: float = 0.0


UNTOUCHED = Way("", "")


def ways(size: int, channels: int) -> list[Way]:
    """Two strengths of every spoiling, the weaker first.

    Args:
        size: of the pictures, in pixels: the same share of it is smeared whatever it is.
        channels: grey pictures have no colours to turn.
    """
    blurs, noises, colours, modes, captions, copies = SPOILINGS
    found = [
        *(Way(blurs, f"{share:.0%} of the side", partial(_blurred, deviation=share * size)) for share in (0.02, 0.05)),
        *(Way(noises, f"{levels} of 255", partial(_noisy, levels=levels)) for levels in (16, 48)),
        *(Way(colours, f"{turn} degrees", partial(_turned, degrees=turn)) for turn in (40, 120)),
        *(Way(modes, f"1 in {times} kept", times=times) for times in (5, 25)),
        *(Way(captions, f"{share:.0%}", swapped=share) for share in (0.5, 1.0)),
        *(Way(copies, f"{share:.0%}", copied=share) for share in (0.5, 1.0)),
    ]
    return [way for way in found if channels == 3 or way.spoiling != colours]


def _blurred(images: Tensor, rng: torch.Generator, deviation: float) -> Tensor:
    return blur(images, deviation)


def _noisy(images: Tensor, rng: torch.Generator, levels: float) -> Tensor:
    return add_noise(images, levels, rng)


def _turned(images: Tensor, rng: torch.Generator, degrees: float) -> Tensor:
    return turn_colours(images, degrees)


class Spoilt:
    """The scored half of the real pictures, spoilt in one way; a source as `evaluate` takes it.

    Args:
        way: how.
        reference: made with `halves`, so that there are real pictures to be scored.

    Raises:
        ValueError: for a reference without them.
    """

    checkpoint, painter = "", None

    def __init__(self, way: Way, reference: Reference):
        if len(reference.scored) < 2:
            raise ValueError("there are no real pictures to spoil; look at the real ones with Plan(halves=True)")
        self.name, self.size, self._way, self._reference = (
            f"{way.spoiling}, {way.strength}",
            reference.size,
            way,
            reference,
        )
        count, offsets = len(reference.scored), reference.contents.caption_offsets
        self._shown = reference.scored[few_again(count, way.times).numpy()]
        told = self._shown
        if way.swapped:
            told = told[swap_some(count, way.swapped, step_rng(reference.plan.seed, 0)).numpy()]
        self._rows = offsets[told]

    def parts(self) -> Iterator[Part]:
        """Spoilt pictures with their captions, or with those of others."""
        reference, way = self._reference, self._way
        contents, plan = reference.contents, reference.plan
        copies = _copies([contents.captions[row] for row in self._rows], reference) if way.copied else None
        for index, images in enumerate(real_parts(contents, plan.data, reference.size, self._shown)):
            start = index * BATCH
            if copies is not None:
                copied = torch.arange(start, start + len(images)) < way.copied * len(self._rows)
                images = torch.where(copied[:, None, None, None], next(copies), images)
            rows = self._rows[start : start + len(images)]
            captions = [contents.captions[row] for row in rows]
            yield Part(way.pixels(images, step_rng(plan.seed, index)), captions, torch.from_numpy(rows))


def _copies(captions: list[str], reference: Reference) -> Iterator[Tensor]:
    """For each caption the training picture whose first caption is closest, a batch at a time."""
    train = read_contents(reference.plan.data, "train")
    few = min(TRAINING, len(train.rows))  # the very pictures among which the distance to training pictures is sought
    known = np.unique(np.linspace(0, len(train.rows) - 1, few).round().astype(np.int64))
    places = closest_words(captions, [train.captions[row] for row in train.caption_offsets[known]])
    return real_parts(train, reference.plan.data, reference.size, known[places.numpy()])

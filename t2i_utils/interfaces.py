"""The few types that every part of the project speaks: captions in, pictures out, and what a critic says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Text:
    """What a network may know of a batch of captions.

    Attributes:
        sentence: [batch, text_dim], one vector a caption.
        words: [batch, length, text_dim], one vector a word, or None where only sentences were asked for.
        mask: [batch, length], True at words and False at padding; None without words.
    """

    sentence: Tensor
    words: Tensor | None = None
    mask: Tensor | None = None

    def __len__(self) -> int:
        return len(self.sentence)

    def take(self, index: Tensor) -> Text:
        """The captions at `index` ([n] int64): `text.take(batch.swap)` is the wrong caption of each picture."""
        return self._map(lambda part: part[index])

    @staticmethod
    def join(texts: Sequence[Text]) -> Text:
        """The captions of several texts one after another; sentences [batch, text_dim], words of one length."""
        parts = zip(*((text.sentence, text.words, text.mask) for text in texts), strict=True)
        return Text(*(None if any(one is None for one in part) else torch.cat(part) for part in parts))

    def mix(self, other: Text, weight: float) -> Text:
        """The sentence `weight` of the way from this text ([batch, text_dim]) to `other` (the same shape).

        Sentences mix; words have no midpoint, so the result holds none.
        """
        return Text(torch.lerp(self.sentence, other.sentence, weight))

    def to(self, device: torch.device | str) -> Text:
        """The same text on another device; no shape ([batch, text_dim] and the others) changes."""
        return self._map(lambda part: part.to(device, non_blocking=True))

    def _map(self, change) -> Text:
        return Text(*(None if part is None else change(part) for part in (self.sentence, self.words, self.mask)))


@dataclass(frozen=True)
class Batch:
    """Pictures with their captions, and whose caption would be wrong for each.

    Attributes:
        images: [batch, channels, size, size] in [-1, 1].
        text: captions of these pictures, in the same order.
        classes: [batch] int64, the class of each picture (-1 where the data set has none).
        swap: [batch] int64, a position in this batch whose caption is wrong for the picture: one of another class where
            the batch holds one, another picture's otherwise. No picture is swapped with itself.
    """

    images: Tensor
    text: Text
    classes: Tensor
    swap: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device; images [batch, channels, size, size] keep their memory format."""
        images, classes, swap = (part.to(device, non_blocking=True) for part in (self.images, self.classes, self.swap))
        return Batch(images, self.text.to(device), classes, swap)


@dataclass(frozen=True)
class Sample:
    """What a generator paints.

    Attributes:
        images: coarse to fine, each [batch, channels, size, size] in [-1, 1]; `images[-1]` is the picture.
        condition: (mean, log-variance), each [batch, condition_dim], where the generator draws its condition.
        attention: maps [batch, length, height, width] where the generator looks at words.
    """

    images: tuple[Tensor, ...]
    condition: tuple[Tensor, Tensor] | None = None
    attention: tuple[Tensor, ...] = ()

    def detach(self) -> Sample:
        """The same pictures, [batch, channels, size, size], without history, for the discriminator to learn from."""
        return Sample(tuple(image.detach() for image in self.images))


@dataclass(frozen=True)
class Score:
    """What one head of a discriminator says: the larger, the more real.

    Attributes:
        logits: [batch, ...], raw, without sigmoid.
        sees_text: False for a head that judges the picture alone; no caption can be wrong for it.
    """

    logits: Tensor
    sees_text: bool


@runtime_checkable
class Generator(Protocol):
    """Noise and captions to pictures.

    Attributes:
        noise_shape: of one picture's noise.
        text_dim: length of the sentence vectors; 0 where captions are not looked at.
        image_shape: (channels, size, size) of one picture.
    """

    noise_shape: tuple[int, ...]
    text_dim: int
    image_shape: tuple[int, int, int]

    def __call__(self, noise: Tensor, text: Text) -> Sample:
        """noise: [batch, *noise_shape], text: captions of [batch]; returns pictures of [batch]."""


@runtime_checkable
class Discriminator(Protocol):
    """Pictures to features once, features and captions to scores as often as needed."""

    def features(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """images: coarse to fine, each [batch, channels, size, size]; returns what `score` needs of them."""

    def score(self, features: tuple[Tensor, ...], text: Text) -> list[Score]:
        """features: of [batch] pictures; text: [batch] captions; returns one Score a head."""


@runtime_checkable
class TextEncoder(Protocol):
    """Captions to vectors.

    Attributes:
        name: how a user asks for this encoder, e.g. `ViT-B-32-quickgelu/openai` or a folder.
        fingerprint: changes whenever the vectors would; cached vectors are stored under it.
        text_dim: length of a sentence vector.
    """

    name: str
    fingerprint: str
    text_dim: int

    def encode(self, captions: Sequence[str]) -> Text:
        """[n] captions to sentence [n, text_dim], float32, on the CPU."""


def step_rng(seed: int, step: int) -> torch.Generator:
    """The randomness of one step, a function of (seed, step) alone: a resumed run draws what it would have drawn."""
    return torch.Generator().manual_seed(step_seed(seed, step))


def step_seed(seed: int, step: int, *purpose: int) -> int:
    """A seed for torch: a function of (seed, step) and, where a step draws for several purposes, a purpose's number."""
    entropy = np.random.SeedSequence([seed, step, *purpose]).generate_state(1, np.uint64)
    return int(entropy[0]) >> 1


def draw_noise(shape: tuple[int, ...], count: int, rng: torch.Generator) -> Tensor:
    """Draw [count, *shape] standard normal noise on the CPU, so that every device paints the same picture.

    Rows are drawn one after another: the first rows of a longer draw equal a shorter draw from the same seed.
    """
    return torch.stack([torch.randn(shape, generator=rng) for _ in range(count)])

"""Changed pictures for a discriminator that would otherwise know too much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Protocol

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F


class Augment(Protocol):
    """Changes every picture that the discriminator sees, real and painted, in both turns."""

    def draw(self, count: int, step: int, rng: torch.Generator) -> Callable[[Tensor], Tensor]:
        """How the pictures of one step are changed.

        Args:
            count: pictures in its batch.
            step: batches seen before this one.
            rng: draws of this step, on the CPU.

        Returns:
            From [count or fewer, channels, size, size] in [-1, 1] to the same shape, differentiable.
        """


@dataclass(frozen=True)
class Change:
    """How each picture of a batch is changed; every field is [batch], and of no picture's content.

    Attributes:
        brightness: added to every pixel.
        saturation: factor of the distance to a pixel's own grey.
        contrast: factor of the distance to the picture's mean.
        down, right: shift, as a share of the picture's side; zeros come in.
        cut: side of the square that is cut out, as a share of the picture's side; 0 for none.
        cut_top, cut_left: the middle of that square, as a share of the picture's side.
    """

    brightness: Tensor
    saturation: Tensor
    contrast: Tensor
    down: Tensor
    right: Tensor
    cut: Tensor
    cut_top: Tensor
    cut_left: Tensor

    def first(self, count: int) -> Change:
        """The changes of the first pictures; each field [count]."""
        return self.each(lambda field: field[:count])

    def each(self, work: Callable[[Tensor], Tensor]) -> Change:
        """The same work done on every field, [batch] to [any length]."""
        return Change(*(work(getattr(self, field.name)) for field in fields(self)))

    def __call__(self, images: Tensor) -> Tensor:
        """Changed pictures.

        Args:
            images: [batch or fewer, channels, size, size] in [-1, 1].

        Returns:
            The same shape; colours may leave [-1, 1].
        """
        change = self.first(len(images)).each(lambda field: field.to(images.device))
        return cut_out(shift(recolour(images, change), change), change)


@dataclass(frozen=True)
class DiffAugment:
    """Colour, translation and cutout, each differentiable, with the paper's strengths: for small data sets.

    The discriminator sees changed pictures only, real and painted ones changed in the same way, in both turns: what it
    learns of a change tells it nothing of which pictures are real, and through the change the generator still learns.

    Attributes:
        probability: of each picture to be changed at all, 0 to 1. The paper changes every one.

    Raises:
        ValueError: for a probability outside 0 to 1.

    From: Zhao et al., Differentiable Augmentation for Data-Efficient GAN Training, 2020 (arXiv:2006.10738).
    """

    probability: float = 1.0

    def __post_init__(self):
        if not 0 <= self.probability <= 1:
            raise ValueError(f"a picture cannot be changed with probability {self.probability}; use 0 to 1")

    def draw(self, count: int, step: int, rng: torch.Generator) -> Change:
        """Changes for `count` pictures, on the CPU, a function of `rng` alone."""
        chosen = (torch.rand(count, generator=rng) < self.probability).float()
        uniform = torch.rand(7, count, generator=rng)
        return Change(
            brightness=chosen * (uniform[0] - 0.5),
            saturation=1 + chosen * (2 * uniform[1] - 1),
            contrast=1 + chosen * (uniform[2] - 0.5),
            down=chosen * (uniform[3] - 0.5) / 4,
            right=chosen * (uniform[4] - 0.5) / 4,
            cut=chosen / 2,
            cut_top=uniform[5],
            cut_left=uniform[6],
        )


@dataclass(frozen=True)
class InstanceNoise:
    r"""Noise on every picture, real and painted, that fades as training goes on.

    $$ x \leftarrow x + s \max(0, 1 - \text{step} / n)\, \epsilon, \quad \epsilon \sim N(0, 1) $$

    Real and painted pictures lie on thin sheets that hardly meet, and a discriminator that tells them apart for certain
    teaches nothing. With noise the two heaps overlap, and there is a slope everywhere.

    Attributes:
        strength: s, where pictures lie in [-1, 1].
        steps: n, after which there is none.

    Raises:
        ValueError: for a strength or a number of steps that is not above 0.

    From: Sonderby et al., Amortised MAP Inference for Image Super-resolution, 2017, section 3.1 (arXiv:1610.04490);
    Arjovsky and Bottou, Towards Principled Methods for Training GANs, 2017, section 3 (arXiv:1701.04862).
    """

    strength: float = 0.1
    steps: int = 10_000

    def __post_init__(self):
        if not self.strength > 0 or self.steps < 1:
            raise ValueError(
                f"noise of strength {self.strength} cannot fade in {self.steps} steps; use a strength above 0 and 1 "
                "step or more"
            )

    def draw(self, count: int, step: int, rng: torch.Generator) -> Callable[[Tensor], Tensor]:
        """Noise of this step's strength, drawn anew for every picture, where the pictures are."""
        now = self.strength * max(0.0, 1 - step / self.steps)
        return lambda images: images + now * torch.randn_like(images) if now else images


def recolour(images: Tensor, change: Change) -> Tensor:
    """Brightness, then saturation, then contrast; images: [batch, channels, size, size], and so what is returned."""
    brightness, saturation, contrast = (
        rearrange(field, "batch -> batch 1 1 1") for field in (change.brightness, change.saturation, change.contrast)
    )
    images = images + brightness
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * saturation
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) * contrast


def shift(images: Tensor, change: Change) -> Tensor:
    """Whole pixels down and right, zeros coming in; images: [batch, channels, size, size], and so what is returned."""
    size = images.shape[-1]
    room = size // 8 + 1
    places = torch.arange(size, device=images.device)
    rows, columns = (
        places - (share * size).round().long()[:, None].clamp(-room, room) + room
        for share in (change.down, change.right)
    )
    padded = F.pad(images, (room, room, room, room))
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def cut_out(images: Tensor, change: Change) -> Tensor:
    """Zeros in a square of each picture; images: [batch, channels, size, size], and so what is returned."""
    places = (torch.arange(images.shape[-1], device=images.device) + 0.5) / images.shape[-1]
    inside_rows, inside_columns = (
        (places - middle[:, None]).abs() < change.cut[:, None] / 2 for middle in (change.cut_top, change.cut_left)
    )
    hole = inside_rows[:, None, :, None] & inside_columns[:, None, None, :]
    return images * ~hole

"""CLIP learns: which caption belongs to which picture, as one turn on the common trainer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.data.loader import Loader
from t2i_utils.text.clip import ClipEncoder
from t2i_utils.training.optimizers import Adam
from t2i_utils.training.turns import Turn

LARGEST_SCALE = math.log(100)


@dataclass(frozen=True)
class Pairing:
    """A batch of pictures with one caption each.

    Attributes:
        images: [batch, 3, size, size] in [-1, 1].
        tokens: [batch, context_length] int64.
    """

    images: Tensor
    tokens: Tensor


def contrastive_loss(images: Tensor, sentences: Tensor, scale: Tensor) -> Tensor:
    r"""Each picture should find its caption among the batch's, each caption its picture.

    $$ \tfrac12 \big(\text{CE}(s\, I T^\top) + \text{CE}(s\, T I^\top)\big), \quad \text{row } i \text{ wants } i $$

    images, sentences: [batch, text_dim] of unit length; scale: s, a scalar above 0. At s = 0 it is ln(batch).
    Computed in float32.

    From: Radford et al., 2021, figure 3 (arXiv:2103.00020).
    """
    logits = scale * images.float() @ sentences.float().T
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def warm_up_then_cosine(steps: int, warm_up: int) -> Callable[[int], float]:
    """A factor of the rate: up in a straight line over `warm_up` steps, down half a cosine to 0 at `steps`."""

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1, steps - warm_up))))

    return factor


def clip_turn(encoder: ClipEncoder, steps: int, rate: float = 2e-3, weight_decay: float = 0.1) -> Turn:
    """The turn that trains both towers and the logit scale.

    Args:
        encoder: whose model learns.
        steps: of the whole training; the rate has fallen to 0 there.
        rate: AdamW's highest rate.
        weight_decay: of weights; gains, biases and the scale never decay.
    """
    model = encoder.model

    def losses(pairing: Pairing) -> dict[str, Tensor]:
        images = model.encode_image(encoder.see(pairing.images), normalize=True)
        sentences = model.encode_text(pairing.tokens, normalize=True)
        return {"contrastive": contrastive_loss(images, sentences, model.logit_scale.float().exp())}

    def clamp() -> None:
        with torch.no_grad():
            model.logit_scale.clamp_(0, LARGEST_SCALE)

    optimizer = Adam(rate, (0.9, 0.98), weight_decay)(model)
    return Turn("clip", model, optimizer, losses, schedule=warm_up_then_cosine(steps, max(1, steps // 20)), after=clamp)


def pairings(loader: Loader, encoder: ClipEncoder) -> Callable[[int], Iterable[Pairing]]:
    """Batches for `clip_turn`: from a step on, each picture of the loader with the one caption it drew.

    Every caption of the file is tokenised once, here.
    """
    tokens = encoder.tokens(loader.all_captions)

    def stream(start: int) -> Iterator[Pairing]:
        for step, batch in enumerate(loader.stream(start), start):
            yield Pairing(batch.images, tokens[loader.draw(step).captions[:, 0]].to(batch.images.device))

    return stream

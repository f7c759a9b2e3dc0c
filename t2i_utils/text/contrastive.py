"""Two towers learn which caption is true of which picture, as one turn on the common trainer.

From: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, 2021 (arXiv:2103.00020).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.data.loader import Loader
from t2i_utils.text.towers import Towers
from t2i_utils.training.optimizers import Adam
from t2i_utils.training.turns import Losses, Turn

LARGEST_SCALE = math.log(100)
Same = Literal["own", "picture", "class"]


@dataclass(frozen=True)
class Pairing:
    """A batch of pictures with some captions of each.

    Attributes:
        images: [batch, channels, size, size] in [-1, 1].
        tokens: [captions, length] int64.
        pictures: [batch] int64, which pictures of the data these are.
        classes: [batch] int64, -1 where unknown.
        owner: [captions] int64, the place in the batch of the picture that each caption came with.
    """

    images: Tensor
    tokens: Tensor
    pictures: Tensor
    classes: Tensor
    owner: Tensor


def truths(pairing: Pairing, same: Same = "picture") -> Tensor:
    """Which captions count as true of which pictures, [batch, captions] of 0.0 and 1.0.

    Args:
        pairing: the batch.
        same: "own", only those that came with this very place of the batch, as in CLIP's own loss; "picture", all that
            came with this picture, should it stand in the batch twice; "class", all that came with its class, too.
    """
    places = torch.arange(len(pairing.pictures), device=pairing.owner.device)
    true = places[:, None] == pairing.owner
    if same != "own":
        true = true | (pairing.pictures[:, None] == pairing.pictures[pairing.owner])
    if same == "class":
        classes = pairing.classes
        true = true | ((classes[:, None] == classes[pairing.owner]) & (classes[:, None] >= 0))
    return true.float()


def contrastive_loss(images: Tensor, sentences: Tensor, scale: Tensor, true: Tensor | None = None) -> Tensor:
    r"""Each picture should find its captions among the batch's, each caption its pictures.

    $$ \tfrac12 \big(\text{CE}(s\, I T^\top, P) + \text{CE}(s\, T I^\top, Q)\big) $$

    P and Q are the rows and the columns of `true`, each divided by its sum. Where several captions are true of a
    picture the loss cannot reach 0: it is least, the entropy of P and Q, where they share the picture evenly.

    Args:
        images: [batch, dim] of unit length.
        sentences: [captions, dim] of unit length.
        scale: s, a scalar, 0 or more. At s = 0 the loss is the mean of ln(captions) and ln(batch).
        true: [batch, captions], 1.0 where a caption is true of a picture, with a 1 in every row and column; None where
            caption i is picture i's alone, CLIP's own loss.

    Returns:
        A scalar, computed in float32.

    From: Radford et al., 2021, figure 3 (arXiv:2103.00020).
    """
    logits = scale * images.float() @ sentences.float().T
    if true is None:
        own = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    to_captions, to_pictures = true / true.sum(1, keepdim=True), true.T / true.T.sum(1, keepdim=True)
    return (F.cross_entropy(logits, to_captions) + F.cross_entropy(logits.T, to_pictures)) / 2


def warm_up_then_cosine(steps: int, warm_up: int) -> Callable[[int], float]:
    """A factor of the rate: up in a straight line over `warm_up` steps, down half a cosine to 0 at `steps`."""

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1, steps - warm_up))))

    return factor


def contrastive_turn(
    towers: Towers,
    steps: int,
    rate: float = 2e-3,
    weight_decay: float = 0.1,
    same: Same = "own",
    chunk: int = 0,
    factors: dict[str, float] | None = None,
) -> Turn:
    """The turn that trains what is not locked of both towers, and the logit scale.

    Args:
        towers: what learns.
        steps: of the whole training; the rate has fallen to 0 there.
        rate: AdamW's highest rate.
        weight_decay: of weights; gains, biases and the scale never decay.
        same: which captions are true of a picture, as of `truths`.
        chunk: pictures, or captions, that go through a tower at once, see `cached`; 0 for all.
        factors: of the rate of those parameters whose names begin so.

    Raises:
        ValueError: for chunks, where a layer mixes the examples of a batch.
    """
    towers.train()
    if chunk and (name := towers.mixing()):
        raise ValueError(
            f"{name} mixes the examples of a batch (batch normalisation), so a batch in chunks of {chunk} is another "
            "batch; lock the picture tower (image_layers=0), or let the whole batch through at once (chunk=0)"
        )

    def losses(pairing: Pairing) -> Losses | Iterator[Losses]:
        if chunk:
            return cached(towers, pairing, chunk, same)
        images, sentences = towers.see(pairing.images), towers.read(pairing.tokens)
        return {"contrastive": contrastive_loss(images, sentences, towers.logit_scale.exp(), truths(pairing, same))}

    def clamp() -> None:
        with torch.no_grad():
            towers.logit_scale.clamp_(0, LARGEST_SCALE)

    optimizer = Adam(rate, (0.9, 0.98), weight_decay, tuple((factors or {}).items()))(towers)
    return Turn(
        "clip", towers, optimizer, losses, schedule=warm_up_then_cosine(steps, max(1, steps // 20)), after=clamp
    )


def cached(towers: Towers, pairing: Pairing, chunk: int, same: Same) -> Iterator[Losses]:
    """The loss of a batch that does not fit in memory, part by part: the sum of values and gradients is the whole's.

    Every picture is compared with every caption, but only `chunk` of them keep what backpropagation needs: all vectors
    are made without it first, the loss says how each should move, and chunk by chunk they are made again and moved so.

    From: Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup, 2021 (arXiv:2101.06983).
    """
    parts = [(towers.see, part) for part in pairing.images.split(chunk)]
    parts += [(towers.read, part) for part in pairing.tokens.split(chunk)]
    count, state = len(pairing.images), chance(pairing.images.device)
    with torch.no_grad():
        # float32: their gradients are small, and nothing scales them before they are used
        made = torch.cat([tower(part).float() for tower, part in parts])
    vectors, true = made.requires_grad_(), truths(pairing, same)
    with torch.enable_grad():
        loss = contrastive_loss(vectors[:count], vectors[count:], towers.logit_scale.detach().exp(), true)
        wanted = torch.autograd.grad(loss, vectors)[0].split([len(part) for _, part in parts])
    made = vectors.detach()
    yield {"contrastive": contrastive_loss(made[:count], made[count:], towers.logit_scale.exp(), true)}
    restore_chance(pairing.images.device, state)  # what drops out must be the same again
    for (tower, part), direction in zip(parts, wanted, strict=True):
        moved = (tower(part).float() * direction).sum()
        if moved.requires_grad:  # a locked tower has nothing to learn
            yield {"contrastive": moved - moved.detach()}


def chance(device: torch.device) -> Tensor:
    """The state of a device's random numbers."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def restore_chance(device: torch.device, state: Tensor) -> None:
    """Put it back."""
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)


def pairings(loader: Loader, towers: Towers) -> Callable[[int], Iterable[Pairing]]:
    """Batches for `contrastive_turn`: from a step on, each picture of the loader with the captions that it drew.

    Every caption of the file is tokenised once, here.
    """
    tokens = towers.tokens(loader.all_captions)

    def stream(start: int) -> Iterator[Pairing]:
        for step, batch in enumerate(loader.stream(start), start):
            draw, device = loader.draw(step), batch.images.device
            captions = torch.from_numpy(draw.captions)
            owner = (captions >= 0).nonzero()[:, 0]
            yield Pairing(
                images=batch.images,
                tokens=tokens[captions[captions >= 0]].to(device),
                pictures=torch.from_numpy(draw.pictures).to(device),
                classes=batch.classes,
                owner=owner.to(device),
            )

    return stream

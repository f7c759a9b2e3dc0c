"""Do captions find their pictures, and pictures their captions? By cosine, among held-out ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.metrics.intervals import Interval, bootstrap


@dataclass(frozen=True)
class Retrieval:
    """Recall at several ranks, both ways.

    Attributes:
        picture_of_caption: rank k to the share of captions whose own picture is among the k nearest pictures.
        caption_of_picture: rank k to the share of pictures that have one of their own captions among the k nearest.
        pictures, captions: how many were ranked.
    """

    picture_of_caption: dict[int, Interval]
    caption_of_picture: dict[int, Interval]
    pictures: int
    captions: int

    def __str__(self) -> str:
        rows = [f"{self.captions:,} captions and {self.pictures:,} pictures, held out"]
        for name, recalls in (
            ("caption -> picture", self.picture_of_caption),
            ("picture -> caption", self.caption_of_picture),
        ):
            rows.append(f"{name}  " + "   ".join(f"R@{k} {100 * r.mean:.1f} %" for k, r in recalls.items()))
        return "\n".join(rows)


def retrieval(
    images: Tensor, sentences: Tensor, caption_picture: Tensor, ranks: tuple[int, ...] = (1, 5, 10)
) -> Retrieval:
    """Recall at every rank, both ways.

    Args:
        images: [pictures, dim] vectors.
        sentences: [captions, dim] vectors.
        caption_picture: [captions] int64, whose caption each is.
        ranks: how near counts.
    """
    cosines = F.normalize(sentences, dim=1) @ F.normalize(images, dim=1).T
    own = torch.zeros_like(cosines, dtype=torch.bool)
    own[torch.arange(len(own)), caption_picture] = True
    return Retrieval(recalls(cosines, own, ranks), recalls(cosines.T, own.T, ranks), len(images), len(sentences))


def recalls(cosines: Tensor, own: Tensor, ranks: tuple[int, ...]) -> dict[int, Interval]:
    """cosines, own: [queries, candidates]; rank to the share of queries with one of their own among the nearest."""
    order = cosines.argsort(dim=1, descending=True)
    found = own.gather(1, order)
    return {rank: bootstrap(found[:, :rank].any(dim=1).double().tolist()) for rank in ranks}


def agreement(
    images: Tensor,
    sentences: Tensor,
    attributes: Mapping[str, Tensor],
    wanted: Mapping[str, Tensor],
    states: Mapping[str, Tensor],
) -> dict[str, Interval]:
    """How often the nearest picture shows what the caption states, whosever picture it is.

    Args:
        images: [pictures, dim] vectors.
        sentences: [captions, dim] vectors.
        attributes: by attribute, [pictures] int64.
        wanted: by attribute, [captions] int64, what the caption may state.
        states: by attribute, [captions] bool, whether it does.

    Returns:
        By attribute, the share over captions that state it.
    """
    nearest = (F.normalize(sentences, dim=1) @ F.normalize(images, dim=1).T).argmax(dim=1)
    right = {name: attributes[name][nearest] == wanted[name] for name in states}
    return {name: bootstrap(right[name][told].double().tolist()) for name, told in states.items() if told.any()}

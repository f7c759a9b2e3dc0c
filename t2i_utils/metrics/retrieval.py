"""Do captions find their pictures, and pictures their captions? By cosine, among held-out ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.metrics.intervals import Interval, bootstrap

RANKS = (1, 5, 10)


@dataclass(frozen=True)
class Retrieval:
    """Recall at several ranks, both ways.

    Attributes:
        picture_of_caption: rank k to the share of captions whose own picture is among the k nearest pictures; its
            interval is over pictures, as captions of one picture are no independent tries.
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
            told = (f"R@{k} {100 * r.mean:.1f} % [{100 * r.low:.1f}, {100 * r.high:.1f}]" for k, r in recalls.items())
            rows.append(f"{name}  " + "   ".join(told))
        return "\n".join(rows)


def retrieval(images: Tensor, sentences: Tensor, caption_picture: Tensor, ranks: tuple[int, ...] = RANKS) -> Retrieval:
    """Recall at every rank, both ways; every picture with one caption at least.

    Args:
        images: [pictures, dim] vectors.
        sentences: [captions, dim] vectors.
        caption_picture: [captions] int64, whose caption each is.
        ranks: how near counts.
    """
    each = torch.bincount(caption_picture, minlength=len(images)).tolist()
    of_caption, of_picture = hits(images, sentences, caption_picture, ranks)
    return Retrieval(
        {rank: bootstrap(found.tolist(), sizes=each) for rank, found in of_caption.items()},
        {rank: bootstrap(found.tolist()) for rank, found in of_picture.items()},
        len(images),
        len(sentences),
    )


def mean_recall(images: Tensor, sentences: Tensor, caption_picture: Tensor, ranks: tuple[int, ...] = RANKS) -> float:
    """The mean of all recalls of `retrieval`, both ways: one number to choose by. Arguments as there."""
    each = torch.bincount(caption_picture, minlength=len(images)).double()
    of_caption, of_picture = hits(images, sentences, caption_picture, ranks)
    shares = [found @ each / each.sum() for found in of_caption.values()]
    return float(torch.stack(shares + [found.mean() for found in of_picture.values()]).mean())


def hits(
    images: Tensor, sentences: Tensor, caption_picture: Tensor, ranks: tuple[int, ...]
) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
    """By rank, [pictures], float64: the share of a picture's captions that find it; 1 where it finds one of them."""
    cosines = F.normalize(sentences, dim=1) @ F.normalize(images, dim=1).T
    near = cosines.topk(min(max(ranks), len(images)), dim=1).indices == caption_picture[:, None]
    captions = cosines.T.topk(min(max(ranks), len(sentences)), dim=1).indices
    own = caption_picture[captions] == torch.arange(len(images))[:, None]
    each = torch.bincount(caption_picture, minlength=len(images))
    of_caption = {}
    for rank in ranks:
        found = torch.zeros(len(images), dtype=torch.float64)
        found.index_add_(0, caption_picture, near[:, :rank].any(dim=1).double())
        of_caption[rank] = found / each
    return of_caption, {rank: own[:, :rank].any(dim=1).double() for rank in ranks}


def zero_shot(images: Tensor, classes: Tensor, prompts: Mapping[int, Tensor]) -> Interval:
    """How often the class whose description lies nearest is the picture's own.

    Args:
        images: [pictures, dim] vectors.
        classes: int64 [pictures].
        prompts: class to [n, dim], vectors of sentences that describe it; their unit vectors' mean stands for it.

    Raises:
        ValueError: for a picture of a class that nobody describes.

    From: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, 2021, section 3.1.4.
    """
    missing = set(classes.tolist()) - set(prompts)
    if missing:
        raise ValueError(f"no sentence describes class {min(missing)}; give prompts for every class that is shown")
    known = sorted(prompts)
    described = F.normalize(torch.stack([F.normalize(prompts[one], dim=1).mean(0) for one in known]), dim=1)
    nearest = (F.normalize(images, dim=1) @ described.T).argmax(dim=1)
    return bootstrap((torch.tensor(known)[nearest] == classes).double().tolist())


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

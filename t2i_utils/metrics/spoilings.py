"""Pictures spoilt on purpose, each in one way, to see which metric notices what."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

ROWS = 256  # captions compared with all others at a time


def blur(images: Tensor, deviation: float) -> Tensor:
    """Smear every picture by a Gaussian; edges are repeated outwards.

    Args:
        images: uint8 [n, channels, height, width].
        deviation: of the Gaussian, in pixels; 0 leaves pictures as they are.

    Raises:
        ValueError: for a negative deviation, or pictures that are not uint8.
    """
    _refuse_other_than_bytes(images)
    _refuse_negative(deviation, "a deviation in pixels")
    if deviation == 0:
        return images.clone()
    down, across = (_smearing(size, deviation) for size in images.shape[2:])
    return _bytes(down @ images.float() @ across.T)


def add_noise(images: Tensor, deviation: float, rng: torch.Generator) -> Tensor:
    """Add a normal number to every pixel and channel; what leaves 0 to 255 is cut.

    Args:
        images: uint8 [n, channels, height, width].
        deviation: of the numbers, in grey levels of 255.
        rng: what they are drawn from.

    Raises:
        ValueError: for a negative deviation, or pictures that are not uint8.
    """
    _refuse_other_than_bytes(images)
    _refuse_negative(deviation, "a deviation in grey levels")
    return _bytes(images.float() + deviation * torch.randn(images.shape, generator=rng))


def turn_colours(images: Tensor, degrees: float) -> Tensor:
    r"""Turn all hues about the axis of greys: at 120 degrees red is green, green is blue and blue is red.

    $$ x \mapsto x \cos\theta + (k \times x) \sin\theta + k\,(k \cdot x)(1 - \cos\theta), \quad k = (1, 1, 1)/\sqrt 3 $$

    Greys and the mean of the three channels stay as they are; shapes do, too. Between 0 and 120 degrees some colours
    leave 0 to 255 and are cut.

    Args:
        images: uint8 [n, 3, height, width].
        degrees: 120 puts each channel exactly in the next one's place.

    Raises:
        ValueError: for grey pictures, which have no hue, or pictures that are not uint8.

    From: Rodrigues, 1840, for any axis.
    """
    _refuse_other_than_bytes(images)
    if images.shape[1] != 3:
        raise ValueError(f"pictures have {images.shape[1]} channels; only red, green and blue can be turned")
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    stays, follows, precedes = (1 + 2 * cosine) / 3, (1 - cosine) / 3 + sine / 3**0.5, (1 - cosine) / 3 - sine / 3**0.5
    turn = torch.tensor([[stays, precedes, follows], [follows, stays, precedes], [precedes, follows, stays]])
    return _bytes(torch.einsum("ij,njhw->nihw", turn, images.float()))


def few_again(count: int, times: int) -> Tensor:
    """Mode dropping: the first few of `count` pictures, each about `times` times in place of the others.

    Returns:
        int64 [count] positions of pictures.

    Raises:
        ValueError: for fewer than 1 picture or 1 time.
    """
    if min(count, times) < 1:
        raise ValueError(f"{count} pictures {times} times each; there must be 1 of both at least")
    return torch.arange(count) % max(1, count // times)


def swap_some(count: int, share: float, rng: torch.Generator) -> Tensor:
    """Give some of `count` pictures the captions of others, nobody among them his own.

    Args:
        count: of pictures, 2 or more.
        share: of them whose captions change hands, above 0, 1 at most; at least two do.
        rng: what chooses them.

    Returns:
        int64 [count] whose caption each picture gets: a permutation.

    Raises:
        ValueError: for fewer than 2 pictures, or a share that cannot be.
    """
    if count < 2 or not 0 < share <= 1:
        raise ValueError(f"{share:g} of {count} captions cannot change hands; use 2 or more, and a share of 1 at most")
    chosen = torch.randperm(count, generator=rng)[: max(2, round(share * count))]
    places = torch.arange(count)
    places[chosen] = chosen.roll(1)
    return places


def closest_words(captions: Sequence[str], others: Sequence[str]) -> Tensor:
    r"""For each caption the one of the others that shares most words with it: how a painter that copies would choose.

    $$ |A \cap B| \,/\, |A \cup B| $$

    of the two captions' sets of words, in small letters, without signs; the first of several equals.

    Args:
        captions: [n].
        others: [m], one or more.

    Returns:
        int64 [n] positions among the others.

    From: Jaccard, 1901.
    """
    known: dict[str, int] = {}
    mine, theirs = ([_words(one, known) for one in part] for part in (captions, others))
    rows, columns = _marked(mine, len(known)), _marked(theirs, len(known))
    lengths = np.array([len(words) for words in theirs])
    found = []
    for start in range(0, len(mine), ROWS):
        shared = (rows[start : start + ROWS] @ columns.T).toarray()
        either = np.array([len(words) for words in mine[start : start + ROWS]])[:, None] + lengths - shared
        found.append(torch.from_numpy((shared / np.maximum(either, 1)).argmax(axis=1)))
    return torch.cat(found)


def _words(caption: str, known: dict[str, int]) -> list[int]:
    plain = "".join(letter if letter.isalnum() else " " for letter in caption.lower())
    return sorted({known.setdefault(word, len(known)) for word in plain.split()})


def _marked(sets: Sequence[Sequence[int]], width: int) -> csr_matrix:
    """[sets, width], 1 where a set has the word."""
    ends = np.cumsum([0, *map(len, sets)])
    words = np.array([word for one in sets for word in one], dtype=np.int64)
    return csr_matrix((np.ones(len(words), dtype=np.float32), words, ends), shape=(len(sets), width))


def _smearing(size: int, deviation: float) -> Tensor:
    """[size, size], each row a Gaussian about its place; what falls outside counts at the edge."""
    reach = math.ceil(4 * deviation)
    steps = torch.arange(-reach, reach + 1)
    weights = torch.exp(-(steps.double() ** 2) / (2 * deviation**2))
    places = (torch.arange(size)[:, None] + steps).clamp(0, size - 1)
    rows = torch.zeros(size, size, dtype=torch.float64)
    return rows.scatter_add_(1, places, (weights / weights.sum()).expand(size, -1)).float()


def _bytes(images: Tensor) -> Tensor:
    return images.round().clamp(0, 255).to(torch.uint8)


def _refuse_other_than_bytes(images: Tensor) -> None:
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise ValueError(
            f"pictures are {images.dtype} {list(images.shape)}; give uint8 [n, channels, height, width], 0 to 255"
        )


def _refuse_negative(deviation: float, what: str) -> None:
    if deviation < 0:
        raise ValueError(f"{what} of {deviation:g} cannot be; use 0 or more")

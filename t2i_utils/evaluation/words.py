"""Captions by their words: the same sentence may stand beside several pictures, and say the same of all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from t2i_utils.data.split import Contents


def caption_classes(contents: Contents) -> np.ndarray:
    """int64 [captions], the class that a caption's words mean.

    -1 where nobody knows it, and for words that stand beside pictures of several classes: "a red flower" says nothing
    of the shape that a class has.
    """
    classes = contents.classes[contents.caption_picture]
    meant: dict[str, set[int]] = defaultdict(set)
    for caption, one in zip(contents.captions, classes.tolist(), strict=True):
        meant[caption].add(one)
    clear = [len(meant[caption]) == 1 for caption in contents.captions]
    return np.where(clear, classes, -1)


def first_of_each(captions: Sequence[str]) -> np.ndarray:
    """int64, the first position of every different caption, in their order."""
    seen: dict[str, int] = {}
    for position, caption in enumerate(captions):
        seen.setdefault(caption, position)
    return np.array(list(seen.values()), dtype=np.int64)


def positions_of(captions: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """Where captions stand among known ones.

    Args:
        captions: [n], in any order, again and again perhaps.
        known: of a split.

    Returns:
        int64 [n], -1 for those that are not there. A caption that is known several times is each of them in turn: the
        pictures of all captions of a split, saved as files, are recognised as just these.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for position, caption in enumerate(known):
        places[caption].append(position)
    met: dict[str, int] = defaultdict(int)
    found = np.full(len(captions), -1, dtype=np.int64)
    for index, caption in enumerate(captions):
        if caption in places:
            found[index] = places[caption][met[caption] % len(places[caption])]
            met[caption] += 1
    return found

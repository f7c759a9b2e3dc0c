"""A part of a data set that still holds all of its classes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import chain, zip_longest
from typing import TypeVar

Item = TypeVar("Item")


def check_limit(limit: int | None) -> None:
    """Refuse a limit that leaves nothing.

    Raises:
        ValueError: for a limit below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"a limit of {limit} leaves no pictures; give at least 1, or none for all")


def spread(items: Sequence[Item], limit: int, class_of: Callable[[Item], Hashable]) -> list[Item]:
    """`limit` of the items, one of each class in turn, the first of every class first; in their old order.

    Args:
        items: in any order.
        limit: how many to take; all of them where there are no more.
        class_of: the class of an item.
    """
    by_class: dict[Hashable, list[int]] = {}
    for place, item in enumerate(items):
        by_class.setdefault(class_of(item), []).append(place)
    in_turn = [place for place in chain.from_iterable(zip_longest(*by_class.values())) if place is not None]
    return [items[place] for place in sorted(in_turn[:limit])]

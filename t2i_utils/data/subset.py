"""A part of a data set: the classes a person asks for, and so many pictures that still show all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
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


def choose(
    items: Sequence[Item],
    class_of: Callable[[Item], str],
    limit: int | None = None,
    classes: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
) -> tuple[list[Item], list[str]]:
    """The items that a person asked for, in their old order, and a note on what was left away.

    Args:
        items: one a picture.
        class_of: the class of an item; "" where it has none.
        limit: at most so many, taken evenly from all classes.
        classes: only these, by class or by its name for people.
        names: class to a name for people.

    Raises:
        ValueError: for an unknown class, naming the known ones, for no class, and for a limit below 1.
    """
    check_limit(limit)
    kept, notes, names = list(items), [], names or {}
    if classes is not None:
        there = sorted({class_of(item) for item in items} - {""})
        known = {names.get(name, name): name for name in there} | {name: name for name in there}
        unknown = [name for name in classes if name not in known]
        if unknown or not classes:
            choice = ", ".join(names.get(name, name) for name in there) or "none, for these pictures have no classes"
            raise ValueError(f"no class {', '.join(map(repr, unknown)) or 'was given'}; choose from: {choice}")
        wanted = {known[name] for name in classes}
        kept = [item for item in kept if class_of(item) in wanted]
        told = ", ".join(names.get(name, name) for name in sorted(wanted))
        notes.append(f"only {len(wanted)} classes were asked for: {told}")
    if limit is not None and limit < len(kept):
        notes.append(f"only {limit:,} of {len(kept):,} pictures were asked for, taken evenly from all classes")
        kept = spread(kept, limit, class_of)
    return kept, notes

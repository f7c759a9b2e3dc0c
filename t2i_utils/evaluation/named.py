"""What a person names to be scored: painters by name or folder, and folders of pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from t2i_utils.gallery import find, open_painter
from t2i_utils.painter import Painter
from t2i_utils.text.kept import RECORD
from t2i_utils.training.resuming import CHECKPOINTS


@dataclass(frozen=True)
class Named:
    """Something that was named.

    Attributes:
        name: its row in a table; no two have the same.
        painter: None for a folder of pictures.
        run: the folder of its run; None for a painter that was packed, and for pictures.
        pictures: the folder of pictures; None for a painter.
    """

    name: str
    painter: Painter | None = None
    run: Path | None = None
    pictures: Path | None = None


def open_named(wheres: Sequence[str], device: torch.device | str = "cpu", taken: Sequence[str] = ()) -> list[Named]:
    """Open everything that is to be scored.

    Args:
        wheres: each a run's folder, what `pack` wrote, a published name, or a folder of pictures; ./NAME where a
            folder of pictures is called like a painter.
        device: where painters paint.
        taken: names that other rows of the table have.

    Returns:
        One each, in order. Two of one name get what they were called by behind it.

    Raises:
        FileNotFoundError, ValueError: as `open_painter`, and for one that is named twice.
    """
    twice = [where for where, count in Counter(wheres).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]} is named twice; name it once")
    named = [_open(where, device) for where in wheres]
    counts = Counter([*(one.name for one in named), *taken])
    named = [
        one if counts[one.name] == 1 else replace(one, name=f"{one.name}, {where}")
        for one, where in zip(named, wheres, strict=True)
    ]
    for one in named:
        if one.painter is not None:
            one.painter.name = one.name
    return named


def _open(where: str, device: torch.device | str) -> Named:
    place = Path(where).expanduser()
    try:
        found = find(where)
    except FileNotFoundError:
        if not place.is_dir() or (place / RECORD).is_file():  # a run that has not saved yet is no folder of pictures
            raise
        return Named(place.resolve().name, pictures=place)
    painter = open_painter(found, device)
    return Named(painter.name, painter, run=found if (found / CHECKPOINTS).is_dir() else None)


def size_of(named: Sequence[Named], asked: int | None = None) -> int:
    """The one size, in pixels, at which everything is scored.

    Args:
        named: painters and folders.
        asked: for folders of pictures; painters have a size of their own.

    Raises:
        ValueError: for painters of several sizes, or of another one than was asked for; and where there are only
            folders and nothing was asked for.
    """
    sizes = {one.name: one.painter.generator.image_shape[-1] for one in named if one.painter is not None}
    if asked is not None:
        sizes["--size"] = asked
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        raise ValueError(f"pictures of several sizes do not compare ({told} px); evaluate them one by one")
    if not sizes:
        raise ValueError("folders of pictures alone do not say at what size they are compared; give --size, e.g. 64")
    return next(iter(sizes.values()))

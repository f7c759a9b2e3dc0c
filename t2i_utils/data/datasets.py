"""The data sets that the builder knows by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from t2i_utils.data.oxford import oxford_flowers
from t2i_utils.data.source import Source
from t2i_utils.data.synthetic import synthetic_flowers

Reader = Callable[[Path | None, int | None, Sequence[str] | None], Source]


def read_oxford_flowers(root: Path | None, limit: int | None = None, classes: Sequence[str] | None = None) -> Source:
    """Oxford-102 with Reed's captions, from the folder where a person has put them; see `oxford_flowers`.

    Raises:
        ValueError: without a root.
    """
    if root is None:
        raise ValueError("oxford_flowers is read from a folder: say where it lies with --root DIR")
    return oxford_flowers(root, limit, classes)


def read_synthetic_flowers(
    root: Path | None = None, limit: int | None = None, classes: Sequence[str] | None = None
) -> Source:
    """The built-in flowers: drawn, not read, so that `root` is not looked at and `limit` is how many are drawn."""
    return synthetic_flowers(classes=classes) if limit is None else synthetic_flowers(limit, classes=classes)


# name -> read(root, limit, classes); what `python -m t2i_utils build` offers
DATASETS: dict[str, Reader] = {
    "synthetic_flowers": read_synthetic_flowers,
    "oxford_flowers": read_oxford_flowers,
}


def read_dataset(
    name: str, root: Path | None = None, limit: int | None = None, classes: Sequence[str] | None = None
) -> Source:
    """A data set by its name.

    Args:
        name: of DATASETS.
        root: the folder that holds it; built-in sets need none.
        limit: at most so many pictures, or None for all.
        classes: only these, or None for all.

    Raises:
        ValueError: for an unknown name, listing the known ones.
    """
    if name not in DATASETS:
        raise ValueError(f"no data set is called {name!r}; choose from: {', '.join(DATASETS)}")
    return DATASETS[name](root, limit, classes)

"""The data sets that the builder knows by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from t2i_utils.data.addresses import REMOTE_SETS
from t2i_utils.data.coco import coco_captions
from t2i_utils.data.cub import cub_birds
from t2i_utils.data.fashion_mnist import fashion_mnist
from t2i_utils.data.grey_flowers import grey_flowers
from t2i_utils.data.missing import refuse_pickle
from t2i_utils.data.older_hdf5 import older_hdf5
from t2i_utils.data.own_folder import own_folder
from t2i_utils.data.oxford import oxford_flowers
from t2i_utils.data.source import Source
from t2i_utils.data.synthetic import synthetic_flowers


@dataclass(frozen=True)
class Dataset:
    """How a data set is read.

    Attributes:
        summary: what it is, in one line.
        read: function of (root, limit, classes), as of `read_dataset`.
        root: what `--root` names: "DIR" or "FILE.h5", or "" where nothing is read.
    """

    summary: str
    read: Callable[[Path, int | None, Sequence[str] | None], Source]
    root: str = "DIR"


def draw_flowers(root: Path | None = None, limit: int | None = None, classes: Sequence[str] | None = None) -> Source:
    """The built-in flowers: drawn, not read, so that `root` is not looked at and `limit` is how many are drawn."""
    return synthetic_flowers(classes=classes) if limit is None else synthetic_flowers(limit, classes=classes)


def draw_grey_flowers(
    root: Path | None = None, limit: int | None = None, classes: Sequence[str] | None = None
) -> Source:
    """The built-in flowers in grey, drawn as `draw_flowers` draws."""
    return grey_flowers(classes=classes) if limit is None else grey_flowers(limit, classes=classes)


# what `python -m t2i_utils build` offers; each has a card in data/cards
DATASETS: dict[str, Dataset] = {
    "synthetic_flowers": Dataset("flowers that this package draws, every attribute known", draw_flowers, root=""),
    "oxford_flowers": Dataset("Oxford-102: photographs of 102 kinds of flowers, 10 captions each", oxford_flowers),
    "cub_birds": Dataset("CUB-200-2011: photographs of 200 kinds of birds, 10 captions each", cub_birds),
    "coco_captions": Dataset("COCO 2014: photographs of everyday scenes, 5 captions each", coco_captions),
    "fashion_mnist": Dataset("Fashion-MNIST: grey pictures of 28 x 28, captions from class names", fashion_mnist),
    "grey_flowers": Dataset("the built-in flowers in grey, 28 x 28, as Fashion-MNIST", draw_grey_flowers, root=""),
    "folder": Dataset("your own pictures beside a captions.jsonl", own_folder),
    "older_hdf5": Dataset("an HDF5 file of much older PyTorch code, read once more", older_hdf5, root="FILE.h5"),
}


def read_dataset(
    name: str, root: Path | None = None, limit: int | None = None, classes: Sequence[str] | None = None
) -> Source:
    """A data set by its name.

    Args:
        name: of DATASETS.
        root: the folder or file that holds it; built-in sets need none.
        limit: at most so many pictures, or None for all.
        classes: only these, or None for all.

    Raises:
        FileNotFoundError, ValueError: for an unknown name, listing the known ones; for a root that is not given where
            one is needed, or is a pickle; and as the reader does.
    """
    if name not in DATASETS:
        raise ValueError(f"no data set is called {name!r}; choose from: {', '.join(DATASETS)}")
    dataset = DATASETS[name]
    if dataset.root:
        if root is None:
            told = f"{name} is read from disk: say where it lies (in a notebook ROOT, else --root {dataset.root})"
            fetched = ", or have it fetched (in a notebook DOWNLOAD, else `python -m t2i_utils download`)"
            raise ValueError(told + (fetched if name in REMOTE_SETS else ""))
        refuse_pickle(Path(root))
    return dataset.read(root, limit, classes)

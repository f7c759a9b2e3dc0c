"""Data cards: for each data set what it holds, its licence and our split, and what of it was checked here."""

from __future__ import annotations

from pathlib import Path

from t2i_utils.data.datasets import DATASETS

FOLDER = Path(__file__).parent / "cards"


def read_card(name: str) -> str:
    """The card of a data set, as Markdown.

    Raises:
        ValueError: for an unknown name, listing the known ones.
    """
    if name not in DATASETS:
        raise ValueError(f"no data set is called {name!r}; choose from: {', '.join(DATASETS)}")
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def list_datasets() -> str:
    """A line for each data set: its name, and what it is."""
    return "\n".join(f"{name:18} {dataset.summary}" for name, dataset in DATASETS.items())

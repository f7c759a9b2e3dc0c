"""What painters are asked in the study of prompts: the same flowers, or written captions, in every structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from t2i_utils.data.rewordings import REWORDINGS
from t2i_utils.data.split import Contents
from t2i_utils.data.structures import STRUCTURES
from t2i_utils.data.synthetic import ATTRIBUTES

COLOURS = ("petal_color", "center_color")
SHARED = "yellow"  # the one colour that petals and center may both have
APART, YELLOW_CENTER, YELLOW_PETALS = "other colours", "yellow center", "yellow petals"
PROBES = (APART, YELLOW_CENTER, YELLOW_PETALS)

Row = Mapping[str, int]


@dataclass(frozen=True)
class Question:
    """What all painters are asked in one way.

    Attributes:
        captions: [n].
        rows: [n], what each states, attribute name to index of its value; none where nobody knows.
        denied: [n], attribute and index that each denies; none where nothing is denied.
    """

    captions: list[str]
    rows: list[Row]
    denied: list[tuple[str, int]]


def flowers(contents: Contents, count: int, seed: int) -> list[Row]:
    """Attributes of pictures drawn from a split of the built-in flowers, with petals and center of two colours."""
    known = [dict(zip(contents.values, row, strict=True)) for row in contents.attributes.tolist()]
    two = [row for row in known if len({ATTRIBUTES[name][row[name]] for name in COLOURS}) == 2]
    chosen = np.random.default_rng(seed).choice(len(two), size=min(count, len(two)), replace=False)
    return [two[index] for index in sorted(chosen.tolist())]


def ask(structure: str, rows: Sequence[Row], seed: int) -> Question:
    """Rows said in a structure of STRUCTURES; what a row leaves open depends on the seed and its place alone."""
    said = [STRUCTURES[structure](row, np.random.default_rng([seed, place])) for place, row in enumerate(rows)]
    return Question([one.text for one in said], list(rows), [one.denied for one in said if one.denied])


def with_shared_colour(rows: Sequence[Row], seed: int) -> dict[str, list[Row]]:
    """The rows without any yellow, then with a yellow center alone, then with yellow petals alone; else the same.

    Only yellow can be asked of the wrong part at all: no flower of the data has brown petals, or a red center.
    """
    yellow = {name: ATTRIBUTES[name].index(SHARED) for name in COLOURS}
    apart = []
    for place, row in enumerate(rows):
        rng = np.random.default_rng([seed, place, 1])
        step = {name: int(rng.integers(1, len(ATTRIBUTES[name]))) for name in COLOURS}
        other = {name: (yellow[name] + step[name]) % len(ATTRIBUTES[name]) for name in COLOURS}
        apart.append({**row, **{name: other[name] for name in COLOURS if row[name] == yellow[name]}})
    center, petals = ([{**row, name: yellow[name]} for row in apart] for name in ("center_color", "petal_color"))
    return {APART: apart, YELLOW_CENTER: center, YELLOW_PETALS: petals}


def questions(rows: Sequence[Row], seed: int) -> dict[str, Question]:
    """Every structure, and under the names of PROBES the rows of `with_shared_colour`, said by `binding`."""
    asked = {structure: ask(structure, rows, seed) for structure in STRUCTURES}
    return asked | {name: ask("binding", other, seed) for name, other in with_shared_colour(rows, seed).items()}


def reworded(contents: Contents, count: int, seed: int) -> dict[str, Question]:
    """Captions of a split, drawn at random, in every way of REWORDINGS."""
    total = len(contents.captions)
    chosen = sorted(np.random.default_rng(seed).choice(total, size=min(count, total), replace=False).tolist())
    return {
        name: Question([way(contents.captions[i], np.random.default_rng([seed, i])) for i in chosen], [], [])
        for name, way in REWORDINGS.items()
    }

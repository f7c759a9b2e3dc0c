"""Captions that people wrote, said in other ways by rules on their words alone: nobody has to know what they state.

They are rougher than `structures`, where what is said is known: a clause is what commas and a few words set apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from t2i_utils.data.structures import aside

WORD = re.compile(r"\w+(?:[-'\u2019]\w+)*")
# Words that hold sentences together and name nothing in a picture.
SMALL_WORDS = frozenset(
    WORD.findall(
        "a an the this that these those there here it its they their them he she his her and or but as at by for from "
        "in into of on onto over to up with which who while where is are was were be been being has have had does do "
        "can also very some it's there's"
    )
)
COLOURS = ("red", "orange", "yellow", "white", "pink", "purple", "blue", "green", "brown", "black", "grey")
CLAUSE = re.compile(
    r"\s*[,;:.!?]+(?:\s+|$)|\s+(?=(?:with|which|while)\s)|\s+and\s+(?=(?:a|an|the|its?|has|have|is|are|there)\s)", re.I
)

Rewording = Callable[[str, np.random.Generator], str]


def clauses(caption: str) -> list[str]:
    """The parts of a caption between commas, stops, "with", "which", "while" and an "and" that begins a new part."""
    return [part for part in CLAUSE.split(caption.strip()) if part]


def as_written(caption: str, rng: np.random.Generator) -> str:
    """The caption itself.

    Args:
        caption: one sentence or several.
        rng: what is left open is drawn from it; here nothing. As in all rewordings.
    """
    return caption


def word_list(caption: str, rng: np.random.Generator) -> str:
    """Its words that name something, each once; the caption itself where there are none."""
    named = [word for word in WORD.findall(caption.lower()) if word not in SMALL_WORDS]
    return ", ".join(dict.fromkeys(named)) or caption


def shortened(caption: str, rng: np.random.Generator) -> str:
    """Its first clause."""
    return (clauses(caption) or [caption])[0]


def lengthened(caption: str, rng: np.random.Generator) -> str:
    """Said twice, the second time with its clauses turned round: longer, and nothing new."""
    return f"This is a picture of what follows: {_open(caption)}. Once more: {turned(caption, rng)}."


def turned(caption: str, rng: np.random.Generator) -> str:
    """Its clauses in the opposite order."""
    parts = clauses(caption)
    return ", ".join(parts[::-1]) if len(parts) > 1 else caption


def distracted(caption: str, rng: np.random.Generator) -> str:
    """The caption and words about camera, time and mood that nothing in the picture depends on."""
    return f"{_open(caption)}, {aside(rng)}"


def denying(caption: str, rng: np.random.Generator) -> str:
    """The caption and a colour denied that it does not name."""
    named = set(WORD.findall(caption.lower()))
    others = [colour for colour in COLOURS if colour not in named] or list(COLOURS)
    return f"{_open(caption)}, and nothing {others[int(rng.integers(len(others)))]} in it"


def _open(caption: str) -> str:
    """Without what ends it, so that more can be said."""
    return caption.strip().rstrip(".,;:!? ")


WRITTEN = "as written"  # what all others are compared with
REWORDINGS: dict[str, Rewording] = {
    WRITTEN: as_written,
    "list": word_list,
    "shortened": shortened,
    "lengthened": lengthened,
    "turned": turned,
    "distractors": distracted,
    "negation": denying,
}

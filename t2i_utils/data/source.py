"""What every reader of a data set hands to the HDF5 builder: examples one by one, and facts about the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from PIL import Image

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Caption:
    """One sentence about one picture.

    Attributes:
        text: the sentence as the data set has it; the builder repairs it.
        states: names of the attributes that it states; empty where nobody knows.
    """

    text: str
    states: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Example:
    """One picture with everything said about it.

    Attributes:
        name: unique in its data set; error messages and reports use it.
        picture: a file to decode, or a picklable function from a size in pixels to a picture of that size.
        captions: at least one is needed for the example to be kept.
        class_name: its class, or "" where the data set has no classes.
        split: one of SPLITS.
        attributes: attribute name to the index of its value in `Source.attributes`.
    """

    name: str
    picture: Path | Callable[[int], Image.Image]
    captions: tuple[Caption, ...]
    class_name: str
    split: str
    attributes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """A data set before it is stored.

    Attributes:
        name: the data set's name on the command line.
        version: changes whenever the same name would give other pictures, captions or splits.
        licence: what its pictures and captions may be used for.
        examples: in a fixed order.
        channels: 3 for colour, 1 for grey.
        attributes: attribute name to its values, where attributes are known.
        origin: where it was read from, for people.
        notes: what a person should know, e.g. that this is a subset of the full set.
        native_size: pixels, square, that all its pictures have; built for exactly this size they are stored as they
            are, pixel by pixel and without room for crops. None where pictures have many sizes.
        encoding: how its pictures should be stored if nobody says otherwise; "auto" leaves it to their size.
    """

    name: str
    version: str
    licence: str
    examples: Sequence[Example]
    channels: int = 3
    attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    origin: str = ""
    notes: tuple[str, ...] = ()
    native_size: int | None = None
    encoding: Literal["auto", "raw", "jpeg"] = "auto"

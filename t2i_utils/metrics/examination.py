"""What two towers know of pictures of some classes: retrieval both ways, and the class by its name alone."""

from __future__ import annotations

from dataclasses import dataclass

from t2i_utils.data.split import Pictures
from t2i_utils.metrics.intervals import Interval
from t2i_utils.metrics.retrieval import Retrieval, retrieval, zero_shot
from t2i_utils.text.prompts import class_sentences
from t2i_utils.text.towers import Towers


@dataclass(frozen=True)
class Examination:
    """The marks.

    Attributes:
        retrieval: recalls both ways.
        zero_shot: how often the nearest class name is the picture's own; None where fewer than 2 classes are known.
        classes: among how many.
    """

    retrieval: Retrieval
    zero_shot: Interval | None
    classes: int

    def __str__(self) -> str:
        told = "" if self.zero_shot is None else f"\nclass by its name, of {self.classes}  {self.zero_shot}"
        return f"{self.retrieval}{told}"


def examine(towers: Towers, pictures: Pictures, dataset: str) -> Examination:
    """Examine both towers on pictures with all their captions; `dataset` says how its classes are asked for."""
    images, sentences = towers.compare(pictures)
    known = pictures.classes >= 0
    asked = class_sentences(dataset, pictures.class_names, pictures.classes.tolist())
    found = None
    if len(asked) > 1:
        prompts = {one: towers.read_all(said) for one, said in asked.items()}
        found = zero_shot(images[known], pictures.classes[known], prompts)
    return Examination(retrieval(images, sentences, pictures.caption_picture), found, len(asked))

"""What an untouched CLIP makes of the real side, and which captions are wrong for a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from t2i_utils.data.split import Contents
from t2i_utils.evaluation.plan import Plan
from t2i_utils.evaluation.words import first_of_each
from t2i_utils.metrics.extractors import ClipExtractor
from t2i_utils.metrics.gather import Gathered
from t2i_utils.metrics.judge import CANDIDATES
from t2i_utils.text.clip import ClipEncoder

POOL = 2000  # captions from which R-precision draws the wrong ones


@dataclass(frozen=True)
class Judged:
    """What an untouched CLIP makes of the real side.

    Attributes:
        encoder: the CLIP.
        real: its features of the real pictures.
        pool: positions of captions of different words, int64 [n], from which wrong ones are drawn; none where the
            split has too few.
        vectors: [n, dim], their sentences.
        words: [n], the captions themselves.
        classes: int64 [n], what they mean; all -1 where the split has fewer than 2 classes.
    """

    encoder: ClipEncoder
    real: Gathered
    pool: np.ndarray
    vectors: Tensor
    words: np.ndarray
    classes: np.ndarray

    def wrong(self, caption: str, meant: int, rng: np.random.Generator) -> np.ndarray:
        """Positions in the pool of captions that are wrong for a picture, by chance, int64 [candidates - 1].

        Args:
            caption: of the picture.
            meant: the class that it means; -1 where nobody knows.
            rng: the chance.

        Returns:
            Captions of another class, as papers take them (AttnGAN's and its followers' code); of other words where
            the class is not known.
        """
        return rng.choice(self._others(caption, meant), CANDIDATES - 1, replace=False)

    def _others(self, caption: str, meant: int) -> np.ndarray:
        if meant >= 0 and (self.classes >= 0).any():
            return np.flatnonzero((self.classes >= 0) & (self.classes != meant))
        return np.flatnonzero(self.words != caption)


def look_as_judge(judge: ClipEncoder, contents: Contents, classes: np.ndarray, plan: Plan) -> tuple[Judged, str]:
    """Prepare a judge; the pictures are still to come.

    Args:
        judge: the CLIP.
        contents: of the split.
        classes: int64 [captions], what its captions mean, of `caption_classes`.
        plan: what is asked.

    Returns:
        The judge, and why there is no R-precision; "" where there is.
    """
    different = first_of_each(contents.captions)
    pool = different[plan.captions(len(different), min(POOL, len(different)))]
    known = len(set(classes[classes >= 0].tolist())) > 1
    meant = classes[pool] if known else np.full(len(pool), -1)
    counts = np.unique(meant[meant >= 0], return_counts=True)[1]
    fewest = int(counts.sum() - counts.max()) if known else len(pool) - 1
    why = ""
    if fewest < CANDIDATES - 1:
        why = (
            f"it ranks a caption among {CANDIDATES}, and the {plan.split} split has {fewest} others"
            f"{' of other classes' if known else ''}; use a split with more captions"
        )
        pool, meant = pool[:0], meant[:0]
    words = np.array([contents.captions[row] for row in pool], dtype=object)
    vectors = judge.encode(words.tolist()).sentence if len(words) else torch.empty(0, judge.text_dim)
    # a folder's path is its machine's own business: its last part names it
    name = Path(judge.name).name if Path(judge.name).is_dir() else judge.name
    return Judged(judge, Gathered(ClipExtractor(judge, name), plan.keep), pool, vectors, words, meant), why

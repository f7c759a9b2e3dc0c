"""Real and painted pictures in one batch, under batch normalisation: usual code's flaw, to be looked at."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from t2i_utils.interfaces import Score, Text
from t2i_utils.objectives.round import Round


class JointRound(Round):
    """A round whose discriminator sees real and painted pictures in one batch in its own turn.

    Only batch normalisation can tell this from two: real pictures are then normalised by painted ones, which give away
    that they are different. In the generator's turn painted pictures stand alone, as in usual code.
    """

    @cached_property
    def together(self) -> tuple[Tensor, ...]:
        """The discriminator's features of real and painted pictures, seen in one batch, [2 batch, ...] each."""
        pairs = zip(self.changed(self.real), self.changed(self.shown[0]), strict=True)
        return self.discriminator.features(tuple(torch.cat(pair) for pair in pairs))

    @cached_property
    def all_scores(self) -> list[list[Score]]:
        """Scores of matching, painted and swapped pairs, judged in one batch."""
        count = len(self.batch)
        features = tuple(torch.cat([part, part[:count]]) for part in self.together)
        texts = Text.join([self.batch.text, self.shown[1], self.batch.text.take(self.batch.swap)])
        scores = self.score(features, texts)
        return [[Score(s.logits[at : at + count], s.sees_text) for s in scores] for at in (0, count, 2 * count)]

    @cached_property
    def real_features(self) -> tuple[Tensor, ...]:
        """The discriminator's features of the real pictures, [batch, ...] each."""
        return tuple(part[: len(self.batch)] for part in self.together)

    @cached_property
    def matching(self) -> list[Score]:
        """Scores of real pictures beside their own captions."""
        return self.all_scores[0]

    @cached_property
    def painted(self) -> list[Score]:
        """Scores of painted pictures in the discriminator's turn."""
        return self.all_scores[1]

    @cached_property
    def swapped(self) -> list[Score]:
        """Scores of real pictures beside someone else's captions."""
        return self.all_scores[2]

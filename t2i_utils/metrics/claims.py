"""What each metric claims to notice, and whether it did: a score before and after pictures were spoilt on purpose."""

from __future__ import annotations

import math
from dataclasses import dataclass

from t2i_utils.metrics.intervals import Interval

SPOILINGS = ("blur", "noise", "colours turned", "modes dropped", "captions swapped", "copies of training pictures")

# How each score should move under each spoiling, in the order of SPOILINGS: + it rises, - it falls, 0 it is not what
# the score measures and must leave it alone, . it claims nothing. A metric's own words decide: precision asks whether
# pictures look real and nothing about how many kinds there are; no score of pictures alone knows captions.
CLAIMS = {
    "FID": "++++0.",
    "KID": "++++0.",
    "CMMD": "++++0.",
    "precision": "---00.",
    "density": "---.0.",
    "recall": "...-0.",
    "coverage": "----0.",
    "IS": "-..-0.",
    "distance to training pictures": "...00-",
    "classification accuracy": "---0-.",
    "petal colour right": "..-0-.",
    "petal shape right": "--.0-.",
    "petal count right": "--.0-.",
    "center colour right": "..-0-.",
    "background right": "..-0-.",
    "CLIP score": "..-0-.",
    "R-precision": "..-0-.",
    "diversity": "...-..",
    "MS-SSIM within captions": "...+..",
    "text sensitivity": "....-.",
}
NOTICED, MISSED, WRONG_WAY, QUIET, MOVED, NO_CLAIM = "noticed", "missed", "wrong way", "quiet", "moved", "no claim"


@dataclass(frozen=True)
class Change:
    """One score before and after one spoiling.

    Attributes:
        metric: a row of CLAIMS.
        heading: the same with its extractor, e.g. "FID (reader)".
        spoiling: a name of SPOILINGS.
        strength: how much of it, in words.
        before, after: the score.
        times: how often each of a few pictures stands in place of others.
    """

    metric: str
    heading: str
    spoiling: str
    strength: str
    before: Interval
    after: Interval
    times: int = 1

    @property
    def size(self) -> float:
        r"""The difference over its own 95 % half width: beyond 1 or -1 it is more than chance.

        $$ (b - a) \,/\, \sqrt{h_a^2 + h_b^2} $$

        as if the two were independent. They are of the same pictures, so it errs on the quiet side.

        A painter that knows few pictures has the scores that these have. But a score that claims to be above such
        things may only be blamed for what any other choice of the few would do, too, and few pictures scatter more than
        many: there $h_b$, at least $h_a$, is taken $\sqrt{times}$ times.
        """
        difference = self.after.mean - self.before.mean
        width, wider = _half(self.before), _half(self.after)
        if self.times > 1 and self.claim not in ("+", "-"):
            wider = self.times**0.5 * max(width, wider)
        together = math.hypot(width, wider)
        if together == 0:
            return math.copysign(math.inf, difference) if difference else 0.0
        return difference / together

    @property
    def claim(self) -> str:
        """+, -, 0 or . of CLAIMS.

        Raises:
            ValueError: for a metric or a spoiling that CLAIMS does not know.
        """
        if self.metric not in CLAIMS or self.spoiling not in SPOILINGS:
            raise ValueError(
                f"nobody has written down what {self.metric!r} claims under {self.spoiling!r}; give it a place in "
                "CLAIMS"
            )
        return CLAIMS[self.metric][SPOILINGS.index(self.spoiling)]

    @property
    def verdict(self) -> str:
        """NOTICED, MISSED or WRONG_WAY where a move is claimed; QUIET or MOVED where none should be; or NO_CLAIM."""
        claim, size = self.claim, self.size
        if claim == ".":
            return NO_CLAIM
        if claim == "0":
            return QUIET if abs(size) <= 1 else MOVED
        if abs(size) <= 1:
            return MISSED
        return NOTICED if (size > 0) == (claim == "+") else WRONG_WAY

    def __str__(self) -> str:
        """The size with its sign; a large one without decimals."""
        if self.size == 0:
            return "0"
        return f"{self.size:+.1f}" if abs(self.size) < 9.95 else f"{self.size:+.0f}"


def _half(interval: Interval) -> float:
    return (interval.high - interval.low) / 2

"""What saying the same in another way changes, caption by caption, and what may be concluded from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from t2i_utils.metrics.attributes import grouped_features
from t2i_utils.metrics.diversity import spread
from t2i_utils.metrics.intervals import Interval, bootstrap
from t2i_utils.metrics.reader import Reader


@dataclass(frozen=True)
class Outcome:
    """One measure of one painter's pictures of captions of one structure.

    Attributes:
        painter, structure, measure: what was measured of whom.
        values: [captions], the mean over a caption's pictures.
        base: [captions], the same for what is compared with, from the same noises; () where nothing is.
        beside: what that is, where it is not the plainest way of saying the same.
        points: how many of the points that a sentence tells are 1 of the measure.
    """

    painter: str
    structure: str
    measure: str
    values: tuple[float, ...]
    base: tuple[float, ...] = ()
    beside: str = ""
    points: float = 100.0

    def level(self) -> Interval:
        """The mean over captions."""
        return bootstrap(self.values)

    def reference(self) -> Interval:
        """The mean of the base."""
        return bootstrap(self.base)

    def change(self, level: float = 0.95) -> Interval:
        """The mean difference from the base, caption by caption.

        Args:
            level: of confidence; the nearer to 1, the more resamples, so that 20 or more lie outside the interval.
        """
        resamples = max(2000, math.ceil(20 / (1 - level)))
        return bootstrap([one - other for one, other in zip(self.values, self.base, strict=True)], level, resamples)

    def differs(self) -> bool:
        """Whether the change's interval leaves out 0; False where there is no base."""
        return bool(self.base) and leaves_out_0(self.change())


def read_grouped(reader: Reader, images: Tensor) -> dict[str, object]:
    """What the reader sees in pictures of captions, as plain values.

    Args:
        reader: of pictures of this size.
        images: uint8 [captions, n, 3, size, size].

    Returns:
        "read": by attribute, [captions][n] indices of values; "spread": [captions], see `diversity.spread`.
    """
    read = reader.read(images.flatten(0, 1))
    return {
        "read": {name: values.unflatten(0, images.shape[:2]).tolist() for name, values in read.items()},
        "spread": spread(grouped_features(reader, images)).tolist(),
    }


def share_of(read: Sequence[Sequence[int]], wanted: Sequence[int]) -> tuple[float, ...]:
    """How often each caption's pictures show a value: read [captions][n] and wanted [captions], indices of values."""
    return tuple((torch.tensor(read) == torch.tensor(wanted)[:, None]).double().mean(dim=1).tolist())


def at_once(compared: int, level: float = 0.95) -> float:
    r"""The level of each of some intervals at which all of them hold together at `level`.

    $$ 1 - \frac{1 - \text{level}}{\text{compared}} $$

    Args:
        compared: how many intervals, 1 or more.
        level: of confidence in all of them.

    From: Dunn, Multiple Comparisons Among Means, 1961, by Bonferroni's inequality.
    """
    return 1 - (1 - level) / compared


def leaves_out_0(interval: Interval) -> bool:
    """Whether a difference is surely a gain or surely a loss."""
    return interval.low > 0 or interval.high < 0


def spelled(measure: str) -> str:
    """The name of a measure as people write it."""
    return measure.replace("_", " ").replace("color", "colour")


def findings(outcomes: Sequence[Outcome], chance: Mapping[str, float]) -> str:
    """A line a conclusion, only such as the intervals carry, all of them at once.

    A gain or a loss is told where the interval of the difference leaves out 0. Of the others it is told how large a
    difference the intervals leave possible, for "none was seen" is not "there is none".

    Args:
        outcomes: of all painters, the plainest structure first.
        chance: by measure, what a guess would give; what the plainest way does not beat is said to be lost already.
    """
    compared = [one for one in outcomes if one.base]
    level = at_once(max(1, len(compared)))
    lines = [f"{len(compared)} differences, each at {100 * level:.2f} %, so that all of them hold at once at 95 %:", ""]
    for painter in dict.fromkeys(one.painter for one in outcomes):
        mine = [one for one in outcomes if one.painter == painter]
        changes = [(one, one.change(level)) for one in mine if one.base]
        plain = mine[0].structure
        told = _from_plain([pair for pair in changes if not pair[0].beside], plain)
        told += [_beside(one, change) for one, change in changes if one.beside]
        guessed = [one for one in mine if one.structure == plain and _is_a_guess(one, chance)]
        if guessed:
            names = _and([spelled(one.measure) for one in guessed])
            told.append(f"of {names} little can be lost: even `{plain}` does not beat chance there.")
        lines += [f"- {painter}: {line}" for line in told]
    return "\n".join(lines) + "\n"


def _from_plain(changes: Sequence[tuple[Outcome, Interval]], plain: str) -> list[str]:
    """What differs from the plainest way, a line a structure; those of which nothing can be told in one line."""
    lines, alike = [], []
    for structure in dict.fromkeys(one.structure for one, _ in changes):
        sure = [(one, change) for one, change in changes if one.structure == structure and leaves_out_0(change)]
        if sure:
            lines.append(f"`{structure}` {_and([_moved(one, change) for one, change in sure])}.")
        else:
            alike.append(structure)
    if alike:
        most = max(one.points * max(-change.low, change.high) for one, change in changes if one.structure in alike)
        names = _and([f"`{name}`" for name in alike])
        lines.append(f"{names} cannot be told apart from `{plain}`; differences above {most:.1f} points are ruled out.")
    return lines


def _beside(one: Outcome, change: Interval) -> str:
    told = f"{one.points * change.mean:+.1f} points {_ends(one, change)}"
    told = told if leaves_out_0(change) else f"too near to tell apart, {told}"
    with_it, without = (100 * interval.mean for interval in (one.level(), one.reference()))
    return f"{one.measure} in {with_it:.1f} % of pictures, {without:.1f} % {one.beside}: {told}."


def _is_a_guess(one: Outcome, chance: Mapping[str, float]) -> bool:
    return one.measure in chance and one.level().low <= chance[one.measure]


def _moved(one: Outcome, change: Interval) -> str:
    points = f"{abs(one.points * change.mean):.1f} points {_ends(one, change)}"
    return f"{'gains' if change.mean > 0 else 'loses'} {points} of {spelled(one.measure)}"


def _ends(one: Outcome, change: Interval) -> str:
    return f"[{one.points * change.low:+.1f}, {one.points * change.high:+.1f}]"


def _and(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)

"""Two ways of doing the same work, timed in turn: A B A B ..., and the ratio of their medians.

Whatever else the machine does falls on both sides alike. Threads are torch's default on both. What else must be the
same (memory format, optimisers, what is computed) is for each benchmark to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

Sampler = Callable[[], float]  # works for a while, returns seconds a unit of work


@dataclass(frozen=True)
class Side:
    """One way of doing the work.

    Attributes:
        name: one word, shown beside its numbers.
        start: from the benchmark's folder to a sampler; a module's function, as it runs in another process too.
    """

    name: str
    start: Callable[[Path], Sampler]


@dataclass(frozen=True)
class Benchmark:
    """A claim about speed.

    Attributes:
        name: unique; `--only` takes it.
        ours: our side.
        other: what it is compared with.
        bar: what the ratio must reach.
        at_most: False: the ratio is other / ours and at least `bar`; True: ours / other and at most `bar`.
        samples: how often each side is timed.
        warm_up: samples of each side before those that count.
        prepare: writes into the benchmark's folder what both sides read.
        limit: seconds that a unit of our work may take at most, where a person waits for it.
    """

    name: str
    ours: Side
    other: Side
    bar: float
    at_most: bool = False
    samples: int = 10
    warm_up: int = 2
    prepare: Callable[[Path], object] | None = None
    limit: float | None = None

    def ratio(self, ours: float, other: float) -> float:
        """The claim's number, of both sides' seconds."""
        return ours / other if self.at_most else other / ours

    def holds(self, ratio: float) -> bool:
        """Whether `ratio` reaches the bar."""
        return ratio <= self.bar if self.at_most else ratio >= self.bar


@dataclass(frozen=True)
class Outcome:
    """What was measured.

    Attributes:
        benchmark: of which claim.
        seconds: median seconds a unit of work, ours and the other's.
        megabytes: peak memory, ours and the other's; None where it cannot be measured.
    """

    benchmark: Benchmark
    seconds: tuple[float, float]
    megabytes: tuple[float | None, float | None]

    @property
    def ratio(self) -> float:
        """The claim's number, of the medians."""
        return self.benchmark.ratio(*self.seconds)

    @property
    def holds(self) -> bool:
        """Whether the claim is true here."""
        claim, ours = self.benchmark, self.seconds[0]
        return claim.holds(self.ratio) and (claim.limit is None or ours <= claim.limit)

    def __str__(self) -> str:
        claim = self.benchmark
        sides = zip((claim.ours, claim.other), self.seconds, self.megabytes, strict=True)
        beside = "".join(f"   {side.name} {tell_time(s)}, {tell_memory(mb)}" for side, s, mb in sides)
        bar = f"{'<=' if claim.at_most else '>='} {claim.bar:g}"
        beside += "" if claim.limit is None else f"   (at most {tell_time(claim.limit)})"
        return f"{claim.name:<8}  {self.ratio:7.3f}  {bar:<7}{beside}{'' if self.holds else '   FALLS SHORT'}"


def tell_time(seconds: float) -> str:
    """Seconds, for people, in milliseconds."""
    return f"{1000 * seconds:.2f} ms" if seconds < 0.1 else f"{1000 * seconds:,.0f} ms"


def tell_memory(megabytes: float | None) -> str:
    """Megabytes, for people."""
    return "memory unknown" if megabytes is None else f"{megabytes:,.0f} MB"


def interleaved(samplers: Sequence[Sampler], samples: int, warm_up: int) -> tuple[float, ...]:
    """The median seconds of each sampler, sampled in turn `samples` times, after `warm_up` that do not count."""
    for _ in range(warm_up):
        for sample in samplers:
            sample()
    rounds = [[sample() for sample in samplers] for _ in range(samples)]
    return tuple(median(column) for column in zip(*rounds, strict=True))


def timed(work: Callable[[], object], repeats: int = 1) -> Sampler:
    """A sampler that does `work` so many times in a row."""

    def sample() -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        return (time.perf_counter() - start) / repeats

    return sample

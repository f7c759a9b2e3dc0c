"""Measure every claim about speed, one line each: `name  ratio  bar`, then both sides' medians and peak memory."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.df_gan import AGEING, DF_GAN, FROZEN, LAZY, MEMORY, PENALTY, SHORTCUTS
from benchmarks.evaluation import EVALUATION
from benchmarks.loader import LOADER
from benchmarks.memory import peak_megabytes
from benchmarks.picture import PICTURE
from benchmarks.playground import PLAYGROUND
from benchmarks.saving import SAVING
from benchmarks.step import STEP
from benchmarks.timing import Benchmark, Outcome, interleaved
from benchmarks.trainer import TRAINER

BENCHMARKS = (
    LOADER,
    STEP,
    DF_GAN,
    MEMORY,
    SHORTCUTS,
    FROZEN,
    LAZY,
    PENALTY,
    AGEING,
    TRAINER,
    SAVING,
    PICTURE,
    PLAYGROUND,
    EVALUATION,
)


def measure(benchmark: Benchmark) -> Outcome:
    """Time both sides in turn in this process, then each one's memory in a process of its own."""
    sides = (benchmark.ours, benchmark.other)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if benchmark.prepare is not None:
            benchmark.prepare(folder)
        ours, other = interleaved([side.start(folder) for side in sides], benchmark.samples, benchmark.warm_up)
        memory = [peak_megabytes(side, folder) for side in sides]
    return Outcome(benchmark, (ours, other), (memory[0], memory[1]))


def describe(benchmark: Benchmark) -> str:
    """One line of `--list`."""
    bar = f"{'at most' if benchmark.at_most else 'at least'} {benchmark.bar:g}"
    return f"{benchmark.name:<8}  {benchmark.ours.name} against {benchmark.other.name}, {bar}"


def main(arguments: Sequence[str] | None = None, benchmarks: Sequence[Benchmark] = BENCHMARKS) -> int:
    """Returns 0 where every claim holds, 1 where one falls short."""
    names = [benchmark.name for benchmark in benchmarks]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", metavar="NAME", choices=names, action="append", help=f"one of {', '.join(names)}; may be given again"
    )
    parser.add_argument("--list", action="store_true", help="name the benchmarks and their bars, measure nothing")
    options = parser.parse_args(arguments)
    chosen = [benchmark for benchmark in benchmarks if not options.only or benchmark.name in options.only]
    if options.list:
        print("\n".join(map(describe, chosen)))
        return 0
    hold = True
    for benchmark in chosen:
        outcome = measure(benchmark)
        print(outcome, flush=True)
        hold &= outcome.holds
    return 0 if hold else 1


if __name__ == "__main__":
    sys.exit(main())

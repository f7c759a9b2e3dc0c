"""Peak memory of one side of a benchmark, measured in a fresh process that does nothing else.

The process imports what the side needs, notes the memory it holds, and does a few samples; the peak is the most that
Linux saw it hold meanwhile (VmHWM, reset before the work), less what it held before. Worker processes that the side
started count with what each holds for itself alone at the end (Private_* of smaps_rollup): pages shared with their
parent count once. `getrusage` would do for neither: a new process inherits the ru_maxrss of the one that started it.
Elsewhere than on Linux: unknown.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.timing import Sampler, Side
from t2i_utils.studies.memory import growth


def peak_megabytes(side: Side, folder: Path, samples: int = 2) -> float | None:
    """Peak memory of starting a side and sampling it, 10^6 bytes; None where the system does not tell."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_peak_here, side.start, folder, samples).result()


def _peak_here(start: Callable[[Path], Sampler], folder: Path, samples: int) -> float | None:
    def work() -> Sampler:
        sample = start(folder)
        for _ in range(samples):
            sample()
        return sample  # alive, so that its workers are

    return growth(work)

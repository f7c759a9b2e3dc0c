"""Peak memory of one side of a benchmark, measured in a fresh process that does nothing else.

The process imports what the side needs, notes the memory it holds, and does a few samples; the peak is the most that
Linux saw it hold meanwhile (VmHWM, reset before the work), less what it held before. Worker processes that the side
started count with what each holds for itself alone at the end (Private_* of smaps_rollup): pages shared with their
parent count once. `getrusage` would do for neither: a new process inherits the ru_maxrss of the one that started it.
Elsewhere than on Linux: unknown.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.timing import Sampler, Side

PROCESS = Path("/proc/self")


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


def growth(work: Callable[[], object]) -> float | None:
    """How much this process and its children grew at most during `work`, 10^6 bytes; None where nobody tells."""
    if not (PROCESS / "clear_refs").exists():
        work()
        return None
    gc.collect()
    (PROCESS / "clear_refs").write_text("5")  # forget the peak so far
    before = kilobytes(PROCESS / "status", "VmRSS")
    held = work()
    peak = kilobytes(PROCESS / "status", "VmHWM") - before
    workers = [Path(f"/proc/{worker.pid}/smaps_rollup") for worker in multiprocessing.active_children()]
    peak += sum(kilobytes(path, "Private_Clean") + kilobytes(path, "Private_Dirty") for path in workers)
    del held
    return peak * 1024 / 1e6


def kilobytes(path: Path, key: str) -> int:
    """One line of a file in /proc, e.g. "VmRSS:  1234 kB", as a number."""
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0])
    raise ValueError(f"{path} has no line {key!r}; this kernel does not tell it")

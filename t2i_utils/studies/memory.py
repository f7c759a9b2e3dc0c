"""Peak memory of a piece of work, as Linux tells it."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
from collections.abc import Callable
from pathlib import Path

PROCESS = Path("/proc/self")


def growth(work: Callable[[], object]) -> float | None:
    """How much this process and its children grew at most during `work`, 10^6 bytes; None where nobody tells."""
    if not (PROCESS / "clear_refs").exists():
        work()
        return None
    gc.collect()
    give_back()
    (PROCESS / "clear_refs").write_text("5")  # forget the peak so far
    before = kilobytes(PROCESS / "status", "VmRSS")
    held = work()
    peak = kilobytes(PROCESS / "status", "VmHWM") - before
    workers = [Path(f"/proc/{worker.pid}/smaps_rollup") for worker in multiprocessing.active_children()]
    peak += sum(kilobytes(path, "Private_Clean") + kilobytes(path, "Private_Dirty") for path in workers)
    del held
    return peak * 1024 / 1e6


def give_back() -> None:
    """Hand what earlier work left free in the heap back to Linux: later work would fill that, and seem to take none."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, other C libraries need not
    if trim is not None:
        trim(0)


def kilobytes(path: Path, key: str) -> int:
    """One line of a file in /proc, e.g. "VmRSS:  1234 kB", as a number."""
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0])
    raise ValueError(f"{path} has no line {key!r}; this kernel does not tell it")

"""From a command to eight pictures of one's caption: the whole process, imports included, against importing torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.timing import Benchmark, Sampler, Side, timed

CAPTION = "a blue flower with five pointed petals in front of soil"


def in_a_process(folder: Path, arguments: Sequence[str]) -> Sampler:
    """One fresh interpreter of this environment a sample."""
    command = [sys.executable, *arguments]
    return timed(partial(subprocess.run, command, cwd=folder, check=True, capture_output=True))


def start_ours(folder: Path) -> Sampler:
    """The command of README's first lines: eight pictures by the painter that comes with the package."""
    return in_a_process(folder, ["-m", "t2i_utils", "sample", "--caption", CAPTION])


def start_torch(folder: Path) -> Sampler:
    """What no such command can do without."""
    return in_a_process(folder, ["-c", "import torch"])


PICTURE = Benchmark(
    "picture", Side("ours", start_ours), Side("import torch", start_torch), bar=2.5, at_most=True, limit=5.0
)

"""Examples prepared by several processes at once, handed over in their order."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from t2i_utils.data.pictures import Prepared, Task
from t2i_utils.data.source import Example

FEW, RUN = 200, 32  # below FEW examples, starting workers takes longer than the work; RUN examples travel together

Work = Callable[[Sequence[Task]], list[Prepared]]


def in_order(examples: Sequence[Example], work: Work, workers: int | None = None) -> Iterator[Prepared]:
    """Every example prepared, in order; workers are never far ahead of whoever takes what they made.

    Close the iterator to stop the workers.

    Args:
        examples: with picklable pictures.
        work: a picklable function of (picture, captions) pairs to as many Prepared.
        workers: processes; as many as there are cores, or 1 for a few examples, if not given. 1 works in this process.

    Raises:
        RuntimeError: if a worker was killed.
    """
    if workers is None:
        workers = 1 if len(examples) < FEW else os.cpu_count() or 1
    tasks = [(example.picture, example.captions) for example in examples]
    runs = [tasks[start : start + RUN] for start in range(0, len(tasks), RUN)]
    if workers <= 1:
        for run in runs:
            yield from work(run)
        return
    # spawn: forking a process that has used torch or CUDA can hang it
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_leave_ctrl_c_to_the_parent)
    try:
        waiting = deque(pool.submit(work, run) for run in runs[: 4 * workers])
        for run in [*runs[4 * workers :], *[None] * len(waiting)]:
            done = waiting.popleft().result()
            if run is not None:
                waiting.append(pool.submit(work, run))
            yield from done
    except BrokenProcessPool as error:
        raise RuntimeError(
            "a worker stopped: out of memory, or called by a script without `if __name__ == '__main__':`; use workers=1"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

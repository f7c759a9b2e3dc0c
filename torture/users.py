"""Many people at once at the web page: is everybody served, in order, with their own picture, and after how long?

`python -m torture.users --users 50` serves the page in a process of its own, lets so many users ask within a moment,
and prints how long they waited. Every answer's bytes are compared with what a studio shows here.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from t2i_utils.playground.examples import EXAMPLES
from t2i_utils.playground.state import State, as_numbers
from t2i_utils.playground.studio import Studio
from torture.prompts import fetch, free_port, last_event


@dataclass(frozen=True)
class Visit:
    """One user's question and answer.

    Attributes:
        place: in the order of asking, from 0.
        asked, answered: seconds since all began, until the last byte.
        same: whether the answer is, byte for byte, what a studio shows.
    """

    place: int
    asked: float
    answered: float
    same: bool


def visit(url: str, users: int, count: int, studio: Studio) -> list[Visit]:
    """So many users ask for `count` pictures each, one right after the other, with captions and seeds of their own.

    Raises:
        OSError, ValueError, RuntimeError: where one of them is not served.
    """
    states = [
        State(EXAMPLES[user % len(EXAMPLES)], seed=user, count=count, painter=studio.names[0]) for user in range(users)
    ]
    expected = [studio.show(state).png for state in states]
    together, door, places, begun = threading.Barrier(users), threading.Lock(), itertools.count(), time.monotonic()
    call = f"{url}gradio_api/call/paint"

    def ask(user: int) -> Visit:
        body = json.dumps({"data": list(as_numbers(states[user]).values())}).encode()
        together.wait()
        with door:  # so that it is known who came first
            place, asked = next(places), time.monotonic() - begun
            status, told = fetch(call, body)
        if status != 200:
            raise OSError(f"user {user} was turned away ({status}): {told[:200]!r}")
        kind, said = last_event(fetch(f"{call}/{json.loads(told)['event_id']}")[1])
        if kind != "complete":
            raise ValueError(f"user {user} got no picture: {said}")
        _, sheet = fetch(said[0]["url"])
        return Visit(place, asked, time.monotonic() - begun, sheet == expected[user])

    with ThreadPoolExecutor(users) as threads:
        return list(threads.map(ask, range(users)))


def in_order(visits: Sequence[Visit]) -> int:
    """How many were answered after everybody who had asked before them."""
    latest, found = 0.0, 0
    for one in sorted(visits, key=lambda one: one.place):
        found += one.answered >= latest
        latest = max(latest, one.answered)
    return found


@contextmanager
def page_process(users: int) -> Iterator[str]:
    """The page in a process of its own, as `python -m t2i_utils web` serves it; its address."""
    port = free_port()
    command = [sys.executable, "-m", "t2i_utils", "web", "--port", str(port), "--queue", str(users)]
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except (urllib.error.URLError, TimeoutError):
                if process.poll() is not None:
                    raise RuntimeError(f"the page ended with status {process.returncode}") from None
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m torture.users", description=__doc__)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--count", type=int, default=8, help="pictures for each of them")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # as the page has: two threads add in another order, and bytes are compared
    with page_process(options.users) as url:
        studio = Studio()
        visit(url, 1, options.count, studio)  # the first picture of all is slower
        visits = visit(url, options.users, options.count, studio)
        alone = [visit(url, 1, options.count, studio)[0].answered for _ in range(10)]
    waited = sorted(one.answered - one.asked for one in visits)
    print(
        f"{options.users} users at once, {options.count} pictures each: all served, "
        f"{sum(one.same for one in visits)} of {len(visits)} with the very bytes a studio shows, "
        f"{in_order(visits)} after everybody who had asked before\n"
        f"waited: median {statistics.median(waited):.2f} s, longest {waited[-1]:.2f} s, shortest {waited[0]:.2f} s; "
        f"{len(visits) / max(one.answered for one in visits):.1f} users a second\n"
        f"alone: median {statistics.median(alone) * 1000:.0f} ms from question to last byte"
    )
    return 0 if all(one.same for one in visits) else 1


if __name__ == "__main__":
    sys.exit(main())

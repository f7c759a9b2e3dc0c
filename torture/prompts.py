"""Ask the playground what nobody should ask, thousands of times, and look whether it falls over.

`python -m torture.prompts --count 10000` makes fuzzed settings from a seed: emoji, right-to-left text, control
characters, script tags, megabytes, wrong types, NaN, enormous numbers, deep nesting, fields that are not there. Each
must give a picture or a refusal in words. First the pure function is asked, then (`--endpoint N`) the web page's
endpoint over HTTP; the memory of the process is printed before and after.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import socket
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from t2i_utils.playground.settings import from_png
from t2i_utils.playground.state import MOST, MOST_TRIES, SEEDS, VIEWS, State, from_numbers
from t2i_utils.playground.studio import Studio
from t2i_utils.playground.webapp import Serving, served

FIELDS = tuple(State.__dataclass_fields__)
PIECES = (
    "red",
    "a blue flower with pointed petals",
    "",
    " ",
    "\t\n\r",
    "🌺🌹" * 3,
    "👩‍👩‍👧‍👦 flag 🇩🇪",
    "زهرة حمراء",
    "\u202eflower desrever\u202c",
    "\x00\x01\x1b[31m\x7f",
    "\ufeff\u200b\u200d",
    "Z̷̧̛̖̹̳̱̦a̴l̷g̵o̶",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "'; DROP TABLE flowers; --",
    "{{7*7}} ${7*7} %s %n {0}",
    "../../etc/passwd",
    "file:///etc/passwd",
    "\\\\host\\share",
    "\ud800",
    "花が咲く",
    "\U0001d571\U0001d591\U0001d594\U0001d59c\U0001d58a\U0001d597",
    "ﬁne ǅ İ ß",
    "\U0010ffff",
    "a" * 77,
)


def fuzzed(rng: random.Random) -> Any:
    """Settings as somebody may send them: mostly a state's fields, some of them impossible.

    Args:
        rng: whose next numbers decide.
    """
    if rng.random() < 0.02:
        return thing(rng)
    told: dict[Any, Any] = {
        "caption": words(rng),
        **{name: value(rng) for name, value in GOOD.items() if rng.random() < 0.3},
    }
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        told[rng.choice(FIELDS)] = thing(rng)
    if rng.random() < 0.03:
        told[rng.choice(("", "__class__", "caption ", "ï", "x" * 10_000))] = thing(rng)
    if rng.random() < 0.03:
        del told[rng.choice(list(told))]
    return told


def words(rng: random.Random) -> str:
    """A caption of a few pieces."""
    return rng.choice(("", " ")).join(rng.choice(PIECES) for _ in range(rng.choice((1, 1, 2, 3))))


def thing(rng: random.Random) -> Any:
    """A value of any type that JSON can carry, some of them very large."""
    return rng.choice(THINGS)(rng)


def nested(rng: random.Random) -> Any:
    """A list or an object within another, and so on, to the depth that a parser takes or some hundreds."""
    tree: Any = 0
    for _ in range(rng.randrange(1, 400)):
        tree = [tree] if rng.random() < 0.5 else {"path": tree}
    return tree


GOOD: dict[str, Callable[[random.Random], Any]] = {
    "second": words,
    "mix": lambda rng: rng.randrange(101),
    "seed": lambda rng: rng.randrange(SEEDS),
    "count": lambda rng: rng.choice((1, 2, 3, 4, MOST)),
    "truncation": lambda rng: rng.uniform(0.05, 10),
    "view": lambda rng: rng.choice(list(VIEWS)),
    "tries": lambda rng: rng.randrange(1, MOST_TRIES + 1),
}
THINGS: tuple[Callable[[random.Random], Any], ...] = (
    words,
    nested,
    lambda rng: None,
    lambda rng: rng.random() < 0.5,
    lambda rng: rng.choice((float("nan"), float("inf"), -float("inf"), -0.0, 5e-324, 1e308, 0.5, 8.0)),
    lambda rng: rng.choice((0, -1, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**400, -(10**4000))),
    lambda rng: rng.choice("xé🌺\x00<") * rng.choice((499, 500, 501, 10_000, 1_000_000)),
    lambda rng: [words(rng) for _ in range(rng.randrange(4))],
    lambda rng: {words(rng): words(rng)},
    lambda rng: {"path": rng.choice(PIECES), "meta": {"_type": "gradio.FileData"}},
)


def ask_render(told: Any, studio: Any) -> str:
    """`painted` for settings that give a picture, `refused` for those that are answered in words.

    Raises:
        RuntimeError: for a picture that does not hold its settings, or a refusal that says nothing.
    """
    try:
        state = from_numbers(told)
        shown = studio.show(state)
    except ValueError as error:
        if not 10 <= len(str(error)) <= 1500:
            raise RuntimeError(f"{str(error)[:200]!r} does not say what is wrong") from error
        return "refused"
    if from_png(shown.png) != state:
        raise RuntimeError(f"the picture of {state} holds other settings")
    return "painted"


def ask_endpoint(told: Any, url: str) -> str:
    """The same of a page's endpoint: `painted`, `refused` (by the state), or `turned away` (at the door).

    Raises:
        RuntimeError: for a traceback, an error without words, or a status that is nobody's intention.
    """
    call = f"{url}gradio_api/call/v2/paint"
    status, body = fetch(call, json.dumps(told).encode())
    _check(body)
    if status != 200:
        if status not in (413, 422) or not json.loads(body)["detail"]:
            raise RuntimeError(f"{status}: {body[:200]!r}")
        return "turned away"
    status, body = fetch(f"{url}gradio_api/call/paint/{json.loads(body)['event_id']}")
    _check(body)
    kind, said = last_event(body)
    if kind == "complete":
        return "painted"
    if status != 200 or kind != "error" or not said["error"]:
        raise RuntimeError(f"{status}, {kind}: {said}, of {str(told)[:300]}")
    return "refused"


def last_event(body: bytes) -> tuple[str, Any]:
    """The kind of a stream's last event, and what it says."""
    lines = body.decode().split("\n")
    return lines[-4].removeprefix("event: "), json.loads(lines[-3].removeprefix("data: "))


def _check(body: bytes) -> None:
    if b"Traceback" in body or b'File \\"' in body:
        raise RuntimeError(f"a traceback was shown: {body[:300]!r}")


def fetch(url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Status and bytes of an answer; a body is posted as JSON.

    Raises:
        RuntimeError: where there is none.
    """
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except (BrokenPipeError, ConnectionResetError, urllib.error.URLError) as error:
        if body and len(body) > 64_000:  # turned away while it was still sending
            return 413, b'{"detail": "the connection was closed on a request that is too long"}'
        raise RuntimeError(f"no answer: {error}") from error


def many(
    count: int, seed: int, ask: Callable[[Any], str], told: Callable[[str], None]
) -> Iterator[tuple[Counter, float]]:
    """Ask so often; the tally and the memory in MB after every tenth part.

    Args:
        count: questions.
        seed: of the settings.
        ask: one question.
        told: receives a line now and then.
    """
    rng, tally = random.Random(seed), Counter()
    for index in range(1, count + 1):
        tally[ask(fuzzed(rng))] += 1
        if index % max(1, count // 10) == 0:
            gc.collect()
            told(f"{index:6}: {dict(tally)}, {memory():.0f} MB")
            yield tally.copy(), memory()


def memory() -> float:
    """Megabytes that this process holds."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    raise RuntimeError("this system does not say how much memory a process holds")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m torture.prompts", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="settings for the pure function")
    parser.add_argument("--endpoint", type=int, default=1_000, help="settings for the endpoint")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    studio = Studio()
    studio.painter(studio.names[0])
    begun = time.monotonic()
    all(many(options.count, options.seed, lambda told: ask_render(told, studio), print))
    print(f"render: {options.count} in {time.monotonic() - begun:.0f} s, no crash")
    if options.endpoint:
        with served(studio, Serving(port=free_port())) as url:
            begun = time.monotonic()
            all(many(options.endpoint, options.seed, lambda told: ask_endpoint(told, url), print))
            print(f"endpoint: {options.endpoint} in {time.monotonic() - begun:.0f} s, no crash, no traceback shown")
    return 0


if __name__ == "__main__":
    sys.exit(main())

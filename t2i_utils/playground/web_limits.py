"""What stands between the web page and the world: it lets in what the page and its endpoints need, nothing else.

Gradio serves many routes that a page of pictures has no use for, reads request bodies of any length into memory, and
fetches files from addresses that a request names. `Doors` is an ASGI application around it that does none of this.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

PREFIX = "/gradio_api/"
OPEN = re.compile(
    r"/|/(config|login|logout|theme\.css|manifest\.json|robots\.txt|favicon\.ico)/?|/(assets|static|svelte)/.*|"
    r"/gradio_api/(info|openapi\.json|app_id|user|token|login_check|startup-events|theme\.css|queue/(join|data|status)|"
    r"cancel|reset|heartbeat/[\w-]+|upload|upload_progress)/?"
)
CALL = re.compile(r"/gradio_api/call/(v2/)?(\w+)(/\w+)?/?")
FILES = PREFIX + "file="
UPLOAD = PREFIX + "upload"
LARGEST_BODY = 64_000  # bytes of a request; two captions of 500 letters have at most 12,000
LARGEST_UPLOAD = 5_000_000  # bytes of a PNG with settings; the largest that a playground saves has about 2,000,000
FORGOTTEN = 2_000_000  # bytes beyond these that are received before the refusal, and kept nowhere
LARGEST_FOLDER = 1_000_000_000  # bytes of pictures that lie there to be fetched
# A browser loads and asks nothing from other machines, whatever the page or somebody's caption says.
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Doors:
    """An ASGI layer that refuses what is too long, names addresses, or knocks where nobody is at home.

    Args:
        app: what is guarded.
        folder: where pictures lie until they are fetched; nothing is served from elsewhere.
        takes: the names of an endpoint's arguments in order, by the endpoint's name.
    """

    def __init__(self, app: Callable, folder: Path, takes: dict[str, Sequence[str]]):
        self.app, self.folder, self.takes = app, folder, takes

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Pass one request on, or answer it with a refusal: plain words in JSON's `detail`."""
        if scope["type"] != "http":
            await (_hang_up(send) if scope["type"] == "websocket" else self.app(scope, receive, send))
            return
        path = scope["path"]
        if not self._is_open(path):
            await _refuse(send, 404, "nothing is here")
            return
        if scope["method"] not in ("GET", "HEAD"):
            uploads = path.startswith(UPLOAD)
            most = LARGEST_UPLOAD if uploads else LARGEST_BODY
            body = await _read(receive, most)
            if body is None:
                await _refuse(send, 413, f"the request has more than {most:,} bytes; send less")
                return
            if uploads and size_of(self.folder) > LARGEST_FOLDER:
                await _refuse(send, 507, "too many pictures lie here; try again in some minutes")
                return
            if why := "" if uploads or path.startswith("/login") else self._what_is_wrong(path, body):
                await _refuse(send, 422, why)
                return
            receive = _replay(body, receive)
        await self.app(scope, receive, _with_headers(send))

    def _is_open(self, path: str) -> bool:
        if path.startswith(FILES):  # the application follows links and dots, and looks again
            return path.startswith(f"{FILES}{self.folder}/")
        call = CALL.fullmatch(path)
        return call[2] in self.takes if call else OPEN.fullmatch(path) is not None

    def _what_is_wrong(self, path: str, body: bytes) -> str:
        """Why a request in JSON cannot be; "" if it can."""
        try:
            told = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            return "the request is no JSON"
        if not isinstance(told, dict):
            return "the request is no JSON object"
        if _names_a_file(told, f"{self.folder}/"):
            return "the request names a file that was not uploaded here"
        call = CALL.fullmatch(path)
        return _what_is_wrong_with_call(call[2], bool(call[1]), told, self.takes[call[2]]) if call else ""


def _what_is_wrong_with_call(name: str, by_name: bool, told: dict[str, Any], takes: Sequence[str]) -> str:
    """Why an endpoint cannot be called so; the values are looked at by whoever takes them."""
    arguments = ", ".join(takes) or "nothing"
    if by_name:
        if any(given not in takes for given in told) or any(needed not in told for needed in takes[:1]):
            return f"/{name} takes {arguments}, by name; the first must be given"
        return ""
    data = told.get("data")
    if not isinstance(data, list) or len(data) != len(takes):
        given = f"{len(data)} values" if isinstance(data, list) else "no list"
        return (
            f"data holds {given}; /{name} takes a list of {len(takes)}: {arguments} "
            f"(or post values by name to {PREFIX}call/v2/{name})"
        )
    return ""


def size_of(folder: Path) -> int:
    """Bytes of all files under a folder; one that is taken away meanwhile counts for nothing."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.lstat().st_size
    return total


def _names_a_file(told: Any, folder: str) -> bool:
    """Whether anything in a JSON tree is a file of the machine or of an address, and not one in `folder`."""
    waiting = [told]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            path = one.get("path")
            if isinstance(path, str) and ("\0" in path or not os.path.normpath(path).startswith(folder)):
                return True
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return False


async def _read(receive: Receive, most: int) -> bytes | None:
    """A request's whole body; None where it is longer than `most` bytes.

    What is too long is received to its end, within reason: a client that is still sending when the connection is closed
    never sees why.
    """
    parts, length = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":  # whoever asked has gone
            return b""
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > most:
            parts.clear()
        if length > most + FORGOTTEN:
            return None
        if not message.get("more_body", False):
            return b"".join(parts) if length <= most else None


def _replay(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read already, then whatever comes after."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> dict[str, Any]:
        return waiting.pop() if waiting else await receive()

    return again


def _with_headers(send: Send) -> Send:
    async def sent(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = message | {"headers": [*message.get("headers", ()), *HEADERS]}
        await send(message)

    return sent


async def _refuse(send: Send, status: int, why: str) -> None:
    body = json.dumps({"detail": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *HEADERS]
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _hang_up(send: Send) -> None:
    await send({"type": "websocket.close", "code": 1008})

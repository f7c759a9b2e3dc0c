"""A web server in a thread that answers as it is told: badly, mostly."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class MisbehavingServer:
    """`answers[path]` is a list: each request takes the next one, and the last one stays.

    Attributes:
        base: http://127.0.0.1:PORT
        asked: (path, headers) of each request.
        closing: set when the test is over: whoever stalls stops.
    """

    def __init__(self):
        self.answers, self.asked, self.closing = {}, [], threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.partition("?")[0]
                outer.asked.append((self.path, dict(self.headers)))
                waiting = outer.answers.get(path, [status(404)])
                answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                with contextlib.suppress(ConnectionError):  # the other side may hang up on us
                    answer(self, outer)

            def log_message(self, *words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def serve(self, path, *answers):
        """Answer so, and give the address."""
        self.answers[path] = list(answers)
        return self.base + path

    def ranges(self):
        """The Range header of each request, or None."""
        return [headers.get("Range") for _, headers in self.asked]

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


def serving(monkeypatch):
    """A MisbehavingServer, asked without any proxy; for a fixture to yield from."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    server = MisbehavingServer()
    yield server
    server.close()


def status(code, body=b"", kind="text/plain", **headers):
    """An answer with this status."""

    def answer(handler, server):
        handler.send_response(code)
        for name, value in ({"Content-Type": kind, "Content-Length": len(body)} | headers).items():
            handler.send_header(name.replace("_", "-"), str(value))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def page(text, code=200):
    """An HTML page."""
    return status(code, text.encode(), "text/html; charset=utf-8")


def sends(data, ranges=True, etag="", cut=None, stall=None, pause=0.0, length=True, kind="application/octet-stream"):
    """A file.

    Args:
        ranges: honour Range (and If-Range, against `etag`).
        cut, stall: hang up, or go silent, at this byte of the file.
        pause: seconds before each tenth of it.
        length: whether to say it; a number is said instead.
    """

    def answer(handler, server):
        start, wanted = 0, handler.headers.get("Range")
        if wanted and ranges and handler.headers.get("If-Range", etag) == etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start and start >= len(data):
            return status(416)(handler, server)
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Type", kind)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if length is not False:
            handler.send_header("Content-Length", str(len(data) - start if length is True else length))
        if etag:
            handler.send_header("ETag", etag)
        handler.end_headers()
        end = min(len(data), *(place for place in (cut, stall) if place is not None), len(data))
        step = max(1, (end - start + 9) // 10) if pause else max(1, end - start)
        for place in range(start, end, step):
            time.sleep(pause)
            handler.wfile.write(data[place : min(place + step, end)])
            handler.wfile.flush()
        if stall is not None:
            server.closing.wait(10)
        return None

    return answer

"""Files on Google Drive: through gdown, and by a request of our own where an old link needs its resourcekey."""

from __future__ import annotations

import glob
import inspect
import socket
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode, urljoin

from t2i_utils.data.arrivals import BLOCKED, QUOTA
from t2i_utils.data.fetch import Patience, fetch
from t2i_utils.data.remote import DriveFile, RemoteFile
from t2i_utils.data.web import RefusedError, in_words

DOWNLOAD = "https://drive.usercontent.google.com/download"


def fetch_drive(item: DriveFile, part: Path, file: RemoteFile, patience: Patience) -> bool:
    """Bring a file of Google Drive to NAME.part.

    gdown knows Drive's pages but loses the resourcekey, so that a file with one is asked for here.

    Args, Returns, Raises:
        as `fetch`.
    """
    return _with_key(item, part, file, patience) if item.resourcekey else _with_gdown(item, part, patience)


def _with_key(item: DriveFile, part: Path, file: RemoteFile, patience: Patience) -> bool:
    """Ask with the resourcekey; where Drive answers with its form about files that it cannot scan, send the form."""
    wanted = {"id": item.id, "export": "download", "confirm": "t", "resourcekey": item.resourcekey}
    try:
        return fetch(f"{DOWNLOAD}?{urlencode(wanted)}", part, file, patience)
    except RefusedError as refused:
        form = _Form()
        form.feed(refused.page.decode("utf-8", errors="replace"))
        if not form.fields:
            raise
        return fetch(f"{urljoin(DOWNLOAD, form.action)}?{urlencode(form.fields | wanted)}", part, file, patience)


class _Form(HTMLParser):
    """The hidden fields of Drive's download form; none on any other page."""

    def __init__(self) -> None:
        super().__init__()
        self.action, self.inside, self.fields = "", False, {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where the form goes, and its hidden fields."""
        found = dict(attrs)
        if tag == "form" and found.get("id") == "download-form":
            self.action, self.inside = found.get("action") or "", True
        elif tag == "input" and self.inside and found.get("type") == "hidden" and found.get("name"):
            self.fields[found["name"]] = found.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        """Fields behind the form are not its own."""
        self.inside = self.inside and tag != "form"


def _with_gdown(item: DriveFile, part: Path, patience: Patience) -> bool:
    """Let gdown fetch it, with the options that its version has.

    5.2.2 knows neither retries nor timeouts, and appends to what it left without looking at what comes: there we begin
    again each time.
    """
    import gdown

    need_name("drive.google.com")  # else gdown tries for half a minute to find it
    own = part.with_name(f"{part.name}.gdown")  # gdown resumes what begins with this name, and we must not mix parts
    known = inspect.signature(gdown.download).parameters
    if "retries" not in known:
        for left in own.parent.glob(f"{glob.escape(own.name)}*"):
            left.unlink()
    options = {
        "id": item.id,
        "output": str(own),
        "resume": "retries" in known,
        "use_cookies": False,
        "retries": patience.tries - 1,
        "timeout": patience.timeout,
    }
    try:
        given = gdown.download(**{name: value for name, value in options.items() if name in known})
    except Exception as error:  # gdown raises its own errors, those of requests, AssertionError, and not the same ones
        told = str(error).strip() or type(error).__name__
        raise RefusedError(BLOCKED if QUOTA.search(told) else f"gdown says: {told.splitlines()[0]}") from error
    if given is None or not own.is_file():
        raise RefusedError("gdown could not fetch it, and has said why above")
    own.replace(part)
    return False


def need_name(host: str) -> None:
    """Refuse a host that cannot be found; behind a proxy nobody here can know.

    Raises:
        RefusedError: saying so.
    """
    if urllib.request.getproxies():
        return
    try:
        socket.getaddrinfo(host, 443)
    except OSError as error:
        raise RefusedError(in_words(error)) from error

"""What has arrived: the file that was published, a part of it, or a web page that says why there is none."""

from __future__ import annotations

import hashlib
import html
import re
from pathlib import Path

from tqdm.auto import tqdm

from t2i_utils.data.remote import RemoteFile

QUOTA = re.compile(r"too many users have viewed or downloaded|quota", re.IGNORECASE)
PAGE = re.compile(rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
LARGE = 2**28  # bytes; reading so many takes long enough for a bar
BLOCKED = "a quota block: too many people have fetched this file lately; Google Drive lifts it within a day or so"


def what_is_wrong(path: Path, file: RemoteFile) -> str:
    """Why a file on disk is not the published one; "" if it is, as far as anything was published about it."""
    with open(path, "rb") as opened:
        start = opened.read(4096)
        length = path.stat().st_size
        if is_page(start):
            return f"it is {explain_page(start)}"
        if file.size is not None and length != file.size:
            return f"it has {length:,} bytes where {file.size:,} are published"
        if not start.startswith(file.begins):
            return f"it begins with {start[:8]!r}, where a {file.name} begins with {file.begins!r}"
        sums = {name: hashlib.new(name, usedforsecurity=False) for name in ("sha256", "md5") if getattr(file, name)}
        opened.seek(0)
        bar = tqdm(total=length, desc=f"checking {file.name}", unit="B", unit_scale=True, disable=length < LARGE)
        with bar:
            while sums and (block := opened.read(2**20)):
                for computed in sums.values():
                    computed.update(block)
                bar.update(len(block))
    for name, computed in sums.items():
        if computed.hexdigest() != getattr(file, name):
            return f"its {name} is {computed.hexdigest()}, not the published {getattr(file, name)}"
    return ""


def is_page(start: bytes) -> bool:
    """Whether bytes begin as an HTML page does."""
    return PAGE.match(start.removeprefix(b"\xef\xbb\xbf")) is not None


def explain_page(page: bytes) -> str:
    """What a web page says that came in place of a file, in a few words."""
    text = page.decode("utf-8", errors="replace")
    if QUOTA.search(text):
        return BLOCKED
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    named = f" called {' '.join(html.unescape(title[1]).split())[:80]!r}" if title else ""
    return f"an HTML page{named}, not the file"

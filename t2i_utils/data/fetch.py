"""A file from the web, brought whole over connections that break: resumed where it can be, begun again where not.

Two files lie beside the target until it is there: NAME.part, and NAME.part.json, which says what it is a part of.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm.auto import tqdm

from t2i_utils.data.arrivals import explain_page, is_page
from t2i_utils.data.remote import RemoteFile
from t2i_utils.data.web import PartGoneError, RefusedError, in_words, open_address

LOCAL = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS}  # this machine's fault: no retry helps
SPARE = 64 * 2**20  # bytes that stay free on the disk


@dataclass(frozen=True)
class Patience:
    """How long to try.

    Attributes:
        tries: attempts in a row that bring nothing new.
        timeout: seconds without a byte.
        pause: seconds before the second try; doubled for each one after it, up to half a minute.
        sleep: waits so many seconds.
    """

    tries: int = 4
    timeout: float = 30.0
    pause: float = 1.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, fruitless: int) -> None:
        """Pause after so many attempts in a row that brought nothing."""
        self.sleep(min(30.0, self.pause * 2 ** max(fruitless - 1, 0)))


@dataclass(frozen=True)
class Mark:
    """What NAME.part is a part of: the address, its total length and the server's name for this version of it."""

    address: str
    total: int | None
    version: str


def fetch(address: str, part: Path, file: RemoteFile, patience: Patience) -> bool:
    """Bring all bytes of an address to NAME.part; the caller checks and names it.

    Args:
        address: http or https.
        part: goes on from here if it is there and the server can.
        file: what is published about it; bytes that cannot be its are refused as early as they are seen.
        patience: how long to try.

    Returns:
        Whether some of the bytes were there before this call.

    Raises:
        RefusedError: for an address that is wrong, gives something else, or breaks off `patience.tries` times in a row.
        OSError: for a disk that is full or may not be written to.
    """
    begun = longest = _length(part)
    fruitless = 0
    while True:
        try:
            start = _attempt(address, part, file, patience.timeout)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, RefusedError) or getattr(error, "errno", None) in LOCAL:
                raise
            reason = in_words(error)
            fruitless = 0 if _length(part) > longest else fruitless + 1
            longest = max(longest, _length(part))
            if fruitless >= patience.tries:
                raise RefusedError(f"{reason} ({fruitless} tries in a row)") from error
            patience.wait(fruitless)
        else:
            return 0 < begun <= start


def discard(part: Path) -> None:
    """Remove a part and what is noted about it."""
    part.unlink(missing_ok=True)
    _mark_of(part).unlink(missing_ok=True)


def check_disk(folder: Path, needed: int, what: str) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        OSError: with both numbers.
    """
    free = shutil.disk_usage(folder).free - SPARE
    if needed > free:
        told = f"{what} needs {needed:,} bytes and {folder} has {max(free, 0):,} free; make room or use another --root"
        raise OSError(errno.ENOSPC, told)


def _attempt(address: str, part: Path, file: RemoteFile, timeout: float) -> int:
    """One connection. Returns the byte it began at."""
    mark, start = _resume(address, part, file)
    if mark is not None and start == mark.total:
        return start
    headers = {}
    if start:
        headers["Range"] = f"bytes={start}-"
        if mark.address == address and mark.version:
            headers["If-Range"] = mark.version
    try:
        response = open_address(address, headers, timeout)
    except PartGoneError:
        discard(part)
        raise
    with response:
        now = _promise(address, response, part, file, start, mark)
        if response.status != 206:
            start = 0
            discard(part)
            _mark_of(part).write_text(json.dumps(asdict(now)), encoding="utf-8")
        if now.total is not None:
            check_disk(part.parent, now.total - start, file.name)
        _write(response, part, start, now.total, file)
    return start


def _resume(address: str, part: Path, file: RemoteFile) -> tuple[Mark | None, int]:
    """What is noted about the part on disk, and the byte to go on from: 0 if nobody could tell whether it fits."""
    try:
        mark = Mark(**json.loads(_mark_of(part).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None, 0
    length = _length(part)
    fits = mark.total is not None and length <= mark.total and (mark.address == address or file.known)
    return (mark, length) if fits else (None, 0)


def _promise(
    address: str, response: http.client.HTTPResponse, part: Path, file: RemoteFile, start: int, mark: Mark | None
) -> Mark:
    """What the server is about to send, from its headers; a page, another length or another version is refused."""
    headers = response.headers
    if headers.get_content_type() == "text/html":
        page = response.read(2**16)
        raise RefusedError(f"it sends {explain_page(page)}", page)
    tag, date = headers.get("ETag", ""), headers.get("Last-Modified", "")
    version = date if not tag or tag.startswith("W/") else tag
    if response.status == 206:
        span, _, total = headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        same = mark.address != address or not mark.version or not version or version == mark.version
        if not (span.startswith(f"{start}-") and total == str(mark.total) and same):
            discard(part)
            raise ConnectionError("the file changed between two tries")
        return mark
    length = headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else None
    if None not in (total, file.size) and total != file.size:
        raise RefusedError(f"it sends {total:,} bytes where {file.size:,} are published")
    return Mark(address, total, version)


def _write(response: http.client.HTTPResponse, part: Path, start: int, total: int | None, file: RemoteFile) -> None:
    """Append what comes to the part, with a bar."""
    most = file.size if total is None else total
    with (
        open(part, "ab") as opened,
        tqdm(total=most, initial=start, desc=file.name, unit="B", unit_scale=True, mininterval=0.5) as bar,
    ):
        length = start
        while most is None or length < most:
            # read1 gives what is there: nothing that arrived is lost when the rest does not
            block = response.read1(2**18 if most is None else min(2**18, most - length))
            if not block:
                break
            if length == 0 and is_page(block):
                raise RefusedError(f"it sends {explain_page(block)}", block)
            opened.write(block)
            length += len(block)
            bar.update(len(block))
        opened.flush()
        os.fsync(opened.fileno())
    if most is not None and length < most:
        raise ConnectionError(f"it broke off after {length:,} of {most:,} bytes")


def _mark_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _length(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0

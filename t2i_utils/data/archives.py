"""The members of a tar or zip archive, one after another: those that would leave their folder or swell are refused."""

from __future__ import annotations

import gzip
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    UnicodeError,
    OverflowError,
)
DESCRIBING = b"xgXLK"  # types of the headers that only describe the next one: tarfile reads them into memory whole
LONGEST_HEADER = 2**16  # bytes
BLOCK = 2**20


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to.

    Attributes:
        members: at most so many files and folders; COCO's largest has 82,784.
        unpacked: at most so many bytes.
        ratio: at most so many times the archive's own bytes: zeros pack a thousandfold, pictures hardly at all.
        small: bytes that may come of any archive, whatever the ratio.
    """

    members: int = 500_000
    unpacked: int = 64 * 2**30
    ratio: int = 200
    small: int = 64 * 2**20

    def most(self, archive: Path) -> int:
        """Bytes that may come of this archive."""
        return min(self.unpacked, max(self.small, self.ratio * archive.stat().st_size))


@dataclass(frozen=True)
class Member:
    """A file or folder in an archive.

    Attributes:
        name: its path, inside for certain, "/" between its parts; "" for the archive's own folder.
        size: in bytes, as the archive states it.
        folder: whether it is one.
        open: its bytes; to be called before the next member is asked for.
    """

    name: str
    size: int
    folder: bool
    open: Callable[[], IO[bytes]]


def members(archive: Path, limits: Limits) -> Iterator[Member]:
    """Every member in the archive's order, each checked before it is given.

    Args:
        archive: tar, tar.gz or zip, told by its first bytes.
        limits: of the whole.

    Raises:
        ValueError: for another kind of file, an encrypted or damaged one, a member that is neither file nor folder,
            that would lie outside or over another one, and for more members or bytes than the limits.
    """
    with open(archive, "rb") as opened:
        start = opened.read(512)
    seen: dict[str, bool] = {}
    total, most = 0, limits.most(archive)
    for count, member in enumerate(_zip(archive) if start.startswith(b"PK") else _tar(archive, start, most), start=1):
        total += member.size
        _check_room(seen, member)
        if count > limits.members:
            raise ValueError(f"it has more than {limits.members:,} members")
        if total > most:
            raise ValueError(_swells(most))
        yield member


@contextmanager
def reading(archive: Path) -> Iterator[None]:
    """Say of which archive an error is, and that a broken one is broken.

    Raises:
        ValueError: for whatever is wrong with the archive.
    """
    try:
        yield
    except BROKEN as error:
        told = f"{archive} is damaged ({str(error) or type(error).__name__}); delete it and fetch it again"
        raise ValueError(told) from error
    except ValueError as error:
        raise ValueError(f"{archive} is not unpacked: {error}") from error


def safe_name(name: str) -> str:
    """A member's path with nothing odd in it.

    Raises:
        ValueError: for a path that is absolute, leads upwards, or means different places on different systems.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    odd = any(ord(letter) < 32 or 0xD800 <= ord(letter) <= 0xDFFF for letter in name)
    if name.startswith("/") or ".." in parts or "\\" in name or ":" in name or odd:
        raise ValueError(f"its member {name[:200]!r} would not stay inside its folder")
    return "/".join(parts)


def _check_room(seen: dict[str, bool], member: Member) -> None:
    """Refuse a member that would lie over another, also where capitals and accents do not count."""
    key = unicodedata.normalize("NFC", member.name).casefold()
    above = key.rpartition("/")[0]
    while above and above not in seen:
        seen[above] = True
        above = above.rpartition("/")[0]
    if not seen.get(above, True) or (key in seen and not (seen[key] and member.folder)):
        raise ValueError(f"its member {member.name!r} would lie over another one")
    seen[key] = member.folder


def _zip(archive: Path) -> Iterator[Member]:
    """Members of a zip, as its directory lists them."""
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            name = safe_name(info.orig_filename)  # `filename` has lost what follows a NUL, and Windows' slashes
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.flag_bits & 1:
                raise ValueError("it is encrypted; unpack it by hand")
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ValueError(f"its member {name!r} is a link or device; only files and folders are unpacked")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"its member {name!r} is packed in a rare way ({info.compress_type}); use deflate")
            yield Member(name, info.file_size, info.is_dir(), lambda info=info: opened.open(info))


def _tar(archive: Path, start: bytes, most: int) -> Iterator[Member]:
    """Members of a tar, read strictly forwards; its last bytes too, where gzip keeps its sum."""
    if start.startswith(b"\x1f\x8b"):
        file = gzip.open(archive)  # noqa: SIM115 - closed below
    elif start[257:262] == b"ustar":
        file = open(archive, "rb")  # noqa: SIM115
    else:
        raise ValueError(f"it begins with {start[:8]!r}: that is no tar, tar.gz or zip")
    with file:
        counted = _Counted(file, most)
        with tarfile.open(fileobj=counted, mode="r|", tarinfo=_Header, bufsize=BLOCK, encoding="utf-8") as opened:
            for info in opened:
                name = safe_name(info.name)
                if info.issparse() or not (info.isreg() or info.isdir()):
                    raise ValueError(f"its member {name!r} is a link or device; only files and folders are unpacked")
                if info.size < 0:
                    raise tarfile.ReadError(f"{name!r} has {info.size} bytes")
                if hasattr(tarfile, "data_filter"):  # Python's own opinion, from 3.11.4 on
                    tarfile.data_filter(info, str(archive.parent))
                yield Member(
                    name, 0 if info.isdir() else info.size, info.isdir(), lambda info=info: opened.extractfile(info)
                )
        while rest := counted.read(BLOCK):
            if rest.strip(b"\0"):
                raise tarfile.ReadError("there is something behind its end")


class _Header(tarfile.TarInfo):
    """A header that may not be damaged: tarfile would take it for the archive's end and say nothing."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> tarfile.TarInfo:
        """As of TarInfo; tarfile calls it for every header, also for those that only describe the next one."""
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # the zeros that mark the end
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"a header cannot be read: {error}") from error
        if header.size < 0 or (header.type in DESCRIBING and header.size > LONGEST_HEADER):
            raise tarfile.ReadError(f"a header of {header.size:,} bytes")
        return header


class _Counted:
    """A stream that says no when more comes out of it than may."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self.file, self.most = file, most
        self.left = most + 4 * BLOCK  # headers and the zeros at the end

    def read(self, size: int) -> bytes:
        """At most `size` bytes; all that tarfile asks a stream for."""
        data = self.file.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise ValueError(_swells(self.most))
        return data


def _swells(most: int) -> str:
    return f"it would unpack to more than {most:,} bytes, which no data set of this size does"

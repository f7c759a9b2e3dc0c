"""Files that lie elsewhere, as records: where, how large, how to know them, and what they are for."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True)
class DriveFile:
    """A file on Google Drive.

    Attributes:
        id: of the file.
        resourcekey: the second half of an old link; "" where it has none.
    """

    id: str
    resourcekey: str = ""

    def __str__(self) -> str:
        """The page for a person's browser."""
        key = f"?{urlencode({'resourcekey': self.resourcekey})}" if self.resourcekey else ""
        return f"https://drive.google.com/file/d/{self.id}/view{key}"


@dataclass(frozen=True)
class RemoteFile:
    """A file that is fetched, and how to know that it is the right one.

    Attributes:
        name: as it is published; also its name on disk.
        mirrors: addresses or Drive files, the preferred one first.
        begins: its first bytes.
        size: in bytes; None where nobody published it.
        sha256, md5: in hexadecimal digits; "" where nobody published them. All that are stated must hold.
        take: what is taken out of an archive, as paths that then lie under the data set's root; empty for a file that
            is used as it is.
        proof: paths under the root that are there once the archive has been unpacked.
    """

    name: str
    mirrors: tuple[str | DriveFile, ...]
    begins: bytes
    size: int | None = None
    sha256: str = ""
    md5: str = ""
    take: tuple[str, ...] = ()
    proof: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether bytes from anywhere can be told to be the right ones."""
        return self.size is not None and bool(self.sha256 or self.md5)

    @property
    def size_in_words(self) -> str:
        return "size not published" if self.size is None else f"{self.size:,} bytes"


@dataclass(frozen=True)
class RemoteSet:
    """All files of a data set.

    Attributes:
        files: in the order in which they are fetched, small ones first where the order is free.
        licence: what pictures and captions may be used for.
        notes: what a person should know before the download, one line each.
    """

    files: tuple[RemoteFile, ...]
    licence: str
    notes: tuple[str, ...] = ()

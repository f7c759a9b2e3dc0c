"""A data set from its authors' addresses to the folder that its reader expects; by hand where they do not answer."""

from __future__ import annotations

import os
import shutil
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from t2i_utils.data.addresses import REMOTE_SETS
from t2i_utils.data.archives import Limits
from t2i_utils.data.arrivals import what_is_wrong
from t2i_utils.data.drive import fetch_drive
from t2i_utils.data.fetch import Patience, discard, fetch
from t2i_utils.data.remote import DriveFile, RemoteFile
from t2i_utils.data.unpack import unpack
from t2i_utils.data.web import RefusedError
from t2i_utils.whole import writing_whole

FOLDER = "downloads"  # under the root, for archives until they are unpacked


class DownloadError(OSError):
    """Some files did not arrive; the message says which, and how to put them in place by hand."""


@dataclass(frozen=True)
class DownloadReport:
    """What was done.

    Attributes:
        dataset: its name.
        root: where it lies now, complete.
        there: files that were in place already.
        by_hand: files that a person had put there, unpacked now.
        fetched: files that came over the network.
        seconds: what it took.
    """

    dataset: str
    root: Path
    there: tuple[str, ...]
    by_hand: tuple[str, ...]
    fetched: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        done = {"already there": self.there, "put there by hand": self.by_hand, "fetched": self.fetched}
        lines = [f"{self.root}: {self.dataset} is complete ({self.seconds:.0f} s)"]
        lines += [f"  {how}: {', '.join(names)}" for how, names in done.items() if names]
        return "\n".join([*lines, f"next: python -m t2i_utils build {self.dataset} --root {self.root} --out FILE.h5"])


def download(
    dataset: str, root: Path, patience: Patience | None = None, limits: Limits | None = None
) -> DownloadReport:
    """Bring a data set to a folder, in the layout that its reader expects; what is there is not fetched again.

    An archive that a person has put into the root, or into `downloads` in it, is checked and unpacked, not fetched;
    it is never changed or removed. What was fetched is removed once it is unpacked.

    Args:
        dataset: a name of REMOTE_SETS.
        root: the folder; made if it is missing.
        patience: how long to try each address.
        limits: of what archives may unpack to.

    Returns:
        What was done, printable.

    Raises:
        ValueError: for a name that is not in the table.
        DownloadError: when a file did not arrive or is not the published one, after all others have been tried.
        OSError: for a disk that is full or may not be written to.
    """
    if dataset not in REMOTE_SETS:
        raise ValueError(
            f"no data set called {dataset!r} can be downloaded; choose from: {', '.join(REMOTE_SETS)} "
            f"(built-in data need no download)"
        )
    remote, root, began = REMOTE_SETS[dataset], Path(root), time.monotonic()
    print(f"{dataset}: licence: {remote.licence}")
    for note in remote.notes:
        print(f"{dataset}: {note}")
    root.mkdir(parents=True, exist_ok=True)
    done: dict[str, list[str]] = {"there": [], "by_hand": [], "fetched": []}
    troubles: list[str] = []
    for file in remote.files:
        try:
            done[_bring(file, root, patience or Patience(), limits or Limits())].append(file.name)
        except (NoMirrorError, ValueError) as error:
            troubles.append(_by_hand(file, root, str(error)))
    if troubles:
        raise DownloadError(
            f"{len(troubles)} of {len(remote.files)} files of {dataset} are not in place; "
            f"put them there by hand and run the same command again:\n" + "\n".join(troubles)
        )
    seconds = time.monotonic() - began
    return DownloadReport(dataset, root, *(tuple(names) for names in done.values()), seconds)


class NoMirrorError(OSError):
    """What became of every mirror of a file, one a line."""


def _bring(file: RemoteFile, root: Path, patience: Patience, limits: Limits) -> str:
    """Put one file in place. Returns how: a field's name of DownloadReport.

    Raises:
        NoMirrorError, ValueError: saying why it is not in place.
    """
    if file.proof and all((root / path).exists() for path in file.proof):
        return "there"
    lying = next((path for path in (root / file.name, root / FOLDER / file.name) if path.is_file()), None)
    if lying is not None:
        if wrong := what_is_wrong(lying, file):
            raise ValueError(f"{lying} is not the published file: {wrong}; delete it or move it away")
        if file.take:
            unpack(lying, root, file.take, limits)
        elif lying.parent == root:
            return "there"
        else:
            with writing_whole(root / file.name) as partial:
                shutil.copyfile(lying, partial)
        return "by_hand"
    for part in file.take:
        if (root / part).is_dir():
            raise ValueError(f"{root / part} is there but not complete; move it away, or use another --root")
    target = (root / FOLDER if file.take else root) / file.name
    fetch_file(file, target, patience)
    if file.take:
        try:
            unpack(target, root, file.take, limits)
        except ValueError:
            if not file.known:  # it may have been damaged on the way; the published one would only come again
                target.unlink()
            raise
        target.unlink()
        if not os.listdir(target.parent):
            target.parent.rmdir()
    return "fetched"


def fetch_file(file: RemoteFile, target: Path, patience: Patience) -> None:
    """Fetch one file from the first mirror that has it; it gets its name when size, first bytes and sums are right.

    Args:
        file: what it is.
        target: where it goes; NAME.part lies beside it until it is whole, also after a failure, to go on from there.
        patience: how long to try each mirror.

    Raises:
        NoMirrorError: when every mirror failed.
        OSError: for a disk that is full or may not be written to.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    tried = []
    for mirror in file.mirrors:
        bring = fetch_drive if isinstance(mirror, DriveFile) else fetch
        try:
            resumed = bring(mirror, part, file, patience)
            wrong = what_is_wrong(part, file)
            if wrong and resumed:  # the old bytes may be at fault: once more, without them
                discard(part)
                bring(mirror, part, file, patience)
                wrong = what_is_wrong(part, file)
        except RefusedError as error:
            wrong = str(error)
        else:
            if not wrong:
                with writing_whole(target) as partial:
                    part.replace(partial)
                discard(part)
                return
            discard(part)
        tried.append(f"tried {urlsplit(str(mirror)).netloc}: {wrong}")
    raise NoMirrorError("\n".join(dict.fromkeys(tried)))


def _by_hand(file: RemoteFile, root: Path, why: str) -> str:
    """What a person does who puts the file in place."""
    place = (root / FOLDER if file.take else root) / file.name
    pages: dict[str, str] = {}
    for mirror in file.mirrors:  # one page for the same file on Drive, with or without its key
        pages.setdefault(mirror.id if isinstance(mirror, DriveFile) else mirror, str(mirror))
    lines = [
        f"{file.name} ({file.size_in_words})",
        "  from " + "\n  or   ".join(pages.values()),
        f"  to   {place.resolve()}",
        *(f"  {line}" for line in why.splitlines()),
    ]
    return textwrap.indent("\n".join(lines), "  ")

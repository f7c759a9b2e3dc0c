"""Files and folders that are there whole or not at all, whatever ends the process that writes them."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, or leave the one that is there as it is."""
    with writing_whole(path) as partial:
        partial.write_bytes(data)


@contextmanager
def writing_whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write to; renamed to it when the block ends well, removed when not.

    A process that is killed outright leaves FILE.PID.partial: nothing reads it, and the next one here removes it.
    """
    _sweep(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    if hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder; its rename is already recorded
        folder = os.open(path.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def writing_folder_whole(folder: Path) -> Iterator[Path]:
    """An empty folder beside `folder` to write to, which takes its place when the block ends well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    # one folder deeper, for a temporary folder itself is private
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as private:
        whole = Path(private) / "whole"
        whole.mkdir()
        yield whole
        if folder.exists():
            shutil.rmtree(folder)
        whole.rename(folder)


def digest_of(path: Path) -> tuple[int, str]:
    """Size and sha256 of a file."""
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), sha256


def _sweep(path: Path) -> None:
    """Remove what killed processes left of this file; what a living one is writing stays."""
    if os.name != "posix":  # elsewhere os.kill(pid, 0) is no question but a signal
        return
    for partial in path.parent.glob(glob.escape(path.name) + ".*.partial"):
        pid = partial.name.removeprefix(path.name + ".").removesuffix(".partial")
        if not pid.isdecimal():
            continue
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            partial.unlink(missing_ok=True)
        except PermissionError:  # somebody else's process: alive
            continue

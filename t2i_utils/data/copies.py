"""The copy of a data file that outlives the machine: on a mounted Drive, which may fail at any moment."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from t2i_utils.data.hdf5 import fingerprint
from t2i_utils.data.verify import verify
from t2i_utils.whole import writing_whole


def bring(copy: Path, path: Path) -> bool:
    """Bring the file that `send` left; False, and no file, where none is there, or it is not whole, which is told."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing_whole(path) as partial:
            shutil.copyfile(copy, partial)
            verify(partial)
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        print(f"{copy} cannot be used: {error}")
        return False
    print(f"{path}: brought from {copy}")
    return True


def send(path: Path, copy: Path) -> None:
    """Copy a file there, whole or not at all, unless these very data lie there; a failure is told, not raised."""
    try:
        if copy.is_file() and _same_data(path, copy):
            return
        copy.parent.mkdir(parents=True, exist_ok=True)
        with writing_whole(copy) as partial:
            shutil.copyfile(path, partial)
            if _digest(partial) != _digest(path):
                raise OSError("what can be read back is not what was written")
            if copy.is_file():
                os.truncate(copy, 0)  # or the trash would hold the older one, at the cost of its size
    except OSError as error:
        print(f"{path} could not be copied to {copy} ({error}); it stays here, and goes when the session ends")
    else:
        print(f"{path}: copied to {copy}")


def _same_data(path: Path, copy: Path) -> bool:
    """Whether two files hold the same pictures and captions; vectors are made anew from these."""
    try:
        return fingerprint(copy) == fingerprint(path)
    except ValueError:  # not whole
        return False


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

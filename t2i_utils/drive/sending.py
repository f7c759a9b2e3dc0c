"""A few files that go to Drive together and come back whole or not at all: an encoder, a data file."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path

from t2i_utils.drive.folder import DriveFolder, discard, new_name
from t2i_utils.drive.looking import Remount, Wait, look_again, wait_until_whole
from t2i_utils.whole import digest_of, writing_folder_whole

LIST = "files.json"  # of what lies there; written last

log = logging.getLogger(__name__)


def send_folder(folder: Path, place: DriveFolder, wait: Wait = time.sleep) -> bool:
    """Copy a folder of a few files, unless it is there; whether it is there whole. Failures are told, not raised."""
    return send_files({path.relative_to(folder).as_posix(): path for path in files_in(folder)}, place, wait)


def files_in(folder: Path) -> list[Path]:
    """Every file below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def send_files(
    files: Mapping[str, Path], place: DriveFolder, wait: Wait = time.sleep, identity: str | None = None
) -> bool:
    """Copy files, by the names that they shall have there, as `send_folder` copies a folder.

    What an earlier attempt left there whole is used; what is no part of it is removed in the end.

    Args:
        files: by name.
        place: on Drive.
        wait: sleeps.
        identity: 12 signs or more that say what these files are, and replace what lies there of another; without one
            whatever lies there whole is left.
    """
    try:
        if lies_whole(place, identity):
            return True
        told = {name: send_file(path, place, wait, identity) for name, path in files.items()}
        text = json.dumps(told, indent=1).encode()
        place.remove(LIST)  # not before: what it tells of may be whole, and of use until now
        place.write(LIST, text)
        wait_until_whole(f"{LIST} in {place}", lambda: place.read(LIST) == text, wait)
        discard(place, *(set(place.names()) - {LIST} - {part["file"] for part in told.values()}))
        return True
    except (OSError, ValueError) as error:
        log.warning("%s could not be copied to %s (%s)", ", ".join(files), place, error)
        return False


def send_file(path: Path, place: DriveFolder, wait: Wait, identity: str | None = None) -> dict[str, str]:
    """Copy a file under a name made of its identity, else its hash, unless it is there; returns its line in the list.

    Raises:
        OSError, ValueError: if it is not there whole afterwards.
    """
    right = digest_of(path)
    there, begins = place.names(), (identity or right[1])[:12]
    for name in there:
        if name.startswith(begins) and place.digest(name) == right:
            return {"file": name, "sha256": right[1]}
    stored = new_name(begins, there) + path.suffix
    try:
        place.copy_in(path, stored)
        wait_until_whole(f"{path.name} as {stored} in {place}", lambda: place.digest(stored) == right, wait)
    except (OSError, ValueError):
        discard(place, stored)
        raise
    return {"file": stored, "sha256": right[1]}


def bring_folder(place: DriveFolder, folder: Path, remount: Remount | None = None, wait: Wait = time.sleep) -> bool:
    """Bring a folder that `send_folder` left there; False, and no folder, where it is not there whole, which is told.

    What cannot be read is looked at again, as in `look_again`.
    """
    try:
        return look_again(str(place), lambda last: _bring(place, folder), remount, wait)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("what lies in %s cannot be used (%s)", place, error)
        return False


def _bring(place: DriveFolder, folder: Path) -> bool:
    """`bring_folder`, at once; errors are the caller's."""
    files = listed(place)
    if files is None:
        return False
    with writing_folder_whole(folder) as whole:
        for path, told in files.items():
            target = (whole / path).resolve()
            if not target.is_relative_to(whole.resolve()):
                raise ValueError(f"{path} lies outside of the folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            place.copy_out(told["file"], target)
            if digest_of(target)[1] != told["sha256"]:
                raise ValueError(f"{path} is not the file that was copied")
    return True


def lies_whole(place: DriveFolder, identity: str | None = None) -> bool:
    """Whether a folder on Drive still holds every file that its list tells of, and they have this identity."""
    try:
        files = listed(place)
        names = [] if files is None else [told["file"] for told in files.values()]
        if files is None or not all(name.startswith((identity or "")[:12]) for name in names):
            return False
        return all(place.digest(told["file"])[1] == told["sha256"] for told in files.values())
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return False


def listed(place: DriveFolder) -> dict[str, dict[str, str]] | None:
    """What a folder on Drive says it holds; None where it does not say so."""
    if LIST not in place.names():
        return None
    files = json.loads(place.read(LIST))
    if not files:
        raise ValueError(f"{LIST} tells of no file")
    return files

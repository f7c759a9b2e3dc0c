"""Checkpoints brought back from Drive: what lies there, what of it is whole, and a Drive that answers late."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from t2i_utils.drive.folder import DriveFolder
from t2i_utils.drive.looking import Remount, Wait, look_again
from t2i_utils.training import checkpoints

log = logging.getLogger(__name__)

Check = Callable[[str, Mapping[str, Any]], object]  # (where, manifest); raises for a checkpoint of another run


def restore(
    place: DriveFolder,
    folder: Path,
    check: Check = lambda where, told: None,
    remount: Remount | None = None,
    wait: Wait = time.sleep,
) -> str | None:
    """Bring the newest checkpoint that is whole from Drive to a run's local folder.

    What cannot be read is looked at again, after a dead Drive was mounted anew, before anything older is taken for the
    newest.

    Args:
        place: the run's checkpoints on Drive.
        folder: `checkpoints/` of the run.
        check: asked of every manifest there before anything is brought; raises for another run's.
        remount: mounts a dead Drive again; called once.
        wait: sleeps between two looks.

    Returns:
        The name of its manifest on Drive; None where Drive holds nothing newer that is whole.

    Raises:
        OSError: if it cannot be said what lies there.
        ValueError: as `check` does.
    """
    return look_again(str(place), partial(_restore, place, folder, check), remount, wait)


def _restore(place: DriveFolder, folder: Path, check: Check, last: bool) -> str | None:
    """`restore`, at once; what cannot be read is an error, and passed over where this is the last look."""
    here = checkpoints.newest(folder)
    records, unread = read_records(place)
    for name, error in unread.items():
        if not last:
            raise error
        log.warning("%s in %s could not be read (%s)", name, place, error)
    for told in records.values():
        check(f"{place}/{told['file']}", told)
    for name in newest_first(records):
        told = records[name]
        if here is not None and told["step"] <= here.step:
            return None
        try:
            checkpoints.adopt(folder, told, partial(place.copy_out, told["file"]))
            log.info("step %d was brought from %s", told["step"], place)
            return name
        except (OSError, ValueError) as error:
            if not last and isinstance(error, OSError):
                raise
            log.warning("%s in %s is not whole (%s); looking at an older one", told["file"], place, error)
    return None


def read_records(place: DriveFolder) -> tuple[dict[str, dict[str, Any]], dict[str, OSError]]:
    """The manifests in a folder on Drive by name, and why others could not be read.

    Raises:
        OSError: if the folder itself does not answer.
    """
    records, unread = {}, {}
    for name in place.names():
        try:
            told = read_record(place, name)
        except OSError as error:
            unread[name] = error
        else:
            if told is not None:
                records[name] = told
    return records, unread


def read_record(place: DriveFolder, name: str) -> dict[str, Any] | None:
    """The manifest of that name, or None for what is none: another file, or one that was cut off."""
    if not name.endswith(".json"):
        return None
    try:
        return checkpoints.parse(place.read(name))
    except FileNotFoundError:  # it has just gone
        return None


def newest_first(records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of manifests, those of the latest steps first."""
    return sorted(records, key=lambda name: (records[name]["step"], name), reverse=True)


def newest_whole(place: DriveFolder, records: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The name of the newest manifest whose state can be read and is what it tells of."""
    for name in newest_first(records):
        told = records[name]
        try:
            if place.digest(told["file"]) == (told["bytes"], told["sha256"]):
                return name
        except OSError:
            continue
    return None

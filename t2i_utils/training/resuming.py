"""Which checkpoint a run goes on from: the newest, here or on Drive; none; or one that somebody names."""

from __future__ import annotations

import logging
import shutil
from functools import partial
from pathlib import Path

from t2i_utils.drive.folder import DriveFolder
from t2i_utils.training import checkpoints
from t2i_utils.training.checkpoints import Checkpoint
from t2i_utils.training.mirror import Mirror
from t2i_utils.training.restoring import Check, read_records, restore

log = logging.getLogger(__name__)

CHECKPOINTS = "checkpoints"
COMING = "checkpoints.coming"  # takes the other's place once it is whole


def checkpoint_to_go_on_from(folder: Path, wanted: str, mirror: Mirror | None, check: Check) -> Checkpoint | None:
    """Bring what is wanted to a run's folder, if it is not there.

    Args:
        folder: of the run.
        wanted: "auto": the newest whole checkpoint, here or on Drive; "never": what is here and on Drive is set aside;
            or a path to a checkpoint or to a folder that holds some.
        mirror: the run's checkpoints on Drive, if it has any; told what is known of them.
        check: asked before anything is brought.

    Returns:
        The newest checkpoint of the folder then, or None.

    Raises:
        FileNotFoundError: for a path that holds none.
        ValueError: as `check` does.
    """
    here = folder / CHECKPOINTS
    finish_adopting(here)
    if wanted == "never":
        if mirror is not None:
            mirror.anew = not set_aside_there(mirror.place.path.parent)
        if folder.is_dir() and any(folder.iterdir()):
            print(f"{folder} was set aside as {checkpoints.set_aside(folder)}")
    elif wanted != "auto":
        chosen = checkpoints.find(Path(wanted).expanduser())
        adopt(here, chosen, check)
        if mirror is not None:
            mirror.anew = not set_later_copies_aside(mirror.place, chosen.step)
    elif mirror is not None:
        try:
            brought = restore(mirror.place, here, check, mirror.remount)
            if brought is not None:
                mirror.knows(brought, checkpoints.newest(here).step)
        except OSError as error:
            log.warning("Drive could not be looked at (%s): going on with what is in %s alone", error, folder)
    found = checkpoints.newest(here)
    if found is not None:
        check(str(folder), {"step": found.step, "facts": found.facts})
    return found


def set_aside_there(place: Path) -> bool:
    """Set a run's folder on Drive aside, if there is one; whether that is done."""
    try:
        if place.is_dir() and any(place.iterdir()):
            print(f"{place} was set aside as {checkpoints.set_aside(place)}")
        return True
    except OSError as error:
        log.warning("%s could not be set aside (%s): it will be before the first copy", place, error)
        return False


def adopt(here: Path, wanted: Checkpoint, check: Check) -> None:
    """Make a checkpoint the newest of a folder of checkpoints; the ones that lie there are set aside."""
    told = checkpoints.tell(wanted.path.with_suffix(".json"))
    check(str(wanted.path), told)
    at_home = wanted.path.parent.resolve() == here.resolve()
    if at_home and checkpoints.newest(here).step == wanted.step:
        return
    coming = here.with_name(COMING)
    checkpoints.adopt(coming, told, partial(shutil.copyfile, wanted.path))
    if here.is_dir():
        print(f"{here} was set aside as {checkpoints.set_aside(here)}")
    coming.rename(here)


def finish_adopting(here: Path) -> None:
    """What a killed `adopt` left: where the old checkpoints had gone aside already, the new ones are whole."""
    coming = here.with_name(COMING)
    if coming.is_dir() and not here.is_dir():
        coming.rename(here)
    shutil.rmtree(coming, ignore_errors=True)


def set_later_copies_aside(place: DriveFolder, step: int) -> bool:
    """Copies of later steps than the one that was chosen are of another future: no machine may go on from them."""
    try:
        if any(told["step"] > step for told in read_records(place)[0].values()):
            print(f"{place} was set aside as {checkpoints.set_aside(place.path)}")
        return True
    except OSError as error:
        log.warning("later copies in %s could not be set aside (%s): they will be before the first copy", place, error)
        return False

"""Which checkpoint a run goes on from: the newest, here or on Drive; none; or one that somebody names."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from t2i_utils.training import checkpoints
from t2i_utils.training.checkpoints import Checkpoint
from t2i_utils.training.drive import DriveFolder
from t2i_utils.training.mirror import restore, step_of

log = logging.getLogger(__name__)

CHECKPOINTS = "checkpoints"
Check = Callable[[str, Mapping[str, Any]], object]  # (where, manifest); raises for a checkpoint of another run


def checkpoint_to_go_on_from(folder: Path, wanted: str, place: DriveFolder | None, check: Check) -> Checkpoint | None:
    """Bring what is wanted to a run's folder, if it is not there.

    Args:
        folder: of the run.
        wanted: "auto": the newest whole checkpoint, here or on Drive; "never": what is here and on Drive is set aside;
            or a path to a checkpoint or to a folder that holds some.
        place: the run's checkpoints on Drive, if it has any.
        check: asked before anything is brought.

    Returns:
        The newest checkpoint of the folder then, or None.

    Raises:
        FileNotFoundError: for a path that holds none.
        ValueError: as `check` does.
    """
    here = folder / CHECKPOINTS
    if wanted == "never":
        for old in [folder] + ([place.path.parent] if place is not None else []):
            if old.is_dir() and any(old.iterdir()):
                print(f"{old} was set aside as {checkpoints.set_aside(old)}")
    elif wanted != "auto":
        chosen = checkpoints.find(Path(wanted).expanduser())
        adopt(here, chosen, check)
        if place is not None:
            set_later_copies_aside(place, chosen.step)
    elif place is not None:
        try:
            restore(place, here, check)
        except OSError as error:
            log.warning("Drive could not be looked at (%s): going on with what is in %s", error, folder)
    found = checkpoints.newest(here)
    if found is not None:
        check(str(folder), {"step": found.step, "facts": found.facts})
    return found


def adopt(here: Path, wanted: Checkpoint, check: Check) -> None:
    """Make a checkpoint the newest of a folder of checkpoints; the ones that lie there are set aside."""
    told = checkpoints.tell(wanted.path.with_suffix(".json"))
    check(str(wanted.path), told)
    source, at_home = wanted.path, wanted.path.parent.resolve() == here.resolve()
    if at_home and checkpoints.newest(here).step == wanted.step:
        return
    if here.is_dir():
        aside = checkpoints.set_aside(here)
        print(f"{here} was set aside as {aside}")
        source = aside / source.name if at_home else source
    checkpoints.adopt(here, told, partial(shutil.copyfile, source))


def set_later_copies_aside(place: DriveFolder, step: int) -> None:
    """Copies of later steps than the one that was chosen are of another future: no machine may go on from them."""
    try:
        if any(step_of(Path(name)) > step for name in place.names() if name.startswith("step_")):
            print(f"{place} was set aside as {checkpoints.set_aside(place.path)}")
    except OSError as error:
        log.warning("later copies in %s could not be set aside (%s): do it by hand", place, error)

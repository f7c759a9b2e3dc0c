"""A Drive that answers late, or only when it has been asked again, or mounted anew."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

WAITS = (0, 1, 5, 30, 60, 120)  # seconds until what was written can be read: writes have appeared minutes later
LONG = 30  # seconds from where on a wait is told of
LOOKS = (0, 2, 10)  # seconds before Drive is looked at, and looked at again
DEAD_MOUNT = (5, 107)  # input/output error; transport endpoint is not connected
Wait = Callable[[float], object]  # sleeps so many seconds
Remount = Callable[[], object]
Found = TypeVar("Found")

log = logging.getLogger(__name__)


def wait_until_whole(
    what: str, whole: Callable[[], bool], wait: Wait = time.sleep, hurry: Callable[[], bool] = lambda: False
) -> None:
    """Look until a file is what was written; it may appear late, and a longer look may find it whole.

    Args:
        what: was written, for people.
        whole: looks.
        wait: sleeps between two looks.
        hurry: whether the next look is the last.

    Raises:
        ValueError: if it is not there after the last look.
    """
    said = "it is not there"
    for seconds in WAITS:
        if seconds:
            wait(seconds)
        try:
            if whole():
                return
            said = "something else lies there"
        except FileNotFoundError:
            said = "it is not there"
        if hurry():
            break
    raise ValueError(f"{what} was written, but {said}")


def wait_aloud(seconds: float) -> None:
    """Sleep, and say so where it is long: for those who wait at a notebook's cell."""
    if seconds >= LONG:
        print(f"Drive does not show yet what was written; looking again in {seconds:g} s")
    time.sleep(seconds)


def look_again(
    what: str, look: Callable[[bool], Found], remount: Remount | None = None, wait: Wait = time.sleep
) -> Found:
    """Look at what lies on Drive, and again where it cannot be read, after a dead Drive was mounted anew.

    Args:
        what: is looked at, for people.
        look: is told whether this is the last look; before that it raises whatever cannot be read.
        remount: mounts a dead Drive again; called once.
        wait: sleeps between two looks.

    Raises:
        OSError: of the last look.
    """
    for pause in LOOKS[:-1]:
        if pause:
            wait(pause)
        try:
            return look(False)
        except OSError as error:
            log.warning("%s could not be read (%s); looking again", what, error)
            remount = None if mount_again(error, remount) else remount
    wait(LOOKS[-1])
    return look(True)


def mount_again(error: Exception, remount: Remount | None) -> bool:
    """Mount a Drive anew if an error says that it is dead; whether that was tried."""
    if remount is None or not isinstance(error, OSError) or error.errno not in DEAD_MOUNT:
        return False
    try:
        remount()
        log.warning("Drive was dead and has been mounted again")
    except Exception as refusal:  # no cookies, a closed window
        log.warning("Drive could not be mounted again (%s): run the setup cell again", refusal)
    return True

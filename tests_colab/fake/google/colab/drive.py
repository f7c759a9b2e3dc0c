"""Drive as a local folder that outlives the kernel, with the real one's faults.

FAKE_DRIVE is the folder that stands for MyDrive. FAKE_DRIVE_FAULT is how it fails:
    refused     the person closes the window
    107, 5      after FAKE_DRIVE_GOOD operations (0), every one fails with this errno; a forced remount heals it once
                FAKE_DRIVE_HEALS is set

Python's own file operations fail (open, mkdir, rename, listdir and the like); what a C library opens does not.
"""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

from google.colab import calls
from google.colab._message import MessageError

# at: where this kernel mounted it; left: operations that will still go well; watched: whether `_fail` is told of them
_now = SimpleNamespace(at=None, left=0, watched=False)


def mount(mountpoint, force_remount=False, timeout_ms=120000, readonly=False):
    """Mount your Google Drive at the specified mountpoint path."""
    calls.append(("mount", str(mountpoint), force_remount))
    fault = os.environ.get("FAKE_DRIVE_FAULT", "")
    if fault == "refused":
        raise MessageError("Error: credential propagation was unsuccessful")
    place = Path(mountpoint)
    mounted = _now.at is not None or (place / "MyDrive").is_symlink()  # by a kernel before this one
    if mounted and not force_remount:
        print(
            f"Drive already mounted at {mountpoint}; to attempt to forcibly remount, call "
            f'drive.mount("{mountpoint}", force_remount=True).'
        )
    else:
        _mount(place)
        print(f"Mounted at {mountpoint}")
    if _now.at is None or force_remount:
        healed = force_remount and "FAKE_DRIVE_HEALS" in os.environ
        _now.left = sys.maxsize if healed or not fault else int(os.environ.get("FAKE_DRIVE_GOOD", "0"))
        _now.at = place
    if fault and not _now.watched:
        sys.addaudithook(_fail)
        _now.watched = True


def _mount(place: Path) -> None:
    _unmount(place)
    _now.at = None
    if not place.parent.is_dir():
        raise ValueError("Mountpoint must be in a directory that exists")
    if place.is_dir() and any(place.iterdir()):
        raise ValueError("Mountpoint must not already contain files")
    place.mkdir(exist_ok=True)
    (place / "MyDrive").symlink_to(os.environ["FAKE_DRIVE"])


def flush_and_unmount(timeout_ms=24 * 60 * 60 * 1000):
    """Unmount; the files of this session are on Drive then."""
    calls.append(("flush_and_unmount",))
    if _now.at is None:
        print("Drive not mounted, so nothing to flush and unmount.")
        return
    _unmount(_now.at)
    _now.at.rmdir()
    _now.at = None


def _unmount(place: Path) -> None:
    _now.at, at = None, _now.at  # else the fault would strike here
    (place / "MyDrive").unlink(missing_ok=True)
    _now.at = at


def _fail(event: str, arguments: tuple) -> None:
    """Python's audit hook: it is told of every file operation before it happens, and may forbid it by raising."""
    if _now.at is None or not (event == "open" or event.startswith("os.")):
        return
    drive = str(_now.at / "MyDrive")
    touched = [os.path.abspath(os.fsdecode(a)) for a in arguments[:2] if isinstance(a, str | bytes | os.PathLike)]
    if not any(path == drive or path.startswith(drive + os.sep) for path in touched):
        return
    if _now.left > 0:
        _now.left -= 1
        return
    _unmount(_now.at)  # what no hook is told of, as stat, finds nothing either
    number = int(os.environ["FAKE_DRIVE_FAULT"])
    raise OSError(number, os.strerror(number), touched[0])

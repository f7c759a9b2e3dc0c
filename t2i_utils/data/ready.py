"""A data file that is ready when a notebook asks for it: the one that is there if it is right, else a new one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from t2i_utils.colab import remount_drive
from t2i_utils.data.build import build, usual_size
from t2i_utils.data.datasets import DATASETS, read_dataset
from t2i_utils.data.download import download
from t2i_utils.data.hdf5 import fingerprint
from t2i_utils.data.source import Source
from t2i_utils.data.split import read_contents
from t2i_utils.data.verify import Facts, verify
from t2i_utils.drive.folder import DriveFolder
from t2i_utils.drive.looking import wait_aloud
from t2i_utils.drive.sending import bring_folder, send_files

DRAWN = tuple(name for name, dataset in DATASETS.items() if not dataset.root)  # not read: they need no folder
KEPT = "data"  # on Drive


def own_files(dataset: str, root: str, fetch: bool, folder: Path) -> Path | None:
    """Where a data set's own files lie, as the form of a notebook says.

    Args:
        dataset: a name of `DATASETS`.
        root: what the form's ROOT says; "" for a folder of the set's name in `folder`.
        fetch: download what is missing there first, and print what was done.
        folder: the workspace.

    Returns:
        The place; None where nothing was named and nothing lies there.

    Raises:
        ValueError, DownloadError, OSError: as `download`.
    """
    place = Path(root).expanduser() if root else Path(folder) / dataset
    if fetch:
        print(download(dataset, place))
    return place if root or place.is_dir() else None


def ready_file(
    dataset: str,
    size: int | None,
    folder: Path,
    root: Path | None = None,
    limit: int | None = None,
    drive: Path | None = None,
) -> Path:
    """Find or build the file of a data set, and say in one line which of the two happened.

    A file that is there is read whole. It is used if every hash holds and it has the examples that a build would store
    now; a data set that is read from a folder which is not given can only be compared by name, size and number. A file
    that fails its hashes is kept beside the new one under the name FILE.old.

    Args:
        dataset: a name of `DATASETS`.
        size: pixels that networks will paint; None for the data set's own size, which needs its folder, or 64.
        folder: where the file lies, as DATASET_SIZE.h5; made if it is missing.
        root: the folder of the data set's own files; built-in sets need none.
        limit: at most so many pictures, or None for all.
        drive: a folder that keeps the file for the next session; it is brought from there where neither it nor the
            data set's own files are here. A Drive that fails is told, and stops nothing.

    Returns:
        The path of a file that was verified or has just been built.

    Raises:
        FileNotFoundError, ValueError: as `read_dataset` and `build`: an unknown name, a folder that is missing or laid
            out differently, a size or limit that cannot be.
    """
    source = None
    if size is None:
        source = read_dataset(dataset, root, limit)
        size = usual_size(source)
    path = Path(folder) / f"{dataset}_{size}.h5"
    kept = None if drive is None else DriveFolder(Path(drive) / KEPT / path.stem)
    here = source is not None or dataset in DRAWN or path.is_file() or (root is not None and Path(root).exists())
    brought = kept is not None and not here and _bring(kept, path)
    if brought:
        root = None
    if source is None and (root is not None or dataset in DRAWN or not path.is_file()):
        source = read_dataset(dataset, root, limit)
    reason = _reason_to_build(path, dataset, size, limit, source)
    if reason:
        source = source or read_dataset(dataset, root, limit)
        report = build(source, path, size)
        print(f"{path}: built ({reason}), {sum(report.pictures.values()):,} pictures in {report.seconds:.1f} s")
    else:
        print(f"{path}: verified, nothing to build")
    if kept is not None and (reason or not brought):
        _send(path, kept)
    return path


def _bring(kept: DriveFolder, path: Path) -> bool:
    """Bring the file that `_send` left, if it is there whole; else it is told why not, unless nothing is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        brought = Path(name) / "brought"
        if not bring_folder(kept, brought, remount_drive) or not (brought / path.name).is_file():
            return False
        (brought / path.name).replace(path)
    print(f"{path}: brought from {kept}")
    return True


def _send(path: Path, kept: DriveFolder) -> None:
    """Copy a file to Drive, unless its pictures and captions lie there already: vectors are made anew from these."""
    if send_files({path.name: path}, kept, wait_aloud, fingerprint(path)):
        print(f"{path}: kept in {kept}")


def _reason_to_build(path: Path, dataset: str, size: int, limit: int | None, source: Source | None) -> str:
    """Why the file cannot be used as it is; "" if it can. A broken file is moved out of the new one's way."""
    if not path.is_file():
        return "there was none"
    try:
        facts = verify(path)
    except ValueError as error:
        old = path.with_name(f"{path.name}.old")
        path.replace(old)
        return f"{error}; it is now {old.name}"
    if (facts.dataset, facts.image_size) != (dataset, size):
        return f"it held {facts.dataset} at {facts.image_size} pixels"
    stored = sum(facts.pictures.values()) + len(facts.left_out)
    if source is None:
        return f"it held {stored:,} pictures" if limit is not None and stored > limit else ""
    if facts.version != source.version:
        return f"it was made from version {facts.version} of the data set, this is {source.version}"
    if _names(facts) != {example.name for example in source.examples}:
        return f"it held {stored:,} pictures, not the {len(source.examples):,} that are asked for"
    return ""


def _names(facts: Facts) -> set[str]:
    """Names of all examples that a file was built from, stored or left out."""
    return {*read_contents(facts.path, "all").names, *(name for name, _ in facts.left_out)}

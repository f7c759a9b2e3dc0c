"""The encoder that belongs to a run: named in its folder and, where it is a folder of its own, copied there."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

import torch

from t2i_utils.colab import remount_drive
from t2i_utils.drive.folder import DriveFolder
from t2i_utils.drive.looking import Wait
from t2i_utils.drive.sending import bring_folder, files_in, send_files
from t2i_utils.interfaces import TextEncoder
from t2i_utils.text.encoders import open_encoder, opens_by_name
from t2i_utils.whole import write_whole

RECORD, ENCODER = "encoder.json", "encoder"


def keep_encoder(folder: Path, where: str, fingerprint: str) -> None:
    """Record an encoder in a run's folder, once.

    Args:
        folder: of the run.
        where: the name that `open_encoder` opens: `sbert`, MODEL/TAG, or a folder, which is copied.
        fingerprint: of the encoder that made the vectors.

    Raises:
        FileNotFoundError: for a folder that is not there any more: the run could train, but never paint.
        ValueError: for a folder that holds another encoder now.
    """
    record = folder / RECORD
    if record.is_file() and json.loads(record.read_text(encoding="utf-8"))["fingerprint"] == fingerprint:
        return  # another one is of a run that never saved: one that did refuses to go on with another encoder
    by_name = opens_by_name(where)
    if not by_name and not Path(where).is_dir():
        raise FileNotFoundError(
            f"the encoder that made these vectors lay in {where}, which is not there (seen from {Path.cwd()}); "
            "bring it back, or embed the file again with an encoder from where it is now"
        )
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / ENCODER, ignore_errors=True)
    if not by_name:
        the_encoder(where, origin(fingerprint), "the data file holds vectors")
        temporary = Path(tempfile.mkdtemp(prefix=f".{ENCODER}.", dir=folder))
        shutil.copytree(where, temporary, dirs_exist_ok=True)
        temporary.rename(folder / ENCODER)
    write_whole(record, json.dumps({"where": where, "fingerprint": fingerprint}, indent=1).encode())


def origin(fingerprint: str) -> str:
    """The encoder's fingerprint; its beginning, where its vectors were shuffled (`shuffled-FINGERPRINT-0`)."""
    return fingerprint.split("-")[1] if fingerprint.startswith("shuffled-") else fingerprint


def send_encoder(folder: Path, place: DriveFolder, wait: Wait = time.sleep) -> bool:
    """Copy what `keep_encoder` left in a run's folder to Drive; whether it is there whole. Failures are told."""
    kept = [folder / RECORD, *files_in(folder / ENCODER)]
    return send_files({path.relative_to(folder).as_posix(): path for path in kept}, place, wait)


def bring_encoder(place: DriveFolder, folder: Path) -> bool:
    """Bring what `send_encoder` left to a run's folder that has no encoder yet; whether it has one then."""
    if (folder / RECORD).is_file():
        return True
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        brought = Path(name) / "encoder"
        if not bring_folder(place, brought, remount_drive):
            return False
        if (brought / ENCODER).is_dir():
            shutil.rmtree(folder / ENCODER, ignore_errors=True)
            (brought / ENCODER).rename(folder / ENCODER)
        (brought / RECORD).replace(folder / RECORD)  # last: without it there is no encoder
    return True


def kept_encoder(folder: Path, device: torch.device | str = "cpu") -> TextEncoder:
    """Open a run's encoder, wherever its folder was moved to.

    Raises:
        FileNotFoundError: if the folder holds no run.
        ValueError: if the encoder is not the one that the run's vectors were made with.
    """
    record = folder / RECORD
    if not record.is_file():
        raise FileNotFoundError(f"{record} is missing: {folder} holds no run; train one there with --out {folder}")
    told = json.loads(record.read_text(encoding="utf-8"))
    copy = folder / ENCODER
    where = str(copy) if copy.is_dir() else told["where"]
    return the_encoder(where, told["fingerprint"], f"{folder} was trained with vectors", told["where"], device)


def the_encoder(
    where: str, fingerprint: str, whose: str, said: str = "", device: torch.device | str = "cpu"
) -> TextEncoder:
    """Open the encoder of known vectors, and no other: another one in its place would paint nonsense.

    Args:
        where: what `open_encoder` opens.
        fingerprint: of the encoder that made the vectors, or its beginning.
        whose: vectors they are, for the error.
        said: where they say it lies, if that is not `where`.
        device: where it will run.

    Raises:
        ValueError: if nothing opens there, or something that has another fingerprint.
    """
    try:
        encoder = open_encoder(where, device=device)
    except (ValueError, FileNotFoundError) as error:  # most often a file that was moved without the folder beside it
        raise ValueError(
            f"{whose} of the encoder {said or where} (fingerprint {fingerprint[:12]}), which does not open: {error}; "
            "bring that encoder back, or embed and train again with another one"
        ) from error
    if not encoder.fingerprint.startswith(fingerprint):
        raise ValueError(
            f"{encoder.name} has the fingerprint {encoder.fingerprint[:12]}, but {whose} of {fingerprint[:12]} "
            f"({said or where}); bring that encoder back, or embed and train again with this one"
        )
    return encoder

"""One HDF5 file holds a data set ready for training: pictures, captions, splits, and the captions' vectors.

Written by `build`, never by hand; opened by `open_data`, read whole by `Loader` and `read_split`.

    /                          attributes: format, format_version, complete (written last), dataset, source_version,
                               licence, origin, notes (JSON list), image_size, side, channels,
                               encoding ("raw" | "jpeg"), class_names (JSON list), attributes (JSON: name to its
                               values), library_version, sha256 (of the tables below but embeddings, and of the
                               attributes that tell the data: `sealed.SEALED`), seal (sha256 of all these)
    images                     uint8 [pictures, side, side, channels], or with "jpeg" a vector of bytes a picture
    names                      text [pictures], unique
    classes                    int64 [pictures], an index of class_names; -1 where the data set has no classes
    splits                     uint8 [pictures], an index of SPLITS
    attributes                 int64 [pictures, attributes], an index of the attribute's values; -1 where nobody knows
    captions                   text [captions], repaired; those of one picture stand together, in the pictures' order
    caption_picture            int64 [captions], the picture of each caption
    caption_offsets            int64 [pictures + 1]: the captions of picture p are offsets[p] .. offsets[p + 1]
    states                     bool [captions, attributes], True where the caption states the attribute
    left_out                   text [left out, 2]: name and reason
    embeddings/<fingerprint>/  one group an encoder; attributes: name, where (a model tag or a folder), text_dim, order
                               (the newest is the highest), data (sha256 of the file it belongs to), sha256
        sentence               float32 [captions, text_dim]

Pictures lie at side = ceil(image_size * 76 / 64), so that a crop of image_size can be taken anywhere in them; or, where
they all had image_size pixels from the beginning, as they are: side = image_size, and every crop is the whole picture.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from t2i_utils.data.sealed import open_data
from t2i_utils.whole import writing_whole

FINGERPRINT = re.compile(r"[A-Za-z0-9_.-]{6,}")


class Embeddings(NamedTuple):
    """The vectors of every caption of a file, by one encoder.

    Attributes:
        fingerprint: of the encoder.
        sentence: float32 [captions, text_dim].
        name: by which a user asks for the encoder.
        where: a model tag or a folder from which it can be opened again; the folder beside the file, where the one that
            was written down is not there (it is often relative to where `embed` ran).
    """

    fingerprint: str
    sentence: np.ndarray
    name: str
    where: str


def fingerprint(path: Path) -> str:
    """sha256 of a file's data as it was built, embeddings aside; whether it still holds is for `verify` to say.

    Raises:
        FileNotFoundError, ValueError: as `open_data`.
    """
    with open_data(path) as file:
        return str(file.attrs["sha256"])


def read_captions(path: Path) -> list[str]:
    """Every caption of a file, in the order of its embeddings' rows.

    Raises:
        FileNotFoundError, ValueError: as `open_data`.
    """
    with open_data(path) as file:
        return file["captions"].asstr()[:].tolist()


def write_embeddings(path: Path, name: str, fingerprint: str, where: str, sentence: np.ndarray) -> None:
    """Add an encoder's vectors to a file, or put new ones in the place of those under the same fingerprint.

    The file is copied, completed and renamed: a process that is killed meanwhile leaves it as it was.

    Args:
        path: of a file made by `build`.
        name: by which users will ask for these vectors.
        fingerprint: of the encoder; the vectors are stored under it.
        where: a model tag or a folder from which the encoder can be opened again.
        sentence: [captions, text_dim], finite numbers, stored as float32; row i is for `read_captions(path)[i]`.

    Raises:
        FileNotFoundError, ValueError: as `open_data`; and for vectors that are not finite or not one a caption.
    """
    path, sentence = Path(path), np.ascontiguousarray(sentence, dtype=np.float32)
    if not name or not FINGERPRINT.fullmatch(fingerprint):
        raise ValueError(
            f"vectors need a name and a fingerprint of 6 or more letters and digits, got {name!r} and {fingerprint!r}"
        )
    if not np.isfinite(sentence).all():
        raise ValueError(f"encoder {name!r} gave vectors that are not finite; nothing was written")
    with open_data(path) as file:
        captions, data = len(file["captions"]), str(file.attrs["sha256"])
        order = 1 + max((int(group.attrs["order"]) for group in encoder_groups(file)), default=0)
    if sentence.ndim != 2 or len(sentence) != captions or not sentence.shape[1]:
        raise ValueError(
            f"{path} holds {captions:,} captions, so its vectors are [{captions}, text_dim]; got {list(sentence.shape)}"
        )
    with writing_whole(path) as partial:
        shutil.copyfile(path, partial)
        with h5py.File(partial, "r+") as file:
            groups = file.require_group("embeddings")
            if fingerprint in groups:
                del groups[fingerprint]
            group = groups.create_group(fingerprint)
            group.create_dataset("sentence", data=sentence)
            told = {"name": name, "where": where, "text_dim": sentence.shape[1], "order": order, "data": data}
            for key, value in told.items():
                group.attrs[key] = value
            group.attrs["sha256"] = embeddings_hash(group)


def read_embeddings(path: Path, encoder: str) -> Embeddings:
    """The vectors of one encoder.

    Args:
        path: of a file made by `build`.
        encoder: the name they were written under (of several, the newest), or a fingerprint or the beginning of one.

    Raises:
        FileNotFoundError, ValueError: as `open_data`; and for an unknown encoder, listing those inside.
    """
    with open_data(path) as file:
        group = _find_encoder(file, Path(path), encoder)
        mark = group.name.rpartition("/")[2]
        where, beside = str(group.attrs["where"]), Path(path).parent / Path(str(group.attrs["where"])).name
        if not Path(where).is_dir() and beside.is_dir():
            where = str(beside)
        return Embeddings(mark, group["sentence"][:], str(group.attrs["name"]), where)


def _find_encoder(file: h5py.File, path: Path, encoder: str) -> h5py.Group:
    groups = encoder_groups(file)
    named = [group for group in groups if group.attrs["name"] == encoder]
    if named:
        return named[-1]
    begun = [group for group in groups if encoder and group.name.rpartition("/")[2].startswith(encoder)]
    if len(begun) == 1:
        return begun[0]
    inside = ", ".join(map(tell, groups)) or "none"
    if begun:
        raise ValueError(
            f"{len(begun)} encoders in {path} begin with {encoder!r}; write more of it. It holds: {inside}"
        )
    raise ValueError(
        f"{path} holds no vectors of encoder {encoder!r}, only: {inside}; make them: {embed_command(path, encoder)}"
    )


def encoder_groups(file: h5py.File) -> list[h5py.Group]:
    """Groups of encoders, oldest first."""
    groups = file.get("embeddings", {})
    # by name, for .values() would give None for a group that cannot be opened
    return sorted((groups[name] for name in groups), key=lambda group: int(group.attrs["order"]))


def tell(group: h5py.Group) -> str:
    """An encoder's name and the beginning of its fingerprint."""
    return f"{group.attrs['name']} ({group.name.rpartition('/')[2][:12]})"


def embed_command(path: Path, encoder: str) -> str:
    """The command that writes an encoder's vectors, for error messages."""
    return f"python -m t2i_utils embed {path} --encoder {encoder.split(' (')[0] or 'NAME'}"


def embeddings_hash(group: h5py.Group) -> str:
    """sha256 of an encoder's vectors and of what is told about them."""
    told = {name: str(group.attrs[name]) for name in ("name", "where", "text_dim", "order", "data")}
    digest = hashlib.sha256(json.dumps({**told, "fingerprint": group.name}, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(group["sentence"][:].astype("<f4", copy=False)))
    return digest.hexdigest()

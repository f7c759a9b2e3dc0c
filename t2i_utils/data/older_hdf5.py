"""The HDF5 files of much older PyTorch code for text-to-image GANs, which people still have.

    FILE.h5/train|valid|test/image_00001_0 ... image_00001_4
        name        "image_00001"
        img         the bytes of a JPEG, as an opaque value
        class       "class_00077", the folder of its captions
        txt         one caption, with the end of its line
        embeddings  1024 numbers: the caption's vector by an encoder that is not in the file

A picture lies there once for every caption, and captions were drawn with repeats: all groups of one `name` become one
example with its distinct captions, and `valid` becomes val. The embeddings are not used: nothing could turn a new
caption into such a vector; `embed` makes new ones. Nothing that was pickled is ever opened.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from t2i_utils.data.missing import WHY, is_pickle
from t2i_utils.data.pictures import BrokenPictureError
from t2i_utils.data.source import Caption, Example, Source
from t2i_utils.data.subset import check_limit, choose

NAME = "older_hdf5"
PARTS = {"train": "train", "valid": "val", "test": "test"}
TEXTS = ("name", "class", "txt")
FIELDS = (*TEXTS, "img")


@dataclass
class _Picture:
    """What the groups of one name say together; `group` is the path of the first."""

    group: str
    split: str
    class_name: str
    captions: list[str] = field(default_factory=list)


def older_hdf5(root: Path, limit: int | None = None, classes: Sequence[str] | None = None) -> Source:
    """Read a file of the old layout, as the module says.

    Args:
        root: the file. It must stay where it is until the new one is built.
        limit: at most so many pictures, taken evenly from all classes.
        classes: only these.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a file of another layout or a damaged one, a group that lacks a field or holds something else
            than text in it, naming both; a name in two splits or classes; an unknown class or a limit below 1.
    """
    root = Path(root)
    check_limit(limit)
    with _opened(root) as file:
        parts = [part for part in PARTS if isinstance(file.get(part), h5py.Group)]
        if not parts:
            raise ValueError(f"{root} {_other_layout(file)}")
        groups = sum(len(file[part]) for part in parts)
        pictures: dict[str, _Picture] = {}
        with tqdm(total=groups, desc=f"reading {root.name}", unit="caption", delay=5) as bar:
            for part in parts:
                for key in file[part]:
                    _add(pictures, root, file[part], key)
                    bar.update()
    notes = [
        f"{groups:,} groups, one a caption, are {len(pictures):,} pictures with "
        f"{sum(len(picture.captions) for picture in pictures.values()):,} different captions",
        "the vectors of captions in it are not used; embed makes new ones",
        *(f"there is no group {part!r}, so nothing is in {PARTS[part]}" for part in PARTS if part not in parts),
    ]
    found, choices = choose(list(pictures), lambda name: pictures[name].class_name, limit, classes)
    return Source(
        NAME,
        f"1, captions {_mark(pictures)}",
        "that of the data set which the file was made from; the file does not say",
        [_example(root, name, pictures[name]) for name in found],
        origin=str(root),
        notes=(*notes, *choices),
    )


def open_stored(path: Path, group: str, size: int = 0) -> Image.Image:
    """The picture in a group of an old file; `size` is not looked at.

    Raises:
        BrokenPictureError: if `img` holds no whole picture.
    """
    # Opened for each picture, which takes about as long as decoding one: a handle kept open would bar its owner from
    # changing the file for as long as this process lives.
    with _opened(path) as file:
        img = file[group]["img"]
        if img.dtype.kind not in "Vu" or img.dtype.names or img.external:
            raise BrokenPictureError(f"img holds {img.dtype}, not the bytes of a picture")
        data = np.asarray(img[()]).tobytes()
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except Exception as error:  # damaged pictures raise nearly anything in Pillow
        raise BrokenPictureError(f"img is no whole picture: {str(error).partition('<')[0]}") from error
    return image


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is {'a folder' if path.is_dir() else 'not there'}; give the HDF5 file itself")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"{path} is no whole HDF5 file ({error}); copy it again") from error


def _other_layout(file: h5py.File) -> str:
    if "format" in file.attrs:
        return "was built by t2i_utils already; give it to verify, embed or train as it is"
    there = ", ".join(list(file)[:5]) or "nothing"
    return f"holds {there}, where the old layout has groups {', '.join(PARTS)}"


def _add(pictures: dict[str, _Picture], path: Path, part: h5py.Group, key: str) -> None:
    """Add what one group says to the picture of its name."""
    group, where = part[key], f"{path}: {part.name[1:]}/{key}"
    if not isinstance(group, h5py.Group):
        raise ValueError(f"{where} is no group with {', '.join(FIELDS)}")
    fields = {name: group.get(name) for name in FIELDS}
    lacking = [name for name, found in fields.items() if not isinstance(found, h5py.Dataset)]
    if lacking:
        raise ValueError(f"{where} has no {lacking[0]}; a group of the old layout has {', '.join(FIELDS)}")
    name, class_name, caption = (_text(fields[text], f"{where}/{text}") for text in TEXTS)
    split = PARTS[part.name[1:]]
    picture = pictures.setdefault(name, _Picture(f"{part.name}/{key}", split, class_name))
    if (picture.split, picture.class_name) != (split, class_name):
        raise ValueError(
            f"{where} says that {name} is of class {class_name}, in {split}; {picture.group} says of class "
            f"{picture.class_name}, in {picture.split}"
        )
    if caption and caption not in picture.captions:
        picture.captions.append(caption)


def _text(field: h5py.Dataset, where: str) -> str:
    """One text, without white space around it; anything else is refused unopened."""
    value = field[()] if field.size == 1 and not field.external else field
    value = value.item() if isinstance(value, np.ndarray) else value
    data = value.encode(errors="surrogateescape") if isinstance(value, str) else value
    start = data.tobytes() if isinstance(data, np.void) else data
    if isinstance(start, bytes) and is_pickle(start):
        raise ValueError(f"{where} is a pickle: {WHY}; it must be plain text")
    if not isinstance(data, bytes):
        raise ValueError(f"{where} holds {field.dtype} of shape {field.shape}, where one plain text belongs")
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace").strip()


def _mark(pictures: dict[str, _Picture]) -> str:
    """Changes with every name, class, split and caption."""
    digest = hashlib.sha256()
    for name, picture in pictures.items():
        digest.update(repr((name, picture.split, picture.class_name, picture.captions)).encode())
    return digest.hexdigest()[:12]


def _example(path: Path, name: str, picture: _Picture) -> Example:
    captions = tuple(Caption(text) for text in picture.captions)
    return Example(name, partial(open_stored, path, picture.group), captions, picture.class_name, picture.split)

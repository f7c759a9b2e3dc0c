"""Oxford-102 flowers with the captions of Reed et al., read from the folders as they are published.

    ROOT/jpg/image_00001.jpg ...                         pictures (102flowers.tgz)
    ROOT/imagelabels.mat                                 `labels`, 1 x n, the class of each picture from 1
    ROOT/text_c10/class_00001/image_06734.txt ...        captions, one a line (cvpr2016_flowers)
    ROOT/{train,val,test}classes.txt                     the classes of each split, one a line (cvpr2016_flowers)
    ROOT/class_names.txt                                 optional: "class_00001 bluebell", one a line

The splits hold different classes. `setid.mat`, which comes with the pictures, splits them for classification: every
class is in each of its parts, so it is not used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from t2i_utils.data.missing import need, tell_absent
from t2i_utils.data.reed import difference, read_captions, read_lines, read_splits
from t2i_utils.data.source import Example, Source
from t2i_utils.data.subset import choose

NAME = "oxford_flowers"
FULL_TRAINVAL, FULL_TEST = 7034, 1155
PICTURES_FROM = "102flowers.tgz of www.robots.ox.ac.uk/~vgg/data/flowers/102"
LABELS_FROM = "imagelabels.mat of www.robots.ox.ac.uk/~vgg/data/flowers/102"
CAPTIONS_FROM = "the captions of Reed et al. (cvpr2016_flowers)"
LICENCE = "for research; pictures: Nilsback and Zisserman (2008), from the web; captions: Reed et al. (2016)"


def oxford_flowers(root: Path, limit: int | None = None, classes: Sequence[str] | None = None) -> Source:
    """Read Oxford-102 in its official layout; a part of it is read too, and said to be one.

    Args:
        root: the folder that holds `jpg`, `imagelabels.mat`, `text_c10` and the class lists.
        limit: at most so many pictures, taken evenly from all classes.
        classes: only these, by folder (class_00001) or, with a class_names.txt, by name.

    Returns:
        Examples in the order of their numbers. `notes` says what differs from the full set.

    Raises:
        FileNotFoundError: naming the file or folder that is missing, and where it should lie.
        ValueError: for a file that cannot be read, splits that share a class, an unknown class or a limit below 1.
    """
    root = Path(root)
    labels = _read_labels(_need(root / "imagelabels.mat", LABELS_FROM))
    _need(root / "text_c10", CAPTIONS_FROM)
    split_of, names = read_splits(root, NAME, CAPTIONS_FROM), _read_names(root / "class_names.txt")
    present = {path.stem for path in _need(root / "jpg", PICTURES_FROM).glob("image_*.jpg")}
    if not present:
        raise FileNotFoundError(f"{root / 'jpg'} holds no image_*.jpg; unpack {PICTURES_FROM} there")

    numbered = [(f"image_{number:05d}", f"class_{label:05d}") for number, label in enumerate(labels, start=1)]
    found = [(image, folder) for image, folder in numbered if image in present and folder in split_of]
    notes = _notes(found, numbered, split_of)
    found, choices = choose(found, lambda pair: pair[1], limit, classes, names)
    examples = [_example(root, image, folder, names.get(folder, folder), split_of[folder]) for image, folder in found]
    return Source(
        NAME,
        "Oxford-102, captions of Reed et al., 1",
        LICENCE,
        examples,
        origin=str(root),
        notes=(*notes, *choices),
    )


def _need(path: Path, origin: str) -> Path:
    return need(path, NAME, origin)


def _read_labels(path: Path) -> list[int]:
    """The class of each picture, from 1; the first belongs to image_00001."""
    from scipy.io import loadmat  # here: every command knows this data set, and few read it

    try:
        labels = np.asarray(loadmat(path)["labels"]).ravel().astype(np.int64)
    except Exception as error:  # scipy raises nearly anything for a file that is no .mat
        raise ValueError(f"{path} holds no labels that can be read ({error}); fetch {LABELS_FROM} again") from error
    return labels.tolist()


def _read_names(path: Path) -> dict[str, str]:
    """Class folder to a name for people; empty without the file."""
    if not path.is_file():
        return {}
    pairs = [line.split(maxsplit=1) for line in read_lines(path)]
    return {pair[0]: pair[-1] for pair in pairs}


def _notes(found: list[tuple[str, str]], numbered: list[tuple[str, str]], split_of: dict[str, str]) -> list[str]:
    """What a person should know who believes that this is the full set."""
    test = sum(split_of[folder] == "test" for _, folder in found)
    notes = difference((len(found) - test, test), (FULL_TRAINVAL, FULL_TEST), "Oxford-102")
    there = {image for image, _ in found}
    missing = [image for image, folder in numbered if folder in split_of and image not in there]
    notes += tell_absent(missing, "jpg")
    unlisted = sorted({folder for _, folder in numbered if folder not in split_of})
    if unlisted:
        notes.append(f"{len(unlisted)} classes are in no split's list and are not read: {', '.join(unlisted[:5])}")
    return notes


def _example(root: Path, image: str, folder: str, name: str, split: str) -> Example:
    captions = read_captions(root / "text_c10" / folder / f"{image}.txt")
    return Example(image, root / "jpg" / f"{image}.jpg", captions, name, split)

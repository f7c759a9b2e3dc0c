"""CUB-200-2011 birds with the captions of Reed et al., cropped around the bird as text-to-image papers do.

    ROOT/CUB_200_2011/images/001.Black_footed_Albatross/Black_Footed_Albatross_0001_796111.jpg ...
    ROOT/CUB_200_2011/images.txt                "1 001.Black_footed_Albatross/Black_Footed_Albatross_0001_796111.jpg"
    ROOT/CUB_200_2011/classes.txt               "1 001.Black_footed_Albatross"
    ROOT/CUB_200_2011/image_class_labels.txt    "1 1": picture, class
    ROOT/CUB_200_2011/bounding_boxes.txt        "1 60.0 27.0 325.0 304.0": picture, left, top, width, height in pixels
    CAPTIONS/text_c10/001.Black_footed_Albatross/Black_Footed_Albatross_0001_796111.txt ...     one caption a line
    CAPTIONS/{train,val,test}classes.txt        "001.Black_footed_Albatross": the classes of each split, one a line

CAPTIONS is ROOT, ROOT/cvpr2016_cub (as Reed's archive unpacks) or ROOT/CUB_200_2011, the first that holds `text_c10`;
ROOT may also be CUB_200_2011 itself, with CAPTIONS inside or beside it. The splits hold different classes;
`train_test_split.txt`, which comes with the pictures, splits them for classification and is not used here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

from PIL import Image

from t2i_utils.data.missing import need, tell_absent
from t2i_utils.data.pictures import BrokenPictureError, open_picture
from t2i_utils.data.reed import difference, read_captions, read_splits
from t2i_utils.data.source import Example, Source
from t2i_utils.data.subset import choose

NAME = "cub_birds"
FULL_TRAINVAL, FULL_TEST = 8855, 2933
PICTURES_FROM = "CUB_200_2011.tgz of data.caltech.edu/records/65de6-vp158"
CAPTIONS_FROM = "the captions of Reed et al. (cvpr2016_cub)"
LICENCE = (
    "for research; pictures: Wah et al. (2011), from the web, rights with their owners; captions: Reed et al. (2016)"
)

Value = TypeVar("Value")
Box = tuple[int, int, int, int]


def cub_birds(root: Path, limit: int | None = None, classes: Sequence[str] | None = None) -> Source:
    """Read CUB-200-2011 in its official layout; a part of it is read too, and said to be one.

    Args:
        root: as the module says.
        limit: at most so many pictures, taken evenly from all classes.
        classes: only these, by folder (001.Black_footed_Albatross) or by name (Black footed Albatross).

    Returns:
        Examples in the order of images.txt, cropped around the bird as in `crop_bird`; `notes` says what differs from
        the full set.

    Raises:
        FileNotFoundError: naming the file or folder that is missing, and where it should lie.
        ValueError: for a line that cannot be read (file, line number, line), tables that contradict each other, splits
            that share a class, an unknown class or a limit below 1.
    """
    birds, captions = _folders(Path(root))
    folders, boxes = _read_pictures(birds)
    split_of = read_splits(captions, NAME, CAPTIONS_FROM)
    found = [(image, folder) for image, folder in folders.items() if folder in split_of]
    present = {image for image, _ in found if (birds / "images" / image).is_file()}
    absent = [image for image, _ in found if image not in present]
    found = [(image, folder) for image, folder in found if image in present]
    test = sum(split_of[folder] == "test" for _, folder in found)
    notes = difference((len(found) - test, test), (FULL_TRAINVAL, FULL_TEST), "CUB-200-2011")
    notes += tell_absent(absent, "images")
    unlisted = sorted(set(folders.values()) - split_of.keys())
    if unlisted:
        notes.append(f"{len(unlisted)} classes are in no split's list and are not read: {', '.join(unlisted[:5])}")
    names = _names(folders.values())
    found, choices = choose(found, lambda pair: pair[1], limit, classes, names)
    examples = [
        Example(
            name=image.removesuffix(".jpg"),
            picture=partial(crop_bird, birds / "images" / image, boxes[image]),
            captions=read_captions((captions / "text_c10" / image).with_suffix(".txt")),
            class_name=names[folder],
            split=split_of[folder],
        )
        for image, folder in found
    ]
    version = "CUB-200-2011, cropped by box, captions of Reed et al., 1"
    return Source(NAME, version, LICENCE, examples, origin=str(root), notes=(*notes, *choices))


def crop_bird(path: Path, box: Box, size: int = 0) -> Image.Image:
    """The bird with some room around it: a square of side 2 r about the middle of its box, clipped to the picture.

    $$ r = \\lfloor 0.75 \\max(w, h) \\rfloor $$

    Clipped, not moved: near an edge the crop is no square any more, and the builder squashes it to one.

    Args:
        path: of the whole photograph.
        box: left, top, width, height in pixels.
        size: not looked at; the builder gives the side at which it stores pictures.

    Raises:
        BrokenPictureError: for a file that holds no picture, and a box that holds none of it.

    From: Zhang et al., StackGAN, 2017, by its authors' code; used in text-to-image papers ever since.
    """
    image = open_picture(path)
    left, top, right, bottom = around(box)
    area = (max(0, left), max(0, top), min(image.width, right), min(image.height, bottom))
    if area[0] >= area[2] or area[1] >= area[3]:
        raise BrokenPictureError(f"its box {box} lies outside of its {image.width} x {image.height} pixels")
    return image.crop(area)


def around(box: Box) -> Box:
    """Left, top, right, bottom of the square about a box (left, top, width, height), before it is clipped."""
    x, y, width, height = box
    middle_x, middle_y, r = int((2 * x + width) / 2), int((2 * y + height) / 2), int(0.75 * max(width, height))
    return middle_x - r, middle_y - r, middle_x + r, middle_y + r


def _folders(root: Path) -> tuple[Path, Path]:
    """Where the birds and where the captions lie."""
    inside = (root / "images.txt").is_file()
    birds = root if inside else need(root / "CUB_200_2011", NAME, PICTURES_FROM)
    home = root.resolve().parent if inside else root
    places = (home, home / "cvpr2016_cub", birds)
    captions = next((place for place in places if (place / "text_c10").is_dir()), home)
    need(captions / "text_c10", NAME, CAPTIONS_FROM)
    return birds, captions


def _read_pictures(birds: Path) -> tuple[dict[str, str], dict[str, Box]]:
    """Picture (path in images/) to the folder name of its class and to its box, in the order of images.txt."""
    images = _read_table(birds / "images.txt", _one_path)
    classes = _read_table(birds / "classes.txt", _one_name)
    labels = _read_table(birds / "image_class_labels.txt", _one_number)
    boxes = _read_table(birds / "bounding_boxes.txt", _one_box)
    need(birds / "images", NAME, PICTURES_FROM)
    for number, image in images.items():
        for table, name in ((labels, "image_class_labels.txt"), (boxes, "bounding_boxes.txt")):
            if number not in table:
                raise ValueError(f"{birds / name} has no line for picture {number} ({image}); fetch {PICTURES_FROM}")
        if labels[number] not in classes:
            raise ValueError(
                f"{birds / 'classes.txt'} has no class {labels[number]}, which picture {number} belongs to"
            )
    folders = {image: classes[labels[number]] for number, image in images.items()}
    return folders, {image: boxes[number] for number, image in images.items()}


def _read_table(path: Path, read: Callable[[list[str]], Value]) -> dict[int, Value]:
    """A table whose lines are a number and something that `read` makes a value of, raising ValueError if it cannot."""
    table: dict[int, Value] = {}
    data = need(path, NAME, PICTURES_FROM).read_bytes().decode("utf-8-sig", errors="replace")
    for count, line in enumerate(data.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            number, *rest = line.split()
            value = read(rest)
            if int(number) in table:
                raise ValueError(f"number {number} stands there twice")
            table[int(number)] = value
        except (ValueError, OverflowError) as error:
            raise ValueError(
                f"{path}, line {count} cannot be read: {line.strip()[:80]!r} ({error}); fetch {PICTURES_FROM} again"
            ) from error
    return table


def _one_path(words: list[str]) -> str:
    (image,) = words
    if "\\" in image or PurePosixPath(image).is_absolute() or ".." in PurePosixPath(image).parts:
        raise ValueError("a path must stay in its folder")
    return image


def _one_name(words: list[str]) -> str:
    (name,) = words
    return name


def _one_number(words: list[str]) -> int:
    (number,) = words
    return int(number)


def _one_box(words: list[str]) -> Box:
    # cast before anything is computed, as StackGAN does: a half pixel would move some crops by one
    x, y, width, height = (int(float(word)) for word in words)
    if width < 1 or height < 1:
        raise ValueError("a box is at least 1 pixel wide and high")
    return x, y, width, height


def _names(folders) -> dict[str, str]:
    """Class folder to its name for people; the folders themselves if two would be called the same."""
    names = {folder: folder.partition(".")[2].replace("_", " ") or folder for folder in folders}
    return names if len(set(names.values())) == len(names) else {folder: folder for folder in names}

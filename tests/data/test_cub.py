"""CUB-200-2011 as people have it on disk, on a small tree in its exact layout."""

import pickle

import numpy as np
import pytest
from PIL import Image

from t2i_utils.data.build import build
from t2i_utils.data.cub import around, crop_bird, cub_birds
from t2i_utils.data.pictures import BrokenPictureError
from t2i_utils.data.source import SPLITS
from t2i_utils.data.split import read_split

CLASSES = ["001.Black_footed_Albatross", "002.Laysan_Albatross", "014.Indigo_Bunting", "200.Common_Yellowthroat"]
SPLIT_OF = dict(zip(CLASSES, ("train", "train", "val", "test"), strict=True))
WIDTH, HEIGHT, BOX = 80, 60, "30.9 20.2 20.7 10.0"  # cast to 30, 20, 20, 10


@pytest.fixture
def birds(tmp_path):
    """Twelve pictures of four classes: green, with red where the bird's box is."""
    home, captions = tmp_path / "CUB_200_2011", tmp_path / "cvpr2016_cub"
    tables = {name: [] for name in ("images", "image_class_labels", "bounding_boxes", "train_test_split")}
    for index in range(12):
        folder = CLASSES[index % 4]
        image = f"{folder}/{folder[4:]}_{index:04d}_{796111 + index}.jpg"
        (home / "images" / folder).mkdir(parents=True, exist_ok=True)
        (captions / "text_c10" / folder).mkdir(parents=True, exist_ok=True)
        pixels = np.full((HEIGHT, WIDTH, 3), (0, 128, 0), dtype=np.uint8)
        pixels[20:30, 30:50] = (255, 0, 0)
        Image.fromarray(pixels).save(home / "images" / image, quality=95)
        lines = "".join(f"this bird is number {index}, line {line}.\n" for line in range(10))
        (captions / "text_c10" / image).with_suffix(".txt").write_text(lines)
        tables["images"].append(f"{index + 1} {image}")
        tables["image_class_labels"].append(f"{index + 1} {index % 4 + 1}")
        tables["bounding_boxes"].append(f"{index + 1} {BOX}")
        tables["train_test_split"].append(f"{index + 1} {index % 2}")
    tables["classes"] = [f"{number} {folder}" for number, folder in enumerate(CLASSES, start=1)]
    for name, lines in tables.items():
        (home / f"{name}.txt").write_text("\n".join([*lines, ""]))
    for split in SPLITS:
        (captions / f"{split}classes.txt").write_text("".join(f"{c}\n" for c in CLASSES if SPLIT_OF[c] == split))
    return tmp_path


def test_pictures_captions_and_splits_belong_together(birds):
    source = cub_birds(birds)
    assert len(source.examples) == 12
    for index, example in enumerate(source.examples):
        folder = CLASSES[index % 4]
        assert example.name == f"{folder}/{folder[4:]}_{index:04d}_{796111 + index}"
        assert example.class_name == folder[4:].replace("_", " ")
        assert example.split == SPLIT_OF[folder]
        assert len(example.captions) == 10
        assert example.captions[3].text == f"this bird is number {index}, line 3."
    (note,) = source.notes
    for count in ("9 trainval", "3 test", "8,855", "2,933"):
        assert count in note


@pytest.mark.parametrize(
    ("box", "square"),
    [
        ((60, 27, 325, 304), (-21, -64, 465, 422)),  # the first picture of the real set: middle 222, 179, r 243
        ((30, 20, 20, 10), (25, 10, 55, 40)),
        ((0, 0, 1, 1), (0, 0, 0, 0)),
        ((1, 1, 3, 5), (-1, 0, 5, 6)),  # middle int(2.5), int(3.5), r int(3.75)
    ],
)
def test_the_square_about_a_box(box, square):
    assert around(box) == square


def test_a_crop_is_clipped_to_the_picture_and_so_not_always_square(tmp_path):
    pixels = np.arange(40 * 60, dtype=np.uint8).reshape(40, 60)
    Image.fromarray(np.stack([pixels] * 3, axis=2)).save(tmp_path / "bird.png")
    crop = np.asarray(crop_bird(tmp_path / "bird.png", (40, 4, 16, 20)))  # middle 48, 14, r 15
    assert crop.shape == (29, 27, 3)
    assert (crop[:, :, 0] == pixels[0:29, 33:60]).all()


@pytest.mark.parametrize(
    ("box", "words"), [((90, 10, 20, 10), "lies outside"), ((5, 5, 1, 1), "lies outside"), (None, "not a picture")]
)
def test_a_bird_that_cannot_be_cropped_is_told(tmp_path, box, words):
    Image.new("RGB", (60, 40)).save(tmp_path / "bird.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(BrokenPictureError, match=words):
        crop_bird(tmp_path / ("text.png" if box is None else "bird.png"), box or (0, 0, 9, 9))


def test_birds_become_a_file_with_two_workers(birds, tmp_path):
    (birds / "CUB_200_2011" / "images" / CLASSES[0] / "Black_footed_Albatross_0004_796115.jpg").write_bytes(b"cut")
    report = build(cub_birds(birds), tmp_path / "birds.h5", 16, workers=2, progress=False)
    assert report.pictures == {"train": 5, "val": 3, "test": 3}
    assert [name.rpartition("_")[2] for name, _ in report.left_out] == ["796115"]
    images = read_split(report.path, "all").images.float()
    # the crop is 30 x 30 about a box of 20 x 10: the middle is red, and so is no corner
    assert (images[:, 0, 8, 8] > 200).all()
    assert (images[:, 1, 0, 0] > 100).all()


@pytest.mark.parametrize("place", [".", "CUB_200_2011"])
def test_captions_lie_beside_or_inside(birds, place):
    for path in (birds / "cvpr2016_cub").iterdir():
        path.rename(birds / place / path.name)
    expected = [(CLASSES[index % 4][4:].replace("_", " "), 10) for index in range(12)]
    for root in (birds, birds / "CUB_200_2011"):
        source = cub_birds(root)
        assert [(example.class_name, len(example.captions)) for example in source.examples] == expected


@pytest.mark.parametrize(
    "missing",
    [
        "CUB_200_2011",
        "CUB_200_2011/images.txt",
        "CUB_200_2011/classes.txt",
        "CUB_200_2011/image_class_labels.txt",
        "CUB_200_2011/bounding_boxes.txt",
        "CUB_200_2011/images",
        "cvpr2016_cub/text_c10",
        "cvpr2016_cub/testclasses.txt",
    ],
)
def test_what_is_missing_is_named(birds, missing):
    (birds / missing).rename(birds / "elsewhere")
    with pytest.raises(FileNotFoundError) as error:
        cub_birds(birds)
    assert missing.rpartition("/")[2] in str(error.value)
    assert "cub_birds needs" in str(error.value)


@pytest.mark.parametrize(
    ("name", "line", "words"),
    [
        ("images", "3", "not enough"),
        ("images", "3 a b.jpg", "too many"),
        ("images", "3 ../../secret.jpg", "stay in its folder"),
        ("images", "3 /etc/secret.jpg", "stay in its folder"),
        ("images", "three a.jpg", "three"),
        ("images", "2 a.jpg", "twice"),
        ("image_class_labels", "3 x", "x"),
        ("image_class_labels", "3 1.5", "1.5"),
        ("bounding_boxes", "3 1 2 3", "not enough"),
        ("bounding_boxes", "3 1 2 3 wide", "wide"),
        ("bounding_boxes", "3 1 2 nan 4", "NaN"),
        ("bounding_boxes", "3 1 2 inf 4", "infinity"),
        ("bounding_boxes", "3 1 2 0.9 4", "at least 1 pixel"),
        ("classes", "3", "not enough"),
    ],
)
def test_a_line_that_cannot_be_read_is_shown(birds, name, line, words):
    path = birds / "CUB_200_2011" / f"{name}.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], line, *lines[3:]]))
    with pytest.raises(ValueError, match=words) as error:
        cub_birds(birds)
    assert f"{path}, line 3 cannot be read: {line!r}" in str(error.value)


@pytest.mark.parametrize(
    ("name", "count", "words"),
    [
        ("image_class_labels", 4, "image_class_labels.txt has no line for picture 5"),
        ("bounding_boxes", 11, "bounding_boxes.txt has no line for picture 12"),
        ("classes", 3, "classes.txt has no class 4, which picture 4"),
    ],
)
def test_tables_that_contradict_each_other(birds, name, count, words):
    path = birds / "CUB_200_2011" / f"{name}.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:count]))
    with pytest.raises(ValueError, match=words):
        cub_birds(birds)


def test_a_part_is_read_and_told(birds):
    (birds / "cvpr2016_cub" / "valclasses.txt").write_text("")
    (birds / "CUB_200_2011" / "images" / CLASSES[0] / "Black_footed_Albatross_0000_796111.jpg").unlink()
    source = cub_birds(birds)
    assert len(source.examples) == 8
    for words in ("796111", "1 classes are in no split's list", "5 trainval"):
        assert any(words in note for note in source.notes)
    chosen = cub_birds(birds, limit=3, classes=["Laysan Albatross", CLASSES[3]])
    assert [example.class_name[:6] for example in chosen.examples] == ["Laysan", "Common", "Laysan"]
    with pytest.raises(ValueError, match=r"'Dodo'.*Laysan Albatross"):
        cub_birds(birds, classes=["Dodo"])


def test_pickles_beside_it_are_not_the_text_files(birds):
    (birds / "cvpr2016_cub").rename(birds / "elsewhere")
    (birds / "captions.pickle").write_bytes(pickle.dumps(["a bird"]))
    with pytest.raises(FileNotFoundError, match=r"captions.pickle lies there, but a pickle runs whatever code"):
        cub_birds(birds)

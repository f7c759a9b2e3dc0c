"""Oxford-102 as people have it on disk."""

import numpy as np
import pytest
import scipy.io
from PIL import Image

from t2i_utils.data.oxford import _notes, oxford_flowers
from t2i_utils.data.source import SPLITS

LABELS = [1, 2, 3, 4, 1, 2, 3, 4, 1, 1, 1, 1]
LISTS = {"train": ["class_00001", "class_00002"], "val": ["class_00003"], "test": ["class_00004"]}


@pytest.fixture
def tree(tmp_path):
    """Twelve pictures of four classes in the official layout."""
    (tmp_path / "jpg").mkdir()
    scipy.io.savemat(tmp_path / "imagelabels.mat", {"labels": np.array([LABELS], dtype=np.uint8)})
    for number, label in enumerate(LABELS, start=1):
        Image.new("RGB", (20, 16), (number * 20, 0, 0)).save(tmp_path / "jpg" / f"image_{number:05d}.jpg")
        folder = tmp_path / "text_c10" / f"class_{label:05d}"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"a flower of class {label}, line {line}\r\n" for line in range(10)]
        (folder / f"image_{number:05d}.txt").write_bytes("".join(lines).encode())
    for split, folders in LISTS.items():
        (tmp_path / f"{split}classes.txt").write_bytes("\r\n".join([*folders, ""]).encode())
    return tmp_path


def test_pictures_captions_and_splits_belong_together(tree):
    source = oxford_flowers(tree)
    assert [example.name for example in source.examples] == [f"image_{number:05d}" for number in range(1, 13)]
    for example, label in zip(source.examples, LABELS, strict=True):
        assert example.class_name == f"class_{label:05d}"
        assert example.class_name in LISTS[example.split]
        assert example.picture == tree / "jpg" / f"{example.name}.jpg"
        assert len(example.captions) == 10
        assert example.captions[3].text.strip() == f"a flower of class {label}, line 3"


def test_no_class_is_in_two_splits(tree):
    examples = oxford_flowers(tree).examples
    classes = {split: {example.class_name for example in examples if example.split == split} for split in SPLITS}
    assert sum(map(len, classes.values())) == len(set().union(*classes.values())) == 4


def test_a_subset_is_said_to_be_one(tree):
    (note,) = oxford_flowers(tree).notes
    for count in ("10 trainval", "2 test", "7,034", "1,155"):
        assert count in note


def test_the_full_set_needs_no_note():
    pairs = [(f"image_{number}", "a" if number < 7034 else "b") for number in range(7034 + 1155)]
    assert _notes(pairs, pairs, {"a": "train", "b": "test"}) == []


def test_names_of_classes(tree):
    (tree / "class_names.txt").write_text("class_00001 pink primrose\nclass_00004 daisy\n")
    source = oxford_flowers(tree)
    assert [example.class_name for example in source.examples[:4]] == [
        "pink primrose",
        "class_00002",
        "class_00003",
        "daisy",
    ]
    chosen = oxford_flowers(tree, classes=["daisy", "class_00002"])
    assert {example.class_name for example in chosen.examples} == {"daisy", "class_00002"}


def test_a_limit_takes_from_all_classes(tree):
    source = oxford_flowers(tree, limit=6)
    counts = [sum(example.class_name == f"class_{label:05d}" for example in source.examples) for label in range(1, 5)]
    assert counts == [2, 2, 1, 1]
    assert any("6 of 12" in note for note in source.notes)


@pytest.mark.parametrize("missing", ["imagelabels.mat", "trainclasses.txt", "valclasses.txt", "testclasses.txt"])
def test_a_missing_file_is_named_with_its_place(tree, missing):
    (tree / missing).unlink()
    with pytest.raises(FileNotFoundError) as error:
        oxford_flowers(tree)
    assert str(tree / missing) in str(error.value)


@pytest.mark.parametrize("missing", ["jpg", "text_c10"])
def test_a_missing_folder_is_named_with_its_place(tree, missing):
    (tree / missing).rename(tree / "elsewhere")
    with pytest.raises(FileNotFoundError) as error:
        oxford_flowers(tree)
    assert str(tree / missing) in str(error.value)


def test_an_empty_picture_folder_is_told(tree):
    for path in (tree / "jpg").iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match="jpg"):
        oxford_flowers(tree)


def test_pictures_that_are_not_there_are_noted_and_missing_captions_left_to_the_builder(tree):
    (tree / "jpg" / "image_00002.jpg").unlink()
    (tree / "text_c10" / "class_00003" / "image_00003.txt").unlink()
    source = oxford_flowers(tree)
    assert any("image_00002" in note for note in source.notes)
    captions = {example.name: len(example.captions) for example in source.examples}
    assert "image_00002" not in captions
    assert captions["image_00003"] == 0


def test_a_class_in_no_list_is_noted(tree):
    (tree / "valclasses.txt").write_text("\n")
    source = oxford_flowers(tree)
    assert len(source.examples) == 10
    assert any("class_00003" in note for note in source.notes)


def test_captions_of_another_code_page(tree):
    path = tree / "text_c10" / "class_00001" / "image_00001.txt"
    path.write_bytes("caf\xe9 au lait petals\n\n  \nwhite\n".encode("cp1252"))
    texts = [caption.text for caption in oxford_flowers(tree).examples[0].captions]
    assert texts == ["caf\xe9 au lait petals", "white"]


@pytest.mark.parametrize(
    ("change", "arguments", "words"),
    [
        (lambda tree: (tree / "imagelabels.mat").write_bytes(b"no"), {}, "imagelabels.mat"),
        (lambda tree: (tree / "testclasses.txt").write_text("class_00001\n"), {}, "class_00001"),
        (lambda tree: None, {"classes": ["tulip"]}, "tulip.*class_00001"),
        (lambda tree: None, {"classes": []}, "class_00001"),
        (lambda tree: None, {"limit": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_read_is_named(tree, change, arguments, words):
    change(tree)
    with pytest.raises(ValueError, match=words):
        oxford_flowers(tree, **arguments)

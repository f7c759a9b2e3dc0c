"""COCO 2014 as people have it on disk, on a small tree in its exact layout."""

import json

import pytest
from PIL import Image

from t2i_utils.data.build import build
from t2i_utils.data.coco import coco_captions
from t2i_utils.data.verify import verify

IDS = {"train2014": [318219, 9, 222564, 100], "val2014": [42, 391895, 73]}


def name(part, number):
    return f"COCO_{part}_{number:012d}.jpg"


def change(tree, alter, part="train2014"):
    path = tree / "annotations" / f"captions_{part}.json"
    document = json.loads(path.read_text())
    alter(document)
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def tree(tmp_path):
    """Seven pictures with five captions each; entries lie in no order, as in the real files."""
    (tmp_path / "annotations").mkdir()
    for part, ids in IDS.items():
        (tmp_path / part).mkdir()
        images = [
            {"license": 5, "file_name": name(part, number), "height": 12, "width": 16, "id": number} for number in ids
        ]
        captions = [
            {"image_id": number, "id": 10 * place + told, "caption": f"A scene of {number}, told {told}.\n"}
            for told in range(5)
            for place, number in enumerate(reversed(ids))
        ]
        document = {"info": {"year": 2014}, "images": images, "licenses": [], "annotations": captions}
        (tmp_path / "annotations" / f"captions_{part}.json").write_text(json.dumps(document))
        for number in ids:
            Image.new("RGB", (16, 12), (number % 256, 0, 0)).save(tmp_path / part / name(part, number))
    return tmp_path


def test_train_trains_and_val_tests_in_the_order_of_ids(tree):
    source = coco_captions(tree)
    expected = [
        (name(part, number), split, number)
        for part, split in (("train2014", "train"), ("val2014", "test"))
        for number in sorted(IDS[part])
    ]
    for example, (file, split, number) in zip(source.examples, expected, strict=True):
        assert (example.picture.name, example.split, example.class_name) == (file, split, "")
        assert [caption.text.strip() for caption in example.captions] == [
            f"A scene of {number}, told {told}." for told in range(5)
        ]
    (note,) = source.notes
    for count in ("4 trainval", "3 test", "82,783", "40,504"):
        assert count in note


def test_stored_pictures_are_jpegs_even_when_small(tree, tmp_path):
    facts = verify(build(coco_captions(tree), tmp_path / "coco.h5", 32, progress=False).path)
    assert facts.encoding == "jpeg"
    assert facts.pictures == {"train": 4, "val": 0, "test": 3}
    assert facts.captions == {"train": 20, "val": 0, "test": 15}


def test_a_limit_takes_from_both_parts(tree):
    source = coco_captions(tree, limit=4)
    assert [example.split for example in source.examples] == ["train", "train", "test", "test"]
    assert "only 4 of 7 pictures" in source.notes[-1]


def test_one_part_alone_is_read_and_told(tree):
    (tree / "annotations" / "captions_train2014.json").unlink()
    source = coco_captions(tree)
    assert {example.split for example in source.examples} == {"test"}
    assert any("train2014 is not read" in note for note in source.notes)


def test_what_has_no_counterpart_is_left_out_and_told(tree):
    (tree / "train2014" / name("train2014", 100)).unlink()
    change(tree, lambda document: document["images"].pop(1))
    source = coco_captions(tree)
    assert len(source.examples) == 5
    assert any(name("train2014", 100) in note for note in source.notes)
    assert any("1 pictures that it does not list: 9" in note for note in source.notes)


def test_a_picture_without_captions_is_left_to_the_builder(tree):
    change(tree, lambda document: document["annotations"].clear())
    assert [len(example.captions) for example in coco_captions(tree).examples] == [0, 0, 0, 0, 5, 5, 5]


@pytest.mark.parametrize("missing", ["train2014", "val2014", "annotations"])
def test_what_is_missing_is_named(tree, missing):
    (tree / missing).rename(tree / "elsewhere")
    with pytest.raises(FileNotFoundError, match=missing):
        coco_captions(tree)


def put(table, key, value):
    return lambda document: document[table][1].__setitem__(key, value)


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (lambda document: document.pop("images"), "no list 'images'"),
        (lambda document: document.update(annotations={}), "no list 'annotations'"),
        (lambda document: document["images"][1].pop("file_name"), r"images\[1\] has file_name = None"),
        (lambda document: document["annotations"].insert(1, "text"), r"annotations\[1\] has image_id = None"),
        (put("images", "id", "9"), r"images\[1\] has id = '9', where a number"),
        (put("images", "id", True), r"images\[1\] has id = True"),
        (put("images", "id", 318219), "id 318219, which an earlier entry has"),
        (put("images", "file_name", "../x.jpg"), "no path"),
        (put("images", "file_name", ".."), "no path"),
        (put("images", "file_name", "/etc/x.jpg"), "no path"),
        (put("images", "file_name", "..\\x.jpg"), "no path"),
        (put("images", "file_name", ""), "no path"),
        (put("annotations", "caption", ["a", "b"]), r"annotations\[1\] has caption = \['a', 'b'\], where a text"),
        (put("annotations", "image_id", None), r"annotations\[1\] has image_id = None"),
    ],
)
def test_a_wrong_entry_is_named(tree, alter, words):
    path = change(tree, alter)
    with pytest.raises(ValueError, match=words) as error:
        coco_captions(tree)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("text", ['{"images": [', "", "\x80\x04", "[" * 100_000, "[]", "9" * 5000])
def test_what_is_no_json_is_told(tree, text):
    path = tree / "annotations" / "captions_val2014.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"captions_val2014.json (is no JSON|has no list)"):
        coco_captions(tree)


@pytest.mark.parametrize("arguments", [{"classes": ["dog"]}, {"limit": 0}])
def test_classes_and_no_pictures_cannot_be_asked_for(tree, arguments):
    with pytest.raises(ValueError, match=r"has no classes|at least 1"):
        coco_captions(tree, **arguments)

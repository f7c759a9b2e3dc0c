"""A person's own pictures and captions.jsonl: what works, and what is said of what does not."""

import json
import os
from collections import Counter

import pytest
from PIL import Image

from t2i_utils.data.build import build
from t2i_utils.data.captions_file import LONGEST
from t2i_utils.data.held_out import hold_out
from t2i_utils.data.own_folder import own_folder
from t2i_utils.data.verify import verify


def line(file, *captions, **more):
    return {"file": file, "captions": list(captions) or [f"a picture called {file}"], **more}


def write(folder, *lines):
    """Lines of captions.jsonl: objects, or bytes as they are."""
    rows = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in lines]
    (folder / "captions.jsonl").write_bytes(b"\n".join(rows))
    return folder


@pytest.fixture
def mine(tmp_path):
    """Ten pictures, one of them grey and one in a folder, and a file beside the folder."""
    folder = tmp_path / "mine"
    (folder / "garden").mkdir(parents=True)
    for number in range(8):
        Image.new("RGB", (30 + number, 20), (number * 30, 0, 0)).save(folder / f"rose_{number}.jpg")
    Image.new("L", (20, 20), 99).save(folder / "grey.png")
    Image.new("RGBA", (20, 30), (0, 0, 200, 128)).save(folder / "garden" / "Tulip.png")
    Image.new("RGB", (20, 20)).save(tmp_path / "outside.jpg")
    return folder


NAMES = [*(f"rose_{number}.jpg" for number in range(8)), "grey.png", "garden/Tulip.png"]


def test_ten_pictures_are_split_so_that_eight_train(mine, tmp_path):
    source = own_folder(write(mine, *(line(name, "a rose", "one more") for name in NAMES)))
    assert [example.name for example in source.examples] == NAMES
    assert Counter(example.split for example in source.examples) == {"train": 8, "val": 1, "test": 1}
    assert source.notes == (
        "captions.jsonl names no splits, so pictures were drawn by their names: 8 train, 1 val, 1 test",
    )
    facts = verify(build(source, tmp_path / "mine.h5", 16, progress=False).path)
    assert (facts.channels, facts.left_out) == (3, ())
    assert facts.captions == {"train": 16, "val": 2, "test": 2}


def test_blank_lines_a_byte_order_mark_and_line_ends_of_windows(mine):
    rows = [
        b"\xef\xbb\xbf" + json.dumps(line("rose_0.jpg", "\u00e4")).encode() + b"\r",
        b"",
        b"  \r",
        line("rose_1.jpg"),
    ]
    examples = own_folder(write(mine, *rows)).examples
    assert [example.name for example in examples] == ["rose_0.jpg", "rose_1.jpg"]
    assert examples[0].captions[0].text == "\u00e4"


def test_lines_about_one_file_are_taken_together(mine):
    (mine / "link.jpg").symlink_to("rose_0.jpg")
    rows = [line("rose_0.jpg", "a", "b"), line("./rose_0.jpg", "b", "c", **{"class": "rose"}), line("link.jpg", "d")]
    (example,) = own_folder(write(mine, *rows)).examples
    assert [caption.text for caption in example.captions] == ["a", "b", "c", "d"]
    assert example.class_name == "rose"


def test_splits_of_ones_own(mine):
    parts = ["train", "train", "val", "test"]
    rows = [line(f"rose_{number}.jpg", split=part) for number, part in enumerate(parts)]
    source = own_folder(write(mine, *rows))
    assert [example.split for example in source.examples] == parts
    assert source.notes[0] == "splits are those of captions.jsonl"


@pytest.mark.parametrize("classes", [9, 10, 20])
def test_classes_are_held_out_whole_where_there_are_ten(tmp_path, classes):
    rows = []
    for number in range(classes * 4):
        (tmp_path / f"{number}.png").touch()
        rows.append(line(f"{number}.png", **{"class": f"kind {number % classes}"}))
    source = own_folder(write(tmp_path, *rows))
    splits = {}
    for example in source.examples:
        splits.setdefault(example.class_name, set()).add(example.split)
    whole = all(len(found) == 1 for found in splits.values())
    assert whole == (classes >= 10)
    assert ("held out whole" in source.notes[0]) == whole
    counts = Counter(example.split for example in source.examples)
    assert counts["test"] >= 1
    assert counts["train"] >= 0.8 * len(rows)


def test_pictures_without_a_line_are_told(mine):
    source = own_folder(write(mine, line("rose_0.jpg")))
    assert "9 pictures are not in captions.jsonl and are left away: garden/Tulip.png, grey.png," in source.notes[-1]


def test_classes_and_limits(mine):
    rows = [line(name, **{"class": name[:4]}) for name in NAMES]
    folder = write(mine, *rows)
    assert [example.name for example in own_folder(folder, 3).examples] == [
        "rose_0.jpg",
        "grey.png",
        "garden/Tulip.png",
    ]
    assert len(own_folder(folder, classes=["rose"]).examples) == 8
    with pytest.raises(ValueError, match=r"'tulip'; choose from: gard, grey, rose"):
        own_folder(folder, classes=["tulip"])
    with pytest.raises(ValueError, match="these pictures have no classes"):
        own_folder(write(mine, line("rose_0.jpg")), classes=["rose"])


def test_other_captions_are_another_version(mine):
    first = own_folder(write(mine, line("rose_0.jpg", "a rose"))).version
    assert own_folder(write(mine, line("rose_0.jpg", "a tulip"))).version != first


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (b"{", "no JSON object on one line"),
        (b"[" * 100_000, "no JSON object on one line"),
        (b'{"file": "rose_1.jpg"', "no JSON object on one line"),
        (b'["rose_1.jpg", "a rose"]', "no JSON object with the keys file, captions, class, split"),
        (b'{"file": "rose_1.jpg", "captions": ["r\xf6se"]}', "is not UTF-8 (byte 39 of it); save the file as UTF-8"),
        (b"\x80\x04\x95", "is not UTF-8"),
        ({"file": "rose_1.jpg", "caption": ["a"]}, "has the key 'caption'; the keys are file, captions, class, split"),
        ({"file": "rose_1.jpg"}, "has no 'captions'"),
        ({"captions": ["a"]}, "has no 'file'"),
        ({"file": "rose_1.jpg", "captions": "a rose"}, 'write a list of texts, e.g. ["a red rose"]'),
        ({"file": "rose_1.jpg", "captions": []}, "write a list of texts"),
        (line("rose_1.jpg", "a rose", 7), "a caption = 7, where a text in quotes belongs"),
        (line("rose_1.jpg", "  "), "a caption = '  '"),
        (line("rose_1.jpg", "?!"), "a caption without a word: '?!'"),
        (line("rose_1.jpg", "x" * 1_000_000), "a caption of 1,000,000 characters; encoders take 2,000 at most"),
        (line("rose_1.jpg", "half \ud800"), "half a character"),
        (line(7), "file = 7"),
        (line(""), "file = ''"),
        (line("rose_1.jpg", split="valid"), "has the split 'valid'; splits are train, val, test"),
        (line("rose_1.jpg", **{"class": 3}), "class = 3"),
        (line("rose_1.jpg", split="val"), "rose_7.jpg has no split, but others have"),
        (
            line("rose_9.jpg", **{"class": "tulip"}),
            "rose_9.jpg has class 'tulip', but 'rose' on line 1; make them agree",
        ),
        (line("rose_11.jpg"), "'rose_11.jpg' is not there; is 'rose_1.jpg' meant?"),
        (line("Rose_1.JPG"), "is 'rose_1.jpg' meant?"),
        (line("garden\\tulip.png"), "is 'garden/Tulip.png' meant?"),
        (line("tulip.png"), "is 'garden/Tulip.png' meant?"),
        (line("elephant.webp"), "no file in"),
        (line("garden"), "is a folder"),
        (line("../outside.jpg"), "lies outside of"),
        (line("garden/../../outside.jpg"), "lies outside of"),
        (line("/etc/passwd"), "is an absolute path"),
        (line("C:\\rose.jpg"), "is an absolute path"),
        (line("leads_out.jpg"), "lies outside of"),
        (line("way_out/outside.jpg"), "lies outside of"),
        (line("round.jpg"), "round.jpg"),
        (line("x" * 5000, "a rose"), "cannot be the name of a file"),
        (line("a\0b.jpg"), "cannot be the name of a file"),
    ],
)
def test_a_line_that_is_wrong_is_named(mine, row, words):
    (mine / "leads_out.jpg").symlink_to(mine.parent / "outside.jpg")
    (mine / "way_out").symlink_to(mine.parent)
    (mine / "round.jpg").symlink_to("round.jpg")
    (mine / "rose_9.jpg").symlink_to("rose_7.jpg")
    folder = write(mine, line("rose_7.jpg", **{"class": "rose"}), b"", row)
    with pytest.raises(ValueError, match=r"captions.jsonl, line \d") as error:
        own_folder(folder)
    said = str(error.value)
    assert words in said
    assert f"{folder / 'captions.jsonl'}, line {1 if 'no split' in words else 3}" in said
    assert len(said) < 400
    assert "\n" not in said


def test_a_file_without_lines_is_told(mine):
    with pytest.raises(ValueError, match=r'holds no line; write a line for every picture: {"file": "grey.png"'):
        own_folder(write(mine, b"", b"  "))


def test_without_a_captions_file_it_is_said_what_to_write(mine):
    with pytest.raises(FileNotFoundError) as error:
        own_folder(mine)
    said = str(error.value)
    assert f"{mine / 'captions.jsonl'} is missing" in said
    first, second = said.partition("every picture: ")[2].split(" and below it ")
    assert json.loads(first)["file"] == "grey.png"
    assert own_folder(write(mine, first.encode(), second.encode())).examples[1].name == "rose_0.jpg"


def test_a_folder_that_is_none_is_told(mine):
    with pytest.raises(FileNotFoundError, match="nowhere is not there"):
        own_folder(mine / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"captions.jsonl is a file; give the folder"):
        own_folder(write(mine, line("rose_0.jpg")) / "captions.jsonl")


def test_a_damaged_picture_is_left_out(mine, tmp_path):
    (mine / "rose_3.jpg").write_bytes(b"cut")
    report = build(own_folder(write(mine, *map(line, NAMES))), tmp_path / "mine.h5", 16, progress=False)
    assert report.left_out == (("rose_3.jpg", "the file is not a picture"),)


def test_encoders_take_the_longest_caption():
    from t2i_utils.text import captions

    assert captions.LONGEST == LONGEST


@pytest.mark.parametrize(
    ("sizes", "test", "val"),
    [
        ([1], 0, 0),
        ([1] * 4, 0, 0),
        ([1] * 5, 1, 0),
        ([1] * 9, 1, 0),
        ([1] * 10, 1, 1),
        ([1] * 99, 9, 9),
        ([1] * 1000, 100, 100),
        ([10] * 10, 10, 10),
        ([50, *[5] * 9], 5, 5),
        ([], 0, 0),
    ],
)
def test_a_tenth_and_never_more_than_two_in_ten_are_held_out(sizes, test, val):
    named = {f"name {index}": size for index, size in enumerate(sizes)}
    split_of = hold_out(named)
    counts = Counter()
    for name, split in split_of.items():
        counts[split] += named[name]
    assert (counts["test"], counts["val"]) == (test, val)
    assert counts["train"] >= 0.8 * sum(sizes)
    assert hold_out(dict(reversed(named.items()))) == split_of  # names alone decide


def test_names_that_are_no_text_do_not_stop_a_build(mine, tmp_path):
    try:
        with open(os.fsencode(mine) + b"/r\xf6se.jpg", "wb"):
            pass
    except OSError:
        pytest.skip("this disk takes no such name")
    report = build(own_folder(write(mine, *map(line, NAMES))), tmp_path / "mine.h5", 16, progress=False)
    assert any("r?se.jpg" in note for note in report.notes)

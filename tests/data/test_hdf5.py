"""One file a data set: what goes in comes out, and nothing half-written or altered is taken for whole."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from tiny_source import CLASSES, example, interrupt, paint, tiny_source

from t2i_utils.data.build import build
from t2i_utils.data.hdf5 import fingerprint, read_captions, read_embeddings, write_embeddings
from t2i_utils.data.split import read_split
from t2i_utils.data.verify import verify


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    path = tmp_path_factory.mktemp("built") / "tiny.h5"
    return build(tiny_source(), path, 16, progress=False)


@pytest.fixture
def copy(built, tmp_path):
    path = tmp_path / "copy.h5"
    path.write_bytes(built.path.read_bytes())
    return path


def vectors(path, text_dim=3, seed=0):
    return np.random.default_rng(seed).normal(size=(len(read_captions(path)), text_dim)).astype(np.float32)


def test_what_goes_in_comes_out(built):
    source = tiny_source()
    found = read_split(built.path, "all")
    assert found.names == [one.name for one in source.examples]
    assert found.class_names == tuple(sorted(CLASSES))
    assert [found.class_names[index] for index in found.classes] == [one.class_name for one in source.examples]
    assert found.captions == [caption.text for one in source.examples for caption in one.captions]
    assert found.values == source.attributes
    assert found.attributes["shade"].tolist() == [one.attributes["shade"] for one in source.examples]
    assert set(found.attributes["size"].tolist()) == {-1}
    told = [["shade" in caption.states, False] for one in source.examples for caption in one.captions]
    assert found.states.tolist() == told
    owners = [position for position, one in enumerate(source.examples) for _ in one.captions]
    assert found.caption_picture.tolist() == owners
    middle = np.asarray(paint(7, 19))[1:17, 1:17].transpose(2, 0, 1)
    assert np.array_equal(found.images[7].numpy(), middle)


def test_a_split_is_numbered_from_0_within_itself(built):
    everything, found = read_split(built.path, "all"), read_split(built.path, "trainval")
    assert {found.class_names[index] for index in found.classes} == {"red", "green", "blue", "grey"}
    captions = [everything.captions[row] for row in found.caption_rows]
    assert captions == found.captions
    for caption, picture in zip(found.captions, found.caption_picture, strict=True):
        assert f"number {int(found.names[picture][-3:])}," in caption
    assert len(read_split(built.path, "test")) + len(found) == len(everything)
    with pytest.raises(ValueError, match="trainval"):
        read_split(built.path, "training")


def test_report_and_facts_tell_the_same(built):
    facts = verify(built.path)
    assert facts.pictures == built.pictures == {"train": 18, "val": 6, "test": 12}
    assert facts.classes == {"train": 3, "val": 1, "test": 2}
    assert sum(facts.captions.values()) == built.captions
    assert facts.fingerprint == built.fingerprint == fingerprint(built.path)
    for text in (str(facts), str(built)):
        assert "tiny" in text
        assert "told" in text
        assert facts.fingerprint[:12] in text


@pytest.mark.parametrize(
    ("encoding", "size", "stored"), [("auto", 16, "raw"), ("jpeg", 16, "jpeg"), ("auto", 129, "jpeg")]
)
def test_raw_or_jpeg(tmp_path, encoding, size, stored):
    examples = [example(index, picture=partial(flat, "teal")) for index in range(3)]
    path = build(tiny_source(examples=examples), tmp_path / "t.h5", size, encoding=encoding, progress=False).path
    assert verify(path).encoding == stored
    found = read_split(path, "train").images.float().mean((0, 2, 3))
    assert found.numpy() == pytest.approx([0, 128, 128], abs=2)


def flat(color, size):
    return Image.new("RGB", (size, size), color)


def test_grey_sets_have_one_channel(tmp_path):
    path = build(tiny_source(6, channels=1), tmp_path / "t.h5", 16, progress=False).path
    assert read_split(path, "train").images.shape == (3, 1, 16, 16)


@pytest.mark.parametrize(
    ("native_size", "size", "stored"),
    [(28, None, (28, 28)), (28, 28, (28, 28)), (28, 32, (32, 38)), (None, None, (64, 76)), (28, 64, (64, 76))],
)
def test_a_size_of_ones_own_is_stored_without_room_for_crops(tmp_path, native_size, size, stored):
    source = replace(tiny_source(4), native_size=native_size)
    facts = verify(build(source, tmp_path / "t.h5", size, progress=False).path)
    assert (facts.image_size, facts.side) == stored


def test_pictures_of_their_own_size_keep_every_pixel(tmp_path):
    source = replace(tiny_source(6, channels=1), native_size=28)
    path = build(source, tmp_path / "t.h5", progress=False).path
    expected = [np.asarray(paint(index, 28).convert("L")) for index in range(6)]
    assert np.array_equal(read_split(path, "all").images[:, 0].numpy(), expected)
    assert read_split(path, "all", 16).images.shape == (6, 1, 16, 16)


@pytest.mark.parametrize(
    ("preferred", "encoding", "stored"),
    [("jpeg", "auto", "jpeg"), ("raw", "auto", "raw"), ("jpeg", "raw", "raw"), ("raw", "jpeg", "jpeg")],
)
def test_a_source_prefers_an_encoding_and_a_person_decides(tmp_path, preferred, encoding, stored):
    source = replace(tiny_source(3), encoding=preferred)
    assert verify(build(source, tmp_path / "t.h5", 16, encoding=encoding, progress=False).path).encoding == stored


def test_workers_change_nothing(built, tmp_path):
    report = build(tiny_source(), tmp_path / "t.h5", 16, workers=2, progress=False)
    assert report.fingerprint == built.fingerprint


def test_other_data_have_another_fingerprint(built, tmp_path):
    examples = list(tiny_source().examples)
    examples[3] = replace(examples[3], captions=(*examples[3].captions[:-1], examples[4].captions[0]))
    assert build(tiny_source(examples=examples), tmp_path / "t.h5", 16, progress=False).fingerprint != built.fingerprint


def test_what_cannot_be_stored_is_left_out_by_name(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no")
    Image.new("CMYK", (20, 20)).save(tmp_path / "cmyk.jpg")
    Image.fromarray(np.full((20, 20), 40000, np.uint16)).save(tmp_path / "sixteen.png")
    examples = [
        example(0, tmp_path / "broken.jpg"),
        example(1, tmp_path / "cmyk.jpg"),
        example(2, tmp_path / "sixteen.png"),
        example(3, captions=[]),
        example(4, captions=["\ufffd\r\n", "\x00"]),
        example(5, captions=["a white\ufffd flower\r", "\r", "one more"]),
        example(6, tmp_path / "not_there.jpg"),
    ]
    report = build(tiny_source(examples=examples), tmp_path / "t.h5", 16, progress=False)
    assert [name for name, _ in report.left_out] == ["picture_000", "picture_003", "picture_004", "picture_006"]
    assert report.dropped_captions == 1
    facts = verify(report.path)
    assert facts.left_out == report.left_out
    assert "missing" in dict(facts.left_out)["picture_006"]
    found = read_split(report.path, "all")
    assert found.names == ["picture_001", "picture_002", "picture_005"]
    assert found.captions[-2:] == ["a white flower", "one more"]
    for name, _ in report.left_out:
        assert name in str(report)


@pytest.mark.parametrize(
    ("source", "size", "encoding", "words"),
    [
        (tiny_source(2), 15, "auto", "16 to 1024"),
        (tiny_source(2), 2000, "auto", "16 to 1024"),
        (tiny_source(2), 64.0, "auto", "16 to 1024"),
        (tiny_source(2), 16, "png", "raw or jpeg"),
        (replace(tiny_source(2), encoding="gif"), 16, "auto", "'gif'; use auto, raw or jpeg"),
        (tiny_source(2, channels=4), 16, "auto", "4 channels"),
        (tiny_source(examples=[]), 16, "auto", "nothing"),
        (tiny_source(examples=[example(0, captions=[" "])]), 16, "auto", "picture_000"),
        (tiny_source(examples=[example(0), example(0)]), 16, "auto", "unique"),
        (tiny_source(examples=[replace(example(0), split="dev")]), 16, "auto", "train, val, test"),
        (tiny_source(examples=[replace(example(0), attributes={"shade": 2})]), 16, "auto", "shade"),
        (tiny_source(examples=[replace(example(1), attributes={"smell": 0})]), 16, "auto", "smell"),
    ],
)
def test_what_cannot_be_built_is_refused_and_leaves_nothing(tmp_path, source, size, encoding, words):
    with pytest.raises(ValueError, match=words):
        build(source, tmp_path / "t.h5", size, encoding=encoding, progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_leaves_nothing_and_the_old_file_as_it_was(copy, workers):
    before = copy.read_bytes()
    source = tiny_source(examples=[example(0), example(1, picture=interrupt)])
    with pytest.raises(KeyboardInterrupt):
        build(source, copy, 16, workers=workers, progress=False)
    assert copy.read_bytes() == before
    assert list(copy.parent.iterdir()) == [copy]


SLOW_BUILD = """
import signal, sys, time

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
from pathlib import Path
from tiny_source import example, paint, tiny_source
from t2i_utils.data.build import build

def slow(size):
    Path(sys.argv[1]).with_name("begun").touch()
    time.sleep(60)

build(tiny_source(examples=[example(0), example(1, picture=slow)]), Path(sys.argv[1]), 16, progress=False)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_build_is_never_taken_for_whole(tmp_path, how):
    out, begun = tmp_path / "t.h5", tmp_path / "begun"
    here = Path(__file__).resolve()
    path = os.pathsep.join([str(here.parents[2]), str(here.parent)])
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_BUILD, str(out)], env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    begun.unlink()
    process.send_signal(how)
    process.wait(30)
    assert not out.exists()
    if how == signal.SIGINT:
        assert list(tmp_path.iterdir()) == []
    build(tiny_source(2), out, 16, progress=False)  # what a process killed outright left behind goes now
    assert list(tmp_path.iterdir()) == [out]


def test_an_altered_byte_is_found(copy):
    whole = copy.read_bytes()
    with h5py.File(copy) as file:
        inside = [
            whole.index(b'["told"]') + 2,
            file["images"].id.get_chunk_info(5).byte_offset + 100,
            file["splits"].id.get_offset(),
            whole.index(b"a red flower, number 0"),
        ]
    for place in inside:
        altered = bytearray(whole)
        altered[place] ^= 1
        copy.write_bytes(altered)
        with pytest.raises(ValueError, match="build it again") as error:
            verify(copy)
        assert str(copy) in str(error.value)


def test_a_byte_altered_anywhere_is_found_or_does_no_harm(copy, built):
    whole, facts = copy.read_bytes(), replace(verify(built.path), path=copy)
    for place in np.random.default_rng(0).integers(0, len(whole), 60).tolist():
        altered = bytearray(whole)
        altered[place] ^= 255
        copy.write_bytes(altered)
        try:
            found = verify(copy)
        except ValueError:
            continue
        assert found == facts, place


@pytest.mark.parametrize("part", [0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_found(copy, part):
    whole = copy.read_bytes()
    copy.write_bytes(whole[: int(part * len(whole))])
    for read in (verify, read_captions, fingerprint, partial(read_split, split="train")):
        with pytest.raises(ValueError, match="build it again") as error:
            read(copy)
        assert str(copy) in str(error.value)


def test_files_of_others_are_refused(tmp_path, copy):
    missing, text, foreign = tmp_path / "no.h5", tmp_path / "text.h5", tmp_path / "foreign.h5"
    text.write_text("hello")
    with h5py.File(foreign, "w") as file:
        file["train/bird_0/img"] = np.zeros(3)
    for path, kind in (
        (missing, FileNotFoundError),
        (tmp_path, FileNotFoundError),
        (text, ValueError),
        (foreign, ValueError),
    ):
        with pytest.raises(kind, match="build it again") as error:
            verify(path)
        assert str(path) in str(error.value)
    with h5py.File(copy, "r+") as file:
        file.attrs["format_version"] = 2
    with pytest.raises(ValueError, match="update"):
        verify(copy)


def test_a_file_without_its_end_mark_is_refused(copy):
    with h5py.File(copy, "r+") as file:
        del file.attrs["complete"]
    with pytest.raises(ValueError, match="never finished"):
        read_captions(copy)


def test_embeddings_there_and_back(copy):
    first, second = vectors(copy), vectors(copy, 5, 1)
    write_embeddings(copy, "tiny", "aaaaaa111", "a/tag", first)
    write_embeddings(copy, "other", "aaaaaa222", "some/folder", second)
    found, array, name, where = read_embeddings(copy, "tiny")
    assert (found, name, where) == ("aaaaaa111", "tiny", "a/tag")
    assert np.array_equal(array, first)
    assert array.dtype == np.float32
    assert np.array_equal(read_embeddings(copy, "aaaaaa2").sentence, second)
    facts = verify(copy)
    assert facts.encoders == (("tiny", "aaaaaa111", 3), ("other", "aaaaaa222", 5))
    assert facts.fingerprint == fingerprint(copy)
    assert "tiny" in str(facts)


def test_of_two_encoders_of_one_name_the_newest_wins(copy):
    write_embeddings(copy, "tiny", "zzzzzz", "", vectors(copy, seed=1))
    write_embeddings(copy, "tiny", "aaaaaa", "", vectors(copy, seed=2))
    assert read_embeddings(copy, "tiny").fingerprint == "aaaaaa"
    write_embeddings(copy, "tiny", "zzzzzz", "", vectors(copy, seed=3))
    assert np.array_equal(read_embeddings(copy, "tiny").sentence, vectors(copy, seed=3))
    assert len(verify(copy).encoders) == 2


def test_an_unknown_encoder_is_told_what_to_do(copy):
    with pytest.raises(ValueError, match="none"):
        read_embeddings(copy, "ViT-B-32/openai")
    write_embeddings(copy, "tiny", "aaaaaa111", "", vectors(copy))
    write_embeddings(copy, "other", "aaaaaa222", "", vectors(copy))
    with pytest.raises(ValueError, match=r"tiny .*embed .* --encoder ViT-B-32/openai"):
        read_embeddings(copy, "ViT-B-32/openai")
    with pytest.raises(ValueError, match="2 encoders"):
        read_embeddings(copy, "aaa")


@pytest.mark.parametrize(
    ("change", "mark", "words"),
    [
        (lambda array: array[:-1], "aaaaaa", "captions"),
        (lambda array: array[:, :0], "aaaaaa", "text_dim"),
        (lambda array: array[0], "aaaaaa", "text_dim"),
        (lambda array: array * np.nan, "aaaaaa", "finite"),
        (lambda array: array, "a/b", "fingerprint"),
        (lambda array: array, "", "fingerprint"),
    ],
)
def test_wrong_vectors_are_refused_and_nothing_changes(copy, change, mark, words):
    before = copy.read_bytes()
    with pytest.raises(ValueError, match=words):
        write_embeddings(copy, "tiny", mark, "", change(vectors(copy)))
    assert copy.read_bytes() == before


def test_altered_vectors_are_found(copy):
    write_embeddings(copy, "tiny", "aaaaaa", "", vectors(copy))
    with h5py.File(copy, "r+") as file:
        file["embeddings/aaaaaa/sentence"][2, 1] += 1
    with pytest.raises(ValueError, match="--encoder tiny"):
        verify(copy)


def test_a_failure_while_vectors_are_written_loses_nothing(copy, monkeypatch):
    before = copy.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *_: interrupt(0))
    with pytest.raises(KeyboardInterrupt):
        write_embeddings(copy, "tiny", "aaaaaa", "", vectors(copy))
    assert copy.read_bytes() == before
    assert list(copy.parent.iterdir()) == [copy]

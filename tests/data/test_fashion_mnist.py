"""Fashion-MNIST as it is published: four files of the idx kind, and what can be wrong with them."""

import gzip
import pickle
import struct
import tracemalloc

import numpy as np
import pytest

from t2i_utils.data.build import build
from t2i_utils.data.datasets import read_dataset
from t2i_utils.data.fashion_mnist import CLASSES, fashion_mnist
from t2i_utils.data.loader import Loader
from t2i_utils.data.ready import ready_file
from t2i_utils.data.split import read_split
from t2i_utils.data.verify import verify

LABELS = {"train": [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 5, 3], "t10k": [9, 2, 1, 1]}
# What a person would look for in a caption to know the class, written down apart from the reader.
WORDS = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", " shirt", "sneaker", "bag", "boot")


def idx(items):
    """An idx file of bytes: its magic number, its shape, its items."""
    return struct.pack(f">{1 + items.ndim}I", 0x0800 + items.ndim, *items.shape) + items.tobytes()


def pixels(part):
    """Noise that differs from part to part: uint8 [pictures, 28, 28]."""
    shape = (len(LABELS[part]), 28, 28)
    return np.random.default_rng(len(part)).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def root(tmp_path):
    for part, labels in LABELS.items():
        for kind, items in (("images-idx3", pixels(part)), ("labels-idx1", np.array(labels, np.uint8))):
            (tmp_path / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(idx(items)))
    return tmp_path


def unpack(root, name):
    """Put a file there without its .gz, and give its bytes."""
    packed = root / f"{name}.gz"
    data = gzip.decompress(packed.read_bytes())
    packed.unlink()
    (root / name).write_bytes(data)
    return bytearray(data)


def test_pictures_classes_and_the_official_split(root):
    source = fashion_mnist(root)
    assert [example.name for example in source.examples[10:14]] == [
        *("train_00010", "train_00011"),
        *("t10k_00000", "t10k_00001"),
    ]
    expected = [(label, "train") for label in LABELS["train"]] + [(label, "test") for label in LABELS["t10k"]]
    for example, (label, split) in zip(source.examples, expected, strict=True):
        assert (example.class_name, example.split) == (CLASSES[label], split)
        assert example.attributes == {"garment": label}
    assert (source.channels, source.native_size, source.attributes) == (1, 28, {"garment": CLASSES})


def test_28_x_28_grey_stays_28_x_28_grey(root, tmp_path):
    path = build(fashion_mnist(root), tmp_path / "f.h5", progress=False).path
    facts = verify(path)
    assert (facts.image_size, facts.side, facts.channels, facts.encoding) == (28, 28, 1, "raw")
    for split, part in (("train", "train"), ("test", "t10k")):
        assert np.array_equal(read_split(path, split).images[:, 0].numpy(), pixels(part))
    loader = Loader(path, batch_size=12, mirror=False)
    shown = ((loader.batch(0).images + 1) * 127.5).round().byte()
    assert np.array_equal(shown[:, 0].numpy(), pixels("train")[loader.draw(0).pictures])


def test_every_caption_says_the_class_and_no_other(root):
    source = fashion_mnist(root)
    for example in source.examples:
        texts = [caption.text for caption in example.captions]
        assert len(set(texts)) == 5
        for caption in example.captions:
            assert caption.states == {"garment"}
            found = [label for label, word in enumerate(WORDS) if word in f" {caption.text}"]
            assert found == [example.attributes["garment"]], caption.text
            assert " a ankle" not in f" {caption.text}"
    boots = [{caption.text for caption in example.captions} for example in source.examples[8:11]]
    assert boots[0] != boots[1], "pictures of one class are not told in the same words"
    again = fashion_mnist(root).examples
    assert [example.captions for example in again] == [example.captions for example in source.examples]


def test_a_part_and_the_split_are_told(root):
    split, part = fashion_mnist(root).notes
    assert "every class is in train and in test" in split
    assert "not the full set: 12 train and 4 test pictures" in part
    assert "60,000 and 10,000" in part


def test_a_limit_takes_from_all_classes_and_from_both_splits(root):
    source = fashion_mnist(root, limit=8)
    assert {example.class_name for example in source.examples} == {CLASSES[label] for label in (0, 1, 2, 3, 5, 7, 9)}
    assert {example.split for example in source.examples} == {"train", "test"}
    names = [example.name for example in fashion_mnist(root).examples]
    assert [name for name in names if name in {e.name for e in source.examples}] == [e.name for e in source.examples]
    assert "only 8 of 16 pictures were asked for" in source.notes[-1]


def test_only_the_classes_that_are_asked_for(root):
    source = read_dataset("fashion_mnist", root, classes=["Ankle boot", "Dress"])
    assert [example.attributes["garment"] for example in source.examples] == [9, 3, 3, 9]
    with pytest.raises(ValueError, match=r"no class 'Hat'; choose from: .*Sneaker"):
        fashion_mnist(root, classes=["Hat"])
    with pytest.raises(ValueError, match="limit of 0"):
        fashion_mnist(root, limit=0)
    with pytest.raises(ValueError, match="--root"):
        read_dataset("fashion_mnist")


def test_unpacked_files_are_the_same_under_either_name(root):
    expected = fashion_mnist(root)
    unpack(root, "train-images-idx3-ubyte")
    kept_name = unpack(root, "t10k-labels-idx1-ubyte")  # as browsers do: unpacked, and called .gz all the same
    (root / "t10k-labels-idx1-ubyte").rename(root / "t10k-labels-idx1-ubyte.gz")
    assert (root / "t10k-labels-idx1-ubyte.gz").read_bytes() == kept_name
    for one, other in zip(fashion_mnist(root).examples, expected.examples, strict=True):
        assert (one.name, one.captions) == (other.name, other.captions)
        assert np.array_equal(np.asarray(one.picture(28)), np.asarray(other.picture(28)))


def test_a_picture_travels_to_workers_and_comes_in_any_size(root):
    example = pickle.loads(pickle.dumps(fashion_mnist(root).examples[3]))
    assert np.array_equal(np.asarray(example.picture(28)), pixels("train")[3])
    assert example.picture(76).size == (76, 76)


@pytest.mark.parametrize("kind", ["images-idx3", "labels-idx1"])
@pytest.mark.parametrize("part", ["train", "t10k"])
def test_a_missing_file_is_named_with_its_place(root, part, kind):
    (root / f"{part}-{kind}-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="four files") as error:
        fashion_mnist(root)
    assert str(root / f"{part}-{kind}-ubyte.gz") in str(error.value)


def put(place, number, size=4):
    """Write a big-endian number over a file's bytes."""

    def change(data):
        data[place : place + size] = number.to_bytes(size, "big")
        return data

    return change


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("train-images-idx3", lambda data: data[:-1], "12 items of 9,408 bytes in all, but ends after 9,407"),
        ("train-images-idx3", lambda data: data[:16], "ends after 0 of their bytes"),
        ("train-images-idx3", lambda data: data[:11], "ends after 11 bytes, within its header"),
        ("train-images-idx3", lambda data: b"", "ends after 0 bytes, within its header"),
        ("train-images-idx3", lambda data: data + b"?", "goes on after them"),
        ("train-images-idx3", put(0, 2049), "magic number 2049, where .* has 2051"),
        ("train-labels-idx1", put(0, 2051), "magic number 2051, where .* has 2049"),
        ("train-images-idx3", lambda data: b"<html>quota exceeded</html>", "magic number 1013478509"),
        ("train-images-idx3", put(8, 32), "items of 32 x 28 bytes, not of 28 x 28"),
        ("train-images-idx3", put(4, 11), "goes on after them"),
        ("train-images-idx3", put(4, 13), "ends after 9,408"),
        ("train-images-idx3", put(4, 0), "holds 0 items, of 1 to 60,000"),
        ("train-images-idx3", put(4, 2**31), "holds 2,147,483,648 items, of 1 to 60,000"),
        ("t10k-labels-idx1", put(4, 2**32 - 1), "holds 4,294,967,295 items, of 1 to 10,000"),
        ("train-labels-idx1", put(10, 10, 1), "picture 2 the class 10; .* 0 to 9"),
        ("train-labels-idx1", lambda data: put(4, 11)(data[:-1]), "12 pictures, but .*labels.* has 11 labels"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_cannot_be_read_is_named_with_the_way_out(root, name, change, words, packed):
    path = root / f"{name}-ubyte"
    data = bytes(change(unpack(root, path.name)))
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(ValueError, match=words) as error:
        fashion_mnist(root)
    assert str(root) in str(error.value)
    assert "-ubyte again" in str(error.value) or "put " in str(error.value) or "take both" in str(error.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data[:5],
        lambda data: data[:-8] + bytes(8),
        lambda data: data[:300] + bytes(30) + data[330:],
    ],
    ids=["half", "last-byte", "five-bytes", "checksum", "middle"],
)
def test_a_damaged_gzip_is_named(root, damage):
    path = root / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz is cut short or damaged .*fetch"):
        fashion_mnist(root)


def test_a_header_of_many_pictures_and_a_bomb_take_no_memory(root):
    path = root / "train-images-idx3-ubyte.gz"
    bomb = bytes(64 * 2**20)
    heads = [struct.pack(">4I", 2051, count, 28, 28) for count in (2**31, 12)]
    for head, words in zip(heads, ("2,147,483,648", "goes on after"), strict=True):
        path.write_bytes(gzip.compress(head + bomb, 1))
        tracemalloc.start()
        with pytest.raises(ValueError, match=words):
            fashion_mnist(root)
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
        tracemalloc.stop()


def test_a_ready_file_has_the_sets_own_size_or_the_one_asked_for(root, tmp_path, capsys):
    own = ready_file("fashion_mnist", None, tmp_path / "data", root)
    assert own.name == "fashion_mnist_28.h5"
    assert ready_file("fashion_mnist", 28, tmp_path / "data", root) == own
    assert ready_file("fashion_mnist", 28, tmp_path / "data") == own, "a file that is there needs no folder"
    assert capsys.readouterr().out.count("verified, nothing to build") == 2
    larger = ready_file("fashion_mnist", 32, tmp_path / "data", root)
    assert (larger.name, verify(larger).side) == ("fashion_mnist_32.h5", 38)

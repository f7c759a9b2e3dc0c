"""The HDF5 layout of much older PyTorch code, on a file made as that code made it."""

import io
import pickle

import h5py
import numpy as np
import pytest
from PIL import Image

from t2i_utils.data.build import build
from t2i_utils.data.older_hdf5 import older_hdf5
from t2i_utils.data.split import read_split

SPLITS = {"train": range(0, 4), "valid": range(4, 6), "test": range(6, 8)}
SHADES = (30, 60, 90, 120, 150, 180, 210, 240)


def jpeg(shade):
    buffer = io.BytesIO()
    Image.new("RGB", (20, 16), (shade, 0, 0)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def old(tmp_path):
    """Eight pictures with five captions each, of which one is drawn twice."""
    path = tmp_path / "flowers.hdf5"
    text = h5py.special_dtype(vlen=str)
    with h5py.File(path, "w") as file:
        for part, numbers in SPLITS.items():
            for number in numbers:
                for k, told in enumerate((3, 7, 3, 9, 0)):
                    group = file.create_group(f"{part}/image_{number:05d}_{k}")
                    group.create_dataset("name", data=f"image_{number:05d}")
                    group.create_dataset("img", data=np.void(jpeg(SHADES[number])))
                    group.create_dataset("embeddings", data=np.zeros(1024, np.float32))
                    group.create_dataset("class", data=f"class_{number // 2:05d}")
                    group.create_dataset("txt", data=np.array(f"flower {number}, told {told}\n", object), dtype=text)
    return path


def change(path, where, value=None, **how):
    with h5py.File(path, "r+") as file:
        del file[where]
        if value is not None:
            file.create_dataset(where, data=value, **how)


def test_groups_of_one_name_become_one_example(old):
    source = older_hdf5(old)
    assert [example.name for example in source.examples] == [f"image_{number:05d}" for number in range(8)]
    for number, example in enumerate(source.examples):
        assert example.split == ("train", "train", "val", "test")[number // 2]
        assert example.class_name == f"class_{number // 2:05d}"
        assert [caption.text for caption in example.captions] == [f"flower {number}, told {k}" for k in (3, 7, 9, 0)]
    assert "40 groups, one a caption, are 8 pictures with 32 different captions" in source.notes
    assert any("not used" in note for note in source.notes)


@pytest.mark.parametrize("workers", [1, 2])
def test_pictures_come_out_of_the_file(old, tmp_path, workers):
    path = build(older_hdf5(old), tmp_path / "new.h5", 16, workers=workers, progress=False).path
    red = read_split(path, "all").images[:, 0].float().mean((1, 2))
    assert np.abs(red.numpy() - SHADES).max() < 3


def test_no_handle_is_kept_from_the_files_owner(old):
    (first, *_) = older_hdf5(old).examples
    assert first.picture(16).getpixel((5, 5))[0] < 40
    change(old, "train/image_00000_0/img", np.void(jpeg(200)))
    assert older_hdf5(old).examples[0].picture(16).getpixel((5, 5))[0] > 190


def test_a_broken_picture_is_left_out_and_told(old, tmp_path):
    change(old, "train/image_00000_0/img", np.void(jpeg(200)[:300]))
    change(old, "train/image_00001_0/img", "text")
    change(old, "train/image_00002_0/img", np.void(pickle.dumps([1])))
    report = build(older_hdf5(old), tmp_path / "new.h5", 16, progress=False)
    assert [name for name, _ in report.left_out] == ["image_00000", "image_00001", "image_00002"]
    assert all("img" in reason and "0x" not in reason for _, reason in report.left_out)


def test_an_array_of_bytes_will_do_for_a_picture(old):
    change(old, "test/image_00006_0/img", np.frombuffer(jpeg(200), np.uint8))
    assert older_hdf5(old).examples[6].picture(16).size == (20, 16)


@pytest.mark.parametrize("field", ["name", "img", "class", "txt"])
def test_a_missing_field_is_named_with_its_group(old, field):
    change(old, f"valid/image_00005_2/{field}")
    with pytest.raises(ValueError, match=f"flowers.hdf5: valid/image_00005_2 has no {field}"):
        older_hdf5(old)


def test_embeddings_may_be_missing_for_they_are_not_used(old):
    with h5py.File(old, "r+") as file:
        for part in SPLITS:
            for group in file[part].values():
                del group["embeddings"]
    assert len(older_hdf5(old).examples) == 8


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("txt", np.void(pickle.dumps("a flower")), "txt is a pickle: a pickle runs whatever code"),
        ("txt", np.frombuffer(pickle.dumps("a flower"), np.uint8), "txt holds uint8"),
        ("txt", np.void(b"a flower"), "txt holds"),
        ("txt", [b"a", b"b"], "txt holds"),
        ("class", 7, "class holds int64"),
        ("name", "image_00000", "image_00005_2 says that image_00000 is of class class_00002, in val"),
        ("class", "class_00077", "says that image_00005 is of class class_00077"),
    ],
)
def test_a_field_that_holds_something_else(old, field, value, words):
    change(old, f"valid/image_00005_2/{field}", value)
    with pytest.raises(ValueError, match=words) as error:
        older_hdf5(old)
    assert "valid/image_00005_2" in str(error.value)


def test_bytes_from_a_file_beside_it_are_not_read(old, tmp_path):
    (tmp_path / "secret").write_bytes(b"password")
    where = "valid/image_00005_2/txt"
    change(old, where)
    with h5py.File(old, "r+") as file:
        file.create_dataset(where, (1,), "S8", external=[(str(tmp_path / "secret"), 0, 8)])
    with pytest.raises(ValueError, match="where one plain text belongs"):
        older_hdf5(old)


def test_captions_of_another_code_page(old):
    change(old, "valid/image_00005_2/txt", "caf\xe9 petals\n".encode("cp1252"))
    assert [caption.text for caption in older_hdf5(old).examples[5].captions][2] == "caf\xe9 petals"


def test_a_part_is_read_and_told(old):
    change(old, "valid")
    source = older_hdf5(old, limit=3)
    assert [example.name for example in source.examples] == ["image_00000", "image_00002", "image_00006"]
    assert any("no group 'valid'" in note for note in source.notes)
    assert len(older_hdf5(old, classes=["class_00003"]).examples) == 2


def test_other_captions_are_another_version(old):
    before = older_hdf5(old).version
    change(old, "valid/image_00005_2/txt", "another caption")
    assert older_hdf5(old).version != before


def cut(path):
    path.write_bytes(path.read_bytes()[:3000])


def other(path):
    with h5py.File(path, "w") as file:
        file["pictures/one"] = 1


def ours(path):
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "t2i_utils"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (cut, "no whole HDF5 file"),
        (lambda path: path.write_text("hello"), "no whole HDF5 file"),
        (other, "holds pictures, where the old layout has groups train, valid, test"),
        (ours, "built by t2i_utils already"),
        (lambda path: change(path, "train/image_00000_0", 3), "image_00000_0 is no group"),
    ],
)
def test_another_file_is_told(old, spoil, words):
    spoil(old)
    with pytest.raises(ValueError, match=words) as error:
        older_hdf5(old)
    assert str(old) in str(error.value)


def test_a_folder_or_nothing_is_told(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere.h5"):
        with pytest.raises(FileNotFoundError, match="give the HDF5 file itself"):
            older_hdf5(path)

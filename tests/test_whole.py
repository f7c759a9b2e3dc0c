"""A file is there whole or not at all."""

import os

import pytest

from t2i_utils.whole import write_whole, writing_folder_whole, writing_whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole_or_left(tmp_path, monkeypatch):
    path = tmp_path / "history.csv"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"

    def crash(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, b"third")
    assert path.read_bytes() == b"second"
    assert names(tmp_path) == ["history.csv"]


def test_what_breaks_in_the_middle_leaves_nothing(tmp_path):
    def write_half():
        with writing_whole(tmp_path / "data.h5") as partial:
            partial.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert names(tmp_path) == []


def test_a_folder_is_replaced_whole_or_left(tmp_path):
    def fill(text, fail=False):
        with writing_folder_whole(tmp_path / "deep" / "encoder") as whole:
            (whole / "weights").write_text(text)
            if fail:
                raise OSError("disk full")

    fill("first")
    (tmp_path / "deep" / "encoder" / "stray").touch()
    with pytest.raises(OSError, match="disk full"):
        fill("second", fail=True)
    assert (tmp_path / "deep" / "encoder" / "weights").read_text() == "first"
    assert names(tmp_path / "deep") == ["encoder"]
    fill("third")
    assert names(tmp_path / "deep" / "encoder") == ["weights"]
    assert (tmp_path / "deep" / "encoder" / "weights").read_text() == "third"
    assert (tmp_path / "deep" / "encoder").stat().st_mode & 0o055 == 0o055  # others may read it

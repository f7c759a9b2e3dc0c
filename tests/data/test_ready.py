"""A file that is right is used, any other is built: nobody waits twice, nobody trains on something else."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i_utils.data import ready
from t2i_utils.data.hdf5 import write_embeddings
from t2i_utils.data.ready import own_files, ready_file
from t2i_utils.data.verify import verify
from t2i_utils.drive.folder import DriveFolder


@pytest.fixture
def ask(tmp_path, capsys):
    """Ask for built-in flowers; returns (path, what was printed)."""

    def ask(size=32, limit=21):
        path = ready_file("synthetic_flowers", size, tmp_path / "data", limit=limit)
        return path, capsys.readouterr().out

    return ask


def test_the_first_call_builds_and_the_second_only_verifies(ask):
    path, said = ask()
    assert (path.name, sum(verify(path).pictures.values())) == ("synthetic_flowers_32.h5", 21)
    assert "built (there was none)" in said
    before = path.stat().st_mtime_ns
    again, said = ask()
    assert (again, again.stat().st_mtime_ns) == (path, before)
    assert "verified, nothing to build" in said
    assert said.count("\n") == 1


def test_another_limit_is_another_file(ask):
    ask(limit=21)
    path, said = ask(limit=25)
    assert sum(verify(path).pictures.values()) == 25
    assert "it held 21 pictures, not the 25" in said
    assert ask(size=40)[0] != path, "another size lies beside it"


def test_a_file_under_a_wrong_name_is_not_believed(ask):
    small, _ = ask(size=32)
    large = small.with_name("synthetic_flowers_40.h5")
    small.rename(large)
    _, said = ask(size=40)
    assert "it held synthetic_flowers at 32 pixels" in said
    assert verify(large).image_size == 40


def test_a_damaged_file_is_kept_and_replaced(ask):
    path, _ = ask()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    _, said = ask()
    assert path.with_name("synthetic_flowers_32.h5.old").read_bytes() == whole[: len(whole) // 2]
    assert "built (" in said
    assert verify(path).fingerprint


def test_a_verified_file_needs_no_folder(tmp_path, monkeypatch, capsys):
    """On another machine the photographs need not lie beside the file that was made of them."""
    path = ready_file("synthetic_flowers", 32, tmp_path, limit=21)
    monkeypatch.setattr(ready, "DRAWN", ())
    monkeypatch.setattr(ready, "read_dataset", lambda *_: pytest.fail("nothing may be read"))
    assert ready_file("synthetic_flowers", 32, tmp_path) == path
    monkeypatch.undo()
    with pytest.raises(ValueError, match="--root"):
        ready_file("oxford_flowers", 32, tmp_path)


# A copy on Drive, for the next machine

LINES = "\n".join(
    json.dumps({"file": f"{number}.png", "captions": [f"flower {number}", "a flower"]}) for number in range(12)
)


@pytest.fixture
def session(tmp_path, capsys):
    """Ask for a person's twelve pictures on a machine of this name; returns (path, what was printed)."""
    root = tmp_path / "pictures"
    root.mkdir()
    for number in range(12):
        Image.new("RGB", (40, 40), (20 * number, 99, 9)).save(root / f"{number}.png")
    (root / "captions.jsonl").write_text(LINES)

    def session(machine, files=True, drive=tmp_path / "drive"):
        path = ready_file("folder", 32, tmp_path / machine, root if files else None, drive=drive)
        return path, capsys.readouterr().out

    session.place = DriveFolder(tmp_path / "drive" / "data" / "folder_32")
    session.copy = lambda: session.place.path / next(name for name in session.place.names() if name.endswith(".h5"))
    return session


def test_what_was_built_is_copied_to_drive_and_brought_where_nothing_else_is(session):
    path, said = session("first")
    assert f"kept in {session.place}" in said
    assert session.copy().read_bytes() == path.read_bytes()
    brought, said = session("second", files=False)
    assert f"{brought}: brought from {session.place}" in said
    assert "verified" in said
    assert brought.read_bytes() == path.read_bytes()
    assert [found.name for found in brought.parent.iterdir()] == [path.name], "nothing temporary is left"


def test_the_data_sets_own_files_come_before_the_copy(session):
    session("first")
    assert "built (there was none)" in session("second")[1]


def test_the_same_data_are_copied_once(session):
    path, _ = session("first")
    before = session.copy().stat()
    write_embeddings(path, "a", "f" * 64, "nowhere", np.zeros((24, 4), np.float32))
    session("first")
    assert session.copy().stat().st_mtime_ns == before.st_mtime_ns
    assert session.copy().stat().st_ino == before.st_ino


def test_other_data_take_the_place_of_the_copy(session, tmp_path):
    session("first")
    Image.new("RGB", (40, 40), "white").save(tmp_path / "pictures" / "0.png")
    path, _ = session("second")
    assert len(session.place.names()) == 2
    assert verify(session.copy()).fingerprint == verify(path).fingerprint


def test_a_file_that_was_built_before_drive_was_asked_for_is_copied_too(session):
    session("first", drive=None)
    assert session.place.names() == []
    assert "kept in" in session("first")[1]


def test_a_copy_that_is_not_whole_is_told_and_not_used(session, caplog):
    session("first")
    whole = session.copy().read_bytes()
    session.copy().write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="ROOT"):
        session("second", files=False)
    assert f"what lies in {session.place} cannot be used" in caplog.text
    path, _ = session("third")
    assert session.copy().read_bytes() == path.read_bytes(), "the next build mends it"
    assert len(session.place.names()) == 2


def test_a_drive_that_fails_is_told_and_stops_nothing(session, monkeypatch, caplog):
    def dead(*_):
        raise OSError(107, "Transport endpoint is not connected")

    monkeypatch.setattr(DriveFolder, "copy_in", dead)
    path, said = session("first")
    assert verify(path).fingerprint
    assert "kept in" not in said
    assert f"could not be copied to {session.place} ([Errno 107] Transport endpoint is not connected)" in caplog.text


# Where a data set's own files lie


def test_a_form_names_a_folder_or_takes_the_workspaces(tmp_path):
    assert own_files("synthetic_flowers", "", False, tmp_path) is None
    assert own_files("folder", "~/pictures", False, tmp_path) == Path.home() / "pictures"
    assert own_files("oxford_flowers", "", False, tmp_path) is None
    (tmp_path / "oxford_flowers").mkdir()
    assert own_files("oxford_flowers", "", False, tmp_path) == tmp_path / "oxford_flowers"


def test_a_form_downloads_to_where_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ready, "download", lambda dataset, place: f"{dataset} to {place}")
    assert own_files("oxford_flowers", "", True, tmp_path) is None, "nothing came"
    assert capsys.readouterr().out == f"oxford_flowers to {tmp_path / 'oxford_flowers'}\n"
    assert own_files("oxford_flowers", str(tmp_path), True, tmp_path / "elsewhere") == tmp_path
    assert capsys.readouterr().out == f"oxford_flowers to {tmp_path}\n"
    monkeypatch.undo()
    with pytest.raises(ValueError, match="built-in data need no download"):
        own_files("synthetic_flowers", "", True, tmp_path)


def test_an_unknown_name_is_told(tmp_path):
    with pytest.raises(ValueError, match="no data set is called 'roses'"):
        ready_file("roses", 32, tmp_path)

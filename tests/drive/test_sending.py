"""Files that go to Drive together and come back whole or not at all: an encoder, a data file."""

import errno

import pytest
from faulty_drive import FaultyDrive

from t2i_utils.drive.folder import DriveFolder
from t2i_utils.drive.looking import wait_aloud
from t2i_utils.drive.sending import bring_folder, send_files, send_folder


@pytest.fixture
def drive(tmp_path):
    return tmp_path / "drive" / "encoder"


@pytest.fixture
def encoder(tmp_path):
    folder = tmp_path / "here" / "encoder"
    (folder / "deep").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "deep" / "weights").write_bytes(bytes(range(256)) * 40)
    return folder


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_comes_back_as_it_went(encoder, drive, tmp_path):
    assert send_folder(encoder, DriveFolder(drive))
    assert send_folder(encoder, DriveFolder(drive))  # there already
    assert len(DriveFolder(drive).names()) == 3
    assert bring_folder(DriveFolder(drive), tmp_path / "there" / "encoder")
    assert contents(tmp_path / "there" / "encoder") == contents(encoder)


@pytest.mark.parametrize("fault", [107, 5, errno.ENOSPC, "truncated", "flipped", "vanishes"])
def test_a_folder_that_did_not_arrive_is_not_taken_for_one(fault, encoder, drive, tmp_path, caplog):
    assert not send_folder(encoder, FaultyDrive(drive, [None, fault]), wait=lambda seconds: None)
    assert "could not be copied to" in caplog.text
    assert not bring_folder(DriveFolder(drive), tmp_path / "there")
    assert send_folder(encoder, DriveFolder(drive))  # another day
    assert bring_folder(DriveFolder(drive), tmp_path / "there")
    assert contents(tmp_path / "there") == contents(encoder)
    assert len(DriveFolder(drive).names()) == 3


def test_a_folder_that_arrives_late_is_waited_for(encoder, drive, tmp_path):
    waits = []
    assert send_folder(encoder, FaultyDrive(drive, ["late", "late"], looks=2), wait=waits.append)
    assert waits == [1, 5] * 2
    assert bring_folder(DriveFolder(drive), tmp_path / "there")


def test_nobody_waits_for_minutes_without_a_word(encoder, drive, monkeypatch, capsys):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    assert send_folder(encoder, FaultyDrive(drive, ["late"], looks=4), wait_aloud)
    assert slept == [1, 5, 30, 60]
    assert capsys.readouterr().out.count("looking again in") == 2


def test_files_that_an_earlier_attempt_left_whole_are_used_and_others_go(encoder, drive, tmp_path):
    place = FaultyDrive(drive, [None, 5])
    assert not send_folder(encoder, place)
    (first,) = place.names()
    place.write("0123456789ab", b"of another encoder")
    assert send_folder(encoder, place)
    assert first in place.names()
    assert "0123456789ab" not in place.names()
    assert bring_folder(place, tmp_path / "there")


@pytest.mark.parametrize("damage", ["list", "file"])
def test_a_folder_that_drive_lost_later_is_sent_again(damage, encoder, drive, tmp_path):
    place = DriveFolder(drive)
    assert send_folder(encoder, place)
    name = "files.json" if damage == "list" else next(name for name in place.names() if name != "files.json")
    (drive / name).write_bytes(b"{")
    assert not bring_folder(place, tmp_path / "there")
    assert send_folder(encoder, place)
    assert bring_folder(place, tmp_path / "there")
    assert contents(tmp_path / "there") == contents(encoder)


@pytest.mark.parametrize("told", ["[]", "{", "{}", '{"a": 1}', '{"../a": {"file": "x", "sha256": ""}}'])
def test_a_list_that_lies_brings_nothing(told, drive, tmp_path, caplog):
    place = DriveFolder(drive)
    place.write("files.json", told.encode())
    assert not bring_folder(place, tmp_path / "there" / "encoder")
    assert not (tmp_path / "there" / "encoder").exists()
    assert f"what lies in {drive} cannot be used" in caplog.text


@pytest.mark.parametrize("operation", ["names", "read", "copy_out"])
def test_a_drive_that_cannot_be_read_is_looked_at_again_and_mounted_once(operation, encoder, drive, tmp_path, caplog):
    assert send_folder(encoder, DriveFolder(drive))
    waits, mounted = [], []
    ill = FaultyDrive(drive, ill={operation: [107, 5]})
    assert bring_folder(ill, tmp_path / "there", lambda: mounted.append(1), waits.append)
    assert (waits, mounted) == ([2, 10], [1])
    assert contents(tmp_path / "there") == contents(encoder)
    assert "mounted again" in caplog.text
    dead = FaultyDrive(drive, ill={operation: [5, 5, 5]})
    assert not bring_folder(dead, tmp_path / "elsewhere", wait=waits.append)
    assert not (tmp_path / "elsewhere").exists()


# Files with an identity

ONE, OTHER = "1" * 64, "2" * 64


def test_files_of_another_identity_are_replaced_and_those_of_the_same_stay(drive, tmp_path):
    place, path = DriveFolder(drive), tmp_path / "data.h5"
    path.write_bytes(b"pictures")
    assert send_files({path.name: path}, place, identity=ONE)
    path.write_bytes(b"pictures and vectors")
    assert send_files({path.name: path}, place, identity=ONE)
    assert place.names() == ["111111111111.h5", "files.json"]
    assert place.read("111111111111.h5") == b"pictures"
    path.write_bytes(b"other pictures")
    assert send_files({path.name: path}, place, identity=OTHER)
    assert place.names() == ["222222222222.h5", "files.json"]
    assert place.read("222222222222.h5") == b"other pictures"


def test_what_lies_there_is_of_use_until_the_other_is_whole(drive, tmp_path):
    place, path = DriveFolder(drive), tmp_path / "data.h5"
    path.write_bytes(b"pictures")
    assert send_files({path.name: path}, place, identity=ONE)
    path.write_bytes(b"other pictures")
    assert not send_files({path.name: path}, FaultyDrive(drive, [5]), identity=OTHER)
    assert bring_folder(place, tmp_path / "there")
    assert (tmp_path / "there" / "data.h5").read_bytes() == b"pictures"

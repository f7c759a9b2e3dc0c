"""Copies on a Drive that lies: what counts as safe is whole, training never hears of a fault, and the log does."""

import errno
import json
import logging
import threading
from pathlib import Path

import pytest
import torch
from faulty_drive import FaultyDrive

from t2i_utils.training import checkpoints
from t2i_utils.training.drive import DriveFolder, bring_folder, send_folder
from t2i_utils.training.mirror import Mirror
from t2i_utils.training.restoring import restore


class Clock:
    """Time passes only by waiting."""

    def __init__(self):
        self.now, self.waits = 0.0, []

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def here(tmp_path):
    return tmp_path / "run" / "checkpoints"


@pytest.fixture
def drive(tmp_path):
    return tmp_path / "drive" / "run" / "checkpoints"


def save(here, step, score=None):
    state = {"step": step, "weights": torch.full((4000,), float(step))}
    facts = {"run": {"system": "gan_cls"}} | ({} if score is None else {"score": score})
    return checkpoints.save(here, state, facts).with_suffix(".json")


def mirror_of(place, **choices):
    clock = Clock()
    return Mirror(place, clock=clock, wait=clock.wait, **choices)


def steps_on(drive):
    return sorted(json.loads(path.read_text())["step"] for path in Path(drive).glob("*.json"))


def newest_on(drive, tmp_path):
    """The step that a new session would go on from."""
    manifest = restore(DriveFolder(drive), tmp_path / "another machine")
    return None if manifest is None else checkpoints.newest(tmp_path / "another machine").step


def test_a_copy_is_whole_and_has_a_name_of_its_own(here, drive, tmp_path):
    mirror = mirror_of(DriveFolder(drive))
    mirror.offer(save(here, 5))
    mirror.close()
    assert mirror.safe.step == 5
    states = list(drive.glob("*.pt"))
    assert [path.name.startswith("step_00000005-") for path in states] == [True]
    assert newest_on(drive, tmp_path) == 5
    brought = tmp_path / "another machine" / "step_00000005.pt"
    assert brought.read_bytes() == (here / "step_00000005.pt").read_bytes()


@pytest.mark.parametrize("fault", [107, 5, errno.ENOSPC, "truncated", "flipped", "vanishes", "late"])
def test_every_fault_is_survived_and_told(fault, here, drive, tmp_path, caplog):
    caplog.set_level(logging.INFO, "t2i_utils")
    place = FaultyDrive(drive, [None, fault, fault])
    mirror = mirror_of(place, minutes=1e-9)
    mirror.offer(save(here, 1))
    mirror._thread.join()
    mirror.clock.now += 60
    mirror.offer(save(here, 2))
    mirror._thread.join()
    assert place.met[1] == fault
    assert mirror.safe.step == 2
    assert newest_on(drive, tmp_path) == 2
    assert mirror.failures == 0
    told = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    if fault == "late":  # it was waited for
        assert told == []
        assert sum(mirror.clock.waits) > 0
    else:
        assert "copying step_00000002 to Drive failed" in told[0]
        assert "the newest safe copy" in told[0]
        assert "is of step 1" in told[0]
        assert told[0].endswith("min old")
    assert any("step 2 is safe" in record.message for record in caplog.records)


def test_a_drive_that_stays_dead_leaves_the_older_copy_and_is_mounted_once_a_visit(here, drive, tmp_path, caplog):
    mounted = []
    mirror = mirror_of(FaultyDrive(drive, [None] + [107] * 20), minutes=1e-9, remount=lambda: mounted.append(1))
    for step in (1, 2, 3):
        mirror.clock.now += 60
        mirror.offer(save(here, step))
        mirror._thread.join()
    assert mirror.safe.step == 1
    assert newest_on(drive, tmp_path) == 1
    assert len(mounted) == 2  # steps 2 and 3
    assert mirror.failures == 6
    assert "Drive was dead and has been mounted again" in caplog.text


def test_a_mount_that_is_refused_is_told_and_no_more(here, drive, caplog):
    def refuse():
        raise RuntimeError("no cookies")

    mirror = mirror_of(FaultyDrive(drive, [107, None]), remount=refuse)
    mirror.offer(save(here, 1))
    mirror.close()
    assert "could not be mounted again (no cookies)" in caplog.text
    assert mirror.safe.step == 1


def test_the_last_two_and_the_best_stay(here, drive):
    mirror = mirror_of(DriveFolder(drive), minutes=1e-9)
    for step, score in enumerate([0.1, 0.9, 0.3, 0.2, 0.4], start=1):
        mirror.clock.now += 60
        mirror.offer(save(here, step, score))
        mirror._thread.join()
    assert steps_on(drive) == [2, 4, 5]
    assert sorted(path.stem for path in drive.glob("*.pt")) == sorted(path.stem for path in drive.glob("*.json"))
    assert [path.stem for path in sorted(here.glob("*.pt"))] == [f"step_{step:08d}" for step in (2, 4, 5)]


def test_what_is_removed_is_emptied_first(drive, monkeypatch):
    place, sizes = DriveFolder(drive), []
    place.write("old.pt", b"x" * 1000)
    remove = Path.unlink
    monkeypatch.setattr(Path, "unlink", lambda path, **how: (sizes.append(path.stat().st_size), remove(path, **how)))
    place.remove("old.pt")
    place.remove("old.pt")  # gone already: no error
    assert sizes == [0]


def test_nothing_on_drive_is_overwritten(here, drive):
    manifest = save(here, 3)
    for expected in (1, 2):
        mirror = mirror_of(DriveFolder(drive))
        mirror.copy(manifest)
        assert len(list(drive.glob("*.pt"))) == expected
    with pytest.raises(FileExistsError):
        DriveFolder(drive).write(next(drive.glob("*.json")).name, b"")


def test_copies_go_by_the_clock_and_the_last_one_is_not_left_behind(here, drive):
    mirror = mirror_of(DriveFolder(drive), minutes=10)
    for minute in range(0, 25, 5):
        mirror.clock.now = 60.0 * minute
        mirror.offer(save(here, minute))
        mirror._thread.join()
    assert steps_on(drive) == [10, 20]
    mirror.offer(save(here, 23))
    assert mirror.safe.step == 20
    mirror.close()
    assert mirror.safe.step == 23


def test_after_it_was_closed_it_waits_for_late_files_as_before(here, drive):
    place = FaultyDrive(drive, [None, "late"], looks=2)
    waits = []
    mirror = Mirror(place, minutes=1e-9)
    mirror.offer(save(here, 1))
    mirror.close()
    mirror._wait = lambda seconds: (waits.append(seconds), mirror._closing.is_set())
    mirror.offer(save(here, 2))
    mirror._thread.join()
    assert mirror.safe.step == 2
    assert waits == [1, 5]


def test_a_slow_copy_holds_nobody_up_and_its_source_stays(here, drive):
    begun, go_on = threading.Event(), threading.Event()

    class Slow(DriveFolder):
        def copy_in(self, source, name):
            begun.set()
            go_on.wait(10)
            super().copy_in(source, name)

    mirror = mirror_of(Slow(drive), minutes=1e-9)
    first = save(here, 1)
    mirror.offer(first)
    assert begun.wait(10)
    for step in (2, 3, 4):
        mirror.clock.now += 60
        state = {"step": step, "weights": torch.zeros(3)}
        mirror.offer(checkpoints.save(here, state, {"run": {}}, busy=[mirror.busy]).with_suffix(".json"))
    assert first.is_file()
    go_on.set()
    mirror.close()
    assert mirror.safe.step == 4


def test_restoring_takes_the_newest_that_is_whole_and_nothing_older_than_what_is_here(here, drive, tmp_path, caplog):
    mirror = mirror_of(DriveFolder(drive))
    for step in (1, 2):
        mirror.copy(save(here, step))
    state = next(drive.glob("step_00000002-*.pt"))
    state.write_bytes(state.read_bytes()[:-1])
    (drive / "step_00000003-cut.json").write_text('{"step": 3, "fi')
    assert newest_on(drive, tmp_path) == 1
    assert "is not whole" in caplog.text
    assert [path.name for path in (tmp_path / "another machine").glob("*.partial")] == []
    assert restore(DriveFolder(drive), here) is None  # step 2 is here
    assert restore(DriveFolder(tmp_path / "no such place"), here) is None


def test_another_runs_copies_are_not_brought(here, drive, tmp_path):
    mirror_of(DriveFolder(drive)).copy(save(here, 1))

    def refuse(where, told):
        raise ValueError(f"{where} is of {told['facts']['run']['system']}")

    with pytest.raises(ValueError, match="is of gan_cls"):
        restore(DriveFolder(drive), tmp_path / "other", refuse)
    assert not (tmp_path / "other").exists()


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


@pytest.mark.parametrize("told", ["[]", "{", '{"a": 1}', '{"../a": {"file": "x", "sha256": ""}}'])
def test_a_list_that_lies_brings_nothing(told, drive, tmp_path, caplog):
    place = DriveFolder(drive)
    place.write("files.json", told.encode())
    assert not bring_folder(place, tmp_path / "there" / "encoder")
    assert not (tmp_path / "there" / "encoder").exists()
    assert "could not be brought from" in caplog.text

"""Copies on a Drive that lies: what counts as safe is whole, training never hears of a fault, and the log does."""

import errno
import logging
import threading
from pathlib import Path

import pytest
import torch
from faulty_drive import FaultyDrive
from on_drive import copied, mirror_of, newest_on, refuse, save, steps_on, visit

from t2i_utils.drive.folder import DriveFolder
from t2i_utils.training import checkpoints
from t2i_utils.training.mirror import Mirror


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


def test_at_the_end_a_drive_that_is_dead_for_good_is_tried_twice_more_and_a_living_one_three_times(here, drive):
    dead = mirror_of(FaultyDrive(drive, [5] * 9), minutes=10)
    visit(dead, save(here, 1))
    assert dead.clock.waits == [10, 60]
    dead.close()
    assert dead.clock.waits == [10, 60, 10]
    assert dead.failures == 5
    ill = mirror_of(FaultyDrive(drive, [None, 5, 5]), minutes=1e9)
    visit(ill, save(here, 2))
    ill.offer(save(here, 3))
    ill.close()
    assert ill.clock.waits == [10, 60]
    assert ill.safe.step == 3


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


def test_a_manifest_that_did_not_arrive_whole_does_not_count(here, drive, tmp_path, caplog):
    place = FaultyDrive(drive, ill={"write": [None, "truncated"]})
    mirror = mirror_of(place)
    visit(mirror, save(here, 1))
    visit(mirror, save(here, 2))
    assert "json in" in caplog.text
    assert "was written, but something else lies there" in caplog.text
    assert mirror.safe.step == newest_on(drive, tmp_path) == 2
    assert len(list(drive.glob("*.json"))) == len(list(drive.glob("*.pt"))) == 2


def test_everything_on_drive_is_written_through(here, drive, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", synced.append)
    manifest = save(here, 1)
    synced.clear()
    mirror_of(DriveFolder(drive)).copy(manifest)
    assert len(synced) == 2  # the state and its manifest


def test_copies_that_failed_take_no_room(here, drive):
    size = save(here, 1).with_suffix(".pt").stat().st_size
    place = FaultyDrive(drive, [None, None, 5, 5, 5], room=int(4.5 * size))
    mirror = mirror_of(place)
    for step in range(1, 9):
        visit(mirror, save(here, step))
        assert len(list(drive.glob("*.pt"))) <= 2
    assert mirror.safe.step == 8


def test_a_full_drive_is_tidied_and_tried_again(here, drive, caplog):
    """States without a manifest, as killed sessions leave them, fill it."""
    data = save(here, 1).with_suffix(".pt").read_bytes()
    place = FaultyDrive(drive, room=int(3.5 * len(data)))
    for number in range(3):
        place.write(f"step_0000000{number}-left.pt", data)
    mirror = mirror_of(place)
    visit(mirror, save(here, 1))
    assert "[Errno 28]" in caplog.text
    assert mirror.safe.step == 1
    assert len(list(drive.glob("*.pt"))) == 1


def test_manifests_go_before_their_states(here, drive):
    copied(here, drive, (1, 2, 3))
    place = FaultyDrive(drive)
    visit(mirror_of(place), save(here, 4))
    assert [Path(name).suffix for name in place.removed] == [".json", ".json", ".pt", ".pt"]


def test_a_file_that_cannot_be_removed_keeps_no_other(here, drive, caplog):
    copied(here, drive, (1, 2, 3, 4))
    place = FaultyDrive(drive, ill={"remove": [5]})
    visit(mirror_of(place), save(here, 5))
    assert steps_on(drive) == [1, 4, 5]
    assert len(list(drive.glob("*.pt"))) == 3, "what a manifest tells of is there"
    assert "could not be removed" in caplog.text


def test_a_copy_that_does_not_end_is_told_of(here, drive, caplog):
    ends = threading.Event()

    class Hangs(DriveFolder):
        def copy_in(self, source, name):
            ends.wait(30)
            super().copy_in(source, name)

    mirror = mirror_of(Hangs(drive))
    mirror.offer(save(here, 1))
    for minute in range(1, 30):
        mirror.clock.now = 60.0 * minute
        mirror.offer(save(here, 1 + minute))
    told = [record.message for record in caplog.records if "has not ended" in record.message]
    assert [message.split(";")[0] for message in told] == [
        "copying to Drive has not ended for 10 min",
        "copying to Drive has not ended for 20 min",
    ]
    assert "NOTHING of this run is known to be safe" in told[0]
    ends.set()
    mirror.close()


def test_what_lies_there_from_earlier_sessions_is_known(here, drive, caplog):
    copied(here, drive)
    mirror = mirror_of(FaultyDrive(drive, [5] * 3))
    visit(mirror, save(here, 3))
    assert (mirror.safe.step, mirror.failures) == (2, 3)
    assert "is of step 2, " in caplog.text


def test_another_runs_copies_are_set_aside_before_the_first_copy(here, drive, tmp_path, caplog):
    copied(here, drive)
    mirror = mirror_of(DriveFolder(drive), check=refuse)
    visit(mirror, save(here, 3))
    assert "is of gan_cls" in caplog.text
    assert "was set aside as" in caplog.text
    assert steps_on(drive) == [3]
    assert steps_on(drive.with_name("checkpoints.before-1")) == [1, 2]
    visit(mirror, save(here, 4))  # one's own are not asked for again
    assert steps_on(drive) == [3, 4]


def test_a_manifest_that_can_never_be_read_stops_no_copy_and_stays(here, drive):
    copied(here, drive, (1, 2, 3, 4))

    class Ill(DriveFolder):
        def read(self, name):
            if name.startswith("step_00000001"):
                raise OSError(5, "the mount says no")
            return super().read(name)

    mirror = mirror_of(Ill(drive))
    visit(mirror, save(here, 5))
    assert mirror.safe.step == 5
    assert steps_on(drive) == [1, 4, 5]

"""What a new machine brings from Drive: the newest that is whole, of this run, from a Drive that answers late."""

import pytest
from faulty_drive import FaultyDrive
from on_drive import copied, mirror_of, newest_on, refuse, save

from t2i_utils.drive.folder import DriveFolder
from t2i_utils.training import checkpoints
from t2i_utils.training.restoring import restore


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
    copied(here, drive, [1])
    with pytest.raises(ValueError, match="is of gan_cls"):
        restore(DriveFolder(drive), tmp_path / "other", refuse)
    assert not (tmp_path / "other").exists()
    with pytest.raises(ValueError, match="is of gan_cls"):
        restore(DriveFolder(drive), here, refuse)  # although what is here is as new


@pytest.mark.parametrize(
    ("operation", "faults"), [("names", [107, 5]), ("read", [107, None, None, 5]), ("copy_out", [107, 5])]
)
def test_what_cannot_be_read_at_once_is_looked_at_again(operation, faults, here, drive, tmp_path, caplog):
    copied(here, drive)
    mounted, waits = [], []
    place = FaultyDrive(drive, ill={operation: faults})
    there = tmp_path / "another machine"
    assert restore(place, there, remount=lambda: mounted.append(1), wait=waits.append).startswith("step_00000002")
    assert checkpoints.newest(there).step == 2
    assert (len(mounted), waits) == (1, [2, 10])
    assert "looking again" in caplog.text


def test_a_state_that_cannot_be_read_ever_gives_way_to_an_older_one(here, drive, tmp_path, caplog):
    copied(here, drive)
    place = FaultyDrive(drive, ill={"copy_out": [5, 5, 5]})
    restore(place, tmp_path / "another machine", wait=lambda seconds: None)
    assert checkpoints.newest(tmp_path / "another machine").step == 1
    assert "looking at an older one" in caplog.text


def test_a_drive_that_never_answers_is_no_empty_one(here, drive, tmp_path):
    copied(here, drive)
    with pytest.raises(OSError, match="the mount says no"):
        restore(FaultyDrive(drive, ill={"names": [5] * 3}), tmp_path / "there", wait=lambda seconds: None)

"""A training in a folder, of something that is no GAN: resumed, measured, refused, taken back."""

import itertools
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from t2i_utils.drive.folder import DriveFolder
from t2i_utils.training import checkpoints
from t2i_utils.training.keeping import Keeping
from t2i_utils.training.session import Session
from t2i_utils.training.trainer import Trainer, as_it_is
from t2i_utils.training.turns import Turn

pytestmark = pytest.mark.usefixtures("one_thread")


RARELY = Keeping(save_minutes=1e9)


class Line(Session):
    """Learns y = 3 x; what it measures is how near its weight is."""

    def __init__(self, folder, keeping=RARELY, rate=0.1, spoil=(), half=None, **more):
        self.line = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.line.weight)

        def losses(batch):
            return {"square": (self.line(batch) - 3 * batch).square().mean()}

        def batches(start):
            for step in itertools.count(start):
                value = torch.randn(8, 1, generator=torch.Generator().manual_seed(step))
                yield value * torch.nan if step in spoil else value

        turn = Turn("line", self.line, torch.optim.SGD(self.line.parameters(), rate), losses)
        super().__init__(
            folder, "a line", Trainer([turn], as_it_is, half=half), batches, {"rate": rate}, keeping, **more
        )

    def measure(self):
        return {"score": -abs(3 - self.line.weight.item())}


def test_it_learns_and_goes_on_bitwise(tmp_path):
    whole = Line(tmp_path / "whole")
    history = whole.train(12, progress=False)
    assert history.column("line/square")[1][-1] < history.column("line/square")[1][0] / 10
    Line(tmp_path / "part").train(5, progress=False)
    again = Line(tmp_path / "part")
    assert (again.trainer.step, again.saved_at) == (5, 5)
    again.train(12, progress=False)
    assert torch.equal(again.line.weight, whole.line.weight)
    (steps, losses), (others, theirs) = (one.history.column("line/square") for one in (again, whole))
    assert steps == others == list(range(1, 13))
    assert losses == pytest.approx(theirs, rel=1e-8)  # the file has nine digits


def test_what_is_measured_stands_beside_checkpoints_and_the_best_is_kept(tmp_path):
    session = Line(tmp_path, rate=1.2)  # so fast that the second step is worse than the first
    for steps in range(1, 7):
        session.train(steps, progress=False)
    told = dict(zip(*session.val.column("score"), strict=True))
    assert list(told) == [0, 1, 2, 3, 4, 5, 6]
    kept = {checkpoints.tell(path)["step"] for path in checkpoints.manifests(tmp_path / "checkpoints")}
    assert kept == {5, 6, max(told, key=told.get)}


def test_another_training_in_the_folder_is_refused_naming_how(tmp_path):
    Line(tmp_path).train(1, progress=False)
    with pytest.raises(ValueError, match=r"another run, at step 1, which differs in rate: 0\.1 -> 0\.2"):
        Line(tmp_path, rate=0.2)
    assert Line(tmp_path, Keeping(resume="never"), rate=0.2).trainer.step == 0
    assert (tmp_path.parent / f"{tmp_path.name}.before-1" / "checkpoints").is_dir()


@pytest.mark.parametrize("half", [None, torch.bfloat16, torch.float16])
def test_after_turns_that_are_not_finite_it_goes_back_with_half_the_rates(half, tmp_path):
    session = Line(tmp_path, half=half)
    session.train(3, progress=False)
    spoilt = Line(tmp_path, spoil=range(3, 99), half=half)
    with pytest.raises(RuntimeError, match="went back 3 times"):
        spoilt.train(9, progress=False)
    assert torch.equal(spoilt.line.weight, session.line.weight)
    assert checkpoints.newest(tmp_path / "checkpoints").step == 3


def test_what_a_checkpoint_needs_beside_it_goes_to_drive_first(tmp_path):
    asked = []

    def bring(there, wait):
        asked.append(there)
        return True

    keeping = Keeping(drive=str(tmp_path / "drive"), drive_minutes=1e-9)
    Line(tmp_path / "run", keeping, beside=bring).train(2, progress=False)
    assert set(asked) == {tmp_path / "drive" / "run"}
    assert Line(tmp_path / "elsewhere" / "run", keeping, beside=bring).trainer.step == 2


def on_drive(folder):
    """The newest step that lies there whole; None without one."""
    found = checkpoints.newest(folder)
    return None if found is None else found.step


@pytest.mark.parametrize("raised", [MemoryError, KeyboardInterrupt])
def test_a_training_that_is_broken_off_leaves_its_newest_checkpoint_on_drive(raised, tmp_path):
    keeping = Keeping(save_minutes=1e9, drive=str(tmp_path / "drive"), drive_minutes=1e9)  # but for the first
    session = Line(tmp_path / "run", keeping)

    def break_off(trainer, moment, losses):
        if trainer.step == 4:
            session.save()
        if trainer.step == 5:
            raise raised

    with pytest.raises(raised):
        session.train(9, watchers=[break_off], progress=False)
    assert on_drive(tmp_path / "drive" / "run" / "checkpoints") == 4


def test_a_training_that_diverged_leaves_its_last_good_checkpoint_on_drive(tmp_path):
    keeping = Keeping(save_minutes=1e9, drive=str(tmp_path / "drive"), drive_minutes=1e9)
    Line(tmp_path / "run", RARELY).train(3, progress=False)
    with pytest.raises(RuntimeError, match="went back 3 times"):
        Line(tmp_path / "run", keeping, spoil=range(3, 99)).train(9, progress=False)
    assert on_drive(tmp_path / "drive" / "run" / "checkpoints") == 3


def test_another_runs_copies_on_drive_are_refused_although_a_newer_state_is_here(tmp_path):
    keeping = Keeping(drive=str(tmp_path / "drive"), drive_minutes=1e-9)
    Line(tmp_path / "one" / "run", keeping, rate=0.2).train(1, progress=False)
    Line(tmp_path / "two" / "run").train(5, progress=False)
    with pytest.raises(ValueError, match=r"drive.*holds another run.*rate: 0\.2 -> 0\.1"):
        Line(tmp_path / "two" / "run", keeping)


def test_another_run_that_a_dead_drive_hid_is_set_aside_once_it_answers(tmp_path, monkeypatch):
    keeping = Keeping(drive=str(tmp_path / "drive"), drive_minutes=1e-9)
    Line(tmp_path / "one" / "run", keeping, rate=0.2).train(3, progress=False)
    names, dead = DriveFolder.names, [OSError(5, "the mount says no")] * 3
    monkeypatch.setattr("t2i_utils.drive.looking.LOOKS", (0, 0, 0))

    def ill(place):
        if dead:
            raise dead.pop()
        return names(place)

    monkeypatch.setattr(DriveFolder, "names", ill)
    session = Line(tmp_path / "two" / "run", keeping)
    assert session.trainer.step == 0
    session.train(2, progress=False)
    assert on_drive(tmp_path / "drive" / "run" / "checkpoints") == 2
    assert on_drive(tmp_path / "drive" / "run" / "checkpoints.before-1") == 3
    told = (tmp_path / "two" / "run" / "run.log").read_text()
    assert "Drive could not be looked at" in told
    assert "was set aside as" in told


def test_to_begin_anew_needs_no_drive_that_answers(tmp_path, monkeypatch):
    drive = str(tmp_path / "drive")
    Line(tmp_path / "run", Keeping(drive=drive, drive_minutes=1e-9)).train(3, progress=False)
    set_aside, dead = checkpoints.set_aside, [OSError(107, "the mount says no")]

    def ill(folder):
        if "drive" in folder.parts and dead:
            raise dead.pop()
        return set_aside(folder)

    monkeypatch.setattr(checkpoints, "set_aside", ill)
    session = Line(tmp_path / "run", Keeping(drive=drive, drive_minutes=1e-9, resume="never"))
    assert session.trainer.step == 0
    session.train(1, progress=False)
    assert on_drive(tmp_path / "drive" / "run" / "checkpoints") == 1
    assert on_drive(tmp_path / "drive" / "run.before-1" / "checkpoints") == 3
    assert Line(tmp_path / "elsewhere" / "run", Keeping(drive=drive)).trainer.step == 1


@pytest.mark.parametrize("moment", ["before the old ones go", "before the new one comes"])
def test_to_go_on_from_a_path_survives_being_killed(moment, tmp_path, monkeypatch):
    session = Line(tmp_path / "run")
    for steps in (2, 4):
        session.train(steps, progress=False)
    older = Keeping(resume=str(tmp_path / "run" / "checkpoints" / "step_00000002.json"))
    killed, rename = [KeyboardInterrupt], Path.rename

    def die(path, target):
        if killed and (path.name == "checkpoints.coming") == (moment == "before the new one comes"):
            raise killed.pop()
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", die)
    with pytest.raises(KeyboardInterrupt):
        Line(tmp_path / "run", older)
    assert Line(tmp_path / "run").trainer.step == (2 if moment == "before the new one comes" else 4)
    assert Line(tmp_path / "run", older).trainer.step == 2
    assert not (tmp_path / "run" / "checkpoints.coming").exists()


def test_a_state_of_another_step_than_its_manifest_says_is_refused(tmp_path):
    Line(tmp_path).train(2, progress=False)
    manifest = tmp_path / "checkpoints" / "step_00000002.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"step": 5}))
    with pytest.raises(ValueError, match="of step 2, its manifest of 5"):
        Line(tmp_path)


def test_what_may_change_is_said(tmp_path, capsys):
    Line(tmp_path, Keeping(save_minutes=5)).train(2, progress=False)
    again = Line(tmp_path, Keeping(save_minutes=7), half=torch.bfloat16)
    again.train(3, progress=False)
    said = "going on from step 2, changed in precision: 'float32' -> 'torch.bfloat16'; save_minutes: 5 -> 7"
    assert said in capsys.readouterr().err
    told = (tmp_path / "run.log").read_text()
    assert said in told
    assert "going on to step 3; until now it was to be 2" in told


def test_a_checkpoint_of_a_version_that_noted_the_precision_alone_goes_on(tmp_path, capsys):
    Line(tmp_path).train(2, progress=False)
    manifest = tmp_path / "checkpoints" / "step_00000002.json"
    told = json.loads(manifest.read_text())
    del told["facts"]["kept"]
    manifest.write_text(json.dumps(told | {"facts": told["facts"] | {"precision": "float32"}}))
    assert Line(tmp_path).trainer.step == 2
    assert "changed" not in capsys.readouterr().err
    Line(tmp_path, half=torch.bfloat16)
    assert "precision: 'float32' -> 'torch.bfloat16'" in capsys.readouterr().err


@pytest.mark.parametrize("minutes", [0, -1.0, float("nan")])
def test_times_that_cannot_be(minutes):
    with pytest.raises(ValueError, match=f"cannot save every {minutes} minutes"):
        Keeping(save_minutes=minutes)
    with pytest.raises(ValueError, match="cannot copy every"):
        Keeping(drive_minutes=minutes)

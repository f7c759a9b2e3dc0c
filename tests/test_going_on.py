"""How a run goes on: from the newest state, from none, from one that is named, from Drive, and after it went wrong."""

import errno
import logging

import pytest
import torch

from t2i_utils.runs import Settings
from t2i_utils.training import checkpoints, session
from t2i_utils.training.session import RETREATS

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


def weights(run):
    return torch.cat([parameter.detach().flatten() for parameter in run.recipe.generator.parameters()]).clone()


def states(folder):
    return sorted(path.name for path in (folder / "checkpoints").glob("*.pt"))


def test_never_begins_anew_and_keeps_what_was_there(open_small_run, tmp_path, capsys):
    first = open_small_run(tmp_path / "run")
    begun = weights(first)
    first.train(steps=2, progress=False)
    again = open_small_run(tmp_path / "run", settings=Settings(resume="never"))
    assert again.trainer.step == 0
    assert torch.equal(weights(again), begun)
    assert states(tmp_path / "run.before-1") == ["step_00000000.pt", "step_00000002.pt"]
    assert "was set aside as" in capsys.readouterr().out
    again.train(steps=1, progress=False)
    open_small_run(tmp_path / "run", settings=Settings(resume="never"))
    assert states(tmp_path / "run.before-2") == ["step_00000000.pt", "step_00000001.pt"]


def test_another_recipe_may_begin_anew_where_it_may_not_go_on(open_small_run, tmp_path):
    open_small_run(tmp_path / "run").train(steps=1, progress=False)
    with pytest.raises(ValueError, match="or --resume never"):
        open_small_run(tmp_path / "run", rate=0.5)
    assert open_small_run(tmp_path / "run", settings=Settings(resume="never"), rate=0.5).trainer.step == 0


@pytest.mark.parametrize("what", ["folder", "checkpoints", "manifest", "state"])
def test_a_path_goes_on_from_there_bitwise(what, open_small_run, tmp_path):
    one = open_small_run(tmp_path / "one")
    one.train(steps=2, progress=False)
    at_two = weights(one)
    path = {
        "folder": one.folder,
        "checkpoints": one.folder / "checkpoints",
        "manifest": one.folder / "checkpoints/step_00000002.json",
        "state": one.folder / "checkpoints/step_00000002.pt",
    }[what]
    two = open_small_run(tmp_path / "two", settings=Settings(resume=str(path)))
    assert two.trainer.step == 2
    assert torch.equal(weights(two), at_two)
    assert states(tmp_path / "one") == ["step_00000000.pt", "step_00000002.pt"]
    one.train(steps=4, progress=False)
    two.train(steps=4, progress=False)
    assert torch.equal(weights(two), weights(one))


def test_an_older_checkpoint_of_the_same_run_sets_the_later_ones_aside(open_small_run, tmp_path, monkeypatch):
    monkeypatch.setattr("t2i_utils.runs.Run.measure", lambda run: {})
    run = open_small_run(tmp_path / "run")
    run.train(steps=2, progress=False)
    at_two = weights(run)
    run.train(steps=4, progress=False)
    older = run.folder / "checkpoints/step_00000002.json"
    back = open_small_run(run.folder, settings=Settings(resume=str(older)))
    assert (back.trainer.step, torch.equal(weights(back), at_two)) == (2, True)
    assert states(tmp_path / "run") == ["step_00000002.pt"]
    aside = run.folder / "checkpoints.before-1"
    assert sorted(path.name for path in aside.glob("*.pt")) == ["step_00000002.pt", "step_00000004.pt"]


def test_a_path_to_nothing_or_to_another_run_is_refused(open_small_run, tmp_path):
    with pytest.raises(FileNotFoundError, match="name a run's folder or one of its checkpoints"):
        open_small_run(tmp_path / "run", settings=Settings(resume=str(tmp_path / "nowhere")))
    other = open_small_run(tmp_path / "other", rate=0.5)
    other.train(steps=1, progress=False)
    with pytest.raises(ValueError, match=r"differs in arguments\.rate"):
        open_small_run(tmp_path / "run", settings=Settings(resume=str(other.folder)))
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_what_may_change_is_said(open_small_run, tmp_path, capsys):
    open_small_run(tmp_path).train(steps=1, progress=False)
    open_small_run(tmp_path, settings=Settings(precision="bf16"))
    told = "going on from step 1, changed in precision: 'float32' -> 'torch.bfloat16'"
    assert told in capsys.readouterr().err
    assert told in (tmp_path / "run.log").read_text()


def test_an_older_checkpoint_sets_later_copies_on_drive_aside(open_small_run, tmp_path, monkeypatch):
    monkeypatch.setattr("t2i_utils.runs.Run.measure", lambda run: {})
    drive = Settings(drive=str(tmp_path / "drive"), drive_minutes=1e-9)
    run = open_small_run(tmp_path / "here" / "mine", settings=drive)
    run.train(steps=2, progress=False)
    run.train(steps=4, progress=False)
    older = str(run.folder / "checkpoints/step_00000002.json")
    back = open_small_run(run.folder, settings=Settings(drive=drive.drive, drive_minutes=1e-9, resume=older))
    back.train(steps=3, progress=False)
    assert open_small_run(tmp_path / "another machine" / "mine", settings=drive).trainer.step == 3
    assert checkpoints.newest(tmp_path / "drive" / "mine" / "checkpoints.before-1").step == 4


def test_a_new_machine_goes_on_from_drive_bitwise(open_small_run, tmp_path):
    settings = Settings(drive=str(tmp_path / "drive"), drive_minutes=1e-9)
    straight = open_small_run(tmp_path / "straight" / "mine")
    straight.train(steps=4, progress=False)
    open_small_run(tmp_path / "first machine" / "mine", settings=settings).train(steps=2, progress=False)
    run = open_small_run(tmp_path / "second machine" / "mine", settings=settings)
    assert run.trainer.step == 2
    run.train(steps=4, progress=False)
    assert torch.equal(weights(run), weights(straight))
    assert checkpoints.newest(tmp_path / "drive" / "mine" / "checkpoints").step == 4
    assert "step 4 is safe in" in (tmp_path / "second machine" / "mine" / "run.log").read_text()


def test_another_run_on_drive_under_the_same_name_is_refused_and_leaves_nothing(open_small_run, tmp_path):
    settings = Settings(drive=str(tmp_path / "drive"), drive_minutes=1e-9)
    open_small_run(tmp_path / "first" / "mine", settings=settings).train(steps=1, progress=False)
    with pytest.raises(ValueError, match=r"drive.*holds another run.*arguments.rate"):
        open_small_run(tmp_path / "second" / "mine", settings=settings, rate=0.5)
    assert not (tmp_path / "second").exists()
    anew = Settings(drive=str(tmp_path / "drive"), drive_minutes=1e-9, resume="never")
    run = open_small_run(tmp_path / "second" / "mine", settings=anew, rate=0.5)
    run.train(steps=1, progress=False)
    assert (tmp_path / "drive" / "mine.before-1").is_dir()
    assert checkpoints.newest(tmp_path / "drive" / "mine" / "checkpoints").facts["run"]["arguments"]["rate"] == 0.5


def test_training_finishes_without_a_drive_that_died(open_small_run, tmp_path, monkeypatch, caplog):
    def dead(*anything):
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    monkeypatch.setattr("t2i_utils.drive.folder.DriveFolder.names", dead)
    monkeypatch.setattr("t2i_utils.training.mirror.RETRIES", (0, 0.01))
    monkeypatch.setattr("t2i_utils.drive.looking.LOOKS", (0, 0, 0.01))
    settings = Settings(drive=str(tmp_path / "drive"), drive_minutes=1e-9)
    run = open_small_run(tmp_path / "run", settings=settings)
    run.train(steps=2, progress=False)
    assert run.trainer.step == 2
    told = (tmp_path / "run" / "run.log").read_text()
    assert "failed ([Errno 107] Transport endpoint is not connected)" in told
    assert "Drive could not be looked at" in told
    assert "NOTHING of this run is known to be safe in" in told
    assert "could not be mounted again" in told


class Spoilt:
    """A term that is not finite at some steps, as long as rates are above a bound."""

    def __init__(self, run, steps, above):
        self.run, self.steps, self.above = run, steps, above

    def __call__(self, round):
        ill = round.step in self.steps and self.run.trainer.rate > self.above
        return torch.tensor(float("nan") if ill else 0.0) * next(self.run.recipe.generator.parameters()).sum()


def spoil(run, steps, above):
    run.recipe.generator_terms["spoilt"] = Spoilt(run, steps, above)
    return run


@pytest.fixture
def open_spoilt_run(open_small_run):
    def make(folder, steps, above):
        run = open_small_run(folder)
        object.__setattr__(run.recipe, "generator_terms", dict(run.recipe.generator_terms))
        return spoil(run, steps, above)

    return make


def test_a_run_that_goes_wrong_goes_back_bitwise_and_on_with_half_the_rates(open_spoilt_run, tmp_path, caplog):
    run = open_spoilt_run(tmp_path, range(4, 40), above=0.3)
    run.train(steps=3, progress=False)
    saved, seen = weights(run), []

    def look(trainer, moment, losses):
        if not trainer.guard.calm:
            seen.append((trainer.rate, trainer.step))

    go_back = run._go_back

    def watched(error):
        go_back(error)
        assert torch.equal(weights(run), saved)
        assert run.trainer.step == 3

    run._go_back = watched
    run.train(steps=12, watchers=[look], progress=False)
    assert [(rate, step) for rate, step in seen if step == 5] == [(1.0, 5), (0.5, 5)], "what went wrong, at both rates"
    assert run.trainer.rate == 0.25
    assert run.trainer.step == 12
    assert torch.isfinite(weights(run)).all()
    told = (tmp_path / "run.log").read_text()
    assert "went back to step 3, rates times 0.5" in told
    assert "went back to step 3, rates times 0.25" in told
    assert "step 4, generator" in told
    assert [int(row["step"]) for row in run.history.rows] == list(range(1, 13))
    assert checkpoints.load(checkpoints.newest(tmp_path / "checkpoints").path)["rate"] == 0.25


def test_a_run_that_cannot_be_helped_stops_and_says_what_was_seen(open_spoilt_run, tmp_path):
    run = open_spoilt_run(tmp_path, range(1, 99), above=0.0)
    with pytest.raises(
        RuntimeError, match=rf"(?s)went back {RETREATS} times.*step 1, generator: .*spoilt nan"
    ) as raised:
        run.train(steps=30, progress=False)
    assert "use a smaller --rate" in str(raised.value)
    assert checkpoints.newest(tmp_path / "checkpoints").step == 0


def test_nothing_is_saved_in_the_middle_of_trouble(open_spoilt_run, tmp_path):
    run = open_spoilt_run(tmp_path, [2, 3], above=0.0)
    seen = []
    run.train(steps=6, watchers=[lambda *_: (run.save(), seen.append(run.saved_at))], progress=False)
    assert seen == [1, 2, 2, 2, 5, 6]
    assert [turn.step for turn in run.trainer.guard.skipped] == [2, 3]


def test_the_log_is_the_runs_own(open_small_run, tmp_path):
    open_small_run(tmp_path / "one").train(steps=1, progress=False)
    logging.getLogger("t2i_utils.test").warning("after the run")
    assert "after the run" not in (tmp_path / "one" / "run.log").read_text()
    assert session.log.parent.name == "t2i_utils"


def other_systems(state):
    state["turns"]["generator"]["module"] = {"weight": torch.zeros(3)}


def without_a_player(state):
    del state["turns"]["discriminator"]


def of_other_shapes(state):
    weights = state["turns"]["generator"]["module"]
    name = next(iter(weights))
    weights[name] = weights[name][:1]


def words(state):
    state["turns"] = "none"


@pytest.mark.parametrize("forge", [other_systems, without_a_player, of_other_shapes, words])
def test_a_state_that_is_not_what_its_manifest_says_is_refused(forge, open_small_run, tmp_path):
    run = open_small_run(tmp_path)
    run.train(steps=1, progress=False)
    newest = checkpoints.newest(tmp_path / "checkpoints")
    state = checkpoints.load(newest.path)
    forge(state)
    checkpoints.save(tmp_path / "checkpoints", state, newest.facts)
    with pytest.raises(ValueError, match=r"step_00000001\.pt does not fit gan_cls .*--resume never"):
        open_small_run(tmp_path)


def test_every_checkpoint_has_a_score_of_val_captions_and_the_best_stays(open_small_run, tmp_path, monkeypatch):
    run = open_small_run(tmp_path)
    before = torch.get_rng_state()
    first = run.measure()
    assert first == run.measure()  # the same pictures of the same captions, whoever drew random numbers meanwhile
    assert torch.equal(torch.get_rng_state(), before)
    assert first["score"] < 0
    assert 0 < first["text_sensitivity"] < 1
    scores = iter([-3.0, -1.0, -2.0, -2.5, -2.2])
    monkeypatch.setattr(run, "measure", lambda: {"score": next(scores)})
    run.train(steps=4, watchers=[lambda *_: run.save()], progress=False)
    assert states(tmp_path) == ["step_00000001.pt", "step_00000003.pt", "step_00000004.pt"]
    assert checkpoints.tell(tmp_path / "checkpoints/step_00000001.json")["facts"]["score"] == -1.0


def test_a_file_without_val_classes_has_no_score(open_small_run, grey_file, tmp_path):
    assert open_small_run(tmp_path, data=grey_file).measure() == {}

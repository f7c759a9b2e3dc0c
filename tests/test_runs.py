"""A run on disk: stopped and resumed it ends bitwise where it would have ended, and it never becomes another run."""

import csv
import hashlib
import json
import os
import shutil
import signal

import pytest
import torch

from t2i_utils.data.build import build
from t2i_utils.data.hdf5 import fingerprint
from t2i_utils.data.loader import Loader
from t2i_utils.data.synthetic import synthetic_flowers
from t2i_utils.gallery import open_painter
from t2i_utils.recipes import SYSTEMS
from t2i_utils.recipes.arguments import FROM_DATA, build_recipe, complete
from t2i_utils.runs import Settings
from t2i_utils.text.clip import new_clip
from t2i_utils.text.embedding import embed
from t2i_utils.training import checkpoints

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


def leaves(tree, name=""):
    """Every value of nested dicts and lists by its path."""
    if isinstance(tree, dict | list | tuple):
        pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return {path: leaf for key, part in pairs for path, leaf in leaves(part, f"{name}/{key}").items()}
    return {name: tree}


def same(ours, theirs):
    """Whether two states are equal, to the last bit; the paths where they are not."""
    ours, theirs = leaves(ours), leaves(theirs)
    assert ours.keys() == theirs.keys()
    equal = {
        name: torch.equal(x, theirs[name]) if torch.is_tensor(x) else x == theirs[name] for name, x in ours.items()
    }
    return [name for name, right in equal.items() if not right]


def contents(folder):
    """Every file of a folder with its hash."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def steps_of(folder):
    with open(folder / "history.csv", newline="") as file:
        return [int(float(row["step"])) for row in csv.DictReader(file)]


@pytest.fixture
def straight(open_small_run, tmp_path):
    """The state of a run after six steps without a pause."""
    torch.manual_seed(0)
    run = open_small_run(tmp_path / "straight")
    run.train(steps=6, progress=False)
    return run.trainer.state_dict()


def test_stopping_and_resuming_is_bitwise_the_same(straight, open_small_run, tmp_path):
    torch.manual_seed(0)
    first = open_small_run(tmp_path / "run")
    first.train(steps=3, progress=False)
    torch.manual_seed(99)  # another day, another process
    second = open_small_run(tmp_path / "run")
    assert second.trainer.step == 3
    assert same(second.trainer.state_dict(), first.trainer.state_dict()) == []
    second.train(steps=6, progress=False)
    assert same(second.trainer.state_dict(), straight) == []
    assert len(leaves(straight)) > 100  # modules, optimisers, average, generators of randomness: not two empty dicts
    assert steps_of(tmp_path / "run") == [1, 2, 3, 4, 5, 6]
    assert (tmp_path / "run" / "history.csv").read_bytes() == (tmp_path / "straight" / "history.csv").read_bytes()


def test_ctrl_c_ends_after_a_whole_step_and_goes_on_bitwise(straight, open_small_run, tmp_path):
    def press(trainer, moment, losses):
        if trainer.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    torch.manual_seed(0)
    handler = signal.getsignal(signal.SIGINT)
    run = open_small_run(tmp_path / "run")
    run.train(steps=6, watchers=[press], progress=False)
    assert signal.getsignal(signal.SIGINT) is handler
    assert run.trainer.step == 2
    assert checkpoints.newest(tmp_path / "run" / "checkpoints").step == 2
    again = open_small_run(tmp_path / "run")
    again.train(steps=6, progress=False)
    assert same(again.trainer.state_dict(), straight) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state.write_bytes(state.read_bytes()[:-1] + b"?"),
        lambda state: state.write_bytes(state.read_bytes()[:1000]),
        lambda state: state.unlink(),
        lambda state: state.with_suffix(".json").unlink(),
        lambda state: state.with_suffix(".json").write_text("{"),
    ],
    ids=["altered", "cut", "gone", "no-manifest", "half-manifest"],
)
def test_a_damaged_checkpoint_falls_back_to_the_one_before(damage, straight, open_small_run, tmp_path):
    torch.manual_seed(0)
    run = open_small_run(tmp_path / "run")
    run.train(steps=2, progress=False)
    run.train(steps=4, progress=False)
    damage(tmp_path / "run" / "checkpoints" / "step_00000004.pt")
    again = open_small_run(tmp_path / "run")
    assert again.trainer.step == 2
    assert again.history.column("generator/fool")[0] == [1, 2]  # what will be trained again is forgotten
    again.train(steps=6, progress=False)
    assert same(again.trainer.state_dict(), straight) == []
    assert steps_of(tmp_path / "run") == [1, 2, 3, 4, 5, 6]


def test_minutes_count_from_this_call_and_end_saved(open_small_run, tmp_path):
    run = open_small_run(tmp_path)
    run.train(minutes=1e-6, progress=False)
    assert run.trainer.step == 1  # a budget of next to nothing is spent after the first step
    run.train(minutes=0.0005, progress=False)
    reached = run.trainer.step
    assert reached >= 2
    assert checkpoints.newest(tmp_path / "checkpoints").step == reached
    assert open_small_run(tmp_path).trainer.step == reached
    assert steps_of(tmp_path) == list(range(1, reached + 1))


def test_a_run_that_has_seen_its_steps_does_nothing(trained_run, open_small_run):
    before = contents(trained_run)
    open_small_run(trained_run).train(steps=3, progress=False)
    assert contents(trained_run) == before


def test_two_checkpoints_are_kept_and_the_clock_saves(open_small_run, tmp_path, monkeypatch):
    monkeypatch.setattr("t2i_utils.runs.Run.measure", lambda run: {})  # the best would be kept, too
    seen = []

    def look(trainer, moment, losses):
        seen.append(sorted(path.name for path in (tmp_path / "checkpoints").glob("*.pt")))

    open_small_run(tmp_path, settings=Settings(save_minutes=1e-9)).train(steps=3, watchers=[look], progress=False)
    assert seen == [
        ["step_00000000.pt", "step_00000001.pt"],  # the first weights: there must be something to go back to
        ["step_00000001.pt", "step_00000002.pt"],
        ["step_00000002.pt", "step_00000003.pt"],
    ]


def test_the_folder_tells_the_run(trained_run, embedded_file, small_encoder):
    files = {path.name for path in trained_run.iterdir()}
    assert files == {"checkpoints", "history.csv", "val.csv", "board", "run.log", "encoder.json", "encoder"}
    told = json.loads((trained_run / "checkpoints" / "step_00000003.json").read_text())
    facts = told["facts"]["run"]
    assert (told["step"], facts["system"], facts["seed"]) == (3, "gan_cls", 0)
    assert (facts["dataset"], facts["data"]) == ("synthetic_flowers", fingerprint(embedded_file))
    assert facts["encoder"] == small_encoder.fingerprint
    assert facts["arguments"]["image_size"] == 32  # what the data says
    assert facts["arguments"]["text_dim"] == 16
    assert facts["arguments"]["base_channels"] == 8  # what was asked for
    assert facts["arguments"]["noise_dim"] == 100  # what the function has


def test_a_run_of_a_version_that_did_not_name_its_data_set_goes_on(trained_run, open_small_run, tmp_path):
    shutil.copytree(trained_run, tmp_path / "run")
    manifest = max((tmp_path / "run" / "checkpoints").glob("*.json"))
    told = json.loads(manifest.read_text())
    del told["facts"]["run"]["dataset"]
    manifest.write_text(json.dumps(told))
    run = open_small_run(tmp_path / "run")
    run.train(steps=4, progress=False)
    assert run.trainer.step == 4


@pytest.fixture(scope="module")
def other_file(small_encoder, tmp_path_factory):
    """Other pictures with vectors of the same encoder."""
    path = build(synthetic_flowers(60, seed=1), tmp_path_factory.mktemp("other") / "f.h5", 32, progress=False).path
    embed(path, small_encoder, "small")
    return path


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"system": "gan"}, ["system: 'gan_cls' -> 'gan'"]),
        ({"settings": Settings(seed=1)}, ["seed: 0 -> 1"]),
        ({"settings": Settings(split="train")}, ["split: 'trainval' -> 'train'"]),
        ({"rate": 1e-3, "batch_size": 4}, ["arguments.rate: 0.02 -> 0.001", "arguments.batch_size: 8 -> 4"]),
        (
            {"system": "dcgan_cls", "settings": Settings(seed=2, captions_per_visit=4), "noise_dim": 7},
            ["system", "seed", "captions_per_visit: 1 -> 4", "arguments.noise_dim: 100 -> 7", "arguments.pixel_weight"],
        ),
    ],
)
def test_another_run_is_refused_by_every_difference(changes, named, trained_run, open_small_run):
    before = contents(trained_run)
    with pytest.raises(ValueError, match=r"holds another run, at step 3.*another folder") as refused:
        open_small_run(trained_run, **changes)
    for difference in named:
        assert difference in str(refused.value)
    assert contents(trained_run) == before


def test_other_data_and_another_encoder_are_refused(trained_run, open_small_run, other_file, small_config, tmp_path):
    before = contents(trained_run)
    with pytest.raises(ValueError, match="which differs in data: "):
        open_small_run(trained_run, data=other_file)
    new_clip(small_config, seed=1).save(tmp_path / "clip")
    copy = tmp_path / "flowers.h5"
    copy.write_bytes(other_file.read_bytes())
    again = new_clip(small_config, "again", seed=1)
    embed(copy, again)
    with pytest.raises(ValueError, match=r"data: .*encoder: ") as refused:
        open_small_run(trained_run, data=copy, encoder="again")
    assert again.fingerprint in str(refused.value)
    assert contents(trained_run) == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"system": "gan_clss"}, "there is no system 'gan_clss'.*gan_cls"),
        ({"encoder": "nobody"}, "embed .* --encoder nobody"),
        ({"petals": 5}, "gan_cls has no argument petals; it has .*base_channels"),
        ({"batch_size": 1}, "batch size of 2 or more"),
        ({"batch_size": 1000}, "smaller batch size"),
        ({"text_dim": 17}, "text_dim is 17, but the data has 16"),
        ({"image_size": 64}, "image_size is 64, but the data has 32"),
        ({"channels": 1}, "channels is 1, but the data has 3"),
        ({"settings": Settings(precision="fp16")}, "fp16 needs a GPU"),
        ({"settings": Settings(seed=-1)}, "seed is 0 or more"),
    ],
)
def test_a_run_that_cannot_be_leaves_no_folder(changes, words, open_small_run, tmp_path):
    with pytest.raises(ValueError, match=words):
        open_small_run(tmp_path / "run", **changes)
    assert not list(tmp_path.iterdir())


def test_a_recipe_has_the_weights_of_its_seed_and_draws_from_nobody_else():
    arguments = {"image_size": 32, "text_dim": 4, "base_channels": 8, "discriminator_channels": 8}
    before = torch.get_rng_state()
    first, again, other = (build_recipe("gan_cls", arguments, seed).generator.state_dict() for seed in (3, 3, 4))
    assert same(first, again) == []
    assert same(first, other)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("channels", [0, -1])
def test_a_picture_has_channels(channels):
    with pytest.raises(ValueError, match=f"channels is {channels}; gan_cls needs 1 or more"):
        build_recipe("gan_cls", {"channels": channels})


def test_arguments_are_completed_from_the_data_and_the_signature(embedded_file):
    loader = Loader(embedded_file, encoder="small", batch_size=2)
    assert complete("vanilla_gan", {"rate": 1e-4}, loader)["rate"] == 1e-4
    for system in SYSTEMS:
        arguments = complete(system, {}, loader)
        assert arguments["image_size"] == 32
        assert arguments.get("text_dim", 16) == 16
        assert arguments["channels"] == 3
        build_recipe(system, arguments | {"base_channels": 8, "discriminator_channels": 8})


def test_grey_pictures_of_28_pixels_are_trained_resumed_and_painted(open_small_run, grey_file, tmp_path):
    for steps in (2, 3):
        run = open_small_run(tmp_path / "run", data=grey_file)
        run.train(steps=steps, progress=False)
    assert {name: run.facts["arguments"][name] for name in FROM_DATA} == {
        "image_size": 28,
        "text_dim": 16,
        "channels": 1,
    }
    painted = open_painter(tmp_path / "run").paint(["a dark picture", "this one is light"])
    assert painted.shape == (2, 1, 28, 28)
    assert torch.equal(painted, run.painter().paint(["a dark picture", "this one is light"]))


def test_a_run_from_before_an_argument_had_its_default(open_small_run, grey_file, tmp_path):
    """Runs were made when systems painted colour alone, and nobody wrote down that there were three channels."""

    def forget(folder):
        checkpoint = checkpoints.newest(folder / "checkpoints")
        told = {**checkpoint.facts, "run": {**checkpoint.facts["run"]}}
        told["run"]["arguments"] = {k: v for k, v in told["run"]["arguments"].items() if k != "channels"}
        checkpoints.save(folder / "checkpoints", checkpoints.load(checkpoint.path), told)

    for name, data in (("colour", None), ("grey", grey_file)):
        run = open_small_run(tmp_path / name, **({"data": data} if data else {}))
        run.train(steps=1, progress=False)
        forget(run.folder)
    again = open_small_run(tmp_path / "colour")
    assert again.trainer.step == 1
    again.train(steps=2, progress=False)
    assert open_painter(tmp_path / "colour").paint(["a red flower"]).shape == (1, 3, 32, 32)
    with pytest.raises(ValueError, match=r"differs in arguments\.channels: 3 -> 1"):
        open_small_run(tmp_path / "grey", data=grey_file)


def test_bf16_resumes_bitwise_too(open_small_run, tmp_path):
    settings = Settings(precision="bf16")
    states = []
    for name, stops in (("straight", (4,)), ("paused", (2, 4))):
        torch.manual_seed(0)
        for stop in stops:
            run = open_small_run(tmp_path / name, settings=settings)
            run.train(steps=stop, progress=False)
        states.append(run.trainer.state_dict())
    assert run.trainer.half is torch.bfloat16
    assert same(*states) == []

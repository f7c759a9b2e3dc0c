"""Painters by name: a run's folder, wherever it lies, with its own encoder and nobody else's."""

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from lying_headers import with_header
from PIL import Image

from t2i_utils.__main__ import main
from t2i_utils.gallery import open_painter
from t2i_utils.playground.studio import published_names
from t2i_utils.published import CARD, GENERATOR, PUBLISHED, TEXT, WEIGHTS
from t2i_utils.text.clip import new_clip
from t2i_utils.training import checkpoints

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).resolve().parents[1]
CAPTIONS = ["a red flower", "six pointed blue petals"]


@pytest.fixture
def run(trained_run, tmp_path, monkeypatch):
    """A copy of the trained run in a workspace of its own, to be moved and damaged."""
    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(trained_run, tmp_path / "workspace" / "copy")


def test_a_run_opens_by_folder_and_by_name(run, trained_run):
    expected = open_painter(trained_run).paint(CAPTIONS)
    for name in (run, str(run), "copy"):
        painter = open_painter(name)
        assert torch.equal(painter.paint(CAPTIONS), expected)
        assert painter.name == "gan_cls at step 3"


def test_a_moved_run_still_paints(run, trained_run, tmp_path):
    shutil.move(run, tmp_path / "elsewhere")
    assert torch.equal(open_painter(tmp_path / "elsewhere").paint(CAPTIONS), open_painter(trained_run).paint(CAPTIONS))
    assert torch.equal(open_painter("elsewhere").paint(CAPTIONS), open_painter(trained_run).paint(CAPTIONS))


def test_the_averaged_generator_paints_and_not_the_last(trained_run, open_small_run):
    state = checkpoints.load(checkpoints.newest(trained_run / "checkpoints").path)
    painter = open_painter(trained_run)
    ours = painter.generator.state_dict()
    assert not painter.generator.training
    for name, tensor in state["state"]["average"].items():
        if name.startswith("module."):
            assert torch.equal(ours[name.removeprefix("module.")], tensor)
    last = state["turns"]["generator"]["module"]
    assert any(not torch.equal(tensor, last[name]) for name, tensor in ours.items())
    assert torch.equal(open_small_run(trained_run).painter().paint(CAPTIONS), painter.paint(CAPTIONS))


def test_the_newest_whole_checkpoint_paints(run):
    checkpoint = checkpoints.newest(run / "checkpoints").path
    later = checkpoint.with_name("step_00000009.pt")
    shutil.copyfile(checkpoint, later)
    shutil.copyfile(checkpoint.with_suffix(".json"), later.with_suffix(".json"))
    later.write_bytes(b"half")
    assert open_painter(run).name == "gan_cls at step 3"


def test_no_run_by_that_name_is_told_where_was_looked(run, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no painter is called 'nobody' .*published are flowers") as refused:
        open_painter("nobody")
    assert str(tmp_path / "workspace" / "nobody") in str(refused.value)
    assert "train" in str(refused.value)


def test_a_run_without_a_whole_checkpoint_is_told_so(run):
    for manifest in (run / "checkpoints").glob("*.json"):
        manifest.unlink()
    with pytest.raises(FileNotFoundError, match="no whole checkpoint; train"):
        open_painter(run)


def test_another_encoder_in_the_run_is_refused(run, small_config):
    new_clip(small_config, seed=1).save(run / "encoder")
    with pytest.raises(ValueError, match="was trained with vectors of"):
        open_painter(run)


def test_a_run_that_never_kept_an_encoder_is_refused(run):
    (run / "encoder.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"encoder\.json is missing"):
        open_painter(run)


def test_a_checkpoint_of_other_networks_than_it_says_is_refused(run):
    checkpoint = checkpoints.newest(run / "checkpoints")
    facts = {**checkpoint.facts, "run": {**checkpoint.facts["run"], "system": "dcgan_cls"}}
    facts["run"]["arguments"] = {"image_size": 32, "text_dim": 16, "base_channels": 8, "discriminator_channels": 8}
    checkpoints.save(run / "checkpoints", checkpoints.load(checkpoint.path), facts)
    with pytest.raises(ValueError, match="does not fit dcgan_cls"):
        open_painter(run)


# What comes with the package


INSIDE = published_names()


@pytest.mark.parametrize("name", INSIDE)
def test_the_package_brings_painters_of_at_most_4_mb_with_their_cards(name):
    assert (WEIGHTS / name / GENERATOR).stat().st_size <= 4e6
    card = (WEIGHTS / name / CARD).read_text(encoding="utf-8")
    for told in ("python -m t2i_utils train", "minutes", "seed 0", "petal_color", "held-out classes", "MIT"):
        assert told in card


def said_to_be(dtype):
    def change(header):
        for name, told in header.items():
            if name != "__metadata__" and told["dtype"] == "F16":
                told["dtype"] = dtype

    return lambda data: with_header(data, change)


def with_arguments(text):
    return lambda data: with_header(data, lambda header: header["__metadata__"].update(arguments=text))


LIES = {
    "bfloat16": (said_to_be("BF16"), "is of torch.bfloat16, not torch.float16 or torch.float32"),
    "whole numbers": (said_to_be("I16"), "is of torch.int16, not torch.float16 or torch.float32"),
    "numbers that are none": (lambda data: data[:-400] + b"\xff\x7f" * 200, "holds numbers that are not finite"),
    "arguments in a list": (with_arguments("[1]"), r"its arguments are '\[1\]'"),
    "no arguments": (with_arguments("null"), "its arguments are 'null'"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_packed_file_whose_header_lies_is_refused_before_it_paints(lie, tmp_path):
    spoil, said = LIES[lie]
    folder = shutil.copytree(WEIGHTS / "flowers_dcgan_cls", tmp_path / "packed")
    open_painter(folder)
    path = folder / GENERATOR
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ValueError, match=f"holds no weights that this version opens .*{said}"):
        open_painter(folder)


@pytest.mark.parametrize("facts", [{}, {"run": {}}, {"run": {"system": "gan_cls", "arguments": [1]}}])
def test_a_checkpoint_of_nothing_that_paints_is_refused(facts, run):
    manifest = checkpoints.newest(run / "checkpoints").path.with_suffix(".json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"facts": facts}))
    with pytest.raises(ValueError, match="is no state of a system that paints"):
        open_painter(run)


@pytest.mark.parametrize("average", [[1, 2], None, {"module": 3}])
def test_a_state_whose_average_is_none_is_refused(average, run):
    newest = checkpoints.newest(run / "checkpoints")
    state = checkpoints.load(newest.path)
    state["state"]["average"] = average
    checkpoints.save(run / "checkpoints", state, newest.facts)
    with pytest.raises(ValueError, match="does not fit gan_cls"):
        open_painter(run)


def test_five_systems_come_along_in_16_mb_and_read_with_one_text_tower():
    assert len({PUBLISHED[name].system for name in INSIDE}) >= 5
    assert sum(file.stat().st_size for file in WEIGHTS.rglob("*") if file.is_file()) <= 16e6
    assert [tower.parent.name for tower in WEIGHTS.rglob(TEXT)] == ["flowers"]
    assert (WEIGHTS / "flowers" / TEXT).stat().st_size <= 3e5
    assert len({open_painter(name).encoder.fingerprint for name in INSIDE}) == 1


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize(
    ("word", "strongest"), [("red", [0]), ("blue", [2]), ("yellow", [0, 1]), ("purple", [0, 2]), ("scarlet", [0])]
)
def test_they_paint_flowers_of_the_colour_that_was_asked_for(name, word, strongest):
    pictures = open_painter(name).paint([f"a {word} flower in front of soil"] * 8, seed=4)
    assert pictures.shape == (8, 3, 64, 64)
    petals = pictures[:, :, 22:42, 22:42].float().mean((0, 2, 3))
    weakest = [channel for channel in range(3) if channel not in strongest]
    assert petals[strongest].min() > petals[weakest].max() + 20, petals


def gallery_commands() -> list[list[str]]:
    """The arguments of README's commands whose pictures lie in the repository."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    asked = [shlex.split(line) for line in re.findall(r"^python -m t2i_utils (sample .*)$", text, re.MULTILINE)]
    return [arguments for arguments in asked if "notebooks/images" in arguments[-1]]


@pytest.mark.parametrize("arguments", gallery_commands(), ids=lambda arguments: Path(arguments[-1]).stem)
def test_the_gallery_in_the_readme_is_what_its_commands_paint(arguments, tmp_path):
    assert arguments[-2] == "--out"
    assert main([*arguments[:-1], str(tmp_path / "now.png")]) == 0
    with Image.open(ROOT / arguments[-1]) as shown, Image.open(tmp_path / "now.png") as now:
        assert shown.size == now.size
        difference = np.abs(np.asarray(shown, np.float32) - np.asarray(now, np.float32))
    assert difference.mean() < 0.5, "another machine rounds otherwise by a grey level here and there, no more"


def test_the_readme_shows_a_gallery_of_every_painter():
    named = {name for arguments in gallery_commands() for name in arguments if name in INSIDE}
    assert named == set(INSIDE)
    assert len(gallery_commands()) >= 5


def test_painting_leaves_no_folder_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path / "workspace"))
    open_painter("flowers").paint(["a red flower"])
    assert list(tmp_path.iterdir()) == []


def test_a_word_it_never_saw_hardly_changes_its_pictures():
    painter = open_painter()
    plain, strange, other = (
        painter.paint([caption] * 4, 1).float()
        for caption in ("a red flower in front of soil", "a red zebra flower in front of soil", "a blue flower")
    )
    assert painter.ignored(["a red zebra flower"]) == ["zebra"]
    assert (plain - strange).abs().mean() < (plain - other).abs().mean() / 5

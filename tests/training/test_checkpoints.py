"""States on disk: whole or passed over, never half, and no code runs from them."""

import io
import json
import os
import pickle

import pytest
import torch

from t2i_utils.training import checkpoints


def state(step):
    return {"step": step, "turns": {"player": {"module": {"weight": torch.full((64,), float(step))}}}}


@pytest.fixture
def folder(tmp_path):
    """With checkpoints of steps 10 and 20."""
    for step in (10, 20):
        checkpoints.save(tmp_path / "run", state(step), {"system": "gan_cls", "rate": 2e-4})
    return tmp_path / "run"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def truncated(path):
    path.write_bytes(path.read_bytes()[:-10])


def flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def without_manifest(path):
    path.with_suffix(".json").unlink()


def without_state(path):
    path.unlink()


def manifest_is(text):
    def damage(path):
        path.with_suffix(".json").write_text(text)

    return damage


def told(**others):
    def damage(path):
        manifest = path.with_suffix(".json")
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | others))

    return damage


DAMAGES = {
    "a truncated state": truncated,
    "a flipped bit": flipped,
    "an empty state": lambda path: path.write_bytes(b""),
    "no manifest": without_manifest,
    "no state": without_state,
    "a manifest that is no JSON": manifest_is('{"step": 20, "file'),
    "an empty manifest": manifest_is(""),
    "a manifest that says nothing": manifest_is("{}"),
    "a manifest that is a list": manifest_is("[1, 2]"),
    "a step that is a word": told(step="20"),
    "a step that is true": told(step=True),
    "a step below 0": told(step=-1),
    "a size that is a word": told(bytes="many"),
    "a hash that is a number": told(sha256=7),
    "a name that is none": told(file=None),
    "facts that are none": told(facts=None),
    "facts that are a list": told(facts=[]),
    "a run that is a list": told(facts={"run": []}),
    "a score that is a word": told(facts={"score": "good"}),
    "a precision that is a number": told(facts={"precision": 16}),
    "a manifest of bytes": lambda path: path.with_suffix(".json").write_bytes(b"\xff\xfe\x00"),
}


def test_what_was_saved_is_loaded(folder):
    newest = checkpoints.newest(folder)
    assert (newest.step, newest.path.name) == (20, "step_00000020.pt")
    assert newest.facts == {"system": "gan_cls", "rate": 2e-4}
    loaded = checkpoints.load(newest.path)
    assert loaded["step"] == 20
    assert torch.equal(loaded["turns"]["player"]["module"]["weight"], torch.full((64,), 20.0))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_not_whole_is_passed_over(folder, damage):
    damage(folder / "step_00000020.pt")
    assert checkpoints.newest(folder).step == 10
    damage(folder / "step_00000010.pt")
    assert checkpoints.newest(folder) is None


@pytest.mark.parametrize("damage", [truncated, without_state, manifest_is("no")])
def test_why_it_is_not_whole_is_said(folder, damage):
    damage(folder / "step_00000020.pt")
    with pytest.raises(ValueError, match=r"step_00000020\.json.*use an older one"):
        checkpoints.read_manifest(folder / "step_00000020.json")


def test_a_folder_without_checkpoints_has_no_newest(tmp_path):
    assert checkpoints.newest(tmp_path) is None
    assert checkpoints.newest(tmp_path / "nothing") is None


def test_the_last_two_are_kept(folder):
    checkpoints.save(folder, state(30), {})
    assert names(folder) == ["step_00000020.json", "step_00000020.pt", "step_00000030.json", "step_00000030.pt"]


def test_a_score_that_is_no_number_is_not_the_best(tmp_path):
    for step, score in enumerate([0.5, float("nan"), float("inf"), 0.0, float("nan"), None], start=1):
        checkpoints.save(tmp_path, state(step), {"score": score})
    steps = [checkpoints.tell(path)["step"] for path in checkpoints.manifests(tmp_path)]
    assert steps == [6, 5, 1]


def test_a_state_whose_manifest_was_never_written_goes_with_the_next_save(folder):
    without_manifest(folder / "step_00000020.pt")
    checkpoints.save(folder, state(30), {})
    assert names(folder) == ["step_00000010.json", "step_00000010.pt", "step_00000030.json", "step_00000030.pt"]


def test_steps_are_ordered_as_numbers(tmp_path):
    for step in (9, 100_000, 1_000_000):
        checkpoints.save(tmp_path, state(step), {})
    assert checkpoints.newest(tmp_path).step == 1_000_000


def test_damaged_checkpoints_do_not_push_out_whole_ones(folder):
    """A run that fell back saves at earlier steps than the damaged ones have."""
    checkpoints.save(folder, state(30), {})
    for step in (20, 30):
        flipped(folder / f"step_000000{step}.pt")
    for step in (12, 14, 16):
        checkpoints.save(folder, state(step), {})
        assert checkpoints.newest(folder).step == step
    assert (folder / "step_00000014.pt").exists()


@pytest.mark.parametrize("failing", [1, 2])
def test_a_crash_while_saving_loses_nothing(folder, monkeypatch, failing):
    """At the second rename the state is there already and its manifest is not."""
    replace, calls = os.replace, []

    def crash(source, target):
        calls.append(target)
        if len(calls) == failing:
            raise OSError("the power went")
        replace(source, target)

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="the power went"):
        checkpoints.save(folder, state(30), {})
    monkeypatch.undo()
    assert len(calls) == failing
    assert not [name for name in names(folder) if "partial" in name]
    assert checkpoints.newest(folder).step == 20
    checkpoints.save(folder, state(30), {})
    assert checkpoints.newest(folder).step == 30


class RunsCode:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (self.marker,)


@pytest.mark.parametrize("as_torch", [True, False], ids=["torch.save", "pickle"])
def test_a_checkpoint_that_runs_code_is_refused(tmp_path, as_torch):
    marker, path = tmp_path / "marker", tmp_path / "step_00000001.pt"
    evil = {"step": 1, "turns": RunsCode(str(marker))}
    buffer = io.BytesIO()
    torch.save(evil, buffer)
    path.write_bytes(buffer.getvalue() if as_torch else pickle.dumps(evil, protocol=2))
    with pytest.raises(ValueError, match=r"step_00000001\.pt does not open as tensors alone: .*use another checkpoint"):
        checkpoints.load(path)
    assert not marker.exists()
    pickle.loads(pickle.dumps(evil))  # the marker does appear where code runs
    assert marker.is_dir()


@pytest.mark.parametrize("data", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip", b"\x80\x02}q\x00", bytes(1000)])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, data):
    path = tmp_path / "other.pt"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"other\.pt does not open as tensors alone: .*use another checkpoint"):
        checkpoints.load(path)


def test_a_manifest_names_no_file_elsewhere(folder):
    """A state is looked for beside its manifest, whatever the manifest says."""
    outside = folder.parent / "step_00000020.pt"
    (folder / "step_00000020.pt").rename(outside)
    manifest = folder / "step_00000020.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"file": f"../{outside.name}"}))
    assert checkpoints.newest(folder).step == 10


def test_differences_are_named_with_their_nesting():
    saved = {"system": "gan", "arguments": {"rate": 2e-4, "base_channels": 64, "deep": {"a": 1}}, "seed": 0}
    now = {"system": "gan_cls", "arguments": {"rate": 2e-4, "base_channels": 32, "deep": {"a": 2}}, "split": "train"}
    assert checkpoints.differences(saved, now) == [
        "arguments.base_channels: 64 -> 32",
        "arguments.deep.a: 1 -> 2",
        "seed: 0 -> None",
        "split: None -> 'train'",
        "system: 'gan' -> 'gan_cls'",
    ]
    assert checkpoints.differences(saved, saved) == []


def test_facts_that_went_through_a_manifest_are_the_same_facts(tmp_path):
    facts = {"seed": 0, "arguments": {"rate": 0.1 + 0.2, "name": "Blüte"}}
    checkpoints.save(tmp_path, state(1), facts)
    assert checkpoints.differences(checkpoints.newest(tmp_path).facts, facts) == []

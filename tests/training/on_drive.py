"""A run's checkpoints here and on a folder that plays Drive, and time that passes only by waiting."""

import json
from pathlib import Path

import torch

from t2i_utils.drive.folder import DriveFolder
from t2i_utils.training import checkpoints
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


def copied(here, drive, steps=(1, 2)):
    """Checkpoints of these steps, here and on Drive."""
    for step in steps:
        mirror = mirror_of(DriveFolder(drive))
        mirror._prune = lambda newest: None
        mirror.copy(save(here, step))


def visit(mirror, manifest):
    """One visit of the thread that copies, an hour later."""
    mirror.clock.now += 3600
    mirror.offer(manifest)
    mirror._thread.join()


def refuse(where, told):
    raise ValueError(f"{where} is of {told['facts']['run']['system']}")

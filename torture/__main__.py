"""Kill a training run again and again; every life must go on from a valid state, and the end must be bitwise the same.

`python -m torture --kills 200` (make torture) trains a small DF-GAN that saves every few steps and copies to a folder
that plays Drive. Each life ends by SIGKILL: most at random, a part at named points. Now and then the whole machine is
lost, and only Drive is left. At the end the weights, optimisers and averages are compared with those of a run that
nobody disturbed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from t2i_utils.data.build import build
from t2i_utils.data.synthetic import synthetic_flowers
from t2i_utils.runs import Run, Settings, open_run
from t2i_utils.text.clip import new_clip, tiny_config
from t2i_utils.text.embedding import embed
from t2i_utils.text.encoders import open_encoder
from t2i_utils.training import checkpoints
from t2i_utils.training.watchers import Every
from torture.kills import POINTS, Kill

INTERVAL = 3  # steps between two checkpoints
NOWHERE = -1  # where a life went on that ended before it was open
SMALL = {
    "base_channels": 4,
    "discriminator_channels": 4,
    "batch_size": 4,
    "noise_dim": 8,
    "stabilisers": {"dropout_generator": {}},  # who draws while a step is computed
}


@dataclass
class Tally:
    """What happened.

    Attributes:
        kills: deaths by point.
        machines: how often the local folder was lost, too.
        most_lost: steps between a death and the state that the next life went on from (local folder kept).
        unopened: lives that ended while the run was being opened.
    """

    kills: Counter = field(default_factory=Counter)
    machines: int = 0
    most_lost: int = 0
    unopened: int = 0

    def __str__(self) -> str:
        named = sum(count for point, count in self.kills.items() if point != "random")
        points = ", ".join(f"{point} {count}" for point, count in sorted(self.kills.items()))
        return (
            f"{sum(self.kills.values())} kills, {named} at named points ({points}), {self.unopened} while the run was "
            f"being opened; {self.machines} times the machine was lost with everything but Drive; at most "
            f"{self.most_lost} steps were trained again (a checkpoint every {INTERVAL})"
        )


def prepare(folder: Path) -> Path:
    """A small data file with vectors."""
    data = build(synthetic_flowers(42), folder / "flowers.h5", 32, progress=False).path
    new_clip(tiny_config(32), "small", 0).save(folder / "small_clip")
    embed(data, open_encoder(str(folder / "small_clip")), "small")
    return data


def open_victim(data: Path, folder: Path, drive: Path) -> Run:
    """The run, new or where it was."""
    settings = Settings(save_minutes=1e9, drive=str(drive), drive_minutes=1e-9)
    return open_run("df_gan", data, "small", folder, SMALL, settings, device="cpu")


def live(data: Path, folder: Path, drive: Path, steps: int, kill: Kill | None, progress: Path) -> None:
    """One life: open the run, write down where it went on, train, saying after each step how far it is."""
    torch.set_flush_denormal(True)
    file = os.open(progress, os.O_RDWR | os.O_CREAT)
    os.pwrite(file, struct.pack("qq", NOWHERE, NOWHERE), 0)
    if kill is not None:
        kill.arm()  # to bring a state from Drive, too, may be the last that a session does
    run = open_victim(data, folder, drive)
    torch.manual_seed(time.time_ns())  # what a session has drawn before is another thing every time
    os.pwrite(file, struct.pack("qq", run.trainer.step, run.trainer.step), 0)

    def tell(trainer, moment, losses) -> None:
        os.pwrite(file, struct.pack("q", trainer.step), 8)

    run.train(steps=steps, watchers=[tell, Every(INTERVAL, lambda trainer: run.save())], progress=False)


def in_a_process(*life) -> int:
    """Live in a child process, which is quick to fork as everything is imported; returns the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            live(*life)
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    status = os.waitpid(pid, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("a life ended with the error above")
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def torture(place: Path, kills: int, named: int, seed: int = 0, machine_every: int = 9) -> Tally:
    """Kill a run so many times, at least `named` of them at named points, then let it finish and compare.

    Args:
        place: an empty folder.
        kills: deaths.
        named: of them at named points, each point in turn.
        seed: of everything that is drawn.
        machine_every: at every so many deaths the local folder is lost, too.

    Raises:
        AssertionError: when a life went on from less than it had to, or the end differs.
    """
    rng, tally, data = np.random.default_rng(seed), Tally(), prepare(place)
    folder, drive, progress = place / "run", place / "drive", place / "progress"
    points = list(POINTS)
    at_points = set(rng.choice(kills, size=named, replace=False).tolist())
    died_at, least, kept, steps = 0, 0, True, 10**6
    while sum(tally.kills.values()) < kills:
        number = sum(tally.kills.values())
        if number in at_points:
            kill = Kill(points[tally.kills.total() % len(points)], nth=int(rng.integers(1, 4)))
        else:
            kill = Kill("random", seconds=float(rng.uniform(0.0, 0.6)))
        if number and number % machine_every == 0:
            least, kept = newest_step(drive / "run" / "checkpoints"), False
            shutil.rmtree(folder, ignore_errors=True)
            tally.machines += 1
        if in_a_process(data, folder, drive, steps, kill, progress) != signal.SIGKILL:
            raise AssertionError(f"{kill} did not come")
        tally.kills[kill.point] += 1
        went_on, now = struct.unpack("qq", progress.read_bytes())
        if went_on == NOWHERE:
            tally.unopened += 1
            continue
        assert went_on >= least, f"step {least} was safe when it died at {died_at}, and it went on from {went_on}"
        if kept:
            tally.most_lost = max(tally.most_lost, died_at - went_on)
        died_at, least, kept = now, now - INTERVAL, True
    end = died_at + 2 * INTERVAL
    in_a_process(data, folder, drive, end, None, progress)
    in_a_process(data, place / "straight" / "run", place / "other drive", end, None, progress)
    disturbed, straight = (final_state(run) for run in (folder, place / "straight" / "run"))
    different = [name for name, leaf in straight.items() if not same(leaf, disturbed.get(name))]
    assert disturbed.keys() == straight.keys(), "the two ends hold different things"
    assert not different, f"the ends differ in {len(different)} of {len(straight)} places, first in {different[0]}"
    return tally


def newest_step(folder: Path) -> int:
    """The step of the newest whole checkpoint there, 0 without one."""
    found = checkpoints.newest(folder)
    return 0 if found is None else found.step


def final_state(folder: Path) -> dict[str, object]:
    """Every leaf of the newest state by its path."""

    def leaves(tree, path: str) -> dict[str, object]:
        if isinstance(tree, dict | list | tuple):
            pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
            return {name: leaf for key, part in pairs for name, leaf in leaves(part, f"{path}/{key}").items()}
        return {path: tree}

    return leaves(checkpoints.load(checkpoints.newest(folder / "checkpoints").path), "")


def same(one: object, other: object) -> bool:
    """Whether two leaves are equal, to the last bit."""
    if torch.is_tensor(one) and torch.is_tensor(other):
        return torch.equal(one, other)
    return type(one) is type(other) and one == other


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--named", type=int, default=70, help="of them at named points")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # forked children of a process with threads of its own would hang
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        tally = torture(Path(name), options.kills, options.named, options.seed)
    print(tally)
    print(f"the end is bitwise that of an undisturbed run; {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

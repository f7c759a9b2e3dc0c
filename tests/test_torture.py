"""The torture, in short: every named point, some deaths at random, a lost machine; and that it would notice a loss."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from torture.__main__ import INTERVAL, Tally
from torture.kills import POINTS, Kill

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


def torture(*arguments):
    """In a process of its own: this one may have threads, and forks of those hang."""
    command = [sys.executable, "-m", "torture", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)


def test_a_run_that_is_killed_at_every_point_ends_bitwise_where_it_would_have_ended():
    result = torture("--kills", "20", "--named", "16")
    assert result.returncode == 0, result.stderr
    first, last = result.stdout.splitlines()
    assert first.startswith("20 kills, 16 at named points")
    assert all(point in first for point in POINTS)
    assert "2 times the machine was lost" in first
    most = int(re.search(r"at most (\d+) steps were trained again", first)[1])
    assert 0 < most <= INTERVAL
    assert last.startswith("the end is bitwise that of an undisturbed run")


def test_a_run_that_loses_more_than_the_interval_is_caught():
    """Saving is sabotaged: nothing is saved any more after a few steps, which every life has the time for."""
    code = (
        "import torture.__main__ as t; from t2i_utils.runs import Run; from torture.kills import Kill\n"
        "save = Run.save; Run.save = lambda run: save(run) if run.trainer.step < 4 else None\n"
        "arm = Kill.arm; Kill.arm = lambda kill: arm(Kill('random', seconds=2))\n"
        "t.main(['--kills', '6', '--named', '0'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=600,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert result.returncode != 0
    assert "went on from" in result.stderr


@pytest.mark.parametrize("nth", [1, 3])
def test_death_comes_at_the_nth_passing(nth, monkeypatch):
    seen, deaths = [], []
    monkeypatch.setattr("torture.kills.die", lambda: deaths.append(len(seen)))
    passed = Kill("drive copy", nth).countdown()
    for number in range(5):
        seen.append(number)
        passed()
    assert deaths == [nth]


def test_the_tally_counts_named_points():
    tally = Tally()
    tally.kills.update({"random": 5, "drive copy": 2})
    assert str(tally).startswith("7 kills, 2 at named points (drive copy 2, random 5)")

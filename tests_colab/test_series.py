"""Every notebook in smoke, in order, on one machine: without Drive, with it, and with one that fails."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from machine import ROOT, Machine, new_machine, open_in_colab, project, said

import series

NOTEBOOKS = series.notebooks()


@pytest.fixture(scope="module")
def colab(tmp_path_factory) -> Machine:
    """The machine of a session that begins without Drive; a clone in its /content has run every notebook."""
    machine = new_machine(tmp_path_factory.mktemp("colab") / "machine")
    project(machine.content / "project")
    assert run(machine, NOTEBOOKS) == ""
    return machine


def run(machine: Machine, notebooks: list[Path], use_drive: bool = False, extra: dict[str, str] | None = None) -> str:
    """Run notebooks in one workspace, again after the first time; "" or what stopped them."""
    place = machine.content / "project" / "notebooks"
    opened = [open_in_colab(path, machine, place, {"USE_DRIVE": use_drive}) for path in notebooks]
    return machine.run(*opened, out=machine.content / "t2i", extra=extra)


def setups(machine: Machine, notebooks: list[Path]) -> list[str]:
    """What the setup cell of each said the last time."""
    return [said(machine.content / "t2i" / path.name) for path in notebooks]


def test_every_notebook_runs_without_drive(colab):
    assert all("\nColab | CPU" in f"\n{words}" and "Drive" not in words for words in setups(colab, NOTEBOOKS))
    minutes = json.loads((colab.content / "t2i" / "minutes.json").read_text())
    print(minutes)
    assert list(minutes) == [path.stem for path in NOTEBOOKS]


def test_every_notebook_runs_with_drive(colab):
    assert run(colab, NOTEBOOKS, use_drive=True) == ""
    assert all("Drive is mounted. Work stays in" in words for words in setups(colab, NOTEBOOKS))
    assert {path.name for path in (colab.drive / "t2i" / "data").iterdir()} >= {"synthetic_flowers_32"}


def test_another_machine_finds_the_runs_on_drive(tmp_path):
    """Each notebook in Colab has its own: 09 compares what 03, 04 and 06 trained elsewhere, and trains nothing."""
    first, fresh = (new_machine(tmp_path / name) for name in ("first", "fresh"))
    for machine in (first, fresh):
        project(machine.content / "project")
    chosen = {path.stem[:2]: path for path in NOTEBOOKS}
    assert run(first, [chosen[number] for number in ("03", "04", "06")], use_drive=True) == ""
    shutil.copytree(first.drive, fresh.drive, dirs_exist_ok=True)
    assert run(fresh, [chosen["09"]], use_drive=True) == ""
    found = {path.name for path in (fresh.content / "t2i" / "from_drive").iterdir()}
    assert found == {f"synthetic_flowers_{system}_32" for system in ("gan_cls", "wgan_gp", "df_gan")}
    assert not (fresh.content / "t2i" / "short").exists()


def test_every_notebook_ends_well_when_drive_dies_behind_it(colab):
    (colab.drive / "t2i").mkdir(exist_ok=True)
    looked = {"FAKE_DRIVE_FAULT": "107", "FAKE_DRIVE_GOOD": "2"}  # the folder is made and listed, then it is gone
    assert run(colab, NOTEBOOKS, use_drive=True, extra=looked) == ""
    assert all("Drive is mounted. Work stays in" in words for words in setups(colab, NOTEBOOKS))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("refused", "MessageError: Error: credential propagation was unsuccessful"),
        ("107", "Errno 107] Transport endpoint is not connected"),
        ("5", "Errno 5] Input/output error"),
    ],
)
def test_a_drive_that_cannot_be_mounted_is_told_and_done_without(colab, fault, words):
    assert run(colab, NOTEBOOKS[:1], use_drive=True, extra={"FAKE_DRIVE_FAULT": fault}) == ""
    told = setups(colab, NOTEBOOKS[:1])[0]
    assert "Drive was not mounted (" in told
    assert words in told
    assert "gone when the session ends" in told


def test_what_feels_versions_passes_with_colabs(colab):
    """torch, numpy, pillow, h5py, IPython, ipywidgets, sentence-transformers; the slower rest is `make test`'s."""
    command = [colab.python, "-m", "pytest", "-q", "@tests_colab/sensitive.txt"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]

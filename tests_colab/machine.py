"""A machine like Colab's, fresh for every session, and the notebooks that are opened on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import nbformat

import series

ROOT = Path(__file__).resolve().parents[1]
FAKE = Path(__file__).with_name("fake")
VERSIONS = """
import importlib.metadata, json
print(json.dumps({found.name.lower(): found.version for found in reversed(list(importlib.metadata.distributions()))}))
"""
RUN = """
import pathlib, sys, run_all
failure = run_all.run_series([pathlib.Path(name) for name in sys.argv[2:]], pathlib.Path(sys.argv[1]), "smoke", 600)
sys.exit(str(failure) if failure else 0)
"""


@dataclass(frozen=True)
class Machine:
    """A fresh Colab machine: an interpreter with Colab's packages, an empty /content, and somebody's Drive.

    Attributes:
        folder: everything of it.
    """

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "python" / "bin" / "python"

    @property
    def content(self) -> Path:
        return self.folder / "content"

    @property
    def drive(self) -> Path:
        return self.folder / "drive"

    def call(self, *arguments: str | Path, extra: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        """Run this machine's Python, as Colab's kernels find their environment, with some variables more."""
        colab = {"COLAB_RELEASE_TAG": "release-colab_pretended", "FAKE_DRIVE": str(self.drive)}
        environment = {**os.environ, **colab, **(extra or {})}
        command = [str(part) for part in (self.python, *arguments)]
        return subprocess.run(command, cwd=ROOT / "notebooks", env=environment, capture_output=True, text=True)

    def versions(self) -> dict[str, str]:
        """Every distribution that an import would find, with its version."""
        return json.loads(self.call("-c", VERSIONS).stdout)

    def run(self, *notebooks: Path, out: Path, extra: dict[str, str] | None = None) -> str:
        """Run notebooks in smoke, in order; "" or what stopped them."""
        done = self.call("-c", RUN, out, *notebooks, extra=extra)
        return done.stderr if done.returncode else ""


def new_machine(folder: Path) -> Machine:
    machine = Machine(folder)
    venv.create(folder / "python", with_pip=False, symlinks=True)
    below = [sysconfig.get_path("purelib"), str(FAKE)]
    place = sysconfig.get_path("purelib", vars={"base": str(folder / "python")})
    Path(place, "colab.pth").write_text("".join(f"{path}\n" for path in below))
    machine.content.mkdir()
    machine.drive.mkdir()
    return machine


def project(folder: Path) -> Path:
    """What a clone of this project holds, as it is now, under notebooks that can be changed."""
    copied = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints")
    for part in ("t2i_utils", "notebooks"):
        shutil.copytree(ROOT / part, folder / part, ignore=copied)
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def open_in_colab(notebook: Path, machine: Machine, folder: Path, fields: dict[str, object] | None = None) -> Path:
    """Write a copy whose setup cell has these form fields and this machine's /content; return it."""
    changed = series.read(notebook)
    setup = next(cell for cell in changed.cells if cell.cell_type == "code")
    lines = setup.source.split("\n")
    for name, value in (fields or {}).items():
        place = next(number for number, line in enumerate(lines) if line.startswith(f"{name} = "))
        lines[place] = f"{name} = {value!r}"
    place = lines.index("from t2i_utils import colab")
    lines.insert(place + 1, f"colab.CONTENT = Path({str(machine.content)!r})")
    setup.source = "\n".join(lines)
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(changed, folder / notebook.name)
    return folder / notebook.name


def said(executed: Path, cell: int = 0) -> str:
    """What a code cell printed, the setup cell unless told."""
    code = [cell for cell in series.read(executed).cells if cell.cell_type == "code"]
    return "".join(output.get("text", "") for output in code[cell].outputs)

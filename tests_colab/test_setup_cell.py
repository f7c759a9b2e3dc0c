"""The setup cell on a fresh machine, for every way in which a person gets there; pip fetches what Colab lacks."""

import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from machine import ROOT, Machine, open_in_colab, said

import series

FIRST, LAST = series.notebooks()[0], series.notebooks()[-1]
SHOW = "import ftfy, open_clip, t2i_utils\nprint(t2i_utils.__file__)"
NEW = {"open_clip_torch", "ftfy"}


def only_setup(notebook: Path) -> Path:
    """Leave title and setup cell, and show which package was found; return the notebook."""
    short = series.read(notebook)
    setup = next(place for place, cell in enumerate(short.cells) if cell.cell_type == "code")
    short.cells = [short.cells[0], short.cells[setup], nbformat.v4.new_code_cell(SHOW)]
    nbformat.write(short, notebook)
    return notebook


def run_and_compare(machine: Machine, notebook: Path, out: Path) -> set[str]:
    """Run a notebook that must end well; what is new afterwards. What was there must be as it was."""
    before = machine.versions()
    assert machine.run(notebook, out=out) == ""
    after = machine.versions()
    assert {name: after[name] for name in before} == before
    assert "\nColab | CPU" in said(out / notebook.name)
    return set(after) - set(before)


@pytest.fixture(scope="module")
def wheel(clone, tmp_path_factory) -> Path:
    """What `make wheel` writes."""
    place = tmp_path_factory.mktemp("dist")
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", place, clone]
    subprocess.run([sys.executable, *build], check=True)
    return next(place.glob("t2i_utils-*.whl"))


@pytest.fixture
def uploaded(tmp_path) -> Path:
    """The folder where a lone notebook opens."""
    return tmp_path / "machine" / "content"


def test_a_lone_notebook_takes_the_wheel_beside_it(machine, uploaded, wheel, tmp_path):
    notebook = open_in_colab(LAST, machine, uploaded)
    (uploaded / wheel.name).write_bytes(wheel.read_bytes())
    assert run_and_compare(machine, notebook, tmp_path / "out") == NEW | {"t2i-utils"}


@pytest.mark.parametrize("tag", ["", "@v0"])
def test_a_lone_notebook_takes_the_repository_that_it_names(machine, uploaded, clone, tmp_path, tag):
    if not (clone / ".git").is_dir():
        me = ["-c", "user.name=me", "-c", "user.email=me@localhost"]
        for command in (["init"], ["add", "."], [*me, "commit", "-m", "all"], ["tag", "v0"]):
            subprocess.run(["git", *command], cwd=clone, check=True, capture_output=True)
    notebook = only_setup(open_in_colab(FIRST, machine, uploaded, {"REPOSITORY": f"file://{clone}{tag}"}))
    assert run_and_compare(machine, notebook, tmp_path / "out") == NEW | {"t2i-utils"}
    assert said(tmp_path / "out" / FIRST.name, 1).startswith(str(machine.folder))


def test_a_lone_notebook_with_neither_says_what_to_bring(machine, uploaded, tmp_path):
    notebook = open_in_colab(FIRST, machine, uploaded, {"REPOSITORY": ""})
    stopped = machine.run(notebook, out=tmp_path / "out")
    assert "failed in cell 2 (Setup): FileNotFoundError: no t2i_utils: upload its .whl (from `make wheel`)" in stopped
    assert str(uploaded) in stopped


def test_a_notebook_in_a_checkout_uses_the_checkout(machine, clone, tmp_path):
    notebook = only_setup(open_in_colab(FIRST, machine, clone / "opened"))
    assert run_and_compare(machine, notebook, tmp_path / "out") == NEW
    assert said(tmp_path / "out" / FIRST.name, 1) == f"{clone}/t2i_utils/__init__.py\n"


def test_an_installed_project_is_used_as_it_is(machine, uploaded, wheel, tmp_path):
    assert machine.call("-m", "pip", "install", "--quiet", "--no-deps", wheel).returncode == 0
    notebook = only_setup(open_in_colab(FIRST, machine, uploaded))
    assert run_and_compare(machine, notebook, tmp_path / "out") == NEW
    assert said(tmp_path / "out" / FIRST.name, 1).startswith(str(machine.folder))


def test_builds_that_no_index_offers_stay_too(machine, clone, tmp_path):
    """Colab's torch is 2.11.0+cu128 by name; an index that offers another must not tempt pip."""
    version = machine.versions()["torch"].split("+")[0] + "+cu000"
    info = next((machine.folder / "python").glob("lib/*/site-packages")) / f"torch-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")
    assert machine.versions()["torch"] == version
    notebook = only_setup(open_in_colab(FIRST, machine, clone / "opened"))
    assert run_and_compare(machine, notebook, tmp_path / "out") == NEW


def test_a_requirement_that_wants_another_numpy_is_refused(machine, tmp_path):
    """Without the list of what is kept, pip would bring the newer numpy, and half of Colab's packages would break."""
    before, greedy = machine.versions(), tmp_path / "greedy-1.0-py3-none-any.whl"
    record = "Metadata-Version: 2.1\nName: greedy\nVersion: 1.0\nRequires-Dist: numpy>=2.2\n"
    kind = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(greedy, "w") as archive:
        for name, text in (("METADATA", record), ("WHEEL", kind), ("RECORD", "")):
            archive.writestr(f"greedy-1.0.dist-info/{name}", text)
    ask = f"colab.requirements = lambda: ['greedy @ {greedy.as_uri()}']\ncolab.install_missing()"
    done = machine.call("-c", f"import sys\nsys.path.append({str(ROOT)!r})\nfrom t2i_utils import colab\n{ask}")
    assert "RuntimeError: pip could not install greedy" in done.stderr
    assert "conflicting dependencies" in done.stderr.splitlines()[-1]
    assert machine.versions() == before

"""What holds the repository together: requirements, versions, commands, and what every other machine runs."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import t2i_utils

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
REQUIREMENTS = [
    line
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
IMPORT_NAMES = {"pillow": "PIL", "open_clip_torch": "open_clip", "ipython": "IPython"}
ONLY_ON_COLAB = {"google"}


def distribution(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0]


def import_name(requirement: str) -> str:
    name = distribution(requirement)
    return IMPORT_NAMES.get(name, name.replace("-", "_"))


def imports(path: Path, everywhere: bool) -> set[str]:
    """Top-level names of what a file imports that is neither Python's nor ours; at its top, or in functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"t2i_utils", "__future__"} - ONLY_ON_COLAB


def test_everything_imported_is_listed():
    listed = {import_name(line) for line in REQUIREMENTS}
    optional = {import_name(line) for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines}
    for path in sorted((ROOT / "t2i_utils").rglob("*.py")):
        place = path.relative_to(ROOT)
        assert imports(path, everywhere=False) <= listed, f"{place}: list it in requirements.txt, with a reason"
        late = imports(path, everywhere=True) - listed
        assert late <= optional, f"{place}: an optional import needs an extra in pyproject.toml"


def test_every_requirement_says_why_and_leaves_colabs_versions_alone():
    for line in REQUIREMENTS:
        bound, _, reason = line.partition("#")
        assert len(reason.split()) >= 3, f"{line}: say why"
        assert ">=" in bound, f"{line}: state the lowest version that works"
        fixed = re.search(r"<|==|~=|!=", bound)
        assert fixed is None or distribution(line) == "open_clip_torch", f"{line}: Colab's own version must stay"
    bounds = {distribution(line): line.split("#")[0].strip() for line in REQUIREMENTS}
    assert bounds["open_clip_torch"] == "open_clip_torch>=3.2,<4"
    assert bounds["torch"] == "torch>=2.8"
    assert bounds["ipywidgets"] == "ipywidgets>=7.7.1"


def test_the_installed_project_asks_for_exactly_these_requirements():
    asked = [line for line in importlib.metadata.requires("t2i-utils") if "extra ==" not in line]
    plain = {re.sub(r"\s", "", line.split("#")[0]) for line in REQUIREMENTS}
    parts = {(distribution(line), frozenset(line[len(distribution(line)) :].split(","))) for line in plain}
    assert {(distribution(line), frozenset(line[len(distribution(line)) :].split(","))) for line in asked} == parts


def test_there_is_one_version():
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "t2i_utils.__version__"}
    assert f"version: {t2i_utils.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_command_line_states_the_same_version(capsys):
    from t2i_utils.__main__ import main

    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert t2i_utils.__version__ in capsys.readouterr().out


def test_importing_the_package_imports_nothing_else():
    code = "import sys, t2i_utils; print(sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_ruff_is_the_pinned_one():
    pins = [line for line in PROJECT["project"]["optional-dependencies"]["dev"] if line.startswith("ruff")]
    assert pins == [f"ruff=={importlib.metadata.version('ruff')}"]


@pytest.mark.parametrize(
    "target", ["setup", "demo", "test", "test-colab", "bench", "lint", "strip", "address", "wheel", "sbert", "help"]
)
def test_make_has_the_target_and_says_what_it_does(target):
    assert re.search(rf"^{target}:.*## \w", MAKEFILE, re.M)


def test_every_machine_runs_what_a_person_runs():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert script.splitlines()[-1] == "make test"
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    actions = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert [line.split("run: ")[1].split()[:2] for line in actions.splitlines() if "run: " in line] == [
        ["make", "test"],
        ["make", "demo"],
        ["make", "test-colab"],
    ]
    assert '["3.11", "3.12", "3.13"]' in actions


def copy_of_the_commands(folder: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        (folder / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("python", "said"), [("", "no Python 3.11 or later"), ("/bin/false", "/bin/false could not make .venv")]
)
def test_a_machine_without_python_is_told_what_to_install(tmp_path, python, said):
    command = ["make", "setup", f"PYTHON={python}"]
    done = subprocess.run(command, cwd=copy_of_the_commands(tmp_path), capture_output=True, text=True)
    assert done.returncode != 0
    assert said in done.stderr
    assert "make setup PYTHON=" in done.stderr


def test_a_wheel_needs_nothing_installed_first(tmp_path):
    """It is what a person without a checkout in Colab needs: seconds, not the gigabytes of `make setup`."""
    command = ["make", "--dry-run", "wheel", f"PYTHON={sys.executable}"]
    done = subprocess.run(command, cwd=copy_of_the_commands(tmp_path), capture_output=True, text=True, check=True)
    assert "pip wheel" in done.stdout
    assert "pip install" not in done.stdout


def test_setup_does_nothing_once_everything_is_installed(tmp_path):
    folder = copy_of_the_commands(tmp_path)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "installed.stamp").touch()
    done = subprocess.run(["make", "setup"], cwd=folder, capture_output=True, text=True, check=True)
    assert "Nothing to be done" in done.stdout

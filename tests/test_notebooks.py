"""The numbered notebooks: how they are written, where they say the project lives, that they run without a network."""

import ast
import itertools
import json
import os
import re
import shutil
import sys
from pathlib import Path

import nbformat
import numpy as np
import open_clip
import pytest
from PIL import Image, PngImagePlugin

import run_all
import series
from t2i_utils.data.synthetic import draw_flower, render
from t2i_utils.data.verify import verify
from t2i_utils.text.clip import new_clip, tiny_config

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = series.notebooks()
HEADINGS = [
    "Setup",
    "Parameters",
    "The idea",
    "Its parts",
    "The recipe",
    "Training|Opening a checkpoint|Training, or opening a checkpoint",
    "What it paints",
    "How well",
    "Try this",
]
ADDRESS = "https://github.com/flowers/painted"
SHOWN = "![A flower](images/flower.png)"
LONGEST_CELL, LONGEST_LOOP = 25, 45
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])

# What the kernel of a test runs first: it can talk to this machine and to nothing else.
GUARD = """
import socket

_connect, _connect_ex, _resolve = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
_HERE = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "", None)


def _check(host):
    if host not in _HERE:
        raise OSError(f"no network in tests: {host!r} was asked for")


def connect(self, address):
    if self.family != socket.AF_UNIX:
        _check(address[0])
    return _connect(self, address)


def connect_ex(self, address):
    if self.family != socket.AF_UNIX:
        _check(address[0])
    return _connect_ex(self, address)


def getaddrinfo(host, *arguments, **options):
    _check(host)
    return _resolve(host, *arguments, **options)


socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo = connect, connect_ex, getaddrinfo
"""


def code_cells(path: Path) -> list[str]:
    return [cell.source for cell in series.read(path).cells if cell.cell_type == "code"]


def make_notebook(folder: Path, name: str, *cells: str) -> Path:
    """A notebook whose cells that begin with # are text."""
    make = {True: nbformat.v4.new_markdown_cell, False: nbformat.v4.new_code_cell}
    notebook = nbformat.v4.new_notebook(cells=[make[cell.startswith("#")](cell) for cell in cells])
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(series.stripped(notebook), folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


@pytest.fixture(scope="module")
def no_network(tmp_path_factory) -> dict[str, str]:
    """The environment of a kernel that refuses every address but this machine's."""
    folder = tmp_path_factory.mktemp("guard")
    (folder / "sitecustomize.py").write_text(GUARD)
    named = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]  # whichever copy of the package is tested
    return {"PYTHONPATH": os.pathsep.join(named)}


# How they are written


def test_the_series_begins_with_data_text_and_the_first_gans():
    first = ["01_dataset_to_hdf5", "02_clip_finetuning", "03_gan_cls_training"]
    assert [path.stem for path in NOTEBOOKS[:3]] == first


def test_committed_notebooks_are_stripped_and_follow_the_address():
    assert series.changes("strip") == {}
    assert series.changes("address") == {}


@every_notebook
def test_a_notebook_begins_with_a_picture_and_one_sentence(path):
    first = series.read(path).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    pictures = re.findall(r"!\[[^\]]+\]\((?:https://\S+/notebooks/)?(images/[^)]+\.png)\)", first.source)
    assert pictures, "a picture that tells the story, with words for those who cannot see it"
    for picture in pictures:
        assert (path.parent / picture).stat().st_size < 1_000_000


@every_notebook
def test_a_notebook_has_the_headings_of_the_series(path):
    text = "\n".join(cell.source for cell in series.read(path).cells if cell.cell_type == "markdown")
    found = re.findall(r"^## (.+)$", text, re.M)
    assert len(found) == len(HEADINGS), found
    for heading, wanted in zip(found, HEADINGS, strict=True):
        assert re.fullmatch(rf"(?:{wanted})(?::.+)?", heading), f"{heading!r} stands where {wanted!r} belongs"


@every_notebook
def test_form_fields_are_single_literals(path):
    for source in code_cells(path):
        for line in source.split("\n"):
            if "@param" in line:
                field = re.fullmatch(r"([A-Z][A-Z0-9_]*) = (.+?)  # @param( .+)?", line)
                assert field, f"{line!r}: NAME = literal  # @param ..., on one line"
                ast.literal_eval(field[2])


@every_notebook
def test_the_first_code_cell_is_the_setup_cell(path):
    assert code_cells(path)[0] == series.setup_cell()


@every_notebook
def test_every_setup_tells_of_the_gpu_the_profile_and_drive(path):
    told = series.read(path).cells[1].source
    assert told == series.SETUP_TEXT.read_text(encoding="utf-8").rstrip("\n"), "run `make address`"
    for word in ("T4 GPU", "`PROFILE`", "`PRECISION`", "fp16 on a T4", "`USE_DRIVE` in both"):
        assert word in told


@every_notebook
def test_every_data_set_can_be_downloaded_and_every_file_kept_on_drive(path):
    """By one helper and one function, in the same words; on a fresh Colab there is nothing else."""
    text = "\n".join(code_cells(path))
    calls = [ast.unparse(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    built = [call for call in calls if call.startswith("ready_file(")]
    assert all("drive" in call.replace("drive=drive", "drive") for call in built), built
    fields = dict(re.findall(r"^([A-Z_]+) = (.+?)  # @param", text, re.M))
    if "DATASET" in fields:
        assert (fields["ROOT"], fields["DOWNLOAD"]) == ('""', "False")
        assert [call for call in calls if call.startswith("own_files(DATASET, ROOT, DOWNLOAD, ")]
        (told,) = [c.source for c in series.read(path).cells if c.source.startswith("## Parameters")]
        assert all(f"`{name}`" in told for name in ("ROOT", "DOWNLOAD"))


TRAINING = [path for path in series.notebooks() if path.stem.endswith(("_training", "_finetuning"))]


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_a_notebook_that_trains_says_where_it_goes_on_from(path):
    cells = code_cells(path)
    assert any('\nRESUME = "auto"  # @param ["auto", "never"] {allow-input: true}' in cell for cell in cells)
    assert any("resume=RESUME" in cell and 'drive=str(drive or "")' in cell for cell in cells)
    parameters = next(cell.source for cell in series.read(path).cells if cell.source.startswith("## Parameters"))
    assert "`auto` goes on where a killed session stopped, here or on Drive" in parameters
    assert len(TRAINING) == 4


@pytest.mark.parametrize(("path", "other"), list(itertools.pairwise(NOTEBOOKS)), ids=lambda p: p.stem[:2])
def test_a_notebook_ends_with_the_next_one(path, other):
    last = series.read(path).cells[-1].source.split("\n\n")[-1]
    assert last.startswith(f"Next: **{other.stem[:2]}**")


def test_the_readme_says_the_same_of_the_setup_as_the_notebooks():
    told = series.SETUP_TEXT.read_text(encoding="utf-8").removeprefix("## Setup").strip()
    assert told in (ROOT / "README.md").read_text(encoding="utf-8")


@every_notebook
def test_code_cells_are_short_and_define_no_networks(path):
    for source in code_cells(path):
        tree = ast.parse(source)
        lines = [line for line in source.split("\n") if line.strip() and not line.lstrip().startswith("#")]
        limit = LONGEST_LOOP if "def loop_by_hand" in source else LONGEST_CELL
        assert len(lines) <= limit, f"{len(lines)} lines:\n{source}"
        bases = [ast.unparse(base) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases]
        assert not any("Module" in base for base in bases), source


# Where they say the project lives


@pytest.fixture
def copy(tmp_path) -> Path:
    """A small project: one notebook, a README, and a pyproject.toml without an address."""
    make_notebook(
        tmp_path / "notebooks", "01_flowers", f"# Flowers\n\n{SHOWN}", "## Setup", "print(1)", f"# Two {SHOWN}", "2"
    )
    (tmp_path / "README.md").write_text("# Project\n<!-- badges -->\n<!-- /badges -->\nText.\n")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    return tmp_path


def follow(folder: Path, address: str) -> dict[Path, str]:
    """Set the address as a person would, run what `make address` runs, and return what it changed."""
    text = (folder / "pyproject.toml").read_text()
    line = f'Repository = "{address}"' if address else '# Repository = ""'
    text, count = re.subn(r'^(?:# )?Repository = ".*"$', line, text, flags=re.M)
    assert count == 1, "the address stands in one place"
    (folder / "pyproject.toml").write_text(text)
    changed = series.changes("address", folder)
    for path, new in changed.items():
        path.write_text(new)
    return changed


def test_setup_cells_and_badges_follow_the_address_and_back(copy):
    notebook, readme = copy / "notebooks" / "01_flowers.ipynb", copy / "README.md"
    follow(copy, "")
    unset = notebook.read_text(), readme.read_text()
    assert "colab-badge" not in unset[0] + unset[1]
    assert 'REPOSITORY = ""' in code_cells(notebook)[0]

    assert set(follow(copy, ADDRESS)) == {notebook, readme}
    assert f'REPOSITORY = "{ADDRESS}"' in code_cells(notebook)[0]
    link = "https://colab.research.google.com/github/flowers/painted/blob/main/notebooks/01_flowers.ipynb"
    title, badge, text = series.read(notebook).cells[0].source.split("\n\n")
    raw = "https://raw.githubusercontent.com/flowers/painted/main/notebooks/images/flower.png"
    assert (title, text) == ("# Flowers", f"![A flower]({raw})")
    assert f"({raw})" in series.read(notebook).cells[3].source
    assert link in badge
    assert link in readme.read_text().split("<!-- /badges -->")[0]
    assert follow(copy, ADDRESS) == {}

    follow(copy, "")
    assert (notebook.read_text(), readme.read_text()) == unset


def test_a_tag_in_the_address_is_what_is_opened_and_installed(copy):
    follow(copy, f"{ADDRESS}/tree/v0.1.0")
    notebook = copy / "notebooks" / "01_flowers.ipynb"
    assert f'REPOSITORY = "{ADDRESS}@v0.1.0"' in code_cells(notebook)[0]
    first = series.read(notebook).cells[0].source
    assert "/painted/blob/v0.1.0/notebooks/" in first
    assert "(https://raw.githubusercontent.com/flowers/painted/v0.1.0/notebooks/images/flower.png)" in first
    assert set(follow(copy, f"{ADDRESS}/tree/v0.2.0")) == {notebook, copy / "README.md"}
    assert "v0.1.0" not in notebook.read_text(), "an older address is replaced, not wrapped"


def test_no_badge_for_a_host_that_colab_cannot_open(copy):
    follow(copy, "https://codeberg.org/flowers/painted")
    first = series.read(copy / "notebooks" / "01_flowers.ipynb").cells[0].source
    assert "colab" not in first
    assert SHOWN in first
    assert "git+{REPOSITORY}" in code_cells(copy / "notebooks" / "01_flowers.ipynb")[0]


def test_an_address_that_is_none_is_refused(copy):
    with pytest.raises(ValueError, match=r"https://HOST/OWNER/NAME.*git@github"):
        follow(copy, "git@github.com:flowers/painted.git")


def test_a_readme_without_marks_is_named(copy):
    (copy / "README.md").write_text("# Project\n")
    with pytest.raises(ValueError, match=r"README\.md needs the two marks"):
        follow(copy, ADDRESS)


def test_stripping_keeps_sources_and_drops_what_running_left(copy):
    path = copy / "notebooks" / "01_flowers.ipynb"
    notebook = series.read(path)
    clean = path.read_text()
    cell = notebook.cells[2]
    cell.outputs, cell.execution_count = [nbformat.v4.new_output("stream", text="1\n")], 7
    notebook.metadata["colab"], cell.metadata["id"] = {"provenance": []}, "x7"
    nbformat.write(notebook, path)
    assert path.read_text() != clean
    assert series.changes("strip", copy) == {path: clean}


# That they run


def test_a_checkout_above_the_notebook_is_found(tmp_path):
    (tmp_path / "notebooks").mkdir()
    shutil.copytree(ROOT / "t2i_utils", tmp_path / "t2i_utils", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    show = "import t2i_utils\nprint(t2i_utils.__file__, profile, device, drive)"
    hide = "import importlib.util as u\nfind, u.find_spec = u.find_spec, lambda name: None"  # as if not installed
    path = make_notebook(tmp_path / "notebooks", "01_x", "# X", hide, series.setup_cell(), show)
    assert run_all.run_series([path], tmp_path / "out", "smoke", 60) is None
    said = "".join(output.text for cell in code_outputs(tmp_path / "out" / "01_x.ipynb") for output in cell)
    assert f"{tmp_path / 't2i_utils' / '__init__.py'} smoke" in said
    assert "profile smoke" in said


def code_outputs(path: Path) -> list:
    return [cell.outputs for cell in series.read(path).cells if cell.cell_type == "code"]


def test_notebooks_share_a_workspace_and_this_interpreter(tmp_path):
    place = "import os, sys, pathlib\nplace = pathlib.Path(os.environ['T2I_WORKSPACE'], 'a')\n"
    write = f"{place}assert sys.executable == {sys.executable!r}\nplace.write_text(os.environ['T2I_PROFILE'])"
    read = f"{place}assert place.read_text() == 'smoke'"
    paths = [make_notebook(tmp_path, "01_a", write), make_notebook(tmp_path, "02_b", read)]
    assert run_all.run_series(paths, tmp_path / "out", "smoke", 60) is None
    assert {path.name for path in (tmp_path / "out").glob("*.ipynb")} == {"01_a.ipynb", "02_b.ipynb"}


def test_a_cell_that_fails_is_named_and_what_ran_is_kept(tmp_path, capsys):
    first = make_notebook(tmp_path, "01_a", "# A", "print('before')", "## Training", "1 / 0", "print('after')")
    second = make_notebook(tmp_path, "02_b", "print('never')")
    failure = run_all.run_series([first, second], tmp_path / "out", "smoke", 60)
    assert (failure.notebook, failure.cell, failure.heading) == ("01_a", 3, "Training")
    assert "ZeroDivisionError: division by zero" in str(failure)
    before, failed, after = code_outputs(tmp_path / "out" / "01_a.ipynb")
    assert before[0].text == "before\n"
    assert failed[0].ename == "ZeroDivisionError"
    assert after == []
    assert not (tmp_path / "out" / "02_b.ipynb").exists()
    assert "    Training" in capsys.readouterr().out


def test_the_minutes_are_those_of_the_first_run_that_ended_well(tmp_path):
    out, minutes = tmp_path / "out", tmp_path / "out" / "minutes.json"
    paths = [make_notebook(tmp_path, "01_a", "1"), make_notebook(tmp_path, "02_b", "1 / 0")]
    run_all.run_series(paths, out, "smoke", 60)
    assert list(json.loads(minutes.read_text())) == ["01_a"]
    run_all.note_minutes(minutes, "01_a", 70.126)
    make_notebook(tmp_path, "02_b", "1")
    assert run_all.run_series(paths, out, "smoke", 60) is None
    assert json.loads(minutes.read_text()) == {"01_a": 70.13}, "a second run is no measurement, nor is one that failed"


def test_a_cell_that_never_ends_and_a_kernel_that_dies_are_reported(tmp_path):
    slow = make_notebook(tmp_path, "01_slow", "import time; time.sleep(600)")
    dead = make_notebook(tmp_path, "02_dead", "import os; os._exit(1)")
    assert "timed out" in str(run_all.run_series([slow], tmp_path / "out", "smoke", 1))
    assert "Kernel died" in str(run_all.run_series([dead], tmp_path / "out", "smoke", 60))


def test_the_guard_refuses_the_network_and_lets_this_machine_through(tmp_path, no_network):
    ask = "    socket.create_connection(('192.0.2.1', 80), 1)\n"
    refused = f"import socket\ntry:\n{ask}except OSError as error:\n    print(error)"
    local = "server = socket.create_server(('127.0.0.1', 0))\nsocket.create_connection(server.getsockname()).close()"
    path = make_notebook(tmp_path, "01_x", refused, local)
    assert run_all.run_series([path], tmp_path / "out", "smoke", 60, no_network) is None
    assert "no network in tests: '192.0.2.1'" in code_outputs(tmp_path / "out" / "01_x.ipynb")[0][0].text


def test_the_page_shows_every_picture_with_its_caption_escaped(tmp_path):
    (tmp_path / "gallery" / "gan_cls").mkdir(parents=True)
    text = PngImagePlugin.PngInfo()
    text.add_text("Description", "<script>red & blue</script>")
    Image.new("RGB", (2, 2)).save(tmp_path / "gallery" / "a.png", pnginfo=text)
    Image.new("RGB", (2, 2)).save(tmp_path / "gallery" / "gan_cls" / "two_petals.png")
    assert len(run_all.write_index(tmp_path, "A & B")) == 2
    page = (tmp_path / "index.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;red &amp; blue&lt;/script&gt;" in page
    assert '<img src="gallery/gan_cls/two_petals.png" alt="two petals">' in page


def test_notebooks_are_chosen_by_the_start_of_their_names():
    assert run_all.chosen([]) == NOTEBOOKS
    with pytest.raises(ValueError, match="no notebook begins with '77'"):
        run_all.chosen(["77"])


@pytest.fixture(scope="module")
def smoke_run(tmp_path_factory, no_network) -> Path:
    """All notebooks, in order, in the smoke profile, without a network; the folder of what they left."""
    out = tmp_path_factory.mktemp("smoke")
    failure = run_all.run_series(NOTEBOOKS, out, "smoke", 180, no_network)
    assert failure is None, str(failure)
    return out


def test_all_notebooks_run_in_smoke_without_a_network(smoke_run):
    assert {path.stem for path in smoke_run.glob("[0-9]*.ipynb")} == {path.stem for path in NOTEBOOKS}
    assert run_all.write_index(smoke_run, "smoke"), "at the end there are pictures to look at"


def test_running_again_reuses_every_data_set(smoke_run, no_network):
    before = {path: path.stat().st_mtime_ns for path in smoke_run.rglob("*.h5")}
    assert before
    failure = run_all.run_series(NOTEBOOKS, smoke_run, "smoke", 180, no_network)
    assert failure is None, str(failure)
    assert {path: path.stat().st_mtime_ns for path in smoke_run.rglob("*.h5")} == before


DEATH = """
import os, signal
from t2i_utils.training.trainer import Trainer

learn = Trainer.learn
Trainer.learn = lambda self, batch: os.kill(os.getpid(), signal.SIGKILL) if self.step == 4 else learn(self, batch)
"""


def test_a_killed_notebook_that_is_run_again_from_the_top_goes_on(tmp_path, no_network):
    path = next(path for path in NOTEBOOKS if path.stem.startswith("06"))
    notebook = series.read(path)
    training = next(cell for cell in notebook.cells if "run.train(" in cell.source)
    assert "Settings(seed=SEED" in training.source
    training.source = DEATH + training.source.replace("Settings(seed=SEED", "Settings(save_minutes=1e-9, seed=SEED")
    nbformat.write(notebook, tmp_path / path.name)
    assert "Kernel died" in str(run_all.run_series([tmp_path / path.name], tmp_path / "out", "smoke", 180, no_network))
    (log,) = (tmp_path / "out").rglob("run.log")
    assert log.read_text().count("training from step 0 on") == 1
    assert run_all.run_series([path], tmp_path / "out", "smoke", 180, no_network) is None
    assert log.read_text().count("training from step 4 on") == 1
    printed = "".join(
        output.get("text", "") for outputs in code_outputs(tmp_path / "out" / path.name) for output in outputs
    )
    assert "df_gan: 6 steps" in printed


def flowers_of_ones_own(folder: Path) -> Path:
    """Forty-eight drawn flowers as a person's own folder, with classes, splits and two captions each."""
    folder.mkdir()
    rng, lines = np.random.default_rng(0), []
    for number in range(48):
        colour, split = number % 6, ("train", "train", "train", "train", "val", "test")[number // 8]
        told = {"petal_color": colour, "background": number % 3}
        name = f"{number:02d}.png"
        render(draw_flower(rng, told), 64).save(folder / name)
        said = [f"flower {colour} of the garden", f"a picture of kind {colour}, place {number % 3}"]
        lines.append({"file": name, "captions": said, "class": f"kind {colour}", "split": split})
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def ten_pictures(folder: Path) -> Path:
    """Ten drawn flowers as a person's own folder: two captions each, no classes, no splits."""
    folder.mkdir()
    rng, lines = np.random.default_rng(0), []
    for number in range(10):
        render(draw_flower(rng, {"petal_color": number % 6}), 64).save(folder / f"{number}.png")
        lines.append({"file": f"{number}.png", "captions": [f"flower {number} of the garden", "a flower"]})
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def test_ten_pictures_of_ones_own_run_through_what_needs_no_scores(tmp_path, no_network):
    """Every notebook that reads a data set but 09, which says how many pictures its scores need."""
    garden, changed = ten_pictures(tmp_path / "garden"), []
    for path in NOTEBOOKS:
        notebook = series.read(path)
        fields = [cell for cell in notebook.cells if "ROOT = " in cell.source]
        if fields and not path.stem.startswith("09"):
            fields[0].source = fields[0].source.replace('"synthetic_flowers"  #', '"folder"  #')
            fields[0].source = fields[0].source.replace('ROOT = ""', f'ROOT = "{garden}"')
            nbformat.write(notebook, tmp_path / path.name)
            changed.append(tmp_path / path.name)
    assert len(changed) == 5
    failure = run_all.run_series(changed, tmp_path / "out", "smoke", 180, no_network)
    assert failure is None, str(failure)
    assert (tmp_path / "out" / "folder_32.h5").is_file()


def test_the_full_profile_opens_fine_tunes_and_exports_a_published_folder(tmp_path, no_network):
    """As with OpenAI's weights, but from a folder that our own export wrote: the code that opens it is the real one."""
    vision = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16}
    new_clip(tiny_config(32) | {"vision_cfg": vision}, "published").save(tmp_path / "published")
    path = next(path for path in NOTEBOOKS if path.stem.startswith("02"))
    notebook = series.read(path)
    chosen = {
        'DATASET = "synthetic_flowers"': 'DATASET = "folder"',
        'ROOT = ""': f'ROOT = "{flowers_of_ones_own(tmp_path / "garden")}"',
        'ENCODER = "auto"': f'ENCODER = "local-dir:{tmp_path / "published"}"',
        "EPOCHS = 0": "EPOCHS = 2",
        "CHUNK = 0": "CHUNK = 8",
    }
    fields = next(cell for cell in notebook.cells if "ENCODER = " in cell.source)
    for usual, wanted in chosen.items():
        assert usual in fields.source
        fields.source = fields.source.replace(usual, wanted)
    nbformat.write(notebook, tmp_path / path.name)
    failure = run_all.run_series([tmp_path / path.name], tmp_path / "out", "full", 180, no_network)
    assert failure is None, str(failure)
    printed = "".join(
        output.get("text", "") for outputs in code_outputs(tmp_path / "out" / path.name) for output in outputs
    )
    assert "epoch 2" in printed
    assert "cannot judge these pictures" in printed
    (data,) = (tmp_path / "out").rglob("*.h5")
    names = [name for name, *_ in verify(data).encoders]
    assert names == [f"local-dir:{tmp_path / 'published'}", "tuned"]
    (exported,) = (tmp_path / "out").rglob("*_tuned_*/encoder")
    assert open_clip.create_model(f"local-dir:{exported}").visual.image_size == (32, 32)

"""Records of published painters: true of what lies in the package, and enough to bring what lies elsewhere."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from misbehaving import sends, serving
from safetensors import safe_open

from t2i_utils import colab, published
from t2i_utils.data.remote import DriveFile
from t2i_utils.gallery import open_painter
from t2i_utils.published import CARD, PUBLISHED, WEIGHTS, table
from t2i_utils.recipes import SYSTEMS
from t2i_utils.runs import Settings

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

PAGE = Path(__file__).parents[1] / "checkpoints.md"
FLOWERS = PUBLISHED["flowers"]
INSIDE = [name for name, record in PUBLISHED.items() if record.where == "in this package"]
CAPTIONS = ["a red flower", "six pointed blue petals"]
ON_THE_CARD = {
    "petal colour": "petal_color",
    "petal shape": "petal_shape",
    "petal count": "petal_count",
    "centre colour": "center_color",
    "background": "background",
    "diversity": "diversity (1 = real renderings)",
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A workspace of its own."""
    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def web(monkeypatch):
    yield from serving(monkeypatch)


@pytest.fixture
def drive(tmp_path, monkeypatch):
    """A mounted Drive."""
    monkeypatch.setattr(colab, "CONTENT", tmp_path / "content")
    monkeypatch.setattr(colab, "where", lambda: "colab")
    folder = tmp_path / "content" / "drive" / "MyDrive" / "t2i"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def remote(web, monkeypatch):
    """The flowers' record under another name, whose files lie on a server."""
    files = tuple(
        replace(file, mirrors=(web.serve(f"/{file.name}", sends((WEIGHTS / "flowers" / file.name).read_bytes())),))
        for file in FLOWERS.files
    )
    record = replace(FLOWERS, name="far", files=files)
    monkeypatch.setitem(PUBLISHED, "far", record)
    return record


def test_the_page_shows_the_records():
    shown = re.search(r"<!-- painters -->\n(.*)\n<!-- /painters -->", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
    assert shown == table(), "write what `python -m t2i_utils painters` prints between the marks in checkpoints.md"


def test_what_lies_in_the_package_is_what_its_record_says():
    assert sorted(INSIDE) == sorted(folder.name for folder in WEIGHTS.iterdir() if folder.is_dir())
    for name in INSIDE:
        assert PUBLISHED[name].wrong(WEIGHTS / name) == ""
        with safe_open(WEIGHTS / name / published.GENERATOR, "pt") as file:
            assert file.metadata()["system"] == PUBLISHED[name].system
        assert {file.name for file in PUBLISHED[name].files} == {path.name for path in (WEIGHTS / name).iterdir()}


@pytest.mark.parametrize("name", INSIDE)
def test_scores_are_those_on_the_card(name):
    card = (WEIGHTS / name / CARD).read_text(encoding="utf-8")
    assert {"petal colour", "background", "diversity"} <= PUBLISHED[name].scores.keys() <= ON_THE_CARD.keys()
    for metric, score in PUBLISHED[name].scores.items():
        assert re.search(rf"^{re.escape(ON_THE_CARD[metric])} +{score} ", card, re.MULTILINE)


@pytest.mark.parametrize("name", INSIDE)
def test_the_page_tells_how_each_was_made_as_its_card_does(name):
    """Commands, hours and hardware of what comes with the package; "anyone" may run them again."""
    page, card = PAGE.read_text(encoding="utf-8"), (WEIGHTS / name / CARD).read_text(encoding="utf-8")
    (command,) = re.findall(r"^python -m t2i_utils train .*(?:\\\n.*)*", card, re.MULTILINE)
    assert command in page
    for told in ("AMD EPYC", "hours)", "seed 0", f"{PUBLISHED[name].system} at step "):
        assert told in card


def test_what_is_not_trained_has_no_numbers_and_says_so():
    for record in PUBLISHED.values():
        assert record.system in SYSTEMS
        if not record.files:
            assert not record.scores
            assert record.row().count("not trained yet") == 2
            assert not re.search(r"\d\.\d", record.row())
            with pytest.raises(ValueError, match=f"{record.name} is not trained yet; train {record.system} on"):
                open_painter(record.name)


def test_a_file_on_drive_is_shown_by_its_page():
    record = replace(FLOWERS, files=(replace(FLOWERS.files[0], mirrors=(DriveFile("abc"),)),))
    assert record.where == "https://drive.google.com/file/d/abc/view"


def test_what_lies_elsewhere_is_downloaded_once_and_paints_the_same(remote, web, tmp_path):
    expected = open_painter("flowers").paint(CAPTIONS)
    for _ in range(2):
        assert torch.equal(open_painter("far").paint(CAPTIONS), expected)
    assert len(web.asked) == 3
    assert remote.wrong(tmp_path / "workspace" / "painters" / "far") == ""


def test_a_damaged_download_is_replaced(remote, web, tmp_path):
    open_painter("far")
    generator = tmp_path / "workspace" / "painters" / "far" / published.GENERATOR
    generator.write_bytes(generator.read_bytes()[:-1] + b"?")
    open_painter("far")
    assert remote.wrong(generator.parent) == ""
    assert len(web.asked) == 4


def test_other_bytes_than_the_published_ones_are_refused(remote, web, tmp_path):
    data = (WEIGHTS / "flowers" / published.GENERATOR).read_bytes()
    web.serve(f"/{published.GENERATOR}", sends(data[:-1] + b"?"))
    with pytest.raises(OSError, match=r"its sha256 is .* not the published ae9da806"):
        open_painter("far")
    assert not (tmp_path / "workspace" / "painters" / "far" / published.GENERATOR).exists()


def test_a_packed_painter_on_drive_is_copied_and_checked(remote, web, drive):
    shutil.copytree(WEIGHTS / "flowers", drive / "far")
    painter = open_painter("far")
    assert torch.equal(painter.paint(CAPTIONS), open_painter("flowers").paint(CAPTIONS))
    assert web.asked == []
    cut = drive / "far" / published.TEXT
    cut.write_bytes(cut.read_bytes()[:-1])
    open_painter("far")  # Drive's copy is not the published one any more: downloaded
    assert len(web.asked) == 3


def test_a_mount_that_died_holds_nothing(remote, web, drive, monkeypatch):
    shutil.copytree(WEIGHTS / "flowers", drive / "far")
    stat = Path.stat

    def dead(path, **how):
        if drive in path.parents and path.parent.name == "far":
            raise OSError(107, "Transport endpoint is not connected")
        return stat(path, **how)

    monkeypatch.setattr(Path, "stat", dead)
    open_painter("far")
    assert len(web.asked) == 3


def altered(folder):
    """A copy of a painter, one bit of its weights another."""
    shutil.copytree(WEIGHTS / "flowers", folder)
    path = folder / published.GENERATOR
    data = path.read_bytes()
    path.write_bytes(data[:-31] + bytes([data[-31] ^ 1]) + data[-30:])
    return folder


def test_an_altered_copy_in_the_workspace_is_not_taken_for_the_published_painter(remote, web, tmp_path):
    altered(tmp_path / "workspace" / "far")
    assert torch.equal(open_painter("far").paint(CAPTIONS), open_painter("flowers").paint(CAPTIONS))
    assert len(web.asked) == 3


def test_a_folder_here_that_has_a_published_name_and_other_bytes_is_refused_by_that_name(remote, tmp_path):
    altered(tmp_path / "far")
    with pytest.raises(ValueError, match=r"far is the name of a published painter.*sha256.*name the folder as \./far"):
        open_painter("far")
    assert open_painter("./far").name == "far (gan_cls)"


def test_an_altered_file_of_the_package_is_noticed(tmp_path, monkeypatch):
    altered(tmp_path / "package" / "flowers")
    monkeypatch.setattr("t2i_utils.gallery.WEIGHTS", tmp_path / "package")
    with pytest.raises(ValueError, match=r"is not as it was published .*install the package again"):
        open_painter("flowers")


@pytest.mark.parametrize("by", ["name", "path"])
def test_a_run_on_drive_paints_on_a_machine_that_has_nothing_else(by, open_small_run, drive, tmp_path):
    settings = Settings(drive=str(drive), drive_minutes=1e-9)
    run = open_small_run(tmp_path / "first machine" / "mine", settings=settings)
    run.train(steps=2, progress=False)
    expected = run.painter().paint(CAPTIONS)
    run.train(steps=3, progress=False)
    shutil.rmtree(tmp_path / "first machine")
    newest = next((drive / "mine" / "checkpoints").glob("step_00000003-*.pt"))
    newest.write_bytes(newest.read_bytes()[:-1])
    painter = open_painter("mine" if by == "name" else drive / "mine")
    assert painter.name == "gan_cls at step 2"
    assert torch.equal(painter.paint(CAPTIONS), expected)
    assert sorted(path.name for path in (tmp_path / "workspace" / "from_drive").iterdir()) == ["mine"]

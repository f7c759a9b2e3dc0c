"""A run that is packed opens with torch alone and paints what the run painted; its card says where it comes from."""

import json
import shutil
import subprocess
import sys
from functools import partial

import pytest
import torch
from lying_headers import with_header
from safetensors import safe_open

from t2i_utils import __version__, gallery
from t2i_utils import publish as module
from t2i_utils.data.split import read_contents
from t2i_utils.gallery import open_painter
from t2i_utils.playground.studio import published_names
from t2i_utils.publish import publish
from t2i_utils.published import CARD, GENERATOR, TEXT
from t2i_utils.runs import open_run
from t2i_utils.text import encoders
from t2i_utils.text.embedding import embed
from t2i_utils.training import checkpoints

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {"base_channels": 8, "discriminator_channels": 8, "batch_size": 8}
CAPTIONS = ["a red flower", "six pointed blue petals in front of soil"]
LIGHT = """
import sys
from t2i_utils.gallery import open_painter
print(open_painter(sys.argv[1]).paint(["a red flower"]).shape)
print([name for name in ("open_clip", "torchvision", "torch._dynamo", "h5py") if name in sys.modules])
"""


@pytest.fixture(scope="module", autouse=True)
def quickly():
    """A row for unknown words is learnt in 20 steps, not 400: what it is worth, `test_packed` looks at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "pack", partial(module.pack, steps=20))
        yield


@pytest.fixture(scope="module")
def packed(trained_run, embedded_file, reader, tmp_path_factory):
    """The trained run, packed; read by the session's own small reader."""
    folder = tmp_path_factory.mktemp("packed") / "three_steps"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ready_reader", lambda size, folder: reader)
        report = publish(trained_run, embedded_file, folder, "3 steps of nothing at all")
    assert str(report) in (folder / CARD).read_text()
    return folder


def test_it_paints_what_the_run_painted(packed, trained_run):
    ours, run = open_painter(packed), open_painter(trained_run)
    assert (ours.paint(CAPTIONS, 3).float() - run.paint(CAPTIONS, 3).float()).abs().mean() < 2
    assert ours.ignored(["a red Zebra"]) == ["zebra"]
    assert run.ignored(["a red zebra"]) == [], "CLIP's own tokens know every word"


def test_what_it_was_trained_on_is_told_by_whatever_it_is_now(packed, trained_run, open_small_run, grey_file, tmp_path):
    assert {open_painter(name).dataset for name in published_names()} == {"synthetic_flowers"}
    assert open_painter(trained_run).dataset == open_painter(packed).dataset == "synthetic_flowers"
    assert open_small_run(trained_run).painter().dataset == "synthetic_flowers"
    other = open_small_run(tmp_path / "grey", "wgan_gp", grey_file)
    other.train(steps=1, progress=False)
    assert open_painter(tmp_path / "grey").dataset == read_contents(grey_file, "all").dataset != "synthetic_flowers"


def test_it_holds_three_small_files_of_which_none_runs_code(packed):
    assert {path.name for path in packed.iterdir()} == {GENERATOR, TEXT, CARD}
    # both begin with the length of a JSON header: safetensors
    assert all((packed / name).read_bytes()[8:9] == b"{" for name in (GENERATOR, TEXT))


def test_its_header_says_what_it_was_made_of_and_how_good_it_is(packed, trained_run):
    with safe_open(packed / GENERATOR, "pt") as file:
        told = file.metadata()
    run = checkpoints.newest(trained_run / "checkpoints")
    assert json.loads(told["arguments"]) == run.facts["run"]["arguments"]
    for name in ("system", "dataset", "data", "encoder", "split"):
        assert told[name] == run.facts["run"][name]
    assert (told["step"], told["seed"]) == ("3", "0")
    for when in ("trained_with", "packed_with"):
        assert told[when] == f"t2i_utils {__version__}, torch {torch.__version__}"
    metrics = json.loads(told["metrics"])
    assert "held-out classes" in metrics["protocol"]
    mean, low, high = metrics["petal_color"]
    assert f"{mean:.3f} [{low:.3f}, {high:.3f}]" in (packed / CARD).read_text()


def test_the_card_says_how_it_was_made_and_which_words_it_knows(packed):
    card = (packed / CARD).read_text()
    for told in (
        "gan_cls at step 3",
        "3 steps of nothing at all",
        "base_channels=8",
        "seed 0",
        "petal_color",
        "tangerine",
    ):
        assert told in card


def test_opening_needs_neither_open_clip_nor_torchvision(packed):
    result = subprocess.run([sys.executable, "-c", LIGHT, packed], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "torch.Size([1, 3, 32, 32])\n[]"


@pytest.mark.parametrize("name", [GENERATOR, TEXT])
def test_half_a_file_is_refused_by_name(packed, tmp_path, name):
    folder = shutil.copytree(packed, tmp_path / "copy")
    (folder / name).write_bytes((folder / name).read_bytes()[:-40])
    with pytest.raises(ValueError, match=rf"{name} .*copy"):
        open_painter(folder)


@pytest.fixture(scope="module")
def sharing(packed, embedded_file, reader, tmp_path_factory):
    """A folder of published painters, `flowers` and a second one that was trained on its text tower and packed."""
    home = tmp_path_factory.mktemp("sharing")
    shutil.copytree(packed, home / "weights" / "flowers")
    with pytest.MonkeyPatch.context() as patch:
        for where in (encoders, gallery):
            patch.setattr(where, "WEIGHTS", home / "weights")
        patch.setattr(module, "ready_reader", lambda size, folder: reader)
        data = shutil.copy(embedded_file, home / "data.h5")
        embed(data, encoders.open_encoder("flowers"))
        open_run("gan_cls", data, "flowers", home / "run", SMALL).train(steps=2, progress=False)
        publish(home / "run", data, home / "weights" / "second", "2 steps")
        yield home


def test_a_painter_trained_on_a_published_text_tower_shares_it(sharing, packed):
    second = sharing / "weights" / "second"
    assert {path.name for path in second.iterdir()} == {GENERATOR, CARD}
    assert "the text tower of `flowers`, on whose vectors" in (second / CARD).read_text()
    painter, run = open_painter(second), open_painter(sharing / "run")
    assert (painter.paint(CAPTIONS).float() - run.paint(CAPTIONS).float()).abs().mean() < 2
    towers = [open_painter(folder).encoder for folder in (packed, second)]
    assert towers[0].fingerprint == towers[1].fingerprint
    assert towers[0].ancestors == towers[1].ancestors, "a CLIP that it was packed from may judge neither"
    assert towers[0].ancestors


def test_a_shared_text_tower_that_has_changed_is_refused(sharing, tmp_path, monkeypatch):
    second = shutil.copytree(sharing / "weights" / "second", tmp_path / "second")
    path = second / GENERATOR
    path.write_bytes(with_header(path.read_bytes(), lambda header: header["__metadata__"].update(encoder="0" * 64)))
    with pytest.raises(ValueError, match="the one that comes with this version reads otherwise"):
        open_painter(second)


def test_a_header_cannot_point_at_another_folders_text_tower(sharing, tmp_path):
    second = shutil.copytree(sharing / "weights" / "second", tmp_path / "second")
    path = second / GENERATOR
    path.write_bytes(with_header(path.read_bytes(), lambda header: header["__metadata__"].update(text_of="../flowers")))
    with pytest.raises(ValueError, match=r"wants the text tower of '\.\./flowers'; here are flowers"):
        open_painter(second)


def test_a_run_on_a_packed_folders_tower_takes_it_along(packed, embedded_file, reader, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ready_reader", lambda size, folder: reader)
    data = shutil.copy(embedded_file, tmp_path / "data.h5")
    embed(data, encoders.open_encoder(str(packed)))
    open_run("gan_cls", data, str(packed), tmp_path / "run", SMALL).train(steps=2, progress=False)
    publish(tmp_path / "run", data, tmp_path / "third", "2 steps")
    assert (tmp_path / "third" / TEXT).is_file()
    assert open_painter(tmp_path / "third").encoder.fingerprint == open_painter(packed).encoder.fingerprint


def larger_than_it_is(header):
    first = next(name for name in header if name != "__metadata__")
    header[first]["shape"] = [10**9, 10**9]


def beyond_the_end(header):
    first = next(name for name in header if name != "__metadata__")
    header[first]["data_offsets"][1] += 10**12


def another_system(header):
    header["__metadata__"]["system"] = "wgan"


def no_system(header):
    header["__metadata__"]["system"] = "__import__('os').mkdir('code')"


def huge_arguments(header):
    header["__metadata__"]["arguments"] = "[" * 5000


@pytest.mark.parametrize("lie", [larger_than_it_is, beyond_the_end, another_system, no_system, huge_arguments])
def test_a_header_that_lies_is_refused(packed, tmp_path, lie):
    folder = shutil.copytree(packed, tmp_path / "packed")
    path = folder / "generator.safetensors"
    path.write_bytes(with_header(path.read_bytes(), lie))
    with pytest.raises(ValueError, match=r"generator\.safetensors holds no weights that this version opens"):
        open_painter(folder)


@pytest.mark.parametrize("length", [0, 7, 2**63, 2**64 - 1])
def test_a_header_of_an_impossible_length_is_refused(packed, tmp_path, length):
    folder = shutil.copytree(packed, tmp_path / "packed")
    path = folder / "generator.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(ValueError, match="holds no weights that this version opens"):
        open_painter(folder)


def test_pictures_that_float16_spoils_are_not_published(trained_run, embedded_file, tmp_path, monkeypatch):
    half = module._half
    monkeypatch.setattr(module, "_half", lambda tensor: torch.zeros_like(half(tensor)))
    with pytest.raises(ValueError, match="grey levels on average; these weights do not survive float16"):
        publish(trained_run, embedded_file, tmp_path / "spoilt", "")
    assert list(tmp_path.iterdir()) == [], "nothing half packed is left"
    monkeypatch.setattr(module, "_half", lambda tensor: half(tensor * 10**6))
    with pytest.raises(ValueError, match=r"is beyond 65,504; these weights do not survive float16"):
        publish(trained_run, embedded_file, tmp_path / "spoilt", "")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_not_replaced(trained_run, embedded_file, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(ValueError, match="holds no packed painter; name a new folder"):
        publish(trained_run, embedded_file, tmp_path / "mine", "")

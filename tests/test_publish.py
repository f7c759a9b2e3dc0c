"""A run that is packed opens with torch alone and paints what the run painted; its card says where it comes from."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors import safe_open

from t2i_utils import __version__
from t2i_utils import publish as module
from t2i_utils.gallery import open_painter
from t2i_utils.publish import publish
from t2i_utils.published import CARD, GENERATOR, TEXT
from t2i_utils.training import checkpoints

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

CAPTIONS = ["a red flower", "six pointed blue petals in front of soil"]
LIGHT = """
import sys
from t2i_utils.gallery import open_painter
print(open_painter(sys.argv[1]).paint(["a red flower"]).shape)
print([name for name in ("open_clip", "torchvision", "torch._dynamo") if name in sys.modules])
"""


@pytest.fixture(scope="module")
def packed(trained_run, embedded_file, reader, tmp_path_factory):
    """The trained run, packed; read by the session's own small reader."""
    folder = tmp_path_factory.mktemp("packed") / "three_steps"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "train_reader", lambda size: reader)
        report = publish(trained_run, embedded_file, folder, "3 steps of nothing at all")
    assert str(report) in (folder / CARD).read_text()
    return folder


def test_it_paints_what_the_run_painted(packed, trained_run):
    ours, run = open_painter(packed), open_painter(trained_run)
    assert (ours.paint(CAPTIONS, 3).float() - run.paint(CAPTIONS, 3).float()).abs().mean() < 2
    assert ours.ignored(["a red Zebra"]) == ["zebra"]
    assert run.ignored(["a red zebra"]) == [], "CLIP's own tokens know every word"


def test_it_holds_three_small_files_of_which_none_runs_code(packed):
    assert {path.name for path in packed.iterdir()} == {GENERATOR, TEXT, CARD}
    # both begin with the length of a JSON header: safetensors
    assert all((packed / name).read_bytes()[8:9] == b"{" for name in (GENERATOR, TEXT))


def test_its_header_says_what_it_was_made_of_and_how_good_it_is(packed, trained_run):
    with safe_open(packed / GENERATOR, "pt") as file:
        told = file.metadata()
    run = checkpoints.newest(trained_run / "checkpoints")
    assert json.loads(told["arguments"]) == run.facts["run"]["arguments"]
    for name in ("system", "data", "encoder", "split"):
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


def with_header(data, change):
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    change(header)
    told = json.dumps(header).encode()
    return len(told).to_bytes(8, "little") + told + data[8 + length :]


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
    monkeypatch.setattr(module, "_half", lambda tensor: torch.zeros(tensor.shape))
    with pytest.raises(ValueError, match="grey levels on average; these weights do not survive float16"):
        publish(trained_run, embedded_file, tmp_path / "spoilt", "")
    assert list(tmp_path.iterdir()) == [], "nothing half packed is left"


def test_a_folder_of_something_else_is_not_replaced(trained_run, embedded_file, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(ValueError, match="holds no packed painter; name a new folder"):
        publish(trained_run, embedded_file, tmp_path / "mine", "")

"""The readers that come with the package: what they read, how small they are, and what does not open."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from t2i_utils.data.synthetic import ATTRIBUTES, draw_flower, render
from t2i_utils.metrics import packed_reader
from t2i_utils.metrics.packed_reader import WEIGHTS, open_reader, pack_reader, write_reader

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")
SIZES = (32, 64)


def renderings(count, size, seed=3):
    """uint8 [count, 3, size, size] and what they show."""
    rng = np.random.default_rng(seed)
    flowers = [draw_flower(rng) for _ in range(count)]
    images = torch.from_numpy(np.stack([np.asarray(render(flower, size)) for flower in flowers])).permute(0, 3, 1, 2)
    return images, {name: torch.tensor([flower.attributes[name] for flower in flowers]) for name in ATTRIBUTES}


def right(reader, images, truth):
    return {name: (answers == truth[name]).double().mean().item() for name, answers in reader.read(images).items()}


@pytest.mark.parametrize("size", SIZES)
def test_those_in_the_package_read_flowers_as_they_are_drawn_today(size):
    """Who changes how flowers are drawn has to pack new readers: see the head of the module."""
    told = right(open_reader(size), *renderings(200, size))
    sure = {"petal_color": 0.97, "petal_shape": 0.85, "petal_count": 0.55, "center_color": 0.96, "background": 0.97}
    assert all(told[name] >= least for name, least in sure.items()), told


@pytest.mark.parametrize("size", SIZES)
def test_they_are_small_and_say_how_they_were_made(size):
    path = WEIGHTS / f"reader_{size}.safetensors"
    assert path.stat().st_size < 500_000
    with safe_open(path, "pt") as file:
        told = json.loads(file.metadata()["reader"])
        kinds = {file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118
    assert kinds == {torch.float16, torch.int64}
    assert told["size"] == size
    assert told["how"] == f"train_reader({size}), its defaults"
    assert told.keys() >= {"flowers", "torch", "sha256"}


def test_float16_changes_less_than_one_answer_of_a_hundred(reader, tmp_path):
    packed = write_reader(reader, 32, tmp_path / "reader_32.safetensors", "40 steps")
    images, _ = renderings(300, 32)
    before, after = reader.read(images), packed.read(images)
    changed = torch.stack([before[name] != after[name] for name in ATTRIBUTES]).double().mean().item()
    assert changed < 0.01
    assert not packed.training
    assert next(packed.parameters()).dtype == torch.float32
    assert max(len(answers.unique()) for answers in after.values()) > 2  # it does not say the same of all


def test_packing_is_training_and_writing(reader, tmp_path, monkeypatch):
    asked = []

    def quick(size):
        asked.append(size)
        return reader

    monkeypatch.setattr(packed_reader, "train_reader", quick)
    one, two = tmp_path / "new" / "reader_32.safetensors", tmp_path / "reader_32.safetensors"
    packed = pack_reader(32, one)
    pack_reader(32, two)
    assert asked == [32, 32]
    assert one.read_bytes() == two.read_bytes()  # so that a sum of the file can be published
    assert packed.size == 32
    images, _ = renderings(20, 32)
    assert torch.equal(open_reader(32, one.parent).features(images), packed.features(images))


def test_the_command_writes_what_opens_and_prints_its_sum(reader, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(packed_reader, "train_reader", lambda size: reader)
    packed_reader.main(["--size", "32", "--out", str(tmp_path / "reader_32.safetensors")])
    assert "reader_32.safetensors: 28" in capsys.readouterr().out
    open_reader(32, tmp_path)


def test_the_command_refuses_a_size_at_which_nothing_is_drawn(tmp_path, capsys):
    with pytest.raises(SystemExit):
        packed_reader.main(["--size", "8", "--out", str(tmp_path / "reader_8.safetensors")])
    said = capsys.readouterr().err
    assert "flowers are drawn at 32 to 304 pixels, not 8" in said
    assert not (tmp_path / "reader_8.safetensors").exists()


def test_a_size_without_a_reader_is_refused_with_the_command_that_makes_one():
    with pytest.raises(ValueError, match="no packed reader reads pictures of 48 pixels") as refused:
        open_reader(48)
    assert "there: reader_32.safetensors, reader_64.safetensors" in str(refused.value)
    assert "python -m t2i_utils.metrics.packed_reader --size 48 --out FOLDER/reader_48.safetensors" in str(
        refused.value
    )


def test_a_reader_of_another_size_is_refused_by_name(tmp_path):
    path = tmp_path / "reader_64.safetensors"
    path.write_bytes((WEIGHTS / "reader_32.safetensors").read_bytes())
    with pytest.raises(ValueError, match=r"reader_64.safetensors holds a reader of 32 pixels, and 64 were asked for"):
        open_reader(64, tmp_path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-100], "does not open as a packed reader"),
        (lambda data: b"", "does not open as a packed reader"),
        (lambda data: b"<html>" + data, "does not open as a packed reader"),
        (lambda data: data[:-5000] + bytes([data[-5000] ^ 1]) + data[-4999:], "is damaged: its weights are not those"),
    ],
)
def test_a_damaged_file_is_refused_by_name(damage, message, tmp_path):
    path = tmp_path / "reader_32.safetensors"
    path.write_bytes(damage((WEIGHTS / path.name).read_bytes()))
    with pytest.raises(ValueError, match=rf"reader_32.safetensors {message}.*copy it again or make it: python -m"):
        open_reader(32, tmp_path)


@pytest.mark.parametrize("metadata", [None, {"reader": "no JSON"}, {"reader": "[1]"}, {"reader": '{"size": 32}'}])
def test_weights_of_something_else_are_refused(metadata, tmp_path):
    save_file({"a": torch.zeros(3)}, tmp_path / "reader_32.safetensors", metadata)
    with pytest.raises(ValueError, match="does not open as a packed reader"):
        open_reader(32, tmp_path)


def test_another_network_is_refused(tmp_path):
    small = torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match="holds another network than this version's reader"):
        write_reader(small, 32, tmp_path / "reader_32.safetensors", "by hand")


def test_opening_draws_nobodys_randomness():
    before = torch.get_rng_state()
    open_reader(32)
    assert torch.equal(torch.get_rng_state(), before)

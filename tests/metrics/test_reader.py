"""The reader: what it says of real renderings, and that looking changes nothing."""

import pytest
import torch

from t2i_utils.data.split import read_split
from t2i_utils.data.synthetic import ATTRIBUTES
from t2i_utils.metrics.reader import Reader, jitter, reading_accuracy, ready_reader, train_reader, unit

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


def state(module):
    return torch.cat([tensor.flatten().double() for tensor in module.state_dict().values()])


def test_two_seconds_of_training_reads_colours_and_backgrounds(reader, plain_file):
    pictures = read_split(plain_file, "all")
    accuracy = reading_accuracy(reader, pictures)
    assert set(accuracy) == set(ATTRIBUTES)
    assert accuracy["petal_color"].mean > 0.9
    assert accuracy["background"].mean > 0.9
    for interval in accuracy.values():
        assert interval.count == len(pictures) == 120
        assert interval.low <= interval.mean <= interval.high


def test_accuracy_is_the_share_of_right_answers(reader, plain_file):
    pictures = read_split(plain_file, "test")
    read = reader.read(pictures.images)["petal_color"]
    right = (read == pictures.attributes["petal_color"]).double().mean().item()
    assert reading_accuracy(reader, pictures)["petal_color"].mean == pytest.approx(right)


def test_it_answers_with_an_index_of_the_attributes_values(reader, plain_file):
    images = read_split(plain_file, "test").images
    read = reader.read(images)
    for name, values in ATTRIBUTES.items():
        assert read[name].shape == (len(images),)
        assert read[name].dtype == torch.int64
        assert 0 <= read[name].min() <= read[name].max() < len(values)
    assert reader.features(images).shape == (len(images), reader.feature_dim)


def test_an_answer_does_not_depend_on_who_stands_beside_it(reader, plain_file):
    images = read_split(plain_file, "test").images
    before = state(reader)
    one_by_one, together = reader.read(images, batch_size=1), reader.read(images)
    for name in ATTRIBUTES:
        assert torch.equal(one_by_one[name], together[name])
    torch.testing.assert_close(reader.features(images, batch_size=3), reader.features(images), atol=1e-4, rtol=1e-4)
    reader.train()
    assert torch.equal(reader.read(images)["background"], together["background"])
    assert torch.equal(state(reader), before)


def test_a_ready_reader_is_trained_once_and_again_only_where_it_would_be_another(tmp_path, monkeypatch):
    how = {"steps": 2, "batch_size": 4, "pictures": 8}
    first, path = ready_reader(32, tmp_path, **how), tmp_path / "reader_32.safetensors"
    written = path.stat().st_mtime_ns
    again = ready_reader(32, tmp_path, **how)
    images = torch.randint(256, (5, 3, 32, 32), dtype=torch.uint8)
    assert torch.equal(first.features(images), again.features(images))
    assert path.stat().st_mtime_ns == written
    assert not torch.equal(state(ready_reader(32, tmp_path, **how, seed=1)), state(first))
    path.write_bytes(path.read_bytes()[:-100])
    assert torch.equal(state(ready_reader(32, tmp_path, **how)), state(first))
    monkeypatch.setattr("t2i_utils.metrics.reader.drawn_like", lambda: "petals with teeth")
    written = path.stat().st_mtime_ns
    ready_reader(32, tmp_path, **how)
    assert path.stat().st_mtime_ns > written


def test_the_same_seed_trains_the_same_reader_and_nobody_elses_randomness_is_drawn():
    before = torch.get_rng_state()
    first, again, other = (train_reader(32, steps=2, batch_size=4, pictures=8, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(state(first), state(again))
    assert not torch.equal(state(first), state(other))
    assert not first.training
    assert torch.equal(torch.get_rng_state(), before)


def test_it_reads_whatever_attributes_it_is_given():
    reader = Reader({"size": ("small", "large"), "mood": ("calm", "wild", "odd")}, channels=1, width=4)
    features, logits = reader(torch.zeros(2, 1, 32, 32))
    assert features.shape == (2, reader.feature_dim)
    assert {name: part.shape for name, part in logits.items()} == {"size": (2, 2), "mood": (2, 3)}


def test_bytes_become_minus_one_to_one():
    bytes_ = torch.tensor([0, 51, 255], dtype=torch.uint8)[:, None, None, None]
    torch.testing.assert_close(unit(bytes_).flatten(), torch.tensor([-1.0, -0.6, 1.0]))


def test_a_shift_moves_the_picture_by_an_eighth_at_most_and_mirrors_it_half_the_time():
    ramp = torch.arange(32.0).expand(2, 3, 32, 32)  # tells its own column
    mirrored = 0
    for seed in range(60):
        moved = jitter(ramp, torch.Generator().manual_seed(seed))
        assert moved.shape == ramp.shape
        row = moved[0, 0, 0]
        mirrored += int(row[0] > row[-1])
        row = row.flip(0) if row[0] > row[-1] else row
        shift = row[16] - 16
        assert abs(shift) <= 4
        assert torch.equal(row, (torch.arange(32.0) + shift).clamp(0, 31))  # the edge is repeated
    assert 15 < mirrored < 45

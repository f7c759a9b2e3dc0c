"""Encoders by name, and every caption's vector in the file once."""

import shutil

import pytest
import torch

from t2i_utils.data.hdf5 import fingerprint, read_captions, read_embeddings
from t2i_utils.data.split import read_contents
from t2i_utils.data.verify import verify
from t2i_utils.drive.folder import DriveFolder
from t2i_utils.interfaces import Text
from t2i_utils.text import embedding, from_scratch
from t2i_utils.text.clip import new_clip
from t2i_utils.text.embedding import embed, ready_vectors
from t2i_utils.text.encoders import open_encoder
from t2i_utils.text.from_scratch import train_tiny_clip, trained_folder

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def data(plain_file, tmp_path):
    """A file of one's own, without vectors."""
    return shutil.copyfile(plain_file, tmp_path / "flowers.h5")


class Counting:
    """An encoder that keeps what it was asked for."""

    name, fingerprint, text_dim = "counting", "0123456789", 3

    def __init__(self):
        self.asked = []

    def encode(self, captions):
        start = len(self.asked)
        self.asked += captions
        return Text(torch.arange(start, len(self.asked))[:, None] * torch.ones(3))


def test_every_sentence_is_encoded_once_and_stands_where_the_file_has_it(data):
    encoder, captions = Counting(), read_captions(data)
    assert embed(data, encoder) == encoder.fingerprint
    assert sorted(encoder.asked) == sorted(set(captions))
    assert 1024 < len(encoder.asked) < len(captions) == 1200  # more than fit in one call, and some come again
    found = read_embeddings(data, "counting")
    assert [encoder.asked[int(number)] for number in found.sentence[:, 0]] == captions
    assert (found.fingerprint, found.where) == (encoder.fingerprint, "counting")


def test_a_file_and_its_encoders_folder_may_move_together(data, tmp_path, monkeypatch):
    encoder = Counting()
    encoder.name = "flowers.tiny_clip-0123"  # that is where it says it lies
    embed(data, encoder, "counting")
    assert read_embeddings(data, "counting").where == "flowers.tiny_clip-0123", "no such folder: as it was told"
    (data.parent / "flowers.tiny_clip-0123").mkdir()
    monkeypatch.chdir(tmp_path.parent)
    assert read_embeddings(data, "counting").where == str(data.parent / "flowers.tiny_clip-0123")
    (tmp_path / "here" / "flowers.tiny_clip-0123").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert read_embeddings(data, "counting").where == "flowers.tiny_clip-0123", "what it says is there"


def test_the_vectors_are_the_encoders_row_by_row(embedded_file, small_encoder):
    for asked in ("small", small_encoder.fingerprint, small_encoder.fingerprint[:10]):
        found = read_embeddings(embedded_file, asked)
        assert (found.name, found.fingerprint) == ("small", small_encoder.fingerprint)
    captions = read_captions(embedded_file)
    for row in (0, 17, 1023, 1024, 1199):
        expected = small_encoder.encode([captions[row]]).sentence[0]
        torch.testing.assert_close(torch.from_numpy(found.sentence[row]), expected)
    assert verify(embedded_file).encoders == (("small", small_encoder.fingerprint, 16),)


def test_embedding_again_replaces_and_another_encoder_joins(data, small_config):
    first, second = new_clip(small_config), new_clip(small_config, seed=1)
    embed(data, first, "clip")
    embed(data, first, "clip")
    assert len(verify(data).encoders) == 1
    embed(data, second, "clip")  # trained again under the same name: the newest is meant
    assert read_embeddings(data, "clip").fingerprint == second.fingerprint
    assert len(verify(data).encoders) == 2
    assert [path.name for path in data.parent.iterdir()] == [data.name]


def test_vectors_that_are_not_there_are_told_how_to_make(embedded_file, open_small_run, tmp_path):
    with pytest.raises(
        ValueError, match=r"python -m t2i_utils embed .*flowers\.h5 --encoder ViT-B-32-quickgelu/openai"
    ):
        open_small_run(tmp_path / "run", encoder="ViT-B-32-quickgelu/openai")
    assert not list(tmp_path.iterdir())


def test_vectors_that_are_there_are_not_made_again(data):
    encoder = Counting()
    embedding.embed_once(data, encoder, "counting")
    asked, written = len(encoder.asked), data.stat().st_mtime_ns
    embedding.embed_once(data, encoder, "counting")
    assert (len(encoder.asked), data.stat().st_mtime_ns) == (asked, written)
    encoder.fingerprint = "another0"
    embedding.embed_once(data, encoder, "counting")
    assert len(encoder.asked) == 2 * asked


def test_embedding_that_is_interrupted_goes_on_where_it_was(data, monkeypatch):
    monkeypatch.setattr(embedding, "CHUNK", 100)
    before, captions = data.read_bytes(), read_captions(data)
    encoder, encode = Counting(), Counting.encode

    def dies(captions):
        if len(encoder.asked) >= 300:
            raise KeyboardInterrupt
        return encode(encoder, captions)

    encoder.encode = dies
    with pytest.raises(KeyboardInterrupt):
        embed(data, encoder)
    assert data.read_bytes() == before
    assert len(encoder.asked) == 300
    (kept,) = set(data.parent.iterdir()) - {data}
    (kept / "00000000.npy").write_bytes(b"cut")  # made again
    other = Counting()
    other.fingerprint = "another0"  # nothing that was made by somebody else is ever taken
    embed(data, other)
    assert len(other.asked) == len(set(captions))
    assert kept.is_dir()
    again = Counting()
    again.asked = ["somebody else's"] * 5000  # so that numbers tell who made a vector
    embed(data, again, "counting")
    assert len(again.asked) - 5000 == len(set(captions)) - 200
    numbers = read_embeddings(data, again.fingerprint).sentence[:, 0]
    distinct = sorted(set(captions))
    mine = dict(zip(captions, numbers.tolist(), strict=True))
    assert [mine[caption] for caption in distinct[100:300]] == list(range(100, 300))
    assert min(mine[caption] for caption in distinct[:100] + distinct[300:]) >= 5000
    assert [path.name for path in data.parent.iterdir()] == [data.name]


def test_an_encoder_that_fails_leaves_the_file_as_it_was(data):
    before = data.read_bytes()
    encoder = Counting()
    encoder.encode = lambda captions: Text(torch.full((len(captions), 3), torch.nan))
    with pytest.raises(ValueError, match="not finite"):
        embed(data, encoder)
    assert data.read_bytes() == before
    assert [path.name for path in data.parent.iterdir()] == [data.name]


def test_a_folder_opens_by_its_path_and_the_tiny_clip_needs_data(small_encoder):
    assert open_encoder(small_encoder.name).fingerprint == small_encoder.fingerprint
    with pytest.raises(ValueError, match="HDF5 file made by `build`"):
        open_encoder("tiny_clip")


def test_the_tiny_clip_is_trained_once_and_embedded_once(data, monkeypatch):
    seen = []
    encoder = ready_vectors(data, steps=2, batch_size=8, watchers=[lambda trainer, *_: seen.append(trainer.step)])
    assert seen == [1, 2]
    assert trained_folder("tiny_clip", data) == data.with_suffix(f".tiny_clip-{fingerprint(data)[:8]}")
    assert read_embeddings(data, "tiny_clip").fingerprint == encoder.fingerprint
    written = [data, *trained_folder("tiny_clip", data).iterdir()]
    before = [path.stat().st_mtime_ns for path in written]
    monkeypatch.setattr(from_scratch, "TRAINED", {})
    monkeypatch.delattr(embedding, "embed")
    assert ready_vectors(data).fingerprint == encoder.fingerprint
    assert open_encoder("tiny_clip", data).fingerprint == encoder.fingerprint
    assert before == [path.stat().st_mtime_ns for path in written]


def test_a_tiny_clip_on_a_drive_that_has_to_be_mounted_again_is_not_trained_again(data, tmp_path, monkeypatch):
    """Another training gives other vectors, and no run on Drive goes on with those."""
    drive, elsewhere = tmp_path / "drive", tmp_path / "another machine"
    encoder = ready_vectors(data, steps=1, batch_size=4, drive=drive)
    elsewhere.mkdir()
    names, mounted = DriveFolder.names, []

    def dead(place):
        if not mounted:
            raise OSError(107, "Transport endpoint is not connected")
        return names(place)

    monkeypatch.setattr(DriveFolder, "names", dead)
    monkeypatch.setattr(embedding, "remount_drive", lambda: mounted.append(1))
    monkeypatch.setattr("t2i_utils.drive.looking.LOOKS", (0, 0, 0))
    monkeypatch.setitem(from_scratch.TRAINED, "tiny_clip", lambda *_, **__: pytest.fail("it lies on Drive"))
    data = shutil.copyfile(data, elsewhere / "flowers.h5")
    assert ready_vectors(data, drive=drive).fingerprint == encoder.fingerprint
    assert mounted == [1]


def test_training_is_the_same_for_the_same_seed(data):
    places = {data.with_name(f"clip{index}"): seed for index, seed in enumerate((0, 0, 1))}
    marks = [
        train_tiny_clip(data, place, steps=1, batch_size=4, seed=seed).fingerprint for place, seed in places.items()
    ]
    assert marks[0] == marks[1] != marks[2]


def test_a_batch_is_no_larger_than_the_file(data):
    asked = []

    def look(trainer, pairing, losses):
        asked.append(len(pairing.images))

    train_tiny_clip(data, trained_folder("tiny_clip", data), steps=1, batch_size=128, watchers=[look])
    assert asked == [sum(verify(data).pictures[split] for split in ("train", "val"))]
    assert asked[0] < 128


def test_training_that_was_interrupted_leaves_no_encoder(data):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_tiny_clip(data, trained_folder("tiny_clip", data), steps=2, batch_size=4, watchers=[interrupt])
    assert [path.name for path in data.parent.iterdir()] == [data.name]


def test_classes_that_are_to_choose_later_are_left_out_of_training(data):
    asked, everybody = [set(), set()], read_contents(data, "trainval")
    for seen, split in zip(asked, ("trainval", "train"), strict=True):

        def look(trainer, pairing, losses, seen=seen):
            seen.update(pairing.classes.tolist())

        train_tiny_clip(data, data.with_name(split), steps=3, batch_size=40, watchers=[look], split=split)
    held = set(read_contents(data, "val").classes.tolist()) - set(read_contents(data, "train").classes.tolist())
    assert held
    assert held <= asked[0] == set(everybody.classes.tolist())
    assert not held & asked[1]

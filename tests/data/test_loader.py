"""What a step shows depends on (seed, step) alone, and no picture gets a caption of its own class as the wrong one."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_source import example, tiny_source

from t2i_utils.data.build import build
from t2i_utils.data.draws import Chance
from t2i_utils.data.hdf5 import read_captions, write_embeddings
from t2i_utils.data.loader import Loader, both_ways, cut, fitting, scale, windows
from t2i_utils.data.split import read_split


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """24 trainval pictures of 4 classes with 1 to 4 captions each; a caption's vector is (its row in the file, 1)."""
    path = tmp_path_factory.mktemp("loader") / "tiny.h5"
    build(tiny_source(), path, 16, progress=False)
    rows = np.arange(len(read_captions(path)))
    write_embeddings(path, "rows", "aaaaaa", "here", np.stack([rows, np.ones(len(rows))], axis=1))
    return path


@pytest.fixture(scope="module")
def jpeg_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("loader") / "jpeg.h5"
    return build(tiny_source(), path, 32, encoding="jpeg", progress=False).path


def ramp(size):
    """From black on the left to white on the right."""
    line = np.linspace(0, 255, size).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(line[None, :, None], (size, size, 3)).copy())


def same(one, other):
    parts = [(one.images, other.images), (one.text.sentence, other.text.sentence)]
    parts += [(one.classes, other.classes), (one.swap, other.swap)]
    return all(torch.equal(*pair) for pair in parts)


def test_a_batch(path):
    loader = Loader(path, "rows", batch_size=8)
    batch = loader.batch(0)
    assert batch.images.shape == (8, 3, 16, 16)
    assert batch.images.dtype == torch.float32
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert -1 <= batch.images.min() < -0.9
    assert 0.9 < batch.images.max() <= 1
    assert batch.text.sentence.shape == (8, 2)
    assert batch.classes.dtype == batch.swap.dtype == torch.int64
    assert (loader.text_dim, loader.encoder, loader.encoder_where, len(loader)) == (2, "aaaaaa", "here", 24)


def test_every_byte_keeps_its_place_in_the_range():
    squares = torch.arange(256, dtype=torch.uint8)
    found = scale(squares)
    assert (found.min(), found.max()) == (-1, 1)
    assert torch.equal(((found + 1) * 127.5).round().to(torch.uint8), squares)


def test_pictures_classes_and_captions_stay_together(path):
    whole = read_split(path, "trainval")
    loader = Loader(path, "rows", batch_size=8)
    stored = loader._images.numpy()
    for step in range(12):
        batch, draw = loader.batch(step), loader.draw(step)
        assert torch.equal(batch.classes, whole.classes[draw.pictures])
        assert [int(owner) for owner in whole.caption_picture[draw.captions[:, 0]]] == draw.pictures.tolist()
        assert batch.text.sentence[:, 0].tolist() == whole.caption_rows[draw.captions[:, 0]].tolist()
        for place in range(8):
            top, left = draw.top[place], draw.left[place]
            square = stored[draw.pictures[place], top : top + 16, left : left + 16]
            expected = (square[:, ::-1] if draw.mirror[place] else square).transpose(2, 0, 1)
            assert np.allclose(batch.images[place].numpy(), expected / 127.5 - 1, atol=1e-6)


def test_draws_index_the_loaders_captions(path):
    loader = Loader(path, "rows", batch_size=8)
    for picture, caption in zip(loader.draw(3).pictures, loader.draw(3).captions[:, 0], strict=True):
        name = read_split(path, "trainval").names[picture]
        assert f"number {int(name[-3:])}," in loader.all_captions[caption]


def test_a_step_is_the_same_whatever_was_asked_for_before(path):
    first, second = Loader(path, "rows", batch_size=7, seed=5), Loader(path, "rows", batch_size=7, seed=5)
    forward = [first.batch(step) for step in range(12)]
    for step in (11, 3, 4, 0, 7):
        assert same(second.batch(step), forward[step])
    assert not same(forward[0], forward[1])
    assert not same(Loader(path, "rows", batch_size=7, seed=6).batch(0), forward[0])


@pytest.mark.parametrize("batch_size", [5, 7, 8, 23, 24])
def test_every_epoch_shows_every_picture_once(path, batch_size):
    loader = Loader(path, batch_size=batch_size)
    shown = np.concatenate([loader.draw(step).pictures for step in range(24)])
    epochs = shown[: len(shown) // 24 * 24].reshape(-1, 24)
    assert all(sorted(epoch) == list(range(24)) for epoch in epochs.tolist())
    assert len(epochs) == 1 or epochs[0].tolist() != epochs[1].tolist()


@pytest.mark.parametrize("batch_size", [5, 7, 11])
def test_no_picture_comes_twice_in_a_batch(path, batch_size):
    loader = Loader(path, batch_size=batch_size)
    assert all(len(set(loader.draw(step).pictures.tolist())) == batch_size for step in range(60))


def test_every_crop_mirror_and_caption_comes_up(path):
    loader = Loader(path, batch_size=24)
    draws = [loader.draw(step) for step in range(60)]
    assert {int(top) for draw in draws for top in draw.top} == {0, 1, 2, 3}
    assert {int(left) for draw in draws for left in draw.left} == {0, 1, 2, 3}
    assert np.mean([draw.mirror.mean() for draw in draws]) == pytest.approx(0.5, abs=0.05)
    assert {int(caption) for draw in draws for caption in draw.captions[:, 0]} == set(range(len(loader.all_captions)))
    assert not any(draw.mirror.any() for draw in map(Loader(path, batch_size=24, mirror=False).draw, range(5)))


def test_a_swapped_caption_is_of_another_class(path):
    loader = Loader(path, batch_size=8)
    for step in range(50):
        batch = loader.batch(step)
        assert len(batch.classes.unique()) > 1
        assert (batch.classes[batch.swap] != batch.classes).all()


def test_swaps_reach_every_picture_of_other_classes():
    chance = Chance(np.array([0, 0, 1, 2]), np.arange(5), batch_size=4)
    seen = set()
    for step in range(300):
        draw = chance.draw(step)
        seen |= {(int(own), int(other)) for own, other in zip(draw.pictures, draw.pictures[draw.swap], strict=True)}
    assert seen == {(0, 2), (0, 3), (1, 2), (1, 3), (2, 0), (2, 1), (2, 3), (3, 0), (3, 1), (3, 2)}


@pytest.mark.parametrize("unknown", [-1, 4])
def test_without_other_classes_another_picture_is_taken(unknown):
    for pictures, batch_size in ((3, 2), (5, 4), (6, 6), (7, 2)):
        chance = Chance(np.full(pictures, unknown), np.arange(pictures + 1), batch_size)
        for step in range(60):
            draw = chance.draw(step)
            assert (draw.pictures[draw.swap] != draw.pictures).all()


def test_a_picture_of_unknown_class_may_be_swapped_with_any_other():
    chance = Chance(np.array([-1, 7, 7]), np.arange(4), batch_size=3)
    pairs = set()
    for step in range(100):
        draw = chance.draw(step)
        pairs |= set(zip(draw.pictures.tolist(), draw.pictures[draw.swap].tolist(), strict=True))
    assert pairs == {(0, 1), (0, 2), (1, 0), (2, 0)}


def test_the_mean_of_distinct_captions(path):
    loader = Loader(path, "rows", batch_size=24, captions_per_visit=3)
    whole = read_split(path, "trainval")
    counts = np.bincount(whole.caption_picture)
    for step in range(5):
        batch, draw = loader.batch(step), loader.draw(step)
        for place, picture in enumerate(draw.pictures):
            chosen = [int(caption) for caption in draw.captions[place] if caption >= 0]
            assert len(chosen) == len(set(chosen)) == min(3, counts[picture])
            assert {int(whole.caption_picture[caption]) for caption in chosen} == {int(picture)}
            expected = np.mean([int(whole.caption_rows[caption]) for caption in chosen])
            assert batch.text.sentence[place].tolist() == pytest.approx([expected, 1])


def test_without_an_encoder_sentences_have_no_width(path):
    loader = Loader(path, batch_size=4)
    assert loader.batch(0).text.sentence.shape == (4, 0)
    assert (loader.text_dim, loader.encoder, loader.encoder_where) == (0, "none", "none")


@pytest.mark.parametrize(("kind", "image_size"), [("path", None), ("jpeg_path", None), ("jpeg_path", 16)])
def test_streamed_and_in_memory_are_the_same_bit_for_bit(request, kind, image_size):
    file = request.getfixturevalue(kind)
    encoder = "rows" if kind == "path" else "none"
    memory = Loader(file, encoder, batch_size=7, image_size=image_size)
    stored = Loader(file, encoder, batch_size=7, image_size=image_size, memory_limit=0)
    assert (memory.in_memory, stored.in_memory) == (True, False)
    expected = [memory.batch(step) for step in range(6)]
    assert all(same(stored.batch(step), expected[step]) for step in (5, 0, 3))
    assert all(map(same, islice(stored.stream(2, workers=1), 4), expected[2:]))
    assert all(map(same, islice(memory.stream(2), 4), expected[2:]))


def test_a_stream_leaves_the_runs_random_numbers_alone(path):
    before = torch.random.get_rng_state()
    next(Loader(path, batch_size=5, memory_limit=0).stream(workers=1))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_stream_skips_nothing(path):
    loader = Loader(path, "rows", batch_size=5, memory_limit=0)
    assert all(map(same, islice(loader.stream(3, workers=2), 5), islice(loader.stream(0, workers=0), 3, 8)))


def test_smaller_pictures_are_shrunk_not_cut(tmp_path, jpeg_path):
    examples = [example(index, picture=ramp, class_name="red") for index in range(2)]
    path = build(tiny_source(examples=examples), tmp_path / "ramp.h5", 64, progress=False).path
    for size in (64, 32, 16):
        columns = read_split(path, "train", size).images.float().mean((0, 1, 2))
        assert columns.shape == (size,)
        # 64 of 76 pixels are left of what was stored, at any size
        assert columns[[0, -1]].tolist() == pytest.approx([255 * 6 / 76, 255 * 70 / 76], abs=14)
    assert Loader(jpeg_path, batch_size=4, image_size=16).batch(0).images.shape == (4, 3, 16, 16)
    with pytest.raises(ValueError, match="at most 32"):
        Loader(jpeg_path, batch_size=4, image_size=64)


def test_pictures_without_room_are_shown_whole_at_any_size(tmp_path):
    source = replace(tiny_source(channels=1), native_size=28)
    path = build(source, tmp_path / "own.h5", progress=False).path
    whole = read_split(path, "trainval")
    for limit in (2**30, 0):
        loader = Loader(path, batch_size=24, memory_limit=limit)
        batch, draw = loader.batch(0), loader.draw(0)
        assert (loader.image_size, loader.channels, batch.images.shape) == (28, 1, (24, 1, 28, 28))
        expected = scale(whole.images[draw.pictures])
        turned = torch.from_numpy(draw.mirror)[:, None, None, None]
        assert torch.equal(batch.images, torch.where(turned, expected.flip(3), expected))
        assert Loader(path, batch_size=4, image_size=16, memory_limit=limit).batch(0).images.shape == (4, 1, 16, 16)


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_cut_alike_on_any_device(channels):
    images = torch.randint(0, 256, (9, 19, 19, channels), dtype=torch.uint8)
    chance = Chance(np.zeros(9, np.int64), np.arange(10), batch_size=9, room=3)
    for step in range(5):
        draw = chance.draw(step)
        squares = cut(torch.from_numpy(both_ways(images.numpy())), draw.pictures, draw, 16)
        places = (torch.from_numpy(part) for part in (draw.pictures, draw.top, draw.left))
        there = windows(images, 16)[tuple(places)]
        turned = torch.from_numpy(draw.mirror)[:, None, None, None]
        assert torch.equal(squares, torch.where(turned, there.flip(2), there))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 1}, "at least 2 captions in a batch, got 1"),
        ({"batch_size": 25}, "25 .* 24"),
        ({"seed": -1}, "seed"),
        ({"captions_per_visit": 0}, "captions_per_visit"),
        ({"split": "dev"}, "trainval"),
        ({"encoder": "clip"}, "rows .*embed"),
    ],
)
def test_what_cannot_be_loaded_is_told(path, arguments, words):
    with pytest.raises(ValueError, match=words):
        Loader(path, **{"batch_size": 4, **arguments})


def test_an_empty_split_is_told(tmp_path):
    examples = [example(index, class_name="red") for index in range(4)]
    path = build(tiny_source(examples=examples), tmp_path / "t.h5", 16, progress=False).path
    with pytest.raises(ValueError, match="test split"):
        read_split(path, "test")


def test_steps_count_from_0(path):
    with pytest.raises(ValueError, match="-1"):
        Loader(path, batch_size=4).batch(-1)


# One picture a class


def test_one_picture_a_class_is_capped_by_their_number_and_reaches_every_picture():
    classes = np.array([3, 3, 3, 5, 5, -1, 8])
    chance = Chance(classes, np.arange(8), batch_size=64, one_a_class=True)
    assert chance.batch_size == 3
    draws = [chance.draw(step) for step in range(80)]
    assert all(sorted(classes[draw.pictures]) == [3, 5, 8] for draw in draws)
    assert {int(picture) for draw in draws for picture in draw.pictures} == {0, 1, 2, 3, 4, 6}
    assert len({tuple(draw.pictures) for draw in draws}) > 10
    assert all(len(draw.captions) == len(draw.swap) == 3 for draw in draws)
    again = Chance(classes, np.arange(8), batch_size=64, one_a_class=True).draw(7)
    assert again.pictures.tolist() == draws[7].pictures.tolist()


def test_fewer_pictures_than_classes_are_different_classes_each_time():
    chance = Chance(np.arange(10).repeat(4), np.arange(41), batch_size=4, one_a_class=True)
    shown = [frozenset(chance.draw(step).pictures // 4) for step in range(40)]
    assert all(len(some) == 4 for some in shown)
    assert len(set(shown)) > 20


def test_a_loader_knows_how_large_its_batches_came_out(path):
    loader = Loader(path, batch_size=10**6, one_a_class=True)
    batch = loader.batch(0)
    assert len(batch) == loader.batch_size == len(batch.classes.unique())
    assert torch.equal(next(loader.stream(3)).images, loader.batch(3).images)


def test_one_picture_of_one_class_is_no_batch():
    with pytest.raises(ValueError, match="needs pictures of 2 known classes, these have 1"):
        Chance(np.array([4, 4, -1]), np.arange(4), batch_size=2, one_a_class=True)


def test_a_batch_that_is_wanted_larger_than_the_split_is_all_of_it_and_that_is_said(path, capsys):
    assert fitting(path, 8) == 8
    assert capsys.readouterr().out == ""
    assert fitting(path, 64) == 24
    assert capsys.readouterr().out == "a batch is 24 pictures, not 64: all of trainval\n"

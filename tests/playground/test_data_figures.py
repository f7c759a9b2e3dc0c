"""What notebook 01 shows is what the file and the loader hold."""

import numpy as np
import pytest
import torch

from t2i_utils.data.build import build
from t2i_utils.data.loader import Loader
from t2i_utils.data.source import Caption, Example, Source
from t2i_utils.data.split import read_split
from t2i_utils.data.synthetic import synthetic_flowers
from t2i_utils.playground import data_figures as show


@pytest.fixture(scope="module")
def source():
    return synthetic_flowers(42)


@pytest.fixture(scope="module")
def data(source, tmp_path_factory):
    return build(source, tmp_path_factory.mktemp("figures") / "flowers.h5", 32, progress=False).path


def ink(picture):
    """[height, width, 3] of a figure."""
    return np.asarray(picture.convert("RGB"))


def count_colour(picture, colour):
    rgb = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    return int((ink(picture) == rgb).all(axis=2).sum())


def test_an_example_looks_as_the_builder_stores_it(source, data):
    stored = read_split(data, "all")
    seen = show.look(source.examples[:3], 38)  # what lies in the file for 32 pixels
    assert torch.equal(seen[:, :, 3:35, 3:35], stored.images[:3])


def test_an_example_that_cannot_be_shown_is_named(tmp_path):
    lost = Example("image_00007", tmp_path / "image_00007.jpg", (Caption("a flower"),), "", "train")
    with pytest.raises(ValueError, match="image_00007 cannot be shown: the file is missing"):
        show.look([lost], 32)


def test_wrong_captions_are_red_and_only_there_when_asked_for(source):
    images, captions = show.look(source.examples[:3], 32), ["one flower", "$5^ a flower$", "three flowers"]
    plain = show.with_captions(images, captions, columns=2)
    both = show.with_captions(images, captions, wrong=captions[::-1], columns=2)
    assert count_colour(plain, show.WRONG) == 0
    assert count_colour(both, show.WRONG) > 0
    assert count_colour(both, show.RIGHT) > 0
    assert both.height > plain.height


def test_the_map_of_splits_paints_each_class_in_its_splits_colour(source):
    table = show.split_map(source)
    areas = {split: count_colour(table, colour) for split, colour in show.SPLIT_COLOURS.items()}
    assert areas["train"] / areas["test"] == pytest.approx(14 / 4, rel=0.1)
    assert areas["val"] / areas["test"] == pytest.approx(3 / 4, rel=0.1)


def test_classes_that_are_no_pairs_are_bars():
    names = ["canterbury bells", "rose", "daisy"]
    examples = [Example(str(i), None, (), name, "train" if i else "test") for i, name in enumerate(names)]
    bars = show.split_map(Source("any", "1", "none", examples))
    assert count_colour(bars, show.SPLIT_COLOURS["train"]) > count_colour(bars, show.SPLIT_COLOURS["test"]) > 0


def test_a_split_that_is_empty_is_not_in_the_key():
    examples = [Example(str(i), None, (), name, split) for i, name in enumerate("ab") for split in ("train", "test")]
    bars = show.split_map(Source("any", "1", "none", examples))
    assert count_colour(bars, "#1f77b4") == 0  # matplotlib's colour for a bar of which it knows nothing
    assert count_colour(bars, show.SPLIT_COLOURS["val"]) == 0


@pytest.mark.parametrize("lines", [2, 4])
def test_every_line_of_a_caption_is_on_the_picture(lines):
    """Nothing is cut: the edges of the figure are white."""
    text = " ".join(["word"] * 6 * lines)
    picture = ink(show.with_captions(torch.zeros(8, 1, 28, 28), [text] * 8, wrong=[text] * 8))
    assert (picture[[0, 1, -2, -1]] > 250).all()


def test_shares_need_attributes(data):
    pictures = read_split(data, "all")
    assert show.attribute_shares(pictures).width > 0
    with pytest.raises(ValueError, match="built-in flowers"):
        show.attribute_shares(type(pictures)(**{**vars(pictures), "values": {}}))


def test_steps_that_show_a_picture_do_show_it(data):
    loader = Loader(data, batch_size=8)
    visits = show.steps_that_show(loader, 5, 4)
    assert len(visits) == 4
    assert all(loader.draw(step).pictures[place] == 5 for step, place in visits)
    assert [step for step, _ in visits] == sorted(step for step, _ in visits)
    with pytest.raises(ValueError, match="trainval split has pictures 0 to"):
        show.steps_that_show(loader, 10**6, 1)


def test_speed_is_a_number_of_pictures(data):
    assert show.pictures_per_second(Loader(data, batch_size=4), batches=2) > 10


def test_tables_are_those_of_the_file(data):
    lines = show.tables(data).splitlines()
    images = next(line.split() for line in lines if line.startswith("images"))
    assert images[:5] == ["images", "uint8", "[42,", "38,", "38,"]
    assert any(line.startswith("captions ") and "text" in line and "[420]" in line for line in lines)

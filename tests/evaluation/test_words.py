"""The same words beside several pictures."""

import numpy as np
import pytest

from t2i_utils.data.split import read_contents
from t2i_utils.evaluation.words import caption_classes, first_of_each, positions_of

pytest_plugins = ["small_data"]


def test_words_of_several_classes_mean_none(plain_file):
    contents = read_contents(plain_file, "all")
    meant = caption_classes(contents)
    own = contents.classes[contents.caption_picture]
    clear = np.array(
        [
            len({own[i] for i, other in enumerate(contents.captions) if other == caption}) == 1
            for caption in contents.captions
        ]
    )
    assert 0 < clear.sum() < len(clear), "there are captions of both kinds"
    assert np.array_equal(meant[clear], own[clear])
    assert (meant[~clear] == -1).all()


def test_the_first_of_each_caption():
    assert first_of_each(["a", "b", "a", "c", "b"]).tolist() == [0, 1, 3]
    assert first_of_each([]).tolist() == []


def test_captions_are_found_and_those_that_come_several_times_are_each_in_turn():
    known = ["a", "b", "a", "c"]
    assert positions_of(["c", "a", "x", "a", "a"], known).tolist() == [3, 0, -1, 2, 0]
    shuffled = np.random.default_rng(0).permutation(4)
    assert sorted(positions_of([known[place] for place in shuffled], known)) == [0, 1, 2, 3]


@pytest.mark.parametrize("count", [0, 3])
def test_unknown_captions_are_nowhere(count):
    assert positions_of(["x"] * count, ["a"]).tolist() == [-1] * count

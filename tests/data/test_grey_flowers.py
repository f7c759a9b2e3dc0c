"""Grey flowers: Fashion-MNIST's format, and captions that are true of what grey shows."""

from collections import Counter

import numpy as np
import pytest

from t2i_utils.data.build import build
from t2i_utils.data.grammar import SYNONYMS
from t2i_utils.data.grey_flowers import CLASSES, SEEN, SIDE, grey_flowers
from t2i_utils.data.verify import verify


def test_they_are_stored_as_fashion_mnist_is(tmp_path):
    report = build(grey_flowers(42), tmp_path / "grey.h5")
    facts = verify(tmp_path / "grey.h5")
    assert facts.image_size == SIDE
    assert report.pictures == {"train": 36, "val": 0, "test": 6}


def test_every_class_is_in_both_parts_and_a_smaller_set_is_the_beginning():
    source = grey_flowers(210)
    counts = Counter((example.class_name, example.split) for example in source.examples)
    assert counts == {(name, split): n for name in CLASSES for split, n in (("train", 60), ("test", 10))}
    assert [e.name for e in grey_flowers(21).examples] == [e.name for e in source.examples[:21]]
    assert grey_flowers(21).examples[5].captions == source.examples[5].captions


def test_pictures_are_grey_and_use_the_whole_scale():
    for example in grey_flowers(9).examples:
        picture = example.picture(SIDE)
        assert (picture.mode, picture.size) == ("L", (SIDE, SIDE))
        pixels = np.asarray(picture)
        assert pixels.min() < 40
        assert pixels.max() > 215


def test_no_caption_names_a_colour():
    colours = {word for name in ("petal_color", "center_color") for words in SYNONYMS[name] for word in words}
    for example in grey_flowers(60).examples:
        assert set(example.attributes) == set(SEEN)
        for caption in example.captions:
            assert caption.states <= set(SEEN)
            words = caption.text.lower().replace("greenery", "").split()
            assert not colours & set(words), caption.text


@pytest.mark.parametrize(("given", "said"), [({"count": 0}, "got 0"), ({"classes": ["square"]}, "no class 'square'")])
def test_what_cannot_be_drawn_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        grey_flowers(**given)

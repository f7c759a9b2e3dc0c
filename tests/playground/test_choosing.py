"""Who chooses: real renderings with known attributes are ranked as their captions say."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from t2i_utils.data.grammar import caption_for
from t2i_utils.data.synthetic import ATTRIBUTES, draw_flower, render
from t2i_utils.metrics.packed_reader import open_reader
from t2i_utils.playground.choosing import ClipChooser, ReaderChooser
from t2i_utils.text.clip import new_clip

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def chooser():
    return ReaderChooser(open_reader(64))


def rendering(seed=0, size=64, **attributes):
    """uint8 [3, size, size]; what is not fixed is the same for the same seed."""
    picture = render(draw_flower(np.random.default_rng(seed), attributes), size)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def each(attribute, seed=0):
    """A rendering of every value of an attribute, the same in all else."""
    return torch.stack([rendering(seed, **{attribute: index}) for index in range(len(ATTRIBUTES[attribute]))])


@pytest.mark.parametrize("attribute", ["petal_color", "petal_shape", "center_color", "background"])
def test_of_pictures_that_differ_in_one_thing_the_stated_one_is_first(chooser, attribute):
    pictures = each(attribute)
    for index in range(len(pictures)):
        scores = chooser.score([caption_for({attribute: index})] * len(pictures), pictures)
        assert scores.argmax() == index, scores


def test_of_eight_renderings_of_different_colours_the_stated_one_is_first_wherever_it_stands(chooser):
    colours = [5, 0, 3, 6, 2, 4, 1, 0]  # purple, red, white, ...; place, turn and background differ, too
    pictures = torch.stack([rendering(seed, petal_color=colour) for seed, colour in enumerate(colours)])
    for colour, name in enumerate(ATTRIBUTES["petal_color"]):
        scores = chooser.score([f"a photo of a {name} flower"] * 8, pictures)
        assert colours[scores.argmax()] == colour
        assert colours.count(colour) == 1 or {colours[place] for place in scores.topk(2).indices} == {colour}


def test_the_more_of_the_caption_is_shown_the_higher_the_score(chooser):
    caption = "a red flower with a black center, on soil"
    wanted = {"petal_color": 0, "center_color": 3, "background": 1}
    wrong = [
        {},
        {"background": 2},
        {"background": 2, "center_color": 0},
        {"background": 2, "center_color": 0, "petal_color": 3},
    ]
    pictures = torch.stack([rendering(**(wanted | other)) for other in wrong])
    scores = chooser.score([caption] * 4, pictures)
    assert scores.argsort(descending=True).tolist() == [0, 1, 2, 3]
    assert (scores <= 0).all()


def test_what_the_caption_does_not_state_counts_for_nothing(chooser):
    """A mean over what is stated, so of a caption that states one thing it is the log-probability of that thing."""
    pictures = torch.stack([rendering(), rendering(1)])
    logits = chooser.reader(pictures.float() / 127.5 - 1)[1]
    sky = logits["background"].log_softmax(1)[:, 2]
    red = logits["petal_color"].log_softmax(1)[:, 0]
    torch.testing.assert_close(chooser.score(["under the sky"] * 2, pictures), sky, atol=1e-4, rtol=1e-4)
    both = chooser.score(["a red flower under the sky"] * 2, pictures)
    torch.testing.assert_close(both, (sky + red) / 2, atol=1e-4, rtol=1e-4)


def test_every_picture_has_its_own_caption_and_its_own_score(chooser):
    pictures = torch.stack([rendering(petal_color=0), rendering(petal_color=6)])
    right = chooser.score(["a red flower", "a blue flower"], pictures)
    swapped = chooser.score(["a blue flower", "a red flower"], pictures)
    assert (right > swapped + 1).all()
    many = chooser.score(["a red flower", "a blue flower"] * 150, pictures.repeat(150, 1, 1, 1))  # more than a batch
    torch.testing.assert_close(many.view(150, 2), right.expand(150, 2), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("caption", ["a bird", "not a red flower", "a red or white flower", "\U0001f339"])
def test_a_caption_that_states_nothing_known_is_refused_with_what_is_known(chooser, caption):
    with pytest.raises(ValueError, match=r"states nothing that the reader network can look for") as refused:
        chooser.score(["a red flower", caption], torch.stack([rendering()] * 2))
    said = str(refused.value)
    assert repr(caption)[:40] in said
    for values in ATTRIBUTES.values():
        assert ", ".join(values) in said
    assert "petals' colour (red" in said
    assert "tries 1" in said


@pytest.mark.parametrize(
    ("size", "channels", "told"), [(32, 3, "3 x 32 x 32"), (65, 3, "3 x 65 x 65"), (64, 1, "1 x 64 x 64")]
)
def test_pictures_of_another_size_are_refused(chooser, size, channels, told):
    pictures = torch.zeros(2, channels, size, size, dtype=torch.uint8)
    with pytest.raises(ValueError, match=f"pictures are {told}, and the reader network reads 3 x 64 x 64; open"):
        chooser.score(["a red flower"] * 2, pictures)


@pytest.mark.parametrize(("captions", "pictures"), [(1, 2), (3, 2), (0, 0)])
def test_there_is_a_caption_a_picture(chooser, small_config, captions, pictures):
    images = torch.zeros(pictures, 3, 64, 64, dtype=torch.uint8)
    for one in (chooser, ClipChooser(new_clip(small_config), [])):
        with pytest.raises(ValueError, match=f"got {captions} captions and {pictures} pictures"):
            one.score(["a red flower"] * captions, images)


def test_choosing_changes_neither_reader_nor_randomness(chooser):
    before, weights = torch.get_rng_state(), [tensor.clone() for tensor in chooser.reader.state_dict().values()]
    pictures = each("petal_color")
    first = chooser.score(["a red flower"] * 7, pictures)
    assert torch.equal(chooser.score(["a red flower"] * 7, pictures), first)
    assert not first.requires_grad
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(weights, chooser.reader.state_dict().values(), strict=True))


class Sighted:
    """A CLIP of three numbers: how red, how green, how blue a picture is, or is said to be."""

    name, fingerprint = "sighted", "3"

    def encode_images(self, images):
        return (images.mean(dim=(2, 3)) + 1) / 2

    def encode(self, captions):
        return SimpleNamespace(
            sentence=torch.tensor([[float(word in said) for word in ("red", "green", "blue")] for said in captions])
        )


def test_a_clip_chooses_by_the_cosine():
    pictures = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    pictures[0, 0], pictures[1, 2], pictures[2] = 255, 255, 255
    chooser = ClipChooser(Sighted(), [])
    assert chooser.name == "the CLIP sighted"
    scores = chooser.score(["red", "red", "red"], pictures)
    torch.testing.assert_close(scores, torch.tensor([1.0, 0.0, 3**-0.5]))
    assert chooser.score(["blue"] * 3, pictures).argmax() == 1


def test_a_real_clip_scores_within_minus_one_and_one(small_config):
    scores = ClipChooser(new_clip(small_config), []).score(["a red flower"] * 3, each("background"))
    assert scores.shape == (3,)
    assert (scores.abs() <= 1 + 1e-6).all()
    assert len(scores.unique()) == 3
    assert not scores.requires_grad


def test_a_clip_that_had_a_part_in_the_pictures_may_not_choose(small_config):
    encoder = new_clip(small_config)
    with pytest.raises(ValueError, match=r"cannot judge these pictures: .*use another CLIP"):
        ClipChooser(encoder, [new_clip(small_config, "the same under another name")])
    ClipChooser(encoder, [new_clip(small_config, "a stranger", seed=1)])


def test_importing_it_opens_no_network():
    told = (
        "import sys, t2i_utils.playground.choosing; "
        "print([name for name in ('reader', 'packed_reader', 'judge') if f't2i_utils.metrics.{name}' in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout == "[]\n"

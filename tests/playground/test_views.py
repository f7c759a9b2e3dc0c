"""What is painted for each view: strips end at plain pictures, words are left out one by one, the best is chosen."""

import pytest
import torch

from t2i_utils.painter import truncate
from t2i_utils.playground.state import State
from t2i_utils.playground.views import MOST_WORDS, between_captions, between_noises, plain, without_words

pytest_plugins = ["two_colours"]


@pytest.fixture
def noises(painter) -> list[torch.Tensor]:
    """The noises that the painter's generator is given, of as many numbers as a statistic needs."""
    given = []
    painter.generator.noise_shape = (4096,)
    painter.generator.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    return given


def test_the_first_pictures_of_a_longer_row_are_those_of_a_shorter(painter):
    long, short = (plain(State("red", count=count), painter).pictures for count in (16, 5))
    assert torch.equal(long[:5], short)
    assert len(long) == 16


# Strips


@pytest.mark.parametrize("count", [2, 5, 16])
def test_a_strip_of_captions_ends_at_the_pictures_of_each(painter, count):
    strip = between_captions(State("red", "blue", seed=3, count=count, view="captions"), painter)
    first, last = (plain(State(caption, seed=3, count=1), painter).pictures[0] for caption in ("red", "blue"))
    assert torch.equal(strip.pictures[0], first)
    assert torch.equal(strip.pictures[-1], last)
    assert len(strip.pictures) == count
    assert (strip.pictures[:, 1] == first[1]).all(), "all with one noise"


def test_a_strip_of_captions_goes_evenly_wherever_the_slider_stands(painter):
    strip = between_captions(State("red", "blue", mix=70, count=5, view="captions"), painter)
    assert strip.pictures[:, 0, 0, 0].tolist() == [255, 191, 128, 64, 0]
    assert strip.labels == ("0%", "25%", "50%", "75%", "100%")


@pytest.mark.parametrize("cut", [None, 0.5])
@pytest.mark.parametrize("count", [2, 7])
def test_a_strip_of_noises_ends_at_the_first_two_pictures_of_the_seed(painter, count, cut):
    strip = between_noises(State("red", seed=3, count=count, truncation=cut, view="noises"), painter)
    ends = plain(State("red", seed=3, count=2, truncation=cut), painter).pictures
    assert torch.equal(strip.pictures[[0, -1]], ends)
    assert len(strip.pictures) == count


def test_between_noises_noise_is_as_long_as_everywhere(painter, noises):
    """cos^2 + sin^2 = 1; in the middle of a straight line it would be 0.71 times as long."""
    between_noises(State("red", count=9, view="noises"), painter)
    (noise,) = noises
    assert noise.std(dim=1).tolist() == pytest.approx([1.0] * 9, abs=0.05)
    first, last = noise[0], noise[-1]
    assert torch.allclose(noise[4], (first + last) / 2**0.5, atol=1e-6)


def test_a_strip_of_noises_keeps_the_mixture_of_words(painter):
    strip = between_noises(State("red", "blue", mix=25, count=3, view="noises"), painter)
    assert strip.pictures[:, 0].unique().tolist() == [191]
    assert strip.pictures[:, 2].unique().tolist() == [64]


@pytest.mark.parametrize("view", [between_captions, between_noises])
def test_a_strip_has_two_ends(painter, view):
    with pytest.raises(ValueError, match="count is 1; a strip has two ends"):
        view(State("red", "blue", count=1), painter)


# Words


def test_every_word_is_left_out_once(painter):
    rows = without_words(State("red blue flower", count=3, view="words"), painter)
    assert rows.columns == 3
    assert rows.labels[::3] == ("all words", "no 'red': 85", "no 'blue': 85", "no 'flower': 0")
    assert rows.labels[1::3] == rows.labels[2::3] == ("",) * 4
    red, green, blue = rows.pictures[:, :, 0, 0].view(4, 3, 3).unbind(2)
    assert red[:, 0].tolist() == [255, 0, 255, 255]
    assert blue[:, 0].tolist() == [255, 255, 0, 255]
    assert (green == green[0]).all(), "the same noises in every row"
    assert torch.equal(rows.pictures[:3], plain(State("red blue flower", count=3), painter).pictures)


def test_a_word_that_is_there_twice_is_left_out_once_each(painter):
    rows = without_words(State("red red", count=1, view="words"), painter)
    assert rows.labels == ("all words", "no 'red': 0", "no 'red': 0")


def test_no_more_columns_than_fit(painter):
    assert without_words(State("red flower", count=16, view="words"), painter).columns == 4


@pytest.mark.parametrize("caption", ["red", "red " * (MOST_WORDS + 1)])
def test_too_few_or_too_many_words_are_refused(painter, caption):
    with pytest.raises(ValueError, match=f"to leave out each of them, use 2 to {MOST_WORDS}"):
        without_words(State(caption, view="words"), painter)


def test_as_many_words_as_are_allowed_are_rows(painter):
    assert len(without_words(State("red " * MOST_WORDS, count=1, view="words"), painter).pictures) == MOST_WORDS + 1


# Truncation


def test_truncation_cuts_the_same_noise(painter, noises):
    for cut in (None, 0.7):
        plain(State("red", count=3, truncation=cut), painter)
    whole, cut = noises
    assert whole.abs().max() > 3
    assert cut.abs().max() <= 0.7
    assert torch.equal(cut, truncate(whole, 0.7))


def test_truncation_reaches_the_words_view(painter, noises):
    without_words(State("red flower", count=2, truncation=0.5, view="words"), painter)
    assert noises[0].abs().max() <= 0.5


# The best of several


def test_the_best_is_chosen_among_candidates_of_the_seeds_next_noises(painter, likes_green):
    chosen = plain(State("red", seed=2, count=5, tries=4), painter, likes_green).pictures
    greens = painter.paint(["red"] * 20, seed=2)[:, 1, 0, 0].view(4, 5)
    assert chosen[:, 1, 0, 0].tolist() == greens.max(0).values.tolist()
    assert len(set(greens.argmax(0).tolist())) > 1, "else this shows nothing"


class LikesTheFirst:
    """Keeps what it was asked, and takes the first candidate."""

    name = "somebody in a hurry"

    def __init__(self):
        self.asked = []

    def score(self, captions, pictures):
        self.asked.append((list(captions), pictures))
        return -torch.arange(len(pictures)).float()


def test_the_first_candidates_are_the_plain_pictures(painter):
    chooser = LikesTheFirst()
    chosen = plain(State("red flower", count=3, tries=8), painter, chooser)
    assert torch.equal(chosen.pictures, plain(State("red flower", count=3), painter).pictures)
    ((captions, pictures),) = chooser.asked
    assert captions == ["red flower"] * 24
    assert len(pictures) == 24


def test_with_one_try_nobody_is_asked(painter):
    chooser = LikesTheFirst()
    plain(State("red"), painter, chooser)
    assert chooser.asked == []


def test_tries_need_somebody_who_chooses(painter):
    with pytest.raises(ValueError, match="tries is 3, but nobody is there to choose"):
        plain(State("red", tries=3), painter)

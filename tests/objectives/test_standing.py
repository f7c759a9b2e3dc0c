"""When the average looks at what it paints, at which captions, and how much a look weighs."""

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Batch, Text
from t2i_utils.objectives.round import Round
from t2i_utils.objectives.standing import StandingStatistics


class Diary:
    """An average that writes down what it is shown."""

    def __init__(self):
        self.count, self.looks = 0, []
        self.module = nn.Identity()
        self.module.noise_shape = (3,)

    def settle(self, noise, text, momentum):
        self.looks.append((self.count, noise, text, momentum))


def seen(step):
    text = Text(torch.full((4, 2), float(step)))
    batch = Batch(torch.zeros(4, 3, 2, 2), text, torch.arange(4), torch.arange(4).roll(1))
    return Round(None, None, batch, step, torch.Generator(), None)


def test_it_looks_every_few_steps_at_the_steps_captions_with_a_weight_that_falls_to_its_least():
    standing, average = StandingStatistics(every=3, decay=0.6), Diary()
    for step in range(12):
        standing.see(seen(step))
        average.count += 1
        standing.settle(average)
    assert [count for count, *_ in average.looks] == [3, 6, 9, 12]
    assert [momentum for *_, momentum in average.looks] == pytest.approx([1, 1 / 2, 0.4, 0.4])
    for count, noise, text, _ in average.looks:
        assert noise.shape == (4, 3)
        assert text.sentence.eq(count - 1).all()
    assert not torch.equal(average.looks[0][1], average.looks[1][1])


def test_the_same_step_has_the_same_noise_whenever_it_is_taken():
    looks = []
    for _ in range(2):
        standing, average = StandingStatistics(every=1), Diary()
        standing.see(seen(7))
        average.count = 8
        standing.settle(average)
        looks += average.looks
    assert torch.equal(looks[0][1], looks[1][1])


def test_before_anything_was_seen_there_is_nothing_to_look_at():
    average = Diary()
    average.count = 4
    StandingStatistics().settle(average)
    assert average.looks == []


@pytest.mark.parametrize(
    ("every", "decay", "said"), [(0, 0.9, "every 0 steps"), (1, 1.0, "decay is"), (1, -0.1, "decay is")]
)
def test_numbers_that_cannot_be_are_refused(every, decay, said):
    with pytest.raises(ValueError, match=said):
        StandingStatistics(every, decay)

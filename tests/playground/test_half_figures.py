"""The naive way in fp16 breaks where ours does not, and the first number that broke is named."""

import math

import pytest
import torch

from t2i_utils.playground.half_figures import Watched, naive_penalty, side_by_side, watch_naive, watch_ours

pytestmark = pytest.mark.usefixtures("one_thread")

QUICK = {"discriminator_rate": 2e-2, "penalty_every": 1, "penalty_sentence": 1.0}
STEPS = 14


@pytest.fixture
def batches(make_batch):
    return lambda start: (make_batch(seed=step) for step in range(start, 100))


@pytest.mark.parametrize("slope", [0.5, 2.0])
def test_the_naive_penalty_is_the_papers_where_it_can_be_computed(slope):
    images, sentence = torch.zeros(2, 3, 4, 4).requires_grad_(), torch.zeros(2, 5).requires_grad_()
    logits = slope * (0.6 * images[:, 0, 0, 0] + 0.8 * sentence[:, 0])
    numbers = naive_penalty(logits, images, sentence)
    assert numbers["penalty"].item() == pytest.approx(2 * slope**6)
    assert list(numbers) == ["squared slope", "slope", "slope to the sixth", "penalty"]


def test_a_slope_of_seven_is_finite_and_its_sixth_power_is_not_in_fp16():
    images, sentence = torch.zeros(1, 1, 2, 2).half().requires_grad_(), torch.zeros(1, 2).half().requires_grad_()
    numbers = naive_penalty(7 * images[:, 0, 0, 0] + 0 * sentence.sum(), images, sentence)
    assert numbers["slope"].item() == 7
    assert numbers["slope to the sixth"].isinf()


def test_a_quick_discriminator_breaks_the_naive_way_and_not_ours(make_recipe, batches):
    naive = watch_naive(make_recipe("df_gan", **QUICK), batches, STEPS)
    step, name = naive.first_bad
    assert name in ("squared slope", "slope", "slope to the sixth")
    assert all(math.isfinite(value) for values in naive.sizes.values() for value in values[:step])
    assert f"the first bad tensor, in step {step}: the {name}" in str(naive)
    assert all(math.isnan(g) or math.isinf(g) for g in naive.gradients[step:]), "and nothing is learnt any more"
    assert naive.scales[-1] < naive.scales[step]
    for half in (torch.float16, None):
        ours = watch_ours(make_recipe("df_gan", **QUICK), batches, STEPS, half)
        assert ours.first_bad is None
        assert ours.sizes["penalty"][-1] < max(ours.sizes["penalty"]), "the penalty brings the slope down again"
        assert sum(math.isfinite(g) for g in ours.gradients) >= STEPS - 4


def test_the_picture_shows_each_history_and_where_it_ends():
    broken = Watched({"penalty": [1.0, 100.0, math.inf]}, [0.1, 0.2, math.nan], [8.0, 8.0, 4.0])
    whole = Watched({"penalty": [1.0, 10.0, 5.0]}, [0.1] * 3, [8.0] * 3)
    picture = side_by_side({"naive": broken, "ours": whole})
    assert picture.width > 300
    assert picture.tobytes() != side_by_side({"naive": whole, "ours": whole}).tobytes()
    assert str(whole) == "every loss finite; 0 of 3 steps skipped, the gradients' scale now 8"

"""The players' losses: numbers by hand, and torch's own cross-entropy beside them."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from t2i_utils.interfaces import Score
from t2i_utils.objectives.adversarial import (
    BCE,
    HINGE,
    WASSERSTEIN,
    Pairs,
    bce,
    discriminator_losses,
    generator_losses,
    noisy_bce,
    total,
    with_flips,
)

LOGITS = torch.linspace(-6, 6, 25)


def score(*logits, sees_text=True):
    return Score(torch.tensor(logits), sees_text)


def test_an_undecided_discriminator_pays_two_ln_two():
    undecided = torch.zeros(4, 1, 3, 3)
    assert (BCE.real(undecided) + BCE.fake(undecided)).item() == pytest.approx(2 * math.log(2))
    assert BCE.fool(undecided).item() == pytest.approx(math.log(2))


def test_an_undecided_hinge_is_two_and_stops_beyond_its_margin():
    undecided = torch.zeros(4, 3)
    assert (HINGE.real(undecided) + HINGE.fake(undecided)).item() == 2
    assert HINGE.real(torch.tensor([1.0, 5.0])).item() == HINGE.fake(torch.tensor([-1.0, -5.0])).item() == 0
    assert HINGE.real(torch.tensor([-1.0])).item() == HINGE.fake(torch.tensor([1.0])).item() == 2
    assert HINGE.fool(torch.tensor([3.0, 5.0])).item() == -4


def test_the_wasserstein_critic_loses_minus_the_distance_that_it_sees():
    real, painted = torch.tensor([4.0, 6.0]), torch.tensor([1.0, 0.0])
    assert (WASSERSTEIN.real(real) + WASSERSTEIN.fake(painted)).item() == -(5 - 0.5)
    assert WASSERSTEIN.fool(painted).item() == -0.5


@pytest.mark.parametrize("real_label", [1.0, 0.9, 0.5])
def test_each_loss_is_the_cross_entropy_of_its_label(real_label):
    game = bce(real_label)
    belief = torch.sigmoid(LOGITS.double())
    for loss, label in [(game.real, real_label), (game.fake, 0.0), (game.fool, 1.0)]:
        formula = -(label * belief.log() + (1 - label) * (1 - belief).log()).mean()
        torch.testing.assert_close(loss(LOGITS), formula.float())
        theirs = binary_cross_entropy_with_logits(LOGITS, torch.full_like(LOGITS, label))
        torch.testing.assert_close(loss(LOGITS), theirs)


def test_label_smoothing_by_hand():
    logit = torch.tensor([math.log(3)])  # the discriminator says 3/4
    smoothed = -(0.9 * math.log(3 / 4) + 0.1 * math.log(1 / 4))
    assert bce(0.9).real(logit).item() == pytest.approx(smoothed)


def test_a_smoothed_label_is_where_the_loss_is_least():
    logit = torch.tensor([math.log(0.9 / 0.1)], requires_grad=True)
    bce(0.9).real(logit).backward()
    assert logit.grad.item() == pytest.approx(0, abs=1e-7)


def test_certain_logits_stay_finite():
    certain = torch.tensor([-1e4, 1e4])
    for loss in (BCE.real, BCE.fake, BCE.fool):
        assert loss(certain).item() == pytest.approx(5e3)


def test_a_fooled_discriminator_still_teaches():
    """The non-saturating form: a picture that is surely recognised has the largest gradient, not none."""
    logit = torch.tensor([-20.0], requires_grad=True)
    BCE.fool(logit).backward()
    assert logit.grad.item() == pytest.approx(-1)


@pytest.mark.parametrize("real_label", [0.0, -0.1, 1.1])
def test_a_label_that_is_none_is_refused(real_label):
    with pytest.raises(ValueError, match=str(real_label)):
        bce(real_label)


def test_reeds_weights_give_line_nine_of_his_algorithm():
    matching, swapped, painted = score(0.3, -1.0), score(1.2, 0.4), score(-0.5, 2.0)
    round = SimpleNamespace(matching=[matching], swapped=[swapped], painted=[painted])
    losses = discriminator_losses(round, BCE, Pairs())
    real, wrong, fake = (torch.sigmoid(s.logits) for s in (matching, swapped, painted))
    line_nine = (real.log() + ((1 - wrong).log() + (1 - fake).log()) / 2).mean()
    torch.testing.assert_close(sum(losses.values()), -line_nine)


def test_each_kind_of_pair_has_its_weight():
    zero = [score(0.0)]
    round = SimpleNamespace(matching=zero, swapped=zero, painted=zero)
    losses = discriminator_losses(round, BCE, Pairs(real=2.0, painted=3.0, swapped=5.0))
    expected = {"real": 2 * math.log(2), "painted": 3 * math.log(2), "swapped": 5 * math.log(2)}
    assert {name: value.item() for name, value in losses.items()} == pytest.approx(expected)


def test_a_weight_of_zero_costs_nothing():
    round = SimpleNamespace(matching=[score(0.0)])  # has no other scores to give
    assert list(discriminator_losses(round, BCE, Pairs(painted=0, swapped=0))) == ["real"]


def test_no_caption_is_wrong_for_a_head_that_sees_none():
    blind = score(0.0, sees_text=False)
    round = SimpleNamespace(matching=[blind], painted=[blind])  # swapped scores are not even asked for
    assert list(discriminator_losses(round, BCE, Pairs())) == ["real", "painted"]
    seeing = score(0.0)
    round = SimpleNamespace(
        matching=[blind, seeing], painted=[blind, seeing], swapped=[score(50.0, sees_text=False), seeing]
    )
    assert discriminator_losses(round, BCE, Pairs())["swapped"].item() == pytest.approx(0.5 * math.log(2))


def test_heads_add_up():
    assert total(lambda d: d.mean(), [score(1.0, 3.0), score(10.0)]).item() == 12
    losses = generator_losses(SimpleNamespace(fooling=[score(0.0), score(0.0)]), BCE)
    assert {name: value.item() for name, value in losses.items()} == pytest.approx({"fool": 2 * math.log(2)})


@pytest.mark.parametrize("game", [BCE, HINGE, WASSERSTEIN], ids=["bce", "hinge", "wasserstein"])
def test_in_every_game_a_wrong_label_is_the_other_sign(game):
    torch.testing.assert_close(game.real(LOGITS), game.fake(-LOGITS))


@pytest.mark.parametrize("game", [bce(0.9), HINGE], ids=["bce", "hinge"])
def test_flipped_labels_cost_their_share_of_the_contrary(game):
    sure = torch.full((200_000,), 0.7)
    expected = 0.8 * game.real(sure) + 0.2 * game.real(-sure)
    assert with_flips(game, 0.2).real(sure).item() == pytest.approx(expected.item(), rel=0.01)
    assert with_flips(game, 0.2).fake(sure).item() == pytest.approx(
        (0.8 * game.fake(sure) + 0.2 * game.fake(-sure)).item(), rel=0.01
    )
    assert with_flips(game, 0.2).fool is game.fool


def test_an_examples_logits_are_flipped_together():
    game = with_flips(bce(), 0.3)
    losses = {round(game.real(torch.full((1, 5, 5), 2.0)).item(), 4) for _ in range(60)}
    assert losses == {round(BCE.real(torch.tensor([sign])).item(), 4) for sign in (2.0, -2.0)}


def test_noisy_labels_cost_what_their_middle_costs_on_average():
    """Cross-entropy is linear in its label: U[0.6, 1] costs what 0.8 costs."""
    logits, game = torch.full((200_000,), 0.7), noisy_bce(0.4)
    middle = {name: torch.full_like(logits, label) for name, label in (("real", 0.8), ("fake", 0.2))}
    for name, label in middle.items():
        expected = binary_cross_entropy_with_logits(logits, label).item()
        assert getattr(game, name)(logits).item() == pytest.approx(expected, rel=0.01)
    assert game.real(logits) != game.real(logits)
    assert game.fool is BCE.fool


@pytest.mark.parametrize(("make", "bad"), [(noisy_bce, 0.0), (noisy_bce, 0.6), (lambda p: with_flips(BCE, p), 0.5)])
def test_labels_that_say_nothing_are_refused(make, bad):
    with pytest.raises(ValueError, match=str(bad)):
        make(bad)

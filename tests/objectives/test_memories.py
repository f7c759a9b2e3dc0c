"""What parts of a recipe remember: replayed pictures, mean weights, how sure a discriminator is."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Sample, Score, Text, step_rng
from t2i_utils.objectives.adaptive import AdaptiveAugment
from t2i_utils.objectives.historical import HistoricalAverage
from t2i_utils.objectives.replay import Replay


def painted(value, count=4):
    """A round whose pictures and sentences are all one number."""
    images, sentence = torch.full((count, 1, 2, 2), float(value)), torch.full((count, 3), float(value))
    return SimpleNamespace(fake=Sample((images,)), batch=SimpleNamespace(text=Text(sentence)))


def remember(memory, *rounds):
    for round in rounds:
        memory.see(round)
        memory.keep()


def shown(replay, value, seed=0):
    round = painted(value)
    (images,), text = replay.mix(round.fake.images, round.batch.text, step_rng(seed, 0))
    assert torch.equal(images[:, 0, 0, 0], text.sentence[:, 0]), "a picture goes with its own caption"
    return images[:, 0, 0, 0].tolist()


def test_half_of_what_is_shown_is_old_as_soon_as_there_is_enough():
    replay = Replay((1, 2, 2), 3, size=8)
    assert shown(replay, 9) == [9, 9, 9, 9]
    remember(replay, painted(1), painted(2))
    assert shown(replay, 9)[:2] == [9, 9]
    assert {value for seed in range(20) for value in shown(replay, 9, seed)[2:]} == {1, 2}


def test_the_oldest_goes_first_and_only_what_was_learnt_from_is_kept():
    replay = Replay((1, 2, 2), 3, size=8)
    remember(replay, painted(1), painted(2), painted(3))
    replay.see(painted(float("nan")))  # its turn is skipped: nobody calls keep
    assert sorted(set(replay.images.flatten().tolist())) == [2, 3]
    assert replay.count == int(replay.seen) == 12


def test_a_system_told_nothing_replays_pictures_alone():
    replay = Replay((1, 2, 2), 0, size=4)
    remember(replay, painted(1))
    images, text = replay.mix(painted(9).fake.images, painted(9).batch.text, step_rng(0, 0))
    assert images[0][:, 0, 0, 0].tolist() == [9, 9, 1, 1]
    assert text.sentence.shape == (4, 3)


@pytest.mark.parametrize("bad", [{"size": 0}, {"share": 0.0}, {"share": 1.0}])
def test_a_replay_that_keeps_nothing_is_refused(bad):
    with pytest.raises(ValueError, match="cannot stand for"):
        Replay((1, 2, 2), 3, **bad)


def test_the_pull_towards_the_mean_of_all_weights_by_hand():
    player = nn.Linear(2, 1, bias=False)
    history = HistoricalAverage(player, weight=0.5)
    assert history(None).item() == 0
    for value in (1.0, 2.0, 6.0):
        nn.init.constant_(player.weight, value)
        remember(history, None)
    assert history(None).item() == pytest.approx(0.5 * 2 * (6 - 3) ** 2)
    history(None).backward()
    torch.testing.assert_close(player.weight.grad, torch.full((1, 2), 0.5 * 2 * (6 - 3.0)))
    assert [name for name, _ in history.named_parameters()] == [], "the player belongs to itself"


@pytest.mark.parametrize(("logit", "p"), [(2.0, 0.04), (-2.0, 0.0)])
def test_augmentation_rises_with_a_discriminator_that_is_sure_and_never_leaves_its_range(logit, p):
    augment = AdaptiveAugment(target=0.6, pictures=100)
    round = SimpleNamespace(matching=[Score(torch.tensor([logit]), True)], batch=[0])
    remember(augment, round, round, round)
    assert augment.p == 0
    remember(augment, round)
    assert augment.p == pytest.approx(p)
    remember(augment, *[round] * 100)
    assert augment.p == (pytest.approx(1) if logit > 0 else 0)
    assert (augment.draw(10, 0, step_rng(0, 0)).cut > 0).all() == (logit > 0)


def test_below_its_target_augmentation_falls_again():
    augment = AdaptiveAugment(target=0.6, pictures=8)
    sure, unsure = (
        SimpleNamespace(matching=[Score(torch.tensor(logits), True)], batch=[0]) for logits in ([1.0], [1.0, -1.0])
    )
    remember(augment, *[sure] * 4)
    assert augment.p == 0.5
    remember(augment, sure, sure, sure, unsure)  # a mean sign of 0.75
    assert augment.p == 1
    remember(augment, sure, sure, unsure, unsure)  # 0.5
    assert augment.p == 0.5


@pytest.mark.parametrize("bad", [{"target": 1.0}, {"pictures": 0}])
def test_an_augmentation_that_cannot_move_is_refused(bad):
    with pytest.raises(ValueError, match="p cannot reach"):
        AdaptiveAugment(**bad)

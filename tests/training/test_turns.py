"""A turn: when it is due, what it freezes, at which rate it learns."""

import pytest
import torch
from torch import nn

from t2i_utils.training.turns import Turn


def make_turn(module=None, **choices):
    module = module or nn.Linear(2, 2)
    return Turn("player", module, torch.optim.SGD(module.parameters(), lr=0.5), lambda moment: {}, **choices)


def test_due_at_steps_divisible_by_every():
    assert [step for step in range(9) if make_turn(every=3).due(step)] == [0, 3, 6]
    assert all(make_turn().due(step) for step in range(3))


@pytest.mark.parametrize("every", [0, -1])
def test_a_turn_that_is_never_due_is_refused(every):
    with pytest.raises(ValueError, match=rf"'player' is due every {every} steps; use 1 or more"):
        make_turn(every=every)


def test_what_was_frozen_from_the_start_stays_frozen():
    module = nn.Linear(2, 2)
    module.bias.requires_grad_(False)
    turn = make_turn(module)
    turn.freeze(True)
    assert not module.weight.requires_grad
    turn.freeze(False)
    assert module.weight.requires_grad
    assert not module.bias.requires_grad


def test_a_schedule_is_a_factor_of_the_first_rate():
    turn = make_turn(schedule=lambda step: 1 / (1 + step))
    rates = []
    for step in (0, 1, 3, 0):
        turn.set_rate(step)
        rates.append(turn.optimizer.param_groups[0]["lr"])
    assert rates == [0.5, 0.25, 0.125, 0.5]


def test_without_a_schedule_the_rate_is_the_optimisers_own_times_a_factor():
    turn = make_turn()
    turn.set_rate(10)
    assert turn.optimizer.param_groups[0]["lr"] == 0.5
    turn.set_rate(10, factor=0.25)
    assert turn.optimizer.param_groups[0]["lr"] == 0.125


def test_a_second_turn_over_the_same_optimizer_keeps_the_first_rate():
    turn = make_turn(schedule=lambda step: 0.1)
    turn.set_rate(0)
    again = Turn("again", turn.module, turn.optimizer, turn.losses, schedule=lambda step: 1.0)
    again.set_rate(0)
    assert turn.optimizer.param_groups[0]["lr"] == 0.5

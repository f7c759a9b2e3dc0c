"""Turns whose numbers are not finite: nothing of them stays, they are counted, and several in a row end the attempt."""

import copy

import pytest
import torch
from torch import nn

from t2i_utils.training.average import Average
from t2i_utils.training.guard import DivergedError
from t2i_utils.training.trainer import Trainer
from t2i_utils.training.turns import Turn

pytestmark = pytest.mark.usefixtures("one_thread")


class Player(nn.Module):
    """A network with running statistics, so that forward passes alone change it."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))

    def forward(self, batch):
        return self.net(batch)


class Game:
    """Two players; `spoil` names whose loss or gradient goes wrong at which steps, and how."""

    def __init__(self, half=None, **spoil):
        torch.manual_seed(0)
        self.spoil = spoil
        self.modules = {name: Player() for name in ("first", "second")}
        self.averages = {name: Average(module) for name, module in self.modules.items()}
        turns = [self.turn(name, module) for name, module in self.modules.items()]
        state = {f"average of {name}": average for name, average in self.averages.items()}
        self.trainer = Trainer(turns, self.prepare, half=half, state=state)

    def prepare(self, batch, step, due):
        self.step = step
        return batch

    def turn(self, name, module):
        def losses(batch):
            score = module(batch).float()
            return {"score": self.worsen(name, score.square().mean())}

        optimizer = torch.optim.Adam(module.parameters(), lr=0.01, betas=(0.5, 0.9), fused=True)
        return Turn(name, module, optimizer, losses, after=lambda: self.averages[name].update(module))

    def worsen(self, name, loss):
        how = self.spoil.get(name, {}).get(self.step)
        if how == "loss":
            return loss * float("nan")
        if how == "gradient":  # a finite loss whose slope is not: the square root of nought
            return loss + torch.sqrt(loss - loss.detach())
        return loss

    def learn(self, steps):
        rng = torch.Generator().manual_seed(1)
        batches = [torch.randn(6, 3, generator=rng) for _ in range(steps)]
        return [self.trainer.learn(batch) for batch in batches[self.trainer.step :]]

    def state(self, name):
        turn = next(turn for turn in self.trainer.turns if turn.name == name)
        parts = {"module": turn.module, "optimizer": turn.optimizer, "average": self.averages[name]}
        return copy.deepcopy({key: part.state_dict() for key, part in parts.items()})


def flat(tree, path=""):
    if isinstance(tree, dict | list | tuple):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return {key: leaf for name, part in items for key, leaf in flat(part, f"{path}/{name}").items()}
    return {path: tree}


def same(one, other):
    one, other = flat(one), flat(other)
    assert one.keys() == other.keys()
    pairs = [(one[key], other[key]) for key in one]
    return all(torch.equal(a, b) if torch.is_tensor(a) else a == b for a, b in pairs)


@pytest.mark.parametrize(
    ("how", "half"),
    [(how, half) for how in ("loss", "gradient") for half in (None, torch.bfloat16)] + [("loss", torch.float16)],
)
def test_a_turn_that_is_not_finite_leaves_no_bit_changed(how, half, caplog):
    game = Game(half, second={3: how})
    game.learn(3)
    before = {name: game.state(name) for name in game.modules}
    game.learn(4)
    assert same(game.state("second"), before["second"])
    assert not same(game.state("first"), before["first"])
    skipped = game.trainer.guard.skipped
    assert [(turn.step, turn.turn) for turn in skipped] == [(3, "second")]
    assert skipped[0].losses.keys() == {"score"}
    assert "skipped, as it is not finite: step 3, second: score" in caplog.text
    game.learn(5)
    assert not same(game.state("second"), before["second"])
    assert game.trainer.guard.calm


@pytest.mark.parametrize("half", [None, torch.float16])
def test_the_rest_of_the_run_is_as_if_that_turn_had_not_been_due(half):
    game, other = Game(half, second={2: "loss"}), Game(half)
    other.trainer.turns[1].due = lambda step: step != 2
    game.learn(8)
    other.learn(8)
    assert same(game.state("second"), other.state("second"))


def test_fp16_finds_its_scale_without_being_counted_and_real_nans_are():
    game = Game(torch.float16, first={4: "loss"})
    for scaler in game.trainer.scalers.values():
        scaler._init_scale = 2.0**60  # the first gradients overflow: this is how a scaler begins
    game.learn(40)
    guard = game.trainer.guard
    assert guard.overflows["second"] >= 3
    assert [(turn.step, turn.turn) for turn in guard.skipped] == [(4, "first")]
    assert all(scaler.get_scale() < 2.0**60 for scaler in game.trainer.scalers.values())


def test_several_in_a_row_are_given_up_with_what_was_seen():
    game = Game(first=dict.fromkeys((1, 2), "loss"), second=dict.fromkeys(range(3, 20), "loss"))
    with pytest.raises(DivergedError) as raised:
        game.learn(20)
    assert game.trainer.step == 3 + game.trainer.guard.patience - 1
    assert [turn.step for turn in raised.value.skipped] == list(range(3, 3 + game.trainer.guard.patience))
    assert "step 3, second: score nan, gradient nan" in str(raised.value)


def test_one_good_turn_ends_the_row():
    game = Game(first={step: "gradient" for step in range(30) if step % 4})
    game.learn(30)
    assert len(game.trainer.guard.skipped) == len([step for step in range(30) if step % 4])


@pytest.mark.parametrize("half", [None, torch.bfloat16, torch.float16])
def test_a_turn_waits_for_the_gpu_once(half, monkeypatch):
    game, waits = Game(half), []
    game.learn(2)
    for name in ("item", "tolist", "__bool__", "__float__", "__int__"):
        ask = getattr(torch.Tensor, name)
        monkeypatch.setattr(torch.Tensor, name, lambda tensor, ask=ask, name=name: (waits.append(name), ask(tensor))[1])
    game.learn(5)
    assert waits == ["tolist"] * 3 * len(game.modules)


def test_the_norm_of_a_gradient_is_that_of_all_of_it():
    game = Game()
    game.learn(1)
    turn = game.trainer.turns[0]
    whole = torch.cat([parameter.grad.flatten() for parameter in turn.module.parameters()])
    torch.testing.assert_close(game.trainer.norms["first"], whole.norm())


def test_the_rate_is_a_factor_beside_the_schedule_and_belongs_to_the_state():
    game = Game()
    game.trainer.turns[0].schedule = lambda step: 0.1
    game.trainer.rate = 0.5
    game.learn(1)
    rates = [turn.optimizer.param_groups[0]["lr"] for turn in game.trainer.turns]
    assert rates == pytest.approx([0.0005, 0.005])
    again = Game()
    again.trainer.load_state_dict(game.trainer.state_dict())
    assert again.trainer.rate == 0.5

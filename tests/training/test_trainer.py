"""The one loop, on players of a few weights: who learns when, from what, and in which precision."""

import itertools

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import step_seed
from t2i_utils.training.budget import Budget
from t2i_utils.training.guard import DivergedError
from t2i_utils.training.trainer import DROPOUT, Trainer
from t2i_utils.training.turns import Turn

pytestmark = pytest.mark.usefixtures("one_thread")


def player(name, losses=None, **choices):
    torch.manual_seed(len(name))
    module = nn.Linear(3, 1)
    losses = losses or (lambda batch: {"square": module(batch).float().square().mean()})
    return Turn(name, module, torch.optim.SGD(module.parameters(), lr=0.1), losses, **choices)


def trainer_of(*turns, **choices):
    return Trainer(turns, lambda batch, step, due: batch, **choices)


def weights(turn):
    return torch.cat([parameter.detach().flatten() for parameter in turn.module.parameters()]).clone()


@pytest.fixture
def batch():
    return torch.randn(8, 3, generator=torch.Generator().manual_seed(0))


def test_only_those_who_are_due_learn(batch):
    always, seldom = player("always"), player("seldom", every=3)
    trainer = trainer_of(always, seldom)
    moved = {"always": [], "seldom": []}
    for _ in range(7):
        before = {turn.name: weights(turn) for turn in trainer.turns}
        _, losses = trainer.learn(batch)
        for turn in trainer.turns:
            moved[turn.name].append(not torch.equal(weights(turn), before[turn.name]))
            assert (f"{turn.name}/square" in losses) == moved[turn.name][-1]
    assert moved["always"] == [True] * 7
    assert moved["seldom"] == [step % 3 == 0 for step in range(7)]
    assert trainer.step == 7


def test_a_turn_is_a_step_of_gradient_descent(batch):
    turn = player("one")
    copy = nn.Linear(3, 1)
    copy.load_state_dict(turn.module.state_dict())
    copy(batch).square().mean().backward()
    trainer_of(turn).learn(batch)
    for ours, theirs in zip(turn.module.parameters(), copy.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs - 0.1 * theirs.grad)


def test_who_is_not_taking_the_turn_gets_no_gradient(batch):
    def both(moment):
        return {"sum": (first.module(moment) + second.module(moment)).sum()}

    def look():
        seen.append([turn.module.weight.grad is not None for turn in (first, second)])

    seen = []
    first, second = player("first", both, before_step=look), player("second", both, before_step=look)
    first.after = lambda: first.optimizer.zero_grad(set_to_none=True)  # whatever grows again, second's turn gave
    trainer_of(first, second).learn(batch)
    assert seen == [[True, False], [False, True]]


def test_frozen_parameters_do_not_move(batch):
    turn = player("one")
    turn.module.bias.requires_grad_(False)
    turn = Turn("one", turn.module, turn.optimizer, turn.losses)
    before = turn.module.bias.clone()
    trainer_of(turn, player("other")).learn(batch)
    assert torch.equal(turn.module.bias, before)
    assert turn.module.bias.grad is None
    assert not turn.module.bias.requires_grad


def test_between_steps_nobody_is_frozen(batch):
    """Else other turns made of the same networks would find nothing that learns."""
    trainer = trainer_of(player("first"), player("second"), player("rare", every=5))
    for _ in range(2):
        trainer.learn(batch)
        assert all(p.requires_grad for turn in trainer.turns for p in turn.module.parameters())


def test_prepare_is_told_the_step_and_who_is_due(batch):
    told = []

    def prepare(moment, step, due):
        told.append((step, due))
        return moment

    trainer = Trainer([player("first"), player("second", every=2)], prepare)
    for _ in range(3):
        trainer.learn(batch)
    assert told == [(0, {"first", "second"}), (1, {"first"}), (2, {"first", "second"})]


def test_a_schedule_goes_by_the_trainers_step(batch):
    turn = player("one", schedule=lambda step: 0.5**step)
    trainer, rates = trainer_of(turn), []
    for _ in range(3):
        trainer.learn(batch)
        rates.append(turn.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.1, 0.05, 0.025])


def test_before_and_after_stand_around_the_optimizers_step(batch):
    seen = []
    turn = player("one", before_step=lambda: seen.append(weights(turn)), after=lambda: seen.append(weights(turn)))
    start = weights(turn)
    trainer_of(turn).learn(batch)
    assert torch.equal(seen[0], start)
    assert torch.equal(seen[1], weights(turn))
    assert not torch.equal(seen[0], seen[1])


def test_clipping_before_the_step_bounds_the_step(batch):
    turn = player("one")
    turn.before_step = lambda: nn.utils.clip_grad_norm_(turn.module.parameters(), 1e-3)
    start = weights(turn)
    trainer_of(turn).learn(batch * 100)
    assert (weights(turn) - start).norm().item() == pytest.approx(0.1 * 1e-3, rel=1e-3)


def test_losses_in_parts_accumulate_to_the_gradients_of_one_batch(batch):
    def in_parts(moment):
        for part in moment.split(2):
            yield {"square": parts.module(part).square().sum() / len(moment)}

    whole, parts = player("whole"), player("parts", in_parts)
    parts.module.load_state_dict(whole.module.state_dict())
    _, losses = trainer_of(whole, parts).learn(batch)
    torch.testing.assert_close(parts.module.weight.grad, whole.module.weight.grad)
    torch.testing.assert_close(weights(parts), weights(whole))
    torch.testing.assert_close(losses["parts/square"], losses["whole/square"])
    assert not losses["parts/square"].requires_grad


def test_each_part_is_freed_before_the_next_is_made(batch):
    alive = []

    def in_parts(moment):
        for part in moment.split(4):
            alive.append(turn.module.weight.grad is not None)
            yield {"square": turn.module(part).square().mean()}

    turn = player("one", in_parts)
    trainer_of(turn).learn(batch)
    assert alive == [False, True]  # the first part was backpropagated before the second was computed


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_half_precision_is_decided_here(batch, half):
    seen = {}

    def prepare(moment, step, due):
        seen["prepare"] = first.module(moment).dtype
        return moment

    def losses(moment):
        out = first.module(moment)
        seen["losses"] = out.dtype
        return {"sum": out.float().mean() / 10}

    def in_parts(moment):
        out = second.module(moment)
        seen["part"] = out.dtype
        yield {"sum": out.float().mean() / 10}

    first, second = player("first", losses), player("second", in_parts)
    first.before_step = lambda: seen.update(step=torch.is_autocast_enabled("cpu"))
    trainer = Trainer([first, second], prepare, half=half)
    start = [weights(turn) for turn in trainer.turns]
    trainer.learn(batch)
    assert seen == {"prepare": half, "losses": half, "part": half, "step": False}
    assert first.module.weight.dtype is first.module.weight.grad.dtype is torch.float32
    assert not any(torch.equal(weights(turn), old) for turn, old in zip(trainer.turns, start, strict=True))
    assert first.module(batch).dtype is torch.float32  # nothing of it is left behind


def test_before_step_sees_true_gradients_under_a_scaler():
    turn = player("one", lambda batch: {"sum": turn.module.weight.sum() * 3})
    seen = []
    turn.before_step = lambda: seen.append(turn.module.weight.grad.clone())
    trainer = trainer_of(turn, half=torch.float16)
    trainer.learn(None)
    assert trainer.scalers["one"].get_scale() > 1000
    assert torch.equal(seen[0], torch.full((1, 3), 3.0))


def test_one_players_overflow_skips_only_its_own_step():
    overflows = {"first": 1, "second": 2}

    def losses(name):
        def now(step):
            total = turns[name].module.weight.sum()
            steep = torch.sqrt(total - total.detach()) if step == overflows[name] else 0.0  # its slope is infinite
            return {"sum": total + steep}

        return now

    turns = {name: player(name, losses(name)) for name in ("first", "second")}
    trainer = trainer_of(*turns.values(), half=torch.float16)
    start = trainer.scalers["first"].get_scale()
    moved = []
    scales = []
    for step in range(4):
        before = [weights(turn) for turn in turns.values()]
        trainer.learn(step)
        scales.append([scaler.get_scale() / start for scaler in trainer.scalers.values()])
        moved.append([not torch.equal(weights(t), old) for t, old in zip(turns.values(), before, strict=True)])
    assert moved == [[True, True], [False, True], [True, False], [True, True]]
    assert scales == [[1, 1], [0.5, 1], [0.5, 0.5], [0.5, 0.5]]
    assert all(torch.isfinite(weights(turn)).all() for turn in turns.values())


def test_a_loss_that_is_not_finite_says_nothing_of_the_scale():
    turn = player("one", lambda step: {"sum": turn.module.weight.sum() * (float("nan") if step % 2 else 1.0)})
    trainer = trainer_of(turn, half=torch.float16)
    start = trainer.scalers["one"].get_scale()
    for step in range(40):
        trainer.learn(step)
    assert trainer.scalers["one"].get_scale() == start
    assert (len(trainer.guard.skipped), trainer.guard.overflows) == (20, {})


def test_a_scale_is_halved_down_to_one_and_what_is_still_not_finite_then_is_skipped():
    turn = player("one", lambda step: {"sum": torch.sqrt(turn.module.weight.sum() - turn.module.weight.sum().detach())})
    trainer = trainer_of(turn, half=torch.float16)
    with pytest.raises(DivergedError):
        trainer.run(itertools.count, Budget(steps=40))
    assert trainer.scalers["one"].get_scale() == 1.0
    assert trainer.guard.overflows == {"one": 16}  # 2^16 is where it began
    assert trainer.step == 16 + trainer.guard.patience - 1
    assert trainer.measures()["overflows"] == 16


@pytest.mark.parametrize("dies", ["before_step", "backward"])
def test_a_turn_that_was_interrupted_can_be_taken_again_under_a_scaler(dies):
    interrupts = [KeyboardInterrupt]

    def die(*_):
        if interrupts:
            raise interrupts.pop()

    turn = player("one", lambda batch: {"sum": turn.module.weight.sum()})
    trainer = trainer_of(turn, half=torch.float16)
    if dies == "before_step":
        turn.before_step = die
    else:
        turn.module.weight.register_post_accumulate_grad_hook(die)
    with pytest.raises(KeyboardInterrupt):
        trainer.learn(None)
    before = weights(turn)
    trainer.learn(None)
    assert not torch.equal(weights(turn), before)


def test_only_fp16_needs_a_scaler():
    for half, enabled in [(None, False), (torch.bfloat16, False), (torch.float16, True)]:
        assert trainer_of(player("one"), half=half).scalers["one"].is_enabled() is enabled


def test_players_train_and_what_only_belongs_to_the_state_keeps_its_mode():
    turn, more = player("one"), nn.BatchNorm2d(2).eval()
    turn.module.eval()
    trainer_of(turn, state={"more": more})
    assert turn.module.training
    assert not more.training


def test_run_goes_on_from_its_step_and_ends_with_the_budget(batch):
    asked, watched = [], []

    def batches(step):
        asked.append(step)
        return itertools.repeat(batch)

    trainer = trainer_of(player("one"))
    trainer.run(batches, Budget(steps=3), [lambda t, moment, losses: watched.append((t.step, sorted(losses)))])
    assert watched == [(step, ["one/square"]) for step in (1, 2, 3)]
    trainer.run(batches, Budget(steps=5))
    assert trainer.step == 5
    trainer.run(batches, Budget(steps=5))  # nothing left to do: not even a batch is loaded
    assert asked == [0, 3]


def test_a_state_is_tensors_and_plain_values_by_name(batch):
    trainer = trainer_of(player("first"), player("second"), state={"more": nn.BatchNorm1d(2)})
    trainer.learn(batch)
    state = trainer.state_dict()
    assert state["step"] == 1
    assert set(state["turns"]) == {"first", "second"}
    assert set(state["turns"]["first"]) == {"module", "optimizer", "scaler"}
    assert set(state["state"]["more"]) >= {"weight", "running_mean"}
    other = trainer_of(player("first"), player("second"), state={"more": nn.BatchNorm1d(2)})
    other.learn(batch * 2)
    other.learn(batch * 2)
    other.load_state_dict(state)
    assert other.step == 1
    for ours, theirs in zip(other.turns, trainer.turns, strict=True):
        assert torch.equal(weights(ours), weights(theirs))


def test_measures_tell_norms_rates_and_what_was_skipped(batch):
    one, other = player("one"), player("other", schedule=lambda step: 0.5)
    trainer = trainer_of(one, other)
    trainer.learn(batch)
    told = trainer.measures()
    assert (told["rate/one"], told["rate/other"], told["skipped"]) == (0.1, 0.05, 0.0)
    assert torch.is_tensor(told["norm/one"])
    assert told["norm/one"] > 0
    assert not any(name.startswith("scale/") for name in told)
    scaled = trainer_of(player("one"), half=torch.float16)
    scaled.learn(batch)
    assert scaled.measures()["scale/one"] == 65536.0


# What a step draws by itself


def dropping(draws, seed=0):
    """A trainer whose player's losses look at what dropout lets through, and write it down."""

    def losses(batch):
        draws.append(nn.functional.dropout(torch.ones(64), 0.5))
        return {"square": turn.module(batch).square().mean()}

    turn = player("one", losses)
    return trainer_of(turn, seed=seed)


def test_dropout_is_a_function_of_seed_and_step_and_of_nothing_else(batch):
    straight, disturbed, other = [], [], []
    first, second, third = dropping(straight), dropping(disturbed), dropping(other, seed=1)
    for step in range(3):
        first.learn(batch)
        third.learn(batch)
        torch.manual_seed(100 + step)  # whatever a session does between two steps
        second.learn(batch)
        torch.rand(5)
    assert all(map(torch.equal, straight, disturbed))
    assert not any(map(torch.equal, straight, other)), "another seed draws otherwise"
    assert not torch.equal(straight[0], straight[1]), "another step draws otherwise"
    resumed = []
    late = dropping(resumed)
    late.step = 2
    late.learn(batch)
    assert torch.equal(resumed[0], straight[2]), "a resumed run draws what it would have drawn"


def test_a_step_leaves_everyone_elses_randomness_alone(batch):
    trainer, before = dropping([]), torch.get_rng_state()
    trainer.learn(batch)
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_does_not_draw_from_the_stream_of_the_noise(batch):
    draws = []
    dropping(draws, seed=4).learn(batch)
    with torch.random.fork_rng([]):
        torch.manual_seed(step_seed(4, 0))
        assert not torch.equal(draws[0], nn.functional.dropout(torch.ones(64), 0.5))
        torch.manual_seed(step_seed(4, 0, DROPOUT))
        assert torch.equal(draws[0], nn.functional.dropout(torch.ones(64), 0.5))

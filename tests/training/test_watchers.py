"""What looks on: records that survive a restart, a clock that saves, a Ctrl-C that waits for the step's end."""

import itertools
import signal
import threading
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from t2i_utils.training.budget import Budget
from t2i_utils.training.trainer import Trainer
from t2i_utils.training.turns import Turn
from t2i_utils.training.watchers import Every, History, Progress, SaveEvery, clock, finish_step_on_interrupt


def at(step):
    """A trainer as far as watchers look."""
    return SimpleNamespace(
        step=step, measures=lambda: {"norm/generator": torch.tensor(2.0), "rate/generator": 0.1 * step}
    )


def written(history, steps):
    for step in steps:
        history(
            at(step), None, {"generator/fool": torch.tensor(1 / step), "discriminator/real": torch.tensor(step / 7)}
        )
    return history


def test_history_keeps_losses_by_step():
    history = written(History(), range(1, 4))
    assert history.names() == ["generator/fool", "discriminator/real", "norm/generator", "rate/generator"]
    assert history.losses() == ["generator/fool"]  # the discriminator's rate was not told: it is no player here
    assert history.column("rate/generator")[1] == pytest.approx([0.1, 0.2, 0.3])
    steps, values = history.column("generator/fool")
    assert steps == [1, 2, 3]
    assert values == pytest.approx([1, 1 / 2, 1 / 3])


def test_history_measures_the_moment_and_leaves_out_steps():
    history = History(measure=lambda moment: {"score": torch.tensor(moment)}, every=2)
    for step in range(1, 7):
        history(at(step), 10.0 * step, {})
    assert history.column("score") == ([2, 4, 6], [20, 40, 60])


def test_history_comes_back_from_its_file_as_it_was(tmp_path):
    path = tmp_path / "history.csv"
    history = written(History(path), [1, 2, 1_234_567])
    history(at(1_234_568), None, {"generator/interpolated": torch.tensor(0.5)})  # a player that is seldom due
    history.flush()
    again = History(path, until=1_234_568)
    assert again.names() == history.names()
    for name in history.names():
        (steps, values), (old_steps, old_values) = again.column(name), history.column(name)
        assert steps == old_steps
        assert torch.equal(torch.tensor(values), torch.tensor(old_values))  # every digit of a float32


def test_history_forgets_what_will_be_trained_again(tmp_path):
    path = tmp_path / "history.csv"
    written(History(path), range(1, 11)).flush()
    history = History(path, until=6)
    assert history.column("generator/fool")[0] == [1, 2, 3, 4, 5, 6]
    written(history, [7, 8]).flush()
    assert History(path, until=100).column("generator/fool")[0] == list(range(1, 9))


def test_history_adds_to_its_file_and_writes_it_anew_only_for_a_new_column(tmp_path):
    path = tmp_path / "history.csv"
    history = written(History(path), range(1, 5))
    history.flush()
    before, place = path.read_bytes(), path.stat().st_ino
    written(history, [5, 6]).flush()
    assert path.stat().st_ino == place, "the same file, not another in its place"
    assert path.read_bytes().startswith(before)
    history.flush()  # with nothing new
    assert History(path, until=9).column("generator/fool")[0] == list(range(1, 7))
    history.note(7, {"more": 0.5})
    history.flush()
    assert path.stat().st_ino != place
    told = History(path, until=9)
    assert told.column("more") == ([7], [0.5])
    assert told.column("generator/fool")[0] == list(range(1, 7))


def test_half_a_line_that_a_kill_left_is_no_row(tmp_path):
    path = tmp_path / "history.csv"
    written(History(path), range(1, 5)).flush()
    path.write_bytes(path.read_bytes()[:-4])
    history = History(path, until=9)
    assert history.column("generator/fool")[0] == [1, 2, 3]
    written(history, [4, 5]).flush()
    assert History(path, until=9).column("generator/fool")[0] == [1, 2, 3, 4, 5]


def test_history_without_a_file_writes_none(tmp_path):
    written(History(), [1]).flush()
    History(tmp_path / "empty.csv").flush()
    assert list(tmp_path.iterdir()) == []


def test_saving_goes_by_the_clock():
    now, saved = [0.0], []
    saver = SaveEvery(lambda: saved.append(now[0]), minutes=2, now=lambda: now[0])
    for seconds in (1, 119, 120, 121, 200, 239, 241, 900, 901):
        now[0] = seconds
        saver(at(0), None, {})
    assert saved == [120, 241, 900]
    with pytest.raises(ValueError, match="every 0 minutes"):
        SaveEvery(lambda: None, minutes=0)


def test_every_so_many_steps():
    done = []
    watcher = Every(3, lambda trainer: done.append(trainer.step))
    for step in range(1, 10):
        watcher(at(step), None, {})
    assert done == [3, 6, 9]


def test_the_bar_shows_how_much_of_the_budget_is_used():
    now = [0.0]
    budget = Budget(steps=4, clock=lambda: now[0])
    bar = Progress(budget, "gan_cls")
    budget.spent(0)
    now[0] = 33.0
    bar(at(1), None, {})
    assert bar.bar.n == pytest.approx(0.25)
    assert bar.bar.postfix == "step 1, 1:39 left"
    bar(at(5), None, {})
    assert bar.bar.n == pytest.approx(1.0)
    bar.close()


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (65.4, "1:05"), (59.7, "1:00"), (7200, "2:00:00")])
def test_seconds_as_people_say_them(seconds, said):
    assert clock(seconds) == said


@pytest.fixture
def two_players():
    """A trainer of two, the first of which interrupts at the steps in `.interrupts`, in the middle of its turn."""

    def player(name):
        def losses(moment):
            if name == "first":
                for _ in range(trainer.interrupts.count(trainer.step)):
                    signal.raise_signal(signal.SIGINT)
            return {"sum": module.weight.sum()}

        module = nn.Linear(1, 1)
        return Turn(name, module, torch.optim.SGD(module.parameters(), lr=1.0), losses)

    trainer = Trainer([player("first"), player("second")], lambda batch, step, due: batch)
    trainer.interrupts = []
    return trainer


def test_an_interrupt_ends_the_run_after_a_whole_step(two_players):
    two_players.interrupts = [2]
    start = [turn.module.weight.item() for turn in two_players.turns]
    before, seen = signal.getsignal(signal.SIGINT), []
    budget = Budget(steps=10)
    with finish_step_on_interrupt(budget):
        two_players.run(itertools.repeat, budget, [lambda trainer, moment, losses: seen.append(sorted(losses))])
    assert two_players.step == 3
    assert seen == [["first/sum", "second/sum"]] * 3
    moved = [value - turn.module.weight.item() for value, turn in zip(start, two_players.turns, strict=True)]
    assert moved == pytest.approx([3, 3], abs=1e-5)  # both learned in each of the three steps
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def pythons_own_interrupt():
    """SIGINT raises KeyboardInterrupt, as where a person trains; pytest-xdist's workers ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("pythons_own_interrupt")
def test_a_second_interrupt_does_not_wait(two_players):
    two_players.interrupts = [1, 1]
    before = signal.getsignal(signal.SIGINT)
    budget = Budget(steps=10)
    with pytest.raises(KeyboardInterrupt), finish_step_on_interrupt(budget):
        two_players.run(itertools.repeat, budget)
    assert two_players.step == 1
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_in_another_thread_trains_as_usual(two_players):
    failures = []

    def work():
        try:
            budget = Budget(steps=2)
            with finish_step_on_interrupt(budget):
                two_players.run(itertools.repeat, budget)
        except ValueError as error:  # what Python raises for a signal handler outside the main thread
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert failures == []
    assert two_players.step == 2

"""How long a run may take, by a clock that we turn."""

import pytest

from t2i_utils.training.budget import Budget


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize(("steps", "minutes"), [(None, None), (5, 1.0)])
def test_steps_or_minutes_and_not_both(steps, minutes):
    with pytest.raises(ValueError, match="exactly one of the two"):
        Budget(steps, minutes)


@pytest.mark.parametrize(("steps", "minutes"), [(0, None), (-1, None), (None, 0), (None, -2.5)])
def test_nothing_is_no_budget(steps, minutes):
    with pytest.raises(ValueError, match="above 0"):
        Budget(steps, minutes)


def test_steps_are_counted_from_the_beginning_of_the_run(clock):
    budget = Budget(steps=10, clock=clock)
    assert [step for step in range(8, 13) if budget.spent(step)] == [10, 11, 12]
    assert budget.fraction(5) == 0.5


def test_the_time_left_of_steps_goes_by_the_pace_of_this_call(clock):
    budget = Budget(steps=10, clock=clock)
    assert budget.seconds_left(4) is None
    budget.spent(4)  # resumed at step 4: what came before took other time
    assert budget.seconds_left(4) is None
    clock.now += 6
    assert budget.seconds_left(6) == pytest.approx(12)  # 3 s a step, 4 to go


def test_minutes_are_counted_from_the_first_look(clock):
    budget = Budget(minutes=2, clock=clock)
    clock.now += 500  # loading the data
    assert budget.fraction(0) == 0
    assert budget.seconds_left(0) is None
    assert not budget.spent(0)
    clock.now += 30
    assert budget.fraction(7) == 0.25
    assert budget.seconds_left(7) == pytest.approx(90)
    clock.now += 89
    assert not budget.spent(1_000_000)
    clock.now += 1
    assert budget.spent(8)
    clock.now += 60
    assert budget.seconds_left(8) == 0


@pytest.mark.parametrize("choice", [{"steps": 100}, {"minutes": 100}])
def test_stop_ends_any_budget(choice, clock):
    budget = Budget(**choice, clock=clock)
    assert not budget.spent(0)
    budget.stop()
    assert budget.spent(1)

"""How long a run may take: so many steps altogether, or so many minutes from now."""

from __future__ import annotations

import time
from collections.abc import Callable


class Budget:
    """Steps counted from the run's beginning, or minutes counted from the first look at this budget.

    Args:
        steps: the run ends when it has seen so many batches in all, whatever it was resumed from.
        minutes: the run ends after so many minutes of this call.
        clock: seconds; time.monotonic but for tests.

    Raises:
        ValueError: for neither or both, or a number that is not positive.
    """

    def __init__(
        self, steps: int | None = None, minutes: float | None = None, clock: Callable[[], float] = time.monotonic
    ):
        if (steps is None) == (minutes is None):
            raise ValueError(f"got steps={steps} and minutes={minutes}; give exactly one of the two")
        if not (steps if steps is not None else minutes) > 0:  # nan, too, would never be spent
            raise ValueError(f"got steps={steps}, minutes={minutes}; a budget is a number above 0")
        self.steps, self.minutes, self.clock = steps, minutes, clock
        self.began: tuple[float, int] | None = None
        self.stopped = False

    def stop(self) -> None:
        """End the run after the step that it is in."""
        self.stopped = True

    def spent(self, step: int) -> bool:
        """Whether a run that has seen `step` batches is over. The first call starts the clock."""
        if self.began is None:
            self.began = (self.clock(), step)
        return self.stopped or self.fraction(step) >= 1

    def fraction(self, step: int) -> float:
        """How much of the budget is used, 0 to 1 and beyond."""
        if self.steps is not None:
            return step / self.steps
        return (self.clock() - self.began[0]) / (60 * self.minutes) if self.began else 0.0

    def seconds_left(self, step: int) -> float | None:
        """The time until the end: exact for minutes, at this call's pace for steps (None before the first step)."""
        if self.began is None:
            return None
        elapsed, done = self.clock() - self.began[0], step - self.began[1]
        if self.minutes is not None:
            return max(0.0, 60 * self.minutes - elapsed)
        return (self.steps - step) * elapsed / done if done else None

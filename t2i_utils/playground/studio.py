"""Painters by name for a page: opened when first asked for, kept, and asked to render states."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from t2i_utils.gallery import open_painter
from t2i_utils.painter import Painter
from t2i_utils.playground.choosing import Chooser
from t2i_utils.playground.render import Shown, render
from t2i_utils.playground.state import State
from t2i_utils.published import PUBLISHED, USUAL


def published_names() -> list[str]:
    """The painters that come with the package, the usual one first."""
    inside = [record.name for record in PUBLISHED.values() if record.files and not record.files[0].mirrors]
    return sorted(inside, key=lambda name: name != USUAL)


def reader_chooser(painter: Painter) -> Chooser:
    """Who chooses among candidates unless somebody else is named: the reader of drawn flowers that came along.

    Raises:
        ValueError: for a painter of pictures that the package has no reader for.
    """
    from t2i_utils.metrics.packed_reader import open_reader
    from t2i_utils.playground.choosing import ReaderChooser

    size = painter.paint(["a flower"]).shape[-1]
    return ReaderChooser(open_reader(size))


class Studio:
    """A few painters that answer to their names, and nobody else: a page may pass on whatever it is given.

    Args:
        names: what `open_painter` opens; those of the package if not given.
        device: where they paint.
        choose: who chooses among a painter's candidates.
    """

    def __init__(
        self,
        names: Sequence[str] | None = None,
        device: torch.device | str = "cpu",
        choose: Callable[[Painter], Chooser] = reader_chooser,
    ):
        self.names = list(names or published_names())
        self._open, self._choose = partial(open_painter, device=device), choose
        self._painters: dict[str, Painter] = {}
        self._choosers: dict[str, Chooser] = {}
        self._one_at_a_time = threading.Lock()

    def painter(self, name: str) -> Painter:
        """The painter of a name.

        Raises:
            ValueError: for a name that is not among `names`.
            FileNotFoundError, OSError: as `open_painter`.
        """
        if name not in self.names:
            raise ValueError(f"painter is {name[:40]!r}; here are {', '.join(self.names)}")
        return self._once(self._painters, name, lambda: self._open(name))

    def chooser(self, name: str) -> Chooser:
        """Who chooses among the candidates of a painter.

        Raises:
            ValueError: as `painter`, and where nobody can choose.
        """
        painter = self.painter(name)
        return self._once(self._choosers, name, lambda: self._choose(painter))

    def show(self, state: State) -> Shown:
        """Render a state with the painters that it names.

        Raises:
            ValueError: as `render`, `painter` and `chooser`.
            FileNotFoundError, OSError: as `open_painter`.
        """
        painter, other = self.painter(state.painter), self.painter(state.other) if state.other else None
        if state.tries == 1:
            return render(state, painter, other)
        other_chooser = self.chooser(state.other) if state.other else None
        return render(state, painter, other, self.chooser(state.painter), other_chooser)

    def _once(self, kept: dict[str, Any], name: str, make: Callable[[], Any]) -> Any:
        """What was made for a name, made now if it was not; two people at once wait for one making."""
        with self._one_at_a_time:
            if name not in kept:
                kept[name] = make()
            return kept[name]

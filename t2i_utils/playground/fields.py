"""The playground's fields: a widget for each attribute of a state.

Only what ipywidgets 7.7 (Colab) and 8.1 (Jupyter, Kaggle) share is used. To the former a description is HTML: all of
them are written here, and none holds what a person typed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import ipywidgets

from t2i_utils.playground.examples import LAST_SEED
from t2i_utils.playground.state import MOST, MOST_TRIES, VIEWS, State, as_numbers, from_numbers

CUTS = (math.inf, 2.0, 1.5, 1.0, 0.7, 0.5, 0.3)  # cut at infinity, noise is whole: a list has no place for None
NARROW, WIDE = {"width": "300px"}, {"width": "95%"}


def make_fields(names: Sequence[str], start: State) -> dict[str, ipywidgets.Widget]:
    """A widget for each attribute of a state, by its name.

    Args:
        names: of painters to choose from.
        start: what they hold at first.

    Raises:
        ValueError: for a start that names another painter.
    """
    for name in filter(None, (start.painter, start.other)):
        if name not in names:
            raise ValueError(f"start names the painter {name!r}; there are {', '.join(names)}")
    nobody = [("nobody", ""), *((name, name) for name in names)]
    fields = {
        "caption": _text("caption", ""),
        "second": _text("second", "(to mix in)"),
        "mix": _slider("mix %", 0, 100),
        "seed": _slider("seed", 0, LAST_SEED),
        "count": _slider("pictures", 1, MOST),
        "truncation": _list("truncation", [(_cut_label(cut), cut) for cut in CUTS]),
        "view": _list("show", [(label, name) for name, label in VIEWS.items()]),
        "tries": _slider("best of", 1, MOST_TRIES),
        "painter": _list("painter", [(name, name) for name in names]),
        "other": _list("beside", nobody),
    }
    fill(fields, start)
    return fields


def read(fields: Mapping[str, ipywidgets.Widget]) -> State:
    """What the fields say.

    Raises:
        ValueError: where no state can be so.
    """
    told = {name: field.value for name, field in fields.items()}
    cut = told["truncation"]
    return from_numbers({**told, "truncation": None if math.isinf(cut) else cut})


def fill(fields: Mapping[str, ipywidgets.Widget], state: State) -> None:
    """Set all fields; a seed or a cut that is not offered becomes one more that is."""
    cut = math.inf if state.truncation is None else state.truncation
    fields["seed"].max = max(LAST_SEED, state.seed)
    fields["truncation"].options = [(_cut_label(one), one) for one in dict.fromkeys((*CUTS, cut))]
    for name, value in {**as_numbers(state), "truncation": cut}.items():
        fields[name].value = value


def _text(label: str, hint: str) -> ipywidgets.Text:
    """It speaks when it is finished, not while it is typed."""
    return ipywidgets.Text(description=label, placeholder=hint, continuous_update=False, layout=WIDE)


def _slider(label: str, least: int, most: int) -> ipywidgets.IntSlider:
    return ipywidgets.IntSlider(value=least, min=least, max=most, description=label, layout=NARROW)


def _list(label: str, options: Sequence[tuple[str, object]]) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(options=options, description=label, layout=NARROW)


def _cut_label(cut: float) -> str:
    return "whole" if math.isinf(cut) else f"{cut:g}"

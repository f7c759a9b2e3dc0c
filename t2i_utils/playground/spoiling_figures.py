"""What each metric noticed of pictures that were spoilt on purpose, as a table of colours."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from t2i_utils.metrics.claims import MISSED, MOVED, NO_CLAIM, NOTICED, QUIET, WRONG_WAY, Change
from t2i_utils.playground.figures import drawn

COLOURS = {
    NOTICED: "#3a8f5c",
    QUIET: "#cfe8d6",
    MISSED: "#f2c14e",
    WRONG_WAY: "#d1495b",
    MOVED: "#d1495b",
    NO_CLAIM: "white",
}
TOLD = {
    NOTICED: "noticed, as it claims",
    QUIET: "left alone, as it claims",
    MISSED: "claimed, and missed",
    WRONG_WAY: "the wrong way, or moved by what it should not see",
    NO_CLAIM: "claims nothing",
}


def noticed(changes: Sequence[Change]) -> Image.Image:
    """A row a metric, a column a spoiling; a cell is the change in half widths, in the colour of its verdict."""
    heads = list(dict.fromkeys((one.spoiling, one.strength) for one in changes))
    rows = list(dict.fromkeys(one.heading for one in changes))
    figure = Figure(figsize=(3.2 + 0.62 * len(heads), 1.9 + 0.27 * len(rows)), layout="constrained")
    axis = figure.subplots()
    for one in changes:
        across, down = heads.index((one.spoiling, one.strength)), rows.index(one.heading)
        axis.fill_between([across - 0.5, across + 0.5], down - 0.5, down + 0.5, color=COLOURS[one.verdict], lw=0)
        shade = "white" if one.verdict in (NOTICED, WRONG_WAY, MOVED) else "black"
        axis.text(across, down, str(one), ha="center", va="center", fontsize=8, color=shade)
    axis.set_xlim(-0.5, len(heads) - 0.5)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_yticks(range(len(rows)), rows, fontsize=8)
    names = [f"{name}\n{strength}" for name, strength in heads]
    axis.set_xticks(range(len(heads)), names, fontsize=7, rotation=60, ha="left", rotation_mode="anchor")
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.hlines([row - 0.5 for row in range(1, len(rows))], -0.5, len(heads) - 0.5, color="white", lw=1)
    changed = [place for place in range(1, len(heads)) if heads[place][0] != heads[place - 1][0]]
    axis.vlines([place - 0.5 for place in changed], -0.5, len(rows) - 0.5, color="grey", lw=0.6)
    marks = [Patch(facecolor=COLOURS[verdict], edgecolor="grey", lw=0.4, label=said) for verdict, said in TOLD.items()]
    figure.legend(handles=marks, loc="outside lower center", ncols=3, fontsize=8)
    return drawn(figure)

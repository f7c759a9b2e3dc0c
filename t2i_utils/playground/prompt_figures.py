"""How much it matters how a caption says what it says: a panel a measure, a row a structure, a colour a painter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from PIL import Image

from t2i_utils.metrics.outcomes import Outcome, spelled
from t2i_utils.playground.figures import drawn

MOST = 4  # panels in a row


def draw(
    outcomes: Sequence[Outcome],
    chance: Mapping[str, float],
    real: Mapping[str, Mapping[str, float]],
) -> Image.Image:
    """Levels with their intervals; full where the difference from the first structure leaves out 0, hollow where not.

    Args:
        outcomes: of all painters; those with a `beside` go to a panel of their own, with what they are compared with.
        chance: by measure, what a guess would give.
        real: by painter and measure, what real renderings give.
    """
    plain, wrong = ([one for one in outcomes if bool(one.beside) is there] for there in (False, True))
    painters = list(dict.fromkeys(one.painter for one in outcomes))
    structures = list(dict.fromkeys(one.structure for one in plain))
    measures = list(dict.fromkeys(one.measure for one in plain))
    rows = -(-len(measures) // MOST)
    columns = -(-len(measures) // rows)
    thick = 0.12 + 0.1 * len(painters)  # inches a structure
    heights = [rows * (thick * len(structures) + 0.5), thick * len({one.measure for one in wrong}) + 0.5]
    heights = heights if wrong else heights[:1]
    figure = Figure(figsize=(2.9 * columns + 1, sum(heights) + 0.4), layout="constrained")
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    _panels(parts[0], plain, (rows, columns), chance, real)
    if wrong:
        title = "share of pictures with what nobody asked for, and (x) where its cause is left out"
        _panel(parts[1].subplots(), wrong, [one.measure for one in wrong], painters, title)
    _legend(figure, painters, structures[0], bool(chance), bool(real))
    return drawn(figure)


def _panels(
    part: SubFigure,
    outcomes: Sequence[Outcome],
    grid: tuple[int, int],
    chance: Mapping[str, float],
    real: Mapping[str, Mapping[str, float]],
) -> None:
    painters = list(dict.fromkeys(one.painter for one in outcomes))
    measures = list(dict.fromkeys(one.measure for one in outcomes))
    axes = part.subplots(*grid, sharey=True, squeeze=False).flatten()
    for axis, measure in zip(axes, measures, strict=False):
        mine = [one for one in outcomes if one.measure == measure]
        _panel(axis, mine, [one.structure for one in mine], painters, spelled(measure))
        for place, painter in enumerate(painters):
            if measure in real.get(painter, {}):
                axis.axvline(real[painter][measure], color=f"C{place}", linestyle="--", linewidth=1)
        if measure in chance:
            axis.axvline(chance[measure], color="grey", linestyle=":", linewidth=1)
            axis.set_xlim(0, 1.04)
    for axis in axes[len(measures) :]:
        axis.remove()


def _panel(axis: Axes, outcomes: Sequence[Outcome], names: Sequence[str], painters: Sequence[str], title: str) -> None:
    """Outcomes in rows of their names, each painter a little lower than the one before."""
    rows = list(dict.fromkeys(names))
    for one, name in zip(outcomes, names, strict=True):
        place, level = painters.index(one.painter), one.level()
        height = rows.index(name) + (place - (len(painters) - 1) / 2) * 0.6 / len(painters)
        around = [[level.mean - level.low], [level.high - level.mean]]
        face = f"C{place}" if one.differs() else "white"
        axis.errorbar(level.mean, height, xerr=around, fmt="o", ms=5, lw=1.3, color=f"C{place}", mfc=face)
        if one.beside:
            axis.plot(one.reference().mean, height, "x", color=f"C{place}", markersize=6)
    axis.set_yticks(range(len(rows)), rows, fontsize=8)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.tick_params(axis="x", labelsize=7)
    axis.set_title(title, fontsize=9)
    axis.grid(axis="x", alpha=0.3)


def _legend(figure: Figure, painters: Sequence[str], first: str, chance: bool, real: bool) -> None:
    marks = [Line2D([], [], marker="o", color=f"C{place}", label=name) for place, name in enumerate(painters)]
    marks.append(
        Line2D([], [], marker="o", mfc="white", color="grey", lw=0, label=f"not told apart from {first} (95 % each)")
    )
    if chance:
        marks.append(Line2D([], [], color="grey", linestyle=":", label="chance"))
    if real:
        marks.append(Line2D([], [], color="grey", linestyle="--", label="real renderings, as read"))
    figure.legend(handles=marks, loc="outside lower center", ncols=min(5, len(marks)), fontsize=8)

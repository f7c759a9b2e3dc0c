"""A system's attribute accuracy as it trains.

    python -m t2i_utils study by_time FOLDER... --data FILE.h5 --out curve.png

Each folder is a copy of the run, made while it trained (a run itself keeps only its last two checkpoints and the best):
`cp -r runs/mine runs/mine_after_10_minutes`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from t2i_utils.data.split import read_split
from t2i_utils.gallery import open_painter
from t2i_utils.metrics.attributes import AttributeReport, score_painter
from t2i_utils.metrics.reader import ready_reader
from t2i_utils.playground.figures import drawn
from t2i_utils.playground.grids import save_png
from t2i_utils.training.checkpoints import newest


def measure(folders: Sequence[Path], data: Path, captions: int = 200, diverse: int = 24) -> dict[int, AttributeReport]:
    """The newest checkpoint of each folder, by its step; `captions` and `diverse` as of `score_painter`."""
    size = read_split(data, "test").images.shape[-1]
    reader = ready_reader(size, data.parent)
    reports = {
        newest(folder / "checkpoints").step: score_painter(
            open_painter(folder), reader, data, captions, diverse=diverse
        )
        for folder in folders
    }
    return dict(sorted(reports.items()))


def draw(reports: dict[int, AttributeReport]):
    """Accuracy by attribute against the step, with what chance would give as dotted lines."""
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    axis = figure.subplots()
    for name, chance in next(iter(reports.values())).chance.items():
        scores = [report.painted[name] for report in reports.values()]
        (line,) = axis.plot(list(reports), [score.mean for score in scores], marker="o", label=name.replace("_", " "))
        low, high = [score.low for score in scores], [score.high for score in scores]
        axis.fill_between(list(reports), low, high, color=line.get_color(), alpha=0.15)
        axis.axhline(chance, color=line.get_color(), linestyle=":", linewidth=0.8)
    axis.set(xlabel="step", ylabel="share right", ylim=(0, 1.02), title="captions of held-out classes that state it")
    figure.legend(loc="outside right upper", fontsize=8)
    axis.grid(alpha=0.3)
    return drawn(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """Score the copies, print their table and write its figure."""
    parser = argparse.ArgumentParser(prog="python -m t2i_utils study by_time", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="copies of a run's folder")
    parser.add_argument("--data", type=Path, required=True, help="HDF5 file of the built-in flowers")
    parser.add_argument("--out", type=Path, required=True, help="the PNG to write")
    parser.add_argument("--captions", type=int, default=200, help="for the accuracies, 4 noises each (default 200)")
    parser.add_argument("--diverse", type=int, default=24, help="for the diversity, 16 noises each (default 24)")
    options = parser.parse_args(arguments)
    reports = measure(options.folders, options.data, options.captions, options.diverse)
    for step, report in reports.items():
        scores = "   ".join(f"{name} {score}" for name, score in report.painted.items())
        print(f"step {step}: {scores}   diversity {report.diversity}")
    print(next(iter(reports.values())).protocol)
    save_png(draw(reports), options.out)


if __name__ == "__main__":
    main()

"""Which arguments suit a system and a data file? A search by captions of val classes that training never saw.

    python -m t2i_utils tune gan_cls --data FILE.h5 --encoder tiny_clip --out runs/tune --steps 600 \\
        --try rate=1e-4,3e-4 --try batch_size=16,64 --try with=none,layer_norm,spectral_norm+two_rates

A grid of all that `--try` names; with `--random N` so many draws of it, where `rate=1e-5..1e-3` is a range, drawn
evenly in its logarithm. Every training has the same number of steps and its own file in --out: interrupted, the same
command goes on. The score is, for the built-in flowers, the share of right attributes, over those that a caption
states; for any other file, minus the distance of painted pairs from real ones. Test classes are not looked at.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from t2i_utils.colab import choose_device
from t2i_utils.metrics.intervals import Interval
from t2i_utils.playground.grids import save_png
from t2i_utils.recipes import SYSTEMS
from t2i_utils.studies.attempts import Line, Plan, open_line, tensor
from t2i_utils.studies.reading import over_seeds
from t2i_utils.studies.rows import results
from t2i_utils.studies.tune_axes import Axis, check, choices, line_of, read_axis
from t2i_utils.studies.tune_tables import Tried, best_first, command_of, draw, sheet, table
from t2i_utils.whole import write_whole


def score_of(runs: Sequence[Mapping[str, Any]]) -> Interval:
    """The score of some seeds: every caption's share of right attributes, or the pairs' distance."""
    if "right" in runs[0]:
        return over_seeds(
            [torch.stack([tensor(part) for part in run["right"].values()]).nanmean(dim=0) for run in runs]
        )
    scores = [run["score"] for run in runs]
    return Interval(statistics.mean(scores), min(scores), max(scores), len(scores))


def try_one(plan: Plan, line: Line, values: Mapping[str, str], device: torch.device) -> Tried:
    """All seeds of one combination."""
    try:
        open_line(plan, line, 0, device)
    except ValueError as error:
        return Tried(values, said=str(error))
    runs = results(plan, line, device)
    if gone := [run["gave_up"] for run in runs if "gave_up" in run]:
        return Tried(values, said=gone[0])
    if "right" not in runs[0] and "score" not in runs[0]:
        raise ValueError(
            f"{plan.data} has no two val pictures, so that nothing can be measured; build it with val classes"
        )
    spread = statistics.mean(statistics.mean(run["diversity"]) for run in runs) if "diversity" in runs[0] else None
    seconds = statistics.mean(run["seconds_a_step"] for run in runs)
    return Tried(values, score_of(runs), spread, seconds)


def search(system: str, plan: Plan, axes: Sequence[Axis], fixed: Mapping[str, str], draws: int = 0) -> list[Tried]:
    """Try everything, write `tune.md`, `tune.csv` and `tune.png` to the plan's folder; returns it, best first."""
    device, tried = choose_device(), []
    wanted = choices(axes, draws)
    for values in wanted:
        tried.append(try_one(plan, line_of(system, fixed, values), values, device))
        said = f"{tried[-1].score.mean:.3f}" if tried[-1].score else tried[-1].said
        print(f"{len(tried)} of {len(wanted)}: {values}: {said}", flush=True)
    write_whole(plan.out / "tune.md", table(tried).encode())
    write_whole(plan.out / "tune.csv", sheet(tried).encode())
    if any(one.score for one in tried):
        save_png(draw(tried), plan.out / "tune.png")
    return best_first(tried)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `tune`."""
    parser.add_argument("system", metavar="SYSTEM", choices=list(SYSTEMS), help=", ".join(SYSTEMS))
    parser.add_argument("--data", type=Path, required=True, help="HDF5 file of `build`")
    parser.add_argument("--encoder", required=True, help="name of vectors in it, as given to `embed`")
    parser.add_argument("--out", type=Path, required=True, help="folder of results; what lies there is gone on with")
    parser.add_argument(
        "--try",
        dest="tried",
        action="append",
        required=True,
        metavar="NAME=A,B,...",
        help="values of an argument; NAME=LOW..HIGH for a range; with=none,A,B+C for stabilisers. Several times",
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of every training alike")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="draw N combinations instead of all")
    parser.add_argument("--steps", type=int, default=1000, help="of each training (default 1000)")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each combination (default 1)")
    parser.add_argument("--captions", type=int, default=200, help="val captions that are painted (default 200)")


def run(options: argparse.Namespace) -> None:
    """`tune`: search, and say what is best."""
    axes = [read_axis(options.system, text) for text in options.tried]
    fixed = dict(text.split("=", 1) if "=" in text else (text, "") for text in options.set)
    for name, value in fixed.items():
        check(options.system, name, value)
    both = fixed.keys() & {axis.name for axis in axes}
    if both:
        raise ValueError(f"{', '.join(sorted(both))} cannot be set and tried at once")
    plan = Plan(
        options.data,
        options.encoder,
        options.out,
        options.steps,
        seeds=options.seeds,
        captions=options.captions,
        split="train",
        asked_for="val",
    )
    found = search(options.system, plan, axes, fixed, options.random)
    print(table(found))
    print(f"{plan.steps} steps, {plan.seeds} seeds, trained on train classes, {plan.captions} captions of val classes")
    if found[0].score:
        print(f"best: {command_of(options.system, plan, found[0], fixed)}")

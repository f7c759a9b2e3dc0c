"""Half precision against float32: does every system survive it, what does it cost, and does it paint as well?

    python -m t2i_utils study precision survive  # all systems, small, 2,000 steps each
    python -m t2i_utils study precision compare --data FILE.h5 --encoder NAME --out runs/precision

`compare` says accuracy, speed and memory over three seeds. Every training that is done lies in its --out: interrupted,
the same command goes on. `--precisions fp16 nudged` shows beside fp16 what chance alone does: float32 once more, from
weights that differ in their last bit; and fp16 is compared with the mean of both then.

On a GPU where there is one. On a CPU both go through the same autocast, scalers and float32 islands, only slowly;
`compare` sums the convolutions of fp16 as a GPU does there (`wide_sums`), `survive` as torch does on a CPU.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from t2i_utils.colab import choose_device
from t2i_utils.data.loader import Loader
from t2i_utils.metrics.intervals import Interval
from t2i_utils.painter import Painter
from t2i_utils.recipes import SYSTEMS
from t2i_utils.recipes.arguments import build_recipe, complete, defaults
from t2i_utils.studies.attempts import listed, tensor
from t2i_utils.studies.kept import kept
from t2i_utils.studies.memory import growth
from t2i_utils.studies.reading import over_seeds, right_by_caption
from t2i_utils.studies.surviving import survive
from t2i_utils.studies.trained import QUICK, Survival, encoder_of, train
from t2i_utils.training.budget import Budget
from t2i_utils.training.wide_sums import sums_of_a_gpu

NUDGED = "nudged"  # float32 from weights a last bit away; no precision, a control
PRECISIONS = {"float32": None, NUDGED: None, "bf16": torch.bfloat16, "fp16": torch.float16}
LEARNT = 0.6  # float32's accuracy of an attribute from where on the others are compared with it
ALLOWED = 0.03  # how far below it they may stay


@dataclass(frozen=True)
class Task:
    """One training to compare with another."""

    system: str
    arguments: dict[str, Any]
    data: Path
    encoder: str
    precision: str
    seed: int
    steps: int
    captions: int = 200
    noises: int = 4


@dataclass
class Result:
    """What came of a task.

    Attributes:
        survival: of the training.
        megabytes: peak memory of the training; None where nobody tells.
        right: by attribute, [captions] the share of pictures that show it; nan where a caption does not state it.
    """

    survival: Survival
    megabytes: float | None
    right: dict[str, Tensor]


def perform(task: Task) -> Result:
    """Train, paint captions of held-out classes, read the pictures."""
    device, results = choose_device(), []
    half = PRECISIONS[task.precision]
    probe = Loader(task.data, encoder=task.encoder, batch_size=2)
    recipe = build_recipe(task.system, complete(task.system, task.arguments, probe), task.seed)
    if task.precision == NUDGED:
        for network in (recipe.generator, recipe.discriminator):
            nudge(network)
    loader = Loader(task.data, encoder=task.encoder, batch_size=recipe.batch_size, seed=task.seed, device=device)

    def work():
        with sums_of_a_gpu(half, device):
            results.append(train(recipe, loader.stream, device, half, Budget(task.steps), task.seed))

    megabytes = growth(work)
    if device.type == "cuda":
        megabytes = torch.cuda.max_memory_allocated() / 1e6
    survival, average = results[0]
    painter = Painter(encoder_of(loader, device), average, task.system)
    right = right_by_caption(painter, task.data, loader.image_size, task.captions, task.noises)
    return Result(survival, megabytes, right)


@torch.no_grad()
def nudge(network: nn.Module) -> None:
    """Change each weight that is not zero in its last bit or two: a training from there differs by chance alone.

    Adversarial training is chaotic: a last bit is enough to part two runs of one seed. Two precisions cannot agree
    better than a precision with itself.
    """
    for weight in network.parameters():
        weight.mul_(1 + torch.finfo(weight.dtype).eps)


def alone(task: Task) -> Result:
    """`perform` in a fresh process, so that memory is that of this task alone."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(perform, task).result()


def once(task: Task, out: Path) -> Result:
    """`alone`, unless its result lies in a folder already."""
    facts = {name: value for name, value in asdict(task).items() if name != "data"} | {"device": str(choose_device())}

    def work() -> dict[str, Any]:
        result = alone(task)
        return asdict(result.survival) | {"megabytes": result.megabytes, "right": listed(result.right)}

    told = kept(out, f"{task.system}_{task.precision}_{task.steps}_{task.seed}", task.data, facts, work)
    right = {name: tensor(shares) for name, shares in told.pop("right").items()}
    return Result(megabytes=told.pop("megabytes"), right=right, survival=Survival(**told))


def difference(half: Sequence[Tensor], full: Sequence[Tensor]) -> Interval:
    """Mean difference of paired accuracies, [captions] a seed, with a 95 % interval over seeds and captions."""
    return over_seeds([one - other for one, other in zip(half, full, strict=True)])


def tell(system: str, results: Mapping[str, Sequence[Result]]) -> tuple[str, bool]:
    """A system's lines, by precision and seed; and whether every half precision is good enough.

    With the control there are two trainings in float32 of each seed: halves are compared with the mean of both.
    """
    lines, fine = [], True
    for precision, seeds in results.items():
        seconds = np.median([result.survival.seconds for result in seeds])
        memory = "unknown" if seeds[0].megabytes is None else f"{max(r.megabytes for r in seeds):,.0f} MB"
        skipped = sum(result.survival.skipped for result in seeds)
        line = f"{system:12} {precision:8} {1000 * seconds:8.1f} ms a step   {memory:>9}   skipped {skipped}"
        for name in seeds[0].right:
            own, full = shares(results, precision, name), shares(results, "float32", name)
            accuracy = torch.stack(full).nanmean().item()
            if accuracy < LEARNT:
                continue
            if precision == "float32":
                line += f"   {name} {accuracy:.3f}"
            else:
                if precision != NUDGED and NUDGED in results:
                    again = shares(results, NUDGED, name)
                    full = [(one + other) / 2 for one, other in zip(full, again, strict=True)]
                change = difference(own, full)
                fine &= change.mean >= -ALLOWED or precision == NUDGED
                line += f"   {name} {change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"
            line += f" (seeds {' '.join(f'{share.nanmean():.3f}' for share in own)})"
        lines.append(line)
    return "\n".join(lines), fine


def shares(results: Mapping[str, Sequence[Result]], precision: str, name: str) -> list[Tensor]:
    """An attribute's shares of right pictures, [captions] a seed."""
    return [result.right[name] for result in results[precision]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 where all is well, 1 where a weight is not finite or a precision falls short."""
    parser = argparse.ArgumentParser(prog="python -m t2i_utils study precision", description=__doc__.splitlines()[0])
    what = parser.add_subparsers(dest="what", required=True)
    for name, steps in (("survive", 2000), ("compare", 1000)):
        command = what.add_parser(name)
        command.add_argument("--steps", type=int, default=steps, help=f"of each training (default {steps})")
        command.add_argument("--systems", nargs="+", choices=list(SYSTEMS), help="only these")
        if name == "compare":
            command.add_argument("--data", type=Path, required=True, help="HDF5 file of the built-in flowers")
            command.add_argument("--encoder", required=True, help="name of vectors in it")
            command.add_argument(
                "--out", type=Path, required=True, help="folder of results; what lies there is gone on with"
            )
            command.add_argument("--channels", type=int, default=16, help="base width of both networks (default 16)")
            command.add_argument("--seeds", type=int, default=3)
            known = f"beside float32; {NUDGED}: float32 once more, from weights a last bit away (default: bf16 fp16)"
            command.add_argument(
                "--precisions", nargs="+", choices=["bf16", "fp16", NUDGED], default=["bf16", "fp16"], help=known
            )
    options = parser.parse_args(arguments)
    return survive_all(options) if options.what == "survive" else compare_all(options)


def survive_all(options: argparse.Namespace) -> int:
    """Every system in both half precisions."""
    device, broke = choose_device(), 0
    print(f"{options.steps} steps of 8 pictures at 16 px on {device}, seed 0")
    for system in options.systems or SYSTEMS:
        for precision in ("fp16", "bf16"):
            end = survive(system, PRECISIONS[precision], options.steps, device)
            said = f"NOT FINITE: {', '.join(end.broken)}" if end.broken else "all weights finite"
            told = f"{1000 * end.seconds:6.1f} ms a step, skipped {end.skipped}, to find the scale {end.overflows}"
            print(f"{system:22} {precision}  {told}, {said}", flush=True)
            broke += bool(end.broken)
    return 1 if broke else 0


def compare_all(options: argparse.Namespace) -> int:
    """Every system that learns something, in three precisions, some seeds each."""
    fine = True
    widths = {"base_channels": options.channels, "discriminator_channels": options.channels, "batch_size": 32}
    both = f", halves' to its mean with {NUDGED}" if NUDGED in options.precisions else ""
    print(f"{options.steps} steps of 32 pictures, {options.seeds} seeds; differences to float32{both}, 95 % intervals")
    probe = Loader(options.data, encoder=options.encoder, batch_size=2)
    encoder_of(probe, choose_device())  # better missed now than after the first training
    for system in options.systems or [name for name in SYSTEMS if "text_dim" in defaults(name)]:
        arguments = widths | QUICK.get(system, {})
        tasks = {
            precision: [
                Task(system, arguments, options.data, options.encoder, precision, seed, options.steps)
                for seed in range(options.seeds)
            ]
            for precision in ("float32", *options.precisions)
        }
        results = {precision: [once(task, options.out) for task in seeds] for precision, seeds in tasks.items()}
        told, good = tell(system, results)
        print(told, flush=True)
        fine &= good
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())

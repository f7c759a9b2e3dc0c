"""Every system side by side: the same data, encoder, width and protocol, and one budget of time or of pictures.

    python -m t2i_utils league --profile demo

Two tables. In the first every training takes as long as so many seconds of `gan_cls` on this machine: how many steps
that is follows from what a step costs beside one of `gan_cls`, both taken in turns in one process, so that whatever
else the machine does, it does to both. In the second every training sees as many pictures.

Interrupted, the same command goes on. OUT gets table.md, table.csv and figure.png.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from t2i_utils.colab import PROFILES, choose_device, choose_profile
from t2i_utils.data.loader import Loader
from t2i_utils.data.ready import ready_file
from t2i_utils.data.split import PARTS, read_contents
from t2i_utils.evaluation.plan import Plan as Asked
from t2i_utils.evaluation.reference import look_at_real
from t2i_utils.evaluation.scores import evaluate
from t2i_utils.evaluation.sources import Noise, Painting, RealPictures
from t2i_utils.interfaces import draw_noise
from t2i_utils.metrics.extractors import open_extractor
from t2i_utils.painter import Painter
from t2i_utils.playground.grids import save_png
from t2i_utils.recipes import SYSTEMS
from t2i_utils.recipes.arguments import defaults
from t2i_utils.studies import league_tables as tables
from t2i_utils.studies.attempts import Line, Plan, cost, open_line
from t2i_utils.studies.kept import kept
from t2i_utils.studies.trained import QUICK, encoder_of, train
from t2i_utils.text.embedding import ready_vectors
from t2i_utils.training.budget import Budget
from t2i_utils.training.guard import DivergedError
from t2i_utils.whole import write_whole

ENCODER, FIRST, BATCH = "tiny_clip", "gan_cls", 32
OUT = Path("runs/league")
TIMED, ROUNDS = 100, 5  # pictures painted, and how often


@dataclass(frozen=True)
class Size:
    """How large a league is.

    Attributes:
        pixels: of the pictures; limit: built-in flowers that are drawn; channels: base width of all networks.
        seconds: of `gan_cls`, the budget of time; pictures: the budget of pictures.
        seeds: trainings of each system under each budget.
    """

    pixels: int
    limit: int
    channels: int
    seconds: float
    pictures: int
    seeds: int


SIZES = {
    "smoke": Size(pixels=32, limit=420, channels=4, seconds=0.5, pictures=256, seeds=1),
    "demo": Size(pixels=32, limit=4000, channels=16, seconds=60, pictures=25_600, seeds=3),
    "full": Size(pixels=64, limit=8000, channels=32, seconds=1800, pictures=1_280_000, seeds=3),
}


class League:
    """Trainings that are compared, and what they are compared by.

    Args:
        size: of all of them.
        data: HDF5 file of the built-in flowers.
        encoder: name of vectors in it.
        out: where results are kept.
        device: where all train.
        split: whose pictures and captions the scores are of.
    """

    def __init__(self, size: Size, data: Path, encoder: str, out: Path, device: torch.device, split: str = "test"):
        self.size, self.data, self.out, self.device = size, data, out, device
        self.plan = Plan(data, encoder, out)
        self.asked = Asked(data, split, halves=True)

    @cached_property
    def reference(self):
        """One half of the held-out real pictures, through the reader's eyes; looked at when it is first needed."""
        extractor = open_extractor("reader", self.data.parent, self.size.pixels, self.device)
        return look_at_real(self.asked, extractor, self.size.pixels)

    def line(self, system: str) -> Line:
        """A system at the league's width, at rates that suit short trainings."""
        widths = {
            "base_channels": self.size.channels,
            "discriminator_channels": self.size.channels,
            "batch_size": BATCH,
        }
        known = defaults(system)
        return Line(
            system, system, {key: value for key, value in (widths | QUICK.get(system, {})).items() if key in known}
        )

    def pace(self) -> float:
        """Seconds that a step of the first system takes here, when nothing else disturbs it."""

        def measure() -> dict[str, Any]:
            recipe, loader = open_line(self.plan, self.line(FIRST), 0, self.device)
            trainer, _ = recipe.trainer(0, self.device)
            seconds = []
            for _ in range(ROUNDS + 1):  # the first one warms up
                began = time.perf_counter()
                trainer.run(loader.stream, Budget(steps=trainer.step + 10))
                seconds.append((time.perf_counter() - began) / 10)
            return {"seconds": min(seconds[1:])}

        return kept(self.out, "pace", self.data, {"line": asdict(self.line(FIRST))}, measure)["seconds"]

    def steps(self, system: str, budget: str) -> int:
        """How many steps a budget gives a system."""
        if budget == tables.PICTURES:
            return max(1, self.size.pictures // BATCH)
        line, first = self.line(system), self.line(FIRST)
        facts = {"line": asdict(line), "beside": asdict(first)}
        measured = kept(self.out, f"{system}_cost", self.data, facts, lambda: cost(self.plan, line, first, self.device))
        return max(1, round(self.size.seconds / self.pace() / measured["ratio"]))

    def run(self, system: str, budget: str, seed: int) -> dict[str, Any]:
        """One training and its scores, kept."""
        line, steps = self.line(system), self.steps(system, budget)
        facts = {"line": asdict(line), "steps": steps, "seed": seed, "asked": str(replace(self.asked, data=Path()))}
        return kept(self.out, f"{system}_{budget}_{seed}", self.data, facts, lambda: self._train(line, steps, seed))

    def brackets(self) -> dict[str, dict[str, float]]:
        """Scores of real pictures and of noise by the same protocol, by metric."""
        reference, size = self.reference, self.size.pixels
        sources = (
            RealPictures(reference.contents, self.asked, size, reference.scored),
            Noise(reference.contents, self.asked, size, reference.pictures, reference.channels),
        )
        return {one.name: {r.protocol.metric: r.value for r in evaluate(one, reference).records} for one in sources}

    def _train(self, line: Line, steps: int, seed: int) -> dict[str, Any]:
        recipe, loader = open_line(self.plan, line, seed, self.device)
        learning = sum(part.numel() for part in recipe.generator.parameters())
        try:
            survival, average = train(recipe, loader.stream, self.device, None, Budget(steps), seed)
        except DivergedError as error:
            return {"gave_up": str(error).partition("\n")[0], "steps": steps, "parameters": learning}
        painter = Painter(encoder_of(loader, self.device), average, line.system)
        pictures = Painting(painter, self.reference.contents, self.asked, self.reference.pictures)
        scores = evaluate(pictures, self.reference)
        return {
            "steps": survival.steps,
            "parameters": learning,
            "seconds_a_picture": paint_time(painter),
            "scores": {record.protocol.metric: record.value for record in scores.records},
            "protocols": [str(record.protocol) for record in scores.records],
        }


def paint_time(painter: Painter) -> float:
    """Seconds that a picture takes from its caption's vector on, the quickest of some rounds of a hundred."""
    text = painter.encoder.encode(["a red flower"]).take(torch.zeros(TIMED, dtype=torch.int64))
    noise = draw_noise(painter.generator.noise_shape, TIMED, torch.Generator().manual_seed(0))
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        painter.paint_vectors(text, noise)
        seconds.append((time.perf_counter() - began) / TIMED)
    return min(seconds)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `league`."""
    parser.add_argument("--profile", default="auto", choices=["auto", *PROFILES], help="how large (as of notebooks)")
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder; what lies there goes on (default {OUT})")
    parser.add_argument("--data", type=Path, help="HDF5 file of the built-in flowers, with vectors (default: made)")
    parser.add_argument("--encoder", default=ENCODER, help=f"name of its vectors (default {ENCODER})")
    parser.add_argument("--split", default="test", choices=list(PARTS), help="that scores are of (default test)")
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS), help="only these")
    parser.add_argument("--budgets", nargs="+", choices=tables.BUDGETS, default=tables.BUDGETS, help="only these")
    for name, kind in (("seconds", float), ("pictures", int), ("seeds", int), ("channels", int)):
        parser.add_argument(f"--{name}", type=kind, help="instead of the profile's")


def run(options: argparse.Namespace) -> None:
    """Train what is not trained yet, write table.md, table.csv and figure.png, and print the tables."""
    chosen = {name: getattr(options, name) for name in ("seconds", "pictures", "seeds", "channels")}
    size = replace(SIZES[choose_profile(options.profile)], **{k: v for k, v in chosen.items() if v is not None})
    device, data = choose_device(), options.data
    if data is None:
        data = ready_file("synthetic_flowers", size.pixels, options.out, limit=size.limit)
        ready_vectors(data, options.encoder, device=device)
    size = replace(size, pixels=Loader(data, options.encoder, 2).image_size)
    league, rows = League(size, data, options.encoder, options.out, device, options.split), []
    for budget in options.budgets:
        for system in options.systems:
            runs = [league.run(system, budget, seed) for seed in range(size.seeds)]
            rows.append(tables.Row(system, budget, runs))
            print(f"{budget}: {system}, {runs[0]['steps']:,} steps", flush=True)
    brackets = league.brackets()
    told = tables.page(
        rows, brackets, told_of(size, options.encoder, device, len(read_contents(data, options.split).rows))
    )
    write_whole(options.out / "table.md", told.encode())
    write_whole(options.out / "table.csv", tables.sheet(rows, brackets).encode())
    save_png(tables.draw(rows), options.out / "figure.png")
    print(told)


def told_of(size: Size, encoder: str, device: torch.device, held_out: int) -> str:
    """What was done."""
    return (
        f"{size.pixels} px, {size.channels} channels, batches of {BATCH}, encoder {encoder}, {size.seeds} seeds, on "
        f"{device} with {torch.get_num_threads()} threads; time: steps that fit in {size.seconds:g} s of {FIRST}; "
        f"pictures: {size.pictures:,}. Scores of {held_out // 2} real ones "
        f"against {held_out - held_out // 2} painted ones."
    )

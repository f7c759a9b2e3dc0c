"""What it costs that nothing is lost: five minutes of training with their checkpoint, against five minutes without.

The default interval: a checkpoint every five minutes, measured on val captions, and every second one copied to
Drive, read back and compared beside the training (here each one, which is more; a folder on the local
disk plays Drive). `df_gan` with its default widths and batch, 64 pixels. Timed is what some steps take longer when a
checkpoint is saved and copied among them; the rest of the five minutes would be such steps without one.
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.timing import Benchmark, Sampler, Side
from t2i_utils.data.build import build
from t2i_utils.data.synthetic import synthetic_flowers
from t2i_utils.runs import Run, Settings, open_run
from t2i_utils.text.clip import new_clip, tiny_config
from t2i_utils.text.embedding import embed
from t2i_utils.text.encoders import open_encoder

STEPS, SIZE, PICTURES = 4, 64, 400
ARGUMENTS = {}  # the system's defaults
DEFAULTS = Settings()


def prepare(folder: Path) -> None:
    """A data file with vectors of an untrained encoder."""
    data = build(synthetic_flowers(PICTURES), folder / "flowers.h5", SIZE, progress=False).path
    new_clip(tiny_config(SIZE), "untrained", 0).save(folder / "encoder")
    embed(data, open_encoder(str(folder / "encoder")), "untrained")


def seconds(run: Run, save: bool) -> float:
    """What some more steps take; a checkpoint is saved after the first and its copy has arrived at the end."""
    begun = time.perf_counter()
    stream = run.loader.stream(run.trainer.step)
    for count in range(STEPS):
        run.trainer.learn(next(stream))
        if save and count == 0:
            run.save()
    if save:
        run.mirror.close()
    return time.perf_counter() - begun


def start_with(folder: Path) -> Sampler:
    """Five minutes with a checkpoint: the interval and what saving and copying added to it."""
    settings = Settings(drive=str(folder / "drive"), drive_minutes=1e-9)
    run = open_run("df_gan", folder / "flowers.h5", "untrained", folder / "run", ARGUMENTS, settings)
    run.save()  # the first one opens what the others use again
    run.mirror.close()
    return lambda: 60 * DEFAULTS.save_minutes - seconds(run, save=False) + seconds(run, save=True)


def start_without(folder: Path) -> Sampler:
    """Five minutes of steps."""
    run = open_run("df_gan", folder / "flowers.h5", "untrained", folder / "other", ARGUMENTS)

    def sample() -> float:
        seconds(run, save=False)
        return 60 * DEFAULTS.save_minutes

    return sample


SAVING = Benchmark(
    "saving",
    Side("with", start_with),
    Side("without", start_without),
    bar=1.02,
    at_most=True,
    samples=5,
    warm_up=1,
    prepare=prepare,
)

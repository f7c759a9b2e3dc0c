"""A run of a system: a recipe, a data file, an encoder's vectors and a folder, resumed where it stopped.

Beside what every training leaves there (see `training.session`), the folder holds `samples/` (pictures as training
goes), `encoder.json` and, where the encoder is a folder of its own, a copy of it in `encoder/`: a run can be moved
whole, and still paints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from t2i_utils.colab import choose_device, half_dtype
from t2i_utils.data.loader import Loader
from t2i_utils.drive.folder import DriveFolder
from t2i_utils.drive.looking import Wait
from t2i_utils.metrics.val import ValMeasures
from t2i_utils.objectives.round import mean_scores
from t2i_utils.painter import Painter
from t2i_utils.recipe import Recipe
from t2i_utils.recipes.arguments import build_recipe, complete, with_defaults
from t2i_utils.text.kept import ENCODER, keep_encoder, kept_encoder, send_encoder
from t2i_utils.training.keeping import Keeping
from t2i_utils.training.session import Session


@dataclass(frozen=True)
class Settings(Keeping):
    """What a run needs beside its recipe, and how it is kept.

    Attributes:
        seed: of weights, batches and noise.
        precision: auto is bf16 or fp16 on a GPU, by what it can do, and float32 on a CPU.
        split: which classes train; trainval keeps only the test classes out, as the papers do.
        captions_per_visit: 1 draws one of a picture's captions a visit; k gives the mean of k (Reed: 4).
    """

    seed: int = 0
    precision: Literal["auto", "float32", "bf16", "fp16"] = "auto"
    split: Literal["trainval", "train"] = "trainval"
    captions_per_visit: int = 1


class Run(Session):
    """One training run of a system in one folder; made by `open_run`.

    Attributes:
        recipe: networks and losses.
        loader: batches.
        average: the generator that paints.
    """

    def __init__(self, folder: Path, recipe: Recipe, loader: Loader, facts: dict[str, Any], settings: Settings):
        self.recipe, self.loader, self.settings = recipe, loader, settings
        half = half_dtype(loader.device, settings.precision)
        trainer, self.average = recipe.trainer(settings.seed, loader.device, half)
        self.measures = ValMeasures(loader)

        def send(there: Path, wait: Wait) -> bool:
            return send_encoder(folder, DriveFolder(there / ENCODER), wait)

        super().__init__(folder, facts["system"], trainer, loader.stream, facts, settings, mean_scores, send)

    def known(self, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """A checkpoint's facts with what runs record since: the data set's name, arguments at their defaults."""
        return with_defaults({"dataset": self.facts["dataset"], **facts})  # the data themselves go by their hash

    def measure(self) -> dict[str, float]:
        """How well the average paints val captions, and how it listens to them; {} where nobody can say."""
        return self.measures(self.average.module)

    def painter(self) -> Painter:
        """A painter of the run as it is now: it goes on changing while the run trains."""
        encoder = kept_encoder(self.folder, self.loader.device)
        return Painter(encoder, self.average.module, self.facts["system"], self.loader.dataset)


def open_run(
    system: str,
    data: Path,
    encoder: str,
    out: Path,
    arguments: Mapping[str, Any] | None = None,
    settings: Settings = Settings(),
    device: torch.device | str | None = None,
) -> Run:
    """Open a run in a folder: a new one, or the one that lies there, to go on with.

    Args:
        system: a name in SYSTEMS.
        data: HDF5 file made by `build`, with the encoder's vectors from `embed`.
        encoder: name or fingerprint of the vectors in the file; "none" for a system that no caption is told.
        out: the run's folder, made if it is not there.
        arguments: of the system's function that differ from its defaults.
        settings: seed, precision, split, captions a visit, minutes between checkpoints.
        device: where it trains; the GPU if there is one.

    Raises:
        ValueError: unknown system, argument or encoder; or a folder with a run that differs, naming how.
        FileNotFoundError: no such data.
    """
    device = torch.device(device) if device is not None else choose_device()
    arguments = dict(arguments or {})
    probe = Loader(data, encoder=encoder, batch_size=2, split=settings.split)
    arguments = complete(system, arguments, probe)
    recipe = build_recipe(system, arguments, settings.seed)
    loader = Loader(
        data,
        encoder=encoder,
        batch_size=recipe.batch_size,
        seed=settings.seed,
        split=settings.split,
        captions_per_visit=settings.captions_per_visit,
        device=device,
    )
    facts = {
        "system": system,
        "arguments": arguments,
        "seed": settings.seed,
        "split": settings.split,
        "captions_per_visit": settings.captions_per_visit,
        "dataset": loader.dataset,
        "data": loader.fingerprint,
        "encoder": loader.encoder,
    }
    run = Run(Path(out), recipe, loader, facts, settings)
    keep_encoder(run.folder, loader.encoder_where, loader.encoder)
    return run

"""What the discriminator of a run believes of pairs that it never saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from t2i_utils.data.loader import Loader
from t2i_utils.evaluation.parts import Source
from t2i_utils.evaluation.protocols import asked
from t2i_utils.evaluation.reference import Reference
from t2i_utils.evaluation.scores import Evaluation
from t2i_utils.interfaces import Batch, TextEncoder
from t2i_utils.metrics.believed import pair_accuracies
from t2i_utils.metrics.record import Record
from t2i_utils.recipe import Recipe
from t2i_utils.recipes.arguments import build_recipe
from t2i_utils.training import checkpoints
from t2i_utils.training.average import Average

METRICS = {
    "matched": "matched pairs believed",
    "swapped": "swapped pairs seen through",
    "painted": "painted pairs seen through",
}


def discriminator_scores(source: Source, folder: Path, reference: Reference) -> Evaluation:
    """How often the discriminator of a run is right about matched, swapped and painted pairs of the plan's split.

    They say how the game stands, not how good the pictures are: a discriminator that is always right may be a good one,
    or the generator a poor one.

    Args:
        source: of the run's pictures: its name and checkpoint stand in the records, its painter's encoder reads.
        folder: of the run.
        reference: of the plan's split.

    Returns:
        Three records; two where captions are not looked at.

    Raises:
        FileNotFoundError: for a folder without a whole checkpoint.
        ValueError: for a checkpoint that does not fit its system.
    """
    recipe, average = _players(folder)
    plan, device = reference.plan, source.painter.device
    wanted = min(plan.pictures, len(reference.contents.rows))
    loader = Loader(
        plan.data,
        batch_size=min(recipe.batch_size, wanted),
        seed=plan.seed,
        split=plan.split,
        image_size=reference.size,
        mirror=False,
        device=device,
        memory_limit=0,
    )
    batches = (_read(loader, step, source.painter.encoder) for step in range(wanted // loader.batch_size))
    divides = recipe.adversarial.divides
    generator, discriminator = average.module.to(device), recipe.discriminator.to(device)
    found = pair_accuracies(generator, discriminator, batches, divides, plan.seed)
    told = "0 divides" if divides else "a critic, whose 0 means nothing: right is above, or below, the other pairs"
    base = replace(asked(reference, ""), choices=f"batches of {loader.batch_size}; {told}")
    records = []
    for kind, interval in found.items():
        count = interval.count
        what = replace(base, metric=METRICS[kind], real=count, painted=count, captions=count)
        records.append(Record.of(source.name, source.checkpoint, what, interval))
    return Evaluation(records, {}, [])


def _read(loader: Loader, step: int, encoder: TextEncoder) -> Batch:
    """A batch whose captions the run's own encoder reads now: the data file need not hold its vectors."""
    captions = [loader.all_captions[row] for row in loader.draw(step).captions[:, 0]]
    return replace(loader.batch(step), text=encoder.encode(captions).to(loader.device))


def _players(folder: Path) -> tuple[Recipe, Average]:
    """A run's recipe with its discriminator as it was saved, and the average that paints.

    Nothing but tensors and plain values is read from the checkpoint.
    """
    checkpoint = checkpoints.find(folder)
    facts = checkpoint.facts["run"]
    recipe = build_recipe(facts["system"], facts["arguments"])
    average, state = recipe.players()[1], checkpoints.load(checkpoint.path)
    try:
        recipe.discriminator.load_state_dict(state["turns"]["discriminator"]["module"])
        average.load_state_dict(state["state"]["average"])
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"{checkpoint.path} does not fit {facts['system']} ({error}); use another one") from error
    return recipe, average

"""Every score of 1,000 pictures of 64 pixels, against painting these pictures and no more.

What `evaluate flowers --data FILE --judge judge_clip` does once data, reader and judge are there. These two are
untrained here: they look as long. Painting is timed too, so the limit is stricter than the promise, a minute beyond it.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.timing import Benchmark, Sampler, Side, timed
from t2i_utils.data.build import build
from t2i_utils.data.split import read_contents
from t2i_utils.data.synthetic import synthetic_flowers
from t2i_utils.evaluation.plan import Plan
from t2i_utils.evaluation.reference import look_at_real
from t2i_utils.evaluation.scores import Evaluation, evaluate
from t2i_utils.evaluation.sources import Painting
from t2i_utils.gallery import open_painter
from t2i_utils.metrics.extractors import ReaderExtractor
from t2i_utils.metrics.reader import train_reader
from t2i_utils.text.clip import new_clip, tiny_config

PICTURES, SIZE, DRAWN = 1000, 64, 1500  # painted; their pixels; pictures of the file, of which 286 are of test classes


def prepare(folder: Path) -> None:
    """A data file."""
    build(synthetic_flowers(DRAWN), folder / "flowers.h5", SIZE, progress=False)


def start_scores(folder: Path) -> Sampler:
    """Look at the real pictures, paint, and give every score."""
    reader = ReaderExtractor(train_reader(SIZE, steps=1, batch_size=2, pictures=2), SIZE)
    judge, painter = new_clip(tiny_config(SIZE), "untrained", 0), open_painter()
    plan = Plan(folder / "flowers.h5", pictures=PICTURES)

    def scores() -> Evaluation:
        reference = look_at_real(plan, reader, SIZE, judge)
        return evaluate(Painting(painter, reference.contents, plan, reference.pictures), reference)

    return timed(scores)


def start_painting(folder: Path) -> Sampler:
    """The same pictures, and nothing is asked of them."""
    plan = Plan(folder / "flowers.h5", pictures=PICTURES)
    source = Painting(open_painter(), read_contents(plan.data, plan.split), plan, PICTURES)
    return timed(lambda: sum(len(part.images) for part in source.parts()))


EVALUATION = Benchmark(
    "evaluation",
    Side("scores", start_scores),
    Side("painting", start_painting),
    bar=25,
    at_most=True,
    samples=3,
    warm_up=1,
    prepare=prepare,
    limit=60.0,
)

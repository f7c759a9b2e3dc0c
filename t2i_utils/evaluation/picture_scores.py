"""Scores that look at pictures and not at captions."""

from __future__ import annotations

from dataclasses import replace

from t2i_utils.evaluation.protocols import protocol
from t2i_utils.evaluation.reference import Reference
from t2i_utils.evaluation.tally import Tally
from t2i_utils.metrics.frechet import frechet_distance, frechet_interval, refuse_few
from t2i_utils.metrics.inception_score import inception_score
from t2i_utils.metrics.intervals import Interval, bootstrap
from t2i_utils.metrics.kernels import clip_mmd, kernel_distance
from t2i_utils.metrics.manifold import density_coverage, expected_coverage, precision_recall
from t2i_utils.metrics.record import Protocol

SUBSET = 500  # pictures of KID's subsets, or half of the fewer side's
BLOCKS = 10  # of FID's interval
SPLITS = 10  # of the inception score

Found = dict[Protocol, Interval]


def picture_scores(tally: Tally, reference: Reference, notes: list[str]) -> Found:
    """FID, KID, precision to coverage, IS, distance to training pictures, CMMD.

    Args:
        tally: the painted pictures.
        reference: the real ones.
        notes: gets what cannot be measured, and why.
    """
    real, painted, seed = reference.real, tally.features, reference.plan.seed
    found = _frechet(tally, reference, notes)
    subset = min(SUBSET, min(len(real.features), len(painted.features)) // 2)
    kid = kernel_distance(real.features, painted.features, subset, seed=seed)
    found[_of_kept(tally, reference, "KID", f"{kid.subsets} subsets of {kid.subset_size}")] = kid.interval
    found |= _manifold(tally, reference)
    if painted.probabilities is None:
        notes.append(f"no inception score: {painted.extractor.name} names no classes")
    else:
        classes = painted.probabilities.shape[1]
        choices, kept = f"{SPLITS} splits, {classes:,} classes", len(painted.probabilities)
        what = protocol(reference, tally, "IS", choices, painted.extractor, painted=kept)
        found[what] = inception_score(painted.probabilities, SPLITS, seed)
    if tally.distance:
        count = f"{len(reference.training):,} pictures of train and val"
        choices = f"16 x 16 pixels, the nearest of {count}; 1 = the mean of real ones"
        what = protocol(reference, tally, "distance to training pictures", choices, real=real.count)
        found[what] = bootstrap(tally.distance)
    if tally.judged is not None:
        judged = reference.judged.real
        kept = {"real": len(judged.features), "painted": len(tally.judged.features)}
        what = protocol(reference, tally, "CMMD", "unbiased estimator", judged.extractor, **kept)
        found[what] = clip_mmd(judged.features, tally.judged.features).interval
    return found


def _of_kept(tally: Tally, reference: Reference, metric: str, choices: str) -> Protocol:
    """Of a score of the features that stayed in memory."""
    real, painted = reference.real, tally.features
    kept = {"real": len(real.features), "painted": len(painted.features)}
    return protocol(reference, tally, metric, choices, painted.extractor, **kept)


def _frechet(tally: Tally, reference: Reference, notes: list[str]) -> Found:
    """FID of all pictures; how sure it is, of those whose features stayed."""
    real, painted, few = reference.real, tally.features, reference.plan.fewer_than_features
    sound = min(real.count, painted.count) >= real.moments.dim
    try:
        for gathered, whose in ((real, "real"), (painted, "painted")):
            refuse_few(gathered.count, gathered.moments.dim, whose, few)
    except ValueError as error:
        notes.append(f"no FID ({painted.extractor.name}): {error} (on the command line: --fewer-than-features)")
        return {}
    distance = frechet_distance(real.moments, painted.moments, few)
    # a block left out may leave fewer pictures than features; those that stay in memory may be fewer
    around = frechet_interval(real.moments, painted.features, BLOCKS, reference.plan.seed, fewer_than_features=True)
    choices = f"interval: {BLOCKS} blocks of painted pictures left out in turn"
    if len(painted.features) < painted.count:
        choices += f", of the first {len(painted.features):,}, so it is rather too wide"
    what = protocol(reference, tally, "FID", choices, painted.extractor, real.count)
    half = around.high - around.mean
    return {replace(what, sound=sound): Interval(distance, distance - half, distance + half, around.count)}


def _manifold(tally: Tally, reference: Reference) -> Found:
    """Precision and recall, of equally many of both kinds; density and coverage."""
    real, painted, found = reference.real.features, tally.features.features, {}
    equal = min(len(real), len(painted))
    balls = precision_recall(real[:equal], painted[:equal])
    for metric, values in (("precision", balls.precision), ("recall", balls.recall)):
        counts = {"real": equal, "painted": equal}
        what = protocol(reference, tally, metric, f"k {balls.k}", tally.features.extractor, **counts)
        found[what] = bootstrap(values.tolist())
    filled = density_coverage(real, painted)
    ideal = expected_coverage(len(real), len(painted), filled.k)
    choices = f"k {filled.k}; {ideal:.3f} of pictures that are distributed as real ones"
    found[_of_kept(tally, reference, "density", f"k {filled.k}")] = bootstrap(filled.density.tolist())
    found[_of_kept(tally, reference, "coverage", choices)] = bootstrap(filled.coverage.tolist())
    return found

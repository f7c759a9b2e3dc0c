"""The protocol of a score of many pictures: everything that decides what it means, from what was really looked at."""

from __future__ import annotations

from dataclasses import replace

from t2i_utils.evaluation.reference import Reference
from t2i_utils.evaluation.tally import Tally
from t2i_utils.metrics.record import Protocol
from t2i_utils.metrics.seen import Extractor


def asked(reference: Reference, metric: str) -> Protocol:
    """What a plan decides of every score, whatever is looked at."""
    plan = reference.plan
    return Protocol(
        metric=metric,
        data=reference.contents.fingerprint,
        split=plan.split,
        size=reference.size,
        truncation=plan.truncation,
        seed=plan.seed,
    )


def protocol(
    reference: Reference,
    tally: Tally,
    metric: str,
    choices: str = "",
    eyes: Extractor | None = None,
    real: int = 0,
    painted: int | None = None,
) -> Protocol:
    """The protocol of a score of all pictures that passed.

    Args:
        reference: the real side.
        tally: the pictures.
        metric: its name.
        choices: all else that it was told.
        eyes: through which network; None where no features are looked at.
        real: how many real pictures are looked at; 0 for a score of painted ones alone.
        painted: how many of the pictures are, where it is not all of them.
    """
    found = replace(
        asked(reference, metric),
        real=real,
        painted=tally.features.count if painted is None else painted,
        captions=tally.captions,
        choices=choices,
    )
    return found if eyes is None else seen_by(eyes, found)


def seen_by(eyes: Extractor, protocol: Protocol) -> Protocol:
    """The same, by the features of a network."""
    return replace(protocol, extractor=eyes.name, extractor_hash=eyes.fingerprint, resize=eyes.resize)

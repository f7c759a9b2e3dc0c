"""Scores of pictures beside their captions."""

from __future__ import annotations

import numpy as np
import torch

from t2i_utils.evaluation.picture_scores import Found
from t2i_utils.evaluation.protocols import protocol
from t2i_utils.evaluation.reference import Reference
from t2i_utils.evaluation.tally import Tally, heading
from t2i_utils.metrics.intervals import bootstrap
from t2i_utils.metrics.judge import CANDIDATES


def caption_scores(tally: Tally, reference: Reference, notes: list[str]) -> Found:
    """Classification and attribute accuracy, CLIP score, R-precision.

    Args:
        tally: the painted pictures.
        reference: the real ones, by which classifier, reader and judge are set up.
        notes: gets what cannot be measured, and why.
    """
    if not tally.rows:
        notes.append("no score of captions: nobody says what the pictures should show")
        return {}
    found = _classes(tally, reference)
    for name, values in tally.right.items():
        told = np.array(values)[~np.isnan(values)]
        if len(told):
            choices = f"the reader is right on {reference.ceiling[name]:.3f} of the real pictures"
            eyes = reference.reading.eyes
            what = protocol(reference, tally, heading(name), choices, eyes, reference.real.count)
            found[what] = bootstrap(told)
    if tally.clip:
        eyes = tally.judged.extractor
        found[protocol(reference, tally, "CLIP score", "100 x cosine", eyes)] = bootstrap(tally.clip)
    if tally.precise:
        of = "of other classes " if (reference.judged.classes >= 0).any() else ""
        choices = f"own caption first among {CANDIDATES}, the others {of}from {reference.plan.split}"
        found[protocol(reference, tally, "R-precision", choices, eyes)] = bootstrap(tally.precise)
    return found


def _classes(tally: Tally, reference: Reference) -> Found:
    """How often pictures fall into the class that their caption means, of those whose features stayed."""
    classifier, features = reference.classifier, tally.features.features
    if classifier is None:
        return {}
    rows = np.array(tally.rows)[: len(features)]
    meant = torch.from_numpy(np.where(rows >= 0, reference.caption_classes[rows], -1))
    known = torch.isin(meant, classifier.known)  # half of the real pictures may lack a class of the split
    if not known.any():
        return {}
    held_out = classifier.held_out
    choices = (
        f"softmax regression, right on {held_out.mean:.3f} of {held_out.count} held-out real pictures; captions whose "
        "words are of one class"
    )
    kept = {"real": len(reference.real.features), "painted": len(features)}
    what = protocol(reference, tally, "classification accuracy", choices, tally.features.extractor, **kept)
    return {what: classifier.accuracy(features[known], meant[known])}

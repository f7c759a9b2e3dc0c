"""What painters make of the study's questions, seen by a reader and a judge, as outcomes caption by caption."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import torch
from torch import Tensor

from t2i_utils.data.structures import PLAIN
from t2i_utils.data.synthetic import ATTRIBUTES
from t2i_utils.metrics.attributes import CaptionSet, paint_each, real_renderings
from t2i_utils.metrics.judge import Judge, clip_score
from t2i_utils.metrics.outcomes import Outcome, read_grouped, share_of
from t2i_utils.metrics.reader import Reader
from t2i_utils.painter import Painter
from t2i_utils.studies.kept import kept
from t2i_utils.studies.prompt_questions import APART, PROBES, SHARED, YELLOW_CENTER, YELLOW_PETALS, Question
from t2i_utils.text.loudness import weights_fingerprint

FORM = 2  # of what is kept; another one is done again
RENDERED = 16  # real renderings of a caption, for the spread that diversity is measured by
CLIP = {"own": "CLIP score with its own words", "first": "CLIP score with the first row's words"}

Asked = Mapping[str, Question]  # by structure, the plainest first; and by probe
Found = dict[str, dict]  # by structure or probe, what reader and judge found


@dataclass(frozen=True)
class Examiners:
    """Who looks at the pictures: a reader, where attributes are known; a judge, where one was named."""

    reader: Reader | None = None
    judge: Judge | None = None

    @cached_property
    def reader_mark(self) -> str:
        """sha256 of the reader."""
        return weights_fingerprint(self.reader.state_dict())

    @cached_property
    def judge_mark(self) -> str:
        """sha256 of the judge."""
        return self.judge.encoder.fingerprint


@dataclass(frozen=True)
class Study:
    """What is done for every painter and structure alike.

    Attributes:
        data: HDF5 file.
        out: where results lie.
        captions: how many of held-out classes.
        noises: pictures of each.
        seed: of the choice of captions, of what structures leave open, and of the noises.
    """

    data: Path
    out: Path
    captions: int = 200
    noises: int = 4
    seed: int = 0

    def kept(self, mark: str, name: str, question: Question, by: str, work: Callable[[], dict]) -> dict:
        """As `studies.kept`: what a reader or a judge (`by`, a hash) finds in what a painter (a hash) was asked."""
        told = hashlib.sha256("\n".join(question.captions).encode()).hexdigest()
        facts = {"painter": mark, "structure": name, "captions": len(question.captions), "text": told, "by": by}
        facts |= {"noises": self.noises, "seed": self.seed, "form": FORM}
        return kept(self.out / "kept", f"{mark[:16]}_{name}_{by[:16]}", self.data, facts, work)


def mark_of(painter: Painter) -> str:
    """sha256 of all that decides what a painter paints: its generator's weights and its encoder."""
    weights = weights_fingerprint(painter.generator.state_dict())
    return hashlib.sha256(f"{weights} {painter.encoder.fingerprint}".encode()).hexdigest()


def ask_painter(study: Study, painter: Painter, asked: Asked, eyes: Examiners) -> Found:
    """What is found in a painter's pictures, by question; what lies in the study's folder is not painted again."""
    mark, plain = mark_of(painter), next(iter(asked.values()))
    return {name: _look(study, painter, mark, name, question, plain, eyes) for name, question in asked.items()}


def _look(
    study: Study, painter: Painter, mark: str, name: str, question: Question, plain: Question, eyes: Examiners
) -> dict:
    @cache  # both examiners look at the same pictures, and where both have looked before there are none
    def pictures() -> Tensor:
        return paint_each(painter, question.captions, study.noises, study.seed)

    found = {}
    if eyes.reader is not None:
        found |= study.kept(mark, name, question, eyes.reader_mark, lambda: read_grouped(eyes.reader, pictures()))
    if eyes.judge is not None and name not in PROBES:
        found |= study.kept(
            mark, name, question, eyes.judge_mark, lambda: scored(eyes.judge, pictures(), question, plain)
        )
    return found


def scored(judge: Judge, images: Tensor, question: Question, plain: Question) -> dict[str, list[float]]:
    """CLIP scores, a caption's mean over its pictures: with its own words, and with those of the plainest caption.

    The first also says how the judge takes the structure; the second asks the same of all pictures.

    images: uint8 [captions, n, channels, size, size], of the question's captions; returns [captions], twice.
    """
    parts = images.flatten(0, 1).split(64)
    vectors = torch.cat([judge.encoder.encode_images(part.float() / 127.5 - 1) for part in parts])
    found = {}
    for name, captions in (("own", question.captions), ("first", plain.captions)):
        sentences = judge.encoder.encode(captions).sentence.repeat_interleave(images.shape[1], dim=0)
        found[name] = clip_score(vectors, sentences).unflatten(0, images.shape[:2]).mean(dim=1).tolist()
    return found


def look_at_real(study: Study, asked: Asked, reader: Reader, size: int) -> Found:
    """What the reader sees in real renderings of what the plainest captions and the probes state."""

    def rendered(name: str, count: int) -> Tensor:
        """uint8 [captions, count, 3, size, size]"""
        rows = asked[name].rows
        truth = {key: torch.tensor([row[key] for row in rows]) for key in ATTRIBUTES}
        fixed = CaptionSet(asked[name].captions, truth, {key: torch.ones(len(rows), dtype=torch.bool) for key in truth})
        return real_renderings(fixed, count, size, study.seed)

    mark, by = f"real {size} px", weights_fingerprint(reader.state_dict())
    counts = {PLAIN: RENDERED} | dict.fromkeys(PROBES, study.noises)
    return {
        name: study.kept(
            mark, name, asked[name], by, lambda name=name: read_grouped(reader, rendered(name, counts[name]))
        )
        for name in counts
    }


def outcomes(painter: str, found: Found, asked: Asked, real_spread: Sequence[float] = ()) -> list[Outcome]:
    """Every measure of every structure, and its difference from the plainest.

    Args:
        painter: its name.
        found: by structure.
        asked: the questions.
        real_spread: [captions], of real renderings of what the captions state; diversity is relative to it.
    """
    names = [name for name in asked if name in found and name not in PROBES]
    told = {name: _measures(found[name], asked[name], real_spread) for name in names}
    return [
        Outcome(painter, name, key, values, told[names[0]][key] if name != names[0] else (), points=_points(key))
        for name in names
        for key, values in told[name].items()
    ]


def _measures(found: Mapping, question: Question, real_spread: Sequence[float]) -> dict[str, tuple[float, ...]]:
    """By measure, a number a caption."""
    told = {}
    if "read" in found:
        told = {name: share_of(read, [row[name] for row in question.rows]) for name, read in found["read"].items()}
        told["diversity"] = tuple(mine / real for mine, real in zip(found["spread"], real_spread, strict=True))
    return told | {name: tuple(found[key]) for key, name in CLIP.items() if key in found}


def _points(measure: str) -> float:
    return 1.0 if measure in CLIP.values() else 100.0  # a CLIP score is one of 100 already


def wrongly_painted(painter: str, found: Found, asked: Asked) -> list[Outcome]:
    """How often the denied colour is painted, and the shared one at the part that was to have another."""
    told = []
    if "negation" in found:
        denied = asked["negation"].denied
        reads = [found[name]["read"][denied[0][0]] for name in ("negation", PLAIN)]
        values = [share_of(read, [index for _, index in denied]) for read in reads]
        told.append(Outcome(painter, "negation", "petals in the denied colour", *values, "where nothing is denied"))
    for probe, part, said in (
        (YELLOW_CENTER, "petal_color", "yellow petals around a center that is to be yellow"),
        (YELLOW_PETALS, "center_color", "yellow centers amid petals that are to be yellow"),
    ):
        index = [ATTRIBUTES[part].index(SHARED)] * len(asked[probe].rows)
        values = [share_of(found[name]["read"][part], index) for name in (probe, APART)]
        told.append(Outcome(painter, "binding", said, *values, "where no yellow is asked for"))
    return told

"""Does it matter how a caption says what it says? The same attributes as a list, at length, turned, denied, ...

    python -m t2i_utils study prompts --data FILE.h5 --painter RUN_OR_NAME [more ...] --out runs/prompts
    python -m t2i_utils study prompts --data FILE.h5 --painter RUN --out runs/prompts --judge judge_clip

On the built-in flowers every structure of `data.structures` says the same of the same flowers of held-out classes, and
is painted with the same noises: attribute accuracy, diversity and, with --judge, CLIP score, each with its difference
from the plainest sentence, caption by caption. Besides:

- how often a colour is painted that the caption denies, next to the same pictures without the denial;
- how often yellow, the one colour that petals and center share, lands on the wrong part, next to the same captions
  with other colours;
- how many words no training caption holds, and how many a painter ignores.

On any other data set nobody knows what is stated: captions of held-out classes are reworded by `data.rewordings`, and
measured by CLIP score alone. Everything that is done lies in --out: interrupted, the same command goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from t2i_utils.colab import choose_device
from t2i_utils.data.split import read_contents
from t2i_utils.data.structures import PLAIN
from t2i_utils.data.synthetic import ATTRIBUTES
from t2i_utils.gallery import open_painter
from t2i_utils.metrics.judge import Judge, open_judge
from t2i_utils.metrics.outcomes import Outcome, findings
from t2i_utils.metrics.reader import ready_reader
from t2i_utils.painter import Painter
from t2i_utils.playground.grids import save_png
from t2i_utils.playground.prompt_figures import draw
from t2i_utils.studies.prompt_answers import (
    Asked,
    Examiners,
    Study,
    ask_painter,
    look_at_real,
    outcomes,
    wrongly_painted,
)
from t2i_utils.studies.prompt_questions import flowers, questions, reworded
from t2i_utils.studies.prompt_tables import differences, levels, sheet, what_was_asked, wrong
from t2i_utils.text.clip import ClipEncoder
from t2i_utils.whole import write_whole

CHANCE = {name: 1 / len(values) for name, values in ATTRIBUTES.items()}


@dataclass(frozen=True)
class Answers:
    """What was found of one painter.

    Attributes:
        painted: of its pictures.
        real: of real renderings of its size, as the reader reads them; none where nobody knows what is stated.
    """

    painted: list[Outcome]
    real: list[Outcome]


def answer(study: Study, name: str, painter: Painter, asked: Asked, judge: Judge | None, known: bool) -> Answers:
    """Ask a painter everything; `known` where the questions say what they state."""
    if not known:
        return Answers(outcomes(name, ask_painter(study, painter, asked, Examiners(judge=judge)), asked), [])
    channels, size, _ = painter.generator.image_shape
    if channels != 3:
        raise ValueError(f"{name} paints in grey, and attributes are read off colours; name a painter of the flowers")
    reader = ready_reader(size, study.data.parent)
    real = look_at_real(study, asked, reader, size)
    found = ask_painter(study, painter, asked, Examiners(reader, judge))
    return Answers(
        *(
            outcomes(whose, one, asked, real[PLAIN]["spread"]) + wrongly_painted(whose, one, asked)
            for whose, one in ((name, found), (f"real renderings, {size} px", real))
        )
    )


def report(
    painters: Mapping[str, Painter], training: Sequence[str], asked: Asked, answers: Mapping[str, Answers]
) -> str:
    """Markdown: what was asked, every painter's levels and differences, and what may be concluded.

    Args:
        painters: by name.
        training: captions that painters of this data learn from.
        asked: the questions.
        answers: by name.
    """
    parts = [what_was_asked(asked, training, painters)]
    for name, found in answers.items():
        parts.append(f"**{name}** ({painters[name].name}): levels, then differences from the first row\n")
        parts += [levels(found.painted, found.real, CHANCE if found.real else {}), differences(found.painted)]
    amiss = [one for one in every(answers) if one.beside]
    if amiss:
        parts += ["**What nobody asked for**\n", wrong(amiss)]
    painted = [one for found in answers.values() for one in found.painted]
    return "\n".join([*parts, "**What may be concluded**\n", findings(painted, CHANCE)])


def every(answers: Mapping[str, Answers]) -> list[Outcome]:
    """Outcomes of all painters, then those of real renderings, once a size."""
    real = {one.painter: found.real for found in answers.values() for one in found.real}
    return [one for part in (*(found.painted for found in answers.values()), *real.values()) for one in part]


def publish(study: Study, told: str, answers: Mapping[str, Answers]) -> None:
    """Write prompts.md, prompts.csv and prompts.png to the study's folder."""
    write_whole(study.out / "prompts.md", told.encode())
    write_whole(study.out / "prompts.csv", sheet(every(answers)).encode())
    real = {
        name: {one.measure: one.level().mean for one in found.real if not one.beside}
        for name, found in answers.items()
        if found.real
    }
    painted = [one for found in answers.values() for one in found.painted]
    save_png(draw(painted, CHANCE if real else {}, real), study.out / "prompts.png")


def protocol(study: Study, asked: Asked, known: bool, judge: ClipEncoder | None) -> str:
    """What was measured, in one line."""
    captions = len(next(iter(asked.values())).captions)
    told = [f"{captions} captions of held-out classes x {study.noises} noises, the same for all, seed {study.seed}"]
    told += ["attributes and diversity by the reader"] if known else []
    if judge is not None:
        told.append(f"CLIP score (100 x cosine) by {judge.name}, resized by bicubic with antialiasing")
        told.append("with its own words a score also says how the judge takes the structure")
    told.append("intervals of 95 % over captions, which say nothing of another training of the same painter")
    return "; ".join(told)


def labels(names: Sequence[str]) -> list[str]:
    """Short names of painters: the last part of a path, or all of it where two end alike.

    Raises:
        ValueError: for a painter that is named twice.
    """
    if len(set(names)) < len(names):
        raise ValueError(f"a painter is named twice in {', '.join(names)}; name each once")
    ends = [Path(name).name for name in names]
    return [end if ends.count(end) == 1 else name for end, name in zip(ends, names, strict=True)]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command: ask, measure, and write what was found.

    Raises:
        ValueError: for a judge that sees no pictures or had a part in a painter, or none where only a judge can
            measure; fewer than 2 captions or noises; and as `open_painter` and `open_judge`.
        FileNotFoundError: as these.
    """
    parser = argparse.ArgumentParser(prog="python -m t2i_utils study prompts", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="HDF5 file of `build`")
    parser.add_argument("--painter", nargs="+", required=True, help="runs' folders, packed ones, or published names")
    parser.add_argument("--out", type=Path, required=True, help="folder of results; what lies there is gone on with")
    parser.add_argument("--captions", type=int, default=200, help="of held-out classes (default 200)")
    parser.add_argument("--noises", type=int, default=4, help="pictures of each (default 4)")
    parser.add_argument("--seed", type=int, default=0, help="of captions and noises (default 0)")
    parser.add_argument("--judge", help="a CLIP that had no part in the painters, as of `evaluate`")
    options = parser.parse_args(arguments)
    if min(options.captions, options.noises) < 2:
        raise ValueError(
            f"intervals and diversity need 2 captions of 2 noises, got {options.captions} of {options.noises}"
        )
    study = Study(options.data, options.out, options.captions, options.noises, options.seed)
    contents, device = read_contents(study.data, "test"), choose_device()
    known = contents.values == ATTRIBUTES
    if not known and options.judge is None:
        raise ValueError(
            f"nobody knows what the captions of {study.data} state, so only a CLIP can measure; name one that no "
            "painter was trained with, for example --judge judge_clip"
        )
    names = labels(options.painter)
    painters = {name: open_painter(one, device) for name, one in zip(names, options.painter, strict=True)}
    encoder = None if options.judge is None else open_judge(options.judge, study.data, device)
    judges = {name: Judge(encoder, [one.encoder]) if encoder else None for name, one in painters.items()}
    if known:
        asked = questions(flowers(contents, study.captions, study.seed), study.seed)
    else:
        asked = reworded(contents, study.captions, study.seed)
    answers = {}
    for name, painter in painters.items():
        answers[name] = answer(study, name, painter, asked, judges[name], known)
        print(f"{name}: {len(answers)} of {len(painters)} painters", flush=True)
    training = read_contents(study.data, "trainval").captions
    told = f"{report(painters, training, asked, answers)}\n{protocol(study, asked, known, encoder)}\n"
    publish(study, told, answers)
    print(told)


if __name__ == "__main__":
    main()

"""What a table says of a line of attempts: measured once, with what it costs and how far it lies from the first."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from t2i_utils.metrics.intervals import Interval
from t2i_utils.studies.attempts import Line, Plan, attempt, cost, open_line, tensor
from t2i_utils.studies.kept import kept
from t2i_utils.studies.reading import over_seeds

COLLAPSED = 0.1  # of real renderings' diversity


@dataclass(frozen=True)
class Row:
    """What a table says of a line.

    Attributes:
        name: of the line.
        scores: accuracies by attribute, and diversity; none where every run gave up.
        changes: of these, beside the first line, seed by seed and caption by caption; none where a run of either
            line gave up.
        collapsed: runs that paint nearly one picture a caption, or gave up.
        runs: in all.
        steps: of each run, their mean.
        cost: of a picture, beside one of the first line.
        refused: why the line cannot be trained; None where it can.
    """

    name: str
    scores: dict[str, Interval] = field(default_factory=dict)
    changes: dict[str, Interval] = field(default_factory=dict)
    collapsed: int = 0
    runs: int = 0
    steps: float = 0
    cost: float = 1.0
    refused: str | None = None

    def apart(self, score: str) -> bool:
        """Whether a score lies apart from the first line's for sure: the interval of the difference leaves out 0."""
        change = self.changes.get(score)
        return change is not None and (change.low > 0 or change.high < 0)


def cost_of(plan: Plan, line: Line, first: Line, device: torch.device) -> float:
    """What a picture of a line costs beside one of the first line; measured once."""
    if line == first:
        return 1.0
    line = replace(line, share=1.0)  # what a picture costs does not depend on how many there will be
    facts = {"line": asdict(line), "beside": asdict(first)}
    return kept(plan.out, f"{line.name}_cost", plan.data, facts, lambda: cost(plan, line, first, device))["ratio"]


def measure(plan: Plan, line: Line, first: Line, device: torch.device, with_cost: bool = True) -> Row:
    """All seeds of a line, or the reason why it cannot be."""
    try:
        open_line(plan, line, 0, device)
    except ValueError as error:
        return Row(line.name, refused=str(error))
    runs = results(plan, line, device)
    whole = [run for run in runs if "gave_up" not in run]
    changes = {} if line == first else changes_from(results(plan, first, device), runs)
    gone = [run for run in whole if statistics.mean(run["diversity"]) < COLLAPSED]
    scores = {}
    if whole:
        scores = {name: over_seeds([told[name] for told in map(by_score, whole)]) for name in by_score(whole[0])}
    collapsed = len(runs) - len(whole) + len(gone)
    steps = statistics.mean(run["steps"] for run in whole) if whole else 0
    return Row(
        line.name,
        scores,
        changes,
        collapsed,
        len(runs),
        steps,
        cost_of(plan, line, first, device) if with_cost else 1.0,
    )


def results(plan: Plan, line: Line, device: torch.device) -> list[dict[str, Any]]:
    """What came of each seed of a line; measured once."""
    asked = plan.asked(line)
    return [
        kept(plan.out, f"{line.name}_{seed}", plan.data, asked, lambda seed=seed: attempt(plan, line, seed, device))
        for seed in range(plan.seeds)
    ]


def by_score(run: Mapping[str, Any]) -> dict[str, Tensor]:
    """Accuracies by attribute, and diversity, [captions] each, of a run that did not give up."""
    return {name: tensor(values) for name, values in {**run["right"], "diversity": run["diversity"]}.items()}


def changes_from(first: Sequence[Mapping[str, Any]], runs: Sequence[Mapping[str, Any]]) -> dict[str, Interval]:
    """How far each score lies from that of the first line: the same seeds and captions, so their luck cancels out."""
    if any("gave_up" in run for run in [*first, *runs]):
        return {}
    pairs = [(by_score(run), by_score(other)) for run, other in zip(runs, first, strict=True)]
    return {name: over_seeds([mine[name] - its[name] for mine, its in pairs]) for name in pairs[0][0]}

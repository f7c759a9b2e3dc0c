"""Small experiments of notebook 09: the same flowers by several rules, and a run that is scored as it trains."""

import pytest
import torch

from t2i_utils.metrics.record import Protocol, Record
from t2i_utils.playground.staged import made_smaller, scored_at

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


def test_rules_make_the_same_flowers_smaller_and_antialiasing_matters_more_than_the_filter():
    rules = made_smaller(6, 32)
    first, *others = rules.values()
    assert first.shape == (6, 3, 32, 32)
    assert first.dtype == torch.uint8
    apart = [(one.float() - first.float()).square().mean().item() for one in others]
    assert apart == sorted(apart)
    assert apart[1] > 1.5 * apart[0] > 0
    means = [one.float().mean().item() for one in rules.values()]
    assert max(means) - min(means) < 1
    assert torch.equal(made_smaller(2, 32)["nearest"], rules["nearest"][:2])
    assert not torch.equal(made_smaller(2, 32, seed=1)["nearest"], rules["nearest"][:2])


def test_a_run_is_scored_at_every_step_and_never_goes_back(open_small_run, tmp_path):
    run, seen = open_small_run(tmp_path / "run"), []

    def score(painter):
        weights = next(painter.generator.parameters()).double().sum().item()
        seen.append(weights)
        return [Record("run", "", Protocol("FID"), weights, weights, weights, 1)]

    told = scored_at(run, [1, 3], score, tmp_path / "scores")
    assert run.trainer.step == 3
    assert [records[0].value for records in told.values()] == seen
    assert seen[0] != seen[1]
    again = scored_at(open_small_run(tmp_path / "run"), [1, 2, 3, 4], score, tmp_path / "scores")
    assert list(again) == [1, 3, 4], "step 2 is past, and nobody looked"
    assert {step: again[step] for step in (1, 3)} == told
    assert len(seen) == 3

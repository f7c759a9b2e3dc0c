"""A training in a folder, of something that is no GAN: resumed, measured, refused, taken back."""

import itertools

import pytest
import torch
from torch import nn

from t2i_utils.training import checkpoints
from t2i_utils.training.session import Keeping, Session
from t2i_utils.training.trainer import Trainer, as_it_is
from t2i_utils.training.turns import Turn

pytestmark = pytest.mark.usefixtures("one_thread")


RARELY = Keeping(save_minutes=1e9)


class Line(Session):
    """Learns y = 3 x; what it measures is how near its weight is."""

    def __init__(self, folder, keeping=RARELY, rate=0.1, spoil=(), half=None, **more):
        self.line = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.line.weight)

        def losses(batch):
            return {"square": (self.line(batch) - 3 * batch).square().mean()}

        def batches(start):
            for step in itertools.count(start):
                value = torch.randn(8, 1, generator=torch.Generator().manual_seed(step))
                yield value * torch.nan if step in spoil else value

        turn = Turn("line", self.line, torch.optim.SGD(self.line.parameters(), rate), losses)
        super().__init__(
            folder, "a line", Trainer([turn], as_it_is, half=half), batches, {"rate": rate}, keeping, **more
        )

    def measure(self):
        return {"score": -abs(3 - self.line.weight.item())}


def test_it_learns_and_goes_on_bitwise(tmp_path):
    whole = Line(tmp_path / "whole")
    history = whole.train(12, progress=False)
    assert history.column("line/square")[1][-1] < history.column("line/square")[1][0] / 10
    Line(tmp_path / "part").train(5, progress=False)
    again = Line(tmp_path / "part")
    assert (again.trainer.step, again.saved_at) == (5, 5)
    again.train(12, progress=False)
    assert torch.equal(again.line.weight, whole.line.weight)
    (steps, losses), (others, theirs) = (one.history.column("line/square") for one in (again, whole))
    assert steps == others == list(range(1, 13))
    assert losses == pytest.approx(theirs, rel=1e-8)  # the file has nine digits


def test_what_is_measured_stands_beside_checkpoints_and_the_best_is_kept(tmp_path):
    session = Line(tmp_path, rate=1.2)  # so fast that the second step is worse than the first
    for steps in range(1, 7):
        session.train(steps, progress=False)
    told = dict(zip(*session.val.column("score"), strict=True))
    assert list(told) == [0, 1, 2, 3, 4, 5, 6]
    kept = {checkpoints.tell(path)["step"] for path in checkpoints.manifests(tmp_path / "checkpoints")}
    assert kept == {5, 6, max(told, key=told.get)}


def test_another_training_in_the_folder_is_refused_naming_how(tmp_path):
    Line(tmp_path).train(1, progress=False)
    with pytest.raises(ValueError, match=r"another run, at step 1, which differs in rate: 0\.1 -> 0\.2"):
        Line(tmp_path, rate=0.2)
    assert Line(tmp_path, Keeping(resume="never"), rate=0.2).trainer.step == 0
    assert (tmp_path.parent / f"{tmp_path.name}.before-1" / "checkpoints").is_dir()


@pytest.mark.parametrize("half", [None, torch.bfloat16, torch.float16])
def test_after_turns_that_are_not_finite_it_goes_back_with_half_the_rates(half, tmp_path):
    session = Line(tmp_path, half=half)
    session.train(3, progress=False)
    spoilt = Line(tmp_path, spoil=range(3, 99), half=half)
    with pytest.raises(RuntimeError, match="went back 3 times"):
        spoilt.train(9, progress=False)
    assert torch.equal(spoilt.line.weight, session.line.weight)
    assert checkpoints.newest(tmp_path / "checkpoints").step == 3


def test_what_a_checkpoint_needs_beside_it_goes_to_drive_first(tmp_path):
    asked = []

    def bring(there, wait):
        asked.append(there)
        return True

    keeping = Keeping(drive=str(tmp_path / "drive"), drive_minutes=1e-9)
    Line(tmp_path / "run", keeping, beside=bring).train(2, progress=False)
    assert set(asked) == {tmp_path / "drive" / "run"}
    assert Line(tmp_path / "elsewhere" / "run", keeping, beside=bring).trainer.step == 2


@pytest.mark.parametrize("minutes", [0, -1.0, float("nan")])
def test_times_that_cannot_be(minutes):
    with pytest.raises(ValueError, match=f"cannot save every {minutes} minutes"):
        Keeping(save_minutes=minutes)
    with pytest.raises(ValueError, match="cannot copy every"):
        Keeping(drive_minutes=minutes)

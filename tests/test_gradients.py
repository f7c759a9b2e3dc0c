"""What half precision keeps of a gradient, measured on a training that is not disturbed by it."""

import copy

import pytest
import torch

from t2i_utils.data.loader import Loader
from t2i_utils.recipes.arguments import build_recipe, complete
from t2i_utils.studies import gradients
from t2i_utils.training.budget import Budget

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def small_loader(embedded_file):
    return Loader(embedded_file, encoder="small", batch_size=8, seed=0)


def small_system(system, loader):
    widths = {"base_channels": 8, "discriminator_channels": 8, "batch_size": 8}
    return complete(system, widths, loader)


def test_a_gradient_is_what_the_first_player_of_a_step_learns_from(small_loader):
    arguments = small_system("gan_cls", small_loader)
    trainer, _ = build_recipe("gan_cls", arguments, 0).trainer(0)
    trainer.run(small_loader.stream, Budget(steps=2))
    batch, cpu = small_loader.batch(2), torch.device("cpu")
    before = copy.deepcopy(trainer.state_dict())
    found = gradients.gradients("gan_cls", arguments, 0, copy.deepcopy(before), batch, None, cpu)
    again = gradients.gradients("gan_cls", arguments, 0, copy.deepcopy(before), batch, None, cpu)
    trainer.learn(batch)
    judge = trainer.turns[0]
    assert judge.name == "discriminator"
    assert torch.equal(found["discriminator"], torch.cat([parameter.grad.flatten() for parameter in judge.learns]))
    assert found.keys() == {"discriminator", "generator"}
    assert all(torch.equal(found[name], again[name]) for name in found)


@pytest.mark.parametrize("half", ["fp16", "bf16"])
def test_half_precision_keeps_a_gradient_as_another_batch_does_not(half, small_loader):
    arguments = small_system("gan_cls", small_loader)
    ((step, player, told), *others) = gradients.moments("gan_cls", arguments, small_loader, [2], 2)
    assert (step, player) == (2, "discriminator")
    assert [player for _, player, _ in others] == ["generator"]
    cosine, length = told[half]
    assert 0.99 < cosine < 1 + 1e-9
    assert length == pytest.approx(1, abs=0.03)
    assert told["another batch"][0] < cosine - 0.02


def test_looking_does_not_change_the_training(small_loader):
    arguments = small_system("gan_cls", small_loader)
    often = [told for step, *told in gradients.moments("gan_cls", arguments, small_loader, [1, 2, 4], 1) if step == 4]
    once = [told for _, *told in gradients.moments("gan_cls", arguments, small_loader, [4], 1)]
    assert often == once


def test_likeness_is_a_cosine_and_a_length():
    assert gradients.likeness(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 0.0])) == (1.0, 2.0)
    assert gradients.likeness(torch.tensor([3.0, 3.0]), torch.tensor([3.0, 0.0])) == pytest.approx((0.5**0.5, 1.0))


def test_the_study_of_gradients_prints_a_line_a_player_and_step(embedded_file, capsys):
    asked = ["--data", str(embedded_file), "--encoder", "small", "--systems", "gan", "--channels", "8"]
    assert gradients.main([*asked, "--steps", "1", "2", "--batches", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[:4] for line in lines] == [
        ["gan", "step", str(step), player] for step in (1, 2) for player in ("discriminator", "generator")
    ]
    assert all("fp16 cosine" in line and "another batch cosine" in line for line in lines)

"""Optimisers as values: rates, what they leave alone, and how rates fall."""

import pytest
import torch
from torch import nn

from t2i_utils.training.optimizers import SGD, Adam, falling, halving


def network():
    return nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))


def test_a_recipe_names_it_before_there_is_a_module():
    wanted = Adam(2e-4, (0.5, 0.999))
    for _ in range(2):  # one value, two optimisers
        optimizer = wanted(network())
        assert type(optimizer) is torch.optim.Adam
        (group,) = optimizer.param_groups
        assert (group["lr"], group["betas"], group["weight_decay"]) == (2e-4, (0.5, 0.999), 0)
        assert len(group["params"]) == 4


def test_the_first_step_of_adam_is_the_rate_against_the_gradients_sign():
    weight = nn.Linear(2, 1, bias=False)
    start = weight.weight.detach().clone()
    optimizer = Adam(0.01, (0.5, 0.999))(weight)
    weight.weight.grad = torch.tensor([[5.0, -0.3]])
    optimizer.step()
    torch.testing.assert_close(weight.weight.detach() - start, torch.tensor([[-0.01, 0.01]]))


def test_only_what_learns_is_optimised():
    module = network()
    module[0].requires_grad_(False)
    for optimizer in (Adam(1e-3)(module), Adam(1e-3, weight_decay=0.1)(module)):
        held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        assert {id(parameter) for parameter in held} == {id(parameter) for parameter in module[1].parameters()}


def test_gains_and_biases_never_decay():
    module = network()
    nn.init.ones_(module[0].bias)
    start = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
    optimizer = Adam(0.1, weight_decay=0.5)(module)
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()  # without gradients only the decay is left
    for name, parameter in module.named_parameters():
        factor = 1 - 0.1 * 0.5 if name == "0.weight" else 1.0
        torch.testing.assert_close(parameter.detach(), start[name] * factor)


def test_halving_again_and_again():
    factor = halving(100)
    assert [factor(step) for step in (0, 99, 100, 199, 200, 350)] == [1, 1, 0.5, 0.5, 0.25, 0.125]
    assert halving(0) is None
    with pytest.raises(ValueError, match="every -1 steps; use 0"):
        halving(-1)


def test_some_parts_learn_more_slowly():
    optimizer = Adam(0.1, weight_decay=0.5, factors=(("1.", 0.01),))(network())
    found = {(group["lr"], group["weight_decay"]): len(group["params"]) for group in optimizer.param_groups}
    assert found == {(0.1, 0.5): 1, (0.1, 0.0): 1, (0.001, 0.0): 2}


def test_falling_by_a_factor():
    factor = falling(0.95, 10_000)
    assert [factor(step) for step in (0, 9_999, 10_000, 25_000)] == pytest.approx([1, 1, 0.95, 0.9025])
    for factor, every in ((0, 5), (1.1, 5), (0.5, 0)):
        with pytest.raises(ValueError, match="cannot fall by"):
            falling(factor, every)


def test_plain_descent_goes_down_the_gradient():
    weight = nn.Linear(2, 1, bias=False)
    start = weight.weight.detach().clone()
    optimizer = SGD(0.1)(weight)
    weight.weight.grad = torch.tensor([[5.0, -0.3]])
    optimizer.step()
    torch.testing.assert_close(weight.weight.detach() - start, torch.tensor([[-0.5, 0.03]]))

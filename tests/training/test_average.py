"""The average that paints: how fast it follows, and that nothing of the module is forgotten."""

import pytest
import torch
from torch import nn

from t2i_utils.training.average import Average


def network(value):
    module = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    with torch.no_grad():
        for tensor in [*module.parameters(), *module.buffers()]:
            tensor.fill_(value)
    return module


def values(average):
    return {name: tensor.item() for name, tensor in average.module.state_dict().items()}


def test_the_first_updates_follow_quickly():
    average = Average(network(0), decay=0.999)
    average.update(network(10))
    assert values(average)["0.weight"] == pytest.approx(9)  # decay 1 / 10
    average.update(network(10))
    assert values(average)["0.weight"] == pytest.approx(10 - 2 / 11)  # decay 2 / 11 of the distance 1
    assert average.count == int(average.updates) == 2


def test_after_many_updates_the_decay_is_the_one_asked_for():
    average = Average(network(0), decay=0.5)
    for _ in range(8):  # (1 + 8) / (10 + 8) is the asked 0.5
        average.update(network(0))
    average.update(network(10))
    average.update(network(10))
    assert values(average)["0.bias"] == pytest.approx(7.5)


def test_buffers_are_averaged_and_counts_are_copied():
    average = Average(network(0))
    average.update(network(10))
    kept = values(average)
    assert kept["1.running_mean"] == pytest.approx(9)
    assert kept["1.running_var"] == pytest.approx(9)
    assert kept["1.num_batches_tracked"] == 10


def test_without_decay_it_is_the_last_weights():
    average = Average(network(0), decay=0.0)
    for value in (3, 7):
        average.update(network(value))
        assert set(values(average).values()) == {value}


def test_it_is_a_copy_that_does_not_learn():
    module = network(1)
    average = Average(module)
    module[0].weight.data.fill_(5)
    assert values(average)["0.weight"] == 1
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert module[0].weight.requires_grad


def test_an_average_that_was_loaded_goes_on_counting():
    straight, stopped, resumed = (Average(network(0)) for _ in range(3))
    for value in (1, 2, 3):
        straight.update(network(value))
        stopped.update(network(value))
    resumed.load_state_dict(stopped.state_dict())
    assert resumed.count == 3
    straight.update(network(100))
    resumed.update(network(100))
    assert values(resumed) == values(straight)
    forgetful = Average(network(0))
    forgetful.module.load_state_dict(stopped.module.state_dict())
    forgetful.update(network(100))
    assert values(forgetful) != values(straight)  # the count matters


@pytest.mark.parametrize("decay", [1.0, -0.1])
def test_a_decay_that_is_none_is_refused(decay):
    with pytest.raises(ValueError, match=f"decay is {decay}"):
        Average(network(0), decay)


def test_buffers_that_are_no_quantities_are_copied():
    class Direction(nn.Module):
        copies_buffers = True

        def __init__(self, value):
            super().__init__()
            self.register_buffer("u", torch.tensor(value))

    average = Average(nn.Sequential(Direction(0.0), network(0)), decay=0.999)
    average.update(nn.Sequential(Direction(10.0), network(10)))
    told = values(average)
    assert (told["0.u"], told["1.0.weight"]) == (10, pytest.approx(9))


def test_statistics_that_stand_are_those_of_what_the_average_sees_itself():
    average = Average(network(0), decay=0.0, standing=True)
    average.update(network(7))
    assert values(average)["0.weight"] == 7
    assert values(average)["1.running_mean"] == 0, "not the trained module's"
    average.module = Shown(average.module)
    average.settle(torch.tensor([[1.0], [3.0]]), None, 0.25)
    # 7 x + 7 of 1 and 3 is 14 and 28: mean 21, variance 98; a quarter of the way from the first statistics, 0 and 0
    assert average.module.layers[1].running_mean.item() == pytest.approx(0.25 * 21)
    assert average.module.layers[1].running_var.item() == pytest.approx(0.25 * 98)
    assert not average.module.layers[1].training


class Shown(nn.Module):
    """A generator that paints noise."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, noise, text):
        return self.layers(noise)

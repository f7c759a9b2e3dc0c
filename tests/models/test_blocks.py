"""Pieces of networks: their shapes, and the weights that they begin with."""

import pytest
import torch
from torch import nn

from t2i_utils.models import blocks


@pytest.mark.parametrize(
    ("image_size", "expected"),
    [
        (16, [2, 1]),
        (32, [4, 2, 1]),
        (64, [8, 4, 2, 1]),
        (128, [8, 8, 4, 2, 1]),
        (256, [8, 8, 8, 4, 2, 1]),
        (28, [2, 1]),
        (48, [4, 2, 1]),
        (224, [8, 8, 4, 2, 1]),
    ],
)
def test_widths_halve_as_resolution_doubles(image_size, expected):
    assert blocks.widths(image_size, 64) == [64 * width for width in expected]


@pytest.mark.parametrize(
    ("image_size", "grid"),
    [(16, 4), (32, 4), (64, 4), (128, 4), (256, 4), (28, 7), (112, 7), (224, 7), (24, 6), (48, 6), (96, 6), (20, 5)],
)
def test_every_size_is_a_small_grid_doubled(image_size, grid):
    assert blocks.smallest_grid(image_size) == grid
    assert image_size == grid * 2 ** len(blocks.widths(image_size, 1))


@pytest.mark.parametrize("image_size", [0, 8, 12, 14, 27, 30, 36, 260, 320, 512])
def test_a_size_that_no_network_has_is_named(image_size):
    with pytest.raises(ValueError, match=f"image_size is {image_size};.*64"):
        blocks.widths(image_size, 64)


def test_steps_lead_from_width_to_width():
    assert blocks.steps_between([8, 4, 2]) == [(8, 4), (4, 2)]


def test_shapes_of_the_convolutions():
    features = torch.zeros(2, 6, 8, 8)
    assert blocks.halve(6, 5)(features).shape == (2, 5, 4, 4)
    assert blocks.double(6, 5)(features).shape == (2, 5, 16, 16)


@pytest.mark.parametrize("size", [4, 7])
def test_the_matrix_products_are_the_papers_convolutions(size):
    vector, places = torch.randn(3, 6), torch.randn(3, 6, size, size)
    start, end = blocks.FromVector(6, 5, size), blocks.ToLogit(6, size)
    assert start(vector).shape == (3, 5, size, size)
    grown = nn.functional.conv_transpose2d(vector[:, :, None, None], start.weight)
    torch.testing.assert_close(start(vector), grown)
    assert start(vector).is_contiguous(memory_format=torch.channels_last)
    judged = nn.functional.conv2d(places, end.weight)
    torch.testing.assert_close(end(places), judged[:, 0, 0, 0])


def test_tile_repeats_a_vector_at_every_place():
    vector = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    tiled = blocks.tile(vector, 4)
    assert tiled.shape == (2, 2, 4, 4)
    assert torch.equal(tiled, vector[:, :, None, None].expand(2, 2, 4, 4))


@pytest.mark.parametrize(("activation", "slope"), [(blocks.leaky, 0.2), (nn.ReLU, 0.0)])
def test_a_bottleneck_without_residual_is_its_activation(activation, slope):
    block = blocks.Bottleneck(8, activation)
    nn.init.zeros_(block.residual[-1].weight)
    features = torch.randn(2, 8, 4, 4)
    expected = torch.where(features > 0, features, slope * features)
    torch.testing.assert_close(block(features.clone()), expected)


def test_a_bottleneck_narrows_to_a_quarter():
    shapes = [tuple(part.weight.shape) for part in blocks.Bottleneck(16).modules() if isinstance(part, nn.Conv2d)]
    assert shapes == [(4, 16, 1, 1), (4, 4, 3, 3), (16, 4, 3, 3)]


def test_a_bottleneck_leaves_its_input_alone():
    features = torch.randn(2, 8, 4, 4)
    before = features.clone()
    blocks.Bottleneck(8)(features)
    assert torch.equal(features, before)


def test_weights_begin_as_in_the_papers():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(64, 64, 4), nn.ConvTranspose2d(64, 64, 4), nn.BatchNorm2d(4096), nn.Linear(64, 64)
    )
    linear = network[3].weight.clone()
    nn.init.ones_(network[2].bias)
    blocks.initialise(network)
    for part, mean in [(network[0], 0.0), (network[1], 0.0), (network[2], 1.0)]:
        assert abs(part.weight.mean() - mean) < 0.002
        assert abs(part.weight.std() - 0.02) < 0.001
    assert not network[2].bias.any()
    assert torch.equal(network[3].weight, linear)

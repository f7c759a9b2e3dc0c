"""Spectral normalisation: singular values by torch's own decomposition."""

import pytest
import torch
from torch import nn

from t2i_utils.models.blocks import FromVector, ToLogit
from t2i_utils.models.spectral_norm import SpectralNorm, normalise_spectra

LAYERS = [
    nn.Linear(7, 5),
    nn.Conv2d(3, 6, 4),
    nn.ConvTranspose2d(6, 3, 4),
    FromVector(9, 4),
    ToLogit(5),
]


def largest(weight, first):
    return torch.linalg.matrix_norm(weight.transpose(0, first).flatten(1), 2).item()


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_the_largest_singular_value_becomes_one_and_directions_stay(layer):
    torch.manual_seed(0)
    first = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    norm = SpectralNorm(layer.weight, first)
    for _ in range(200):
        normalised = norm(layer.weight)
    assert largest(normalised, first) == pytest.approx(1, abs=1e-3)
    torch.testing.assert_close(normalised * largest(layer.weight, first), layer.weight, rtol=1e-3, atol=1e-5)


def test_the_gradient_is_that_of_the_quotient():
    """Miyato et al., equation 12: the gradient has no part along the weight that sigma would take back."""
    torch.manual_seed(0)
    weight = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    norm = SpectralNorm(weight).double()
    norm.matrix = lambda weight: weight
    norm.look(weight, 500)
    norm.eval()
    assert torch.autograd.gradcheck(norm, weight)
    u, _, v = torch.linalg.svd(weight.detach(), full_matrices=False)
    (pulled,) = torch.autograd.grad((norm(weight) * torch.outer(u[:, 0], v[0])).sum(), weight)
    torch.testing.assert_close(pulled, torch.zeros_like(pulled))


def test_a_network_never_stretches_by_more_than_one():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
    with torch.no_grad():
        network[0].weight.mul_(50)
    assert normalise_spectra(network) == 2
    for _ in range(100):
        network(torch.zeros(1, 8))
    one, other = torch.randn(2, 500, 8)
    assert ((network(one) - network(other)).abs().squeeze(1) <= 1.001 * (one - other).norm(dim=1)).all()


def test_looking_happens_in_training_alone_and_a_weight_of_zeros_stays_what_it_is():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    nn.init.zeros_(network[1].weight)
    assert normalise_spectra(network) == 1
    before = network[0].parametrizations.weight[0].u.clone()
    network.eval()(torch.ones(1, 4))
    assert torch.equal(before, network[0].parametrizations.weight[0].u)
    with torch.no_grad():
        network[0].parametrizations.weight.original.add_(torch.randn(4, 4))
    network.train()(torch.ones(1, 4))
    assert not torch.equal(before, network[0].parametrizations.weight[0].u)


def test_sigma_is_found_in_float32_whatever_the_rest_computes_in():
    layer = nn.Linear(64, 64)
    normalise_spectra(layer)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer.weight.dtype is torch.float32
        assert layer(torch.ones(1, 64)).dtype is torch.bfloat16

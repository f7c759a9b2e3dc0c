"""What stands where batch normalisation was: by hand, and example by example."""

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Text
from t2i_utils.models import gan_cls
from t2i_utils.models.normalisation import VirtualBatchNorm, layer_norm, replace_normalisations
from t2i_utils.models.reference import ReferenceGenerator


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 5, 5)])
def test_layer_normalisation_looks_at_one_example_and_all_of_it(shape):
    make = nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d
    features = 3 + 2 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    normalised = layer_norm(make(4))(features).flatten(1)
    torch.testing.assert_close(normalised.mean(1), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(normalised.var(1, unbiased=False), torch.ones(6), atol=1e-4, rtol=0)


def test_every_normalisation_is_replaced_wherever_it_stands():
    network = gan_cls.Discriminator(32, 12, 8)
    there = sum(isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) for part in network.modules())
    assert replace_normalisations(network, layer_norm) == there > 4
    assert not any(isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) for part in network.modules())


@pytest.mark.parametrize("shape", [(4,), (4, 3, 3)])
def test_virtual_batch_normalisation_by_hand(shape):
    rng = torch.Generator().manual_seed(0)
    layer = nn.BatchNorm1d(4) if len(shape) == 1 else nn.BatchNorm2d(4)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    reference, example = torch.randn(5, *shape, generator=rng), 3 + torch.randn(1, *shape, generator=rng)
    made = VirtualBatchNorm(layer, 5)(torch.cat([reference, example]))
    torch.testing.assert_close(made[:5], layer.train()(reference))  # the reference by itself: as in training
    both = torch.cat([reference, example])
    torch.testing.assert_close(made[5:], layer.train()(both)[5:])  # an example: as the sixth of that batch


def test_an_example_does_not_depend_on_its_batch():
    norm = VirtualBatchNorm(nn.BatchNorm2d(4), 5)
    features = torch.randn(9, 4, 3, 3)
    torch.testing.assert_close(norm(features)[:7], norm(features[:7]))


@pytest.fixture
def generator():
    torch.manual_seed(0)
    return ReferenceGenerator(gan_cls.Generator(16, 12, 8, noise_dim=5), count=4)


def test_the_reference_are_the_first_captions_and_stay(generator):
    text, other = Text(torch.randn(3, 12)), Text(torch.randn(3, 12))
    generator(torch.randn(3, 5), text)
    assert torch.equal(generator.sentence, text.sentence[[0, 1, 2, 0]])
    generator(torch.randn(3, 5), other)
    assert torch.equal(generator.sentence, text.sentence[[0, 1, 2, 0]])


def test_a_picture_is_the_same_alone_and_among_others_and_in_evaluation(generator):
    noise, text = torch.randn(3, 5), Text(torch.randn(3, 12))
    painted = generator(noise, text).images[-1]
    assert painted.shape == (3, 3, 16, 16)
    alone = generator.eval()(noise[1:2], text.take(torch.tensor([1]))).images[-1]
    torch.testing.assert_close(painted[1:2], alone, atol=1e-5, rtol=1e-4)


def test_what_is_loaded_knows_its_reference(generator):
    generator(torch.randn(3, 5), Text(torch.randn(3, 12)))
    other = ReferenceGenerator(gan_cls.Generator(16, 12, 8, noise_dim=5), count=4)
    other.load_state_dict(generator.state_dict())
    assert other.known
    other(torch.randn(3, 5), Text(torch.zeros(3, 12)))
    assert torch.equal(other.sentence, generator.sentence)


def test_what_cannot_have_a_reference_is_refused():
    with pytest.raises(ValueError, match="use 2 or more"):
        ReferenceGenerator(gan_cls.Generator(16, 12, 8), count=1)

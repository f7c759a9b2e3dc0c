"""Our two Inceptions are theirs, to the last feature: the same random weights, from one file, in both."""

import pytest
import torch
from torch import nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torchvision.models.inception import Inception3, InceptionE

from t2i_utils.metrics.inception import FEATURES, LastBlock, inception_2015, inception_imagenet, mean_inside
from t2i_utils.metrics.resize import TF1_BILINEAR, UNIT_BILINEAR
from t2i_utils.metrics.weights_files import read_weights

pytestmark = pytest.mark.usefixtures("one_thread")
PICTURES = torch.randint(256, (2, 3, 48, 48), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def unsettled(network, seed=0):
    """Random weights and statistics, loud enough that every block is heard at the end."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.1)
                part.running_var.uniform_(0.5, 1.5)
                part.weight.uniform_(0.5, 1.5)
                part.bias.normal_(0, 0.1)
            elif isinstance(part, nn.Conv2d | nn.Linear):
                part.weight.normal_(0, (2 / part.weight[0].numel()) ** 0.5)
    return network.eval()


@pytest.fixture(scope="module")
def file_2015(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(unsettled(Inception3(1008, aux_logits=False, init_weights=False)).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def ours_2015(file_2015):
    return inception_2015(read_weights(file_2015))


@pytest.fixture(scope="module")
def imagenet():
    return unsettled(Inception3(transform_input=True, init_weights=False))


def test_the_network_of_2015_sees_what_torch_fidelitys_sees(file_2015, ours_2015):
    wanted = ["2048", "logits_unbiased", "logits"]
    theirs = FeatureExtractorInceptionV3("theirs", wanted, feature_extractor_weights_path=str(file_2015))
    features, unbiased, biased = theirs(PICTURES)
    seen, logits = ours_2015(TF1_BILINEAR(PICTURES))
    assert seen.shape == (2, FEATURES)
    assert logits.shape == (2, 1008)
    assert features.std() > 0.1  # not a network that died on the way
    torch.testing.assert_close(seen, features, atol=1e-4, rtol=0)
    torch.testing.assert_close(logits, unbiased, atol=1e-4, rtol=0)
    bias = read_weights(file_2015)["fc.bias"]
    torch.testing.assert_close(biased - logits, bias.expand(2, -1), atol=1e-4, rtol=0)


def test_torchvisions_network_of_these_weights_sees_something_else(file_2015, ours_2015):
    plain = Inception3(1008, aux_logits=False, init_weights=False)
    plain.load_state_dict(read_weights(file_2015))
    plain.fc = nn.Identity()
    images = TF1_BILINEAR(PICTURES[:1])
    with torch.no_grad():
        assert (plain.eval()(images) - ours_2015(images)[0]).abs().max() > 0.05


def test_a_mean_does_not_count_what_is_no_picture():
    maps = torch.ones(1, 2, 4, 4)
    assert torch.equal(mean_inside(maps), maps)
    corner = torch.zeros(1, 1, 4, 4)
    corner[..., 0, 0] = 1
    assert mean_inside(corner)[0, 0, 0, 0] == 1 / 4
    torch.testing.assert_close(mean_inside(corner)[0, 0, 1, 1], torch.tensor(1 / 9))


def test_the_last_block_differs_in_its_pooled_branch_alone():
    block, plain = LastBlock(8).eval(), InceptionE(8).eval()
    plain.load_state_dict(block.state_dict())
    maps = torch.randn(1, 8, 5, 5, generator=torch.Generator().manual_seed(0))
    ours, theirs = block(maps), plain(maps)
    assert torch.equal(ours[:, :-192], theirs[:, :-192])
    assert not torch.equal(ours[:, -192:], theirs[:, -192:])
    flat = maps[..., :1, :1].expand(1, 8, 5, 5)
    torch.testing.assert_close(block(flat)[..., 1:-1, 1:-1], plain(flat)[..., 1:-1, 1:-1])


def test_torchvisions_network_gets_0_to_1_and_maps_it_as_if_it_were_normalised(imagenet):
    features = []
    imagenet.avgpool.register_forward_hook(lambda part, given, pooled: features.append(pooled.flatten(1)))
    images = UNIT_BILINEAR(PICTURES[:1])
    with torch.no_grad():
        logits = imagenet(images)
    seen, ours = inception_imagenet(imagenet.state_dict())(images)
    assert ours.shape == (1, 1000)
    torch.testing.assert_close(seen, features[0], atol=1e-4, rtol=0)
    torch.testing.assert_close(ours, logits, atol=1e-4, rtol=0)
    mean, std = (torch.tensor(part)[:, None, None] for part in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    imagenet.transform_input = False
    with torch.no_grad():
        by_hand = imagenet(images * std / 0.5 + (mean - 0.5) / 0.5)
        unmapped = imagenet(images)
    torch.testing.assert_close(ours, by_hand, atol=1e-4, rtol=0)
    assert (ours - unmapped).abs().max() > 0.05


def test_it_is_frozen_and_draws_no_randomness(file_2015):
    before = torch.get_rng_state()
    network = inception_2015(read_weights(file_2015))
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(part.requires_grad for part in network.parameters())
    assert not any(part.training for part in network.modules())


def test_weights_of_another_network_are_refused(file_2015):
    with pytest.raises(ValueError, match=r"not the weights of torchvision's Inception v3 .*fetch its own file"):
        inception_imagenet(read_weights(file_2015))

"""One picture, four numbers called FID: each with its own name, weights and pixels."""

import hashlib
import io

import pytest
import torch
from misbehaving import sends, serving
from torch import nn

from t2i_utils.data.remote import RemoteFile
from t2i_utils.metrics.fid_protocols import CLEAN, PYTORCH, TF1, TORCHVISION, InceptionExtractor, InceptionProtocol
from t2i_utils.metrics.resize import PIL_BICUBIC, SIDE, TF1_BILINEAR, TORCH_BILINEAR, UNIT_BILINEAR
from t2i_utils.metrics.weights_files import INCEPTION_2015, INCEPTION_IMAGENET

pytestmark = pytest.mark.usefixtures("one_thread")


class Glance(nn.Module):
    """In place of an Inception: features are colours' means, times a weight; logits are features; dropout in train."""

    def __init__(self, weight):
        super().__init__()
        self.register_buffer("weight", weight)
        self.drop = nn.Dropout(0.5)

    def forward(self, images):
        assert images.shape[1:] == (3, SIDE, SIDE)
        assert images.dtype == torch.float32
        features = self.drop(images.mean(dim=(2, 3)) * self.weight)
        return features, features


@pytest.fixture
def glancing():
    return InceptionExtractor(Glance(torch.ones(3)), UNIT_BILINEAR, "glance", "00", batch_size=4)


def flat(*levels):
    """One picture of 20 pixels a level."""
    return torch.tensor(levels, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 20, 20)


def test_it_shows_the_network_what_the_rule_makes_of_pictures(glancing):
    seen = glancing.see(flat(*range(0, 250, 25)))
    torch.testing.assert_close(seen.features, (torch.arange(0, 250, 25) / 255)[:, None].expand(-1, 3))
    torch.testing.assert_close(seen.probabilities, torch.full((10, 3), 1 / 3))
    assert glancing.resize == UNIT_BILINEAR.name


def test_it_looks_in_eval_mode_whoever_set_it_to_train(glancing):
    glancing.network.train()
    torch.testing.assert_close(glancing.see(flat(255)).features, torch.ones(1, 3))


def test_grey_is_a_colour_and_what_is_no_picture_is_refused(glancing):
    torch.testing.assert_close(glancing.see(flat(51)[:, :1]).features, torch.full((1, 3), 0.2))
    with pytest.raises(ValueError, match="uint8"):
        glancing.see(flat(51).float())


def test_each_number_has_its_own_name_and_pixels_and_its_papers_weights():
    protocols = {TF1: TF1_BILINEAR, PYTORCH: TORCH_BILINEAR, CLEAN: PIL_BICUBIC, TORCHVISION: UNIT_BILINEAR}
    assert len({protocol.name for protocol in protocols}) == 4
    for protocol, resize in protocols.items():
        assert protocol.resize is resize
        assert protocol.weights is (INCEPTION_IMAGENET if protocol is TORCHVISION else INCEPTION_2015)


def test_weights_are_fetched_checked_opened_and_named(tmp_path, monkeypatch):
    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    made = io.BytesIO()
    torch.save({"weight": torch.tensor([1.0, 2.0, 3.0])}, made)
    data = made.getvalue()
    sha256 = hashlib.sha256(data).hexdigest()
    for web in serving(monkeypatch):
        file = RemoteFile("glance.pth", (web.serve("/glance.pth", sends(data)),), b"", len(data), sha256)
        protocol = InceptionProtocol("glance", file, lambda weights: Glance(weights["weight"]), TF1_BILINEAR)
        extractor = protocol.open()
    assert (extractor.name, extractor.fingerprint, extractor.resize) == ("glance", sha256, TF1_BILINEAR.name)
    torch.testing.assert_close(extractor.see(flat(192)).features, torch.tensor([[0.5, 1.0, 1.5]]))

"""Two towers: which layers learn, what locked batch normalisation does, and small picture towers beside sentences."""

import pytest
import torch
from tiny_bert import write_bert
from torch.nn import functional as F

from t2i_utils.data.split import evenly, read_split
from t2i_utils.text.bert import read_bert
from t2i_utils.text.clip import new_clip
from t2i_utils.text.encoders import open_encoder
from t2i_utils.text.picture_towers import CachedTowers, SbertTowers
from t2i_utils.text.towers import ClipTowers

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

VIT = {"image_size": 32, "layers": 3, "width": 16, "head_width": 8, "patch_size": 16}


def learning(towers):
    return {name for name, parameter in towers.named_parameters() if parameter.requires_grad}


def test_none_locks_nothing_and_zero_everything_but_the_scale(small_config):
    towers = ClipTowers(new_clip(small_config))
    everything = learning(towers)
    towers.lock()
    assert learning(towers) == everything
    towers.lock(0, 0)
    assert learning(towers) == {"clip.logit_scale"}
    towers.lock(None, 0)
    assert learning(towers) == {name for name in everything if name.startswith("clip.visual")} | {"clip.logit_scale"}


@pytest.mark.parametrize(
    ("image_layers", "some"),
    [
        (1, {"visual.proj", "visual.ln_post.weight"}),
        (2, {"visual.transformer.resblocks.2.ln_1.weight"}),
        (4, {"visual.transformer.resblocks.0.ln_1.weight"}),
        (5, {"visual.conv1.weight", "visual.positional_embedding"}),
    ],
)
def test_a_vision_transformer_is_locked_by_depth(small_config, image_layers, some):
    small_config["vision_cfg"] = VIT
    towers = ClipTowers(new_clip(small_config))
    towers.lock(image_layers, 0)
    before = learning(towers)
    assert {f"clip.{name}" for name in some} <= before
    towers.lock(image_layers - 1, 0)
    assert not {f"clip.{name}" for name in some} & learning(towers)
    assert learning(towers) < before


def test_resnets_and_text_towers_are_locked_by_depth(small_config):
    towers = ClipTowers(new_clip(small_config))
    towers.lock(2, 1)
    starts = {name.removeprefix("clip.").split(".")[0] for name in learning(towers)}
    assert starts == {"visual", "ln_final", "text_projection", "logit_scale"}
    assert {name.split(".")[2] for name in learning(towers) if "visual" in name} == {"layer4", "attnpool"}
    towers.lock(0, 3)
    assert "clip.token_embedding.weight" in learning(towers)
    with pytest.raises(ValueError, match="the caption tower has 3 layers, of which 4 should learn"):
        towers.lock(0, 4)


def test_locked_batch_normalisation_keeps_its_statistics_and_the_rest_learns_them(small_config):
    towers = ClipTowers(new_clip(small_config))
    towers.lock(2, None)
    towers.train()
    before = {name: part.clone() for name, part in towers.state_dict().items() if "running_mean" in name}
    towers.see(torch.rand(8, 3, 32, 32))
    after = towers.state_dict()
    changed = {name for name, part in before.items() if not torch.equal(part, after[name])}
    assert changed
    assert changed == {name for name in before if "layer4" in name}
    towers.eval().train()
    assert not towers.clip.visual.bn1.training
    assert towers.clip.visual.layer4.training


def test_comparing_is_what_the_encoder_says_and_leaves_training_as_it_was(plain_file, small_config):
    encoder, pictures = new_clip(small_config), evenly(read_split(plain_file, "all"), 7)
    towers = ClipTowers(encoder).train()
    images, sentences = towers.see_all(pictures.images, 3), towers.read_all(pictures.captions, 3)
    assert towers.training
    seen = encoder.encode_images(pictures.images.float() / 127.5 - 1)
    torch.testing.assert_close(images, F.normalize(seen, dim=1))
    torch.testing.assert_close(sentences, F.normalize(encoder.encode(pictures.captions).sentence, dim=1))


def test_vectors_that_were_made_before_are_found_by_their_caption():
    vectors = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    towers = CachedTowers(["one", "two", "three"], vectors, 32)
    tokens = towers.tokens(["three", "one", "three"])
    assert tokens.tolist() == [[2], [0], [2]]
    expected = F.normalize(towers.bring(F.normalize(vectors[[2, 0, 2]], dim=1)), dim=1)
    torch.testing.assert_close(towers.read(tokens), expected)
    assert towers.see(torch.zeros(2, 3, 32, 32)).shape == (2, 128)
    assert not any("sentences" in name for name in towers.state_dict())
    with pytest.raises(ValueError, match=r"no vector was made of 'four' \(2 such\)"):
        towers.tokens(["four", "one", "five"])
    with pytest.raises(ValueError, match="leave checkpointing out"):
        towers.checkpoint()


@pytest.fixture
def bert_folder(tmp_path):
    write_bert(tmp_path / "bert")
    return tmp_path / "bert"


CAPTIONS = ["a flower", "a flower with petals, a flower", "red"]


def test_a_sentence_berts_towers_read_what_its_encoder_reads(bert_folder):
    towers = SbertTowers(bert_folder, 32).eval()
    encoder = open_encoder(str(bert_folder))
    vectors = encoder.encode(CAPTIONS).sentence
    with torch.no_grad():
        towers.bring.bias.zero_()  # with it a vector's length, which the encoder sets, would count
    by_hand = F.normalize(F.linear(vectors, towers.bring.weight), dim=1)
    torch.testing.assert_close(towers.read(towers.tokens(CAPTIONS)), by_hand, atol=1e-5, rtol=1e-4)


def test_a_sentence_bert_saved_and_opened_is_the_same(bert_folder, tmp_path):
    towers = SbertTowers(bert_folder, 32)
    with torch.no_grad():
        for parameter in towers.bert.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape))
    towers.save(tmp_path / "tuned")
    again = read_bert(tmp_path / "tuned").state_dict()
    assert all(torch.equal(part, again[name]) for name, part in towers.bert.state_dict().items())
    first, tuned = open_encoder(str(bert_folder)), open_encoder(str(tmp_path / "tuned"))
    assert first.fingerprint != tuned.fingerprint
    assert tuned.name == str(tmp_path / "tuned")
    assert not torch.allclose(first.encode(CAPTIONS).sentence, tuned.encode(CAPTIONS).sentence, atol=1e-3)


def test_a_sentence_bert_computed_twice_has_the_same_gradients(bert_folder):
    found = []
    for twice in (False, True):
        towers = SbertTowers(bert_folder, 32).train()
        if twice:
            towers.checkpoint()
        towers.read(towers.tokens(CAPTIONS)).sum().backward()
        found.append({name: part.grad for name, part in towers.bert.named_parameters() if part.grad is not None})
    assert found[0].keys() == found[1].keys()
    assert all(torch.allclose(part, found[1][name], atol=1e-6) for name, part in found[0].items())
    assert max(part.abs().max() for part in found[0].values()) > 1e-4


def test_a_berts_layers_are_locked_by_depth(bert_folder):
    towers = SbertTowers(bert_folder, 32)
    towers.lock(None, 1)
    last = len(towers.bert.layers) - 1
    assert {name.split(".")[2] for name in learning(towers) if name.startswith("bert")} == {str(last)}
    assert "bring.weight" in learning(towers)

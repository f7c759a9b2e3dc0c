"""CLIP through open_clip: vectors, folders that anyone opens, and names that do not fit."""

import copy
import inspect
import json
import shutil
import warnings

import numpy as np
import open_clip
import pytest
import torch

from t2i_utils.data.synthetic import draw_flower, render
from t2i_utils.interfaces import TextEncoder
from t2i_utils.text import clip, loudness
from t2i_utils.text.clip import CONFIG_FILE, WEIGHTS_FILE, ClipEncoder, new_clip, tiny_config
from t2i_utils.text.clip_opening import open_clip_encoder
from t2i_utils.text.loudness import LOUDNESS

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

LENGTH = LOUDNESS * 16**0.5  # of the small encoder's vectors
CAPTIONS = ["a red flower", "a flower with six pointed blue petals", "white petals against the sky"]


@pytest.fixture
def folder(small_encoder, tmp_path):
    """A copy of the small encoder's folder, to be damaged."""
    return shutil.copytree(small_encoder.name, tmp_path / "copy")


def edit(folder, change):
    """Change the model's configuration in a folder."""
    told = json.loads((folder / CONFIG_FILE).read_text())
    change(told["model_cfg"])
    (folder / CONFIG_FILE).write_text(json.dumps(told))


def test_a_vectors_numbers_have_the_root_mean_square_that_was_chosen(small_encoder):
    sentence = small_encoder.encode(CAPTIONS).sentence
    assert isinstance(small_encoder, TextEncoder)
    assert sentence.shape == (3, small_encoder.text_dim) == (3, 16)
    assert sentence.dtype == torch.float32
    assert not sentence.requires_grad
    torch.testing.assert_close(sentence.norm(dim=1), torch.full((3,), LENGTH))


def test_a_vector_does_not_depend_on_who_stands_beside_it(small_encoder):
    together = small_encoder.encode(CAPTIONS).sentence
    torch.testing.assert_close(small_encoder.encode(CAPTIONS, batch_size=1).sentence, together)
    torch.testing.assert_close(small_encoder.encode(CAPTIONS[1:2]).sentence, together[1:2])
    assert (together[0] - together[1]).norm() > 0.01


def test_encoding_is_evaluation_even_of_a_model_in_training(small_config):
    encoder = new_clip(small_config)
    images = torch.rand(4, 3, 32, 32) * 2 - 1
    expected = encoder.encode_images(images)
    before = encoder.fingerprint
    encoder.model.train()
    torch.testing.assert_close(encoder.encode_images(images), expected)
    assert encoder.fingerprint == before  # batch statistics were not touched


def test_a_caption_of_a_thousand_words_is_cut_and_one_of_emoji_refused(small_encoder):
    assert small_encoder.tokens(["petal " * 300]).shape == (1, 24)
    assert small_encoder.encode(["a red flower \N{CHERRY BLOSSOM}"]).sentence.isfinite().all()
    with pytest.raises(ValueError, match="no word"):
        small_encoder.encode(["\N{CHERRY BLOSSOM}"])
    with pytest.raises(TypeError, match="list of captions"):
        small_encoder.encode("a red flower")


def test_a_saved_folder_opens_with_plain_open_clip(small_encoder):
    model = open_clip.create_model(f"local-dir:{small_encoder.name}").eval()
    tokenizer = open_clip.get_tokenizer(f"local-dir:{small_encoder.name}")
    with torch.no_grad():
        theirs = model.encode_text(tokenizer(CAPTIONS), normalize=True)
    torch.testing.assert_close(small_encoder.encode(CAPTIONS).sentence / LENGTH, theirs)


def test_saving_and_opening_changes_nothing(small_config, tmp_path):
    encoder = new_clip(small_config, seed=3)
    encoder.save(tmp_path / "deep" / "clip")
    for name in (str(tmp_path / "deep" / "clip"), f"local-dir:{tmp_path / 'deep' / 'clip'}"):
        opened = open_clip_encoder(name)
        assert opened.fingerprint == encoder.fingerprint
        assert torch.equal(opened.encode(CAPTIONS).sentence, encoder.encode(CAPTIONS).sentence)
    opened.save(tmp_path / "again")  # what was opened from a folder can be saved to another
    assert open_clip_encoder(str(tmp_path / "again")).fingerprint == encoder.fingerprint


def test_one_changed_weight_changes_the_fingerprint(small_config):
    encoder = new_clip(small_config)
    before = encoder.fingerprint
    assert new_clip(small_config).fingerprint == before
    assert new_clip(small_config, seed=1).fingerprint != before
    with torch.no_grad():
        encoder.model.text_projection[0, 0].add_(1e-3)
    assert encoder.fingerprint != before


def test_another_loudness_is_another_fingerprint(small_encoder, monkeypatch):
    before, vectors = small_encoder.fingerprint, small_encoder.encode(CAPTIONS).sentence
    monkeypatch.setattr(loudness, "LOUDNESS", 2 * LOUDNESS)
    torch.testing.assert_close(small_encoder.encode(CAPTIONS).sentence, 2 * vectors)
    assert small_encoder.fingerprint != before


def test_making_and_opening_a_clip_leaves_everyone_elses_randomness_alone(small_config, tmp_path):
    before = torch.get_rng_state()
    new_clip(small_config, seed=5).save(tmp_path / "clip")
    open_clip_encoder(str(tmp_path / "clip"))
    assert torch.equal(torch.get_rng_state(), before)


def test_saving_replaces_whole_or_not_at_all(small_config, tmp_path, monkeypatch):
    encoder = new_clip(small_config)
    encoder.save(tmp_path / "clip")
    (tmp_path / "clip" / "stray").touch()

    def full(tensors, path):
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(clip, "save_file", full)
        with pytest.raises(OSError, match="no space"):
            new_clip(small_config, seed=1).save(tmp_path / "clip")
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]
    assert open_clip_encoder(str(tmp_path / "clip")).fingerprint == encoder.fingerprint
    new_clip(small_config, seed=1).save(tmp_path / "clip")
    assert {path.name for path in (tmp_path / "clip").iterdir()} == {CONFIG_FILE, WEIGHTS_FILE}
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]


def test_the_tiny_clip_is_a_clip_of_the_size_asked_for():
    encoder = new_clip(tiny_config(48))
    assert encoder.text_dim == 128
    assert encoder.see(torch.zeros(1, 3, 48, 48)).shape == (1, 3, 48, 48)


def test_the_tiny_clip_sees_small_pictures_larger():
    encoder = new_clip(tiny_config(28))
    assert encoder.see(torch.zeros(1, 1, 28, 28)).shape == (1, 3, 32, 32)
    assert torch.isfinite(encoder.encode_images(torch.zeros(2, 1, 28, 28))).all()


@pytest.mark.parametrize("size", [32, 28])
def test_grey_pictures_are_seen_as_colour_without_colour(small_encoder, size):
    grey = torch.rand(3, 1, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    colour = grey.repeat(1, 3, 1, 1)
    assert torch.equal(small_encoder.see(grey), small_encoder.see(colour))
    assert torch.equal(small_encoder.encode_images(grey), small_encoder.encode_images(colour))


@pytest.mark.parametrize("size", [32, 20, 64])
def test_pictures_of_any_size_are_seen_at_the_towers_size(small_encoder, size):
    flat = torch.tensor([-0.5, 0.0, 0.9])[None, :, None, None].expand(2, 3, size, size)
    mean, std = (torch.tensor(v) for v in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD))
    seen = small_encoder.see(flat)
    expected = ((torch.tensor([0.25, 0.5, 0.95]) - mean) / std)[None, :, None, None].expand(2, 3, 32, 32)
    torch.testing.assert_close(seen, expected, atol=1e-5, rtol=0)
    vectors = small_encoder.encode_images(flat)
    torch.testing.assert_close(vectors.norm(dim=1), torch.full((2,), LENGTH))
    torch.testing.assert_close(vectors, small_encoder.encode_images(flat[:, :, :1, :1].expand(2, 3, 32, 32)))


def test_pictures_are_seen_as_open_clips_own_transform_shows_them(small_encoder):
    picture = render(draw_flower(np.random.default_rng(0)), 96)
    theirs = open_clip.image_transform(32, is_train=False)(picture)
    pixels = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None]
    ours = small_encoder.see(pixels.float() / 127.5 - 1)[0]
    assert (ours - theirs).abs().mean() < 0.01  # theirs rounds to bytes on the way


def cut_short(folder):
    weights = folder / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (cut_short, ValueError, "does not open"),
        (lambda folder: (folder / WEIGHTS_FILE).write_bytes(b""), ValueError, "does not open"),
        (lambda folder: (folder / WEIGHTS_FILE).unlink(), FileNotFoundError, WEIGHTS_FILE),
        (lambda folder: (folder / CONFIG_FILE).unlink(), FileNotFoundError, CONFIG_FILE),
        (lambda folder: (folder / CONFIG_FILE).write_text("{"), ValueError, "does not open"),
        (lambda folder: (folder / CONFIG_FILE).write_text("[]"), ValueError, "does not open"),
        (lambda folder: edit(folder, lambda told: told.pop("embed_dim")), ValueError, "does not open"),
        (lambda folder: edit(folder, lambda told: told.update(petals=5)), ValueError, "does not open"),
        (lambda folder: edit(folder, lambda told: told["text_cfg"].update(width=32)), ValueError, "does not open"),
        (lambda folder: edit(folder, lambda told: told["vision_cfg"].update(width=16)), ValueError, "does not open"),
        (
            lambda folder: edit(
                folder, lambda told: told.update(vision_cfg={"image_size": 32, "layers": 1, "width": 64})
            ),
            ValueError,
            "does not open",
        ),
        (  # open_clip itself would stretch what it has to these, and say nothing
            lambda folder: edit(folder, lambda told: told["text_cfg"].update(context_length=40)),
            ValueError,
            r"positional_embedding is \[24, 16\] in .*safetensors, and \[40, 16\] by",
        ),
    ],
    ids=[
        "cut",
        "empty",
        "no-weights",
        "no-config",
        "half-config",
        "list",
        "no-dim",
        "unknown-field",
        "text-width",
        "picture-width",
        "vit",
        "context-length",
    ],
)
def test_a_damaged_folder_is_named_in_one_line(folder, damage, error, words):
    damage(folder)
    with pytest.raises(error, match=words) as refused:
        open_clip_encoder(str(folder))
    assert str(folder) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=CONFIG_FILE):
        open_clip_encoder(f"local-dir:{tmp_path / 'nothing'}")


@pytest.mark.parametrize(
    ("name", "near"), [("ViT-B-23/openai", "ViT-B-32"), ("vit-b-16/openai", "ViT-B-16"), ("RN51/openai", "RN50")]
)
def test_an_unknown_model_is_told_which_are_near(name, near):
    with pytest.raises(ValueError, match="neither a folder nor MODEL/TAG") as refused:
        open_clip_encoder(name)
    told = str(refused.value)
    assert repr(name) in told
    assert f" {near}," in told or f" {near};" in told


@pytest.mark.parametrize("name", ["ViT-B-32-quickgelu/opanai", "ViT-B-32-quickgelu"])
def test_an_unknown_tag_is_told_which_there_are(name):
    with pytest.raises(ValueError, match=r"its tags: .*\bopenai\b.*laion400m_e32"):
        open_clip_encoder(name)


def test_an_activation_that_does_not_fit_the_weights_is_an_error(monkeypatch, small_config):
    said = "QuickGELU mismatch between final model config (quick_gelu=False) and pretrained tag 'openai'"
    assert "QuickGELU mismatch between final model config" in inspect.getsource(open_clip.factory)

    def create(model, pretrained, device):
        warnings.warn(said, UserWarning, stacklevel=2)
        return new_clip(small_config).model

    monkeypatch.setattr(open_clip, "create_model", create)
    with pytest.raises(ValueError, match="QuickGELU mismatch") as refused:
        open_clip_encoder("ViT-B-32/openai")
    assert "ViT-B-32-quickgelu/openai" in str(refused.value)


def test_weights_by_tag_keep_their_name_and_are_saved_with_what_open_clip_knows_of_them(
    monkeypatch, small_config, tmp_path
):
    """As fine-tuned weights of a published CLIP are: sizes, activation, mean and deviation of colours."""
    told = copy.deepcopy(small_config) | {"quick_gelu": True}
    told["text_cfg"]["context_length"] = 77
    asked = []

    def create(model, pretrained, device):
        asked.append((model, pretrained, str(device)))
        network = new_clip(told).model
        network.visual.image_mean, network.visual.image_std = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
        return network

    with monkeypatch.context() as patch:
        patch.setattr(open_clip, "create_model", create)
        patch.setattr(open_clip, "get_model_config", lambda model: told if model == "ViT-B-32-quickgelu" else None)
        encoder = open_clip_encoder("ViT-B-32-quickgelu/openai")
    assert asked == [("ViT-B-32-quickgelu", "openai", "cpu")]
    assert encoder.name == "ViT-B-32-quickgelu/openai"
    assert encoder.encode(CAPTIONS).sentence.shape == (3, 16)
    encoder.save(tmp_path / "clip")
    again = open_clip_encoder(str(tmp_path / "clip"))
    assert again.fingerprint == encoder.fingerprint
    assert torch.equal(again.encode(CAPTIONS).sentence, encoder.encode(CAPTIONS).sentence)
    grey = torch.full((1, 3, 32, 32), 0.5)
    torch.testing.assert_close(again.see(grey), torch.ones(1, 3, 32, 32))
    assert torch.equal(again.encode_images(grey), encoder.encode_images(grey))


def test_a_published_models_configuration_is_open_clips_own():
    config = open_clip.get_model_config("ViT-B-32-quickgelu")
    assert config["quick_gelu"]
    assert config["text_cfg"]["context_length"] == 77


# Words


def test_words_have_vectors_up_to_the_end_of_the_text_and_a_mask(small_encoder):
    text = small_encoder.encode(CAPTIONS, words=True)
    counts = [int((row > 0).sum()) - 2 for row in small_encoder.tokens(CAPTIONS)]
    assert text.words.shape == (3, max(counts), 16)
    assert text.mask.sum(1).tolist() == counts
    assert text.mask[:, 0].all()
    assert text.words[~text.mask].count_nonzero() == 0
    torch.testing.assert_close(text.sentence, small_encoder.encode(CAPTIONS).sentence)


def test_words_are_what_the_sentence_would_be_if_it_ended_there(small_encoder):
    """The last layer's states, through the same norm and projection: checked against the model's own parts."""
    model, tokens = small_encoder.model, small_encoder.tokens(CAPTIONS)
    with torch.no_grad():
        states = model.token_embedding(tokens) + model.positional_embedding
        states = model.ln_final(model.transformer(states, attn_mask=model.attn_mask)) @ model.text_projection
    text = small_encoder.encode(CAPTIONS, words=True)
    for row, count in enumerate(text.mask.sum(1).tolist()):
        torch.testing.assert_close(text.words[row, :count], states[row, 1 : count + 1])


def test_a_word_that_has_the_number_of_padding_is_a_word(small_encoder):
    """open_clip pads with 0, which is also the token of an exclamation mark before another sign."""
    assert small_encoder.tokens(["a !<"])[0].tolist()[:6] == [49406, 320, 0, 283, 49407, 0]
    text = small_encoder.encode(["a !<", "a flower"], words=True)
    assert text.mask.tolist() == [[True, True, True], [True, True, False]]


def test_a_word_does_not_know_what_follows_and_no_batch_changes_it(small_encoder):
    alone = small_encoder.encode(["a red flower"], words=True)
    longer = small_encoder.encode(["a red flower with round petals", "a red flower"], words=True, batch_size=1)
    torch.testing.assert_close(longer.words[0, :3], alone.words[0])
    torch.testing.assert_close(longer.words[1, :3], alone.words[0])
    assert longer.mask[1].sum() == 3


def test_a_reader_of_another_library_has_no_words_here(small_config):
    encoder = new_clip(small_config, "foreign")
    del encoder.model.token_embedding
    with pytest.raises(ValueError, match="foreign reads with another library's network"):
        encoder.encode(CAPTIONS, words=True)


def test_a_tokenizer_of_another_context_length_is_refused(small_config):
    encoder = new_clip(small_config)
    with pytest.raises(ValueError, match=r"reads 24 tokens, and its tokenizer makes 77.*context_length=24"):
        ClipEncoder(encoder.model, open_clip.get_tokenizer("ViT-B-32"), "mixed", small_config)


def test_weights_that_cannot_be_downloaded_are_an_error_with_a_way_out(monkeypatch):
    def create(model, pretrained, device):
        raise RuntimeError("Failed to download weights for tag 'openai': no route to host")

    monkeypatch.setattr(open_clip, "create_model", create)
    with pytest.raises(ValueError, match="no route to host"):
        open_clip_encoder("ViT-B-32-quickgelu/openai")

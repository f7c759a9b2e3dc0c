"""A packed text tower: the CLIP's own vectors, of the words that it learnt and without CLIP."""

import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F

from t2i_utils.text import packing
from t2i_utils.text.clip import new_clip
from t2i_utils.text.packed import END, START, UNKNOWN, open_packed, pieces

pytestmark = pytest.mark.usefixtures("one_thread")

CLIP = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 16, "layers": [1, 1, 1, 1], "width": 8},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2},
}
CAPTIONS = [
    "A red flower, in front of soil.",
    "the flower's petals are blue",
    "a heart-shaped bloom with 12 petals;",
    "bright tangerine petals around a jet black eye",
]


@pytest.fixture(scope="module")
def clip():
    return new_clip(CLIP, "small", seed=3)


@pytest.fixture(scope="module")
def packed(clip):
    return packing.pack(clip, CAPTIONS, "small", steps=60)


def test_known_words_give_the_vectors_that_clip_gives(clip, packed):
    others = ["a blue flower with red petals", "12 petals, a jet black flower;", CAPTIONS[0] * 3]  # the last is cut
    for captions in (CAPTIONS, others):
        assert packed.ignored(captions) == []
        assert torch.allclose(packed.encode(captions).sentence, clip.encode(captions).sentence, atol=1e-5)


def test_only_rows_of_known_words_are_kept(clip, packed):
    tokens = {token for row in clip.tokens(CAPTIONS).tolist() for token in row} - {0}
    assert packed.tower.rows.num_embeddings == len(tokens) + 1  # START and END are among the tokens, UNKNOWN is not
    assert packed.rows("red zebra flower")[1] == UNKNOWN
    assert packed.tokens(["red"])[0].tolist() == [START, *packed.vocabulary["red"], END]


def test_a_word_it_never_saw_is_named_and_hardly_heard(packed):
    untaught = packing.pack(new_clip(CLIP, "small", seed=3), CAPTIONS, "small", steps=0)
    plain, spoilt = ["a red flower in front of soil"], ["a Red zebra flower in front of strange soil!"]
    assert packed.ignored(spoilt * 2) == ["zebra", "strange"]

    def lost(encoder) -> float:
        return 1 - F.cosine_similarity(encoder.encode(plain).sentence, encoder.encode(spoilt).sentence).item()

    assert lost(packed) < lost(untaught) / 2


def test_a_sign_it_never_saw_changes_nothing(packed):
    assert torch.equal(packed.encode(["a red flower!"]).sentence, packed.encode(["a red flower"]).sentence)


def test_a_caption_of_unknown_words_alone_still_has_a_vector(packed):
    assert torch.isfinite(packed.encode(["zebra crossing"]).sentence).all()
    with pytest.raises(ValueError, match="holds no word"):
        packed.encode(["!!!"])


def test_neighbours_in_a_batch_change_no_vector(packed):
    together = packed.encode(CAPTIONS).sentence
    apart = torch.cat([packed.encode([caption]).sentence for caption in CAPTIONS])
    assert torch.allclose(together, apart, atol=1e-6)


def test_a_file_gives_back_the_same_encoder_in_half_precision(packed, tmp_path):
    packing.save(packed, tmp_path / "text.safetensors")
    again = open_packed(tmp_path / "text.safetensors")
    assert (again.vocabulary, again.text_dim, again.name) == (packed.vocabulary, 16, "small")
    assert torch.allclose(again.encode(CAPTIONS).sentence, packed.encode(CAPTIONS).sentence, atol=5e-3)
    assert again.fingerprint == open_packed(tmp_path / "text.safetensors").fingerprint != packed.fingerprint
    again.vocabulary["rose"] = again.vocabulary["red"]
    assert again.fingerprint != open_packed(tmp_path / "text.safetensors").fingerprint


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"pickle" + data])
def test_a_damaged_file_is_named(packed, tmp_path, damage):
    path = tmp_path / "text.safetensors"
    packing.save(packed, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"text\.safetensors does not open as a packed text tower .*copy it again"):
        open_packed(path)
    with pytest.raises(FileNotFoundError, match="copy the whole folder again"):
        open_packed(tmp_path / "other.safetensors")


def test_sentences_are_cut_as_clip_cuts_them():
    assert pieces("It's a heart-shaped flower, 12 petals!") == [
        *["it", "'s", "a", "heart", "-", "shaped", "flower", ",", "1", "2", "petals", "!"]
    ]


def test_opening_needs_neither_open_clip_nor_torchvision():
    said = "import sys, t2i_utils.text.packed; print([n for n in ('open_clip', 'torchvision') if n in sys.modules])"
    result = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"

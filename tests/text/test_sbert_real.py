"""The real all-MiniLM-L6-v2, ours beside sentence-transformers: runs where both are installed."""

import importlib.metadata
import json

import pytest
import tiny_bert
import torch
from safetensors import safe_open

from t2i_utils.text.loudness import LOUDNESS
from t2i_utils.text.minilm import VOCABULARY, WEIGHTS, WHEEL, minilm_folder, packaged_folder
from t2i_utils.text.sbert import LONGEST, open_sbert, plain_reader, sbert_from, sentence_transformers_reader
from t2i_utils.text.wordpiece import read_wordpiece

# ruff: noqa: RUF001  (letters that look like others are the point here)
pytestmark = pytest.mark.skipif(packaged_folder() is None, reason=f"{WHEEL} is not installed: make sbert")

FLOWERS = [
    f"a {size} flower with {count} {shape} {colour} petals"
    for size, count, shape, colour in [
        ("small", "five", "round", "red"),
        ("large", "6", "pointed", "yellowish-orange"),
        ("tiny", "3.5", "lavender", "blue"),
        ("wide", "1,000", "bell-shaped", "white"),
    ]
]
SIGNS = [
    "don't!",
    "50% off: $3.99 (net)",
    "a/b\\c|d~e`f^g",
    "what?!...",
    "e-mail: a.b@c.org #red_flower",
    "«fleur» – “rose” — ‘iris’…",
]
ACCENTS = [
    "Crème brûlée à la façon",
    "ÅNGSTRÖM Ünïcödé",
    "İstanbul IĞDIR",
    "naïve façade",
    "Đà Nẵng",
    "ΟΔΥΣΣΕΥΣ ΠΑΣ",
    "ﬁne ﬂower",
    "Ａ ｗｉｄｅ ｆｌｏｗｅｒ",
]
SCRIPTS = [
    "红色的花 in a vase",
    "赤い花が咲いている",
    "붉은 꽃",
    "красный цветок",
    "ورد أحمر",
    "लाल फूल",
    "ดอกไม้สีแดง",
    "𠀀 is rare",
]
EMOJI = [
    "a red flower \N{CHERRY BLOSSOM}",
    "\N{HIBISCUS}\N{ROSE} two",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467 here",
    "ok \N{VARIATION SELECTOR-16}\u2764\ufe0f love",
]
SPACES = [
    "  a   flower \t with\nnewline ",
    "no\u00a0break\u2003space",
    "zero\u200bwidth\ufeff mark",
    "bell\x07 and \x85 next",
    "soft\u00adhyphen",
    "broken \ufffd letter",
]
LENGTHS = [
    "a",
    "I",
    "iris " * 300,
    "photosynthesis antidisestablishmentarianism " * 40,
    "x" * 100,
    "x" * 101,
    "a " + "pneumono" * 30,
    "0123456789" * 9,
]
SPECIAL = ["a [MASK] flower", "[SEP] then [CLS]x[PAD]", "[mask] and [ SEP ]", "[UNK]##s ##ing"]
CAPTIONS = [*FLOWERS, *SIGNS, *ACCENTS, *SCRIPTS, *EMOJI, *SPACES, *LENGTHS, *SPECIAL]
CAPTIONS += ["a photo of a water lily", "Mexican petunia, ruellia simplex (Britton's wild)"]


@pytest.fixture(scope="module")
def folder():
    return minilm_folder()


@pytest.fixture(scope="module")
def ours(folder):
    return sbert_from(folder, plain_reader(folder))


@pytest.fixture(scope="module")
def found(ours):
    return ours.encode(CAPTIONS, batch_size=4, words=True)


@pytest.fixture(scope="module")
def theirs(folder):
    return pytest.importorskip("sentence_transformers").SentenceTransformer(str(folder), device="cpu")


def test_there_are_fifty_captions_of_every_kind():
    assert len(set(CAPTIONS)) == len(CAPTIONS) >= 50


def test_the_tests_tiny_bert_has_the_real_files_names_and_shapes(folder):
    told = json.loads((folder / "config.json").read_text())
    with safe_open(folder / WEIGHTS, "pt") as file:
        found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    assert found == tiny_bert.shapes(told)
    assert set(tiny_bert.TELLS) < set(told)


def test_token_ids_are_those_of_transformers(folder):
    tokenizer = pytest.importorskip("transformers").AutoTokenizer.from_pretrained(str(folder))
    mine = read_wordpiece(folder / VOCABULARY)
    for caption in CAPTIONS:
        assert mine.ids(caption, LONGEST) == tokenizer(caption, truncation=True, max_length=LONGEST)["input_ids"], (
            caption
        )


def test_sentences_are_those_of_sentence_transformers(found, theirs):
    expected = theirs.encode(CAPTIONS, batch_size=4, convert_to_tensor=True, normalize_embeddings=True)
    torch.testing.assert_close(found.sentence / (LOUDNESS * 384**0.5), expected, atol=1e-5, rtol=0)


def test_words_are_its_token_embeddings(found, theirs):
    expected = theirs.encode(CAPTIONS, batch_size=4, output_value="token_embeddings")
    for vectors, mask, tokens in zip(found.words, found.mask, expected, strict=True):
        torch.testing.assert_close(vectors[mask], tokens[1:-1], atol=1e-5, rtol=0)


def test_both_ways_of_opening_are_one_encoder(folder, ours):
    pytest.importorskip("sentence_transformers")
    through = sbert_from(folder, sentence_transformers_reader(folder))
    assert open_sbert().fingerprint == through.fingerprint == ours.fingerprint
    left, right = (encoder.encode(CAPTIONS[:12], words=True) for encoder in (through, ours))
    assert left.mask.equal(right.mask)
    torch.testing.assert_close(left.sentence, right.sentence, atol=1e-5, rtol=0)
    torch.testing.assert_close(left.words, right.words, atol=1e-5, rtol=0)


def test_what_it_means_is_near_and_the_wheel_is_the_one_that_was_checked(ours):
    flower, bloom, car = ours.encode(["a red flower", "a crimson blossom", "a fast truck"]).sentence
    assert torch.cosine_similarity(flower, bloom, dim=0) > torch.cosine_similarity(flower, car, dim=0) + 0.3
    assert importlib.metadata.version(WHEEL) == "0.1.0"

"""A BERT's layers beside plain matrix products, and files that are none."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_bert import TELLS, write_bert

from t2i_utils.text.bert import Sizes, read_bert, read_sizes

pytest_plugins = ["sbert_places"]
pytestmark = pytest.mark.usefixtures("one_thread")

ROWS = [[2, 5, 8, 3], [2, 4, 6, 9, 10, 11, 15, 3], [2, 1, 3]]


def layer_norm(x, tensors, name):
    x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-12).sqrt()
    return x * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def linear(x, tensors, name):
    return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def by_hand(tensors, rows):
    """The paper's equations for one sentence without padding, in float64; [length, width]."""
    t = {name: tensor.double() for name, tensor in tensors.items()}
    x = t["embeddings.word_embeddings.weight"][rows] + t["embeddings.position_embeddings.weight"][: len(rows)]
    x = layer_norm(x + t["embeddings.token_type_embeddings.weight"][0], t, "embeddings.LayerNorm")
    width = TELLS["hidden_size"] // TELLS["num_attention_heads"]
    for layer in (f"encoder.layer.{number}" for number in range(TELLS["num_hidden_layers"])):
        query, key, value = (linear(x, t, f"{layer}.attention.self.{part}") for part in ("query", "key", "value"))
        heads = []
        for first in range(0, x.shape[1], width):
            head = slice(first, first + width)
            look = (query[:, head] @ key[:, head].T / math.sqrt(width)).exp()
            heads.append(look / look.sum(1, keepdim=True) @ value[:, head])
        said = linear(torch.cat(heads, dim=1), t, f"{layer}.attention.output.dense")
        x = layer_norm(x + said, t, f"{layer}.attention.output.LayerNorm")
        inner = linear(x, t, f"{layer}.intermediate.dense")
        inner = inner * (1 + torch.erf(inner / math.sqrt(2))) / 2
        x = layer_norm(x + linear(inner, t, f"{layer}.output.dense"), t, f"{layer}.output.LayerNorm")
    return x.float()


def padded(lists, length, filler=0):
    rows = torch.tensor([row + [filler] * (length - len(row)) for row in lists])
    return rows, torch.arange(length) < torch.tensor([len(row) for row in lists])[:, None]


@torch.no_grad()
@pytest.mark.parametrize("length", [8, 12])
def test_every_piece_is_what_the_equations_say_whatever_the_padding(bert_folder, length):
    tensors, bert = load_file(bert_folder / "model.safetensors"), read_bert(bert_folder)
    for filler in (0, 7):
        found = bert(*padded(ROWS, length, filler))
        for states, row in zip(found, ROWS, strict=True):
            torch.testing.assert_close(states[: len(row)], by_hand(tensors, row), atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_way_of_training_computes_the_same(bert_folder):
    bert = read_bert(bert_folder)
    expected = bert(*padded(ROWS[:1], 4))
    with torch.enable_grad():  # torch's layers take another path where gradients flow
        torch.testing.assert_close(bert.train()(*padded(ROWS[:1], 4)), expected, atol=1e-5, rtol=0)


def test_the_sizes_are_read_and_nobody_elses_randomness_is_touched(bert_folder):
    assert read_sizes(bert_folder / "config.json") == Sizes(21, 12, 2, 12, 2, 3, 20, 1e-12)
    before = torch.get_rng_state()
    bert = read_bert(bert_folder)
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(weight.requires_grad for weight in bert.parameters())
    assert not bert.training


def test_weights_of_half_precision_are_read_as_float32(bert_folder):
    path = bert_folder / "model.safetensors"
    save_file({name: tensor.half() for name, tensor in load_file(path).items()}, path)
    assert {weight.dtype for weight in read_bert(bert_folder).parameters()} == {torch.float32}


def tell(**changes):
    def change(folder):
        told = {name: value for name, value in (TELLS | changes).items() if value is not None}
        (folder / "config.json").write_text(json.dumps(told))

    return change


def without(name):
    def change(folder):
        tensors = load_file(folder / "model.safetensors")
        del tensors[name]
        save_file(tensors, folder / "model.safetensors")

    return change


def cut_short(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (tell(model_type="roberta"), r"tells of roberta, gelu, absolute"),
        (tell(hidden_act="relu"), r"tells of bert, relu"),
        (tell(position_embedding_type="relative_key"), r"relative_key"),
        (tell(hidden_size=None), r"no BERT's configuration \(KeyError\('hidden_size'\)\)"),
        (tell(layer_norm_eps="none"), "no BERT's configuration"),
        (lambda folder: (folder / "config.json").write_text("{"), "no BERT's configuration"),
        (lambda folder: (folder / "config.json").write_text("[]"), "no BERT's configuration"),
        (tell(num_hidden_layers=1), r"encoder\.layer\.1\..* has no place in 1 layers"),
        (tell(num_hidden_layers=3), r"encoder\.layer\.2\."),
        (tell(vocab_size=22), "size mismatch for rows.weight"),
        (without("encoder.layer.0.output.dense.bias"), r"encoder\.layer\.0\.output\.dense\.bias"),
        (without("embeddings.LayerNorm.weight"), r"embeddings\.LayerNorm\.weight"),
        (cut_short, "does not hold the weights"),
    ],
)
def test_a_folder_that_does_not_fit_is_named_in_one_line(bert_folder, damage, words):
    damage(bert_folder)
    with pytest.raises(ValueError, match=words) as refused:
        read_bert(bert_folder)
    assert str(bert_folder) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_another_seed_is_another_bert(bert_folder, tmp_path):
    write_bert(tmp_path / "other", seed=1)
    left, right = (read_bert(folder)(*padded(ROWS, 8))[0, 0] for folder in (bert_folder, tmp_path / "other"))
    assert (left - right).norm() > 0.1

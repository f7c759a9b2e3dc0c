"""A BERT of a few numbers in the files of all-MiniLM-L6-v2."""

import json

import torch
from safetensors.torch import save_file

PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "a",
    "red",
    "blue",
    "white",
    "flower",
    "petal",
    "##s",
    "with",
    "##y",
    "sky",
]
PIECES += [",", ".", "the", "of", "in", "un", "##der"]
TELLS = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "vocab_size": len(PIECES),
    "max_position_embeddings": 12,
    "type_vocab_size": 2,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "layer_norm_eps": 1e-12,
}


def shapes(told):
    """The shape of every tensor of a BERT's file, by the names that the real one has."""
    width, inner = told["hidden_size"], told["intermediate_size"]
    found = {
        "embeddings.word_embeddings.weight": (told["vocab_size"], width),
        "embeddings.position_embeddings.weight": (told["max_position_embeddings"], width),
        "embeddings.token_type_embeddings.weight": (told["type_vocab_size"], width),
        "embeddings.position_ids": (1, told["max_position_embeddings"]),
    }
    maps = {"pooler.dense": (width, width)}
    norms = ["embeddings.LayerNorm"]
    for layer in (f"encoder.layer.{number}" for number in range(told["num_hidden_layers"])):
        maps |= {f"{layer}.attention.self.{part}": (width, width) for part in ("query", "key", "value")}
        maps[f"{layer}.attention.output.dense"] = (width, width)
        maps |= {f"{layer}.intermediate.dense": (inner, width), f"{layer}.output.dense": (width, inner)}
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for name, shape in maps.items():
        found |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return found | {f"{name}.{kind}": (width,) for name in norms for kind in ("weight", "bias")}


def write_bert(folder, seed=0):
    """config.json, vocab.txt and model.safetensors with the weights of a seed; returns the weights."""
    rng = torch.Generator().manual_seed(seed)
    tensors = {name: torch.randn(shape, generator=rng) * 0.5 for name, shape in shapes(TELLS).items()}
    tensors["embeddings.position_ids"] = torch.arange(TELLS["max_position_embeddings"])[None]
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(TELLS))
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    save_file(tensors, folder / "model.safetensors")
    return tensors

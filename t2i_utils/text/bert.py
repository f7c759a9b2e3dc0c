"""BERT in plain torch, read from the files that everyone's BERT lies in: config.json and safetensors.

From: Devlin et al., BERT, 2019 (arXiv:1810.04805). Only what encodes: no heads, no pooler, no second sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
# the files' names of a layer's parts, and those of torch's own layer, which computes the same
PARTS = {
    "attention.output.dense": "self_attn.out_proj",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "linear1",
    "output.dense": "linear2",
    "output.LayerNorm": "norm2",
}
TABLES = {
    "embeddings.word_embeddings": "rows",
    "embeddings.position_embeddings": "positions",
    "embeddings.token_type_embeddings": "segments",
    "embeddings.LayerNorm": "norm",
}
UNUSED = ("pooler.", "embeddings.position_ids")  # of other tasks


class Sizes(NamedTuple):
    """What config.json says of a BERT.

    Attributes:
        rows: of the table of pieces; positions: pieces that a sentence may have; segments: kinds of sentences.
        width, layers, heads, inner: of the transformer; inner is the width between a layer's two last maps.
        epsilon: of layer norms.
    """

    rows: int
    positions: int
    segments: int
    width: int
    layers: int
    heads: int
    inner: int
    epsilon: float


class Bert(nn.Module):
    """Rows of pieces to one vector a piece, each of which has seen the whole sentence.

    Attributes:
        checkpointing: compute layers twice in training instead of keeping what is in them.
    """

    checkpointing = False

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.rows = nn.Embedding(sizes.rows, sizes.width)
        self.positions = nn.Embedding(sizes.positions, sizes.width)
        self.segments = nn.Embedding(sizes.segments, sizes.width)
        self.norm = nn.LayerNorm(sizes.width, eps=sizes.epsilon)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                *(sizes.width, sizes.heads, sizes.inner),
                dropout=0.0,  # it is read, or fine-tuned in a few epochs
                activation="gelu",
                layer_norm_eps=sizes.epsilon,
                batch_first=True,
            )
            for _ in range(sizes.layers)
        )

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """rows: [n, length] int64; mask: [n, length], False at padding; returns [n, length, width]."""
        states = self.rows(rows) + self.positions.weight[: rows.shape[1]] + self.segments.weight[0]
        states = self.norm(states)
        for layer in self.layers:
            if self.checkpointing and self.training:
                states = checkpoint(layer, states, src_key_padding_mask=~mask, use_reentrant=False)
            else:
                states = layer(states, src_key_padding_mask=~mask)
        return states


def read_sizes(path: Path) -> Sizes:
    """The sizes that a config.json tells.

    Raises:
        ValueError: for a file that is no BERT's, or of a BERT with other parts than ours.
    """
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
        kind = told["model_type"], told["hidden_act"], told.get("position_embedding_type", "absolute")
        counts = ("vocab_size", "max_position_embeddings", "type_vocab_size", "hidden_size")
        counts += ("num_hidden_layers", "num_attention_heads", "intermediate_size")
        sizes = Sizes(*(int(told[count]) for count in counts), epsilon=float(told["layer_norm_eps"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is no BERT's configuration ({error!r}); copy its folder again") from error
    if kind != ("bert", "gelu", "absolute"):
        raise ValueError(
            f"{path} tells of {', '.join(map(str, kind))}; we read a bert with gelu and absolute positions"
        )
    return sizes


def read_bert(folder: Path) -> Bert:
    """Open a BERT from its folder; in float32, on the CPU.

    Raises:
        FileNotFoundError: where config.json or model.safetensors is missing.
        ValueError: where one is damaged, or they do not fit each other.
    """
    sizes, path = read_sizes(folder / CONFIG_FILE), folder / WEIGHTS_FILE
    with torch.random.fork_rng(devices=[]):  # the weights that are drawn, to be replaced, are nobody else's randomness
        bert = Bert(sizes)
    try:
        bert.load_state_dict(torch_names(load_file(path), sizes.layers), assign=True)
    except (SafetensorError, KeyError, RuntimeError) as error:
        said = str(error).partition("\n")[2].partition("\n")[0].strip() or str(error)
        raise ValueError(f"{path} does not hold the weights of its {CONFIG_FILE} ({said}); copy both again") from error
    return bert.requires_grad_(False).eval()


def torch_names(tensors: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """A BERT's weights under `Bert`'s names, float32.

    Raises:
        KeyError: where one is missing, or one is left over.
    """
    left = {name: tensor.float() for name, tensor in tensors.items() if not name.startswith(UNUSED)}
    found = {f"{ours}.weight": left.pop(f"{theirs}.weight") for theirs, ours in TABLES.items()}
    found["norm.bias"] = left.pop("embeddings.LayerNorm.bias")
    for number in range(layers):
        theirs, ours = f"encoder.layer.{number}", f"layers.{number}"
        for kind in ("weight", "bias"):
            three = [left.pop(f"{theirs}.attention.self.{part}.{kind}") for part in ("query", "key", "value")]
            found[f"{ours}.self_attn.in_proj_{kind}"] = torch.cat(three)
            found |= {f"{ours}.{new}.{kind}": left.pop(f"{theirs}.{old}.{kind}") for old, new in PARTS.items()}
    if left:
        raise KeyError(f"{min(left)} has no place in {layers} layers")
    return found


def file_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The way back of `torch_names`: `Bert`'s weights under the files' names, float32 on the CPU."""
    left = {name: tensor.detach().float().cpu() for name, tensor in weights.items()}
    found = {f"{theirs}.weight": left.pop(f"{ours}.weight") for theirs, ours in TABLES.items()}
    found["embeddings.LayerNorm.bias"] = left.pop("norm.bias")
    for number in range(1 + max(int(name.split(".")[1]) for name in left)):
        theirs, ours = f"encoder.layer.{number}", f"layers.{number}"
        for kind in ("weight", "bias"):
            three = left.pop(f"{ours}.self_attn.in_proj_{kind}").chunk(3)
            for part, tensor in zip(("query", "key", "value"), three, strict=True):
                found[f"{theirs}.attention.self.{part}.{kind}"] = tensor
            found |= {f"{theirs}.{old}.{kind}": left.pop(f"{ours}.{new}.{kind}") for old, new in PARTS.items()}
    return {name: tensor.contiguous().clone() for name, tensor in found.items()}

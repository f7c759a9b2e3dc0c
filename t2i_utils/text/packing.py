"""A trained CLIP's text tower made small: the rows of the words it learnt, and one learnt row for all it did not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save as safetensors
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.text.clip import ClipEncoder
from t2i_utils.text.packed import UNKNOWN, PackedEncoder, TextTower, pad, pieces
from t2i_utils.whole import write_whole

# open_clip's names of a block's parts, and those of torch's own transformer layer, which computes the same
PARTS = {"attn": "self_attn", "ln_1": "norm1", "ln_2": "norm2", "mlp.c_fc": "linear1", "mlp.c_proj": "linear2"}


def pack(encoder: ClipEncoder, captions: Sequence[str], name: str, steps: int = 400, seed: int = 0) -> PackedEncoder:
    """A packed encoder that gives the same vectors for every word of `captions`.

    Args:
        encoder: a CLIP whose text tower is a transformer with GELU and causal attention, as `tiny_config` makes it.
        captions: what it was trained on: their words are kept, all others become the unknown.
        name: of the packed encoder.
        steps: of learning the unknown's row.
        seed: of that learning.

    Raises:
        ValueError: for a tower of another kind, and where a caption comes out differently.
    """
    words = sorted({word for caption in set(captions) for word in pieces(caption)})
    start, end = encoder.tokens(["a"])[0][[0, 2]].tolist()
    tokens = {
        word: [token for token in encoder.tokenizer([word])[0].tolist() if token not in (0, start, end)]
        for word in words
    }
    kept = sorted({token for ids in tokens.values() for token in ids})
    place = {token: row for row, token in enumerate(kept, start=UNKNOWN + 1)}
    tower = _tower(encoder, [start, end, kept[0], *kept])
    packed = PackedEncoder(tower, {word: [place[token] for token in ids] for word, ids in tokens.items()}, name)
    some = sorted(set(captions))[:: max(1, len(set(captions)) // 512)]
    difference = float((packed.encode(some).sentence - encoder.encode(some).sentence).abs().max())
    if not difference < 1e-4:
        raise ValueError(
            f"{encoder.name} packed gives vectors that differ by {difference:.2g}; "
            "only CLIPs with a text transformer as that of tiny_clip can be packed"
        )
    _learn_unknown(packed, some, steps, seed)
    return packed


def _tower(encoder: ClipEncoder, tokens: list[int]) -> TextTower:
    """The tower with these rows of open_clip's table, in this order."""
    state, text = encoder.model.state_dict(), encoder.config["text_cfg"]
    sizes = (len(tokens), text["context_length"], text["width"], text["heads"], text["layers"], encoder.text_dim)
    tower = TextTower(*sizes)
    new = {
        "rows.weight": state["token_embedding.weight"][tokens],
        "positions": state["positional_embedding"],
        "norm.weight": state["ln_final.weight"],
        "norm.bias": state["ln_final.bias"],
        "project.weight": state["text_projection"].T,
    }
    for key, value in state.items():
        if key.startswith("transformer.resblocks."):
            number, _, rest = key.removeprefix("transformer.resblocks.").partition(".")
            part = next(part for part in PARTS if rest.startswith(part))
            new[f"layers.layers.{number}.{PARTS[part]}{rest.removeprefix(part)}"] = value
    tower.load_state_dict({key: value.float().cpu() for key, value in new.items()})
    return tower


def _learn_unknown(packed: PackedEncoder, captions: Sequence[str], steps: int, seed: int) -> None:
    """Teach the unknown's row to say nothing: a caption with unknown words in it should keep its vector.

    Only that row learns; what is asked of it is that the sentence's direction stays where it was without the words.
    """
    tower, rng = packed.tower, np.random.default_rng(seed)
    rows = [packed.rows(caption) for caption in captions]
    longest = len(tower.positions) - 2
    row = tower.rows.weight[3:].mean(0).detach().clone().requires_grad_()
    tower.requires_grad_(False)
    optimizer = torch.optim.Adam([row], 1e-2)
    for _ in range(steps):
        chosen = [rows[index][: longest - 2] for index in rng.integers(len(rows), size=64)]
        spoilt = [_insert(list(words), rng) for words in chosen]
        target, got = tower(pad(chosen)), _with_unknown(tower, pad(spoilt), row)
        loss = (1 - F.cosine_similarity(got, target)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        tower.rows.weight[UNKNOWN] = row


def _insert(words: list[int], rng: np.random.Generator) -> list[int]:
    """One or two unknown words somewhere in a caption."""
    for _ in range(rng.integers(1, 3)):
        words.insert(int(rng.integers(len(words) + 1)), UNKNOWN)
    return words


def _with_unknown(tower: TextTower, rows: Tensor, row: Tensor) -> Tensor:
    return tower(rows, torch.where((rows == UNKNOWN).unsqueeze(2), row, tower.rows(rows)))


def save(encoder: PackedEncoder, path: Path) -> None:
    """Write a packed encoder as one safetensors file in float16, whole or not at all; `open_packed` opens it."""
    tower = encoder.tower
    sizes = {
        "rows": tower.rows.num_embeddings,
        "context_length": len(tower.positions),
        "width": tower.rows.embedding_dim,
        "heads": tower.layers.layers[0].self_attn.num_heads,
        "layers": len(tower.layers.layers),
        "text_dim": encoder.text_dim,
    }
    told = {"name": encoder.name, "sizes": json.dumps(sizes), "vocabulary": json.dumps(encoder.vocabulary)}
    write_whole(path, safetensors({name: t.half().contiguous() for name, t in tower.state_dict().items()}, told))

"""A small CLIP's text tower without CLIP: the words it learnt, one row for all others, and a plain torch transformer.

open_clip's table of 49,408 tokens is nearly all of a tiny CLIP. A model that was trained on a small world of captions
never saw most of them; here only the rows of its own words are kept, and opening needs torch and safetensors alone.
`packing.py` makes such a file, and shows that known words give the vectors they gave before.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from t2i_utils.interfaces import Text
from t2i_utils.published import GENERATOR, TEXT
from t2i_utils.text.captions import check_captions
from t2i_utils.text.loudness import loud, weights_fingerprint

# CLIP's own way of cutting a sentence: endings, letters together, every digit for itself, signs together.
PIECES = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+")
START, END, UNKNOWN = 0, 1, 2  # the first three rows


def pieces(caption: str) -> list[str]:
    """A caption's words, digits and signs in small letters."""
    return PIECES.findall(caption.lower())


def pad(lists: Sequence[Sequence[int]]) -> Tensor:
    """Rows of [n] captions as [n, length] int64: START, the words, END, then END again as padding."""
    length = max(map(len, lists)) + 2
    return torch.tensor([[START, *rows] + [END] * (length - 1 - len(rows)) for rows in lists])


class TextTower(nn.Module):
    """CLIP's text transformer on a table of few rows.

    Args:
        rows: of the table: START, END, UNKNOWN, then those of known words.
        context_length: rows that a caption may have, with START and END; longer ones are cut.
        width, heads, layers: of the transformer.
        text_dim: length of a sentence vector.

    From: Radford et al., 2021, section 2.4 (arXiv:2103.00020).
    """

    def __init__(self, rows: int, context_length: int, width: int, heads: int, layers: int, text_dim: int):
        super().__init__()
        self.rows = nn.Embedding(rows, width)
        self.positions = nn.Parameter(torch.zeros(context_length, width))
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, text_dim, bias=False)

    def forward(self, rows: Tensor, embedded: Tensor | None = None) -> Tensor:
        """rows: [n, length] int64, after END anything; embedded: [n, length, width] in their place; [n, text_dim]."""
        words = self.rows(rows) if embedded is None else embedded
        length = rows.shape[1]
        # each word looks at those before it, so what stands after END changes nothing
        later = torch.ones(length, length, dtype=torch.bool, device=rows.device).triu(1)
        states = self.norm(self.layers(words + self.positions[:length], mask=later))
        end = (rows == END).int().argmax(dim=1)
        return self.project(states[torch.arange(len(rows), device=rows.device), end])


class PackedEncoder:
    """Captions to vectors by a packed text tower.

    Args:
        tower: the network.
        vocabulary: each known word's rows in the table.
        name: for people.

    Attributes:
        ancestors: fingerprints of the encoder that it was packed from, and of those that one was fine-tuned from.
    """

    def __init__(self, tower: TextTower, vocabulary: Mapping[str, Sequence[int]], name: str = "packed"):
        self.tower, self.vocabulary, self.name = tower.eval(), dict(vocabulary), name
        self.text_dim = tower.project.out_features
        self.ancestors: tuple[str, ...] = ()

    @property
    def device(self) -> torch.device:
        """Where the tower is."""
        return self.tower.positions.device

    @property
    def fingerprint(self) -> str:
        """sha256 over weights, vocabulary and loudness: other vectors, other fingerprint."""
        weights = weights_fingerprint(self.tower.state_dict())
        return hashlib.sha256(f"{weights} {json.dumps(self.vocabulary, sort_keys=True)}".encode()).hexdigest()

    def ignored(self, captions: Sequence[str]) -> list[str]:
        """The words that it never saw, each once, in their order; signs are not counted."""
        words = (word for caption in captions for word in pieces(caption) if word not in self.vocabulary)
        return [word for word in dict.fromkeys(words) if any(letter.isalnum() for letter in word)]

    def tokens(self, captions: Sequence[str]) -> Tensor:
        """[n] captions to [n, length] int64 rows; longer ones than the tower reads are cut."""
        longest = len(self.tower.positions)
        return pad([self.rows(caption)[: longest - 2] for caption in check_captions(captions)])

    def rows(self, caption: str) -> list[int]:
        """The rows of a caption's words, UNKNOWN where it never saw one."""
        found = []
        for word in pieces(caption):
            if word in self.vocabulary:
                found += self.vocabulary[word]
            elif any(letter.isalnum() for letter in word):  # a sign that was never seen says nothing at all
                found.append(UNKNOWN)
        return found

    @torch.no_grad()
    def encode(self, captions: Sequence[str], batch_size: int = 256) -> Text:
        """Captions to vectors; words that it never saw count as the learnt unknown, see `ignored`.

        Args:
            captions: [n] sentences.
            batch_size: sentences at a time.

        Returns:
            sentence [n, text_dim], float32, on the CPU, its numbers' root mean square LOUDNESS.

        Raises:
            ValueError: for a caption that no encoder should be asked for (empty, no words, far too long, NUL inside).
        """
        parts = [self.tower(part.to(self.device)).float().cpu() for part in self.tokens(captions).split(batch_size)]
        return Text(loud(torch.cat(parts)))


def open_packed(path: Path, device: torch.device | str = "cpu") -> PackedEncoder:
    """Open a packed text tower.

    Args:
        path: the safetensors file that `packing.save` wrote; its metadata hold the vocabulary and the sizes.
        device: where it will run.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: for a file that is damaged or no packed text tower.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} is missing; it holds a packed text tower: copy the whole folder again")
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
            sizes, vocabulary = json.loads(told["sizes"]), json.loads(told["vocabulary"])
            tower = TextTower(**sizes)
            tower.load_state_dict({name: file.get_tensor(name).float() for name in file.keys()})  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        said = str(error).partition("\n")[0]
        raise ValueError(f"{path} does not open as a packed text tower ({said}); copy it again") from error
    return PackedEncoder(tower.to(device), vocabulary, told.get("name", "packed"))


def holds_tower(folder: Path) -> bool:
    """Whether a folder is a packed painter with a text tower of its own."""
    return all((folder / name).is_file() for name in (TEXT, GENERATOR))


def open_tower_of(folder: Path, device: torch.device | str = "cpu", name: str = "") -> PackedEncoder:
    """The text tower of a packed painter; other painters may be trained on its vectors, and share it then.

    Args:
        folder: of a packed painter.
        device: where it will run.
        name: by which it is found again; the folder's path if not given.

    Raises:
        FileNotFoundError, ValueError: as `open_packed`, and for a painter that does not say whose tower this is.
    """
    encoder = open_packed(folder / TEXT, device)
    encoder.name = name or str(folder)
    try:
        with safe_open(folder / GENERATOR, "pt") as file:
            told = file.metadata() or {}
        encoder.ancestors = tuple(filter(None, (told.get("encoder"), *json.loads(told.get("ancestors", "[]")))))
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{folder / GENERATOR} does not tell whose text tower this is; copy the folder again"
        ) from error
    return encoder

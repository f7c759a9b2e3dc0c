"""A small picture tower beside a sentence encoder: one that learns with it, or one whose vectors were read once.

The picture tower is the tiny CLIP's, half as wide; a Linear takes the sentence's vector to its 128 numbers. So encoders
of any kind and width are measured alike: by what a linear map can still find in their vectors, which is all that a
generator's first layer can.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from t2i_utils.text.bert import CONFIG_FILE, WEIGHTS_FILE, file_names, read_bert
from t2i_utils.text.captions import check_captions
from t2i_utils.text.clip import as_seen, new_clip, tiny_config
from t2i_utils.text.minilm import VOCABULARY
from t2i_utils.text.sbert import LONGEST
from t2i_utils.text.towers import Group, Towers, unit, visual_groups
from t2i_utils.text.wordpiece import read_wordpiece
from t2i_utils.whole import writing_folder_whole

FIRST_SCALE = 1 / 0.07
WIDTH = 8  # half the tiny CLIP's: it is trained for every encoder that is measured


class PictureTowers(Towers):
    """A new picture tower, a Linear for sentences, and a logit scale; subclasses say what a sentence is.

    Args:
        text_dim: of the sentences.
        image_size: of the pictures, in pixels.
        seed: of the new weights.
    """

    usual_rate = 1e-3

    def __init__(self, text_dim: int, image_size: int, seed: int = 0):
        super().__init__()
        clip = new_clip(tiny_config(image_size, WIDTH), seed=seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.bring = nn.Linear(text_dim, clip.text_dim)
        self.visual = clip.model.visual
        self.logit_scale = nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))

    def see(self, images: Tensor) -> Tensor:
        return unit(self.visual(as_seen(self.visual, images)))

    def image_groups(self) -> list[Group]:
        return visual_groups(self.visual)


class CachedTowers(PictureTowers):
    """Beside sentences whose vectors were made before and stay as they are.

    Args:
        captions: [n], in any order, some perhaps several times.
        sentences: [n, text_dim], their vectors.
        image_size, seed: as of `PictureTowers`.
    """

    def __init__(self, captions: Sequence[str], sentences: Tensor, image_size: int, seed: int = 0):
        super().__init__(sentences.shape[1], image_size, seed)
        self._row = {caption: row for row, caption in enumerate(captions)}
        self.register_buffer("sentences", unit(sentences), persistent=False)

    def read(self, tokens: Tensor) -> Tensor:
        return unit(self.bring(self.sentences[tokens[:, 0]]))

    def tokens(self, captions: Sequence[str]) -> Tensor:
        """[n, 1], the row of each caption's vector.

        Raises:
            ValueError: for a caption that has none.
        """
        missing = [caption for caption in captions if caption not in self._row]
        if missing:
            raise ValueError(f"no vector was made of {missing[0]!r} ({len(missing):,} such); embed these captions, too")
        return torch.tensor([[self._row[caption]] for caption in captions])

    def text_groups(self) -> list[Group]:
        return []


class SbertTowers(PictureTowers):
    """Beside a Sentence-BERT that learns: its sentence is the mean over its pieces.

    Args:
        folder: with config.json, model.safetensors and vocab.txt.
        image_size, seed: as of `PictureTowers`.
    """

    def __init__(self, folder: Path, image_size: int, seed: int = 0):
        bert = read_bert(folder).requires_grad_(True)
        super().__init__(bert.rows.embedding_dim, image_size, seed)
        self.bert, self._folder = bert, Path(folder)
        self._tokenizer = read_wordpiece(self._folder / VOCABULARY)
        self._longest = min(LONGEST, bert.positions.num_embeddings)

    def read(self, tokens: Tensor) -> Tensor:
        mask = tokens >= 0
        longest = int(mask.sum(1).max())
        tokens, mask = tokens[:, :longest], mask[:, :longest]
        states = self.bert(tokens.clamp(min=0), mask) * mask[:, :, None]
        return unit(self.bring(states.sum(1) / mask.sum(1, keepdim=True)))

    def tokens(self, captions: Sequence[str]) -> Tensor:
        """[n, length] int64 rows of pieces, -1 at padding."""
        rows = [torch.tensor(self._tokenizer.ids(caption, self._longest)) for caption in check_captions(captions)]
        return pad_sequence(rows, batch_first=True, padding_value=-1)

    def text_groups(self) -> list[Group]:
        bert = self.bert
        table = (bert.rows, bert.positions, bert.segments, bert.norm)
        return [table, *((layer,) for layer in bert.layers)]

    def checkpoint(self) -> None:
        self.bert.checkpointing = True

    def save(self, folder: Path) -> None:
        """Write the Sentence-BERT alone, as a folder that `open_encoder` and everyone's BERT open; whole or not."""
        with writing_folder_whole(Path(folder)) as whole:
            for name in (CONFIG_FILE, VOCABULARY):
                shutil.copyfile(self._folder / name, whole / name)
            save_file(file_names(self.bert.state_dict()), whole / WEIGHTS_FILE)

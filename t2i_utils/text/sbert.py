"""Sentences to vectors by all-MiniLM-L6-v2, a small encoder that was trained to tell sentences apart.

Where sentence-transformers is installed, it computes; where it is not, our own plain BERT does, to the same vectors.

From: Reimers and Gurevych, Sentence-BERT, 2019 (arXiv:1908.10084).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from t2i_utils.interfaces import Text
from t2i_utils.text import loudness
from t2i_utils.text.bert import CONFIG_FILE, WEIGHTS_FILE, read_bert, read_sizes
from t2i_utils.text.captions import check_captions
from t2i_utils.text.minilm import VOCABULARY, minilm_folder
from t2i_utils.text.wordpiece import read_wordpiece
from t2i_utils.whole import digest_of

SBERT = "sbert"
LONGEST = 256  # pieces of a sentence with [CLS] and [SEP]: the model's max_seq_length

# [n] sentences to one vector a piece, n times [pieces, text_dim], with [CLS] first and [SEP] last
Reader = Callable[[list[str]], list[Tensor]]


class SbertEncoder:
    """Captions to vectors by a BERT's mean over its pieces.

    A sentence's numbers have a root mean square of LOUDNESS, as ClipEncoder's have; words are as the model says them.

    Args:
        read: sentences to the model's vectors of their pieces.
        text_dim: length of a vector.
        mark: of weights and vocabulary.
        name: how a user asks for it again.
        folder: where its files lie.
    """

    def __init__(self, read: Reader, text_dim: int, mark: str, name: str = SBERT, folder: Path | None = None):
        self.read, self.text_dim, self.mark, self.name, self.folder = read, text_dim, mark, name, folder

    @property
    def fingerprint(self) -> str:
        """sha256 over weights, vocabulary and loudness, whoever computes: other vectors, other fingerprint."""
        return hashlib.sha256(f"{loudness.LOUDNESS} {self.mark}".encode()).hexdigest()

    @torch.no_grad()
    def encode(self, captions: Sequence[str], batch_size: int = 64, words: bool = False) -> Text:
        """Captions to vectors; who stands beside a caption does not change its own.

        Args:
            captions: [n] sentences; what goes beyond 256 pieces is not read.
            batch_size: sentences at a time.
            words: whether to give vectors of words too.

        Returns:
            sentence [n, text_dim]; with `words` also words [n, length, text_dim], one a piece of a word, zero at
            padding, and mask [n, length], True at pieces ([CLS] and [SEP] are none). float32, on the CPU.

        Raises:
            ValueError: for a caption that no encoder should be asked for (empty, no words, far too long, NUL inside).
        """
        captions = check_captions(captions)
        order = sorted(range(len(captions)), key=lambda place: len(captions[place]))  # like lengths pad little
        means, pieces = [None] * len(captions), [None] * len(captions)
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            for place, states in zip(places, self.read([captions[place] for place in places]), strict=True):
                means[place] = states.mean(dim=0).cpu()
                pieces[place] = states[1:-1].cpu() if words else None
        sentence = loudness.loud(torch.stack(means))
        if not words:
            return Text(sentence)
        counts = torch.tensor([len(states) for states in pieces])
        return Text(sentence, pad_sequence(pieces, batch_first=True), torch.arange(counts.max()) < counts[:, None])


def open_sbert(device: torch.device | str = "cpu") -> SbertEncoder:
    """Open all-MiniLM-L6-v2 from where its weights lie.

    Raises:
        FileNotFoundError, ValueError: as `minilm_folder`.
    """
    folder = minilm_folder()
    return sbert_from(folder, sentence_transformers_reader(folder, device) or plain_reader(folder, device))


def open_sbert_folder(folder: Path, device: torch.device | str = "cpu") -> SbertEncoder:
    """Open a fine-tuned Sentence-BERT that `finetune` wrote; its name is the folder's path.

    Raises:
        FileNotFoundError, ValueError: as `read_bert` and `read_wordpiece`.
    """
    return sbert_from(folder, plain_reader(folder, device), str(folder))


def sbert_from(folder: Path, read: Reader, name: str = SBERT) -> SbertEncoder:
    """The encoder of a folder with config.json, model.safetensors and vocab.txt."""
    sizes = read_sizes(folder / CONFIG_FILE)
    parts = [*sizes, digest_of(folder / WEIGHTS_FILE)[1], digest_of(folder / VOCABULARY)[1]]
    return SbertEncoder(read, sizes.width, " ".join(map(str, parts)), name, folder)


def plain_reader(folder: Path, device: torch.device | str = "cpu") -> Reader:
    """Our own BERT and tokenizer of a folder."""
    bert, tokenizer = read_bert(folder).to(device), read_wordpiece(folder / VOCABULARY)
    longest = min(LONGEST, bert.positions.num_embeddings)

    def read(sentences: list[str]) -> list[Tensor]:
        rows = [torch.tensor(tokenizer.ids(sentence, longest)) for sentence in sentences]
        counts = [len(ids) for ids in rows]
        padded = pad_sequence(rows, batch_first=True).to(device)
        mask = torch.arange(max(counts), device=device) < torch.tensor(counts, device=device)[:, None]
        return [states[:count] for states, count in zip(bert(padded, mask), counts, strict=True)]

    return read


def sentence_transformers_reader(folder: Path, device: torch.device | str = "cpu") -> Reader | None:
    """The same by sentence-transformers; None where it is not installed, or does not start."""
    try:
        from sentence_transformers import SentenceTransformer
    except (ImportError, RuntimeError, AttributeError, ValueError):  # its many parts may not fit each other
        return None
    model = SentenceTransformer(str(folder), device=str(device), local_files_only=True)
    model.max_seq_length = LONGEST
    return partial(model.encode, output_value="token_embeddings", show_progress_bar=False)

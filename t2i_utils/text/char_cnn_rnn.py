"""Letters to a vector: the text encoder of the first text-to-image GANs, which reads no words.

From: Reed, Akata, Schiele and Lee, Learning Deep Representations of Fine-Grained Visual Descriptions, 2016
(arXiv:1605.05395). With a width of 512 it has the 4,045,184 parameters of the encoder that everybody used for birds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from einops import rearrange
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from t2i_utils.interfaces import Text
from t2i_utils.text.captions import check_captions
from t2i_utils.text.loudness import loud, weights_fingerprint
from t2i_utils.whole import writing_folder_whole

# the hyphen stands twice, as in the authors' program, and its later place is meant: one column is never lit
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+-=<>()[]{} "
COLUMN = {letter: place for place, letter in enumerate(ALPHABET)}
UNKNOWN = len(ALPHABET)
LENGTH = 201
CONFIG_FILE, WEIGHTS_FILE = "char_cnn_rnn.json", "char_cnn_rnn.safetensors"


def letters(captions: Sequence[str]) -> Tensor:
    """[n] captions to [n, 201] int64, the column of each lower-case letter; UNKNOWN behind the end and for others."""
    rows = torch.full((len(captions), LENGTH), UNKNOWN)
    for row, caption in zip(rows, captions, strict=True):
        places = [COLUMN.get(letter, UNKNOWN) for letter in caption.lower()[:LENGTH]]
        row[: len(places)] = torch.tensor(places)
    return rows


class GatedUnit(nn.Module):
    r"""A recurrent layer whose reset gate acts on the state before its matrix, unlike `nn.GRU`'s.

    $$ z = \sigma(W_z x + U_z h), \quad r = \sigma(W_r x + U_r h), \quad c = \tanh(W_c x + U_c (r \odot h)),
       \quad h \leftarrow z \odot c + (1 - z) \odot h $$

    The first state is tanh(W_c x).
    """

    def __init__(self, width: int):
        super().__init__()
        self.seen = nn.Linear(width, 3 * width)  # update, reset, candidate
        self.gates = nn.Linear(width, 2 * width)
        self.candidate = nn.Linear(width, width)

    def forward(self, inputs: Tensor) -> Tensor:
        """inputs: [batch, steps, width]; returns every state, of the same shape."""
        seen = self.seen(inputs).chunk(3, dim=-1)
        state = torch.tanh(seen[2][:, 0])
        states = [state]
        for update, reset, candidate in zip(*(part[:, 1:].unbind(1) for part in seen), strict=True):
            from_update, from_reset = self.gates(state).chunk(2, dim=-1)
            update, reset = torch.sigmoid(update + from_update), torch.sigmoid(reset + from_reset)
            state = update * torch.tanh(candidate + self.candidate(reset * state)) + (1 - update) * state
            states.append(state)
        return torch.stack(states, dim=1)


class CharCnnRnn(nn.Module):
    """Three convolutions over letters, a recurrent layer over what is left of them, its mean state to a vector.

    Args:
        width: of the last convolution and the recurrent layer: 512 for the birds' encoder, 256 for the flowers'.
        text_dim: length of the vector.
    """

    def __init__(self, width: int = 512, text_dim: int = 1024):
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv1d(len(ALPHABET), 384, 4),
            nn.ReLU(),
            nn.MaxPool1d(3),
            nn.Conv1d(384, 512, 4),
            nn.ReLU(),
            nn.MaxPool1d(3),
            nn.Conv1d(512, width, 4),
            nn.ReLU(),
        )
        self.remember = GatedUnit(width)
        self.tell = nn.Linear(width, text_dim)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.08, 0.08)

    def forward(self, places: Tensor) -> Tensor:
        """places: [batch, 201] int64 of `letters`; returns [batch, text_dim]."""
        lit = F.one_hot(places, UNKNOWN + 1)[..., :UNKNOWN].to(self.tell.weight.dtype)  # unknown letters light nothing
        features = self.see(rearrange(lit, "batch length columns -> batch columns length"))  # [batch, width, 18]
        return self.tell(self.remember(rearrange(features, "batch width steps -> batch steps width")).mean(dim=1))


class CharEncoder:
    """Captions to vectors by a CharCnnRnn.

    A vector's numbers have a root mean square of LOUDNESS, as of every encoder here; its direction is the network's.

    Args:
        model: the network.
        name: how a user asks for it again.
    """

    def __init__(self, model: CharCnnRnn, name: str):
        self.model, self.name, self.text_dim = model.eval(), name, model.tell.out_features

    @property
    def fingerprint(self) -> str:
        """sha256 over every weight and the loudness: other vectors, other fingerprint."""
        return weights_fingerprint(self.model.state_dict())

    @torch.no_grad()
    def encode(self, captions: Sequence[str], batch_size: int = 256) -> Text:
        """Captions to vectors.

        Args:
            captions: [n] sentences; what goes beyond 201 letters is not read.
            batch_size: sentences at a time.

        Returns:
            sentence [n, text_dim], float32, on the CPU.

        Raises:
            ValueError: for a caption that no encoder should be asked for (empty, no words, far too long, NUL inside).
        """
        self.model.eval()
        parts = letters(check_captions(captions)).split(batch_size)
        device = self.model.tell.weight.device
        return Text(loud(torch.cat([self.model(part.to(device)).float().cpu() for part in parts])))

    def save(self, folder: Path) -> None:
        """Write sizes and weights into a folder that appears whole or not at all; one that is there is replaced."""
        weights = {name: part.contiguous().cpu() for name, part in self.model.state_dict().items()}
        sizes = {"width": self.model.tell.in_features, "text_dim": self.text_dim}
        with writing_folder_whole(folder) as whole:
            save_file(weights, whole / WEIGHTS_FILE)
            (whole / CONFIG_FILE).write_text(json.dumps(sizes, indent=1), encoding="utf-8")


def new_char_encoder(width: int = 512, text_dim: int = 1024, name: str = "new", seed: int = 0) -> CharEncoder:
    """An untrained encoder, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CharEncoder(CharCnnRnn(width, text_dim), name)


def open_char_folder(folder: Path, device: torch.device | str = "cpu") -> CharEncoder:
    """Open an encoder that `CharEncoder.save` wrote; its name is the folder's path.

    Raises:
        FileNotFoundError: where one of the two files is missing.
        ValueError: for weights that are cut off, or of other sizes than the folder says.
    """
    for file in (folder / CONFIG_FILE, folder / WEIGHTS_FILE):
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing; copy the folder again, or train the encoder again")
    try:
        sizes = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        model = CharCnnRnn(sizes["width"], sizes["text_dim"])
        model.load_state_dict(load_file(folder / WEIGHTS_FILE))
    except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        said = str(error).partition("\n")[0]
        raise ValueError(
            f"{folder} does not open as a char-CNN-RNN ({said}); copy it again or train it again"
        ) from error
    return CharEncoder(model.to(device), str(folder))

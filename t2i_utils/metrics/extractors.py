"""Networks through whose eyes pictures are compared, by name: each with its weights' hash and its resize rule."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.metrics.fid_protocols import CLEAN, PYTORCH, TF1, TORCHVISION, InceptionProtocol
from t2i_utils.metrics.reader import Reader, ready_reader, unit
from t2i_utils.metrics.resize import check_pictures
from t2i_utils.metrics.seen import Extractor, Seen, see_in_batches
from t2i_utils.text.clip import ClipEncoder
from t2i_utils.text.clip_opening import LOCAL, open_clip_encoder


class ReaderExtractor:
    """The built-in flowers' reader: needs no download. Its classes are all combinations of attributes, 1,260 of them.

    Args:
        reader: trained on pictures of `size`.
        size: in pixels. Others are refused: shrunk or enlarged flowers are not what it was trained to read, and a
            reader of their own size is trained in seconds.
        device: where it looks.
        batch_size: pictures at a time.
    """

    name = "reader"

    def __init__(self, reader: Reader, size: int, device: torch.device | str = "cpu", batch_size: int = 256):
        self.device, self.batch_size, self.size = torch.device(device), batch_size, size
        weights = {name: tensor.cpu().contiguous() for name, tensor in reader.state_dict().items()}
        self.fingerprint = hashlib.sha256(save(weights)).hexdigest()
        self.reader, self.dim = reader.to(self.device), reader.feature_dim
        self.resize = f"none, pictures of {size} px"

    def see(self, images: Tensor) -> Seen:
        """As `Extractor.see`: uint8 [n, 3 or 1, size, size]; see `joint` for the order of the classes."""
        check_pictures(images)
        if images.shape[-1] != self.size:
            raise ValueError(
                f"this reader reads pictures of {self.size} px, and these have {images.shape[-1]}; open one of their "
                f'size: open_extractor("reader", folder, {images.shape[-1]})'
            )
        self.reader.eval()
        return see_in_batches(images, self.batch_size, self.device, self._look)

    def _look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = self.reader(unit(images.expand(-1, 3, -1, -1)))
        return features, joint([part.softmax(dim=1) for part in logits.values()])


def joint(parts: list[Tensor]) -> Tensor:
    """Probabilities of combinations, as if their parts were independent: the last part's values change first.

    parts: each [n, values], rows of sum 1; returns [n, product of values], rows of sum 1.
    """
    together = parts[0]
    for part in parts[1:]:
        together = (together[:, :, None] * part[:, None, :]).flatten(1)
    return together


class ClipExtractor:
    """The picture tower of a CLIP: features are unit vectors, and there are no classes.

    Args:
        encoder: a CLIP, on its own device.
        name: as of `Extractor`.
        batch_size: pictures at a time.
    """

    def __init__(self, encoder: ClipEncoder, name: str, batch_size: int = 128):
        self.encoder, self.batch_size, self.name = encoder, batch_size, name
        self.fingerprint, self.dim = encoder.fingerprint, encoder.text_dim
        size = encoder.model.visual.image_size
        side = size if isinstance(size, int) else size[0]
        self.resize = f"bicubic to {side} px, antialias, this CLIP's mean and std"

    def see(self, images: Tensor) -> Seen:
        """As `Extractor.see`: uint8 [n, 3 or 1, size, size]."""
        check_pictures(images)
        return see_in_batches(images, self.batch_size, self.encoder.device, self._look)

    def _look(self, images: Tensor) -> tuple[Tensor, None]:
        return F.normalize(self.encoder.encode_images(unit(images)), dim=1), None


def _open_reader(which: str, folder: Path, size: int, device: torch.device | str) -> Extractor:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; name the one where the reader lies or is to be kept")
    return ReaderExtractor(ready_reader(size, folder), size, device)


def _open_inception(
    protocol: InceptionProtocol, which: str, folder: Path, size: int, device: torch.device | str
) -> Extractor:
    return protocol.open(device)


def _open_clip(which: str, folder: Path, size: int, device: torch.device | str) -> Extractor:
    path = Path(which.removeprefix(LOCAL))  # a folder's path is its machine's own business: its last part names it
    return ClipExtractor(open_clip_encoder(which, device), path.resolve().name if path.is_dir() else which)


OF_CLIP = "clip"  # whose name goes on: `clip:WHICH`
EXTRACTORS = {
    "reader": _open_reader,
    "inception": partial(_open_inception, TF1),
    "inception-pytorch": partial(_open_inception, PYTORCH),
    "inception-clean": partial(_open_inception, CLEAN),
    "inception-torchvision": partial(_open_inception, TORCHVISION),
    OF_CLIP: _open_clip,
}


def open_extractor(name: str, data_folder: Path, size: int, device: torch.device | str = "cpu") -> Extractor:
    """The extractor that a user names.

    Args:
        name: a name of EXTRACTORS; CLIPs are `clip:MODEL/TAG` as open_clip lists them, or `clip:FOLDER`, for example of
            the tiny CLIP beside a data file.
        data_folder: where the reader of this size lies, or will lie once it has been trained now.
        size: of the pictures, in pixels; only the reader needs to know.
        device: where it looks.

    Raises:
        ValueError: an unknown name, or weights that are not the published ones.
        FileNotFoundError: a folder that is not there.
        DownloadError: for weights that are not here and cannot be downloaded, saying how to put them in place.
    """
    kind, _, which = name.partition(":")
    if kind not in EXTRACTORS or (kind == OF_CLIP) != bool(which):
        known = [each if each != OF_CLIP else f"{each}:MODEL/TAG or {each}:FOLDER" for each in EXTRACTORS]
        raise ValueError(f"no extractor is called {name!r}; choose from: {', '.join(known)}")
    return EXTRACTORS[kind](which, Path(data_folder), size, device)

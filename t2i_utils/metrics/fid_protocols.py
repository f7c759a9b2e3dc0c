"""The different numbers that are called FID: which Inception, whose weights, which resize.

torchvision's models are imported inside functions: they take seconds, and other extractors need none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from t2i_utils.data.fetch import Patience
from t2i_utils.data.remote import RemoteFile
from t2i_utils.metrics.resize import PIL_BICUBIC, TF1_BILINEAR, TORCH_BILINEAR, UNIT_BILINEAR, Resize, check_pictures
from t2i_utils.metrics.seen import Seen, see_in_batches
from t2i_utils.metrics.weights_files import INCEPTION_2015, INCEPTION_IMAGENET, read_weights, weights_file


class InceptionExtractor:
    """An Inception under one of the protocols that FIDs were published by.

    Args:
        network: pictures in its own range, float32 [n, 3, 299, 299], to features [n, 2048] and logits [n, classes].
        resize: brings pictures there.
        name, fingerprint: as of `Extractor`.
        device: where it looks.
        batch_size: pictures at a time; they take 16 MB each.
    """

    dim = 2048

    def __init__(
        self,
        network: nn.Module,
        resize: Resize,
        name: str,
        fingerprint: str,
        device: torch.device | str = "cpu",
        batch_size: int = 32,
    ):
        self.device, self.batch_size, self._bring = torch.device(device), batch_size, resize
        self.network = network.to(self.device)
        self.name, self.fingerprint, self.resize = name, fingerprint, resize.name

    def see(self, images: Tensor) -> Seen:
        """As `Extractor.see`: uint8 [n, 3 or 1, size, size] to features of the last pool and the classes' softmax."""
        check_pictures(images)
        self.network.eval()
        return see_in_batches(images, self.batch_size, self.device, self._look)

    def _look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = self.network(self._bring(images))
        return features, logits.softmax(dim=1)


def _network_2015(weights: Mapping[str, Tensor]) -> nn.Module:
    from t2i_utils.metrics.inception import inception_2015

    return inception_2015(weights)


def _network_imagenet(weights: Mapping[str, Tensor]) -> nn.Module:
    from t2i_utils.metrics.inception import inception_imagenet

    return inception_imagenet(weights)


@dataclass(frozen=True)
class InceptionProtocol:
    """One of the numbers that are called FID.

    Attributes:
        name: as of `Extractor`.
        weights: the published file.
        build: its weights to the network.
        resize: brings pictures to that network.
    """

    name: str
    weights: RemoteFile
    build: Callable[[Mapping[str, Tensor]], nn.Module]
    resize: Resize

    def open(self, device: torch.device | str = "cpu", patience: Patience | None = None) -> InceptionExtractor:
        """The extractor; its weights are downloaded if they are not here yet, trying each address for so long.

        Raises:
            DownloadError, ValueError: as `weights_file` and `read_weights`.
        """
        network = self.build(read_weights(weights_file(self.weights, patience)))
        return InceptionExtractor(network, self.resize, self.name, self.weights.sha256, device)


# what TTUR and torch-fidelity compute; pytorch-fid; clean-fid; DM-GAN, DF-GAN, GALIP
TF1 = InceptionProtocol("Inception 2015, TF1 bilinear", INCEPTION_2015, _network_2015, TF1_BILINEAR)
PYTORCH = InceptionProtocol(
    "Inception 2015, torch bilinear (pytorch-fid)", INCEPTION_2015, _network_2015, TORCH_BILINEAR
)
CLEAN = InceptionProtocol("Inception 2015, PIL bicubic (clean-fid)", INCEPTION_2015, _network_2015, PIL_BICUBIC)
TORCHVISION = InceptionProtocol(
    "torchvision Inception, 0..1 (DM-GAN)", INCEPTION_IMAGENET, _network_imagenet, UNIT_BILINEAR
)

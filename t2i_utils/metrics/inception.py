"""The two Inception v3 of FID: TensorFlow's of 2015, and torchvision's.

They are not the same network: the weights differ, and the older one pools otherwise in nine of its blocks. Both are
built of torchvision's blocks here; what the older one does differently is all that this file defines.

From: Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2015 (arXiv:1512.00567).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import inception as theirs

CLASSES_2015, CLASSES_IMAGENET = 1008, 1000
FEATURES = 2048


class MeanInside:
    """In place of torchvision's mean over 3 x 3 pixels: TensorFlow's, which does not count the padding at the edge.

    A block's last channels are those of its pooled branch, and only they change. torchvision's are computed and cut
    off, 1 x 1 convolutions all of them: 5 % of the network.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """maps: [n, channels, height, width]; returns what torchvision's block does, pooled otherwise."""
        return repooled(super().forward(maps), self.branch_pool(mean_inside(maps)))


class BlockA(MeanInside, theirs.InceptionA):
    """torchvision's first kind of block, pooled as TensorFlow does."""


class BlockC(MeanInside, theirs.InceptionC):
    """torchvision's third kind of block, pooled as TensorFlow does."""


class BlockE(MeanInside, theirs.InceptionE):
    """torchvision's fifth kind of block, pooled as TensorFlow does."""


class LastBlock(theirs.InceptionE):
    """The last block: the network of 2015 has the largest of 3 x 3 pixels there, in place of the paper's mean."""

    def forward(self, maps: Tensor) -> Tensor:
        """maps: [n, channels, height, width]; returns what torchvision's block does, pooled otherwise."""
        return repooled(super().forward(maps), self.branch_pool(F.max_pool2d(maps, 3, stride=1, padding=1)))


def mean_inside(maps: Tensor) -> Tensor:
    """Mean over the 3 x 3 pixels around each, of those that are in the picture; [n, channels, height, width] both."""
    return F.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=False)


def repooled(maps: Tensor, branch: Tensor) -> Tensor:
    """A block's output, [n, channels, height, width], its last channels replaced by a branch, [n, fewer, ...]."""
    return torch.cat([maps[:, : -branch.shape[1]], branch], dim=1)


class Inception(nn.Module):
    """What an Inception says of pictures; frozen, in eval mode.

    Args:
        network: of torchvision's kind, with its weights; this takes its last layer away.
    """

    def __init__(self, network: theirs.Inception3):
        super().__init__()
        self.classify, network.fc = network.fc, nn.Identity()
        self.see = network
        self.to(memory_format=torch.channels_last).eval().requires_grad_(False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """float32 [n, 3, 299, 299] in the network's range to features, [n, 2048], and logits, [n, classes]."""
        features = self.see(images.contiguous(memory_format=torch.channels_last))
        return features, self.classify(features)


def inception_2015(weights: Mapping[str, Tensor]) -> Inception:
    """TensorFlow's network of 2015, that of FID, KID and the Inception Score; it wants pictures in [-1, 1].

    Its 1,008 logits leave the last layer's bias out, as the code of the Inception Score does, and torch-fidelity's and
    torchmetrics' `logits_unbiased`.

    Args:
        weights: as in torch-fidelity's and pytorch-fid's file.

    Raises:
        ValueError: for weights of another network.

    From: Salimans et al., Improved Techniques for Training GANs, 2016, section 4 (arXiv:1606.03498).
    """
    blocks = [theirs.BasicConv2d, BlockA, theirs.InceptionB, BlockC, theirs.InceptionD, BlockE, theirs.InceptionAux]
    with torch.random.fork_rng(devices=[]):
        network = theirs.Inception3(CLASSES_2015, aux_logits=False, inception_blocks=blocks, init_weights=False)
        network.Mixed_7c = LastBlock(2048)
    _fill(network, weights, "TensorFlow's Inception of 2015")
    network.fc.bias = None
    return Inception(network)


def inception_imagenet(weights: Mapping[str, Tensor]) -> Inception:
    r"""torchvision's network for ImageNet's 1,000 classes, as DM-GAN, DF-GAN and GALIP use it.

    Pictures are to be in [0, 1], and the network then maps them as if they had been normalised by ImageNet's mean and
    standard deviation, which they were not: so did these papers' code.

    $$ x_c \mapsto x_c\, \frac{\sigma_c}{0.5} + \frac{\mu_c - 0.5}{0.5} $$

    Args:
        weights: as in torchvision's file.

    Raises:
        ValueError: for weights of another network.
    """
    with torch.random.fork_rng(devices=[]):
        network = theirs.Inception3(CLASSES_IMAGENET, transform_input=True, init_weights=False)
    _fill(network, weights, "torchvision's Inception v3")
    network.AuxLogits = None  # it only helped the training
    return Inception(network)


def _fill(network: nn.Module, weights: Mapping[str, Tensor], name: str) -> None:
    """Load weights, every one of them.

    Raises:
        ValueError: where names or shapes differ from the network's.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:  # torch names every tensor, a line each
        said = " ".join(str(error).split())[:200]
        raise ValueError(f"these are not the weights of {name} ({said} ...); fetch its own file again") from error

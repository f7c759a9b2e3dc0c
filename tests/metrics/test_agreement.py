"""Our metrics agree with torchmetrics and torch-fidelity, of the same pictures, by the same network."""

from copy import deepcopy

import pytest
import torch
import torch_fidelity
from torch import nn
from torch.utils.data import Dataset
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from t2i_utils.metrics.discrepancy import discrepancy
from t2i_utils.metrics.frechet import frechet_distance
from t2i_utils.metrics.inception_score import inception_scores
from t2i_utils.metrics.kernels import gaussian_kernel, kernel_distance
from t2i_utils.metrics.manifold import precision_recall
from t2i_utils.metrics.moments import Moments
from t2i_utils.metrics.structure import WEIGHTS, ms_ssim, scales_within

pytestmark = pytest.mark.filterwarnings("ignore:Metric .* will save all extracted features")
CLOSE = {"rel": 1e-4}
COUNT, DIM, CLASSES, SIZE = 240, 16, 10, 16


class Looker(nn.Module):
    """uint8 pictures to features; its dropout gives noise to whoever forgets eval mode."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.conv = nn.Conv2d(3, DIM, kernel_size=5, stride=3)
            self.classify = nn.Linear(DIM, CLASSES)
        self.dropout = nn.Dropout()
        self.num_features = DIM

    def forward(self, images):
        maps = self.conv(images.to(self.conv.weight) / 64 - 2).relu()
        return self.dropout(maps.amax(dim=(2, 3)))


class Logits(nn.Module):
    def __init__(self, looker):
        super().__init__()
        self.looker = looker

    def forward(self, images):
        return 3 * self.looker.classify(self.looker(images))


LOOKER = Looker().eval()
LOGITS = Logits(LOOKER).eval()


class Registered(FeatureExtractorBase):
    """The same network, as torch-fidelity wants it."""

    def __init__(self, name, features_list, **_):
        super().__init__(name, features_list)
        self.logits = LOGITS

    @staticmethod
    def get_provided_features_list():
        return ("features", "logits")

    @staticmethod
    def get_default_feature_layer_for_metric(metric):
        return "logits" if metric == "isc" else "features"

    def forward(self, images):
        seen = {"features": LOOKER(images), "logits": LOGITS(images)}
        return tuple(seen[name] for name in self.features_list)


class Pictures(Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


def draw(count, seed, low=0, high=256):
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(low, high, (count, 3, SIZE, SIZE), generator=rng, dtype=torch.uint8)


REAL, PAINTED = draw(COUNT, 0), draw(COUNT, 1, 20, 245)


@pytest.fixture(scope="module")
def seen():
    with torch.no_grad():
        return LOOKER(REAL), LOOKER(PAINTED)


@pytest.fixture(scope="module")
def probabilities():
    with torch.no_grad():
        return LOGITS(PAINTED).softmax(dim=1)


@pytest.fixture(scope="module")
def theirs():
    """torch-fidelity from end to end, with our network registered; one subset and one split, so nothing is random."""
    torch_fidelity.register_feature_extractor("looker", Registered)
    return torch_fidelity.calculate_metrics(
        input1=Pictures(PAINTED),
        input2=Pictures(REAL),
        feature_extractor="looker",
        fid=True,
        kid=True,
        isc=True,
        prc=True,
        isc_splits=1,
        kid_subsets=1,
        kid_subset_size=COUNT,
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
    )


def test_fid_is_torch_fidelitys(seen, theirs):
    assert frechet_distance(*map(Moments.of, seen)) == pytest.approx(theirs["frechet_inception_distance"], **CLOSE)


def test_fid_is_torchmetrics(seen):
    metric = FrechetInceptionDistance(feature=deepcopy(LOOKER), input_img_size=(3, SIZE, SIZE))
    metric = metric.set_dtype(torch.float64).eval()  # the copy too
    for images, real in ((REAL, True), (PAINTED, False)):
        for part in images.split(100):
            metric.update(part, real=real)
    assert frechet_distance(*map(Moments.of, seen)) == pytest.approx(metric.compute().item(), **CLOSE)


def test_kid_is_torch_fidelitys(seen, theirs):
    found = kernel_distance(*seen, subset_size=COUNT)
    assert found.interval.mean == pytest.approx(theirs["kernel_inception_distance_mean"], **CLOSE)


def test_kid_is_torchmetrics(seen):
    metric = KernelInceptionDistance(feature=LOOKER, subsets=1, subset_size=COUNT).eval()
    metric.update(REAL, real=True)
    metric.update(PAINTED, real=False)
    assert kernel_distance(*seen, subset_size=COUNT).interval.mean == pytest.approx(metric.compute()[0].item(), **CLOSE)


def test_the_gaussian_discrepancy_is_torch_fidelitys(seen):
    # it has no CMMD, but the same kernel of the same width; a wide kernel needs float64 there too
    unit = [nn.functional.normalize(one.double(), dim=1) for one in seen]
    found = kid_features_to_metric(
        *unit, kid_kernel="rbf", kid_kernel_rbf_sigma=10.0, kid_subsets=1, kid_subset_size=COUNT, verbose=False
    )
    ours = discrepancy(*unit, gaussian_kernel).unbiased
    assert ours == pytest.approx(found["kernel_inception_distance_mean"], **CLOSE)


def test_the_inception_score_is_torch_fidelitys(probabilities, theirs):
    assert inception_scores(probabilities, splits=1).item() == pytest.approx(theirs["inception_score_mean"], **CLOSE)
    with torch.no_grad():
        found = isc_features_to_metric(LOGITS(PAINTED), splits=10, shuffle=False)
    scores = inception_scores(probabilities, splits=10)
    assert scores.mean().item() == pytest.approx(found["inception_score_mean"], **CLOSE)
    assert scores.std(correction=0).item() == pytest.approx(found["inception_score_std"], **CLOSE)


def test_the_inception_score_is_torchmetrics(probabilities):
    metric = InceptionScore(feature=LOGITS, splits=10).eval()
    metric.update(PAINTED)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        mean, deviation = metric.compute()
        torch.manual_seed(7)
        order = torch.randperm(COUNT)  # it shuffles by torch's own seed
    scores = inception_scores(probabilities[order], splits=10)
    assert scores.mean().item() == pytest.approx(mean.item(), **CLOSE)
    assert scores.std().item() == pytest.approx(deviation.item(), **CLOSE)


def test_precision_and_recall_are_torch_fidelitys(seen, theirs):
    found = precision_recall(*seen, k=3)
    assert 0.1 < theirs["precision"] < 0.99
    assert 0.1 < theirs["recall"] < 0.99
    assert found.precision.mean().item() == pytest.approx(theirs["precision"], **CLOSE)
    assert found.recall.mean().item() == pytest.approx(theirs["recall"], **CLOSE)


def boards(contrasts, size, mean):
    """Chequered at as many widths as there are contrasts, so that after as many halvings the picture is flat."""
    image = torch.full((size, size), float(mean))
    for width, contrast in enumerate(contrasts):
        cells = torch.arange(size) // 2**width
        image += contrast * (1 - 2 * ((cells[:, None] + cells) % 2))
    return image.to(torch.uint8).expand(1, 3, -1, -1)


@pytest.mark.parametrize(("size", "scales"), [(16, 1), (32, 2), (64, 3), (128, 4), (176, 5)])
def test_ms_ssim_is_torchmetrics_at_the_same_scales(size, scales):
    # flat at the coarsest scale, where torchmetrics mirrors the border and the paper stays inside
    images = boards([40, 30, 20, 16][: scales - 1], size, mean=130)
    others = boards([16, 20, 30, 24][: scales - 1], size, mean=110)
    weights = torch.tensor(WEIGHTS[:scales])
    theirs = multiscale_structural_similarity_index_measure(
        images.double(), others.double(), data_range=255.0, betas=tuple((weights / weights.sum()).tolist())
    )
    found = ms_ssim(images, others)
    assert found.scales == scales
    assert found.values.item() == pytest.approx(theirs.item(), **CLOSE)
    assert 0.1 < found.values.item() < 0.99


@pytest.mark.parametrize("size", [16, 32, 64])
def test_each_scale_of_ms_ssim_is_torchmetrics_ssim_of_noise(size):
    rng = torch.Generator().manual_seed(0)
    coarse = 255 * torch.rand(3, 3, 8, 8, generator=rng)
    images = nn.functional.interpolate(coarse, size=size, mode="bilinear").to(torch.uint8)
    others = (images + 40 * torch.randn(images.shape, generator=rng)).clamp(0, 255).to(torch.uint8)
    first, second, product = images.double(), others.double(), 1
    scales = scales_within(size)
    for scale, weight in enumerate(WEIGHTS[:scales]):
        _, full = structural_similarity_index_measure(first, second, data_range=255.0, return_full_image=True)
        _, seen = structural_similarity_index_measure(
            first, second, data_range=255.0, reduction="none", return_contrast_sensitivity=True
        )
        if scale == scales - 1:
            seen = full[..., 5:-5, 5:-5].mean(dim=(1, 2, 3))
        product = product * seen ** (weight / sum(WEIGHTS[:scales]))
        first, second = nn.functional.avg_pool2d(first, 2), nn.functional.avg_pool2d(second, 2)
    assert ms_ssim(images, others).values.tolist() == pytest.approx(product.tolist(), **CLOSE)

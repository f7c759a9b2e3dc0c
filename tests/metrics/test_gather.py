"""Moments of all pictures, features of the first ones, and memory that stays."""

import pytest
import torch

from t2i_utils.metrics.gather import Gathered
from t2i_utils.metrics.moments import Moments
from t2i_utils.metrics.seen import Seen


class Sums:
    """Sees the first three pixels, and how likely two classes are."""

    name, fingerprint, resize, dim = "sums", "0" * 64, "none", 3

    def __init__(self, names=True):
        self.names = names

    def see(self, images):
        features = images.flatten(1)[:, :3].float()
        return Seen(features, (features[:, :2] + 1).softmax(dim=1) if self.names else None)


def pictures(count, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 3, 4, 4), dtype=torch.uint8, generator=rng)


def test_moments_are_of_all_pictures_and_features_of_the_first_ones():
    images, gathered = pictures(50), Gathered(Sums(), keep=23)
    returned = [gathered.add(part).features for part in images.split(7)]
    every = Sums().see(images)
    assert gathered.count == 50
    assert torch.equal(torch.cat(returned), every.features)
    assert torch.equal(gathered.features, every.features[:23])
    assert torch.equal(gathered.probabilities, every.probabilities[:23])
    expected = Moments.of(every.features)
    torch.testing.assert_close(gathered.moments.mean, expected.mean)
    torch.testing.assert_close(gathered.moments.covariance, expected.covariance)


def test_asking_again_gives_the_same_and_more_can_come():
    images, gathered = pictures(20), Gathered(Sums())
    gathered.add(images[:5])
    assert gathered.features is gathered.features, "asked for by every score: joined once"
    gathered.add(images[5:])
    assert torch.equal(gathered.features, Sums().see(images).features)
    assert gathered.features is gathered.features


def test_what_is_kept_does_not_hold_what_is_not():
    gathered = Gathered(Sums(), keep=5)
    for _ in range(3):
        gathered.add(pictures(400))
    held = [*gathered._features, *gathered._probabilities]
    assert sum(part.untyped_storage().nbytes() for part in held) == 5 * (3 + 2) * 4


def test_an_extractor_that_names_no_classes_gives_no_probabilities():
    gathered = Gathered(Sums(names=False))
    gathered.add(pictures(3))
    assert gathered.probabilities is None


def test_features_of_nothing_are_refused():
    with pytest.raises(ValueError, match="no picture was looked at yet"):
        Gathered(Sums()).features  # noqa: B018

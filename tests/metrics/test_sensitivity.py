"""The captions' share of what differs among pictures."""

import pytest
import torch

from t2i_utils.metrics.sensitivity import text_sensitivity


def pictures(by_caption, by_noise, captions=6, noises=5):
    """Pictures that are a sum of what the caption and what the noise wants, so strongly."""
    rng = torch.Generator().manual_seed(0)
    told = torch.randn(captions, 1, 3, 4, 4, generator=rng)
    drawn = torch.randn(1, noises, 3, 4, 4, generator=rng)
    return by_caption * told + by_noise * drawn


def test_who_ignores_captions_has_none_and_who_ignores_noise_has_all():
    assert text_sensitivity(pictures(0, 1)) == pytest.approx(0, abs=1e-12)
    assert text_sensitivity(pictures(1, 0)) == pytest.approx(1)
    assert text_sensitivity(torch.full((4, 3, 8), 0.25)) == 0


def test_of_a_sum_it_is_the_share_of_variance():
    told, drawn = pictures(3, 0).flatten(2), pictures(0, 1).flatten(2)
    variances = [part.double().var(dim=(0, 1), correction=0).sum().item() for part in (told, drawn)]
    expected = variances[0] / sum(variances)
    assert text_sensitivity(pictures(3, 1)) == pytest.approx(expected, rel=1e-6)


def test_captions_and_noises_are_not_taken_for_each_other():
    assert text_sensitivity(pictures(3, 1).transpose(0, 1)) == pytest.approx(1 - text_sensitivity(pictures(3, 1)))

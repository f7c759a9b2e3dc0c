"""Which training picture is closest, and how close."""

import pytest
import torch

from t2i_utils.metrics.nearest import nearest, small_pixels


def test_a_training_picture_finds_itself_at_distance_zero():
    pictures = torch.randint(0, 256, (200, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    features = small_pixels(pictures)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(1))[:90]
    distances, indices = nearest(features[order], features, batch_size=32)
    assert torch.equal(indices, order)
    assert distances.tolist() == [0] * 90


def test_nearest_by_hand():
    others = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    distances, indices = nearest(torch.tensor([[3.0, 4.0], [9.0, 0.0], [4.0, 10.0]]), others)
    assert indices.tolist() == [0, 1, 2]
    assert distances.tolist() == pytest.approx([5, 1, 4])


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_the_batch_size_changes_nothing(batch_size):
    rng = torch.Generator().manual_seed(2)
    features, others = torch.randn(20, 6, generator=rng), torch.randn(50, 6, generator=rng)
    distances, indices = nearest(features, others, batch_size)
    every = (features[:, None] - others[None]).norm(dim=2)
    assert torch.equal(indices, every.argmin(dim=1))
    torch.testing.assert_close(distances, every.min(dim=1).values)


def test_small_pixels_average_over_blocks():
    images = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    images[1, 0, :2, 0] = 255  # half of the first 2 x 2 block of the first channel
    features = small_pixels(images)
    assert features.shape == (2, 3 * 16 * 16)
    assert features.dtype is torch.float32
    assert not features[0].any()
    assert features[1, 0].item() == pytest.approx(0.5)
    assert features[1].count_nonzero() == 1
    assert small_pixels(torch.full((1, 3, 64, 64), 255, dtype=torch.uint8)).min() == 1

"""One caption, many pictures, or one picture many times."""

import pytest
import torch

from t2i_utils.metrics.diversity import relative_spread, spread


@pytest.fixture
def features():
    return torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(0))


def test_the_same_picture_again_has_no_spread(features):
    collapsed = features[:, :1].expand(-1, 6, -1)
    assert spread(collapsed).tolist() == [0, 0, 0]
    assert relative_spread(collapsed, features).tolist() == [0, 0, 0]


def test_spread_by_hand():
    corners = torch.tensor([[[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]], [[1.0, 1.0], [1.0, 1.0], [1.0, 3.0]]])
    assert spread(corners).tolist() == pytest.approx([(3 + 4 + 5) / 3, (0 + 2 + 2) / 3])


def test_the_same_pictures_in_another_order_are_as_diverse(features):
    assert relative_spread(features.flip(1) + 100, features).tolist() == pytest.approx([1, 1, 1], rel=1e-4)
    assert relative_spread(features / 2, features).tolist() == pytest.approx([0.5] * 3)


def test_pictures_of_the_same_kind_are_as_diverse_whatever_their_number():
    rng = torch.Generator().manual_seed(1)
    many, few = torch.randn(50, 30, 8, generator=rng), torch.randn(50, 5, 8, generator=rng)
    assert relative_spread(few, many).mean().item() == pytest.approx(1, abs=0.05)


def test_only_pictures_of_the_same_caption_are_compared(features):
    captions = torch.arange(3.0).reshape(3, 1, 1) * 1000
    assert spread(features + captions).tolist() == pytest.approx(spread(features).tolist(), rel=1e-3)


@pytest.mark.parametrize("shape", [(4, 1, 5), (4, 5)])
def test_one_picture_has_no_spread(shape):
    with pytest.raises(ValueError, match="2 pictures or more"):
        spread(torch.zeros(shape))


def test_nothing_is_diverse_relative_to_one_picture():
    with pytest.raises(ValueError, match="all alike"):
        relative_spread(torch.randn(2, 4, 3), torch.ones(2, 4, 3))

"""Looking: in float32, batch after batch, and nothing is left otherwise than it was."""

import pytest
import torch

from t2i_utils.metrics.seen import see_in_batches

pytestmark = pytest.mark.usefixtures("one_thread")
PICTURES = torch.arange(7, dtype=torch.uint8)[:, None, None, None].expand(7, 3, 4, 4)
CPU = torch.device("cpu")


def test_every_picture_is_seen_once_in_order_and_few_at_a_time():
    counts = []

    def look(images):
        counts.append(len(images))
        means = images.double().flatten(1).mean(dim=1, keepdim=True)
        return means, means.expand(-1, 2) / 2

    seen = see_in_batches(PICTURES, 3, CPU, look)
    assert counts == [3, 3, 1]
    assert torch.equal(seen.features, torch.arange(7.0)[:, None])
    assert torch.equal(seen.probabilities, torch.arange(7.0)[:, None].expand(7, 2) / 2)
    assert seen.features.dtype == seen.probabilities.dtype == torch.float32


def test_a_network_without_classes_says_none():
    assert see_in_batches(PICTURES, 3, CPU, lambda images: (images.float().flatten(1), None)).probabilities is None


def test_it_looks_in_float32_without_gradients_whatever_the_caller_does():
    weight = torch.ones(48, 2, requires_grad=True)
    noted = {}

    def look(images):
        noted["tf32"] = torch.backends.cudnn.allow_tf32
        noted["products"] = torch.get_float32_matmul_precision()
        features = images.float().flatten(1) @ weight
        noted["dtype"], noted["graph"] = features.dtype, features.requires_grad
        return features, None

    torch.set_float32_matmul_precision("high")
    before = torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = True
        with torch.autocast("cpu", dtype=torch.bfloat16):
            see_in_batches(PICTURES, 3, CPU, look)
        assert noted == {"tf32": False, "products": "highest", "dtype": torch.float32, "graph": False}
        with pytest.raises(ZeroDivisionError):
            see_in_batches(PICTURES, 3, CPU, lambda images: 1 / 0)
        assert torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.backends.cudnn.allow_tf32 = before
        torch.set_float32_matmul_precision("highest")

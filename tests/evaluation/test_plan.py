"""What is asked: which pictures, which captions, which noises, all by chance and always the same."""

import numpy as np
import pytest
import torch

from t2i_utils.data.split import read_contents, read_split
from t2i_utils.evaluation.plan import BATCH, LEAST, Plan, real_parts

pytest_plugins = ["small_data"]


@pytest.mark.parametrize("count", [40, 41])
def test_halves_share_no_picture_and_leave_out_none(plain_file, count):
    compared, scored = Plan(plain_file, halves=True).halved(count)
    assert (len(compared), len(scored)) == (20, count - 20)
    assert sorted([*compared, *scored]) == list(range(count))
    assert compared.tolist() != sorted(compared), "by chance, not the first ones"
    assert Plan(plain_file, halves=True, seed=1).halved(count)[0].tolist() != compared.tolist()


def test_without_halves_all_real_pictures_are_compared_with(plain_file):
    compared, scored = Plan(plain_file).halved(9)
    assert sorted(compared) == list(range(9))
    assert len(scored) == 0


def test_each_caption_comes_once_before_one_comes_again(plain_file):
    plan = Plan(plain_file)
    rows = plan.captions(30, 70)
    assert sorted(rows[:30]) == sorted(rows[30:60]) == list(range(30))
    assert rows[:30].tolist() != rows[30:60].tolist()
    assert len(set(rows[60:])) == 10
    assert np.array_equal(plan.captions(30, 25), rows[:25])


def test_no_two_batches_and_no_two_plans_share_noises(plain_file):
    starts = range(0, 100_000, BATCH)
    seeds = {
        Plan(plain_file, seed=seed).noise_seed(start) + more
        for seed in (0, 1, 7)
        for start in starts
        for more in (0, 1, 2)
    }
    assert len(seeds) == 3 * 3 * len(starts)
    assert Plan(plain_file, seed=2**31 - 1).noise_seed(10**9) < 2**63


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pictures": LEAST - 1}, f"pictures is {LEAST - 1}; use {LEAST} or more"),
        ({"seed": -1}, "seed is -1; use 0 or more"),
        ({"seed": 2**31}, "seed is 2147483648; use one below"),
        ({"noises": 1}, "noises is 1; use 2 or more"),
        ({"diverse": 0}, "diverse is 0"),
        ({"keep": 3}, "keep is 3"),
        ({"truncation": 0.0}, "truncation is 0.0; cut noise at a number above 0"),
        ({"truncation": float("nan")}, "truncation is nan"),
    ],
)
def test_what_cannot_be_asked_is_refused(plain_file, changes, said):
    with pytest.raises(ValueError, match=said):
        Plan(plain_file, **changes)


def test_real_parts_are_the_pictures_asked_for_in_their_order(plain_file):
    contents = read_contents(plain_file, "all")
    images = read_split(plain_file, "all").images
    positions = np.random.default_rng(0).permutation(len(images))[: BATCH + 7]
    parts = list(real_parts(contents, plain_file, 32, positions))
    assert [len(part) for part in parts] == [BATCH, 7]
    assert torch.equal(torch.cat(parts), images[positions])
    (small,) = real_parts(contents, plain_file, 16, positions[:3])
    assert torch.equal(small, read_split(plain_file, "all", 16).images[positions[:3]])

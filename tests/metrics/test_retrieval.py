"""Captions find pictures, pictures find captions: 1 where they should, chance where nothing is known."""

import pytest
import torch

from t2i_utils.metrics.retrieval import agreement, mean_recall, retrieval, zero_shot

RANKS = (1, 5, 10)


def noise(count, dim=32, seed=0):
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def test_perfect_similarity_is_1_at_every_rank_both_ways():
    images = noise(50)
    whose = torch.arange(50).repeat_interleave(3)
    found = retrieval(images, 7.0 * images[whose], whose)  # lengths do not count
    for recalls in (found.picture_of_caption, found.caption_of_picture):
        assert {rank: interval.mean for rank, interval in recalls.items()} == dict.fromkeys(RANKS, 1.0)
    assert (found.pictures, found.captions) == (50, 150)
    assert found.picture_of_caption[1].count == 50  # captions of one picture are no independent tries
    assert found.caption_of_picture[1].count == 50


def test_random_vectors_find_by_chance():
    found = retrieval(noise(100), noise(1000, seed=1), torch.arange(1000) % 100)
    for rank in RANKS:
        assert found.picture_of_caption[rank].mean == pytest.approx(rank / 100, abs=0.04)
        # ten of a thousand captions are a picture's own: none of k drawn is, at (1 - 0.01) ** k
        assert found.caption_of_picture[rank].mean == pytest.approx(1 - 0.99**rank, abs=0.08)


def test_both_ways_by_hand():
    images = torch.eye(3)
    whose = torch.tensor([0, 0, 1, 2])
    sentences = torch.tensor([[3.0, 2, 1], [1, 2, 3], [1, 3, 2], [1, 2.9, 2.1]])
    found = retrieval(images, sentences, whose, ranks=(1, 2, 3))
    # captions: right first; last; first; second
    assert [found.picture_of_caption[rank].mean for rank in (1, 2, 3)] == [0.5, 0.75, 1.0]
    # pictures: right first; right first; second, after a caption of the first picture
    assert [found.caption_of_picture[rank].mean for rank in (1, 2)] == [pytest.approx(2 / 3), 1.0]


def test_it_is_told_in_percent_with_counts():
    images = noise(20)
    told = str(retrieval(images, images, torch.arange(20), ranks=(1, 5)))
    assert "20 captions and 20 pictures" in told
    assert told.count("R@1 100.0 % [100.0, 100.0]   R@5 100.0 % [100.0, 100.0]") == 2


def test_agreement_counts_the_nearest_picture_whosever_it_is_and_only_what_is_stated():
    images = torch.eye(3)
    sentences = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0.9, 1], [1, 0, 0]])
    attributes = {"color": torch.tensor([0, 1, 1]), "shape": torch.tensor([0, 0, 1]), "count": torch.tensor([0, 0, 0])}
    wanted = {"color": torch.tensor([0, 0, 1, 1]), "shape": torch.tensor([1, 0, 0, 0]), "count": torch.zeros(4)}
    states = {
        "color": torch.tensor([True, True, True, False]),  # right, wrong, right, not asked
        "shape": torch.tensor([False, True, True, True]),  # not asked, right, wrong, right
        "count": torch.zeros(4, dtype=torch.bool),
    }
    scores = agreement(images, sentences, attributes, wanted, states)
    assert set(scores) == {"color", "shape"}
    assert scores["color"].mean == pytest.approx(2 / 3)
    assert scores["shape"].mean == pytest.approx(2 / 3)
    assert scores["color"].count == 3


def test_the_mean_recall_is_the_mean_of_all_that_retrieval_tells():
    images, sentences, whose = noise(30), noise(80, seed=1), torch.arange(80) % 30
    found = retrieval(images, sentences, whose)
    every = [one.mean for recalls in (found.picture_of_caption, found.caption_of_picture) for one in recalls.values()]
    assert mean_recall(images, sentences, whose) == pytest.approx(sum(every) / 6)


def test_ranks_beyond_what_there_is_find_everything():
    found = retrieval(noise(3), noise(4, seed=1), torch.tensor([0, 1, 2, 0]), ranks=(10,))
    assert found.picture_of_caption[10].mean == found.caption_of_picture[10].mean == 1.0


def test_the_class_whose_description_is_nearest():
    images = torch.tensor([[3.0, 0.1, 0], [0, 2, 0], [0, 1, 0.1], [0, 0.1, 5]])
    prompts = {4: torch.tensor([[1.0, 0, 0], [0.9, 0, 0.1]]), 7: torch.tensor([[0.0, 7, 0]]), 9: torch.eye(3)[2:]}
    found = zero_shot(images, torch.tensor([4, 7, 9, 9]), prompts)
    assert (found.mean, found.count) == (0.75, 4)
    with pytest.raises(ValueError, match="no sentence describes class 5"):
        zero_shot(images, torch.tensor([4, 5, 9, 9]), prompts)


def test_each_sentence_counts_alike_however_long_its_vector():
    prompts = {0: torch.tensor([[100.0, 0], [0, 1]]), 1: torch.tensor([[0.8, 0.2]])}
    # the mean of unit vectors lies half-way, so that a picture on the first axis is nearer to class 1
    assert zero_shot(torch.tensor([[1.0, 0]]), torch.tensor([1]), prompts).mean == 1


def test_zero_shot_of_noise_is_chance():
    prompts = {one: noise(3, seed=one) for one in range(5)}
    assert zero_shot(noise(2000, seed=9), torch.arange(2000) % 5, prompts).mean == pytest.approx(0.2, abs=0.04)

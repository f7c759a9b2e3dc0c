"""The round: what is computed once, for whom, and where gradients may go."""

import pytest
import torch
from torch.nn.functional import avg_pool2d

from t2i_utils.interfaces import Sample, Score, step_rng
from t2i_utils.objectives.round import Round, mean_scores, paint_round
from t2i_utils.objectives.terms import feature_matching


@pytest.fixture
def batch(make_batch):
    return make_batch(1)


@pytest.fixture
def round(diarists, batch):
    return paint_round(*diarists, batch, step=4, seed=0, with_history=True)


def grown(module):
    return [parameter.grad is not None for parameter in module.parameters()]


def test_step_rng_is_a_function_of_seed_and_step_alone():
    def draw(seed, step):
        return torch.randn(4, generator=step_rng(seed, step))

    first = draw(3, 5)
    torch.manual_seed(99)
    assert torch.equal(first, draw(3, 5))
    assert len({tuple(draw(seed, step).tolist()) for seed in range(4) for step in range(4)}) == 16


def test_real_features_are_computed_once_whoever_asks(round, batch):
    assert round.discriminator.seen == []
    scores = round.matching, round.swapped
    feature_matching()(round)
    assert scores == (round.matching, round.swapped)
    shown = [images for images in round.discriminator.seen if images is batch.images]
    assert len(shown) == 1
    assert len(round.discriminator.seen) == 2  # the other pass is over painted pictures


def test_matching_and_swapped_scores_share_features_and_differ_in_captions(round, batch):
    features = round.real_features[-1]
    assert torch.equal(round.matching[0].logits, (features * batch.text.sentence).sum(dim=1))
    assert torch.equal(round.swapped[0].logits, (features * batch.text.sentence[batch.swap]).sum(dim=1))
    assert torch.equal(round.discriminator.scored[1].sentence, batch.text.take(batch.swap).sentence)


def test_painted_scores_teach_the_discriminator_alone(round):
    round.painted[0].logits.sum().backward()
    assert not any(grown(round.generator))
    assert all(grown(round.discriminator))


def test_fooling_scores_teach_the_generator(round):
    round.fooling[0].logits.sum().backward()
    assert all(grown(round.generator))


def test_both_players_look_at_the_same_pictures_painted_once(round):
    assert torch.equal(round.painted[0].logits, round.fooling[0].logits)
    assert len(round.generator.texts) == 1


def test_without_history_the_generators_graph_is_not_kept(diarists, batch):
    without = paint_round(*diarists, batch, step=4, seed=0, with_history=False)
    assert without.fake.images[-1].grad_fn is None
    assert without.matching[0].logits.requires_grad  # the discriminator still learns
    kept = paint_round(*diarists, batch, step=4, seed=0, with_history=True)
    assert kept.fake.images[-1].grad_fn is not None
    assert torch.equal(kept.fake.images[-1], without.fake.images[-1])


def test_noise_is_a_function_of_seed_and_step(diarists, batch):
    def noise(seed, step):
        paint_round(*diarists, batch, step, seed, with_history=False)
        return diarists[0].noises[-1]

    first = noise(seed=0, step=0)
    assert first.shape == (8, 2)
    assert torch.equal(first, noise(0, 0))
    assert not torch.equal(first, noise(0, 1))
    assert not torch.equal(first, noise(1, 0))


def test_terms_draw_what_the_pictures_did_not_use(round):
    later = torch.randn(8, 2, generator=round.rng)
    assert not torch.equal(later, round.generator.noises[0])


def test_real_pictures_come_at_every_painted_size(diarists, batch):
    fake = Sample(tuple(torch.zeros(8, 3, size, size) for size in (4, 8, 16)))
    round = Round(*diarists, batch, 0, step_rng(0, 0), fake)
    assert [image.shape[-1] for image in round.real] == [4, 8, 16]
    assert round.real[-1] is batch.images
    torch.testing.assert_close(round.real[0], avg_pool2d(batch.images, 4))
    assert round.real[1][0, 0, 0, 0].item() == pytest.approx(batch.images[0, 0, :2, :2].mean().item())


def test_scores_are_float32_whatever_the_discriminator_computes_in(round, monkeypatch):
    half = [Score(torch.ones(8, dtype=torch.bfloat16), True), Score(torch.ones(8, 4, 4, dtype=torch.float16), False)]
    monkeypatch.setattr(round.discriminator, "score", lambda features, text: half)
    assert [(s.logits.dtype, s.sees_text) for s in round.matching] == [(torch.float32, True), (torch.float32, False)]


def test_mean_scores_are_of_what_was_scored_anyway(round):
    assert mean_scores(round) == {}
    assert round.discriminator.seen == []
    expected = round.matching[0].logits.mean().item()
    scores = mean_scores(round)
    assert list(scores) == ["score/matching"]
    assert scores["score/matching"].item() == pytest.approx(expected)
    assert not scores["score/matching"].requires_grad
    assert round.painted
    assert round.swapped
    assert list(mean_scores(round)) == ["score/matching", "score/swapped", "score/painted"]

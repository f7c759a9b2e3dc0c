"""CLIP learns: the loss in closed form, the rate by hand, and a turn on the common trainer that resumes bitwise."""

import math

import open_clip
import pytest
import torch
from torch.nn import functional as F

from t2i_utils.data.loader import Loader
from t2i_utils.text.clip import new_clip
from t2i_utils.text.contrastive import (
    LARGEST_SCALE,
    clip_turn,
    contrastive_loss,
    pairings,
    warm_up_then_cosine,
)
from t2i_utils.training.budget import Budget
from t2i_utils.training.trainer import Trainer, as_it_is

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


def units(count, dim, seed=0):
    return F.normalize(torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.mark.parametrize("batch", [2, 5, 32])
def test_at_scale_zero_every_caption_is_as_likely(batch):
    loss = contrastive_loss(units(batch, 8), units(batch, 8, 1), torch.tensor(0.0))
    assert loss.item() == pytest.approx(math.log(batch), abs=1e-6)


def test_pairs_that_agree_and_nobody_else_cost_nothing_at_a_large_scale():
    vectors = torch.eye(6)
    assert contrastive_loss(vectors, vectors, torch.tensor(100.0)).item() < 1e-6
    by_hand = math.log(math.e**3 + 5) - 3  # own cosine 1, five others 0, scale 3
    assert contrastive_loss(vectors, vectors, torch.tensor(3.0)).item() == pytest.approx(by_hand, abs=1e-6)
    assert contrastive_loss(vectors, vectors.roll(1, 0), torch.tensor(100.0)).item() == pytest.approx(100, abs=1e-3)


def test_pictures_and_captions_may_trade_places():
    images, sentences, scale = units(7, 8), units(7, 8, 1), torch.tensor(5.0)
    assert contrastive_loss(images, sentences, scale).item() == pytest.approx(
        contrastive_loss(sentences, images, scale).item(), abs=1e-6
    )


def test_it_is_open_clips_own_loss_and_gradient():
    images, sentences = units(9, 8).requires_grad_(), units(9, 8, 1).requires_grad_()
    scale = torch.tensor(14.3, requires_grad=True)
    ours = contrastive_loss(images, sentences, scale)
    theirs = open_clip.ClipLoss()(images, sentences, scale)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(
        torch.autograd.grad(ours, (images, sentences, scale)), torch.autograd.grad(theirs, (images, sentences, scale))
    )


def test_half_precision_vectors_are_compared_in_float32():
    images, sentences = units(9, 8), units(9, 8, 1)
    loss = contrastive_loss(images.bfloat16(), sentences.bfloat16(), torch.tensor(100.0))
    assert loss.dtype == torch.float32
    rounded = contrastive_loss(images.bfloat16().float(), sentences.bfloat16().float(), torch.tensor(100.0))
    assert torch.equal(loss, rounded)


def test_the_rate_climbs_and_falls_as_said():
    factor = warm_up_then_cosine(steps=110, warm_up=10)
    by_hand = {0: 0.1, 4: 0.5, 9: 1.0, 10: 1.0, 35: 0.5 + 0.5**1.5, 60: 0.5, 85: 0.5 - 0.5**1.5, 110: 0.0, 500: 0.0}
    for step, expected in by_hand.items():
        assert factor(step) == pytest.approx(expected, abs=1e-12)
    values = [factor(step) for step in range(111)]
    assert values[:10] == sorted(values[:10])
    assert values[10:] == sorted(values[10:], reverse=True)


@pytest.mark.parametrize(("wild", "tame"), [(9.0, LARGEST_SCALE), (-2.0, 0.0), (3.0, 3.0)])
def test_the_scale_stays_between_1_and_100(small_config, wild, tame):
    encoder = new_clip(small_config)
    turn = clip_turn(encoder, steps=10)
    with torch.no_grad():
        encoder.model.logit_scale.fill_(wild)
    turn.after()
    assert encoder.model.logit_scale.item() == pytest.approx(tame)


def test_only_weights_decay(small_config):
    encoder = new_clip(small_config)
    decays = {
        id(parameter): group["weight_decay"]
        for group in clip_turn(encoder, steps=10).optimizer.param_groups
        for parameter in group["params"]
    }
    for name, parameter in encoder.model.named_parameters():
        assert decays[id(parameter)] == (0.1 if parameter.ndim >= 2 else 0.0), name


def test_each_picture_comes_with_the_caption_that_was_drawn_for_it(plain_file, small_config):
    loader, encoder = Loader(plain_file, batch_size=8, seed=2), new_clip(small_config)
    stream = pairings(loader, encoder)(5)
    for step in (5, 6):
        pairing, draw = next(stream), loader.draw(step)
        assert torch.equal(pairing.images, loader.batch(step).images)
        captions = [loader.all_captions[index] for index in draw.captions[:, 0]]
        assert torch.equal(pairing.tokens, encoder.tokens(captions))


def trainer_of(config, steps, rate=2e-3):
    encoder = new_clip(config)
    return encoder, Trainer([clip_turn(encoder, steps, rate)], as_it_is)


def test_the_turn_lowers_the_loss_of_a_small_set(plain_file, small_config):
    encoder, trainer = trainer_of(small_config, 30, rate=1e-2)
    pairing = next(pairings(Loader(plain_file, batch_size=16), encoder)(0))
    losses = [trainer.learn(pairing)[1]["clip/contrastive"].item() for _ in range(30)]
    assert losses[-1] < 0.5 * math.log(16) < losses[0]
    assert 0 <= encoder.model.logit_scale.item() <= LARGEST_SCALE


def test_stopping_and_going_on_is_bitwise_the_same(plain_file, small_config):
    loader = Loader(plain_file, batch_size=8)
    encoder, whole = trainer_of(small_config, 6)
    whole.run(pairings(loader, encoder), Budget(steps=6))
    encoder, first = trainer_of(small_config, 6)
    first.run(pairings(loader, encoder), Budget(steps=3))
    state = first.state_dict()
    encoder, second = trainer_of(small_config, 6)
    second.load_state_dict(state)
    second.run(pairings(loader, encoder), Budget(steps=6))
    theirs = whole.turns[0].module.state_dict()
    for name, tensor in second.turns[0].module.state_dict().items():
        assert torch.equal(tensor, theirs[name]), name

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
    Pairing,
    contrastive_loss,
    contrastive_turn,
    pairings,
    truths,
    warm_up_then_cosine,
)
from t2i_utils.text.towers import ClipTowers
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
    towers = ClipTowers(new_clip(small_config))
    turn = contrastive_turn(towers, steps=10)
    with torch.no_grad():
        towers.logit_scale.fill_(wild)
    turn.after()
    assert towers.logit_scale.item() == pytest.approx(tame)


def test_only_weights_decay(small_config):
    towers = ClipTowers(new_clip(small_config))
    decays = {
        id(parameter): group["weight_decay"]
        for group in contrastive_turn(towers, steps=10).optimizer.param_groups
        for parameter in group["params"]
    }
    for name, parameter in towers.named_parameters():
        assert decays[id(parameter)] == (0.1 if parameter.ndim >= 2 else 0.0), name


# Several captions of a picture, several pictures of a class


def pairing_of(pictures, classes, owner):
    return Pairing(
        torch.zeros(len(pictures), 1), torch.zeros(len(owner), 1), *map(torch.tensor, (pictures, classes, owner))
    )


def test_what_counts_as_true():
    # picture 7 stands in the batch twice; 3 and 7 are of class 1, nobody knows the class of 5 and 6
    pairing = pairing_of([7, 3, 7, 5, 6], [1, 1, 1, -1, -1], [0, 1, 2, 3, 4, 0])
    own = [[1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0]]
    assert truths(pairing, "own").tolist() == own
    picture = [[1, 0, 1, 0, 0, 1], [0, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 1], *own[3:]]
    assert truths(pairing, "picture").tolist() == picture
    together = [1, 1, 1, 0, 0, 1]
    assert truths(pairing, "class").tolist() == [together, together, together, *own[3:]]


def test_one_true_caption_each_is_clips_own_loss():
    images, sentences, scale = units(7, 8), units(7, 8, 1), torch.tensor(9.0)
    torch.testing.assert_close(
        contrastive_loss(images, sentences, scale, torch.eye(7)), contrastive_loss(images, sentences, scale)
    )


def test_soft_targets_by_hand():
    # two pictures of a class, three captions: both of the first are true of both pictures, the third of a third one
    images, sentences = torch.eye(3), torch.eye(3)
    true = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    e = math.e
    full = math.log(e + 2)  # own cosine 1, two others 0, scale 1
    row = full - 0.5  # half the weight on a cosine of 1, half on 0
    last = full - 1
    assert contrastive_loss(images, sentences, torch.tensor(1.0), true).item() == pytest.approx((2 * row + last) / 3)


@pytest.mark.parametrize(("captions", "pictures"), [(2, 1), (3, 1), (3, 2)])
def test_several_true_captions_leave_the_entropy_of_sharing(captions, pictures):
    """Vectors that agree wholly within a group and not at all beyond it: the least that the loss can be."""
    groups = 4
    axes = torch.eye(groups)
    images, sentences = axes.repeat_interleave(pictures, 0), axes.repeat_interleave(captions, 0)
    true = images @ sentences.T
    least = (math.log(captions) + math.log(pictures)) / 2
    assert contrastive_loss(images, sentences, torch.tensor(100.0), true).item() == pytest.approx(least, abs=1e-5)


def test_a_true_caption_that_is_called_false_is_pushed_away_and_with_soft_targets_drawn_near():
    images = F.normalize(torch.tensor([[1.0, 0.1], [1.0, -0.1]]), dim=1)
    sentences = F.normalize(torch.tensor([[1.0, 0.2], [1.0, -0.2]]), dim=1).requires_grad_()
    scale, true = torch.tensor(1.0), torch.ones(2, 2)
    away, near = (
        torch.autograd.grad(contrastive_loss(images, sentences, scale, which), sentences)[0] for which in (None, true)
    )
    # against the gradient: the first caption's second number grows (from the other picture), or does not
    assert -away[0, 1] > 0
    assert near.abs().max() < away.abs().max() / 10


def test_each_picture_comes_with_the_captions_that_were_drawn_for_it(plain_file, small_config):
    for captions in (1, 3):
        loader = Loader(plain_file, batch_size=8, seed=2, captions_per_visit=captions)
        towers = ClipTowers(new_clip(small_config))
        stream = pairings(loader, towers)(5)
        for step in (5, 6):
            pairing, draw, batch = next(stream), loader.draw(step), loader.batch(step)
            assert torch.equal(pairing.images, batch.images)
            assert torch.equal(pairing.classes, batch.classes)
            assert pairing.pictures.tolist() == draw.pictures.tolist()
            said = [loader.all_captions[index] for index in draw.captions.flatten() if index >= 0]
            assert torch.equal(pairing.tokens, towers.tokens(said))
            assert pairing.owner.tolist() == [place for place in range(8) for _ in range(captions)]


# Large batches in parts


VIT = {"image_size": 32, "layers": 2, "width": 16, "head_width": 8, "patch_size": 16}


def one_batch(config, chunk, checkpointing=False, half=None, same="class", lock=(None, None)):
    """Loss, gradients and towers after one batch through a trainer."""
    towers = ClipTowers(new_clip(config))
    towers.lock(*lock)
    if checkpointing:
        towers.checkpoint()
    turn = contrastive_turn(towers, steps=10, same=same, chunk=chunk)
    rng = torch.Generator().manual_seed(1)
    pairing = Pairing(
        images=torch.rand(10, 3, 32, 32, generator=rng) * 2 - 1,
        tokens=towers.tokens([f"a flower with {number} petals" for number in range(20)]),
        pictures=torch.arange(10),
        classes=torch.arange(10) % 4,
        owner=torch.arange(10).repeat_interleave(2),
    )
    trainer = Trainer([turn], as_it_is, half=half)
    losses, taken = trainer.take(turn, pairing)
    assert taken
    return losses["clip/contrastive"], {n: p.grad for n, p in towers.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("chunk", [1, 4, 10, 64])
def test_a_batch_in_chunks_has_the_loss_and_the_gradients_of_the_whole(small_config, chunk, checkpointing):
    small_config["vision_cfg"] = VIT
    value, gradients = one_batch(small_config, 0)
    again, others = one_batch(small_config, chunk, checkpointing)
    assert again.item() == pytest.approx(value.item(), abs=1e-5)
    assert gradients.keys() == others.keys()
    assert "clip.logit_scale" in gradients
    for name, gradient in gradients.items():
        assert (gradient - others[name]).abs().max() < 1e-5, name
    assert max(gradient.abs().max() for gradient in gradients.values()) > 1e-2


def test_what_drops_out_is_the_same_both_times(small_config):
    small_config["vision_cfg"] = VIT | {"patch_dropout": 0.5}
    torch.manual_seed(3)
    value, gradients = one_batch(small_config, 10)
    torch.manual_seed(3)
    again, others = one_batch(small_config, 0)
    assert again.item() == pytest.approx(value.item(), abs=1e-5)
    assert all((gradient - others[name]).abs().max() < 1e-5 for name, gradient in gradients.items())


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_chunks_in_half_precision_stay_near(small_config, half):
    small_config["vision_cfg"] = VIT
    value, gradients = one_batch(small_config, 0)
    again, others = one_batch(small_config, 4, half=half)
    assert again.item() == pytest.approx(value.item(), rel=0.02)
    flat, other = (torch.cat([g.flatten() for g in found.values()]) for found in (gradients, others))
    assert F.cosine_similarity(flat, other, dim=0) > 0.98


def test_chunks_under_batch_normalisation_are_refused_unless_it_is_locked(small_config):
    with pytest.raises(ValueError, match=r"visual\.bn1 mixes the examples .* chunks of 4 .*image_layers=0"):
        one_batch(small_config, 4)
    value, gradients = one_batch(small_config, 0, lock=(0, None))
    again, others = one_batch(small_config, 4, lock=(0, None))
    assert again.item() == pytest.approx(value.item(), abs=1e-5)
    assert not any(name.startswith("clip.visual") for name in others)
    assert all((gradient - others[name]).abs().max() < 1e-5 for name, gradient in gradients.items())


# Training


def trainer_of(config, steps, rate=2e-3):
    towers = ClipTowers(new_clip(config))
    return towers, Trainer([contrastive_turn(towers, steps, rate)], as_it_is)


def test_the_turn_lowers_the_loss_of_a_small_set(plain_file, small_config):
    towers, trainer = trainer_of(small_config, 30, rate=1e-2)
    pairing = next(pairings(Loader(plain_file, batch_size=16), towers)(0))
    losses = [trainer.learn(pairing)[1]["clip/contrastive"].item() for _ in range(30)]
    assert losses[-1] < 0.5 * math.log(16) < losses[0]
    assert 0 <= towers.logit_scale.item() <= LARGEST_SCALE


def test_stopping_and_going_on_is_bitwise_the_same(plain_file, small_config):
    loader = Loader(plain_file, batch_size=8)
    towers, whole = trainer_of(small_config, 6)
    whole.run(pairings(loader, towers), Budget(steps=6))
    towers, first = trainer_of(small_config, 6)
    first.run(pairings(loader, towers), Budget(steps=3))
    state = first.state_dict()
    towers, second = trainer_of(small_config, 6)
    second.load_state_dict(state)
    second.run(pairings(loader, towers), Budget(steps=6))
    theirs = whole.turns[0].module.state_dict()
    for name, tensor in second.turns[0].module.state_dict().items():
        assert torch.equal(tensor, theirs[name]), name

"""Penalties in closed form, in float32, on their own steps, and without a second pass."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Sample, Score, Text
from t2i_utils.objectives.penalties import R1, ClipWeights, GradientPenalty, MatchingAwarePenalty, OneSidedPenalty
from t2i_utils.objectives.round import Round, paint_round, step_rng

SIZE, DIM = 4, 5


class Linear(nn.Module):
    """D(x, t) = a . x + b . t, of slopes |a| = `picture` and |b| = `text`; counts its passes and keeps their dtypes."""

    def __init__(self, picture=1.0, text=0.0, sees_text=True):
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        a, b = torch.randn(3 * SIZE * SIZE, generator=rng), torch.randn(DIM, generator=rng)
        self.a, self.b = nn.Parameter(picture * a / a.norm()), nn.Parameter(text * b / b.norm())
        self.sees_text, self.passes = sees_text, []

    def features(self, images):
        self.passes.append(images[-1].dtype)
        return (images[-1].flatten(1) @ self.a,)

    def score(self, features, text):
        return [Score(features[-1] + (text.sentence @ self.b if self.sees_text else 0), self.sees_text)]


class Square(Linear):
    """D(x, t) = |x|^2 / 2: its gradient is the picture itself."""

    def features(self, images):
        return (images[-1].flatten(1).square().sum(1) / 2,)


def round_with(critic, batch, step=0, watched=True, fake=None):
    fake = Sample((torch.zeros_like(batch.images) if fake is None else fake,))
    return Round(None, critic, batch, step, step_rng(0, step), fake, watched)


@pytest.fixture
def batch(make_batch):
    return make_batch(0, count=6, image_size=SIZE, text_dim=DIM)


@pytest.mark.parametrize("slope", [0.0, 1.0, 3.0])
def test_gradient_penalty_of_a_linear_critic(batch, slope):
    penalty = GradientPenalty(10.0)(round_with(Linear(slope), batch, watched=False))
    assert penalty.item() == pytest.approx(10 * (slope - 1) ** 2, abs=1e-4)


def test_gradient_penalty_looks_between_each_real_and_its_painted_picture(batch):
    fake = torch.randn(batch.images.shape, generator=torch.Generator().manual_seed(3))
    penalty = GradientPenalty(1.0)(round_with(Square(), batch, watched=False, fake=fake))
    u = torch.rand(6, generator=step_rng(0, 0))[:, None, None, None]
    norms = (batch.images + u * (fake - batch.images)).flatten(1).norm(dim=1)
    assert len(set(u.flatten().tolist())) == 6
    assert penalty.item() == pytest.approx((norms - 1).square().mean().item(), rel=1e-5)


@pytest.mark.parametrize(("picture", "text"), [(0.0, 0.0), (0.9, 1.0), (3.0, 0.5), (0.5, 4.0), (3.0, 4.0)])
def test_the_one_sided_penalty_costs_only_slopes_above_one_along_pixels_and_sentence(batch, picture, text):
    critic = Linear(picture, text)
    penalty = OneSidedPenalty(150.0)(round_with(critic, batch, watched=False))
    expected = 150 * (max(0, picture - 1) ** 2 + max(0, text - 1) ** 2)
    assert penalty.item() == pytest.approx(expected, rel=1e-4, abs=1e-3)
    penalty.backward()
    assert critic.a.grad.isfinite().all()  # a slope of 0 has a root, too
    assert critic.b.grad.isfinite().all()


def test_the_one_sided_penalty_looks_between_pictures_with_the_matching_sentence(batch):
    fake = torch.randn(batch.images.shape, generator=torch.Generator().manual_seed(3))
    seen = []

    class Watched(Square):
        def score(self, features, text):
            seen.append(text.sentence)
            return super().score(features, text)

    penalty = OneSidedPenalty(1.0)(round_with(Watched(), batch, watched=False, fake=fake))
    u = torch.rand(6, generator=step_rng(0, 0))[:, None, None, None]
    norms = (batch.images + u * (fake - batch.images)).flatten(1).norm(dim=1)
    assert penalty.item() == pytest.approx((norms - 1).clamp(min=0).square().mean().item(), rel=1e-5)
    assert torch.equal(seen[0], batch.text.sentence)


@pytest.mark.parametrize(("picture", "text"), [(0.5, 0.0), (0.0, 2.0), (0.6, 0.8), (1.5, 2.0)])
@pytest.mark.parametrize("power", [2.0, 6.0])
def test_matching_aware_penalty_of_a_critic_linear_in_picture_and_sentence(batch, picture, text, power):
    penalty = MatchingAwarePenalty(2.0, power)(round_with(Linear(picture, text), batch))
    assert penalty.item() == pytest.approx(2 * (picture**2 + text**2) ** (power / 2), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("sentence", "expected"), [(1.0, 2 * 1.0**3), (0.5, 2 * (0.36 + 0.16) ** 3), (0.0, 2 * 0.36**3)]
)
def test_a_slope_along_the_sentence_counts_as_much_as_it_is_told_to(batch, sentence, expected):
    penalty = MatchingAwarePenalty(sentence=sentence)(round_with(Linear(0.6, 0.8), batch))
    assert penalty.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("slope", [0.0, 2.0])
def test_r1_of_a_linear_critic_ignores_the_sentence(batch, slope):
    assert R1(10.0)(round_with(Linear(slope, 7.0), batch)).item() == pytest.approx(5 * slope**2, abs=1e-5)


def test_r1_looks_at_real_pictures(batch):
    expected = batch.images.flatten(1).square().sum(1).mean() / 2
    assert R1(1.0)(round_with(Square(), batch)).item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_head_that_sees_no_text_has_no_slope_there(batch):
    round = round_with(Linear(0.5, 9.0, sees_text=False), batch)
    assert MatchingAwarePenalty(1.0, 2.0)(round).item() == pytest.approx(0.25, rel=1e-5)


@pytest.mark.parametrize("penalty", [GradientPenalty(), MatchingAwarePenalty(), R1(), OneSidedPenalty()])
def test_every_penalty_teaches_the_critic(batch, penalty):
    critic = Linear(2.0, 1.0)
    before = penalty(round_with(critic, batch, watched=penalty.watches))
    before.backward()
    with torch.no_grad():
        critic.a -= 1e-3 * critic.a.grad
    assert penalty(round_with(critic, batch, watched=penalty.watches)) < before


@pytest.mark.parametrize("penalty", [GradientPenalty(), MatchingAwarePenalty(), R1(), OneSidedPenalty()])
def test_a_lazy_penalty_is_as_strong_on_average(batch, penalty):
    always, lazy = (
        kind(round_with(Linear(2.0), batch, watched=kind.watches)).item()
        for kind in (penalty, replace(penalty, every=4))
    )
    assert lazy == pytest.approx(4 * always)


def test_the_adversarial_loss_and_its_penalty_share_one_pass(batch):
    critic = Linear()
    round = round_with(critic, batch)
    losses = round.matching, round.swapped, MatchingAwarePenalty()(round), R1()(round)
    assert len(losses) == 4
    assert len(critic.passes) == 1


def test_the_pass_of_a_penalty_is_float32_and_others_are_not(make_batch):
    batch = make_batch(0, image_size=8)
    see = nn.Linear(3 * 64, 12)

    class Critic(Linear):
        def features(self, images):
            seen = see(images[-1].flatten(1))
            self.passes.append(seen.dtype)
            return (seen,)

        def score(self, features, text):
            return [Score((features[-1] * text.sentence).sum(1), True)]

    class Paint(nn.Module):
        noise_shape = (2,)

        def forward(self, noise, text):
            return Sample((torch.zeros(len(noise), 3, 8, 8),))

    def passes(watched):
        critic = Critic()
        with torch.autocast("cpu", torch.bfloat16):
            round = paint_round(Paint(), critic, batch, 0, 0, with_history=False, watched=watched)
            scores = round.matching, round.painted
            assert all(score.logits.dtype is torch.float32 for (score,) in scores)
            if watched:
                assert MatchingAwarePenalty()(round).dtype is torch.float32
            assert GradientPenalty()(round).dtype is torch.float32
        return critic.passes

    assert passes(watched=True) == [torch.float32, torch.bfloat16, torch.float32]
    assert passes(watched=False) == [torch.bfloat16, torch.bfloat16, torch.float32]


def test_what_is_not_watched_collects_nothing(batch):
    round = round_with(Linear(), batch, watched=False)
    assert not round.real[0].requires_grad
    assert not round.text.sentence.requires_grad
    watched = round_with(Linear(), batch)
    assert watched.real[0].requires_grad
    assert watched.text.sentence.requires_grad
    assert not batch.images.requires_grad
    assert torch.equal(watched.real[0], batch.images)


@pytest.mark.parametrize("limit", [0.01, 0.3])
def test_clipping_puts_every_weight_that_learns_in_the_box(limit):
    critic = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    inside = critic[0].weight.detach().clone().clamp(-limit, limit)
    critic[1].bias.requires_grad_(False).fill_(5.0)
    ClipWeights(limit)(critic)
    assert torch.equal(critic[0].weight, inside)
    assert critic[1].weight.abs().max() <= limit
    assert critic[1].bias.tolist() == [5.0, 5.0]
    with pytest.raises(ValueError, match="use a limit above 0"):
        ClipWeights(0.0)


def test_text_of_words_keeps_them_when_watched(batch):
    words = torch.zeros(6, 2, DIM)
    text = Text(batch.text.sentence, words, torch.ones(6, 2, dtype=torch.bool))
    assert round_with(Linear(), replace(batch, text=text)).text.words is words


class Head(Linear):
    """The same critic, its last product a matrix multiplication, which autocast computes in half precision."""

    def features(self, images):
        return (images[-1].flatten(1),)

    def score(self, features, text):
        logits = features[-1] @ self.a[:, None] + text.sentence @ self.b[:, None]
        return [Score(logits.squeeze(1), self.sees_text)]


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=["fp16", "bf16"])
@pytest.mark.parametrize("penalty", [MatchingAwarePenalty(power=2.0), GradientPenalty(), R1()], ids=str)
def test_under_autocast_slopes_are_those_of_float32(batch, penalty, half):
    def differentiate(autocast):
        critic = Head(3.1, 0.7)
        with torch.autocast("cpu", dtype=half, enabled=autocast):
            value = penalty(round_with(critic, batch, watched=penalty.watches))
        (gradient,) = torch.autograd.grad(value, critic.a)
        return value, gradient

    for ours, expected in zip(differentiate(True), differentiate(False), strict=True):
        assert torch.equal(ours, expected)

"""Augmentation: in closed form, differentiable, the same for real and painted, and gone where nobody asked for it."""

from dataclasses import replace

import pytest
import torch

from t2i_utils.objectives.augment import Change, DiffAugment, InstanceNoise, cut_out, recolour, shift
from t2i_utils.objectives.round import paint_round, step_rng

SIZE = 16


def change(count=2, **given):
    """No change at all but what is given, the same for every picture."""
    nothing = {"saturation": 1.0, "contrast": 1.0, "cut_top": 0.5, "cut_left": 0.5}
    names = Change.__dataclass_fields__
    return Change(*(torch.full((count,), float(given.get(name, nothing.get(name, 0.0)))) for name in names))


@pytest.fixture
def images():
    return torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_no_change_changes_nothing(images):
    assert torch.allclose(change()(images), images, atol=1e-6)
    drawn = DiffAugment(0.0).draw(2, 0, step_rng(0, 0))
    assert torch.allclose(drawn(images), images, atol=1e-6)


def test_colours_by_hand(images):
    assert torch.allclose(recolour(images, change(brightness=0.25)), images + 0.25, atol=1e-6)
    grey = recolour(images, change(saturation=0.0))
    assert torch.allclose(grey, images.mean(1, keepdim=True).expand_as(images), atol=1e-6)
    flat = recolour(images, change(contrast=0.5))
    assert torch.allclose(flat.mean((1, 2, 3)), images.mean((1, 2, 3)), atol=1e-6)
    assert torch.allclose(flat.flatten(1).std(1), images.flatten(1).std(1) / 2, atol=1e-6)


@pytest.mark.parametrize(("down", "right"), [(2, 0), (-2, 1), (0, -2), (0, 0)])
def test_a_shift_moves_whole_pixels_and_zeros_come_in(images, down, right):
    moved = shift(images, change(down=down / SIZE, right=right / SIZE))
    expected = torch.zeros_like(images)
    to = (slice(max(down, 0), SIZE + min(down, 0)), slice(max(right, 0), SIZE + min(right, 0)))
    off = (slice(max(-down, 0), SIZE + min(-down, 0)), slice(max(-right, 0), SIZE + min(-right, 0)))
    expected[:, :, *to] = images[:, :, *off]
    assert torch.equal(moved, expected)


def test_a_hole_is_half_a_side_wide_and_may_hang_over_the_edge(images):
    holes = cut_out(torch.ones_like(images), change(cut=0.5))
    assert holes[0, 0].sum() == SIZE**2 - (SIZE // 2) ** 2
    assert holes[0, 0, SIZE // 4 : -SIZE // 4, SIZE // 4 : -SIZE // 4].sum() == 0
    corner = cut_out(torch.ones_like(images), change(cut=0.5, cut_top=0.0, cut_left=0.0))
    assert corner[0, 0].sum() == SIZE**2 - (SIZE // 4) ** 2


def test_the_gradient_is_that_of_the_change(images):
    images = images[:1, :, :6, :6].double().requires_grad_()
    drawn = DiffAugment().draw(1, 0, step_rng(0, 3)).each(lambda field: field.double())
    assert torch.autograd.gradcheck(drawn, images)


def test_draws_have_the_papers_ranges_and_the_asked_probability():
    drawn = DiffAugment(0.25).draw(20_000, 0, step_rng(0, 0))
    changed = drawn.cut > 0
    assert changed.float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert drawn.brightness[~changed].abs().max() == 0
    for field, low, high in [
        ("brightness", -0.5, 0.5),
        ("saturation", 0, 2),
        ("contrast", 0.5, 1.5),
        ("down", -1 / 8, 1 / 8),
    ]:
        values = getattr(drawn, field)[changed]
        assert low <= values.min() < low + 0.02 * (high - low) + 1e-6
        assert high - 0.02 * (high - low) - 1e-6 < values.max() <= high
        assert values.mean().item() == pytest.approx((low + high) / 2, abs=0.01)
    with pytest.raises(ValueError, match="use 0 to 1"):
        DiffAugment(1.5)


def test_what_is_drawn_knows_nothing_of_the_pictures_so_equal_sets_stay_equal():
    """Invariance in distribution: mirrored pictures are changed to what mirrored changes make of them, on average."""
    step = torch.linspace(-1, 1, SIZE).expand(4000, 3, SIZE, SIZE)
    one = DiffAugment().draw(4000, 0, step_rng(0, 0))(step).mean(0)
    other = DiffAugment().draw(4000, 0, step_rng(0, 1))(step.flip(3)).mean(0).flip(2)
    assert torch.allclose(one, other, atol=0.06)


def test_real_and_painted_pictures_are_changed_alike_and_in_both_turns(diarists, make_batch):
    batch = make_batch()
    round = paint_round(*diarists, batch, 0, 0, with_history=True, augments=[DiffAugment()])
    round = replace(round, fake=replace(round.fake, images=(batch.images,)))  # painted exactly what is real
    assert torch.equal(round.real_features[-1], round.painted_features[-1])
    assert torch.equal(round.matching[0].logits, round.painted[0].logits)
    seen = round.discriminator.seen
    assert all(torch.equal(images, seen[0]) for images in seen)
    assert not torch.equal(seen[0], batch.images)


def test_the_generator_learns_through_the_change(diarists, make_batch):
    round = paint_round(*diarists, make_batch(), 0, 0, with_history=True, augments=[DiffAugment()])
    round.fooling[0].logits.sum().backward()
    assert round.generator.paint.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(("step", "strength"), [(0, 0.5), (50, 0.25), (100, 0.0), (1000, 0.0)])
def test_noise_fades_in_a_straight_line_and_is_new_for_every_picture(step, strength):
    change = InstanceNoise(0.5, steps=100).draw(2, step, step_rng(0, step))
    noise = change(torch.full((2, 3, 64, 64), 0.3)) - 0.3
    assert noise.std().item() == pytest.approx(strength, rel=0.03)
    assert torch.equal(noise[0], noise[1]) == (strength == 0)


def test_real_and_painted_pictures_are_noisy_apart(diarists, make_batch):
    round = paint_round(*diarists, make_batch(), 0, 0, with_history=True, augments=[InstanceNoise(0.1, 10)])
    assert len(round.real_features) == len(round.painted) == 1
    real, painted = round.discriminator.seen
    assert not torch.equal(real - round.batch.images, painted - round.fake.images[-1])


@pytest.mark.parametrize("bad", [{"strength": 0.0}, {"strength": -1.0}, {"steps": 0}])
def test_noise_that_cannot_fade_is_refused(bad):
    with pytest.raises(ValueError, match="cannot fade"):
        InstanceNoise(**bad)


def test_several_changes_follow_each_other(diarists, make_batch):
    class Add:
        def draw(self, count, step, rng):
            return lambda images: images + 1

    class Double:
        def draw(self, count, step, rng):
            return lambda images: images * 2

    batch = make_batch()
    round = paint_round(*diarists, batch, 0, 0, with_history=True, augments=[Add(), Double()])
    assert round.real_features is not None
    assert torch.equal(round.discriminator.seen[0], 2 * (batch.images + 1))

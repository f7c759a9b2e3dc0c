"""What the benchmarks compare is the same work: losses, gradients, weights, batches; and the verdict is right."""

import ctypes
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import __main__ as command
from benchmarks import df_gan, evaluation, loader, picture, playground, saving, step, timing, trainer
from t2i_utils import recipes
from t2i_utils.interfaces import draw_noise
from t2i_utils.objectives import penalties
from t2i_utils.objectives.round import step_rng
from t2i_utils.recipes import Recipe, dcgan_cls
from t2i_utils.studies import memory as growing
from t2i_utils.training.checkpoints import newest

pytestmark = pytest.mark.usefixtures("one_thread")
SEED = 3


def small(rate: float) -> Recipe:
    torch.manual_seed(SEED)
    return dcgan_cls(image_size=32, text_dim=16, base_channels=8, discriminator_channels=8, rate=rate)


def noise_of(recipe: Recipe, count: int, at: int) -> torch.Tensor:
    return draw_noise(recipe.generator.noise_shape, count, step_rng(SEED, at))


def gradients(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: parameter.grad.clone() for name, parameter in module.named_parameters()}


def assert_same(ours: dict[str, torch.Tensor], other: dict[str, torch.Tensor], closeness: float) -> None:
    assert ours.keys() == other.keys()
    for name in ours:
        torch.testing.assert_close(
            ours[name], other[name], rtol=closeness, atol=closeness, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_our_step_and_the_usual_one_have_the_same_losses_and_gradients():
    # A rate of 0, as our feature matching looks at real features from before the discriminator's step, the usual one
    # at those from after it.
    batch = step.random_batch(8, 32, 16)
    ours, usual = small(rate=0.0), small(rate=0.0)
    _, losses = step.our_step(ours, SEED).learn(batch)
    usual_step = step.UsualStep(usual)
    noise = noise_of(usual, 8, 0)
    usual_losses = usual_step.judge(batch, noise)
    judged = gradients(usual.discriminator)  # read here: the generator's turn adds to them
    usual_losses |= usual_step.fool(batch, noise)
    assert_same(losses, {name: loss.detach() for name, loss in usual_losses.items()}, 1e-5)
    assert_same(gradients(ours.discriminator), judged, 1e-5)
    assert_same(gradients(ours.generator), gradients(usual.generator), 1e-5)
    assert all(gradient.abs().max() > 0 for gradient in judged.values())


def test_the_usual_step_really_does_more():
    batch, seen = step.random_batch(8, 32, 16), []

    def count(recipe: Recipe) -> None:
        recipe.discriminator.see.register_forward_hook(lambda *_: seen.append("look"))
        recipe.generator.paint.register_forward_hook(lambda *_: seen.append("paint"))

    ours, usual = small(rate=2e-4), small(rate=2e-4)
    count(ours)
    step.our_step(ours, SEED).learn(batch)
    assert (seen.count("look"), seen.count("paint")) == (3, 1)
    assert all(parameter.grad is not None for parameter in ours.discriminator.parameters())
    seen.clear()
    count(usual)
    step.UsualStep(usual).learn(batch, noise_of(usual, 8, 0))
    assert (seen.count("look"), seen.count("paint")) == (5, 2)


WAYS = [
    df_gan.BEST,
    df_gan.USUAL,
    *(replace(df_gan.BEST, **{name: False}) for name in ("channels_last", "shortcuts", "frozen")),
]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_a_df_gan_step_has_the_same_losses_and_gradients(way):
    def small_df_gan() -> Recipe:
        torch.manual_seed(SEED)
        # Adam's first step has the size of its rate whatever the gradient: a rounding's sign would be a difference
        recipe = recipes.df_gan(32, 16, 8, 8, discriminator_rate=1e-8, penalty_every=1)
        for name, parameter in recipe.discriminator.named_parameters():
            if name.endswith("gate"):  # closed at the start, which would hide half of the discriminator
                torch.nn.init.ones_(parameter)
        return recipe

    batch, ours, hand = step.random_batch(8, 32, 16), small_df_gan(), small_df_gan()
    seen = {}
    trainer_ = step.our_step(ours, SEED)
    trainer_.turns[0].before_step = lambda: seen.update(gradients(ours.discriminator))
    _, losses = trainer_.learn(batch)
    by_hand = df_gan.HandStep(hand, replace(way, every=1))
    painted = by_hand.generator(noise_of(hand, 8, 0), batch.text).images[-1]
    hand_losses = by_hand.judge(batch, painted)
    judged = gradients(hand.discriminator)  # read here: the generator's turn may add to them
    by_hand.discriminator_optimizer.step()
    hand_losses |= by_hand.fool(batch, painted)
    assert_same(losses, {name: loss.detach() for name, loss in hand_losses.items()}, 1e-5)
    assert_same(seen, judged, 1e-5)
    assert_same(gradients(ours.generator), gradients(hand.generator), 1e-5)
    assert set(losses) > {"discriminator/matching_aware"}
    authors = any(isinstance(part, df_gan.AuthorsUpBlock) for part in hand.generator.modules())
    assert authors == (not way.shortcuts)


def test_the_ways_differ_in_what_they_name():
    batch = step.random_batch(4, 32, 16)

    def learn(way: df_gan.Way) -> tuple[list[bool], bool, bool]:
        hand = df_gan.HandStep(recipes.df_gan(32, 16, 8, 8), way)
        due = ["discriminator/matching_aware" in hand.learn(batch, torch.randn(4, 100)) for _ in range(4)]
        before = hand.discriminator.see[0].weight.grad.clone()
        hand.fool(batch, hand.generator(torch.randn(4, 100), batch.text).images[-1])
        collects = not torch.equal(before, hand.discriminator.see[0].weight.grad)
        return due, collects, hand.discriminator.see[0].weight.is_contiguous()

    assert learn(df_gan.BEST) == ([True, False, False, False], False, False)
    assert learn(df_gan.USUAL) == ([True] * 4, True, True)


def test_constants_of_the_usual_step_are_the_recipes():
    defaults = dict(zip(dcgan_cls.__code__.co_varnames, dcgan_cls.__defaults__, strict=False))
    weights = (step.REAL_LABEL, step.FEATURE_WEIGHT, step.PIXEL_WEIGHT)
    assert weights == tuple(defaults[name] for name in ("real_label", "feature_weight", "pixel_weight"))


def test_the_trainer_and_the_bare_loop_reach_the_same_weights_bit_for_bit():
    batch = step.random_batch(8, 32, 16)
    ours, bare = small(rate=2e-4), small(rate=2e-4)
    run, bare_step = step.our_step(ours, SEED), trainer.bare_step(bare)
    for at in range(3):
        run.learn(batch)
        bare_step(batch, noise_of(bare, 8, at))
    assert_same(ours.generator.state_dict(), bare.generator.state_dict(), 0)
    assert_same(ours.discriminator.state_dict(), bare.discriminator.state_dict(), 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("loader")
    loader.write_files(path, pictures=90)
    return path


def test_both_loaders_read_the_same_pictures(folder):
    usual = loader.UsualDataset(folder / loader.USUAL)
    ours = loader.Loader(folder / loader.OURS, encoder="random", batch_size=64)
    assert len(usual) == loader.CAPTIONS * len(ours)
    item, batch = usual[0], ours.batch(0)
    assert item["right_images"].shape == item["wrong_images"].shape == batch.images.shape[1:]
    assert item["right_embed"].shape == batch.text.sentence.shape[1:]
    for images in (item["right_images"], batch.images):
        assert -1 <= images.min() < 0 < images.max() <= 1


def test_the_usual_wrong_picture_is_of_another_class(folder):
    usual = loader.UsualDataset(folder / loader.USUAL)
    usual[0]
    for name in usual.names[:: len(usual.names) // 20]:
        right = usual.file[name]["class"][()]
        assert usual.wrong(right)["class"][()] != right


def test_usual_batches_come_from_workers(folder):
    batch = next(loader.usual_batches(folder / loader.USUAL))
    assert batch["right_images"].shape == (loader.BATCH_SIZE, 3, loader.SIZE, loader.SIZE)
    assert len(batch["txt"]) == loader.BATCH_SIZE


def test_sides_are_timed_in_turn_and_warm_up_does_not_count():
    order, seconds = [], iter([100, 100, 1, 10, 3, 30, 2, 20])

    def side(name):
        return lambda: order.append(name) or next(seconds)

    assert timing.interleaved([side("a"), side("b")], samples=3, warm_up=1) == (2, 20)
    assert order == ["a", "b"] * 4


def test_a_sample_is_the_time_of_one_piece_of_work():
    assert timing.timed(lambda: time.sleep(0.01), repeats=3)() == pytest.approx(0.01, abs=0.009)


def sleeper(seconds: float) -> timing.Side:
    return timing.Side("side", lambda folder: lambda: seconds)


@pytest.mark.parametrize(
    ("ours", "other", "at_most", "ratio", "holds"),
    [
        (1.0, 2.0, False, 2.0, True),
        (1.0, 1.9, False, 1.9, False),
        (2.0, 1.0, True, 2.0, True),
        (2.1, 1.0, True, 2.1, False),
    ],
)
def test_a_claim_holds_at_its_bar_and_the_exit_code_says_so(monkeypatch, capsys, ours, other, at_most, ratio, holds):
    monkeypatch.setattr(command, "peak_megabytes", lambda side, folder: 12.0)
    claim = timing.Benchmark("claim", sleeper(ours), sleeper(other), bar=2.0, at_most=at_most, samples=1, warm_up=0)
    good = replace(claim, name="good", bar=100.0 if at_most else 0.0)
    assert command.main([], [claim, good]) == (0 if holds else 1)
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[:4] == ["claim", f"{ratio:.3f}", "<=" if at_most else ">=", "2"]
    assert "12 MB" in first
    assert ("FALLS SHORT" in first) != holds
    assert "FALLS SHORT" not in second


def test_the_penaltys_share_is_measured_on_steps_that_have_it_and_steps_that_have_not(monkeypatch, tmp_path):
    monkeypatch.setattr(df_gan, "recipe_of", lambda every: recipes.df_gan(32, 16, 8, 8, penalty_every=every))
    monkeypatch.setattr(df_gan, "random_batch", lambda *sizes: step.random_batch(4, 32, 16))
    asked = []
    squared_slopes = penalties.squared_slopes
    monkeypatch.setattr(penalties, "squared_slopes", lambda *pair: asked.append(1) or squared_slopes(*pair))
    for due, times in ((True, 3), (False, 1)):  # each side warms up with its step 0
        asked.clear()
        sample = df_gan.start_lone(tmp_path, due)
        assert sample() > 0
        assert sample() > 0
        assert len(asked) == times


def test_one_benchmark_can_be_chosen_and_all_are_listed(monkeypatch, capsys):
    monkeypatch.setattr(command, "measure", lambda benchmark: pytest.fail("--list measures nothing"))
    assert command.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        *[
            "loader",
            "step",
            "df_gan",
            "memory",
            "shortcuts",
            "frozen",
            "lazy",
            "penalty",
            "ageing",
            "trainer",
            "saving",
            "picture",
            "playground",
            "evaluation",
        ]
    ]
    assert command.main(["--list", "--only", "step"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    with pytest.raises(SystemExit):
        command.main(["--only", "speed"])
    assert "loader" in capsys.readouterr().err


def test_bars_are_the_promised_ones():
    assert [(claim.name, claim.bar, claim.at_most) for claim in command.BENCHMARKS] == [
        ("loader", 100, False),
        ("step", 1.6, False),
        ("df_gan", 1.5, False),
        ("memory", 1.05, False),
        ("shortcuts", 1.05, False),
        ("frozen", 1.02, False),
        ("lazy", 1.05, False),
        ("penalty", 2.5, True),
        ("ageing", 1.1, True),
        ("trainer", 1.05, True),
        ("saving", 1.02, True),
        ("picture", 2.5, True),
        ("playground", 4, True),
        ("evaluation", 25, True),
    ]
    limits = {claim.name: claim.limit for claim in command.BENCHMARKS if claim.limit is not None}
    assert limits == {"picture": 5, "playground": 0.15, "evaluation": 60}


@pytest.mark.parametrize(("limit", "holds"), [(None, True), (1.0, True), (0.9, False)])
def test_a_person_waits_no_longer_than_promised_whatever_the_ratio(limit, holds):
    claim = timing.Benchmark("claim", sleeper(1.0), sleeper(2.0), bar=1.5, limit=limit)
    assert timing.Outcome(claim, (1.0, 2.0), (None, None)).holds == holds


def test_the_command_that_is_timed_paints_the_caption(tmp_path):
    picture.start_ours(tmp_path)()
    with Image.open(tmp_path / "painted.png") as painted:
        assert painted.size == (8 * 128 + 7 * 2, 128)


def test_the_caption_that_is_timed_is_another_each_time_and_the_pass_beside_it_paints_as_many(tmp_path, monkeypatch):
    monkeypatch.setattr(playground, "timed", lambda work: work)
    said, render = [], playground.render

    def watched(state, painter):
        said.append((state.caption, state.seed))
        return render(state, painter)

    monkeypatch.setattr(playground, "render", watched)
    paint = playground.start_render(tmp_path)
    assert all(paint() > 1000 for _ in range(3)), "bytes of a PNG"
    assert len({caption for caption, _ in said}) == len({seed for _, seed in said}) == 3
    assert playground.start_pass(tmp_path)().shape == (playground.COUNT, 3, 64, 64)


@pytest.mark.skipif(not (growing.PROCESS / "clear_refs").exists(), reason="only Linux tells a process its peak")
def test_peak_memory_is_what_the_work_held_even_if_it_let_go():
    assert growing.growth(lambda: np.ones(10_000_000).sum()) == pytest.approx(80, abs=8)
    assert growing.growth(lambda: None) == pytest.approx(0, abs=2)


@pytest.mark.skipif(
    not ((growing.PROCESS / "clear_refs").exists() and hasattr(ctypes.CDLL(None), "malloc_trim")),
    reason="only Linux tells a process its peak, and only glibc hands memory back",
)
def test_what_earlier_work_left_free_does_not_hide_what_the_work_holds():
    small = [bytearray(b"x" * 100_000) for _ in range(1500)]
    last = small[-5:]  # it stands above the others in the heap, which keeps their place when they go
    del small
    assert growing.growth(lambda: np.ones(10_000_000).sum()) == pytest.approx(80, abs=8)
    assert len(last) == 5


# Evaluation


def test_the_evaluation_that_is_timed_gives_every_score_of_the_pictures_that_are_painted_beside_it(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(evaluation, "PICTURES", 40)
    monkeypatch.setattr(evaluation, "DRAWN", 150)
    monkeypatch.setattr(evaluation, "timed", lambda work: work)
    monkeypatch.setattr(evaluation, "Plan", partial(evaluation.Plan, diverse=3, noises=4))
    evaluation.prepare(tmp_path)
    found = evaluation.start_scores(tmp_path)()
    metrics = {record.protocol.metric: record.protocol for record in found.records}
    assert {"KID", "CMMD", "IS", "coverage", "CLIP score", "R-precision", "background right", "diversity"} <= set(
        metrics
    )
    assert metrics["KID"].painted == evaluation.start_painting(tmp_path)() == 40


# Saving


def test_what_saving_costs_is_measured_with_a_checkpoint_that_is_written_and_copied(tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "SIZE", 32)
    monkeypatch.setattr(saving, "PICTURES", 60)
    monkeypatch.setattr(saving, "ARGUMENTS", {"base_channels": 4, "discriminator_channels": 4, "batch_size": 4})
    saving.prepare(tmp_path)
    sample = saving.start_with(tmp_path)
    assert sample() > 0
    here, there = (newest(tmp_path / place / "checkpoints").step for place in ("run", "drive/run"))
    assert here == there == saving.STEPS + 1  # after the first of the second four steps
    assert saving.start_without(tmp_path)() == 300
    assert newest(tmp_path / "other" / "checkpoints") is None

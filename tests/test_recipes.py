"""The papers' tables of choices: what each recipe chose, and that an argument reaches the place it names."""

import inspect
import math
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch

from t2i_utils.objectives.adversarial import HINGE, WASSERSTEIN, Adversarial, Pairs
from t2i_utils.objectives.penalties import R1, ClipWeights, GradientPenalty, MatchingAwarePenalty
from t2i_utils.recipes import SYSTEMS
from t2i_utils.training.optimizers import Adam, RMSProp
from t2i_utils.training.trainer import Trainer

pytestmark = pytest.mark.usefixtures("one_thread")

HALVES, QUARTER, ALL, ONLY = Pairs(1, 0.5, 0.5), Pairs(1, 0.75, 0.25), Pairs(1, 1, 1), Pairs(1, 1, 0)
ADAM, SLOW, QUICK = Adam(2e-4, (0.5, 0.999)), Adam(1e-4, (0.0, 0.9)), Adam(4e-4, (0.0, 0.9))


class Choice(NamedTuple):
    """What a paper chose: weights of pairs, game, optimisers of generator and discriminator, batch, critic's steps."""

    pairs: Pairs
    game: Adversarial | None = None  # None: cross-entropy, perhaps with smoothed labels
    optimizers: tuple = (ADAM, ADAM)
    batch_size: int = 64
    critic_steps: int = 1


PAPERS = {
    "vanilla_gan": Choice(ONLY),
    "gan": Choice(ONLY),
    "gan_cls": Choice(HALVES),
    "gan_int": Choice(ONLY),
    "gan_int_cls": Choice(HALVES),
    "dcgan_cls": Choice(ALL),
    "gan_cls_modern": Choice(HALVES),
    "unconditional_wgan": Choice(ONLY, WASSERSTEIN, (RMSProp(5e-5), RMSProp(5e-5)), 64, 5),
    "wgan": Choice(QUARTER, WASSERSTEIN, (RMSProp(5e-5), RMSProp(5e-5)), 64, 5),
    "unconditional_wgan_gp": Choice(ONLY, WASSERSTEIN, (SLOW, SLOW), 64, 5),
    "wgan_gp": Choice(QUARTER, WASSERSTEIN, (SLOW, SLOW), 64, 5),
    "fashion_wgan_gp": Choice(ONLY, WASSERSTEIN, (Adam(2e-4, (0.5, 0.9)), Adam(2e-4, (0.5, 0.9))), 512, 3),
    "wgan_cls": Choice(Pairs(), WASSERSTEIN, (SLOW, SLOW), 8, 1),
    "ca_gan": Choice(HALVES, None, (Adam(2e-4, (0.5, 0.999)), Adam(1e-4, (0.5, 0.999)))),
    "df_gan": Choice(HALVES, HINGE, (SLOW, QUICK), 32),
}
REEDS = ["gan", "gan_cls", "gan_int", "gan_int_cls"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_defaults_are_the_papers(system):
    with torch.device("meta"):
        recipe = SYSTEMS[system]()
    paper = PAPERS[system]
    assert recipe.pairs == paper.pairs
    assert (recipe.generator_optimizer, recipe.discriminator_optimizer) == paper.optimizers
    assert (recipe.batch_size, recipe.critic_steps) == (paper.batch_size, paper.critic_steps)
    assert paper.game in (None, recipe.adversarial)
    numbers = {"ca_gan": 100 + 128, "wgan_cls": 128 + 128, "fashion_wgan_gp": 128}  # noise, and that of the condition
    assert recipe.generator.noise_shape == (numbers.get(system, 100),)
    assert (recipe.schedule is None) == (system != "wgan_cls")


@pytest.mark.parametrize("system", SYSTEMS)
def test_arguments_reach_both_players(make_recipe, system):
    recipe = make_recipe(system, rate=0.125, beta1=0.25, noise_dim=9, batch_size=3, average=0.5, critic_steps=7)
    turns, average = recipe.players()
    asked = inspect.signature(SYSTEMS[system]).parameters
    for turn in turns:
        if turn.name not in ("discriminator", "generator"):
            continue
        (group,) = turn.optimizer.param_groups
        own_rate = turn.name == "discriminator" and "discriminator_rate" in asked
        assert group["lr"] == (asked["discriminator_rate"].default if own_rate else 0.125)
        if "beta1" in asked:
            assert group["betas"] == (0.25, PAPERS[system].optimizers[0].betas[1])
    assert turns[1].every == (7 if "critic_steps" in asked else 1)
    clouds = asked["condition_dim"].default if "condition_dim" in asked else 0
    assert (recipe.generator.noise_shape, recipe.batch_size, average.decay) == ((9 + clouds,), 3, 0.5)
    wide = make_recipe(system, base_channels=16), make_recipe(system, discriminator_channels=16)
    sizes = [[sum(p.numel() for p in m.parameters()) for m in (r.generator, r.discriminator)] for r in (recipe, *wide)]
    assert sizes[1][0] > sizes[0][0]
    assert sizes[1][1] == sizes[0][1]
    assert sizes[2][1] > sizes[0][1]


def test_penalties_and_clipping_are_as_strong_as_asked(make_recipe):
    assert make_recipe("wgan_gp", penalty=3.0).discriminator_terms == {"gradient_penalty": GradientPenalty(3.0)}
    assert make_recipe("df_gan").discriminator_terms == {"matching_aware": MatchingAwarePenalty(2, 6, 0.25, every=4)}
    papers = make_recipe("df_gan", penalty=1.0, penalty_sentence=1.0, penalty_every=1).discriminator_terms
    assert papers["matching_aware"] == MatchingAwarePenalty(1.0, 6)
    assert make_recipe("unconditional_wgan", clip=0.5).after_discriminator == ClipWeights(0.5)
    assert make_recipe("df_gan", discriminator_rate=0.5).discriminator_optimizer.rate == 0.5


@pytest.mark.parametrize("penalty", [GradientPenalty(), MatchingAwarePenalty(), R1()])
def test_a_critic_that_mixes_examples_is_refused_under_a_penalty(make_recipe, penalty):
    recipe = make_recipe("gan_cls")
    with pytest.raises(
        ValueError, match=r"'slope' measures .* 'see.3' of the discriminator mixes .* take its batch norm"
    ):
        replace(recipe, discriminator_terms={"slope": penalty})
    plain = replace(recipe, discriminator=make_recipe("wgan").discriminator, discriminator_terms={"slope": penalty})
    assert plain.discriminator_terms == {"slope": penalty}
    plain.discriminator.see[1].mixes_examples = True  # how a module that is no batch normalisation says so
    with pytest.raises(ValueError, match=r"'see.1' of the discriminator"):
        replace(plain)


def test_a_lazy_penalty_is_there_only_on_its_steps_and_watches_only_them(make_recipe, make_batch):
    recipe = make_recipe("df_gan", penalty_every=3)
    turns, average = recipe.players()
    trainer, seen = Trainer(turns, recipe.prepare(0), state={"average": average}), []
    for step in range(5):
        round, losses = trainer.learn(make_batch(step))
        seen.append(("discriminator/matching_aware" in losses, round.watched))
    assert seen == [(True, True), (False, False), (False, False), (True, True), (False, False)]


@pytest.mark.parametrize("system", ["unconditional_wgan", "wgan"])
def test_clipped_weights_stay_in_their_box(make_recipe, make_batch, system):
    recipe = make_recipe(system, clip=0.02, rate=0.1)
    turns, average = recipe.players()
    trainer = Trainer(turns, recipe.prepare(0), state={"average": average})
    for step in range(2):
        trainer.learn(make_batch(step))
        weights = torch.cat([parameter.detach().flatten() for parameter in recipe.discriminator.parameters()])
        assert weights.abs().max() == pytest.approx(0.02)
    assert max(parameter.abs().max() for parameter in recipe.generator.parameters()) > 0.1


@pytest.mark.parametrize("system", REEDS)
def test_rates_of_both_players_halve(make_recipe, make_batch, system):
    recipe = make_recipe(system, halve_every=2, rate=0.5)
    turns, average = recipe.players()
    trainer, rates = Trainer(turns, recipe.prepare(0), state={"average": average}), []
    for step in range(5):
        trainer.learn(make_batch(step))
        rates.append([turn.optimizer.param_groups[0]["lr"] for turn in turns])
    assert rates == [[0.5, 0.5], [0.5, 0.5], [0.25, 0.25], [0.25, 0.25], [0.125, 0.125]]


def test_a_critic_that_learns_more_often_sees_pictures_without_history(make_recipe, make_batch):
    recipe = replace(make_recipe("gan_cls"), critic_steps=3)
    turns, average = recipe.players()
    trainer = Trainer(turns, recipe.prepare(0), state={"average": average})
    learned, history = [], []
    for step in range(5):
        round, losses = trainer.learn(make_batch(step))
        learned.append("generator/fool" in losses)
        history.append(round.fake.images[-1].requires_grad)
    assert learned == history == [True, False, False, True, False]
    assert average.count == 2


def test_the_port_smooths_the_label_of_real_pairs(make_recipe):
    for recipe, label in [
        (make_recipe("dcgan_cls"), 0.9),
        (make_recipe("dcgan_cls", real_label=0.6), 0.6),
        (make_recipe("gan_cls"), 1.0),
    ]:
        logit = torch.tensor([2.0])
        expected = math.log1p(math.exp(-2)) * label + math.log1p(math.exp(2)) * (1 - label)
        assert recipe.adversarial.real(logit).item() == pytest.approx(expected)


def test_a_term_without_weight_is_left_out(make_recipe):
    assert list(make_recipe("dcgan_cls").generator_terms) == ["features", "pixels"]
    assert list(make_recipe("dcgan_cls", feature_weight=0).generator_terms) == ["pixels"]
    assert list(make_recipe("dcgan_cls", pixel_weight=0).generator_terms) == ["features"]


def test_term_weights_scale_their_terms(make_recipe, make_batch):
    def terms(**weights):
        recipe = make_recipe("dcgan_cls", **weights)
        return recipe.fool(recipe.prepare(0)(make_batch(), 0, frozenset({"generator"})))

    default, light = terms(), terms(feature_weight=1.0, pixel_weight=5.0)
    assert default["features"].item() == pytest.approx(100 * light["features"].item(), rel=1e-5)
    assert default["pixels"].item() == pytest.approx(10 * light["pixels"].item(), rel=1e-5)
    assert default["fool"].item() == pytest.approx(light["fool"].item())


def test_a_batch_of_one_has_no_midpoint(make_recipe, make_batch):
    recipe = make_recipe("gan_int")
    recipe.discriminator.eval()  # else the sentence's batch normalisation refuses first
    round = recipe.prepare(0)(make_batch(count=1), 0, frozenset({"generator"}))
    with pytest.raises(ValueError, match="use 2 or more"):
        recipe.fool(round)

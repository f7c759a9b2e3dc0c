"""What every system promises, whatever it is made of: a new line in SYSTEMS is held to all of this."""

import inspect
import itertools

import pytest
import torch

from t2i_utils.interfaces import Text, draw_noise
from t2i_utils.objectives.round import is_due
from t2i_utils.recipes import SYSTEMS
from t2i_utils.training import checkpoints
from t2i_utils.training.budget import Budget

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.parametrize("system", SYSTEMS)]

# generator, discriminator: trainable parameters at the defaults; Reed's and the port's are those of their authors' code
COUNTS = {
    "vanilla_gan": (3_576_704, 2_765_568),
    "gan": (18_905_472, 4_030_080),
    "gan_cls": (18_905_472, 4_030_080),
    "gan_int": (18_905_472, 4_030_080),
    "gan_int_cls": (18_905_472, 4_030_080),
    "dcgan_cls": (4_756_736, 2_899_072),
    "gan_cls_modern": (18_905_472, 4_030_080),
    "unconditional_wgan": (3_576_704, 2_764_736),
    "wgan": (18_905_472, 3_224_128),
    "unconditional_wgan_gp": (3_576_704, 2_764_736),
    "wgan_gp": (18_905_472, 3_224_128),
    "fashion_wgan_gp": (902_082, 4_305_409),
    "wgan_cls": (22_592_081, 26_045_952),
    "ca_gan": (14_978_880, 3_192_961),
    "df_gan": (4_868_867, 3_440_964),
}
LOSSES = {
    "vanilla_gan": {"discriminator/real", "discriminator/painted", "generator/fool"},
    "gan": {"discriminator/real", "discriminator/painted", "generator/fool"},
}
LOSSES["gan_cls"] = LOSSES["gan"] | {"discriminator/swapped"}
LOSSES["gan_int"] = LOSSES["gan"] | {"generator/interpolated"}
LOSSES["gan_int_cls"] = LOSSES["gan_cls"] | {"generator/interpolated"}
LOSSES["dcgan_cls"] = LOSSES["gan_cls"] | {"generator/features", "generator/pixels"}
LOSSES["gan_cls_modern"] = LOSSES["gan_cls"]
LOSSES["unconditional_wgan"], LOSSES["wgan"] = LOSSES["gan"], LOSSES["gan_cls"]
LOSSES["unconditional_wgan_gp"] = LOSSES["gan"] | {"discriminator/gradient_penalty"}
LOSSES["wgan_gp"] = LOSSES["gan_cls"] | {"discriminator/gradient_penalty"}
LOSSES["wgan_cls"] = LOSSES["gan_cls"] | {"discriminator/one_sided", "generator/condition", "balance/apart"}
LOSSES["ca_gan"] = LOSSES["gan_cls"]
LOSSES["df_gan"] = LOSSES["gan_cls"] | {"discriminator/matching_aware"}
LOSSES["fashion_wgan_gp"] = LOSSES["unconditional_wgan_gp"]
BLIND = {"vanilla_gan", "unconditional_wgan", "unconditional_wgan_gp", "fashion_wgan_gp"}


def make_trainer(recipe, half=None, seed=0):
    return recipe.trainer(seed, half=half)[0]


def take_steps(trainer, make_batch, generator_steps=3):
    """Learn until the generator had so many turns: gates and affines that begin at 0 are open by then."""
    for step in range((generator_steps - 1) * trainer.turns[1].every + 1):
        trainer.learn(make_batch(step))


def paint(recipe, count=8, seed=0, text_seed=0):
    noise = draw_noise(recipe.generator.noise_shape, count, torch.Generator().manual_seed(seed))
    sentence = torch.randn(count, 12, generator=torch.Generator().manual_seed(text_seed))
    return recipe.generator(noise, Text(sentence))


def snapshot(module):
    return {name: parameter.detach().clone() for name, parameter in module.named_parameters()}


def moved(module, before):
    return {name for name, parameter in module.named_parameters() if not torch.equal(parameter, before[name])}


def unequal(one, other, path=""):
    """Places in which two nested states differ, bit by bit."""
    if isinstance(one, dict) and isinstance(other, dict):
        missing = [f"{path}.{name}" for name in one.keys() ^ other.keys()]
        return missing + [
            place for n in one.keys() & other.keys() for place in unequal(one[n], other[n], f"{path}.{n}")
        ]
    if isinstance(one, list | tuple):
        pairs = enumerate(itertools.zip_longest(one, other))
        return [place for index, (a, b) in pairs for place in unequal(a, b, f"{path}[{index}]")]
    if isinstance(one, torch.Tensor):
        return [] if one.dtype is other.dtype and torch.equal(one, other) else [path]
    return [] if one == other else [path]


def test_parameter_counts_at_the_defaults(system):
    with torch.device("meta"):
        recipe = SYSTEMS[system]()
    players = (recipe.generator, recipe.discriminator)
    assert tuple(sum(p.numel() for p in player.parameters()) for player in players) == COUNTS[system]


@pytest.mark.parametrize(("image_size", "channels"), [(16, 3), (32, 3), (28, 1)])
def test_pictures_have_their_shape_and_range(make_recipe, system, image_size, channels):
    (images,) = paint(make_recipe(system, image_size=image_size, channels=channels)).images
    assert images.shape == (8, channels, image_size, image_size)
    assert images.dtype is torch.float32
    assert images.abs().max() <= 1
    assert images.std() > 0


@pytest.mark.parametrize(("image_size", "channels"), [(16, 3), (28, 1)])
def test_scores_are_one_logit_a_picture(make_recipe, make_batch, system, image_size, channels):
    recipe = make_recipe(system, image_size=image_size, channels=channels)
    batch = make_batch(image_size=image_size, channels=channels)
    scores = recipe.discriminator.score(recipe.discriminator.features((batch.images,)), batch.text)
    assert [score.logits.shape for score in scores] == [(8,)]
    assert [score.sees_text for score in scores] == [system not in BLIND]


def test_the_caption_changes_the_picture_and_its_score(make_recipe, make_batch, system):
    recipe, batch = make_recipe(system), make_batch()
    take_steps(make_trainer(recipe), make_batch)  # DF-GAN's affines begin as the identity, deaf to any caption
    recipe.generator.eval()
    recipe.discriminator.eval()
    pictures, others = (paint(recipe, text_seed=seed).images[-1] for seed in (0, 1))
    assert torch.equal(pictures, others) == (system in BLIND)
    assert not torch.equal(pictures, paint(recipe, seed=1).images[-1])
    features = recipe.discriminator.features((batch.images,))
    own, wrong = (recipe.discriminator.score(features, t)[0] for t in (batch.text, batch.text.take(batch.swap)))
    assert torch.equal(own.logits, wrong.logits) == (system in BLIND)


def test_losses_are_named_and_finite(make_recipe, make_batch, system):
    recipe = make_recipe(system)
    trainer = make_trainer(recipe)
    for step in range(2):
        _, losses = trainer.learn(make_batch(step))
        due = {turn.name for turn in trainer.turns if turn.due(step)}
        resting = {
            f"discriminator/{name}" for name, term in recipe.discriminator_terms.items() if not is_due(term, step)
        }
        assert set(losses) == {name for name in LOSSES[system] if name.partition("/")[0] in due} - resting
        assert all(value.ndim == 0 and torch.isfinite(value) for value in losses.values())


def test_every_weight_of_both_players_and_of_the_average_moves(make_recipe, make_batch, system):
    recipe = make_recipe(system)
    trainer = make_trainer(recipe)
    modules = [recipe.generator, recipe.discriminator, trainer.state["average"].module]
    before = [snapshot(module) for module in modules]
    take_steps(trainer, make_batch)
    for module, old in zip(modules, before, strict=True):
        weights = {name for name, parameter in module.named_parameters() if parameter.ndim > 1}
        assert weights <= moved(module, old)


def test_what_is_frozen_stays(make_recipe, make_batch, system):
    recipe = make_recipe(system)
    frozen = [next(player.parameters()) for player in (recipe.generator, recipe.discriminator)]
    for parameter in frozen:
        parameter.requires_grad_(False)
    trainer = make_trainer(recipe)
    before = [parameter.clone() for parameter in frozen]
    players = [snapshot(player) for player in (recipe.generator, recipe.discriminator)]
    for step in range(2):
        trainer.learn(make_batch(step))
    assert all(torch.equal(old, now) for old, now in zip(before, frozen, strict=True))
    assert not any(parameter.requires_grad for parameter in frozen)
    assert all(moved(p, old) for p, old in zip((recipe.generator, recipe.discriminator), players, strict=True))


def test_the_players_can_be_asked_for_again_after_training(make_recipe, make_batch, system):
    recipe = make_recipe(system)
    make_trainer(recipe).learn(make_batch())
    before = snapshot(recipe.discriminator)
    make_trainer(recipe).learn(make_batch())
    assert moved(recipe.discriminator, before)


def test_no_tensor_has_two_names(make_recipe, system):
    """A tensor shared by both players, or by a player and the average, would learn twice and be saved twice."""
    trainer = make_trainer(make_recipe(system))
    modules = [turn.module for turn in trainer.turns] + list(trainer.state.values())
    places = [t.data_ptr() for module in modules for t in (*module.parameters(), *module.buffers())]
    assert len(places) == len(set(places))
    names = [name for module in modules for name in module.state_dict()]
    assert len(names) == len(places)


def test_the_same_seed_makes_the_same_run_and_another_does_not(make_recipe, make_batch, system):
    def weights(noise_seed):
        trainer = make_trainer(make_recipe(system), seed=noise_seed)
        for step in range(2):
            trainer.learn(make_batch(step))
        return trainer.state_dict()["turns"]

    assert unequal(weights(0), weights(0)) == []
    assert unequal(weights(0), weights(1))


HALVES = [None, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("half", HALVES, ids=["float32", "bf16", "fp16"])
def test_a_resumed_run_is_bitwise_the_one_that_never_stopped(make_recipe, make_batch, system, half, tmp_path):
    def stream(start):
        return (make_batch(seed) for seed in itertools.count(start))

    straight = make_trainer(make_recipe(system), half)
    straight.run(stream, Budget(steps=4))
    expected = straight.state_dict()

    stopped = make_trainer(make_recipe(system), half)
    stopped.run(stream, Budget(steps=2))
    checkpoints.save(tmp_path, stopped.state_dict(), {})
    middle = checkpoints.load(checkpoints.newest(tmp_path).path)
    assert unequal(stopped.state_dict(), middle) == []
    assert len(unequal(expected, middle)) > 20  # two steps more change almost everything

    resumed = make_trainer(make_recipe(system, seed=99), half)
    resumed.load_state_dict(middle)
    torch.rand(3)  # a session that goes on has drawn other numbers before
    resumed.run(stream, Budget(steps=4))
    assert unequal(expected, resumed.state_dict()) == []


def test_every_argument_has_a_default_and_a_type(system):
    for name, parameter in inspect.signature(SYSTEMS[system]).parameters.items():
        assert parameter.default is not inspect.Parameter.empty, name
        assert parameter.annotation in ("int", "float"), name

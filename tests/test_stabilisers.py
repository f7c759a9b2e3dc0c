"""Every stabiliser joins every system or says why not; what joins trains, resumes bitwise and bears half precision."""

import inspect
import itertools

import pytest
import torch
from conftest import TINY
from test_systems import unequal
from torch import nn

from t2i_utils import publish
from t2i_utils.__main__ import main
from t2i_utils.gallery import open_painter
from t2i_utils.models.minibatch import MinibatchDiscrimination
from t2i_utils.models.spectral_norm import SpectralNorm
from t2i_utils.objectives.adversarial import BCE, WASSERSTEIN
from t2i_utils.objectives.penalties import R1
from t2i_utils.recipes import SYSTEMS
from t2i_utils.recipes.arguments import STABILISED, build_recipe
from t2i_utils.recipes.stabilisers import STABILISERS, complete_stabilisers, read_stabilisers
from t2i_utils.training import checkpoints
from t2i_utils.training.budget import Budget
from t2i_utils.training.optimizers import SGD
from t2i_utils.training.wide_sums import sums_of_a_gpu

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {"minibatch_discrimination": {"kernels": 4, "length": 3}, "experience_replay": {"size": 16}}
SMALL |= {"virtual_batch_norm": {"reference": 4}, "rate_decay": {"steps": 100}, "lazy_r1": {"every": 2}}
SMALL |= {"adaptive_augmentation": {"pictures": 64}, "instance_noise": {"steps": 100}}

# Why a stabiliser does not join a system, as its error says
BATCH_NORM_IS_MISSING = "no batch normalisation|without batch normalisation"
MIXES = "mixes the examples of a batch"
REFUSED = {
    "gan_cls": {"lazy_r1": MIXES},
    "df_gan": {
        "layer_norm": BATCH_NORM_IS_MISSING,
        "virtual_batch_norm": BATCH_NORM_IS_MISSING,
        "standing_statistics": BATCH_NORM_IS_MISSING,
        "joint_batches": BATCH_NORM_IS_MISSING,
        "minibatch_discrimination": MIXES,
        "label_smoothing": "no labels",
        "noisy_labels": "no labels",
    },
    "wgan": {
        "layer_norm": BATCH_NORM_IS_MISSING,
        "joint_batches": BATCH_NORM_IS_MISSING,
        "spectral_norm": "divides out again",
        "label_smoothing": "no labels",
        "noisy_labels": "no labels",
        "flipped_labels": "linear in what it says",
        "adaptive_augmentation": "0 divides nothing",
    },
    "dcgan_cls": {"feature_matching": "already", "lazy_r1": MIXES},
    "ca_gan": {"lazy_r1": MIXES, "diff_augment": "already", "adaptive_augmentation": "already"},
}

# Two that each join gan_cls, and not both
AT_ODDS = {
    ("virtual_batch_norm", "standing_statistics"),
    ("layer_norm", "joint_batches"),
    ("spectral_norm", "joint_batches"),
    ("minibatch_discrimination", "joint_batches"),
    ("label_smoothing", "noisy_labels"),
    ("diff_augment", "adaptive_augmentation"),
}


def told(part):
    return part if isinstance(part, str) else "+".join(part)


JOINING = [
    *((system, (name,)) for system in ("gan_cls", "df_gan") for name in STABILISERS if name not in REFUSED[system]),
    ("gan_cls", ("layer_norm", "lazy_r1")),
    ("gan_cls", ("spectral_norm", "two_rates", "diff_augment", "experience_replay")),
    ("gan_cls", ("dropout_generator", "virtual_batch_norm")),
    ("vanilla_gan", ("virtual_batch_norm", "experience_replay", "joint_batches")),
    ("wgan_gp", ("historical_averaging", "instance_noise")),
]


def arguments(system, *names):
    known = inspect.signature(SYSTEMS[system]).parameters
    chosen = {name: SMALL.get(name, {}) for name in names}
    return {name: value for name, value in TINY.items() if name in known} | {STABILISED: chosen}


def joined(system, names, seed=0):
    torch.manual_seed(0)  # dropout and noise of labels draw from the global state, which checkpoints hold
    return build_recipe(system, arguments(system, *names), seed)


@pytest.mark.parametrize("name", STABILISERS)
@pytest.mark.parametrize("system", REFUSED)
def test_what_does_not_fit_is_refused_with_its_reason_and_all_else_takes_a_step(system, name, make_batch):
    if name not in REFUSED[system]:
        joined(system, [name]).trainer(0)[0].learn(make_batch(0))
        return
    with pytest.raises(ValueError, match=f"{name} does not join this recipe: .*({REFUSED[system][name]})"):
        joined(system, [name])


@pytest.mark.parametrize("first", STABILISERS)
def test_two_of_them_take_a_step_together_or_are_refused(first, make_batch):
    for other in list(STABILISERS)[list(STABILISERS).index(first) + 1 :]:
        slopes = "lazy_r1" in (first, other) and not {first, other} & {"layer_norm", "spectral_norm"}
        if slopes or (first, other) in AT_ODDS:
            with pytest.raises(ValueError, match=f"{first}|{other}"):
                joined("gan_cls", [first, other])
        else:
            joined("gan_cls", [first, other]).trainer(0)[0].learn(make_batch(0))


@pytest.fixture
def sums_as_on_a_gpu(half):
    """fp16 convolves in a fifth of the time that it takes a CPU."""
    with sums_of_a_gpu(half, torch.device("cpu")):
        yield


@pytest.mark.parametrize(
    ("system", "names"), JOINING, ids=lambda part: part if isinstance(part, str) else "+".join(part)
)
@pytest.mark.parametrize("half", [None, torch.bfloat16, torch.float16], ids=["float32", "bf16", "fp16"])
@pytest.mark.usefixtures("sums_as_on_a_gpu")
def test_what_joins_trains_and_resumes_bitwise(system, names, half, make_batch, tmp_path):
    def stream(start):
        return (make_batch(seed) for seed in itertools.count(start))

    straight = joined(system, names).trainer(0, half=half)[0]
    before = {name: parameter.clone() for name, parameter in straight.turns[1].module.named_parameters()}
    straight.run(stream, Budget(steps=6))
    expected = straight.state_dict()
    assert not straight.guard.skipped
    if half is None:
        still = [n for n, p in straight.turns[1].module.named_parameters() if p.ndim > 1 and torch.equal(p, before[n])]
        assert still == []

    stopped = joined(system, names).trainer(0, half=half)[0]
    stopped.run(stream, Budget(steps=3))
    checkpoints.save(tmp_path, stopped.state_dict(), {})
    resumed = joined(system, names, seed=99).trainer(0, half=half)[0]
    resumed.load_state_dict(checkpoints.load(checkpoints.newest(tmp_path).path))
    resumed.run(stream, Budget(steps=6))
    assert unequal(expected, resumed.state_dict()) == []


@pytest.mark.parametrize(
    ("system", "names"), JOINING, ids=lambda part: part if isinstance(part, str) else "+".join(part)
)
def test_what_joins_changes_the_training(system, names, make_batch):
    def trained(*chosen):
        trainer = joined(system, chosen).trainer(0)[0]
        for step in range(6):
            trainer.learn(make_batch(step))
        return trainer.turns[0].module.state_dict(), trainer.state_dict()["state"]["average"]

    plain, changed = trained(), trained(*names)
    if names == ("two_rates",) and system == "df_gan":
        assert unequal(plain, changed) == [], "its own two rates stand as four to one"
    elif names == ("standing_statistics",):
        assert unequal(plain[0], changed[0]) == [], "only what paints is another"
        others = {path.rpartition(".")[2] for path in unequal(plain[1], changed[1])}
        assert {"running_mean", "running_var"} <= others <= {"running_mean", "running_var", "num_batches_tracked"}
    else:
        assert unequal(plain[0], changed[0])


def test_a_skipped_step_is_not_remembered(make_batch):
    from dataclasses import replace

    trainer = joined("gan_cls", ("experience_replay", "historical_averaging", "adaptive_augmentation")).trainer(0)[0]
    trainer.learn(make_batch(0))
    kept = {name: {k: v.clone() for k, v in module.state_dict().items()} for name, module in trainer.state.items()}
    bad = make_batch(1)
    trainer.learn(replace(bad, images=torch.full_like(bad.images, torch.nan)))
    assert trainer.guard.skipped
    del kept["average"]  # the generator's own turn was finite
    assert unequal(kept, {name: trainer.state[name].state_dict() for name in kept}) == []


# What each choice is


def test_each_part_stands_where_its_name_says():
    spectral = joined("gan_cls", ["spectral_norm"])
    assert any(isinstance(part, SpectralNorm) for part in spectral.discriminator.modules())
    assert not any(isinstance(part, nn.BatchNorm2d) for part in spectral.discriminator.modules())
    assert not any(isinstance(part, SpectralNorm) for part in spectral.generator.modules())
    painter = joined("gan_cls", ["spectral_norm_generator"]).generator
    assert any(isinstance(part, SpectralNorm) for part in painter.modules())
    assert any(isinstance(part, nn.BatchNorm2d) for part in painter.modules())
    assert isinstance(joined("gan_cls", ["minibatch_discrimination"]).discriminator, MinibatchDiscrimination)
    assert joined("gan_cls", ["sgd_discriminator"]).discriminator_optimizer == SGD(0.01, 0.5)
    assert joined("df_gan", ["lazy_r1"]).discriminator_terms["r1"] == R1(10.0, 2)


def test_two_rates_and_decay_by_hand():
    recipe = joined("gan_cls", ["two_rates", "rate_decay"])
    assert recipe.discriminator_optimizer.rate == 4 * recipe.generator_optimizer.rate
    assert [recipe.schedule(step) for step in (0, 50, 100, 500)] == [1, 0.5, 0, 0]
    halved = build_recipe("gan_cls", arguments("gan_cls", "rate_decay") | {"halve_every": 50})
    assert [halved.schedule(step) for step in (0, 49, 50)] == [1, pytest.approx(0.51), 0.25]


def test_smoothed_labels_are_the_games_and_nothing_else_changes():
    plain, smooth = joined("gan_cls", []), joined("gan_cls", ["label_smoothing"])
    logits = torch.linspace(-2, 2, 5)
    labels = torch.full_like(logits, 0.9)
    expected = nn.functional.binary_cross_entropy_with_logits(logits, labels)
    torch.testing.assert_close(smooth.adversarial.real(logits), expected)
    assert smooth.adversarial.fake(logits) == plain.adversarial.fake(logits)
    assert (smooth.pairs, smooth.generator_optimizer) == (plain.pairs, plain.generator_optimizer)


def test_one_batch_of_real_and_painted_pictures_is_normalised_together(make_batch):
    recipe = joined("gan_cls", ["joint_batches"])
    sizes = []
    norm = next(part for part in recipe.discriminator.see if isinstance(part, nn.BatchNorm2d))
    norm.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))
    round = recipe.prepare(0)(make_batch(), 0, frozenset({"discriminator", "generator"}))
    losses = recipe.judge(round)
    assert sizes == [16]
    assert losses.keys() == {"real", "painted", "swapped"}
    both = torch.cat([round.batch.images, round.fake.images[-1].detach()])
    features = recipe.discriminator.see(both)
    torch.testing.assert_close(round.real_features[-1], features[:8])
    torch.testing.assert_close(round.together[-1][8:], features[8:])
    recipe.fool(round)
    assert sizes[2:] == [8], "the generator's own turn shows painted pictures alone, as usual code does"


def test_a_replayed_picture_is_judged_beside_its_own_caption(make_batch, diarists):
    from t2i_utils.objectives.replay import Replay
    from t2i_utils.objectives.round import paint_round

    replay = Replay((3, 16, 16), 12, size=8)
    for step in range(2):
        round = paint_round(*diarists, make_batch(step), step, 0, with_history=False, replay=replay)
        assert len(round.painted) == 1
        replay.see(round)
        replay.keep()
    _, discriminator = diarists
    seen, told = discriminator.seen[-1], discriminator.scored[-1].sentence
    first = make_batch(0).text.sentence
    assert all((row == first).all(dim=1).any() for row in told[4:])
    assert torch.equal(told[:4], make_batch(1).text.sentence[:4])
    assert len(seen) == 8


# Names and values


def test_stabilisers_are_applied_in_the_tables_order_whatever_was_asked():
    asked = {"lazy_r1": {"every": 2}, "layer_norm": {}}
    assert list(complete_stabilisers(asked)) == ["layer_norm", "lazy_r1"]
    assert complete_stabilisers(asked)["lazy_r1"] == {"weight": 10.0, "every": 2}
    assert joined("gan_cls", ("lazy_r1", "layer_norm")).discriminator_terms["r1"].every == 2


def test_a_command_line_names_them():
    told = read_stabilisers(["spectral_norm", "instance_noise:strength=0.2,steps=500"])
    assert told == {"spectral_norm": {}, "instance_noise": {"strength": 0.2, "steps": 500}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("spectral_nrom", "no stabiliser 'spectral_nrom'; choose among layer_norm"),
        ("two_rates:faktor=2", "two_rates has no argument faktor; it has factor"),
        ("joint_batches:x=1", "joint_batches has no argument x; it has none"),
        ("two_rates:factor=two", "factor is 'two'; it needs a number"),
        ("instance_noise:steps=1.5", "steps is '1.5'; it needs a whole number"),
    ],
)
def test_a_mistake_is_named(text, said):
    with pytest.raises(ValueError, match=said):
        read_stabilisers([text])


def test_two_choices_of_labels_are_refused():
    with pytest.raises(ValueError, match="both choose the labels"):
        joined("gan_cls", ["label_smoothing", "noisy_labels"])


def test_two_augmentations_and_a_negative_rate_are_refused():
    with pytest.raises(ValueError, match="changed already"):
        joined("gan_cls", ["diff_augment", "adaptive_augmentation"])
    with pytest.raises(ValueError, match=r"at -1\.0 times"):
        build_recipe("gan_cls", arguments("gan_cls") | {STABILISED: {"two_rates": {"factor": -1.0}}})
    with pytest.raises(ValueError, match="among them"):
        joined("gan_cls", ["minibatch_discrimination", "joint_batches"])


@pytest.mark.parametrize("name", STABILISERS)
def test_every_stabiliser_says_what_it_does_and_its_arguments_have_types(name):
    function = STABILISERS[name]
    assert len(function.__doc__.splitlines()[0]) > 20
    for key, parameter in list(inspect.signature(function).parameters.items())[1:]:
        assert parameter.annotation in ("int", "float"), key
        assert f"        {key}: " in function.__doc__


def test_the_games_know_what_may_be_done_to_them():
    assert (BCE.labels, BCE.divides, WASSERSTEIN.labels, WASSERSTEIN.divides) == (True, True, False, False)


# A run with them


CHANGING_PAINTERS = {"dropout_generator": {}, "spectral_norm_generator": {}, "virtual_batch_norm": {"reference": 4}}


def test_a_run_keeps_them_and_goes_on_with_no_others(open_small_run, tmp_path):
    run = open_small_run(tmp_path / "run", stabilisers={"instance_noise": {"steps": 50}})
    run.train(steps=2, progress=False)
    told = checkpoints.newest(tmp_path / "run" / "checkpoints").facts["run"]["arguments"]
    assert told[STABILISED] == {"instance_noise": {"strength": 0.1, "steps": 50}}
    assert open_small_run(tmp_path / "run", stabilisers={"instance_noise": {"steps": 50}}).trainer.step == 2
    with pytest.raises(ValueError, match=r"instance_noise.steps: 50 -> 60"):
        open_small_run(tmp_path / "run", stabilisers={"instance_noise": {"steps": 60}})
    with pytest.raises(ValueError, match="stabilisers"):
        open_small_run(tmp_path / "run")


@pytest.mark.parametrize("chosen", [CHANGING_PAINTERS, {"standing_statistics": {}}], ids=["changed", "standing"])
def test_painters_with_changed_generators_open_and_pack(
    chosen, open_small_run, embedded_file, reader, tmp_path, monkeypatch
):
    run = open_small_run(tmp_path / "run", stabilisers=chosen)
    run.train(steps=3, progress=False)
    captions = ["a red flower", "six pointed blue petals in front of soil"]
    expected = run.painter().paint(captions, 3)
    assert torch.equal(open_painter(tmp_path / "run").paint(captions, 3), expected)
    monkeypatch.setattr(publish, "ready_reader", lambda size, folder: reader)
    publish.publish(tmp_path / "run", embedded_file, tmp_path / "packed", "3 steps of nothing at all")
    packed = open_painter(tmp_path / "packed").paint(captions, 3)
    assert (packed.float() - expected.float()).abs().mean() < 2


def test_a_spectral_generators_average_is_normalised_too(open_small_run, tmp_path):
    run = open_small_run(tmp_path / "run", stabilisers={"spectral_norm_generator": {}})
    run.train(steps=12, progress=False)
    for layer in run.average.module.modules():
        if isinstance(layer, nn.Linear):
            assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("bad", ["two_rates", ["two_rates"], {"two_rates": None}])
def test_what_is_no_choice_of_stabilisers_is_refused(bad):
    with pytest.raises(ValueError, match="give names with their arguments"):
        build_recipe("gan_cls", {STABILISED: bad})


def test_the_command_line_trains_with_them_and_lists_them(embedded_file, tmp_path, capsys):
    small = ["--base-channels", "8", "--discriminator-channels", "8", "--batch-size", "8", "--steps", "1"]
    command = ["train", "gan_cls", "--data", str(embedded_file), "--encoder", "small", "--out", str(tmp_path / "run")]
    assert main([*command, *small, "--with", "layer_norm", "--with", "lazy_r1:every=2"]) == 0
    told = checkpoints.newest(tmp_path / "run" / "checkpoints").facts["run"]["arguments"]
    assert told[STABILISED] == {"layer_norm": {}, "lazy_r1": {"weight": 10.0, "every": 2}}
    capsys.readouterr()
    assert main([*command, *small, "--with", "lazy_r1"]) == 2
    assert "lazy_r1 does not join this recipe" in capsys.readouterr().err
    assert main(["stabilisers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0].partition(":")[0] for line in lines] == list(STABILISERS)
    assert "instance_noise:strength=0.1,steps=10000" in lines[list(STABILISERS).index("instance_noise")]

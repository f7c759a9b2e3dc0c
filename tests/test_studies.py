"""Studies in miniature: they run, and they measure what they say."""

import shutil

import h5py
import pytest
import torch
from torch.utils._python_dispatch import _get_current_dispatch_mode

from t2i_utils.data.split import read_split
from t2i_utils.data.synthetic import ATTRIBUTES
from t2i_utils.metrics.intervals import Interval
from t2i_utils.recipes import SYSTEMS
from t2i_utils.studies import (
    attempts,
    by_time,
    cures,
    encoders,
    false_negatives,
    hacks,
    modern,
    precision,
    reading,
    rows,
    summit,
    tables,
    trained,
    tune,
    tune_axes,
    tune_tables,
)
from t2i_utils.training.wide_sums import WideSums

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


def test_sentences_say_everything_and_a_change_is_one_attribute():
    labels = {name: torch.arange(6) % len(values) for name, values in ATTRIBUTES.items()}
    said = summit.sentences(labels)
    torch.testing.assert_close(said.norm(dim=1), torch.full((6,), summit.LENGTH))
    for name in ATTRIBUTES:
        other = summit.change(labels, name, torch.Generator().manual_seed(0))
        assert (other[name] != labels[name]).all()
        assert all(torch.equal(other[same], labels[same]) for same in ATTRIBUTES if same != name)
        apart = (summit.sentences(other) - said).norm(dim=1)
        torch.testing.assert_close(apart, torch.full((6,), summit.LENGTH * (2 / 5) ** 0.5))


def test_a_discriminator_that_knows_tells_all_apart_and_one_that_knows_nothing_does_not():
    images, labels = summit.renderings(50, seed=3)
    truth = summit.sentences(labels)

    class Knows:
        def features(self, images):
            return (truth,)

        def score(self, features, text):
            from t2i_utils.interfaces import Score

            return [Score((features[0] * text.sentence).sum(1), True)]

    told = summit.told_apart(Knows(), images, labels)
    assert {share for share, _ in told.values()} == {1.0}
    assert [by for _, by in told.values()] == pytest.approx([summit.LENGTH**2 / 5] * 5, rel=1e-5)
    shares = summit.train(2.0, 1.0, steps=1, pictures=400)
    assert shares.keys() == ATTRIBUTES.keys()
    assert all(0.2 < share < 0.8 and abs(by) < 0.1 for share, by in shares.values())


def test_without_the_penalty_colours_are_told_apart_within_a_hundred_steps():
    shares = summit.train(0.0, 0.0, steps=100, pictures=600)
    assert shares["background"][0] > 0.8


@pytest.fixture
def quick_reader(monkeypatch, reader):
    monkeypatch.setattr(by_time, "ready_reader", lambda size, folder: reader)


@pytest.mark.usefixtures("quick_reader")
def test_every_copy_of_a_run_is_measured_and_drawn(open_small_run, embedded_file, tmp_path, capsys):
    run, copies = open_small_run(tmp_path / "run"), []
    for steps in (1, 2):
        run.train(steps=steps, progress=False)
        copies.append(str(shutil.copytree(run.folder, tmp_path / f"after_{steps}")))
    out = tmp_path / "curve.png"
    few = ["--captions", "6", "--diverse", "2"]
    by_time.main([*reversed(copies), "--data", str(embedded_file), "--out", str(out), *few])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["step 1", "step 2"]
    assert "6 captions of held-out classes" in lines[2]
    assert out.stat().st_size > 5000


# Precision


@pytest.mark.parametrize("half", ["fp16", "bf16"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_survives_half_precision_for_some_steps(system, half):
    """`python -m t2i_utils study precision survive` does the same for 2,000 steps."""
    end = precision.survive(system, precision.PRECISIONS[half], 12, torch.device("cpu"))
    assert (end.steps, end.skipped, end.broken) == (12, 0, [])


def test_a_weight_that_is_not_finite_is_found_wherever_it_is(monkeypatch, capsys):
    state = {"module": {"a": torch.ones(2), "b": torch.tensor([1.0, torch.nan])}, "moments": [torch.tensor(torch.inf)]}
    assert trained.broken(state, "it") == ["it/module/b", "it/moments/0"]
    assert trained.broken({"steps": torch.tensor(3), "rate": 0.1, "name": "x"}) == []
    monkeypatch.setattr(precision, "survive", lambda *_: trained.Survival(3, 0.1, 1, 2, ["it/module/b"]))
    assert precision.main(["survive", "--steps", "3", "--systems", "gan"]) == 1
    assert "NOT FINITE: it/module/b" in capsys.readouterr().out


def of_accuracy(share, captions=40, noise=0.0, seed=0):
    """A result whose captions are right so often; every second caption does not state the attribute."""
    rng = torch.Generator().manual_seed(seed)
    right = torch.full((captions,), share, dtype=torch.float64) + noise * torch.randn(captions, generator=rng)
    right[::2] = torch.nan
    return precision.Result(trained.Survival(5, 0.01, 0, 0), 12.0, {"petal_color": right})


def test_a_difference_is_paired_and_its_interval_over_seeds_and_captions():
    full = [of_accuracy(0.8, noise=0.3, seed=seed).right["petal_color"] for seed in range(3)]
    same = precision.difference([part - 0.02 for part in full], full)
    assert (same.mean, same.low, same.high) == pytest.approx((-0.02, -0.02, -0.02))
    assert same.count == 20
    other = precision.difference([of_accuracy(0.8, noise=0.3, seed=9).right["petal_color"]] * 3, full)
    assert other.low < other.mean < other.high


@pytest.mark.parametrize(("half", "fine"), [(0.80, True), (0.76, True), (0.70, False)])
def test_half_precision_may_cost_three_points_and_no_more(half, fine):
    results = {"float32": [of_accuracy(0.78)] * 3, "bf16": [of_accuracy(half)] * 3}
    told, good = precision.tell("gan_cls", results)
    assert good is fine
    assert f"petal_color {half - 0.78:+.3f}" in told
    assert told.count(f"(seeds {' '.join([f'{half:.3f}'] * 3)})") == 1, "each seed's own share, beside the mean change"
    assert precision.tell("gan_cls", {"float32": [of_accuracy(0.5)], "bf16": [of_accuracy(0.1)]})[1], "not learnt"


def test_the_control_is_shown_and_judges_nothing():
    results = {"float32": [of_accuracy(0.78)] * 3, "nudged": [of_accuracy(0.70)] * 3}
    told, good = precision.tell("gan_cls", results)
    assert good
    assert "petal_color -0.080" in told


@pytest.mark.parametrize(("half", "fine"), [(0.72, True), (0.70, False)])
def test_beside_the_control_halves_are_compared_with_the_mean_of_both_trainings(half, fine):
    results = {"float32": [of_accuracy(0.78)] * 3, "nudged": [of_accuracy(0.70)] * 3, "fp16": [of_accuracy(half)] * 3}
    told, good = precision.tell("gan_cls", results)
    assert good is fine
    assert f"petal_color {half - 0.74:+.3f}" in told


def test_the_control_begins_a_last_bit_away_and_is_float32_otherwise(embedded_file, monkeypatch, reader):
    begun = {}

    def watched(recipe, batches, device, half, *arguments):
        begun[half, len(begun)] = [weight.detach().clone() for weight in recipe.discriminator.parameters()]
        begun[half, len(begun) - 1] += [weight.detach().clone() for weight in recipe.generator.parameters()]
        return train(recipe, batches, device, half, *arguments)

    train = precision.train
    monkeypatch.setattr(reading, "ready_reader", lambda size, folder: reader)
    monkeypatch.setattr(precision, "train", watched)
    widths = {"base_channels": 8, "discriminator_channels": 8, "batch_size": 8}
    for named in ("float32", "nudged"):
        precision.perform(precision.Task("gan", widths, embedded_file, "small", named, 0, 1, captions=2, noises=1))
    assert list(begun) == [(None, 0), (None, 1)]
    for weight, nudged in zip(*begun.values(), strict=True):
        assert torch.equal(weight != nudged, weight != 0)
        torch.testing.assert_close(nudged, weight, rtol=2.5e-7, atol=0)


def test_a_task_trains_paints_and_reads(embedded_file, monkeypatch, reader):
    monkeypatch.setattr(reading, "ready_reader", lambda size, folder: reader)
    widths = {"base_channels": 8, "discriminator_channels": 8, "batch_size": 8}
    task = precision.Task("gan_cls", widths, embedded_file, "small", "bf16", 0, steps=2, captions=6, noises=2)
    result = precision.perform(task)
    assert result.survival.steps == 2
    stated = ~result.right["petal_color"].isnan()
    assert stated.any()
    assert set(result.right["petal_color"][stated].tolist()) <= {0.0, 0.5, 1.0}


def test_trainings_that_are_done_are_not_done_again(embedded_file, monkeypatch, tmp_path, capsys):
    done, interrupts = [], [KeyboardInterrupt]

    def alone(task):
        if task.seed == 1 and task.precision == "bf16" and interrupts:
            raise interrupts.pop()
        done.append((task.precision, task.seed))
        return of_accuracy(0.78)

    monkeypatch.setattr(precision, "alone", alone)
    asked = ["compare", "--data", str(embedded_file), "--encoder", "small", "--out", str(tmp_path / "out")]
    asked += ["--systems", "gan_cls", "--precisions", "bf16", "--seeds", "2", "--steps", "3"]
    with pytest.raises(KeyboardInterrupt):
        precision.main(asked)
    before = list(done)
    assert before == [("float32", 0), ("float32", 1), ("bf16", 0)]
    assert precision.main(asked) == 0
    assert done == [*before, ("bf16", 1)]
    assert "petal_color +0.000 [+0.000, +0.000]" in capsys.readouterr().out, "what is kept is what was measured"
    assert precision.main([*asked, "--channels", "9"]) == 0
    assert len(done) == 8, "others than asked for are not taken"


def test_an_encoder_that_is_gone_is_said_before_the_first_training(embedded_file, monkeypatch, tmp_path):
    monkeypatch.setattr(precision, "alone", lambda task: pytest.fail("trained for nothing"))
    moved = shutil.copyfile(embedded_file, tmp_path / "moved.h5")
    with h5py.File(moved, "r+") as file:
        for group in file["embeddings"].values():
            group.attrs["where"] = str(tmp_path / "gone")
    with pytest.raises(ValueError, match="does not open"):
        precision.main(["compare", "--data", str(moved), "--encoder", "small", "--out", str(tmp_path / "out")])


@pytest.mark.parametrize(("named", "wide"), [("fp16", True), ("bf16", False), ("float32", False)])
def test_fp16_is_compared_with_sums_as_a_gpu_has_them(embedded_file, monkeypatch, reader, named, wide):
    modes = []

    def watched(*arguments):
        modes.append(isinstance(_get_current_dispatch_mode(), WideSums))
        return train(*arguments)

    train = precision.train
    monkeypatch.setattr(reading, "ready_reader", lambda size, folder: reader)
    monkeypatch.setattr(precision, "train", watched)
    widths = {"base_channels": 8, "discriminator_channels": 8, "batch_size": 8}
    task = precision.Task("gan_cls", widths, embedded_file, "small", named, 0, steps=1, captions=2, noises=1)
    assert precision.perform(task).survival.broken == []
    assert modes == [wide]


# Encoders


@pytest.fixture
def study(plain_file, small_encoder, reader, monkeypatch, tmp_path):
    monkeypatch.setattr(reading, "ready_reader", lambda size, folder: reader)
    monkeypatch.setattr(encoders, "TIMED", 70)
    monkeypatch.setattr(encoders, "QUICK", {"gan_cls": {"rate": 1e-3}})
    data = shutil.copyfile(plain_file, tmp_path / "flowers.h5")
    few = [
        "--steps",
        "2",
        "--channels",
        "8",
        "--seeds",
        "2",
        "--probe-steps",
        "2",
        "--pictures",
        "9",
        "--captions",
        "8",
    ]
    names = [small_encoder.name, f"{small_encoder.name}+tuned"]
    return ["--data", str(data), "--out", str(tmp_path / "out"), *few, "--tuned-epochs", "1", "--encoders", *names]


def test_encoders_are_compared_once_and_what_is_done_is_not_done_again(study, tmp_path, monkeypatch, capsys):
    died, paint = [], encoders.paint

    def dies(*given):
        if len(died) == 3:
            raise KeyboardInterrupt
        died.append(given)
        return paint(*given)

    with monkeypatch.context() as patch:
        patch.setattr(encoders, "paint", dies)
        with pytest.raises(KeyboardInterrupt):
            encoders.main(study)
    done = []
    monkeypatch.setattr(encoders, "paint", lambda *given: (done.append(given[2]), paint(*given))[1])
    for work in ("probe", "seconds_of"):
        monkeypatch.setattr(encoders, work, None)
    encoders.main(study)
    assert done == [1]  # the last seed of the last encoder
    encoders.main(study)
    assert done == [1]
    out = tmp_path / "out"
    rows = (out / "table.md").read_text().splitlines()
    assert len(rows) == 4
    assert rows[0].count("|") == rows[2].count("|") == 1 + 3 + 6 + 5 + 1
    assert capsys.readouterr().out.count(rows[2]) == 2
    assert len((out / "table.csv").read_text().splitlines()) == 1 + 2 * (6 + 5 + 1)
    assert (out / "figure.png").stat().st_size > 5000
    encoders.main([*study[:-3], *study[-3:], "--steps", "3"])  # another budget is another result
    assert done == [1, 0, 1, 0, 1]


def test_several_seeds_make_one_interval_over_captions_that_state_it():
    first, second = torch.tensor([0.0, 0.5, torch.nan]), torch.tensor([1.0, 0.5, torch.nan])
    found = reading.over_seeds([first, second])
    assert (found.mean, found.count) == (0.5, 2)
    assert found.low < 0.5 < found.high
    alike = reading.over_seeds([torch.full((4,), 0.7)] * 3)
    assert (alike.low, alike.high) == pytest.approx((0.7, 0.7))


# False negatives


def test_ways_of_marking_are_compared_on_held_out_classes(plain_file, capsys, monkeypatch, small_config):
    monkeypatch.setattr(false_negatives, "tiny_config", lambda size, width: small_config)
    few = ["--steps", "2", "--batch-size", "20", "--pictures", "10", "--seeds", "2"]
    false_negatives.main(["--data", str(plain_file), *few])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(false_negatives.WAYS)
    assert "| this picture | its class | petal color |" in lines[0]
    classes = len(set(read_split(plain_file, "train").classes.tolist()))
    sizes = [line.split(" | ")[1] for line in lines[2:]]
    assert sizes == ["20", "20", "20", str(min(20, classes))]
    assert all(line.count("|") == lines[0].count("|") for line in lines)


# Tables of attempts


@pytest.fixture
def asked(embedded_file, reader, monkeypatch, tmp_path):
    """The options of a study in miniature."""
    monkeypatch.setattr(reading, "ready_reader", lambda size, folder: reader)
    few = ["--steps", "2", "--channels", "8", "--seeds", "2", "--captions", "6", "--no-cost"]
    return ["--data", str(embedded_file), "--encoder", "small", "--out", str(tmp_path / "out"), *few]


def test_hacks_are_measured_once_and_what_does_not_fit_says_why(asked, tmp_path, monkeypatch, capsys):
    names = ["label_smoothing", "lazy_r1", "batch_size_8"]
    done, attempt = [], rows.attempt

    def dies(plan, line, seed, device):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append((line.name, seed))
        return attempt(plan, line, seed, device)

    with monkeypatch.context() as patch:
        patch.setattr(rows, "attempt", dies)
        with pytest.raises(KeyboardInterrupt):
            hacks.main([*asked, "--only", *names])
    again = []
    monkeypatch.setattr(rows, "attempt", lambda *given: (again.append((given[1].name, given[2])), attempt(*given))[1])
    hacks.main([*asked, "--only", *names])
    assert [*done, *again] == [
        (name, seed) for name in ("plain_gan_cls", "label_smoothing", "batch_size_8") for seed in (0, 1)
    ]
    levels, apart = ((tmp_path / "out" / "hacks.md").read_text().rstrip() + "\n").split("\n\n")
    told = levels.splitlines()[2:]
    assert [row.split(" | ")[0] for row in told] == [
        "| plain gan cls",
        "| label smoothing",
        "| lazy r1",
        "| batch size 8",
    ]
    assert [row.split(" | ")[0] for row in apart.splitlines()[2:]] == ["| label smoothing", "| batch size 8"]
    assert "mixes the examples of a batch" in told[2]
    assert [row.split(" | ")[-2] for row in (told[0], told[3])] == ["2", "8"], "as many pictures, in smaller batches"
    assert "6 held-out captions" in capsys.readouterr().out
    assert (tmp_path / "out" / "hacks.png").stat().st_size > 5000
    assert (tmp_path / "out" / "label_smoothing.png").is_file()
    sheet = (tmp_path / "out" / "hacks.csv").read_text().splitlines()
    assert len(sheet) == 1 + 3 * 6


def test_every_stabiliser_has_its_line_and_every_line_its_own_name():
    from t2i_utils.recipes.arguments import STABILISED
    from t2i_utils.recipes.stabilisers import STABILISERS

    found = hacks.lines("gan_cls", 100, 16)
    assert len({line.name for line in found}) == len(found)
    assert set(STABILISERS) <= {line.name for line in found}
    assert STABILISED not in found[0].arguments
    fades = {line.name: line.arguments.get(STABILISED, {}) for line in found}
    assert fades["rate_decay"] == {"rate_decay": {"steps": 100}}
    told = cures.lines(100, 16)
    assert len({line.name for line in told}) == len(told)
    assert {line.system for line in told} == {"ca_gan"}
    together = {key: value for change in cures.SUSPECTS.values() for key, value in change.items()}
    assert together.items() <= told[-1].arguments.items()


def test_a_run_that_paints_one_picture_or_gives_up_is_counted(embedded_file, tmp_path, monkeypatch):
    plan = attempts.Plan(embedded_file, "small", tmp_path, steps=2, seeds=3)
    line = attempts.Line("plain", "gan_cls", {"base_channels": 8, "discriminator_channels": 8})
    right = {"petal_color": [1.0, None, 0.5]}
    ends = [
        {"steps": 2, "right": right, "diversity": [0.9, 0.7]},
        {"steps": 2, "right": right, "diversity": [0.09, 0.01]},
        {"gave_up": "5 turns in a row were not finite"},
    ]
    monkeypatch.setattr(rows, "attempt", lambda plan, line, seed, device: ends[seed])
    row = rows.measure(plan, line, line, torch.device("cpu"))
    assert (row.collapsed, row.runs) == (2, 3)
    assert (row.scores["petal_color"].mean, row.scores["petal_color"].count) == (0.75, 2)
    assert row.scores["diversity"].mean == pytest.approx((0.8 + 0.05) / 2)


def test_a_line_is_compared_with_the_first_seed_by_seed_and_caption_by_caption():
    """Two seeds whose luck differs by far more than what the line changes: paired, the change is seen for sure."""
    first = [{"right": {"petal_color": [luck, None, luck]}, "diversity": [luck, luck]} for luck in (0.1, 0.8)]
    better = [
        {"right": {"petal_color": [luck + 0.1, None, luck + 0.1]}, "diversity": [luck, luck]} for luck in (0.1, 0.8)
    ]
    changes = rows.changes_from(first, better)
    assert (changes["petal_color"].mean, changes["petal_color"].low) == (pytest.approx(0.1), pytest.approx(0.1))
    assert (changes["diversity"].low, changes["diversity"].high) == (0, 0)
    told = tables.differences(
        [rows.Row("plain"), rows.Row("better_one", changes=changes)], ("petal_color", "diversity")
    )
    scores = {"petal_color": Interval(0.5, 0.4, 0.6, 3), "diversity": Interval(0.7, 0.6, 0.8, 3)}
    levels = tables.table([rows.Row("better_one", scores, changes)], ("petal_color", "diversity"))
    assert "| better one | **0.500 [0.400, 0.600]** | 0.700 [0.600, 0.800] |" in levels
    assert told.splitlines()[2:] == ["| better one | **+0.100 [+0.100, +0.100]** | +0.000 [+0.000, +0.000] |"]
    assert rows.changes_from(first, [better[0], {"gave_up": "why"}]) == {}


def test_what_a_step_costs_is_a_ratio_of_pictures(embedded_file, tmp_path):
    plan = attempts.Plan(embedded_file, "small", tmp_path)
    small = {"base_channels": 8, "discriminator_channels": 8, "batch_size": 8}
    plain = attempts.Line("plain", "gan_cls", small)
    wide = attempts.Line("wide", "gan_cls", small | {"base_channels": 64})
    cost = attempts.cost(plan, wide, plain, torch.device("cpu"), steps=2, rounds=3)
    assert cost["ratio"] > 1.2


def test_modern_lines_have_as_many_steps_as_fit_in_the_first_ones_time(asked, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(modern, "FIRST_ENCODER", "small")
    monkeypatch.setattr(rows, "cost", lambda plan, line, first, device: {"ratio": 2.0})
    asked[asked.index("--steps") + 1] = "4"
    asked.remove("--no-cost")
    assert modern.main([*asked, "--seeds", "1"]) == 0
    measured = [path.stat().st_mtime_ns for path in sorted((tmp_path / "out").glob("*.json"))]
    monkeypatch.setattr(rows, "cost", lambda plan, line, first, device: {"ratio": 4.0})
    assert modern.main([*asked, "--seeds", "1"]) == 0
    again = [path.stat().st_mtime_ns for path in sorted((tmp_path / "out").glob("*.json"))]
    assert again == measured, "neither a training nor what it costs is measured twice"
    told = (tmp_path / "out" / "modern.md").read_text().split("\n\n")[0].splitlines()[2:]
    assert [row.split(" | ")[0] for row in told] == ["| gan cls", "| the model of 2016", "| gan cls modern"]
    assert [row.split(" | ")[-2] for row in told] == ["4", "2", "2"]
    assert "as many as fit in their time" in capsys.readouterr().out
    plain, first, best = modern.lines(10, 8)
    assert (first.arguments["average"], first.encoder) == (0.0, "small")
    assert (plain.system, first.system, best.system) == ("gan_cls", "gan_cls", "gan_cls_modern")


def test_the_modern_system_is_made_of_what_it_says():
    from t2i_utils.models.noisy_dropout import DropoutGenerator
    from t2i_utils.objectives.augment import DiffAugment

    recipe = SYSTEMS["gan_cls_modern"](16, 12, 8, 8, dropout=0.5, augment=0.5)
    assert isinstance(recipe.generator, DropoutGenerator)
    assert recipe.generator.probability == 0.5
    assert recipe.augments == (DiffAugment(0.5),)
    assert recipe.standing is not None
    without = SYSTEMS["gan_cls_modern"](16, 12, 8, 8)
    assert without.augments == ()
    assert not isinstance(without.generator, DropoutGenerator)


# Search


def test_an_axis_is_read_as_the_system_has_its_arguments():
    assert tune_axes.read_axis("gan_cls", "rate=1e-4,3e-4") == tune_axes.Axis("rate", ("1e-4", "3e-4"))
    assert tune_axes.read_axis("gan_cls", "rate=1e-5..1e-3").between == (1e-5, 1e-3)
    assert tune_axes.check("gan_cls", "batch_size", "2e1") == 20
    with_them = tune_axes.read_axis("gan_cls", "with=none;instance_noise:strength=0.2,steps=5+two_rates")
    assert tune_axes.check("gan_cls", "with", with_them.values[1]) == {
        "instance_noise": {"strength": 0.2, "steps": 5},
        "two_rates": {},
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rate", "names no values"),
        ("rat=1", "no argument 'rat'; try base_channels"),
        ("image_size=32", "no argument 'image_size'"),
        ("batch_size=8.5", "it needs a whole number"),
        ("rate=quick", "it needs a number"),
        ("rate=1..0.1", "no range"),
        ("with=nonsense", "no stabiliser 'nonsense'"),
    ],
)
def test_an_axis_that_cannot_be_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        tune_axes.read_axis("gan_cls", text)


def test_a_grid_is_all_of_it_and_random_draws_are_different_and_of_their_seed():
    axes = [tune_axes.Axis("rate", ("1", "2", "3")), tune_axes.Axis("with", ("none", "layer_norm"))]
    grid = tune_axes.choices(axes)
    assert len(grid) == 6
    assert len({tuple(one.values()) for one in grid}) == 6
    drawn = tune_axes.choices(axes, draws=4)
    assert len({tuple(one.values()) for one in drawn}) == 4
    assert drawn == tune_axes.choices(axes, draws=4) != tune_axes.choices(axes, draws=4, seed=1)
    assert len(tune_axes.choices(axes, draws=50)) == 6, "there are no more"
    wide = tune_axes.choices([tune_axes.Axis("rate", between=(1e-5, 1e-3))], draws=300)
    values = [float(one["rate"]) for one in wide]
    assert min(values) >= 1e-5
    assert max(values) <= 1e-3
    assert 0.4 < sum(value < 1e-4 for value in values) / len(values) < 0.6, "evenly in the logarithm"


def test_grids_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="how many to draw"):
        tune_axes.choices([tune_axes.Axis("rate", between=(1, 2))])
    with pytest.raises(ValueError, match="twice"):
        tune_axes.choices([tune_axes.Axis("rate", ("1",)), tune_axes.Axis("rate", ("2",))])
    with pytest.raises(ValueError, match="makes 441 trainings"):
        tune_axes.choices([tune_axes.Axis(name, tuple("abcdefghijklmnopqrstu")) for name in ("rate", "beta1")])


def test_a_search_goes_on_and_ends_with_the_best_by_val_classes(embedded_file, reader, monkeypatch, tmp_path, capsys):
    from t2i_utils.__main__ import main

    monkeypatch.setattr(reading, "ready_reader", lambda size, folder: reader)
    seen, attempt = [], attempts.attempt

    def watched(plan, line, seed, device):
        assert (plan.split, plan.asked_for) == ("train", "val")
        seen.append(line.name)
        return attempt(plan, line, seed, device)

    monkeypatch.setattr(rows, "attempt", watched)
    out = tmp_path / "tune"
    command = ["tune", "gan_cls", "--data", str(embedded_file), "--encoder", "small", "--out", str(out), "--steps", "2"]
    command += ["--set", "base_channels=8", "--set", "discriminator_channels=8", "--captions", "6"]
    command += ["--try", "batch_size=4,8", "--try", "with=none,layer_norm+lazy_r1,lazy_r1"]
    assert main(command) == 0
    assert len(seen) == 4
    assert main(command) == 0
    assert len(seen) == 4, "nothing is done again"
    told = capsys.readouterr().out
    lines = (out / "tune.md").read_text().splitlines()[2:]
    assert len(lines) == 6
    scores = [float(row.split(" | ")[2].split(" ")[0]) for row in lines[:4]]
    assert scores == sorted(scores, reverse=True)
    assert all("mixes the examples" in row for row in lines[4:])
    batch_size, parts = lines[0].strip("| ").split(" | ")[:2]
    ask = "" if parts == "none" else " --with layer_norm --with lazy_r1"
    assert f"--base-channels 8 --discriminator-channels 8 --batch-size {batch_size}{ask} ..." in told
    assert (out / "tune.png").stat().st_size > 5000
    assert len((out / "tune.csv").read_text().splitlines()) == 7


def test_a_file_without_attributes_is_searched_by_its_pairs(tmp_path):
    runs = [{"score": -0.5}, {"score": -0.3}]
    found = tune.score_of(runs)
    assert (found.mean, found.low, found.high) == (-0.4, -0.5, -0.3)
    tried = [tune_tables.Tried({"rate": "1"}, found), tune_tables.Tried({"rate": "2"}, said="gave up")]
    assert tune_tables.best_first(tried[::-1]) == tried


def test_what_is_set_cannot_be_tried():
    from t2i_utils.__main__ import main

    given = ["--data", "x.h5", "--encoder", "small", "--out", "o", "--set", "rate=1", "--try", "rate=1,2"]
    assert main(["tune", "gan_cls", *given]) == 2

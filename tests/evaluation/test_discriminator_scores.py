"""What a run's discriminator believes of held-out pairs, from its checkpoint alone."""

import shutil
from itertools import islice

import pytest
import torch
from given import by_metric, painting

from t2i_utils.data.loader import Loader
from t2i_utils.evaluation.discriminator_scores import METRICS, discriminator_scores
from t2i_utils.evaluation.plan import Plan
from t2i_utils.evaluation.reference import look_at_real
from t2i_utils.gallery import open_painter
from t2i_utils.metrics.believed import pair_accuracies
from t2i_utils.metrics.directions import NEITHER, direction
from t2i_utils.training import checkpoints

pytest_plugins = ["small_data", "mixing"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def reference(embedded_file, eyes, small_reading, on_one_thread):
    with on_one_thread():
        return look_at_real(Plan(embedded_file, "test", pictures=23), eyes, 32)


def test_it_is_the_saved_discriminator_on_pairs_of_the_split(reference, trained_run, open_small_run, embedded_file):
    painter = open_painter(trained_run)
    source = painting(painter, reference)
    found = by_metric(discriminator_scores(source, trained_run, reference))
    run = open_small_run(trained_run)
    loader = Loader(embedded_file, "small", 8, seed=0, split="test", mirror=False)
    expected = pair_accuracies(run.average.module, run.recipe.discriminator, islice(loader.stream(), 2))
    assert set(found) == set(METRICS.values())
    for kind, metric in METRICS.items():
        record = found[metric]
        assert (record.value, record.low, record.high) == pytest.approx(
            (expected[kind].mean, expected[kind].low, expected[kind].high)
        )
        assert (record.count, record.protocol.real, record.protocol.split) == (16, 16, "test")
        assert (record.painter, record.checkpoint) == (source.name, source.checkpoint)
        assert direction(metric) == NEITHER
    assert "batches of 8" in record.protocol.choices


def test_the_data_file_need_not_hold_the_captions_vectors(reference, trained_run, plain_file, eyes, small_reading):
    plain = look_at_real(Plan(plain_file, "test", pictures=23), eyes, 32)
    source = painting(open_painter(trained_run), reference)
    with_them, without = (discriminator_scores(source, trained_run, one).records for one in (reference, plain))
    assert [one.value for one in with_them] == [one.value for one in without]


def test_a_critic_that_reads_no_captions_is_asked_otherwise(grey_file, eyes, open_small_run, tmp_path):
    run = open_small_run(tmp_path / "critic", "fashion_wgan_gp", grey_file, "none", channels=1, image_size=28)
    run.train(steps=1, progress=False)
    reference = look_at_real(Plan(grey_file, "all", pictures=40), eyes, 28)
    found = by_metric(discriminator_scores(painting(open_painter(run.folder), reference), run.folder, reference))
    assert set(found) == {METRICS["matched"], METRICS["painted"]}
    for record in found.values():
        assert "whose 0 means nothing" in record.protocol.choices
        assert record.count == 40


def test_nobody_elses_randomness_is_drawn_and_it_is_the_same_again(reference, trained_run):
    source = painting(open_painter(trained_run), reference)
    before = torch.get_rng_state()
    first = discriminator_scores(source, trained_run, reference).records
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    assert discriminator_scores(source, trained_run, reference).records == first


def test_a_checkpoint_that_does_not_fit_is_refused(reference, trained_run, tmp_path):
    source, broken = painting(open_painter(trained_run), reference), tmp_path / "run"
    shutil.copytree(trained_run, broken)
    checkpoint = checkpoints.newest(broken / "checkpoints")
    state = checkpoints.load(checkpoint.path)
    state["turns"]["discriminator"]["module"].popitem()
    checkpoints.save(broken / "checkpoints", state, checkpoint.facts)
    with pytest.raises(ValueError, match="does not fit gan_cls"):
        discriminator_scores(source, broken, reference)
    shutil.rmtree(broken / "checkpoints")
    with pytest.raises(FileNotFoundError, match="holds no whole checkpoint"):
        discriminator_scores(source, broken, reference)

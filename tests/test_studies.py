"""Studies in miniature: they run, and they measure what they say."""

import shutil

import pytest
import torch

from studies import by_time, summit
from t2i_utils.data.synthetic import ATTRIBUTES

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

"""A judge who had a part in the pictures is refused; the scores in closed form."""

import pytest
import torch

from t2i_utils.data.split import read_split
from t2i_utils.gallery import open_painter
from t2i_utils.metrics.judge import Judge, clip_score, family, r_precision
from t2i_utils.text.clip import new_clip
from t2i_utils.text.clip_opening import open_clip_encoder

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_encoder_that_conditions_a_painter_may_not_judge_it_whatever_it_is_called(trained_run, small_encoder):
    painter = open_painter(trained_run)
    with pytest.raises(ValueError, match=r"cannot judge these pictures: .*use another CLIP"):
        Judge(small_encoder, [painter.encoder])


def test_its_parents_and_children_may_not_either(small_config, tmp_path):
    parent, stranger = new_clip(small_config, "parent"), new_clip(small_config, "stranger", seed=1)
    child = new_clip(small_config, "child", seed=2)
    child.ancestors = (parent.fingerprint,)
    child.save(tmp_path / "child")
    child = open_clip_encoder(str(tmp_path / "child"))
    sister = new_clip(small_config, "sister", seed=3)
    sister.ancestors = (parent.fingerprint,)
    for judge, other in ((parent, child), (child, parent), (child, sister)):
        with pytest.raises(ValueError, match=f"fingerprint {parent.fingerprint[:12]}"):
            Judge(judge, [stranger, other])
    Judge(stranger, [parent, child, sister])


def test_what_was_packed_is_still_what_it_was_packed_from():
    assert len(family(open_painter("flowers").encoder)) == 2


def test_clip_scores_by_hand():
    images = torch.tensor([[1.0, 0], [0, 2], [3, 4], [1, 0]])
    sentences = torch.tensor([[5.0, 0], [0, -1], [1, 0], [0, 1]])
    assert clip_score(images, sentences).tolist() == pytest.approx([100, 0, 60, 0])


def test_r_precision_is_1_for_perfect_similarity_and_a_hundredth_for_noise():
    rng = torch.Generator().manual_seed(0)
    images, others = torch.randn(4000, 16, generator=rng), torch.randn(4000, 99, 16, generator=rng)
    assert r_precision(images, 3 * images, others).all()
    assert not r_precision(images, -images, others).any()
    noise = r_precision(images, torch.randn(4000, 16, generator=rng), others).double().mean()
    assert noise == pytest.approx(0.01, abs=0.006)


def test_equal_captions_are_no_hit():
    """A model that maps every caption to one vector must not look perfect."""
    images, same = torch.eye(3), torch.ones(3, 3)
    assert not r_precision(images, same, same[:, None].expand(3, 5, 3)).any()


def test_a_judge_reads_pictures_and_captions(plain_file, small_config):
    judge, pictures = Judge(new_clip(small_config), []), read_split(plain_file, "all")
    captions = pictures.captions[:10]
    assert torch.equal(judge.see(pictures.images[:10]), judge.encoder.encode_images(pictures.images[:10] / 127.5 - 1))
    assert torch.equal(judge.read(captions), judge.encoder.encode(captions).sentence)

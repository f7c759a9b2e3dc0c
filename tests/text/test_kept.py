"""A run keeps its encoder: it opens wherever the run was moved, and no other takes its place unseen."""

import json
import shutil

import pytest

from t2i_utils.text.clip import new_clip
from t2i_utils.text.clip_opening import open_clip_encoder
from t2i_utils.text.kept import ENCODER, RECORD, keep_encoder, kept_encoder, the_encoder

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

CAPTIONS = ["a red flower", "blue petals"]


@pytest.fixture
def run(small_encoder, tmp_path):
    """A run's folder that keeps the small encoder."""
    keep_encoder(tmp_path / "run", small_encoder.name, small_encoder.fingerprint)
    return tmp_path / "run"


@pytest.fixture
def other(small_config, tmp_path):
    """Another encoder, opened from its folder."""
    new_clip(small_config, seed=1).save(tmp_path / "other")
    return open_clip_encoder(str(tmp_path / "other"))


def test_what_was_kept_paints_the_same_wherever_it_was_moved(run, small_encoder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    moved = shutil.move(run, tmp_path / "elsewhere" / "run")
    opened = kept_encoder(moved)
    assert opened.name == str(moved / ENCODER)
    assert opened.fingerprint == small_encoder.fingerprint
    assert opened.encode(CAPTIONS).sentence.equal(small_encoder.encode(CAPTIONS).sentence)
    assert {path.name for path in moved.iterdir()} == {ENCODER, RECORD}


def test_keeping_twice_writes_once(run, small_encoder):
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    keep_encoder(run, small_encoder.name, small_encoder.fingerprint)
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_a_run_begun_anew_with_another_encoder_keeps_that_one(run, other):
    keep_encoder(run, other.name, other.fingerprint)
    assert kept_encoder(run).fingerprint == other.fingerprint


def test_an_encoder_by_tag_is_recorded_and_not_copied(run):
    keep_encoder(run, "ViT-B-32-quickgelu/openai", "0123456789")
    assert [path.name for path in run.iterdir()] == [RECORD]
    told = {"where": "ViT-B-32-quickgelu/openai", "fingerprint": "0123456789"}
    assert json.loads((run / RECORD).read_text()) == told


def test_an_encoder_that_is_not_where_it_was_is_missed_before_anything_is_trained(tmp_path):
    with pytest.raises(FileNotFoundError, match="embed the file again"):
        keep_encoder(tmp_path / "run", str(tmp_path / "gone"), "0123456789")
    assert not list(tmp_path.iterdir())


def test_another_encoder_in_its_place_is_refused_by_both_fingerprints(run, small_encoder, other):
    shutil.rmtree(run / ENCODER)
    shutil.copytree(other.name, run / ENCODER)
    with pytest.raises(ValueError, match="bring that encoder back") as refused:
        kept_encoder(run)
    assert small_encoder.fingerprint[:12] in str(refused.value)
    assert other.fingerprint[:12] in str(refused.value)


def test_a_folder_without_a_run_is_told_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no run.*--out"):
        kept_encoder(tmp_path)


def test_a_folder_that_holds_another_encoder_now_is_refused_before_anything_is_trained(small_encoder, other, tmp_path):
    with pytest.raises(ValueError, match=f"holds vectors of {small_encoder.fingerprint[:12]}.*bring that encoder back"):
        keep_encoder(tmp_path / "run", other.name, small_encoder.fingerprint)
    assert not list((tmp_path / "run").iterdir())


def test_a_run_on_shuffled_vectors_keeps_the_encoder_that_they_came_from(small_encoder, other, tmp_path):
    shuffled = f"shuffled-{small_encoder.fingerprint[:12]}-0"
    keep_encoder(tmp_path / "run", small_encoder.name, shuffled)
    assert (tmp_path / "run" / ENCODER).is_dir()
    with pytest.raises(ValueError, match="bring that encoder back"):
        keep_encoder(tmp_path / "another", other.name, shuffled)
    with pytest.raises(ValueError, match="was trained with vectors of shuffled"):
        kept_encoder(tmp_path / "run")


def test_a_file_that_was_moved_without_its_encoder_says_whose_is_missing():
    with pytest.raises(ValueError, match="bring that encoder back") as refused:
        the_encoder("flowers.tiny_clip-0123", "0123456789abcdef", "flowers.h5 holds vectors")
    for told in ("flowers.h5 holds vectors of the encoder flowers.tiny_clip-0123", "0123456789ab", "does not open"):
        assert told in str(refused.value)

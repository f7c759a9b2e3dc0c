"""Systems that nobody tells what to paint need no encoder; systems that are told need one."""

import pytest

from t2i_utils.recipes.arguments import complete
from t2i_utils.runs import open_run
from t2i_utils.text.encoders import open_encoder, opens_by_name
from t2i_utils.text.silent import SilentEncoder

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


def test_it_says_nothing_of_any_caption_but_refuses_what_is_none():
    encoder = open_encoder("none")
    assert isinstance(encoder, SilentEncoder)
    assert opens_by_name("none")
    assert encoder.encode(["a red flower", "another"]).sentence.shape == (2, 0)
    with pytest.raises(ValueError, match="is empty"):
        encoder.encode(["a red flower", "  "])


def test_a_system_that_is_told_nothing_trains_and_paints_without_vectors(plain_file, tmp_path):
    small = {"base_channels": 8, "discriminator_channels": 8, "batch_size": 8}
    run = open_run("vanilla_gan", plain_file, "none", tmp_path / "run", small)
    run.train(steps=2, progress=False)
    assert run.painter().paint(["anything at all"] * 3).shape[:2] == (3, 3)
    assert open_run("vanilla_gan", plain_file, "none", tmp_path / "run", small).trainer.step == 2


def test_a_system_that_is_told_a_caption_needs_an_encoder(plain_file):
    from t2i_utils.data.loader import Loader

    with pytest.raises(ValueError, match=r"gan_cls paints what captions say.*`embed`"):
        complete("gan_cls", {}, Loader(plain_file, batch_size=2))

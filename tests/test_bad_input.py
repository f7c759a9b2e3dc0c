"""What people get wrong: exit status 2, one line that names it, nothing half-written left and nothing lost."""

import hashlib
import pickle
import shutil

import h5py
import numpy as np
import pytest

from t2i_utils.__main__ import main
from t2i_utils.text.clip import WEIGHTS_FILE

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = ["--base-channels", "8", "--discriminator-channels", "8", "--batch-size", "8", "--rate", "0.02"]


def contents(folder):
    """Every path of a folder, files with their hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def place(embedded_file, trained_run, small_encoder, tmp_path, monkeypatch):
    """A folder with a file, a run and an encoder of one's own; commands run in it."""
    (tmp_path / "here").mkdir()
    shutil.copyfile(embedded_file, tmp_path / "here" / "flowers.h5")
    shutil.copytree(trained_run, tmp_path / "here" / "run")
    shutil.copytree(small_encoder.name, tmp_path / "here" / "clip")
    (tmp_path / "here" / "plain.txt").write_text("not what you are looking for")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "here"


@pytest.fixture
def refuse(place, capsys):
    """Run a command that must fail; returns what it said."""

    def run(*arguments):
        before = contents(place)
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
            lines = 1
        except SystemExit as stopped:  # argparse ends the process itself, after the usage
            status, lines = stopped.code, None
        said = capsys.readouterr()
        assert status == 2
        assert said.out == ""
        assert "Traceback" not in said.err
        if lines:
            assert said.err.count("\n") == lines, said.err
            assert said.err.startswith(f"t2i_utils {arguments[0]}: ")
        assert contents(place) == before
        return said.err.splitlines()[-1]

    return run


def train(*more, system="gan_cls", data="flowers.h5", encoder="small", out="new", budget=("--steps", "1"), small=SMALL):
    return ["train", system, "--data", data, "--encoder", encoder, "--out", out, *budget, *small, *more]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["synthetic_flower", "--out", "x.h5"], ["'synthetic_flower'", "synthetic_flowers, oxford_flowers"]),
        (["oxford_flowers", "--out", "x.h5"], ["--root DIR"]),
        (["oxford_flowers", "--root", "nowhere", "--out", "x.h5"], ["nowhere"]),
        (["oxford_flowers", "--root", "clip", "--out", "x.h5"], ["clip"]),
        (["synthetic_flowers", "--size", "15", "--limit", "9", "--out", "x.h5"], ["15", "16 to 1024"]),
        (["synthetic_flowers", "--limit", "0", "--out", "x.h5"], ["count=0"]),
        (["synthetic_flowers", "--limit", "9", "--classes", "green round", "--out", "x.h5"], ["'green round'"]),
        (["synthetic_flowers", "--limit", "9", "--out", "run"], ["run is a folder"]),
        (["synthetic_flowers", "--limit", "9", "--out", "plain.txt/x.h5"], ["plain.txt"]),
        (["synthetic_flowers", "--size", "large", "--out", "x.h5"], ["large"]),
        (["synthetic_flowers"], ["--out"]),
    ],
)
def test_build(refuse, arguments, words):
    said = refuse("build", *arguments)
    for word in words:
        assert word in said


@pytest.fixture
def odd(place):
    """Data sets that are wrong, each in its own way, and a pickle that makes a file if anybody opens it."""
    from PIL import Image

    for name, (row, _) in WRONG_LINES.items():
        folder = place / name
        folder.mkdir()
        Image.new("RGB", (8, 8)).save(folder / "rose.jpg")
        good = b'{"file": "rose.jpg", "captions": ["a rose"]}'
        (folder / "captions.jsonl").write_bytes(good + b"\n" + row)
    with h5py.File(place / "old.h5", "w") as file:
        for key in ("a_0", "a_1"):
            file[f"train/{key}/name"], file[f"train/{key}/class"] = "a", "daisy"
            file[f"train/{key}/img"] = np.void(b"jpeg")
        file["train/a_0/txt"] = "a daisy"
    wicked = pickle.dumps(Wicked(place / "ran"))
    shutil.copyfile(place / "old.h5", place / "wicked.h5")
    with h5py.File(place / "wicked.h5", "r+") as file:
        file["train/a_1/txt"] = np.void(wicked)
    (place / "birds" / "train").mkdir(parents=True)
    for name in ("captions.pickle", "train/filenames.pickle"):
        (place / "birds" / name).write_bytes(wicked)
    return place


class Wicked:
    """What makes a file as soon as it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


# a folder, the second line of its captions.jsonl, and what must be said of it
WRONG_LINES = {
    "missing": (b'{"file": "rse.jpg", "captions": ["a"]}', ["line 2", "'rse.jpg' is not there", "'rose.jpg' meant?"]),
    "key": (b'{"file": "rose.jpg", "caption": "a"}', ["line 2", "'caption'", "file, captions, class, split"]),
    "long": (b'{"file": "rose.jpg", "captions": ["%s"]}' % (b"a" * 2**20), ["line 2", "1,048,576 characters", "2,000"]),
    "bytes": (b'{"file": "rose.jpg", "captions": ["r\xf6se"]}', ["line 2", "is not UTF-8"]),
    "out": (b'{"file": "../plain.txt", "captions": ["a"]}', ["line 2", "lies outside"]),
}


@pytest.mark.parametrize(
    ("dataset", "root", "words"),
    [
        *(("folder", name, words) for name, (_, words) in WRONG_LINES.items()),
        ("folder", "clip", ["captions.jsonl is missing", '{"file": "rose.jpg", "captions": [']),
        ("folder", "birds", ["captions.jsonl is missing", "captions.pickle lies there, but a pickle runs"]),
        ("older_hdf5", "old.h5", ["old.h5: train/a_1 has no txt"]),
        ("older_hdf5", "wicked.h5", ["train/a_1/txt is a pickle", "runs whatever code"]),
        ("older_hdf5", "flowers.h5", ["built by t2i_utils already"]),
        ("older_hdf5", "plain.txt", ["no whole HDF5 file"]),
        ("older_hdf5", "birds/captions.pickle", ["captions.pickle is a pickle", "runs whatever code", "text files"]),
        ("cub_birds", "birds/train/filenames.pickle", ["filenames.pickle is a pickle", "text files"]),
        ("cub_birds", "birds", ["CUB_200_2011 is missing", "captions.pickle lies there", "text files"]),
        ("coco_captions", "clip", ["captions_train2014.json is missing"]),
    ],
)
def test_build_of_what_people_have(refuse, odd, dataset, root, words):
    said = refuse("build", dataset, "--root", root, "--out", "x.h5", "--size", "16")
    for word in words:
        assert word in said
    assert not (odd / "ran").exists()


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def alter(path):
    with h5py.File(path, "r+") as file:
        pixel = file["images"][3, 0, 0, 0]
        file["images"][3, 0, 0, 0] = pixel ^ 1


def alter_vectors(path):
    with h5py.File(path, "r+") as file:
        (group,) = file["embeddings"].values()
        group["sentence"][5, 0] += 1


def foreign(path):
    path.unlink()
    with h5py.File(path, "w") as file:
        file["train/flower_1/img"] = [1, 2, 3]  # how an older layout looked


def unfinished(path):
    with h5py.File(path, "r+") as file:
        del file["caption_offsets"]


BROKEN = {
    "missing": (lambda path: path.unlink(), "is not there"),
    "cut": (cut, "cut short"),
    "no-hdf5": (lambda path: path.write_text("hello"), "no HDF5 file"),
    "empty": (lambda path: path.write_bytes(b""), "no HDF5 file"),
    "foreign": (foreign, "not one that t2i_utils built"),
    "unfinished": (unfinished, "caption_offsets"),
    "altered": (alter, "altered"),
    "altered-vectors": (alter_vectors, "altered vectors"),
}


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (command, kind)
        for command in ("verify", "embed", "train")
        for kind in BROKEN
        if (command, kind) != ("embed", "altered-vectors")  # they are what it would replace
    ],
)
def test_a_file_that_is_not_whole(refuse, place, kind, command):
    damage, words = BROKEN[kind]
    damage(place / "flowers.h5")
    arguments = {"verify": ["flowers.h5"], "embed": ["flowers.h5", "--encoder", "clip"], "train": train()[1:]}
    said = refuse(command, *arguments[command])
    assert "flowers.h5" in said
    assert words in said
    assert "python -m t2i_utils" in said  # the way out


@pytest.mark.parametrize(
    ("encoder", "words"),
    [
        ("ViT-B-23/openai", ["'ViT-B-23/openai'", "ViT-B-32"]),
        ("ViT-B-32-quickgelu/opanai", ["'opanai'", "openai"]),
        ("nowhere", ["'nowhere'"]),
        ("local-dir:nowhere", ["nowhere", "open_clip_config.json is missing"]),
        ("run", ["run", "open_clip_config.json is missing"]),
    ],
)
def test_embed_with_an_encoder_that_does_not_open(refuse, encoder, words):
    said = refuse("embed", "flowers.h5", "--encoder", encoder)
    for word in words:
        assert word in said


def test_altered_vectors_are_written_again_as_verify_says(refuse, place, small_encoder):
    alter_vectors(place / "flowers.h5")
    said = refuse("verify", "flowers.h5")
    assert "embed flowers.h5 --encoder small" in said
    assert main(["embed", str(place / "flowers.h5"), "--encoder", str(place / "clip")]) == 0
    assert main(["verify", str(place / "flowers.h5")]) == 0


def test_embed_with_a_damaged_encoder_and_with_no_steps(refuse, place):
    for steps in ("0", "-1"):
        assert f"steps={steps}," in refuse("embed", "flowers.h5", "--encoder", "tiny_clip", "--steps", steps)
    cut(place / "clip" / WEIGHTS_FILE)
    assert "clip does not open as a CLIP" in refuse("embed", "flowers.h5", "--encoder", "clip")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (train("--batch-size", "1"), ["at least 2 captions", "got 1", "batch size of 2 or more"]),
        (train("--batch-size", "100000"), ["smaller batch size"]),
        (train("--batch-size", "eight"), ["eight"]),
        (
            train(encoder="tiny_clip"),
            ["tiny_clip", "small", "python -m t2i_utils embed flowers.h5 --encoder tiny_clip"],
        ),
        (train(budget=()), ["--steps", "--minutes", "required"]),
        (train(budget=("--steps", "1", "--minutes", "1")), ["--minutes", "not allowed with", "--steps"]),
        (train(budget=("--steps", "0")), ["steps=0", "above 0"]),
        (train(budget=("--minutes", "-1")), ["minutes=-1", "above 0"]),
        (train(budget=("--minutes", "nan")), ["minutes=nan", "above 0"]),
        (train(budget=("--steps", "many")), ["many"]),
        (train(system="gan_clss"), ["gan_clss", "gan_cls"]),
        (train("--petals", "5"), ["--petals"]),
        (train("--precision", "double"), ["double", "float32"]),
        (train("--precision", "fp16"), ["fp16 needs a GPU"]),
        (train("--rate", "-1"), ["-1"]),
        (train("--average", "1"), ["decay is 1.0"]),
        (train("--halve-every", "-2"), ["-2"]),
        (train("--seed", "-1"), ["seed is 0 or more"]),
        (train("--noise-dim", "-1"), ["noise_dim is -1"]),
        (train("--noise-dim", "0"), ["noise_dim is 0"]),
        (train("--base-channels", "0"), ["base_channels is 0"]),
        (train("--save-minutes", "0"), ["every 0.0 minutes"]),
        (train("--captions-per-visit", "0"), ["captions_per_visit"]),
        (train("--image-size", "64"), ["--image-size"]),
        (train(out="plain.txt"), ["plain.txt"]),
        (train(data="run"), ["run is a folder"]),
    ],
)
def test_train(refuse, arguments, words):
    if "fp16" in arguments:
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("here is a GPU")
    said = refuse(*arguments)
    for word in words:
        assert word in said


def test_train_in_the_folder_of_another_run(refuse):
    said = refuse(*train("--seed", "3", "--batch-size", "4", out="run", system="gan"))
    for difference in ("system: 'gan_cls' -> 'gan'", "seed: 0 -> 3", "arguments.batch_size: 8 -> 4", "another folder"):
        assert difference in said


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("x" * 10_000, "10,000 characters"),
        ("a red\0flower", "NUL"),
        ("\N{CHERRY BLOSSOM}", "no word"),
    ],
)
def test_sample_of_a_caption_that_says_nothing(refuse, caption, words):
    said = refuse("sample", "run", "--caption", "a red flower", "--caption", caption, "--count", "2", "--out", "x.png")
    assert words in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody", "--caption", "a flower", "--out", "x.png"], ["'nobody'", "workspace"]),
        (["clip", "--caption", "a flower", "--out", "x.png"], ["'clip'"]),
        (["run", "--caption", "a flower", "--out", "x.png", "--seed", "-1"], ["seed is -1"]),
        (["run", "--caption", "a flower", "--out", "x.png", "--count", "0"], ["--count is 0"]),
        (["run", "--caption", "a flower", "--out", "clip"], ["clip"]),
        (["run", "--caption", "a flower", "--out", "plain.txt/x.png"], ["plain.txt"]),
        (["run", "--out", "x.png"], ["--caption"]),
    ],
)
def test_sample(refuse, arguments, words):
    said = refuse("sample", *arguments)
    for word in words:
        assert word in said


def test_sample_with_another_encoder_in_the_run(refuse, place, small_config):
    from t2i_utils.text.clip import new_clip

    new_clip(small_config, seed=1).save(place / "run" / "encoder")
    said = refuse("sample", "run", "--caption", "a flower", "--out", "x.png")
    assert "was trained with vectors of" in said


def test_sample_without_a_whole_checkpoint(refuse, place):
    states = list((place / "run" / "checkpoints").glob("*.pt"))
    for state in states:
        cut(state)
    assert len(states) == 2  # of the first weights and of the last
    assert "no whole checkpoint" in refuse("sample", "run", "--caption", "a flower", "--out", "x.png")


def test_emoji_beside_words_are_painted(place, capsys):
    out = place / "x.png"
    assert (
        main(["sample", "run", "--caption", "a red flower \N{CHERRY BLOSSOM}", "--count", "1", "--out", str(out)]) == 0
    )
    assert out.is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nothing"], "COMMAND"),
        (["paint"], "choose from"),
        (["verify"], "required: file"),
        (["systems", "--yaml"], "--yaml"),
    ],
)
def test_what_is_no_command_is_told_which_are(refuse, arguments, words):
    assert words in refuse(*arguments)

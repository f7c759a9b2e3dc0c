"""The same work without a notebook: from nothing to a painted PNG, and every choice an option."""

import inspect
import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i_utils.__main__ import main
from t2i_utils.data.verify import verify
from t2i_utils.gallery import open_painter
from t2i_utils.playground.figures import grid
from t2i_utils.recipes import SYSTEMS
from t2i_utils.runs import Settings
from t2i_utils.training import checkpoints

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = ["--base-channels", "8", "--discriminator-channels", "8", "--batch-size", "8", "--rate", "0.02"]


@pytest.fixture(scope="module")
def worked(tmp_path_factory, on_one_thread):
    """A folder in which every command has done its work, with what was asked for and said."""
    folder = tmp_path_factory.mktemp("work")
    data, run = folder / "flowers.h5", folder / "run"
    train = ["train", "gan_cls", "--data", data, "--encoder", "tiny_clip", "--out", run, *SMALL, "--seed", 5]
    commands = {
        "build": ["build", "synthetic_flowers", "--size", 32, "--limit", 120, "--out", data],
        "embed": ["embed", data, "--encoder", "tiny_clip", "--steps", 2],
        "verify": ["verify", data],
        "train": [*train, "--steps", 2],
        "resume": [*train, "--minutes", 1e-6],
        "sample": [
            *("sample", run, "--caption", "a red flower", "--caption", "blue petals"),
            *("--count", 3, "--seed", 7, "--out", folder / "new" / "my.png"),
        ],
    }
    said = {}
    for name, arguments in commands.items():
        with on_one_thread(), pytest.MonkeyPatch.context() as patch:
            lines = []
            patch.setattr("builtins.print", lambda *parts, lines=lines, **_: lines.append(" ".join(map(str, parts))))
            assert main([str(argument) for argument in arguments]) == 0
        said[name] = "\n".join(lines)
    return folder, said


def test_build_reports_and_verify_finds_the_file_whole(worked):
    folder, said = worked
    assert "120 pictures" in said["build"]
    assert "1,200 captions" in said["build"]
    facts = verify(folder / "flowers.h5")
    assert facts.image_size == 32
    assert sum(facts.pictures.values()) == 120
    assert said["verify"] == str(facts)
    assert facts.fingerprint[:12] in said["build"]


def test_embed_trains_the_tiny_clip_beside_the_file(worked):
    folder, said = worked
    facts = verify(folder / "flowers.h5")
    (name, mark, text_dim), *others = facts.encoders
    assert (name, text_dim, others) == ("tiny_clip", 128, [])
    assert mark[:12] in said["embed"]
    encoder = f"flowers.tiny_clip-{facts.fingerprint[:8]}"  # of these very data: none outlives them
    assert {path.name for path in folder.iterdir()} == {"flowers.h5", encoder, "run", "new"}


def test_train_goes_on_with_a_run_that_lies_there(worked):
    folder, said = worked
    assert "from the beginning" in said["train"]
    assert "saved at step 2" in said["train"]
    assert "going on from step 2" in said["resume"]
    assert "saved at step 3" in said["resume"]
    assert "t2i_utils sample" in said["resume"]  # what to do next
    facts = checkpoints.newest(folder / "run" / "checkpoints").facts["run"]
    assert (facts["system"], facts["seed"], facts["arguments"]["rate"]) == ("gan_cls", 5, 0.02)


def test_sample_paints_a_row_for_each_caption(worked):
    folder, said = worked
    captions = ["a red flower"] * 3 + ["blue petals"] * 3
    expected = grid(open_painter(folder / "run").paint(captions, seed=7), columns=3)
    with Image.open(folder / "new" / "my.png") as opened:
        assert opened.size == (3 * 32 + 2 * 2, 2 * 32 + 2)
        assert np.array_equal(np.asarray(opened.convert("RGB")), np.asarray(expected))
    assert "6 pictures by gan_cls at step 3, seed 7" in said["sample"]


def test_systems_tell_their_exact_counts(capsys):
    assert main(["systems", "--json"]) == 0
    told = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(told) == set(SYSTEMS)
    for name in ("gan", "gan_cls", "gan_int", "gan_int_cls"):
        assert (told[name]["generator"], told[name]["discriminator"]) == (18_905_472, 4_030_080)
    assert (told["dcgan_cls"]["generator"], told["dcgan_cls"]["discriminator"]) == (4_756_736, 2_899_072)
    assert told["gan_cls"]["arguments"]["text_dim"] == 1024
    assert main(["systems"]) == 0
    table = capsys.readouterr().out
    assert "18,905,472" in table
    assert len(table.splitlines()) == len(SYSTEMS)


def helped(capsys, *arguments):
    """What `--help` says."""
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--help"])
    assert stopped.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_argument_of_a_recipe_is_an_option_with_its_default(system, capsys):
    told = helped(capsys, "train", system)
    parameters = inspect.signature(SYSTEMS[system]).parameters
    for name, parameter in parameters.items():
        option = rf"--{name.replace('_', '-')}\b"
        if name in ("image_size", "text_dim", "channels"):  # the data file says these
            assert not re.search(option, told)
        else:
            found = re.search(rf"\n  {option}.*?\(default\s+(\S+)\)", told, re.S)
            assert found, name
            assert float(found[1]) == parameter.default
    for field in fields(Settings):
        assert f"--{field.name.replace('_', '-')}" in told
    for option in ("--data", "--encoder", "--out", "--steps", "--minutes"):
        assert option in told
    assert SYSTEMS[system].__doc__.splitlines()[0][:30] in told


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ([], ["download", "build", "verify", "embed", "train", "sample", "painters", "systems"]),
        (["build"], ["synthetic_flowers", "oxford_flowers", "--root", "--size", "--limit", "--classes", "--out"]),
        (["download"], ["oxford_flowers", "cub_birds", "coco_captions", "fashion_mnist", "--root"]),
        (["verify"], ["file"]),
        (["embed"], ["--encoder", "tiny_clip", "MODEL/TAG"]),
        (["train"], list(SYSTEMS)),
        (["sample"], ["DIR_OR_NAME", "--caption", "--seed", "--count", "--out"]),
        (["systems"], ["--json"]),
    ],
)
def test_help_names_everything(command, words, capsys):
    told = helped(capsys, *command)
    for word in words:
        assert word in told


def test_it_runs_as_a_module_and_leaves_torch_alone_until_it_is_needed():
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-m", "t2i_utils", "--help"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "COMMAND" in done.stdout
    code = "import sys, t2i_utils.__main__ as m; m.make_parser(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


def test_a_users_mistake_is_one_line_of_the_process_too(tmp_path):
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-m", "t2i_utils", "verify", str(tmp_path / "nothing.h5")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("t2i_utils verify: ")
    assert "nothing.h5 is not there" in done.stderr

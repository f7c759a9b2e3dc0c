"""The same work without a notebook: from nothing to a painted PNG, and every choice an option."""

import inspect
import json
import re
import shutil
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
from t2i_utils.metrics.record import read_records, sheet
from t2i_utils.playground import render
from t2i_utils.playground.grids import grid
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
    expected = grid(open_painter(folder / "run").paint(captions, seed=7), columns=3, scale=5)
    with Image.open(folder / "new" / "my.png") as opened:
        assert opened.size == (3 * 160 + 2 * 2, 2 * 160 + 2)
        assert np.array_equal(np.asarray(opened.convert("RGB")), np.asarray(expected))
    assert "6 pictures by gan_cls at step 3, seed 7" in said["sample"]


def test_several_painters_paint_every_caption_a_named_row_each(trained_run, tmp_path, capsys):
    folders = [str(shutil.copytree(trained_run, tmp_path / name)) for name in ("one", "two")]
    out, captions = tmp_path / "both.png", ["a red flower", "blue petals"]
    asked = [part for caption in captions for part in ("--caption", caption)]
    assert main(["sample", *folders, *asked, "--count", "2", "--seed", "3", "--out", str(out)]) == 0
    assert "8 pictures by gan_cls at step 3, gan_cls at step 3, seed 3" in capsys.readouterr().out
    painted = open_painter(trained_run).paint([caption for caption in captions for _ in range(2)], seed=3).split(2)
    expected = [picture for row in painted for _ in folders for picture in row]
    labels = [label for _ in captions for folder in folders for label in (folder, "")]
    with Image.open(out) as opened:
        assert np.array_equal(np.asarray(opened.convert("RGB")), np.asarray(render.sheet(expected, labels, columns=2)))


@pytest.fixture
def evaluating(trained_run, embedded_file, reader, monkeypatch, tmp_path, capsys):
    """Evaluate on all 120 pictures, through the eyes of a reader of two seconds; returns (status, output, errors)."""
    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setattr("t2i_utils.metrics.extractors.ready_reader", lambda size, folder: reader)

    def run(*arguments):
        common = ["--data", embedded_file, "--split", "all", "--pictures", 40, "--out", tmp_path / "scores"]
        status = main([str(argument) for argument in ("evaluate", *common, *arguments)])
        return status, *capsys.readouterr()

    return run


def test_evaluate_writes_one_table_in_three_forms(evaluating, trained_run, tmp_path):
    status, said, _ = evaluating(trained_run, "--bracket")
    assert status == 0
    told = (tmp_path / "scores" / "scores.md").read_text()
    assert said == told + "\n"
    rows = [line.split(" | ")[0].removeprefix("| ") for line in told.splitlines() if line.startswith("| ")]
    assert rows == ["painter", "gan_cls at step 3", "real pictures", "noise"]
    records = read_records(tmp_path / "scores" / "scores.json")
    assert {record.painter for record in records} == set(rows[1:])
    assert (tmp_path / "scores" / "scores.csv").read_bytes() == sheet(records).encode()
    metrics = {record.protocol.metric for record in records if record.painter == rows[1]}
    assert {"KID", "IS", "coverage", "petal colour right", "diversity", "painted pairs seen through"} <= metrics
    assert "no FID (reader)" in told, "60 pictures are fewer than features"
    assert "no CLIP score" in told


def test_evaluate_scores_painters_and_folders_side_by_side(evaluating, trained_run, tmp_path):
    pictures = open_painter(trained_run).paint(["a red flower"] * 40)
    (tmp_path / "theirs").mkdir()
    for index, picture in enumerate(pictures):
        Image.fromarray(np.asarray(picture.permute(1, 2, 0))).save(tmp_path / "theirs" / f"{index}.png")
    status, told, _ = evaluating(trained_run, tmp_path / "theirs", "--fewer-than-features")
    assert status == 0
    assert "FID (reader), fewer pictures than features" in told
    assert "only a run's folder holds a discriminator" in told
    records = read_records(tmp_path / "scores" / "scores.json")
    theirs = {record.protocol.metric: record for record in records if record.painter == "theirs"}
    assert "petal colour right" not in theirs, "there is no captions.jsonl"
    assert theirs["KID"].protocol.painted == 40
    assert theirs["KID"].checkpoint


def test_evaluate_leaves_nothing_where_it_cannot_finish(evaluating, trained_run, small_encoder, tmp_path):
    (tmp_path / "empty").mkdir()
    for arguments, words in (
        ((trained_run, "--judge", small_encoder.name), "cannot judge these pictures"),
        ((trained_run, "--judge", "none"), "none sees no pictures"),
        ((trained_run, "flowers"), "several sizes do not compare (gan_cls at step 3: 32, flowers (gan_cls): 64 px)"),
        ((trained_run, tmp_path / "empty"), "holds 0 pictures"),
        ((tmp_path / "empty",), "give --size"),
        ((trained_run, "--pictures", 3), "pictures is 3; use 20 or more"),
        ((trained_run, "--features", "eyes"), "no extractor is called 'eyes'"),
        ((trained_run, "--truncation", 0), "truncation is 0.0"),
        (("nobody",), "no painter is called 'nobody'"),
    ):
        status, said, errors = evaluating(*arguments)
        assert (status, said) == (2, "")
        assert words in errors.splitlines()[-1]
        assert not (tmp_path / "scores").exists()
    (tmp_path / "scores").write_text("a file")
    assert "is a file; name a folder" in evaluating(trained_run)[2]


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
        ([], ["download", "build", "verify", "embed", "train", "evaluate", "sample", "painters", "systems"]),
        (["build"], ["synthetic_flowers", "oxford_flowers", "--root", "--size", "--limit", "--classes", "--out"]),
        (["download"], ["oxford_flowers", "cub_birds", "coco_captions", "fashion_mnist", "--root"]),
        (["verify"], ["file"]),
        (["embed"], ["--encoder", "tiny_clip", "flowers (the text tower", "sbert", "MODEL/TAG"]),
        (["train"], list(SYSTEMS)),
        (
            ["evaluate"],
            ["DIR_OR_NAME", "--data", "--features", "--judge", "--bracket", "--fewer-than-features", "--out"],
        ),
        (["sample"], ["DIR_OR_NAME", "--caption", "--seed", "--count", "--out"]),
        (["convert"], ["file", "--out"]),
        (["web"], ["--host", "--port", "--painters", "--service", "--share", "--auth", "--queue"]),
        (["systems"], ["--json"]),
    ],
)
def test_help_names_everything(command, words, capsys):
    told = helped(capsys, *command)
    for word in words:
        assert word in told


def test_no_page_is_shared_without_a_password(capsys):
    assert main(["web", "--share"]) == 2
    assert "ask for a password with --auth USER:FILE" in capsys.readouterr().err


def test_it_runs_as_a_module_and_leaves_torch_alone_until_it_is_needed():
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-m", "t2i_utils", "--help"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "COMMAND" in done.stdout
    code = "import sys, t2i_utils.__main__ as m; m.make_parser(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


def test_painting_imports_neither_matplotlib_nor_scipy(tmp_path):
    """They take long to import, and a picture needs neither."""
    paint = ["sample", "--caption", "a red flower", "--count", "1", "--out", str(tmp_path / "one.png")]
    code = f"import sys, t2i_utils.__main__ as m; m.main({paint}); print({{'matplotlib', 'scipy'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
    assert (tmp_path / "one.png").is_file()


def test_a_users_mistake_is_one_line_of_the_process_too(tmp_path):
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-m", "t2i_utils", "verify", str(tmp_path / "nothing.h5")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("t2i_utils verify: ")
    assert "nothing.h5 is not there" in done.stderr

"""Every system under the same budget: what a budget gives, what is kept, what the tables say."""

import csv

import pytest
from PIL import Image

from t2i_utils.__main__ import main
from t2i_utils.metrics.extractors import ReaderExtractor
from t2i_utils.studies import league, league_tables
from t2i_utils.studies.league_tables import PICTURES, TIME, Row
from t2i_utils.training.guard import DivergedError

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

SYSTEMS = ["gan_cls", "vanilla_gan"]


@pytest.fixture
def asked(embedded_file, reader, monkeypatch, tmp_path):
    """The options of a league in miniature: a step of gan_cls takes 10 ms, one of any other system 20."""
    monkeypatch.setattr(league, "open_extractor", lambda *_: ReaderExtractor(reader, 32))
    monkeypatch.setattr(league.League, "pace", lambda self: 0.01)
    monkeypatch.setattr(
        league, "cost", lambda plan, line, first, device: {"ratio": 1.0 if line.system == "gan_cls" else 2.0}
    )
    size = ["--seconds", "0.04", "--pictures", "96", "--seeds", "2", "--channels", "4", "--profile", "smoke"]
    where = ["--data", str(embedded_file), "--encoder", "small", "--out", str(tmp_path / "out"), "--split", "all"]
    return ["league", *where, *size, "--systems", *SYSTEMS]


def rows_of(text):
    return [line.split(" | ") for line in text.splitlines() if line.startswith("| ") and "system" not in line]


def test_both_budgets_are_what_they_say_and_what_is_done_stays_done(asked, tmp_path, monkeypatch, capsys):
    trained, train = [], league.train

    def counted(recipe, stream, device, half, budget, seed):
        trained.append((budget.steps, seed))
        if len(trained) == 6:
            raise KeyboardInterrupt
        return train(recipe, stream, device, half, budget, seed)

    monkeypatch.setattr(league, "train", counted)
    with pytest.raises(KeyboardInterrupt):
        league.run(options_of(asked))
    main(asked)
    by_time = [(4, 0), (4, 1), (2, 0), (2, 1)]
    by_pictures = [(3, 0), (3, 1), (3, 0), (3, 1)]
    assert trained == [*by_time, *by_pictures[:2], *by_pictures[1:]], "the interrupted one again, nothing else"
    trained.clear()
    main(asked)
    assert trained == []

    told = (tmp_path / "out" / "table.md").read_text()
    assert [(row[0], row[3]) for row in rows_of(told)] == [
        ("| gan_cls", "4"),
        ("| vanilla_gan", "2"),
        ("| *real pictures*", ""),
        ("| *noise*", ""),
        ("| gan_cls", "3"),
        ("| vanilla_gan", "3"),
        ("| *real pictures*", ""),
        ("| *noise*", ""),
    ]
    assert "At the same time" in told
    assert "At as many pictures seen" in told
    assert "KID (reader): extractor reader" in told, "the protocol stands below"
    sheet = list(csv.DictReader((tmp_path / "out" / "table.csv").open()))
    assert {row["seed"] for row in sheet if row["system"] == "gan_cls"} == {"0", "1"}
    assert (
        float(next(r for r in sheet if r["system"] == "real pictures" and r["metric"] == "recall (reader)")["value"])
        > 0.5
    )
    assert Image.open(tmp_path / "out" / "figure.png").width > 600


def options_of(asked):
    import argparse

    parser = argparse.ArgumentParser()
    league.add_arguments(parser)
    return parser.parse_args(asked[1:])


def test_a_run_that_gives_up_is_counted_and_the_others_speak_for_the_system(asked, tmp_path, monkeypatch):
    train = league.train

    def fails(recipe, stream, device, half, budget, seed):
        if seed == 1:
            raise DivergedError("three numbers in a row were not finite\nand more")
        return train(recipe, stream, device, half, budget, seed)

    monkeypatch.setattr(league, "train", fails)
    main([*asked[:-1], "--budgets", "pictures"])
    row = rows_of((tmp_path / "out" / "table.md").read_text())[0]
    assert int(row[-1].split()[0]) >= 1
    assert row[-1].endswith("of 2 |")


GONE = {"gave_up": "x", "steps": 9, "parameters": 1000}


def run(diversity, fid, milliseconds=1.0):
    scores = {"diversity": diversity, "FID": fid, "petal colour right": 0.5}
    told = ["FID (reader): extractor reader", "petal colour right (reader): extractor reader"]
    return {
        "steps": 9,
        "parameters": 1000,
        "seconds_a_picture": milliseconds / 1000,
        "scores": scores,
        "protocols": told,
    }


def test_a_row_counts_what_collapsed_and_takes_the_quickest_painting():
    row = Row(
        "gan", TIME, [run(0.05, 10.0, 3.0), run(0.9, 30.0, 2.0), {"gave_up": "x", "steps": 9, "parameters": 1000}]
    )
    assert row.collapsed == 2
    quicker = Row("gan", PICTURES, [run(0.9, 30.0, 1.5)])
    assert league_tables.milliseconds([row, quicker, Row("wgan", TIME, [GONE])]) == {"gan": pytest.approx(1.5)}
    assert league_tables.told(row.of("FID")) == "20 [10, 30]"
    told = league_tables.page([row], {"noise": {"FID": 99.0}}, "done")
    assert "| parameters | ms to paint a picture | steps |" in told, "no cost of training: that is in the steps"
    assert "| gan | 1,000 | 2.00 | 9 |" in told
    assert "| 2 of 3 |" in told
    assert "| *noise* |  |  |  |  |  | 99 |" in told


def test_every_table_says_whose_eyes_a_score_is_of():
    row = Row("gan", TIME, [run(0.9, 30.0)])
    assert "| petal colour right (reader) | background right | FID (reader) |" in league_tables.page([row], {}, "")
    told = league_tables.sheet([row], {"noise": {"FID": 99.0}})
    assert "FID (reader),30" in told
    assert ",noise,,,,,FID (reader),99" in told
    assert ",FID," not in told


def test_a_system_of_which_every_run_gave_up_says_so_and_is_not_drawn():
    gone = Row("gan", PICTURES, [GONE])
    assert "| gan | 1,000 |  | 9 | gave up |" in league_tables.page([gone], {}, "done")
    assert league_tables.draw([gone, Row("wgan", PICTURES, [run(1.0, 5.0)])]).width > 600
    assert "gan,0,9,1000,,gave up," in league_tables.sheet([gone], {})

"""A score is never alone, and two that were measured differently never stand in one column."""

from dataclasses import fields, replace

import pytest

from t2i_utils.metrics.intervals import Interval
from t2i_utils.metrics.record import (
    MixedProtocolsError,
    Protocol,
    Record,
    columns,
    read_records,
    sheet,
    table,
    write_records,
)

FID = Protocol("FID", "reader", "ab" * 32, "none", "cd" * 32, "test", 32, real=762, painted=1000, captions=1000, seed=3)
KID = replace(FID, metric="KID", choices="100 subsets of 500")


def record(painter="mine", protocol=FID, value=12.0, checkpoint="ef" * 32):
    return Record.of(painter, checkpoint, protocol, Interval(value, value - 1, value + 2, 10))


def test_a_table_has_a_row_a_painter_a_column_a_metric_and_every_protocol_below():
    told = table([record(), record("yours", value=9.5), record(protocol=KID, value=0.5)])
    assert told.splitlines()[0] == "| painter | FID (reader) | KID (reader) |"
    assert "| mine | 12 [11, 14] | 0.5 [-0.5, 2.5] |" in told
    assert "| yours | 9.5 [8.5, 11.5] |  |" in told
    for said in ("abababababab", "resize none", "real 762 (test of cdcdcdcdcdcd)", "painted 1,000 of 32 px", "seed 3"):
        assert said in told
    assert "KID (reader): " in told
    assert "100 subsets of 500" in told


OTHER = {int: 7, str: "other", bool: False, "float | None": 2.0}


@pytest.mark.parametrize("field", [field.name for field in fields(Protocol)])
def test_one_field_that_differs_is_enough_to_be_refused_or_to_get_a_column_of_its_own(field):
    value = getattr(FID, field)
    other = replace(FID, **{field: 2.0 if value is None else OTHER[type(value)]})
    pair = [record(), record("yours", other)]
    if field in ("metric", "extractor", "sound"):  # these are in the heading
        assert len(columns(pair)) == 2
        return
    with pytest.raises(MixedProtocolsError, match=f"FID \\(reader\\) of yours .*{field} is "):
        table(pair)


def test_a_number_for_comparison_with_papers_says_so_in_its_heading():
    assert replace(FID, sound=False).column == "FID (reader), fewer pictures than features"


def test_two_scores_of_one_painter_are_refused_and_two_checkpoints_of_one_name_are_two_rows():
    with pytest.raises(ValueError, match="mine has two scores called FID"):
        table([record(), record()])
    assert table([record(), record(checkpoint="00" * 32)]).count("| mine |") == 2


def test_records_come_back_from_their_file_as_they_were(tmp_path):
    records = [record(), record("yours", replace(KID, truncation=1.5))]
    write_records(tmp_path / "scores.json", records)
    assert read_records(tmp_path / "scores.json") == records


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"painter": "mine"}]', '{"a": {}}', "\x00"])
def test_a_file_of_something_else_is_refused(tmp_path, text):
    (tmp_path / "scores.json").write_text(text)
    with pytest.raises(ValueError, match="holds no scores"):
        read_records(tmp_path / "scores.json")


def test_a_sheet_has_every_field_of_every_record():
    lines = sheet([record(), record("yours")]).splitlines()
    assert len(lines) == 3
    assert all(field.name in lines[0].split(",") for field in fields(Protocol))
    assert lines[2].startswith("yours,")

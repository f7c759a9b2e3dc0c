"""As few tables as scores compare in, and none is lost."""

from dataclasses import replace

from t2i_utils.evaluation.tables import comparable, tell
from t2i_utils.metrics.record import Protocol, Record

FID, KID = Protocol("FID", "reader", "ab" * 32, painted=100), Protocol("KID", "reader", "ab" * 32, painted=100)


def record(painter, protocol, value=1.0):
    return Record(painter, "", protocol, value, value, value, 10)


def test_what_compares_stands_in_one_table():
    records = [record("mine", FID), record("mine", KID), record("yours", FID)]
    assert comparable(records) == [records]
    assert tell(records).count("| painter |") == 1


def test_only_what_does_not_compare_goes_to_another_with_the_difference_said():
    other = replace(KID, painted=50)
    records = [record("mine", FID), record("mine", KID), record("yours", FID), record("yours", other, 2.5)]
    assert comparable(records) == [records[:3], records[3:]]
    told = tell(records, ["a note", "a note"])
    assert told.count("| painter |") == 2
    assert "do not compare with those above (painted 50, not 100)" in told
    assert "2.5" in told
    assert told.count("- a note") == 1


def test_three_ways_of_measuring_are_three_tables():
    records = [record(str(count), replace(FID, painted=count)) for count in (10, 20, 30, 20)]
    records[3] = replace(records[3], painter="again")
    assert [[one.painter for one in group] for group in comparable(records)] == [["10"], ["20", "again"], ["30"]]

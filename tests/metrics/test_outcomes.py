"""What may be concluded of a difference, and what may not."""

import numpy as np
import pytest
import torch

from t2i_utils.metrics.diversity import spread
from t2i_utils.metrics.outcomes import Outcome, at_once, findings, read_grouped, share_of, spelled

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

BASE = tuple(np.random.default_rng(0).random(60).tolist())


def outcome(structure="list", measure="petal_color", shift=0.0, noise=0.0, base=BASE, **told):
    drawn = np.random.default_rng(list(structure.encode())).standard_normal(len(BASE))
    values = tuple((np.array(BASE) + shift + noise * drawn).tolist())
    return Outcome("somebody", structure, measure, values, base, **told)


def test_a_change_is_paired():
    """Captions differ by far more than the two structures; the interval of the change is a point all the same."""
    one = outcome(shift=-0.1)
    change = one.change()
    assert (change.mean, change.low, change.high) == pytest.approx((-0.1, -0.1, -0.1))
    assert one.level().high - one.level().low > 0.1
    assert one.reference().mean == pytest.approx(np.mean(BASE))
    assert one.differs()
    assert not outcome().differs()
    assert not outcome(base=()).differs()


def test_a_surer_interval_is_wider_and_never_of_fewer_than_20_resamples_outside():
    one = outcome(noise=0.3)
    plain, sure = one.change(), one.change(0.9995)
    assert sure.low < plain.low < plain.high < sure.high
    assert sure.mean == plain.mean


def test_all_of_some_intervals_hold_at_once():
    assert at_once(1) == pytest.approx(0.95)
    assert at_once(50) == pytest.approx(0.999)
    assert at_once(10, 0.9) == pytest.approx(0.99)


def test_of_structures_that_change_nothing_hardly_ever_anything_is_concluded():
    """60 differences of pure chance: at 95 % each, about 3 would be called gains or losses."""
    chance = [outcome(f"structure {number}", noise=0.2) for number in range(60)]
    assert sum(one.differs() for one in chance) > 0
    told = findings([outcome("short", base=()), *chance], {})
    assert "gains" not in told
    assert "loses" not in told


def test_share_of_by_hand():
    assert share_of([[0, 1, 1, 1], [2, 2, 0, 1]], [1, 2]) == (0.75, 0.5)


def test_gains_and_losses_are_told_in_points_with_their_intervals():
    turned = outcome("turned", noise=0.05)
    told = findings(
        [
            outcome("short", base=()),
            outcome("list", shift=-0.12),
            outcome("list", "diversity", shift=0.05),
            outcome("list", "CLIP score", shift=0.7, points=1.0),
            turned,
        ],
        {},
    )
    assert told.startswith("4 differences, each at 98.75 %")
    assert "`list` loses 12.0 points [-12.0, -12.0] of petal colour, gains 5.0 points [+5.0, +5.0] of diversity" in told
    assert "and gains 0.7 points [+0.7, +0.7] of CLIP score." in told
    sure = turned.change(at_once(4))
    most = f"{100 * max(-sure.low, sure.high):.1f}"
    assert f"`turned` cannot be told apart from `short`; differences above {most} points are ruled out." in told


def test_where_the_plainest_way_guesses_it_is_said_that_nothing_can_be_lost():
    half = tuple([0.0, 1.0] * 30)
    plain = Outcome("somebody", "short", "petal_count", half)
    assert "of petal count little can be lost: even `short` does not beat chance" in findings(
        [plain], {"petal_count": 0.5}
    )
    assert "little can be lost" not in findings([plain], {"petal_count": 0.1})
    assert "little can be lost" not in findings([plain], {})


@pytest.mark.parametrize(("shift", "said"), [(0.2, ": +20.0 points [+20.0, +20.0]."), (0.0, "too near to tell apart")])
def test_what_nobody_asked_for_is_told_with_its_reference(shift, said):
    base = tuple([0.0, 0.2] * 30)
    values = tuple(one + shift for one in base)
    one = Outcome("somebody", "negation", "petals in the denied colour", values, base, "where nothing is denied")
    (line,) = [line for line in findings([one], {}).splitlines() if "denied" in line]
    assert f"in {10 + 100 * shift:.1f} % of pictures, 10.0 % where nothing is denied" in line
    assert said in line


def test_what_the_reader_reads_stands_by_caption(reader):
    images = torch.randint(256, (3, 4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images[1] = images[1, 0]
    found = read_grouped(reader, images)
    alone = reader.read(images[2])
    for name, values in alone.items():
        assert found["read"][name][2] == values.tolist()
    assert found["spread"][1] == pytest.approx(0, abs=1e-5)
    assert found["spread"][2] == pytest.approx(spread(reader.features(images[2])[None]).item(), rel=1e-4)


def test_measures_are_spelled_as_people_write_them():
    assert spelled("petal_color") == "petal colour"

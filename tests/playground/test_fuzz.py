"""Settings that nobody should send, from a seed: each gives a picture or a refusal in words, and memory stays."""

import random
from types import SimpleNamespace

import pytest

from t2i_utils.playground.render import render
from t2i_utils.playground.state import State, as_numbers
from t2i_utils.playground.webapp import Serving, served
from t2i_utils.published import USUAL
from torture.prompts import FIELDS, ask_endpoint, ask_render, free_port, fuzzed, many

pytest_plugins = ["two_colours"]


@pytest.fixture
def studio(painter):
    chooser = SimpleNamespace(name="nobody", score=lambda captions, pictures: pictures.float().mean(dim=(1, 2, 3)))

    def show(state: State):
        if state.painter not in (USUAL, ""):
            raise ValueError(f"painter is {state.painter[:40]!r}; here is {USUAL}")
        return render(state, painter, painter if state.other else None, chooser if state.tries > 1 else None)

    return SimpleNamespace(names=[USUAL], show=show)


def test_two_thousand_settings_paint_or_are_refused_in_words(studio):
    *_, (tally, _) = many(2_000, 1, lambda told: ask_render(told, studio), print)
    assert tally["painted"] > 400
    assert tally["refused"] > 400
    assert tally.total() == 2_000


def test_two_hundred_over_http_show_no_traceback_and_keep_no_memory(studio):
    pytest.importorskip("gradio", reason="the optional extra `web`: pip install 'gradio>=6.24'")
    with served(studio, Serving(port=free_port())) as url:
        found = list(many(200, 2, lambda told: ask_endpoint(told, url), print))
        assert ask_endpoint(as_numbers(State("red flower")), url) == "painted", "it still serves"
    tally, last = found[-1]
    assert min(tally[kind] for kind in ("painted", "refused", "turned away")) > 10
    assert last - found[1][1] < 50, "megabytes more after 160 further questions"


def test_the_same_seed_asks_the_same():
    one, two = (repr([fuzzed(rng) for _ in range(50)]) for rng in (random.Random(3), random.Random(3)))
    assert one == two


def test_everything_that_was_promised_is_among_the_questions():
    rng = random.Random(0)
    asked = [fuzzed(rng) for _ in range(2_000)]
    told = [one for one in asked if isinstance(one, dict)]
    assert len(told) < len(asked), "settings that are none"
    values = [value for one in told for name, value in one.items() if name in FIELDS]
    text = "".join(value[:2_000] for value in values if isinstance(value, str))
    assert all(piece in text for piece in ("🌺", "\u202e", "زهرة", "\x00", "<script>", "\ud800"))
    assert any(isinstance(value, str) and len(value) == 1_000_000 for value in values)
    assert any(isinstance(value, float) and value != value for value in values), "NaN"
    assert any(isinstance(value, int) and value > 10**300 for value in values)
    assert {type(value).__name__ for value in values} == {"str", "int", "float", "bool", "list", "dict", "NoneType"}
    assert any(set(one) - set(FIELDS) for one in told)

"""The playground's widgets: they hold what a person set, and show what the studio gives."""

import ast
import inspect
import random
import threading

import ipywidgets
import pytest
from PIL import Image

from t2i_utils.playground import fields, history, widgets
from t2i_utils.playground.examples import EXAMPLES, LAST_SEED, surprise
from t2i_utils.playground.settings import from_png
from t2i_utils.playground.state import SEEDS, State
from t2i_utils.playground.widgets import CHOOSE, Playground, one_pixel, playground
from t2i_utils.published import USUAL

pytest_plugins = ["two_colours"]

# what ipywidgets 7.7 (Colab) and 8.1 share and all front ends show
SHARED = {"Text", "Dropdown", "IntSlider", "Checkbox", "Button", "Output", "Image", "HTML", "HBox", "VBox"}
WIDGET_MODULES = pytest.mark.parametrize("module", [widgets, fields])
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def made(studio, tmp_path):
    """A playground with its first picture painted, and with a diary of the states that its studio shows."""
    made = Playground(studio, State("red flower", count=2), tmp_path / "saved")
    made.asked, show = [], studio.show

    def watched(state):
        made.asked.append(state)
        return show(state)

    studio.show = watched
    made.go(State("red flower", count=2))
    made.asked.clear()
    return made


def sees(made, state) -> bool:
    """Whether everything in the page belongs to this state."""
    return made.picture.value == made.studio.show(state).png and made.state == state == made.past.value


def choose(widget, index):
    """What a browser sends when a person chooses from a list."""
    widget.set_state({"index": index})


# Painting


def test_it_begins_with_a_picture(studio):
    box = playground(studio, State("red"))
    pictures = [part for row in box.children for part in row.children if isinstance(part, ipywidgets.Image)]
    assert pictures[0].value == studio.show(State("red")).png


def test_nothing_is_opened_or_painted_before_it_is_asked(studio, opened):
    made = Playground(studio, State("red"))
    assert (made.picture.value, made.shown, opened) == (one_pixel(), None, [])
    made.paint_button.click()
    assert sees(made, State("red"))
    assert opened == [USUAL]


def test_a_finished_caption_paints_and_a_half_typed_one_is_not_sent(made):
    assert not made.fields["caption"].continuous_update
    assert not made.fields["second"].continuous_update
    made.fields["caption"].value = "blue flower"
    assert sees(made, State("blue flower", count=2))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", 7),
        ("count", 5),
        ("mix", 40),
        ("tries", 3),
        ("truncation", 0.5),
        ("view", "words"),
        ("painter", "digits"),
        ("other", "digits"),
    ],
)
def test_a_slider_or_a_list_that_changes_paints_at_once(made, field, value):
    made.fields[field].value = value
    assert sees(made, State("red flower", **{"count": 2} | {field: value}))
    assert made.asked[0] == made.state


def test_a_picture_for_every_view(made):
    made.fields["second"].value = "blue"
    labels = [label for label, _ in made.fields["view"].options]
    assert labels == ["pictures", "from caption to caption", "from noise to noise", "what the words do"]
    for index, view in enumerate(("pictures", "captions", "noises", "words")):
        choose(made.fields["view"], index)
        assert sees(made, State("red flower", "blue", count=2, view=view))


def test_two_painters_stand_side_by_side_and_nobody_else_can(made):
    assert [value for _, value in made.fields["painter"].options] == [USUAL, "digits"]
    assert made.fields["other"].options == (("nobody", ""), (USUAL, USUAL), ("digits", "digits"))
    choose(made.fields["other"], 2)
    assert made.shown.labels == (USUAL, "", "digits", "")


def test_a_start_by_a_painter_who_is_not_there_is_refused(studio):
    for state in (State("red", painter="birds"), State("red", other="birds")):
        with pytest.raises(ValueError, match=f"names the painter 'birds'; there are {USUAL}, digits"):
            Playground(studio, state)


# One thing at a time


def test_several_fields_that_are_set_at_once_paint_once(made):
    state = State("red", "blue", 30, seed=5, count=3, truncation=0.7, painter="digits", other=USUAL)
    made.go(state)
    assert made.asked == [state]
    assert sees(made, state)


def test_a_button_that_is_pressed_while_it_paints_counts_once(made):
    """Whether the second press comes from the same thread or from another."""
    show, off = made.studio.show, []

    def pressed_meanwhile(state):
        off.append(made.paint_button.disabled)
        made.paint_button.click()
        made.surprise_button.click()
        made.fields["seed"].value = 8
        other = threading.Thread(target=made.paint_button.click)
        other.start()
        other.join()
        return show(state)

    made.studio.show = pressed_meanwhile
    made.fields["caption"].value = "blue"
    assert off == [True]
    assert made.asked == [State("blue", count=2)]
    assert made.state == State("blue", count=2), "the fields say what is seen"
    assert not made.paint_button.disabled


def test_a_second_press_for_the_same_state_paints_nothing_anew(made):
    made.paint_button.click()
    made.paint_button.click()
    assert made.asked == []


def test_the_button_works_again_after_an_error_that_nobody_expected(made):
    made.studio.show = lambda state: 1 / 0
    with pytest.raises(ZeroDivisionError):
        made.fields["seed"].value = 3
    assert not made.paint_button.disabled
    del made.studio.show
    made.paint_button.click()
    assert sees(made, State("red flower", seed=3, count=2))


# Errors and other people's text


def test_words_and_errors_are_told_and_never_run_as_html(made):
    made.fields["caption"].value = f"red {SCRIPT}"
    assert made.message.value == "ignored: &#x27;&lt;script&gt;alert(1)&lt;/script&gt;&#x27;"
    before = made.picture.value
    made.fields["caption"].value = "   "
    assert made.message.value == "<b>a caption is empty</b>"
    assert made.picture.value == before
    made.fields["caption"].value = "red"
    assert made.message.value == ""


def test_html_of_every_field_stays_text(made, tmp_path):
    made.folder = tmp_path / "<b>bold"
    for name in ("caption", "second"):
        made.fields[name].value = f"red {SCRIPT}"
    made.save_button.click()
    assert "<" not in made.message.value
    assert made.message.value.startswith("saved as ")
    made.file.value = SCRIPT
    made.load_button.click()
    assert "<script" not in made.message.value
    assert "&lt;script&gt;" in made.message.value
    assert made.past.options[0][0].startswith(f"red {SCRIPT}"), "front ends show options as plain text"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"view": "captions"}, "write a second one"),
        ({"caption": "x" * 10**6}, "caption has 1,000,000 characters; use at most 500"),
        ({"caption": "\ud83c"}, "half a character"),
        ({"caption": "red", "view": "words"}, "has 1 word"),
    ],
)
def test_what_cannot_be_painted_is_told_and_the_picture_stays(made, change, message):
    before = made.picture.value
    for name, value in change.items():
        made.fields[name].value = value
    assert message in made.message.value
    assert made.message.value.startswith("<b>")
    assert len(made.message.value) < 300
    assert made.shown.png == made.picture.value
    if len(change) == 1:
        assert made.picture.value == before


@pytest.mark.parametrize(
    "error", [OSError("no such <i>file</i>"), RuntimeError("out of <i>memory"), FileNotFoundError("<i>")]
)
def test_a_painter_that_cannot_be_opened_is_told_in_the_page(made, error):
    def fail(state):
        raise error

    made.studio.show = fail
    before = made.picture.value
    choose(made.fields["painter"], 1)
    assert "&lt;i&gt;" in made.message.value
    assert made.picture.value == before


# Examples and surprises


def test_a_chosen_example_becomes_the_caption_and_is_painted_once(made):
    assert made.examples.options == (CHOOSE, *EXAMPLES)
    choose(made.examples, 2)
    assert sees(made, State(EXAMPLES[1], count=2))
    assert made.asked[0] == State(EXAMPLES[1], count=2)
    assert made.examples.value == CHOOSE, "or the same could not be chosen twice"
    made.fields["caption"].value = "blue"
    choose(made.examples, 2)
    assert sees(made, State(EXAMPLES[1], count=2))


def test_a_surprise_is_that_of_the_numbers_drawn(made):
    made.rng = random.Random(3)
    made.surprise_button.click()
    expected = surprise(State("red flower", count=2), random.Random(3))
    assert made.asked == [expected]
    assert sees(made, expected)


def test_surprises_of_two_playgrounds_differ(studio):
    one, two = (Playground(studio, State("red", count=1)) for _ in range(2))
    for _ in range(3):
        one.surprise_button.click()
        two.surprise_button.click()
    assert [value for _, value in one.past.options] != [value for _, value in two.past.options]


# What was painted before


def test_what_was_painted_can_be_returned_to(made):
    first = made.state
    made.fields["caption"].value = "blue"
    choose(made.fields["truncation"], 3)
    assert [value.caption for _, value in made.past.options] == ["blue", "blue", "red flower"]
    choose(made.past, 2)
    assert sees(made, first)
    assert [value.caption for _, value in made.past.options] == ["blue", "blue", "red flower"], "each keeps its place"
    made.fields["seed"].value = 4
    assert made.past.index == 0
    assert sees(made, State("red flower", seed=4, count=2))
    assert len(made.past.options) == 4


def test_no_more_is_remembered_than_a_list_can_show(made):
    for number in range(40):
        made.fields["caption"].value = f"red {number}"
    kept = [value.caption for _, value in made.past.options]
    assert kept == [f"red {number}" for number in range(39, 39 - history.REMEMBERED, -1)]


def test_a_slider_that_is_dragged_leaves_its_last_position(made):
    for mix in range(1, 60):
        made.fields["mix"].value = mix
    for seed in range(1, 60):
        made.fields["seed"].value = seed
    places = [(value.mix, value.seed) for _, value in made.past.options]
    assert places == [(59, 59), (59, 0), (0, 0)]


def test_a_slider_takes_no_other_states_place(made):
    made.fields["seed"].value = 1
    made.fields["seed"].value = 0  # this was painted before
    made.fields["seed"].value = 2
    assert [value.seed for _, value in made.past.options] == [2, 1, 0]
    choose(made.past, 2)
    made.fields["seed"].value = 3
    assert [value.seed for _, value in made.past.options] == [3, 2, 1, 0]


def test_a_state_that_cannot_be_returned_to_is_not_said_to_be_shown(made):
    made.fields["painter"].value = "digits"
    now, show = made.state, made.studio.show

    def lost(state):
        if state.painter == USUAL:
            raise FileNotFoundError("the folder is gone")
        return show(state)

    made.studio.show = lost
    choose(made.past, 1)
    assert made.message.value == "<b>the folder is gone</b>"
    assert sees(made, now)


# Files


def test_a_saved_picture_is_the_one_that_is_seen_and_brings_its_settings_back(made):
    state = State("red", "blue", 30, seed=5, count=3, truncation=0.7, painter="digits", other=USUAL)
    made.go(state)
    made.save_button.click()
    (path,) = made.folder.iterdir()
    assert path.name == "red_seed_5.png"
    assert str(path) in made.message.value
    assert path.read_bytes() == made.picture.value
    made.go(State("blue"))
    made.asked.clear()
    made.file.value = f"  {path} "
    made.load_button.click()
    assert made.asked == [state]
    assert sees(made, state)


def test_what_is_seen_is_saved_and_not_what_is_half_set(made):
    made.fields["caption"].value = "  "
    made.save_button.click()
    (path,) = made.folder.iterdir()
    assert from_png(path.read_bytes()) == State("red flower", count=2)


def test_nothing_is_saved_before_something_is_painted(studio, tmp_path):
    made = Playground(studio, State("red"), tmp_path / "saved")
    made.save_button.click()
    assert "nothing is painted yet" in made.message.value
    assert not made.folder.exists()


def test_another_picture_of_the_same_name_is_never_overwritten(made):
    names = []
    for count in (2, 3, 3, 4):
        made.fields["count"].value = count
        made.save_button.click()
        names.append(made.file.value.rpartition("/")[2])
    assert names == [f"red_flower_seed_0{end}.png" for end in ("", "_2", "_2", "_3")]
    saved = [from_png((made.folder / name).read_bytes()).count for name in sorted(set(names))]
    assert sorted(saved) == [2, 3, 4]


def test_a_folder_that_cannot_be_written_is_told(made, tmp_path):
    (tmp_path / "file").write_text("")
    made.folder = tmp_path / "file"
    made.save_button.click()
    assert made.message.value.startswith("<b>")
    assert (tmp_path / "file").read_text() == ""


def test_a_file_without_settings_is_told_and_nothing_changes(made, tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "foreign.png")
    (tmp_path / "text.png").write_text("no picture")
    before = made.state
    for path, message in (
        (tmp_path / "foreign.png", "the PNG holds no settings"),
        (tmp_path / "text.png", "the file is no PNG"),
        (tmp_path / "nobody.png", "there is no file"),
        (tmp_path, "there is no file"),
        ("", "there is no file"),
        ("a\0b", "there is no file"),
        ("~nobody_is_called_so/x.png", "home directory"),
        ("x" * 10**4, "File name too long"),
    ):
        made.file.value = str(path)
        made.load_button.click()
        assert message in made.message.value, path
        assert sees(made, before)


def test_settings_of_a_painter_who_is_not_here_are_told_and_nothing_changes(made, studio, tmp_path, monkeypatch):
    other = Playground(type(studio)(["birds"]), State("red", painter="birds"), tmp_path)
    other.paint_button.click()
    other.save_button.click()
    before = made.state
    made.file.value = other.file.value
    made.load_button.click()
    assert f"painter is &#x27;birds&#x27;; here are {USUAL}, digits" in made.message.value
    assert sees(made, before)


@pytest.mark.parametrize("change", [{"seed": SEEDS - 1}, {"seed": LAST_SEED + 1}, {"truncation": 0.8123}])
def test_what_the_fields_do_not_offer_is_not_bent_to_what_they_do(made, change):
    state = State("red", **change)
    made.go(state)
    assert sees(made, state)
    made.go(State("blue"))
    assert made.fields["seed"].max == LAST_SEED
    assert [label for label, _ in made.fields["truncation"].options] == ["whole", "2", "1.5", "1", "0.7", "0.5", "0.3"]


# How they are written


@WIDGET_MODULES
def test_only_widgets_that_every_version_has_are_used(module):
    tree = ast.parse(inspect.getsource(module))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ipywidgets"
    }
    assert used - {"Widget"} <= SHARED
    assert "Text" in used


@WIDGET_MODULES
def test_widgets_hold_no_arithmetic(module):
    found = [
        node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.BinOp | ast.AugAssign)
    ]
    types = [node for node in found if isinstance(node.op, ast.BitOr)]  # something | None
    assert [ast.unparse(node) for node in found if node not in types] == []

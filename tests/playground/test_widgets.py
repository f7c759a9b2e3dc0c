"""The playground's widgets: they hold what a person set, and show what `render` gives."""

import ast
import inspect

import ipywidgets
import pytest

from t2i_utils.playground import widgets
from t2i_utils.playground.state import State, render
from t2i_utils.playground.widgets import Playground, one_pixel, playground

pytest_plugins = ["two_colours"]

# what ipywidgets 7.7 (Colab) and 8.1 share and all front ends show
SHARED = {"Text", "Dropdown", "IntSlider", "Checkbox", "Button", "Output", "Image", "HTML", "HBox", "VBox"}


@pytest.fixture
def made(painter):
    return Playground(painter, State("red flower", count=2))


def test_the_button_paints_what_the_fields_say(made):
    assert made.picture.value == one_pixel()
    made.fields["caption"].value = "blue flower"
    assert made.picture.value == one_pixel(), "a caption is not painted while it is typed"
    made.button.click()
    assert made.picture.value == render(made.painter, State("blue flower", count=2)).png


@pytest.mark.parametrize(("field", "value"), [("seed", 7), ("count", 5), ("mix", 40)])
def test_a_slider_that_moves_paints_at_once(made, field, value):
    made.fields["second"].value = "blue"
    made.fields[field].value = value
    assert made.state == State("red flower", "blue", **{"count": 2} | {field: value})
    assert made.picture.value == render(made.painter, made.state).png


def test_words_and_errors_are_told_and_never_run_as_html(made):
    made.fields["caption"].value = "red <script>alert(1)</script>"
    made.button.click()
    assert made.message.value == "ignored: &#x27;&lt;script&gt;alert(1)&lt;/script&gt;&#x27;"
    before = made.picture.value
    made.fields["caption"].value = "   "
    made.button.click()
    assert made.message.value == "<b>a caption is empty</b>"
    assert made.picture.value == before
    made.fields["caption"].value = "red"
    made.button.click()
    assert made.message.value == ""


def test_it_begins_with_a_picture(made):
    box = playground(made.painter, State("red"))
    pictures = [part for part in box.children if isinstance(part, ipywidgets.Image)]
    assert pictures[0].value == render(made.painter, State("red")).png


def test_only_widgets_that_every_version_has_are_used():
    tree = ast.parse(inspect.getsource(widgets))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ipywidgets"
    }
    assert used <= SHARED
    assert used >= {"Text", "IntSlider", "Button", "Image"}


def test_widgets_hold_no_arithmetic():
    tree = ast.parse(inspect.getsource(widgets))
    assert not [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.BinOp)]

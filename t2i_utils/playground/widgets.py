"""The playground under a notebook's cell: fields, a button, one picture. What is shown is `state.render`'s work.

Only what ipywidgets 7.7 (Colab) and 8.1 (Jupyter, Kaggle) share is used.
"""

from __future__ import annotations

import html
import io

import ipywidgets
from PIL import Image

from t2i_utils.painter import Painter
from t2i_utils.playground.state import MOST, State, render

WIDE = {"width": "95%"}


def one_pixel() -> bytes:
    """The smallest PNG: a picture widget without any content hangs in some front ends."""
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1), "white").save(buffer, "PNG")
    return buffer.getvalue()


class Playground:
    """Fields for a state, a button, and the picture that they give.

    Args:
        painter: who paints.
        start: what the fields hold at first.

    Attributes:
        fields: each of the state's attributes by name, the widget that sets it.
        button, picture, message: what is pressed, seen and said.
        box: all of it, to be displayed.
    """

    def __init__(self, painter: Painter, start: State):
        self.painter = painter
        self.fields = {
            "caption": ipywidgets.Text(start.caption, description="caption", layout=WIDE),
            "second": ipywidgets.Text(start.second, description="second", placeholder="(to mix in)", layout=WIDE),
            "mix": ipywidgets.IntSlider(start.mix, 0, 100, description="mix %"),
            "seed": ipywidgets.IntSlider(start.seed, 0, 999, description="seed"),
            "count": ipywidgets.IntSlider(start.count, 1, MOST, description="pictures"),
        }
        self.button = ipywidgets.Button(description="Paint", button_style="primary")
        self.picture = ipywidgets.Image(value=one_pixel(), format="png")
        self.message = ipywidgets.HTML()
        self.button.on_click(self.paint)
        for name in ("mix", "seed", "count"):  # a moved slider paints at once, a half-typed caption does not
            self.fields[name].observe(self.paint, "value")
        caption, second, *numbers = self.fields.values()
        row = ipywidgets.HBox([*numbers, self.button], layout={"flex_flow": "row wrap"})
        self.box = ipywidgets.VBox([caption, second, row, self.message, self.picture])

    @property
    def state(self) -> State:
        """What the fields say now."""
        return State(**{name: field.value for name, field in self.fields.items()})

    def paint(self, _=None) -> None:
        """Show what the fields say; a caption that cannot be painted is answered in words, the picture stays."""
        try:
            shown = render(self.painter, self.state)
        except ValueError as error:
            self.message.value = f"<b>{html.escape(str(error))}</b>"
            return
        self.picture.value, self.message.value = shown.png, html.escape(shown.note)


def playground(painter: Painter, start: State) -> ipywidgets.VBox:
    """A playground to be displayed, with its first picture painted."""
    made = Playground(painter, start)
    made.paint()
    return made.box

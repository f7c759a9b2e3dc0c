"""The playground under a notebook's cell: fields, buttons, one picture. What is shown is the work of `Studio.show`.

Only what ipywidgets 7.7 (Colab) and 8.1 (Jupyter, Kaggle) share is used. What a person typed is shown in text fields,
in options of lists (plain text to every front end), and escaped in messages.
"""

from __future__ import annotations

import html
import io
import random
import threading
from collections.abc import Callable
from pathlib import Path

import ipywidgets
from PIL import Image

from t2i_utils.playground import history
from t2i_utils.playground.examples import EXAMPLES, surprise
from t2i_utils.playground.fields import WIDE, fill, make_fields, read
from t2i_utils.playground.render import Shown
from t2i_utils.playground.state import State
from t2i_utils.playground.studio import Studio

CHOOSE = "choose one"


def one_pixel() -> bytes:
    """The smallest PNG: a picture widget without any content hangs in some front ends."""
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1), "white").save(buffer, "PNG")
    return buffer.getvalue()


class Playground:
    """Fields for a state, buttons, and the picture that they give.

    Sliders and lists paint at once; a caption paints when it is finished: with Enter, or when another field is clicked.
    One thing is done at a time: what is asked meanwhile is not done, so no button counts twice.

    Args:
        studio: who paints.
        start: what the fields hold at first.
        folder: where pictures are saved; made with the first.

    Attributes:
        fields: each of the state's attributes by name, the widget that sets it.
        examples, past: lists to choose a caption or an earlier state from.
        paint_button, surprise_button, save_button, load_button, file: what is pressed, and the path that is loaded.
        picture, message: what is seen and said.
        shown: what the picture shows; None before the first.
        rng: whose numbers are the surprises.
        box: all of it, to be displayed.

    Raises:
        ValueError: for a start that names a painter whom the studio does not have.
    """

    def __init__(self, studio: Studio, start: State, folder: Path = Path()):
        self.studio, self.folder, self.rng = studio, folder, random.Random()
        self.shown: Shown | None = None
        self._states: tuple[State, ...] = ()
        self._slider: ipywidgets.Widget | None = None  # whose last position is the newest of the states
        self._free = threading.Lock()
        self.fields = make_fields(studio.names, start)
        self.examples = ipywidgets.Dropdown(options=(CHOOSE, *EXAMPLES), description="examples", layout=WIDE)
        self.past = ipywidgets.Dropdown(options=(), description="go back to", layout=WIDE)
        self.file = ipywidgets.Text(description="file", placeholder="path of a PNG that was saved here", layout=WIDE)
        self.picture = ipywidgets.Image(value=one_pixel(), format="png")
        self.message = ipywidgets.HTML()
        self.paint_button = self._button("Paint", lambda: self._show(read(self.fields)), "primary")
        self.surprise_button = self._button("surprise me", lambda: self._show(surprise(read(self.fields), self.rng)))
        self.save_button = self._button("save PNG", self._save)
        self.load_button = self._button("load settings", lambda: self._show(history.fetch(self.file.value)))
        for field in self.fields.values():
            field.observe(self._changed, "value")
        self.examples.observe(lambda _: self._do(self._take_example), "value")
        self.past.observe(lambda _: self._do(lambda: self._show(self.past.value)), "value")
        self.box = self._boxes()

    @property
    def state(self) -> State:
        """What the fields say now.

        Raises:
            ValueError: where no state can be so.
        """
        return read(self.fields)

    def go(self, state: State) -> None:
        """Show a state and set all fields to it, painting once; what cannot be painted is told, and nothing changes."""
        self._do(lambda: self._show(state))

    def _do(self, work: Callable[[], None]) -> None:
        """Do one thing, unless another is being done; what goes wrong is told in the page."""
        if not self._free.acquire(blocking=False):
            return
        self.paint_button.disabled = True
        try:
            work()
        except (ValueError, OSError, RuntimeError) as error:  # the last is torch's, of memory that ran out
            self.message.value = f"<b>{html.escape(str(error))}</b>"
        finally:
            if self.shown is not None:
                self.past.value = self.shown.state
            self.paint_button.disabled = False
            self._free.release()

    def _show(self, state: State, slider: ipywidgets.Widget | None = None) -> None:
        """Paint a state, unless it is the one that is seen: a button that was pressed twice paints once."""
        if self.shown is None or self.shown.state != state:
            shown = self.studio.show(state)
            self.picture.value = shown.png
            self.shown = shown
        self.message.value = html.escape(self.shown.note)
        self._remember(state, slider)
        fill(self.fields, state)

    def _remember(self, state: State, slider: ipywidgets.Widget | None) -> None:
        """A slider that is dragged leaves one state behind, not dozens."""
        if state in self._states:
            self._slider = None
            return
        self._states = history.remember(self._states, state, instead=slider is not None and slider is self._slider)
        self._slider = slider
        self.past.options = [(history.title(one), one) for one in self._states]

    def _changed(self, change) -> None:
        slider = change.owner if isinstance(change.owner, ipywidgets.IntSlider) else None
        self._do(lambda: self._show(read(self.fields), slider))

    def _take_example(self) -> None:
        self.fields["caption"].value, self.examples.value = self.examples.value, CHOOSE
        self._show(read(self.fields))

    def _save(self) -> None:
        if self.shown is None:
            raise ValueError("nothing is painted yet; press Paint first")
        path = history.keep(self.folder, self.shown).resolve()
        self.file.value = str(path)
        self.message.value = html.escape(f"saved as {path}")

    def _button(self, label: str, act: Callable[[], None], style: str = "") -> ipywidgets.Button:
        button = ipywidgets.Button(description=label, button_style=style)
        button.on_click(lambda _: self._do(act))
        return button

    def _boxes(self) -> ipywidgets.VBox:
        names = ("mix", "seed", "count", "tries", "truncation", "view", "painter", "other")
        buttons = (self.paint_button, self.surprise_button, self.save_button)
        rows = (
            (self.fields["caption"], self.examples, self.fields["second"]),
            [self.fields[name] for name in names],
            buttons,
            (self.message,),
            (self.picture,),
            (self.past, self.file, self.load_button),
        )
        return ipywidgets.VBox([ipywidgets.HBox(row, layout={"flex_flow": "row wrap"}) for row in rows])


def playground(studio: Studio, start: State, folder: Path = Path()) -> ipywidgets.VBox:
    """A playground to be displayed, with its first picture painted; pictures are saved into the folder."""
    made = Playground(studio, start, folder)
    made.go(start)
    return made.box

"""The web page: fields for a playground's state, and what a studio shows for it. It holds no arithmetic.

Gradio is imported when a page is made: it is an optional extra, which `webapp` looks for first. What people type is
shown in text boxes and captions, never as HTML.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from t2i_utils.playground.examples import EXAMPLES, surprise
from t2i_utils.playground.settings import from_png
from t2i_utils.playground.state import LETTERS, MOST, MOST_TRIES, VIEWS, State, as_numbers, from_numbers
from t2i_utils.playground.studio import Studio
from t2i_utils.playground.web_endpoint import add_endpoints
from t2i_utils.playground.web_files import PictureFolder
from t2i_utils.playground.web_remote import RemoteStudio

LINE = "painting"  # one queue for everybody, served in order
HEADER = """# Type a sentence, get a picture
Small networks of this project paint flowers from words. Say a colour, a number of petals, a background.
**The same seed keeps place and turn while the words change.**"""
CSS = """
.gradio-container {max-width: 1180px !important; margin: 0 auto !important}
#pictures img {image-rendering: pixelated}
#pictures .grid-wrap {max-height: none; min-height: 0}
#pictures .caption-label {
    left: 4px; right: auto; bottom: 4px; max-width: calc(100% - 8px);
    white-space: normal; overflow-wrap: anywhere; font-size: 0.7rem; line-height: 1.2}
#paint, #surprise {min-height: 3rem}
"""


def make_page(studio: Studio | RemoteStudio, folder: PictureFolder) -> Any:
    """The page with its endpoints, a gradio.Blocks that is not yet served.

    Args:
        studio: who shows states.
        folder: where pictures lie to be fetched.
    """
    import gradio as gr

    start = State(EXAMPLES[0], painter=studio.names[0])
    with gr.Blocks(analytics_enabled=False, title="Prompt playground") as page:
        folder.remembered = page.temp_file_sets
        gr.Markdown(HEADER)
        with gr.Row():
            with gr.Column(scale=2):
                fields, press, lucky, upload = _controls(studio, start)
            with gr.Column(scale=3):
                gallery, message, sheet, example = _results()
        values = list(fields.values())

        def repaint(*told: Any) -> Iterator[dict[Any, Any]]:
            """Nobody can press the button while it paints; an error is words in the page, and the pictures stay."""
            yield {press: gr.Button("Painting ...", interactive=False)}
            ready = {press: gr.Button("Paint", interactive=True)}
            try:
                shown = studio.show(_read(told))
                file, pictures = folder.save(shown)
            except (ValueError, OSError, RuntimeError) as error:  # the last is torch's, of memory that ran out
                yield ready | {message: _said(f"Not painted: {error}")}
                return
            yield ready | {
                gallery: gr.Gallery(
                    [(str(path), label or None) for path, label in zip(pictures, shown.labels, strict=True)],
                    columns=shown.columns,
                ),
                sheet: gr.DownloadButton(value=str(file), interactive=True),
                message: _said(shown.note),
            }

        def draw(*told: Any) -> list[Any]:
            """Another caption and seed; fields that cannot be stay as they are, and painting says why."""
            try:
                state = _read(told)
            except ValueError:
                return list(told)
            return _written(surprise(state, random.SystemRandom()))

        def load(data: bytes | None) -> Iterator[dict[Any, Any]]:
            """The fields as a saved picture has them, and what they paint; or words, and everything stays."""
            try:
                told = _written(_saved(data or b"", studio.names))
            except ValueError as error:
                yield {message: _said(f"Not loaded: {error}")}
                return
            yield dict(zip(values, told, strict=True))
            yield from repaint(*told)

        shows = [press, gallery, sheet, message]
        painting = {"inputs": values, "outputs": shows, "api_visibility": "private", "concurrency_id": LINE}
        moved = [fields[name].release for name in ("mix", "count", "tries", "truncation")]
        chosen = [fields[name].input for name in ("painter", "other", "view")]
        gr.on([press.click, fields["caption"].submit, fields["second"].submit, page.load], repaint, **painting)
        gr.on([*moved, *chosen, fields["seed"].submit], repaint, trigger_mode="always_last", **painting)
        private = {"api_visibility": "private", "concurrency_limit": None}  # nothing is painted, nobody waits
        lucky.click(draw, values, values, **private).then(repaint, **painting)
        example.click(lambda sample: sample[0], example, fields["caption"], **private).then(repaint, **painting)
        upload.upload(load, upload, [*values, *shows], api_visibility="private", concurrency_id=LINE)
        add_endpoints(studio, folder, LINE)
    return page


def _controls(studio: Studio | RemoteStudio, start: State) -> tuple[dict[str, Any], Any, Any, Any]:
    """Fields by the names of a state's attributes in their order; the buttons beside them."""
    import gradio as gr

    names, alone = studio.names, len(studio.names) == 1
    words = {"max_length": LETTERS, "lines": 1, "max_lines": 1}
    caption = gr.Textbox(start.caption, label="caption", elem_id="caption", autofocus=True, **words)
    with gr.Row():
        press = gr.Button("Paint", variant="primary", elem_id="paint", scale=2)
        lucky = gr.Button("Surprise me", elem_id="surprise", scale=1)
    painter = gr.Radio(names, value=start.painter, label="painter", elem_id="painter", visible=not alone)
    other = gr.Radio(
        [("nobody", ""), *((name, name) for name in names)],
        value="",
        label="beside it, the same caption and seed by",
        elem_id="other",
        visible=not alone,
    )
    with gr.Row():
        count = gr.Slider(1, MOST, start.count, step=1, label="pictures", elem_id="count")
        seed = gr.Number(start.seed, precision=0, label="seed", elem_id="seed")
    with gr.Accordion("Mix in a second caption", open=False):
        second = gr.Textbox("", label="second caption", elem_id="second", **words)
        mix = gr.Slider(0, 100, 0, step=1, label="mix %", elem_id="mix")
    with gr.Accordion("More", open=False):
        view = gr.Radio(
            [(label, name) for name, label in VIEWS.items()], value=start.view, label="show", elem_id="view"
        )
        tries = gr.Slider(1, MOST_TRIES, 1, step=1, label="best of", elem_id="tries")
        truncation = gr.Slider(
            0, 10, 0, step=0.05, label="truncation: smaller is surer and more alike; 0 for none", elem_id="truncation"
        )
        upload = gr.UploadButton(
            "Load settings from a saved PNG", file_types=[".png"], type="binary", elem_id="load", size="sm"
        )
    fields = {
        "caption": caption,
        "second": second,
        "mix": mix,
        "seed": seed,
        "count": count,
        "truncation": truncation,
        "view": view,
        "tries": tries,
        "painter": painter,
        "other": other,
    }
    return {name: fields[name] for name in as_numbers(start)}, press, lucky, upload


def _results() -> tuple[Any, Any, Any, Any]:
    """The pictures, the line of words under them, the button that saves them, and captions to click."""
    import gradio as gr

    gallery = gr.Gallery(
        label="painted",
        show_label=False,
        elem_id="pictures",
        columns=4,
        object_fit="contain",
        height="auto",
        interactive=False,
        buttons=["fullscreen", "download"],
    )
    message = gr.Textbox(label="to know", elem_id="message", interactive=False, visible=False, lines=1)
    sheet = gr.DownloadButton("Save as one PNG, its settings inside", elem_id="save", interactive=False, size="md")
    example = gr.Dataset(
        components=[gr.Textbox(visible=False)],
        samples=[[one] for one in EXAMPLES],
        label="paint one of these",
        layout="gallery",
        elem_id="examples",
    )
    return gallery, message, sheet, example


def _read(told: Sequence[Any]) -> State:
    """The state that fields hold; no slider can stand at none, so 0 is its place."""
    numbers = dict(zip(State.__dataclass_fields__, told, strict=True))
    return from_numbers(numbers | {"truncation": numbers["truncation"] or None})


def _saved(data: bytes, names: Sequence[str]) -> State:
    """The state that a saved picture holds.

    Raises:
        ValueError: for a file without one, and for a picture of a painter that is not among the names.
    """
    state = from_png(data)
    unknown = [name for name in (state.painter, state.other) if name and name not in names]
    if unknown:
        raise ValueError(f"{unknown[0]!r} painted it, who is not here; here are {', '.join(names)}")
    return state


def _written(state: State) -> list[Any]:
    """What fields hold for a state."""
    return list((as_numbers(state) | {"truncation": state.truncation or 0}).values())


def _said(words: str) -> Any:
    """The line of words under the pictures; nothing where there is nothing to say."""
    import gradio as gr

    return gr.Textbox(words, visible=bool(words))

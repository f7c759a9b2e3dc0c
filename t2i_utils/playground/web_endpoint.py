"""What programs may ask of the web page: pictures of a state, and who paints.

Gradio is imported late, as in `web_page`. Annotations are evaluated here: it reads the endpoints' types from them, and
it cannot read strings.
"""

import inspect
from pathlib import Path
from typing import Any

from t2i_utils.playground.state import PLAIN, State, as_numbers, from_numbers
from t2i_utils.playground.studio import Studio
from t2i_utils.playground.web_files import PictureFolder
from t2i_utils.playground.web_remote import RemoteStudio

ARGUMENTS = {"paint": tuple(State.__dataclass_fields__), "painters": ()}


def add_endpoints(studio: Studio | RemoteStudio, folder: PictureFolder, line: str) -> None:
    """Give the page under construction its two documented endpoints.

    Args:
        studio: who is asked.
        folder: where pictures lie to be fetched.
        line: the name of the queue in which everybody waits who wants something painted.
    """
    import gradio as gr
    from gradio import FileData

    def paint(
        caption: str,
        second: str = "",
        mix: int = 0,
        seed: int = 0,
        count: int = 8,
        truncation: float | None = None,
        view: str = PLAIN,
        tries: int = 1,
        painter: str = studio.names[0],
        other: str = "",
    ) -> tuple[FileData, list[FileData], list[str], int, str, dict]:
        """Paint a caption. Arguments are those of a playground's State; what is out of range is refused in words.

        Returns the sheet (a PNG that holds the settings), the single pictures (PNG), a label each, how many stand in a
        row, a note on what a person should know, and the settings.
        """
        told = (caption, second, mix, seed, count, truncation, view, tries, painter, other)
        try:
            state = from_numbers(dict(zip(ARGUMENTS["paint"], told, strict=True)))
            shown = studio.show(state)
            sheet, pictures = folder.save(shown)
        except (ValueError, OSError, RuntimeError) as error:  # the last is torch's, of memory that ran out
            raise gr.Error(str(error), print_exception=False) from error
        files = [as_file(path) for path in pictures]
        return as_file(sheet), files, list(shown.labels), shown.columns, shown.note, as_numbers(state)

    def as_file(path: Path) -> dict[str, Any]:
        return FileData(path=str(path), orig_name=path.name, mime_type="image/png").model_dump()

    def painters() -> list[str]:
        """The names of who paints here; the first is the usual one."""
        return list(studio.names)

    names = tuple(inspect.signature(paint).parameters)
    if names != ARGUMENTS["paint"]:
        raise TypeError(f"the endpoint takes {names}, and a state has {ARGUMENTS['paint']}; keep them alike")
    gr.api(paint, api_name="paint", concurrency_id=line)
    gr.api(painters, api_name="painters")

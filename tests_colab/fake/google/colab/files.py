"""Uploads from the folder FAKE_UPLOADS instead of a person's disk; downloads are only noted."""

import os
from pathlib import Path

from google.colab import calls


def upload(target_dir=""):
    """Render a widget to upload local (to the browser) files to the kernel."""
    calls.append(("upload", target_dir))
    chosen = sorted(Path(os.environ["FAKE_UPLOADS"]).iterdir())
    uploaded = {path.name: path.read_bytes() for path in chosen}
    for name, content in uploaded.items():
        Path(target_dir, name).write_bytes(content)
        print(f"Saving {name} to {name}")
    return uploaded


def download(filename):
    """Download the file to the user's local disk via a browser download action."""
    if not os.path.exists(filename):
        raise FileNotFoundError(f"Cannot find file: {filename}")
    calls.append(("download", str(filename)))

"""That the machine is like Colab's: its versions, nothing of ours yet, a Drive that fails as people report it."""

from pathlib import Path

import pytest
from machine import FAKE, Machine, new_machine
from packaging.requirements import Requirement

LINES = Path(__file__).with_name("colab.txt").read_text(encoding="utf-8").splitlines()
PINS = [Requirement(line) for line in LINES if line and not line.startswith("#")]
ASK = """
import os, pathlib, sys
from google.colab import calls, drive, files, userdata

def tell(ask):
    try:
        print(ask())
    except Exception as error:
        print(type(error).__name__, error)

at = pathlib.Path(sys.argv[1], "drive")
"""


@pytest.fixture(scope="module")
def versions(tmp_path_factory) -> dict[str, str]:
    return new_machine(tmp_path_factory.mktemp("colab") / "machine").versions()


@pytest.mark.parametrize("pin", PINS, ids=[pin.name for pin in PINS])
def test_it_has_colabs_versions(pin, versions):
    assert versions[pin.name.lower()] in pin.specifier


def test_it_lacks_what_colab_lacks_and_this_project(versions):
    assert {"open_clip_torch", "ftfy", "t2i-utils"}.isdisjoint(versions)


def ask(machine: Machine, *lines: str, extra: dict[str, str] | None = None) -> list[str]:
    """What these lines print on the machine."""
    return machine.call("-c", ASK + "\n".join(lines), machine.content, extra=extra).stdout.splitlines()


def test_a_file_on_drive_outlives_the_session(machine):
    ask(machine, "drive.mount(at)", "(at / 'MyDrive/a').write_text('kept')", "drive.flush_and_unmount()")
    assert not (machine.content / "drive").exists()
    assert ask(machine, "drive.mount(at)", "tell((at / 'MyDrive/a').read_text)")[-1] == "kept"


def test_a_second_mount_changes_nothing_unless_it_is_forced(machine):
    first, second, third = ask(machine, "drive.mount(at)", "drive.mount(at)", "drive.mount(at, force_remount=True)")
    assert first == third == f"Mounted at {machine.content / 'drive'}"
    assert second.startswith("Drive already mounted at")


def test_a_restarted_kernel_finds_drive_mounted(machine):
    assert ask(machine, "drive.mount(at)")[0].startswith("Mounted at")
    assert ask(machine, "drive.mount(at)")[0].startswith("Drive already mounted at")


def test_drive_can_be_refused(machine):
    said = ask(machine, "tell(lambda: drive.mount(at))", extra={"FAKE_DRIVE_FAULT": "refused"})
    assert said == ["MessageError Error: credential propagation was unsuccessful"]


def test_drive_dies_in_mid_run_and_lives_again_when_it_is_mounted_anew(machine):
    look = "tell(lambda: os.listdir(at / 'MyDrive'))"
    lines = ["drive.mount(at)", look, look, look, "tell((at / 'MyDrive').exists)", "drive.mount(at, True)", look]
    fault = {"FAKE_DRIVE_FAULT": "107", "FAKE_DRIVE_GOOD": "1", "FAKE_DRIVE_HEALS": "1"}
    said = ask(machine, *lines, extra=fault)
    dead = f"OSError [Errno 107] Transport endpoint is not connected: '{machine.content}/drive/MyDrive'"
    assert said[1:] == ["[]", dead, dead, "False", said[0], "[]"]


def test_files_come_and_go_and_secrets_are_missing(machine, tmp_path):
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "flower.txt").write_text("red")
    upload, none, secret, noted = (
        "tell(lambda: files.upload(sys.argv[1]))",
        "tell(lambda: files.download('no.txt'))",
        "tell(lambda: userdata.get('HF_TOKEN'))",
        "files.download(sys.argv[1]); print(calls[-1][0])",
    )
    said = ask(machine, upload, none, secret, noted, extra={"FAKE_UPLOADS": str(tmp_path / "up")})
    assert said[1:] == [
        "{'flower.txt': b'red'}",
        "FileNotFoundError Cannot find file: no.txt",
        "SecretNotFoundError Secret HF_TOKEN does not exist.",
        "download",
    ]
    assert (machine.content / "flower.txt").read_text() == "red"


def test_the_pretended_package_is_found_on_such_a_machine_only(machine):
    assert machine.call("-c", "import google.colab as c; print(c.__file__)").stdout.startswith(str(FAKE))
    with pytest.raises(ModuleNotFoundError, match="google"):
        __import__("google.colab")

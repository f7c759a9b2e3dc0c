"""Where this runs and what follows from it; every place is faked, no GPU, Drive or network is used."""

import importlib.metadata
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch

from t2i_utils import __version__, colab

ROOT = Path(__file__).resolve().parents[1]
GPU = torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """A plain terminal in an empty folder, whatever machine the tests run on."""
    for name in ("T2I_WORKSPACE", "T2I_PROFILE", "COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE", "VSCODE_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.chdir(tmp_path)


def pretend_notebook(monkeypatch, names=()):
    shell = types.SimpleNamespace(kernel=object(), user_ns=dict.fromkeys(names))
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))


def pretend_colab(monkeypatch, mount):
    drive = types.SimpleNamespace(mount=mount)
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    module = types.ModuleType("google.colab")
    module.drive = drive
    monkeypatch.setitem(sys.modules, "google.colab", module)


def pretend_gpu(monkeypatch, capability, arch_list=("sm_75", "sm_90a")):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)  # what a T4 says
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: "Pretended GPU")
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: list(arch_list))


def test_importing_it_does_no_work():
    code = "import sys; from t2i_utils import colab; print(sorted({'torch', 'numpy', 'IPython'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_place_is_recognised(monkeypatch):
    assert colab.where() == "plain"
    pretend_notebook(monkeypatch)
    assert colab.where() == "jupyter"
    pretend_notebook(monkeypatch, ["__vsc_ipynb_file__"])
    assert colab.where() == "vscode"
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert colab.where() == "kaggle"
    pretend_colab(monkeypatch, mount=None)
    assert colab.where() == "colab"


def test_a_script_in_vs_codes_terminal_is_plain_python(monkeypatch):
    monkeypatch.setenv("VSCODE_PID", "1")
    assert colab.where() == "plain"


def test_the_workspace_is_in_the_checkout_unless_it_is_named(monkeypatch, tmp_path):
    assert colab.checkout() == ROOT
    monkeypatch.setattr(colab, "checkout", lambda: tmp_path / "clone")
    assert colab.workspace() == tmp_path / "clone" / "runs"
    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path / "a" / "b"))
    assert colab.workspace() == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").is_dir()


def test_an_installed_copy_works_in_the_current_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(colab, "__file__", str(tmp_path / "site-packages" / "t2i_utils" / "colab.py"))
    assert colab.checkout() is None
    assert colab.workspace() == tmp_path / "runs"


def test_a_workspace_that_cannot_be_made_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path / "file" / "runs"))
    with pytest.raises(OSError, match=r"file/runs cannot be made .* T2I_WORKSPACE"):
        colab.workspace()


def test_drive_is_left_alone_unless_asked_for(monkeypatch):
    def mount(folder):
        raise AssertionError("mounted without being asked")

    pretend_colab(monkeypatch, mount)
    assert colab.offer_drive(False) is None


def test_drive_elsewhere_is_declined_and_says_where_things_stay(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path))
    assert colab.offer_drive(True) is None
    assert f"stays in {tmp_path}" in capsys.readouterr().out


def test_a_drive_that_fails_says_what_it_means(monkeypatch, tmp_path, capsys):
    def mount(folder, force_remount):
        raise ValueError("mount failed")

    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path))
    pretend_colab(monkeypatch, mount)
    assert colab.offer_drive(True) is None
    said = capsys.readouterr().out
    assert "ValueError: mount failed" in said
    assert "gone when the session ends" in said


@pytest.mark.parametrize("heals", [True, False])
def test_a_mount_that_died_is_mounted_anew_once(monkeypatch, tmp_path, capsys, heals):
    asked = []

    def mount(folder, force_remount):
        asked.append(force_remount)

    def ask(folder):
        if not (heals and asked[-1]):
            raise OSError(107, "Transport endpoint is not connected")

    monkeypatch.setattr(colab, "CONTENT", tmp_path)
    monkeypatch.setattr(colab.os, "listdir", ask)
    pretend_colab(monkeypatch, mount)
    assert colab.offer_drive(True) == (tmp_path / "drive" / "MyDrive" / "t2i" if heals else None)
    assert asked == [False, True]
    assert ("Drive is mounted" if heals else "Errno 107") in capsys.readouterr().out


def test_a_mounted_drive_promises_what_is_kept_and_no_more(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(colab, "CONTENT", tmp_path)
    pretend_colab(monkeypatch, lambda folder, force_remount: None)
    colab.offer_drive(True)
    said = capsys.readouterr().out
    kept, _, gone = said.partition("nothing else is")
    for word in ("data files", "checkpoints", "encoders", str(tmp_path / "drive" / "MyDrive" / "t2i")):
        assert word in kept
    assert "download" in gone
    assert "gallery" in gone


def test_the_device_is_the_gpu_that_torch_can_use(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert colab.choose_device() == torch.device("cpu")
    pretend_gpu(monkeypatch, (7, 5))
    assert colab.choose_device() == GPU


def test_a_gpu_too_old_for_this_torch_is_said_aloud(monkeypatch):
    pretend_gpu(monkeypatch, (6, 0))
    with pytest.warns(UserWarning, match=r"Pretended GPU .*6\.0.* too old"):
        assert colab.choose_device() == torch.device("cpu")


@pytest.mark.parametrize(
    ("capability", "precision", "half"),
    [
        ((7, 5), "auto", torch.float16),
        ((7, 5), "fp16", torch.float16),
        ((7, 5), "float32", None),
        ((8, 0), "auto", torch.bfloat16),
        ((9, 0), "bf16", torch.bfloat16),
        ((9, 0), "fp16", torch.float16),
    ],
)
def test_precision_on_a_gpu_goes_by_compute_capability(monkeypatch, capability, precision, half):
    pretend_gpu(monkeypatch, capability)
    assert colab.half_dtype(GPU, precision) is half


def test_a_cpu_computes_in_float32_unless_bf16_is_asked_for():
    cpu = torch.device("cpu")
    assert colab.half_dtype(cpu) is None
    assert colab.half_dtype(cpu, "float32") is None
    assert colab.half_dtype(cpu, "bf16") is torch.bfloat16


def test_precisions_that_a_device_lacks_are_refused_with_a_way_out(monkeypatch):
    with pytest.raises(ValueError, match=r"fp16 needs a GPU.* use float32 or bf16"):
        colab.half_dtype(torch.device("cpu"), "fp16")
    with pytest.raises(ValueError, match="got 'half'"):
        colab.half_dtype(torch.device("cpu"), "half")
    pretend_gpu(monkeypatch, (7, 5))
    with pytest.raises(ValueError, match=r"no bf16 convolutions.* use fp16 or float32"):
        colab.half_dtype(GPU, "bf16")


def test_the_profile_follows_the_device_the_field_and_the_environment(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert colab.choose_profile("auto") == "demo"
    assert colab.choose_profile("smoke") == "smoke"
    pretend_gpu(monkeypatch, (9, 0))
    assert colab.choose_profile() == "full"
    monkeypatch.setenv("T2I_PROFILE", "smoke")
    assert colab.choose_profile("full") == "smoke"


def test_an_unknown_profile_says_where_it_came_from(monkeypatch):
    with pytest.raises(ValueError, match="the profile is one of auto, smoke, demo, full, got 'quick'"):
        colab.choose_profile("quick")
    monkeypatch.setenv("T2I_PROFILE", "quick")
    with pytest.raises(ValueError, match="T2I_PROFILE is one of"):
        colab.choose_profile("demo")


def test_the_report_is_one_line_with_everything_a_bug_report_needs(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path))
    line = colab.report("smoke", "bf16")
    assert "\n" not in line
    for part in (
        "plain Python",
        "CPU",
        "bf16",
        "profile smoke",
        f"GB free in {tmp_path}",
        __version__,
        torch.__version__,
    ):
        assert part in line


def test_requirements_come_without_their_reasons():
    lines = colab.requirements()
    assert "open_clip_torch>=3.2,<4" in lines
    assert not any("#" in line for line in lines)


def test_only_what_is_missing_is_installed_and_what_is_here_is_kept(monkeypatch, capsys):
    here = {"torch": "2.11.0+cu128", "numpy": "2.1.0"}
    monkeypatch.setattr(colab, "requirements", lambda: ["torch>=2.8", "numpy>=1.26", "ftfy>=6.1"])
    monkeypatch.setattr(colab, "_version", here.get)
    seen = {}

    def run(command, **options):
        seen["asked"] = command[command.index("--constraint") + 2 :]
        seen["kept"] = Path(command[command.index("--constraint") + 1]).read_text().split()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert colab.install_missing() == ["ftfy>=6.1"]
    assert seen == {"asked": ["ftfy>=6.1"], "kept": ["torch==2.11.0+cu128", "numpy==2.1.0"]}
    assert "ftfy" in capsys.readouterr().out


def test_nothing_is_run_where_nothing_is_missing(monkeypatch):
    monkeypatch.setattr(colab, "requirements", lambda: ["pytest>=1"])
    monkeypatch.setattr(subprocess, "run", None)
    assert colab.install_missing() == []


def test_a_failed_installation_ends_with_pips_reason_and_the_way_out(monkeypatch):
    monkeypatch.setattr(colab, "missing", lambda: ["ftfy>=6.1"])
    failed = subprocess.CompletedProcess([], 1, "", "one\nERROR: no internet\nERROR: see a page")
    monkeypatch.setattr(subprocess, "run", lambda command, **options: failed)
    with pytest.raises(RuntimeError, match=r"ftfy>=6\.1; it said: ERROR: no internet.*Internet"):
        colab.install_missing()


def test_a_copied_folder_without_metadata_knows_no_requirements(monkeypatch, tmp_path):
    def unknown(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(colab, "checkout", lambda: None)
    monkeypatch.setattr(importlib.metadata, "distribution", unknown)
    assert colab.requirements() == []


DENORMAL = """
import torch
from t2i_utils.colab import choose_device
choose_device()
torch.set_num_threads(2)
print(int((torch.full((4_000_000,), 1e-38) * 1e-3).count_nonzero()))
"""


@pytest.mark.skipif(not torch.set_flush_denormal(False), reason="this processor cannot flush denormal numbers")
def test_on_a_cpu_every_thread_flushes_what_is_too_small_to_matter():
    result = subprocess.run(
        [sys.executable, "-c", DENORMAL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    assert result.stdout.strip() == "0"

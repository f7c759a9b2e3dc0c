"""Colab without Colab: its versions in an environment of their own (`make test-colab`), its own package pretended.

Real here: the versions of colab.txt, with Colab's Python where this machine has it; pip, asked for what Colab lacks
and held to what is there; kernels that run whole notebooks; a file that outlives the kernel.

Pretended, so that nothing is proven of it:
- `google.colab` (fake/): a Drive that is a local folder. Its faults are those that people report: a refused window,
  errno 107 and 5. Drive's slowness, its quota, writes that never arrive and stat on a dead mount are not here.
- the page: no browser draws a form or a widget, nobody presses a button, and a cell's fields are set in its source.
- /content: a folder of the test, set by one line more in the setup cell (machine.open_in_colab).
- the machine: no GPU, so no fp16; no limits of disk, memory and time; Colab's other packages (TensorFlow, JAX) are
  missing.

A session begins on a fresh machine: an environment made in a moment over the one that holds Colab's versions. What
pip installs lands in it and goes with it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from machine import Machine, new_machine, project


@pytest.fixture
def machine(tmp_path) -> Machine:
    """A machine for one test."""
    return new_machine(tmp_path / "machine")


@pytest.fixture(scope="session")
def clone(tmp_path_factory) -> Path:
    """A clone of this project as it is now."""
    return project(tmp_path_factory.mktemp("clone") / "project")

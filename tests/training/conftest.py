"""Where a run's checkpoints lie here, and where on what plays Drive."""

import pytest


@pytest.fixture
def here(tmp_path):
    return tmp_path / "run" / "checkpoints"


@pytest.fixture
def drive(tmp_path):
    return tmp_path / "drive" / "run" / "checkpoints"

"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from firmtrade_core.paths import PROJECT, data_folder
from tests.limits import HANGS

# The same examples in every run: a test that fails must fail for everybody, on a slow or busy machine too.
settings.register_profile("deterministic", derandomize=True, database=None, deadline=None)
settings.load_profile("deterministic")

# Most tests of pages move one plain tariff; what a reader's session opens with has tests of its own.
os.environ["FIRMTRADE_OPENING"] = "us_ten_points"
# Bands cost seconds of the processor for every scenario opened; they have tests of their own.
os.environ["FIRMTRADE_BANDS"] = "off"
# One line of jobs stands before the whole machine, with one place on two cores: no test's job waits for another worker's.
os.environ["FIRMTRADE_JOBS"] = "32"


#: Compiles what the engine's ensembles run, and keeps it on disk.
COMPILE = """
from firmtrade_core.analysis.uncertainty import bands
from firmtrade_core.scenarios import load_preset
from firmtrade_core.world.embedded import load_embedded_world
from tests.limits import HANGS
bands(load_preset("us_ten_points"), load_embedded_world(), draws=40, laws=False)
"""


def pytest_configure(config: pytest.Config) -> None:
    """In a new checkout one process compiles first: workers that do so at the same time get code that differs in last digits."""
    alone = not hasattr(config, "workerinput")
    if alone and not any((PROJECT / "firmtrade_core").rglob("*.nbi")):
        subprocess.run([sys.executable, "-c", COMPILE], cwd=PROJECT, check=False, timeout=HANGS)


@pytest.fixture
def needs_data() -> Callable[[str], Path]:
    """Path of a real data set, by folder name; skips where it is missing, fails under FIRMTRADE_STRICT=1."""

    def folder(name: str) -> Path:
        path = data_folder() / name
        if path.is_dir():
            return path
        reason = f"{path} is missing; the README says where the data come from (FIRMTRADE_DATA)"
        if os.environ.get("FIRMTRADE_STRICT") == "1":
            pytest.fail(reason)
        pytest.skip(reason)

    return folder

"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from firmtrade_core.paths import data_folder

# The same examples in every run: a test that fails must fail for everybody, on a slow or busy machine too.
settings.register_profile("deterministic", derandomize=True, database=None, deadline=None)
settings.load_profile("deterministic")

# Most tests of pages move one plain tariff; what a reader's session opens with has tests of its own.
os.environ["FIRMTRADE_OPENING"] = "us_ten_points"
# Bands cost seconds of the processor for every scenario opened; they have tests of their own.
os.environ["FIRMTRADE_BANDS"] = "off"


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

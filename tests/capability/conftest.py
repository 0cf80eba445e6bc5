"""Lets the tests here import the designs beside them, and spares them large forests."""

import sys
from pathlib import Path

import pytest

from firmtrade_core.capability import additive_trees, rivals

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def few_trees(request, monkeypatch) -> None:
    """Rivals with few trees and no search, but in tests of the truth."""
    if request.node.get_closest_marker("truth") is None:
        monkeypatch.setattr(additive_trees, "TREES", 20)
        monkeypatch.setattr(additive_trees, "KEPT", 15)
        monkeypatch.setattr(rivals, "LEAVES", (8,))
        monkeypatch.setattr(rivals, "MOST_TREES", 60)

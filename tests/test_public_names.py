"""What rooms list as theirs can be had from them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

import firmtrade_core

ROOMS = sorted(path.parent.name for path in Path(firmtrade_core.__file__).parent.glob("*/__init__.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_listed_is_given_out(room: str) -> None:
    module = import_module(f"firmtrade_core.{room}")
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_a_name_of_nobody_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = import_module("firmtrade_core.gravity").nothing

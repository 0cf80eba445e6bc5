"""Scenarios that the product ships."""

from __future__ import annotations

from functools import cache

from firmtrade_core.paths import asset
from firmtrade_core.scenarios.errors import ScenarioError, suggestion
from firmtrade_core.scenarios.schema import Scenario


@cache
def preset_names() -> tuple[str, ...]:
    """Names of the shipped scenarios, in the order in which the product offers them."""
    return tuple(path.stem.split("_", 1)[1] for path in sorted(asset("presets").glob("[0-9][0-9]_*.yaml")))


@cache
def load_preset(name: str) -> Scenario:
    """A shipped scenario.

    Raises
    ------
    ScenarioError
        If there is none of that name; suggests those that look alike.
    """
    if name not in preset_names():
        hint = suggestion(name, preset_names()) or f" There are: {', '.join(preset_names())}."
        raise ScenarioError(f"No preset is called {name!r}.{hint}")
    (path,) = asset("presets").glob(f"[0-9][0-9]_{name}.yaml")
    return Scenario.from_yaml(path.read_bytes())

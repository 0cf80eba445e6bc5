"""Scenarios and schedules that the product ships."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

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


@cache
def load_schedule(name: str) -> Mapping[str, float]:
    """Points added by exporter's code, from ``assets/schedules``.

    Raises
    ------
    ScenarioError
        If there is no such table.
    """
    shipped = {path.stem: path for path in asset("schedules").glob("*.csv")}
    if name not in shipped:
        raise ScenarioError(f"No schedule is called {name!r}. There are: {', '.join(sorted(shipped))}.")
    with shipped[name].open(encoding="utf-8", newline="") as file:
        return MappingProxyType({row["exporter"]: float(row["added_tariff"]) for row in csv.DictReader(file)})

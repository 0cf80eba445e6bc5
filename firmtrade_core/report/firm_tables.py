"""Tables of a firm view to take away."""

from __future__ import annotations

import pandas as pd

from firmtrade_core.analysis.firm_view import FirmView
from firmtrade_core.labels import in_words
from firmtrade_core.report.export import (
    About,
    Table,
    about_certificate,
    about_scenario,
    about_world,
    written_now,
)
from firmtrade_core.scenarios import Scenario
from firmtrade_core.scenarios.home import GRADES


class PrivateError(ValueError):
    """A single real firm is not written to a file."""


def about_view(view: FirmView, scenario: Scenario) -> About:
    """Where a firm view's numbers come from.

    Raises
    ------
    PrivateError
        If it is about a single real firm.
    """
    if view.profile.single and not view.home.synthetic:
        raise PrivateError("Single real firms are not written to files; take a profile.")
    world = view.equilibrium.world
    attributes = "; ".join(
        f"{name.replace('_', ' ')} {value:g}" for name, value in view.profile.attributes.items()
    )
    return (
        ("Firm", f"{view.profile.label}, {world.sector_name(world.sectors[view.profile.sector])}"),
        ("Attributes", attributes or "none given"),
        ("Firms", view.home.source),
        *about_scenario(scenario, view.equilibrium),
        *about_world(world),
        *about_certificate(view.equilibrium),
        ("Band", "90 %: of chances, the firm's own capability; of upgrades, the error of the effect"),
        written_now(),
    )


def destinations_table(view: FirmView) -> Table:
    """Chances, sales and obstacles by destination."""
    found = view.destinations
    columns: dict[str, pd.Series] = {
        "Destination": found["name"],
        "Code": found["code"],
        "Chance, baseline": 100 * found["chance_before"],
        "Chance, scenario": 100 * found["chance_after"],
        "Chance, low": 100 * found["low"],
        "Chance, high": 100 * found["high"],
        "Expected exports, baseline": found["exports_before"],
        "Expected exports, scenario": found["exports_after"],
        "Sales if there": found["sales_if"],
        "Cost of being there": found["cost_if"],
        "Tariff": 100 * found["tariff"],
        "Chance without the tariff": 100 * found["without_tariff"],
        "What stands in the way": found["obstacle"],
    }
    if view.profile.served is not None:
        columns["Serves it already"] = found["served"].map({True: "yes", False: "no"})
    percent = [name for name in columns if name.startswith("Chance") or name == "Tariff"]
    money = [
        name
        for name in columns
        if name.startswith("Expected") or name in ("Sales if there", "Cost of being there")
    ]
    units = dict.fromkeys(percent, "%") | dict.fromkeys(money, "million USD a year")
    return Table("destinations", f"{view.profile.label}: destinations", pd.DataFrame(columns), units)


def upgrades_table(view: FirmView) -> Table:
    """What upgrades would do, with bands and evidence."""
    measures = {
        "Capability": ("capability", "log points"),
        "Fixed costs": ("fixed_cost", "%"),
        "Expected exports": ("exports", "million USD a year"),
        "Expected markets": ("markets", "markets"),
        "Pays up to": ("worth", "million USD a year"),
    }
    rows, units = [], {}
    for each in view.upgrades:
        row: dict[str, object] = {
            "Upgrade": in_words(each.attribute),
            "One unit is": each.effect.unit or "one unit",
        }
        for label, (name, unit) in measures.items():
            for end, value in zip(("", ", low", ", high"), getattr(each, name), strict=True):
                row[f"{label}{end}"] = value
                units[f"{label}{end}"] = unit
        rows.append(row | {"Evidence": GRADES[each.effect.grade], "Estimate": each.effect.source})
    return Table("upgrades", f"{view.profile.label}: upgrades", pd.DataFrame(rows), units)

"""Tables of a firm view to take away."""

from __future__ import annotations

import pandas as pd

from firmtrade_core.home.home import GRADES
from firmtrade_core.home.view import FirmView
from firmtrade_core.labels import columns_of, in_words, registered
from firmtrade_core.report.export import (
    About,
    Table,
    about_certificate,
    about_scenario,
    about_world,
    table,
    written_now,
)
from firmtrade_core.scenarios import Scenario


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
    in_percent = ("stays", "chance_before", "chance_after", "low", "high", "tariff", "without_tariff")
    found = view.destinations.assign(**{name: 100 * view.destinations[name] for name in in_percent})
    columns = columns_of("firm_destinations")
    left_out = () if view.record is not None else ("sold_before", "sold_after", "stays")
    if view.profile.served is None:
        left_out = (*left_out, "served")
    else:
        found["served"] = found["served"].map({True: "yes", False: "no"})
    columns = {name: column for name, column in columns.items() if name not in left_out}
    return table("destinations", f"{view.profile.label}: destinations", found, columns)


def upgrades_table(view: FirmView) -> Table:
    """What upgrades would do, with bands and evidence."""
    measures = {
        "capability": "capability",
        "fixed_cost": "fixed_cost",
        "exports": "expected_exports",
        "markets": "expected_markets",
        "worth": "worth",
    }
    ends = {
        f"{name}{end}": registered(key).within(suffix=end) for name, key in measures.items() for end in _ENDS
    }
    rows = [
        {"upgrade": in_words(each.attribute), "unit": each.effect.unit or "one unit"}
        | {
            f"{name}{end}": value
            for name in measures
            for end, value in zip(_ENDS, getattr(each, name), strict=True)
        }
        | {"evidence": GRADES[each.effect.grade], "estimate": each.effect.source}
        for each in view.upgrades
    ]
    columns = {
        "upgrade": registered("upgrade"),
        "unit": registered("attribute_unit"),
        **ends,
        "evidence": registered("evidence"),
        "estimate": registered("estimate_of"),
    }
    frame = pd.DataFrame(rows, columns=list(columns))
    return table("upgrades", f"{view.profile.label}: upgrades", frame, columns)


#: A value and the ends of its interval.
_ENDS = ("", ", low", ", high")

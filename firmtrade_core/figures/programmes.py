"""Charts of what a firm programme achieves: where new exporters go, which goods they sell, where jobs move."""

from __future__ import annotations

import numpy as np

from firmtrade_core.analysis.programmes import ProgrammeResult
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.bars import value_bars
from firmtrade_core.figures.chart import Chart
from firmtrade_core.figures.outcomes import Outcome
from firmtrade_core.figures.world_map import world_map
from firmtrade_core.labels import Variable, change, listed, number, shows

#: Pixels for names of sectors: half a column at 1280 pixels must leave room for bars.
SECTOR_WIDTH = 200

NEW_EXPORTERS = Variable(
    "new_exporters",
    "Firms that sell there",
    "firms",
    "Firms of the home country present in the market with the programme, less those without it.",
    "M̂ n(k') - n(k), summed over sectors (MODEL 2)",
    "firms",
)


def new_exporters(result: ProgrammeResult) -> Outcome:
    """Change in the number of home firms by destination, missing at home."""
    columns = ("pairs", "pairs_before", "pairs_after")
    values = np.full((3, len(result.with_it.world.countries)), np.nan)
    values[:, result.destinations.index] = result.destinations[list(columns)].to_numpy(float).T
    return Outcome(NEW_EXPORTERS, values[0], values[1], values[2])


def new_exporters_map(result: ProgrammeResult, *, scale: float, subtitle: str, source: str) -> Chart:
    """Where the home country's new exporters sell."""
    world = result.with_it.world
    leading = result.destinations.sort_values("pairs", ascending=False)
    most = [str(name) for name in leading["name"][leading["pairs"] >= 0.5][:3]]
    title = (
        f"{change(result.new_pairs, 'firm-market pairs')}, most in {listed(most)}"
        if most
        else "No market gains exporters"
    )
    drawn = new_exporters(result)
    return world_map(
        drawn,
        world,
        scale=scale,
        chosen=world.countries[result.home],
        title=title,
        subtitle=subtitle,
        source=source,
    )


def extra_exports_bars(result: ProgrammeResult, *, subtitle: str, source: str) -> Chart:
    """Extra exports by sector, in the world's order."""
    table = result.products
    values = table["exports"].to_numpy(float)
    top = int(np.abs(values).argmax())
    name = str(table["name"].iloc[top])
    title = f"Exports of {name[:1].lower()}{name[1:]} move most: {change(float(values[top]), 'm USD')}"
    if not shows(float(values[top]), "m USD"):
        title = "Exports stay as they are in every sector"
    notes = [f"<br>{change(float(pairs), 'firm-market pairs')}" for pairs in table["pairs"]]
    names = [str(n) for n in table["name"]]
    return value_bars(names, values, "m USD", title, subtitle, source, name_width=SECTOR_WIDTH, notes=notes)


def destination_bars(result: ProgrammeResult, *, subtitle: str, source: str, most: int = 14) -> Chart:
    """Extra exports by destination, the largest changes first."""
    table = result.destinations.sort_values("exports", key=abs, ascending=False).head(most)
    values = table["exports"].to_numpy(float)
    up = sum(shows(float(v), "m USD") for v in result.destinations["exports"] if v > 0)
    title = f"Exports rise to {up} of {len(result.destinations)} markets"
    notes = [f"<br>{change(float(pairs), 'firms')}" for pairs in table["pairs"]]
    return value_bars(
        table["name"].tolist(), values, "m USD", title, subtitle, source, name_width=150, notes=notes
    )


def moved_jobs_bars(result: ProgrammeResult, *, subtitle: str, source: str) -> Chart:
    """Jobs by sector: persons where the firms' table knows them, else percent."""
    table, unit = result.jobs, "persons" if "persons" in result.jobs else "%"
    values = table["persons" if unit == "persons" else "percent"].to_numpy(float)
    world = result.with_it.world
    names = [world.sector_name(code) for code in table["sector"]]
    gain, loss = int(values.argmax()), int(values.argmin())
    title = "Jobs stay where they are"
    if (
        shows(float(values[gain]), unit)
        and shows(float(values[loss]), unit)
        and values[loss] < 0 < values[gain]
    ):
        lost = values[loss] / values[values < 0].sum()
        # Percents of sectors do not add up: only persons can tell from where most come.
        whence = "mostly from" if lost > 0.5 else "the most from"
        title = f"Jobs move to {_lower(names[gain])}, {whence} {_lower(names[loss])}"
        if unit == "%":
            title = f"Jobs grow most in {_lower(names[gain])} and shrink most in {_lower(names[loss])}"
    notes = [f"<br>{change(float(percent), '%')} of the sector's jobs" for percent in table["percent"]]
    return value_bars(names, values, unit, title, subtitle, source, name_width=SECTOR_WIDTH, notes=notes)


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def finding(result: ProgrammeResult) -> str:
    """What the programme achieves, in one sentence; no ratio without a cost."""
    home, account = country_name(result.after.home.country), result.account
    policy = result.card.policy.replace("_", " ")
    text = (
        f"{policy[:1].upper()}{policy[1:]} reaches {number(result.treated, significant=3)} firms of {home}, "
        f"makes {number(result.new_exporters, significant=3)} more export"
    )
    if not account.known:
        worth = account.break_even
        if worth <= 0:
            return f"{text}, and is worth nothing at any cost"
        return f"{text}, and would pay for itself up to {number(worth, significant=3)} USD a year for each firm treated"
    if account.people_pay > 0:
        return f"{text}, and returns {number(account.ratio, significant=3)} dollars of income for each dollar that people pay"
    return text

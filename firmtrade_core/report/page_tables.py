"""The tables of the expert pages, to be taken away with their units, and what they say about themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from firmtrade_core.analysis.heterogeneity import LAWS, Laws
from firmtrade_core.analysis.steps import STEPS, Steps
from firmtrade_core.analysis.who_gains import (
    concentration,
    exposed_suppliers,
    sectors_table,
    single_sources,
)
from firmtrade_core.attribution import Attribution
from firmtrade_core.channels.from_panel import ChannelReport
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.gravity.estimate import GravityEstimate
from firmtrade_core.gravity.events import EventStudy
from firmtrade_core.report.export import About, Table, about_certificate, about_world, written_now
from firmtrade_core.report.gravity_words import anticipation_words, dropped, equation_words, term_name
from firmtrade_core.world.elasticities import elasticity_sets
from firmtrade_core.world.world import World

# Who gains --------------------------------------------------------------------------------------


def who_gains_tables(equilibrium: Equilibrium, country: str, cut_off: pd.DataFrame) -> list[Table]:
    """What the page Who gains shows of a country.

    Parameters
    ----------
    equilibrium, country
    cut_off
        As `worst_cut_off` gives it.
    """
    name = country_name(country)
    return [
        _named(
            "sectors_at_home",
            f"{name}: what changes by sector",
            sectors_table(equilibrium, country),
            {
                "name": ("Sector", ""),
                "sector": ("Code", ""),
                "exports": ("Exports, change", "%"),
                "output": ("Output, change", "%"),
                "jobs": ("Jobs, change", "%"),
                "wages_bill": ("Real wages bill, change in %", "%"),
                "wages_bill_change": ("Real wages bill, change in dollars", "bn USD"),
                "share": ("Share of labour income before", "fraction"),
            },
        ),
        _named(
            "cut_off",
            f"{name}: real income without trade with one partner, others substituting",
            cut_off,
            {
                "name": ("Partner", ""),
                "partner": ("Code", ""),
                "trade_share": ("Share of trade", "fraction"),
                "real_income": ("Real income, change", "%"),
                "loss": ("Loss", "bn USD"),
            },
        ),
        _named(
            "concentration",
            f"{name}: concentration of trade (Herfindahl index, 1 = all with one)",
            concentration(equilibrium, country),
            {
                "what": ("Trade", ""),
                "before": ("Herfindahl index, before", "0 to 1"),
                "after": ("Herfindahl index, after", "0 to 1"),
                "largest": ("Largest, after", ""),
                "largest_share": ("Share of the largest, after", "fraction"),
            },
        ),
        _named(
            "single_sources",
            f"{name}: imports of which one supplier has over half",
            single_sources(equilibrium, country),
            {
                "name": ("Imports", ""),
                "sector": ("Code", ""),
                "supplier": ("Supplier", ""),
                "share_of_imports": ("Share of imports", "fraction"),
                "share_of_use": ("Share of all use", "fraction"),
            },
        ),
        _named(
            "exposed_suppliers",
            f"{name}: suppliers of home industries that shrink",
            exposed_suppliers(equilibrium, country),
            {
                "name": ("Supplier", ""),
                "sector": ("Code", ""),
                "exposure": ("Share of sales to them", "fraction"),
                "pull": ("Pull on its sales", "%"),
            },
        ),
    ]


def firm_group_table(groups: Mapping[str, pd.DataFrame], titles: Mapping[str, str]) -> Table:
    """Groups of home firms by what they gain; withheld ones stay empty."""
    rows = [
        (titles[kind], row["label"], row["percent"], "withheld" if pd.isna(row["percent"]) else "")
        for kind, found in groups.items()
        for row in found.to_dict("records")
    ]
    columns = ["Grouped by", "Group", "Sales in units of home wages, change", "Note"]
    frame = pd.DataFrame(rows, columns=columns)
    return Table("firm_groups", "Home firms by group: what changes", frame, {columns[2]: "%"})


# Role of heterogeneity --------------------------------------------------------------------------


def law_tables(laws: Laws) -> list[Table]:
    """One shock under each law of firms, and the elasticities by market."""
    name = country_name(laws.country)
    elasticities = laws.elasticities().assign(law=lambda frame: frame["law"].map(LAWS))
    return [
        _named(
            "laws_of_firms",
            f"{name}: the same shock under each law of firms",
            laws.table(),
            {
                "label": ("Law of firms", ""),
                "real_income": ("Real income, change", "%"),
                "welfare": ("Equivalent variation", "bn USD a year"),
                "exports": ("Exports, change", "%"),
                "imports": ("Imports, change", "%"),
                "exporters": ("Exporters, change", "%"),
            },
        ),
        _named(
            "elasticities_by_market",
            f"{name}: elasticity of exports to variable costs, by market and law",
            elasticities,
            {
                "name": ("Market", ""),
                "destination": ("Code", ""),
                "law": ("Law of firms", ""),
                "elasticity": ("Elasticity to variable costs", "absolute value"),
                "presence": ("Share of potential firms present", "fraction"),
                "exports": ("Exports before", "bn USD"),
            },
        ),
    ]


def step_table(found: Sequence[Steps]) -> Table:
    """Competition, firms alike and firms that differ, with and without links, and the split of what lies between."""
    models = pd.concat([steps.table().assign(kind=steps.kind) for steps in found], ignore_index=True)
    parts = [
        {"kind": steps.kind, "label": f"Part: {STEPS[step].lower()}", "with_links": value}
        for steps in found
        for step, value in steps.parts().items()
    ]
    return _named(
        "steps",
        f"{country_name(found[0].country)}: from competition to firms that differ",
        pd.concat([models, pd.DataFrame(parts)], ignore_index=True),
        {
            "kind": ("Same elasticity to", ""),
            "label": ("Model or part", ""),
            "with_links": ("Real income with links, or part", "%; parts in percentage points"),
            "without_links": ("Real income without links", "%"),
        },
    )


def about_laws(laws: Laws) -> About:
    """The certificate of every law's result."""
    lines = [(f"{LAWS[law]}: {term}", words) for law, result in laws.results.items()
             for term, words in about_certificate(result) if term != "Versions"]  # fmt: skip
    shared = "the trade elasticity of the scenario: its trade-weighted mean over all countries' exports is the same"
    return (("All laws share", shared), *lines, *(("Note", note) for note in laws.notes))


# Attribution ------------------------------------------------------------------------------------


def attribution_tables(found: Attribution) -> list[Table]:
    """Sources of a change of exports: in all, and by partner and product."""
    name = country_name(found.country)
    labels = dict(zip(found.waterfall()["source"], found.waterfall()["label"], strict=True))
    cells = found.cells()
    cells = cells.assign(
        source=cells["source"].map(labels),
        name=cells["destination"].map(country_name),
        product=cells["sector"].map(found.world.sector_name),
    )
    return [
        _named(
            "sources_of_change",
            f"{name}: sources of the change of exports, {found.title}",
            found.waterfall(),
            {
                "label": ("Source", ""),
                "explanation": ("What it is", ""),
                "change": ("Change", "bn USD"),
                "percent": ("Of exports before", "%"),
            },
        ),
        _named(
            "change_by_cell",
            f"{name}: every partner, product and source, {found.title}",
            cells,
            {
                "name": ("Destination", ""),
                "destination": ("Destination code", ""),
                "product": ("Product", ""),
                "sector": ("Product code", ""),
                "source": ("Source", ""),
                "change_musd": ("Change", "m USD"),
            },
        ),
    ]


def about_growth(found: Attribution, earlier: World, later: World, elasticity: float) -> About:
    """Growth between two years: both worlds, and what is assumed."""
    return (
        ("Question", f"growth of exports of {country_name(found.country)}, {found.title}"),
        ("Assumption", found.assumption),
        ("Trade elasticity", f"{elasticity:g}, chosen"),
        *((f"Earlier: {term}", words) for term, words in about_world(earlier)),
        *((f"Later: {term}", words) for term, words in about_world(later)),
        ("Interval", "none yet: numbers are point estimates"),
        written_now(),
    )


# Gravity ----------------------------------------------------------------------------------------

_LOGS = "per unit of the regressor, on log trade"


def coefficient_table(found: GravityEstimate) -> Table:
    """Coefficients with errors and intervals."""
    level = f"{100 * found.specification.confidence:.0f} %"
    table = found.table().assign(name=lambda frame: frame["term"].map(term_name))
    return _named(
        "coefficients",
        "Gravity: coefficients",
        table,
        {
            "name": ("Regressor", ""),
            "term": ("As written", ""),
            "estimate": ("Estimate", _LOGS),
            "std_error": ("Standard error", _LOGS),
            "statistic": ("z", ""),
            "p_value": ("p", "probability"),
            "low": (f"{level} interval, low", _LOGS),
            "high": (f"{level} interval, high", _LOGS),
        },
    )


def fitted_table(found: GravityEstimate, unit: str) -> Table:
    """Actual and fitted flows of the sample.

    Parameters
    ----------
    found
    unit
        Of the panel's flows.
    """
    kinds = {"trade": ("Trade, actual", unit), "fitted": ("Trade, fitted", unit)}
    keys = {key: (key.capitalize(), "") for key in ("exporter", "importer", "sector", "year")}
    return _named("fitted", "Gravity: actual and fitted flows", found.cells, keys | kinds)


def event_table(study: EventStudy) -> Table:
    """Leads and lags of a policy, and what they add up to."""
    columns = {
        "horizon": ("Horizon", "years since the policy"),
        "estimate": ("Estimate", "log trade"),
        "low": ("Interval, low", "log trade"),
        "high": ("Interval, high", "log trade"),
        "cumulated": ("Added up since the policy", "log trade"),
        "cumulated_low": ("Added up, interval, low", "log trade"),
        "cumulated_high": ("Added up, interval, high", "log trade"),
    }
    return _named(
        "before_and_after", f"Trade before and after: {term_name(study.policy)}", study.table, columns
    )


def about_estimate(found: GravityEstimate, trade: str, content_hash: str) -> About:
    """What an estimate rests on.

    Parameters
    ----------
    found
    trade
        Name of the flows.
    content_hash
        Of the flows.
    """
    values = "consumer values, tariffs included" if found.flow_values == "consumer" else "border values"
    return (
        ("Trade", f"{trade}; {values}"),
        ("Goods", ", ".join(found.sectors)),
        ("Equation", equation_words(found.specification)),
        ("Observations", dropped(found)),
        ("Interval", f"normal, {100 * found.specification.confidence:.0f} %, errors clustered as said"),
        *(("Note", note) for note in found.notes),
        ("Content hash of the equation", found.specification.content_hash),
        ("Content hash of the trade", content_hash),
        written_now(),
    )


def about_study(study: EventStudy, trade: str, content_hash: str) -> About:
    """What an event study rests on, with its test of the leads."""
    return (
        ("Before the policy", anticipation_words(study)),
        *about_estimate(study.estimate, trade, content_hash),
    )


def elasticity_table() -> Table:
    """Every set of trade elasticities, a row per sector."""
    rows = []
    for shown in elasticity_sets().values():
        for sector, value in shown.by_sector.items():
            low, high = shown.intervals.get(sector, (np.nan, np.nan))
            status = shown.estimates[sector].status if sector in shown.estimates else "published"
            rows.append(
                (shown.name, shown.label, sector, value, low, high, status, shown.kind, shown.flow_values, shown.source)
            )  # fmt: skip
    columns = ["Set", "Label", "Sector", "Elasticity", "95 % interval, low", "95 % interval, high", "Status",
               "Elasticity to", "Flow values", "Source"]  # fmt: skip
    units = dict.fromkeys(columns[3:6], "absolute value")
    return Table("trade_elasticities", "Trade elasticities by set and sector", pd.DataFrame(rows, columns=columns), units)  # fmt: skip


# Channels ---------------------------------------------------------------------------------------


def effects_table(report: ChannelReport) -> Table:
    """Effects of attributes with intervals and evidence."""
    frame = report.table.to_frame()
    frame.columns = [name.removesuffix(", %") for name in frame.columns]
    units = {name: "%" for name in frame.columns if name.startswith(("trade cost", "fixed cost"))}
    units |= {name: "log points" for name in frame.columns if name.startswith("capability")}
    units["fixed cost saving"] = "log points"
    names = {name: name[:1].upper() + name[1:] for name in frame.columns}
    units = {names[name]: unit for name, unit in units.items()}
    return Table("effects", "Effects of firms' attributes, per unit", frame.rename(columns=names), units)


def about_effects(report: ChannelReport) -> About:
    """Whose firms the effects are of, and what to make of them."""
    kind = "synthetic: no such firm exists" if report.synthetic else "real firms; averages only"
    return (
        ("Firms", f"{report.panel}, {report.year}: {report.firms:,}, {report.markets} destinations; {kind}"),
        ("Elasticity of substitution", f"{report.table.elasticity_of_substitution:g}"),
        ("Reading", "evidence says how far an effect may be taken for causal; association is none"),
        *(("No effect", f"{name}: {why}") for name, why in report.table.refused.items()),
        *(("Capability", note) for note in report.capability),
        ("Content hash", report.content_hash),
        written_now(),
    )


def _named(key: str, title: str, frame: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> Table:
    """A table with some columns, renamed as people read them, and their units."""
    shown = frame[[*columns]].rename(columns={name: words for name, (words, _) in columns.items()})
    return Table(key, title, shown, {words: unit for words, unit in columns.values() if unit})

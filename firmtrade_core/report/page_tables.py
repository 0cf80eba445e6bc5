"""The tables of the expert pages, to be taken away with their units, and what they say about themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from firmtrade_core.analysis.heterogeneity import LAWS, Laws
from firmtrade_core.analysis.robustness import Robustness
from firmtrade_core.analysis.steps import STEPS, Steps
from firmtrade_core.analysis.uncertainty import COUNTRY_OUTCOMES, WORLD_OUTCOMES, Band, Bands
from firmtrade_core.analysis.value_chains import value_chains
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
from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.events import EventStudy
from firmtrade_core.labels import columns_of, grouped, in_words
from firmtrade_core.published.replication import Report
from firmtrade_core.report.banded_tables import HIGH, LOW, with_ends
from firmtrade_core.report.export import About, Table, about_certificate, about_world, table, written_now
from firmtrade_core.words.gravity import anticipation_words, dropped, equation_words, term_name
from firmtrade_core.world.elasticities import elasticity_sets
from firmtrade_core.world.world import World

# Who gains --------------------------------------------------------------------------------------


def who_gains_tables(
    equilibrium: Equilibrium, country: str, cut_off: pd.DataFrame, trade: pd.DataFrame | None = None
) -> list[Table]:
    """What the page Who gains shows of a country.

    Parameters
    ----------
    equilibrium, country
    cut_off
        As `worst_cut_off` gives it.
    trade
        As `worth_of_trade` gives it, where it does.
    """
    name = country_name(country)
    worth = []
    if trade is not None:
        worth = [table("gains_from_trade", "What trade is worth: real income against autarky", trade)]
    return [
        table("sectors_at_home", f"{name}: what changes by sector", sectors_table(equilibrium, country)),
        *worth,
        table("cut_off", f"{name}: real income without trade with one partner, others substituting", cut_off),
        table(
            "concentration",
            f"{name}: concentration of trade (Herfindahl index, 1 = all with one)",
            concentration(equilibrium, country),
        ),
        table(
            "single_sources",
            f"{name}: imports of which one supplier has over half",
            single_sources(equilibrium, country),
        ),
        table(
            "exposed_suppliers",
            f"{name}: suppliers of home industries that shrink",
            exposed_suppliers(equilibrium, country),
        ),
    ]


def value_chain_tables(world: World, country: str) -> list[Table]:
    """Value chains of a country's accounts: sectors, and partners by dependence."""
    found, name = value_chains(world), country_name(country)
    return [
        table(
            "value_chain_sectors",
            f"{name}: value added at home in exports, and sales until final use",
            found.sectors(country),
        ),
        table("value_chain_partners", f"{name}: value added by who finally uses it", found.exposure(country)),
    ]


def firm_group_table(groups: Mapping[str, pd.DataFrame], titles: Mapping[str, str]) -> Table:
    """Groups of home firms by what they gain; withheld ones stay empty."""
    rows = [
        (titles[kind], row["label"], row["percent"], "withheld" if pd.isna(row["percent"]) else "")
        for kind, found in groups.items()
        for row in found.to_dict("records")
    ]
    frame = pd.DataFrame(rows, columns=list(columns_of("firm_groups")))
    return table("firm_groups", "Home firms by group: what changes", frame)


# Role of heterogeneity --------------------------------------------------------------------------


def law_tables(laws: Laws) -> list[Table]:
    """One shock under each law of firms, and the elasticities by market."""
    name = country_name(laws.country)
    elasticities = laws.elasticities().assign(law=lambda frame: frame["law"].map(LAWS))
    return [
        table("laws_of_firms", f"{name}: the same shock under each law of firms", laws.table()),
        table(
            "elasticities_by_market",
            f"{name}: elasticity of exports to variable costs, by market and law",
            elasticities,
        ),
    ]


def step_table(found: Sequence[Steps]) -> Table:
    """Competition, firms alike and firms that differ, with and without links, and the split of what lies between."""
    models = pd.concat(
        [steps.table().assign(kind=steps.kind, Unit="%") for steps in found], ignore_index=True
    )
    parts = [
        {"kind": steps.kind, "label": f"Part: {STEPS[step].lower()}", "with_links": value, "Unit": "points"}
        for steps in found
        for step, value in steps.parts().items()
    ]
    return table(
        "steps",
        f"{country_name(found[0].country)}: from competition to firms that differ",
        pd.concat([models, pd.DataFrame(parts)], ignore_index=True),
    )


def about_laws(laws: Laws) -> About:
    """The certificate of every law's result."""
    lines = [(f"{LAWS[law]}: {term}", words) for law, result in laws.results.items()
             for term, words in about_certificate(result) if term != "Versions"]  # fmt: skip
    shared = "the trade elasticity of the scenario: its trade-weighted mean over all countries' exports is the same"
    return (("All laws share", shared), *lines, *(("Note", note) for note in laws.notes))


# Attribution ------------------------------------------------------------------------------------


def attribution_tables(found: Attribution, bands: Mapping[str, Band] | None = None) -> list[Table]:
    """Sources of a change of exports: in all, with their bands where they are drawn, and by partner and product.

    Parameters
    ----------
    found
    bands
        By source, as `bands_of_sources` gives them.
    """
    name = country_name(found.country)
    labels = dict(zip(found.waterfall()["source"], found.waterfall()["label"], strict=True))
    cells = found.cells()
    cells = cells.assign(
        source=cells["source"].map(labels),
        name=cells["destination"].map(country_name),
        product=cells["sector"].map(found.world.sector_name),
    )
    sources = table(
        "sources_of_change", f"{name}: sources of the change of exports, {found.title}", found.waterfall()
    )
    if bands is not None:
        keys = [*found.waterfall()["source"]]
        ends = {LOW: [bands[key].low for key in keys], HIGH: [bands[key].high for key in keys]}
        sources = with_ends(sources, "Change", ends)
    return [
        sources,
        table("change_by_cell", f"{name}: every partner, product and source, {found.title}", cells),
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


def coefficient_table(found: GravityEstimate) -> Table:
    """Coefficients with errors and intervals."""
    level = f"{100 * found.specification.confidence:.0f} % "
    columns = columns_of("coefficients")
    columns |= {end: columns[end].within(level) for end in ("low", "high")}
    frame = found.table().assign(name=lambda frame: frame["term"].map(term_name))
    return table("coefficients", "Gravity: coefficients", frame, columns)


def fitted_table(found: GravityEstimate, unit: str) -> Table:
    """Actual and fitted flows of the sample.

    Parameters
    ----------
    found
    unit
        Of the panel's flows.
    """
    return _flows_table("fitted", "Gravity: actual and fitted flows", found.cells, unit)


def predicted_table(predicted: pd.DataFrame, unit: str) -> Table:
    """Actual flows and those an estimate predicts, in or out of its sample.

    Parameters
    ----------
    predicted
        The panel's rows with a column ``predicted``.
    unit
        Of the panel's flows.
    """
    return _flows_table("predicted", "Gravity: actual and predicted flows", predicted, unit)


def _flows_table(key: str, title: str, frame: pd.DataFrame, unit: str) -> Table:
    columns = columns_of(key)
    columns |= {name: columns[name].within(unit=unit) for name in ("trade", key)}
    return table(key, title, frame, columns)


def gravity_effects_table(effects: pd.DataFrame) -> Table:
    """All fixed effects of an estimate, as `gravity.effects.effects_table` gives them."""
    return table("effects", "Gravity: fixed effects", effects, columns_of("gravity_effects"))


def gravity_change_table(by_country: pd.DataFrame) -> Table:
    """What changes of regressors do by country, as `GravityCounterfactual.table` gives it."""
    return table("gravity_change", "Gravity: what a change would do", by_country)


def event_table(study: EventStudy) -> Table:
    """Leads and lags of a policy, and what they add up to."""
    return table("before_and_after", f"Trade before and after: {term_name(study.policy)}", study.table)


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
    frame = pd.DataFrame(rows, columns=list(columns_of("trade_elasticities")))
    return table("trade_elasticities", "Trade elasticities by set and sector", frame)


# Channels ---------------------------------------------------------------------------------------


#: Percent from which a change says no more than its logs do; left empty in tables, beside the logs.
_TELLING_PERCENT = 10_000.0


def effects_table(report: ChannelReport) -> Table:
    """Effects of attributes with intervals and evidence; ends of intervals that run beyond a hundredfold are left empty in percent."""
    frame = report.table.to_frame()
    percents = [name for name in map(str, frame) if name.endswith(", %")]
    frame[percents] = frame[percents].where(frame[percents].abs() <= _TELLING_PERCENT)
    return table(
        "effects", "Effects of firms' attributes, of a usual step", frame, columns_of("channel_effects")
    )


def about_effects(report: ChannelReport) -> About:
    """Whose firms the effects are of, and what to make of them."""
    kind = "synthetic: no such firm exists" if report.synthetic else "real firms; averages only"
    return (
        (
            "Firms",
            f"{report.panel}, {report.year}: {grouped(report.firms)}, {report.markets} destinations; {kind}",
        ),
        ("Elasticity of substitution", f"{report.table.elasticity_of_substitution:g}"),
        ("Reading", "evidence says how far an effect may be taken for causal; association is none"),
        *(("No effect", f"{name}: {why}") for name, why in report.table.refused.items()),
        *(("Capability", note) for note in report.capability),
        ("Content hash", report.content_hash),
        written_now(),
    )


# Replication ------------------------------------------------------------------------------------


def replication_table(report: Report) -> Table:
    """Every number of a replication beside the published one, with its band, why that is what it is, and the verdict."""
    rows = report.table().astype({"published": float})
    return table(report.name.replace("-", "_"), report.title, rows, columns_of("replication"))


def band_table(found: Bands) -> Table:
    """Every outcome of every country and of the world with its 90 % band, a row each, in the row's unit."""
    frames = []
    for key in (*COUNTRY_OUTCOMES, *WORLD_OUTCOMES):
        frame = found.table(key).assign(outcome=in_words(key))
        frame["country"] = frame.get("country", "world")
        frames.append(frame)
    rows = pd.concat(frames, ignore_index=True)
    columns = {name: column for name, column in columns_of("bands").items() if name in rows}
    return table("bands", "Bands (90 %) and other laws of firms", rows, columns)


def robustness_table(found: Robustness) -> Table:
    """A headline under every alternative choice, a row each, and the kinds of choices that cannot move it with the reason."""
    rows = found.table()
    signs = {True: "yes", False: "no"}
    rows["same_sign"] = ["" if pd.isna(sign) else signs[bool(sign)] for sign in rows["same_sign"]]
    return table(
        "robustness",
        f"{country_name(found.country)}: {in_words(found.outcome)} under alternative choices",
        rows,
    )

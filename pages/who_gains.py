"""Who gains: sectors, jobs and firms at home, exposed suppliers, dependence on partners, and safeguards."""

from __future__ import annotations

from concurrent.futures import Future
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from firmtrade_core.analysis.programmes import jobs_table
from firmtrade_core.analysis.value_chains import MIX_OF_ORIGINS, value_chains
from firmtrade_core.analysis.who_gains import (
    concentration,
    exposed_suppliers,
    firm_groups,
    safeguards,
    sectors_table,
    single_sources,
    worst_cut_off,
    worst_together,
    worth_of_trade,
    worth_sentence,
)
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.states import origin
from firmtrade_core.figures import headlines
from firmtrade_core.figures.bars import value_bars
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.inclusion import Inclusion, inclusion
from firmtrade_core.home.outcomes import firm_outcomes
from firmtrade_core.labels import change, grouped, in_percent, number
from firmtrade_core.margins import FirmsMargins
from firmtrade_core.report.export import about_result
from firmtrade_core.report.page_tables import firm_group_table, value_chain_tables, who_gains_tables
from firmtrade_core.scenarios import Scenario, compile
from firmtrade_core.scenarios.assumptions import assumed
from firmtrade_core.words.scenario import countries as spoken
from firmtrade_core.world.world import World
from pages.parts.data.worlds import short_sources, shown
from pages.parts.firms.diversification import spread_of_exports
from pages.parts.firms.firm_imports import imported_inputs
from pages.parts.firms.home import home_line, home_or_complaint, look_at_home
from pages.parts.firms.inclusion import reached_and_gaining
from pages.parts.frame import chart
from pages.parts.frame.exports import several_downloads
from pages.parts.frame.looking import country_chooser
from pages.parts.frame.opened import allowed
from pages.parts.frame.page import (
    certificate_line,
    complain,
    heading,
    headline_strip,
    notes,
    open_page,
    table,
    warn,
)
from pages.parts.frame.presets import sentence
from pages.parts.frame.store import Store, current
from pages.parts.result import bands
from pages.parts.result.budget import show_budget
from pages.parts.result.solving import UnsolvedError, solve_in, solve_scenario

_GROUPS = {
    "class": "size of firm, persons engaged",
    "size": "size of firm, tenths by sales over all sectors",
    "exporting": "exporting",
    "region": "region",
    "skill": "skill of workers",
}

_MOST_CUT_OFF = 5


@st.cache_data(show_spinner=False, max_entries=40)
def _cut_off(result: str, country: str, _equilibrium: Equilibrium) -> pd.DataFrame:
    return worst_cut_off(_equilibrium, country, _MOST_CUT_OFF)


@st.cache_data(show_spinner=False, max_entries=40)
def _together(result: str, country: str, _equilibrium: Equilibrium, _alone: pd.DataFrame) -> pd.DataFrame:
    return worst_together(_equilibrium, country, _alone)


@st.cache_data(show_spinner=False, max_entries=20)
def _firm_groups(
    result: str, home_hash: str, _equilibrium: Equilibrium, _scenario: Scenario, _home: HomeFirms
) -> dict[str, pd.DataFrame]:
    treatment = compile(_scenario, origin(_equilibrium), _home).treatment
    assert treatment is not None
    wage = _equilibrium.wage_change[_equilibrium.world.country_index(_home.country)]
    return firm_groups(firm_outcomes(_equilibrium, treatment), float(wage))


@st.cache_resource(show_spinner=False, max_entries=8)
def _inclusion(
    result: str, home_hash: str, _equilibrium: Equilibrium, _scenario: Scenario, _home: HomeFirms
) -> Inclusion:
    treatment = compile(_scenario, origin(_equilibrium), _home).treatment
    assert treatment is not None
    return inclusion(_equilibrium, treatment)


def _bars(
    names: list[str], values: np.ndarray, title: str, subtitle: str, source: str, *, key: str, result: str
) -> None:
    drawn = value_bars(names, values, "%", title, subtitle, source, name_width=256)
    chart.draw(drawn, key=key, result=result, kind=key)


def _heads_of_sectors(equilibrium: Equilibrium, country: str, home: HomeFirms | None) -> None:
    """Jobs by sector in heads where firms' persons are known, else why they are not."""
    if home is None or home.country != country or "employment" not in home.firms:
        st.html(
            f'<p class="ft-quiet" data-heads="unknown">Jobs in persons: not known for {escape(country_name(country))}. The world\'s '
            "accounts hold wages, not heads; load its firms with their employment to see persons.</p>"
        )
        return
    found = jobs_table(equilibrium, None, home)
    moved = float(found["persons"].clip(lower=0).sum())
    table(
        f"Jobs in persons: {grouped(moved)} move between sectors"
        f"{' (persons of synthetic firms)' if home.synthetic else ''}",
        ("Sector", "Before", "Jobs", "Of the sector"),
        [
            (
                equilibrium.world.sector_name(row["sector"]),
                grouped(row["staff"]),
                change(row["persons"], "persons"),
                change(row["percent"]),
            )
            for row in found.to_dict("records")
        ],
        units={"Before": "persons"},
    )


def _sectors(equilibrium: Equilibrium, country: str, under: str, home: HomeFirms | None) -> None:
    found = sectors_table(equilibrium, country)
    jobs = found["jobs"].to_numpy()
    title = "Jobs stay where they are"
    if np.abs(jobs).max() >= 0.005:
        top = int(np.abs(jobs).argmax())
        name = str(found["name"].iloc[top])
        title = f"Jobs in {name[:1].lower()}{name[1:]} move most: {change(float(jobs[top]))}"
    _bars(
        found["name"].tolist(),
        jobs,
        title,
        f"{country_name(country)}: change in jobs, % · {under}",
        short_sources(equilibrium.world),
        key="jobs",
        result=equilibrium.content_hash,
    )
    _heads_of_sectors(equilibrium, country, home)
    bill = found["wages_bill"].to_numpy()
    rising = int((bill >= 0.005).sum())
    _bars(
        found["name"].tolist(),
        bill,
        f"Real wages bills: {rising} sectors up, {int((bill <= -0.005).sum())} down",
        f"{country_name(country)}: wages paid, deflated by consumer prices, % · {under}",
        short_sources(equilibrium.world),
        key="wages",
        result=equilibrium.content_hash,
    )


@st.cache_data(show_spinner=False, max_entries=12)
def _worth(
    world_hash: str, structure_hash: str, _equilibrium: Equilibrium
) -> tuple[pd.DataFrame | None, str]:
    """What trade is worth to every country under a structure; None and why where that has no answer."""
    try:
        return worth_of_trade(_equilibrium), ""
    except EquilibriumError as error:
        return None, str(error)


def _trade_as_a_whole(equilibrium: Equilibrium, country: str) -> pd.DataFrame | None:
    """Gains from trade against autarky, in words and for the countries next to it in rank."""
    world = equilibrium.world
    found, problem = _worth(world.shown_hash, equilibrium.parameters.content_hash(world), equilibrium)
    heading("What trade is worth")
    words = worth_sentence(found, country) if found is not None else f"Not known here: {problem}"
    st.html(f'<p class="ft-quiet">{escape(words)}</p>')
    return found


def _lost_together(
    drawn: Future[Any] | None, equilibrium: Equilibrium, country: str, alone: pd.DataFrame
) -> None:
    """What the worst two and three partners cost when lost together, once that is known."""
    together = (
        _together(shown(equilibrium), country, equilibrium, alone)
        if drawn is None
        else bands.result_of(drawn)
    )
    if together is None:
        st.html('<p class="ft-quiet">What several of them would cost together follows.</p>')
        return
    if len(together) < 2:
        return
    tried = int(together["sets"].sum())
    table(
        "If several of them were lost together: "
        + (f"the worst of all {tried} sets" if together["exact"].all() else "the worst first"),
        ("Partners lost", "Real income", "Beyond the losses one by one"),
        [
            (str(row["names"]), change(row["real_income"]), change(row["beyond"], "points"))
            for row in together.to_dict("records")
        ],
        words=("Partners lost",),
    )


def _dependence(store: Store, equilibrium: Equilibrium, country: str, under: str) -> None:
    with st.spinner("Cutting off the largest partners, one at a time"):
        found = _cut_off(shown(equilibrium), country, equilibrium)
    known = found.dropna()
    title = "No partner can be cut off and leave an equilibrium"
    if len(known):
        worst = known.to_dict("records")[0]
        title = (
            f"Losing trade with {spoken([str(worst['partner'])]).text} would cost most: {change(worst['real_income'])} of "
            "real income"
        )
    _bars(
        [f"{row['name']} ({in_percent(row['trade_share'])} of trade)" for row in found.to_dict("records")],
        found["real_income"].to_numpy(),
        title,
        f"Real income of {country_name(country)} without any trade with the partner, others substituting, % · {under}",
        short_sources(equilibrium.world),
        key="cut_off",
        result=equilibrium.content_hash,
    )
    # Two dozen solutions: apart, so that the page does not wait, and left alone once the reader leaves.
    drawn = bands.of_work(
        store,
        f"together {shown(equilibrium)} {country}",
        lambda: worst_together(equilibrium, country, found),
        beside="together",
    )
    bands.follow(drawn, lambda: _lost_together(drawn, equilibrium, country, found))
    rows = [
        (
            str(row["what"]),
            number(row["before"]),
            f"{row['largest']} ({in_percent(row['largest_share'])})",
            number(row["after"]),
        )
        for row in concentration(equilibrium, country).to_dict("records")
    ]
    table(
        "Concentration of trade (Herfindahl, 1 = all with one)",
        ("Trade", "Before", "Largest after", "After"),
        rows,
        words=("Largest after",),
        units={"Before": "index, 0 to 1", "After": "index, 0 to 1"},
    )


def _chains(equilibrium: Equilibrium, country: str) -> None:
    """Value chains of the baseline and of the scenario, from the accounts of each."""
    before, after = value_chains(origin(equilibrium)), value_chains(equilibrium.to_world())
    heading("Value chains", "What the country earns from exports, and whom it depends on through others.")
    st.html(f'<p class="ft-quiet">{escape(before.sentence(country))} {escape(MIX_OF_ORIGINS)}</p>')
    later = after.exposure(country).set_index("partner")
    table(
        "Partners by what they use up of the country's earnings",
        (
            "Partner",
            "Used up there",
            "Through third countries",
            "In the scenario",
            "Their share in what is used here",
        ),
        [
            (
                str(row["name"]),
                in_percent(row["sold"]),
                in_percent(row["through_third"]),
                in_percent(float(later.loc[row["partner"], "sold"])),
                in_percent(row["bought"]),
            )
            for row in before.exposure(country).head(6).to_dict("records")
        ],
    )
    then = after.sectors(country)
    rows = [
        (str(row["name"]), in_percent(row["domestic"]), in_percent(later_share), number(row["upstreamness"]))
        for row, later_share in zip(before.sectors(country).to_dict("records"), then["domestic"], strict=True)
        if row["exports"] > 0
    ]
    table(
        "Sectors: earned at home of each dollar of exports, and sales until final use",
        ("Sector", "Earned at home", "In the scenario", "Sales until final use"),
        rows,
        units={"Sales until final use": "sales on the way"},
    )


def _vulnerable(equilibrium: Equilibrium, country: str) -> None:
    table(
        "Single points of failure: over half of imports from one supplier",
        ("Imports", "Supplier", "Of imports", "Of all use"),
        [
            (
                str(row["name"]),
                str(row["supplier"]),
                in_percent(row["share_of_imports"]),
                in_percent(row["share_of_use"]),
            )
            for row in single_sources(equilibrium, country).head(6).to_dict("records")
        ],
        words=("Supplier",),
    )
    found = exposed_suppliers(equilibrium, country)
    if found.empty:
        st.html('<p class="ft-quiet">This world has no input-output links: suppliers cannot be traced.</p>')
        return
    table(
        "Suppliers exposed to home industries that shrink",
        ("Supplier", "Sold to them", "Pull on its sales"),
        [
            (str(row["name"]), in_percent(row["exposure"]), change(row["pull"]))
            for row in found[found["exposure"] > 0].head(5).to_dict("records")
        ],
    )


def _with_own_firms(store: Store, equilibrium: Equilibrium) -> tuple[Equilibrium, Scenario] | None:
    """The scenario with the home country's own firms, as it is or solved so for this page; None after saying why not."""
    scenario = store.scenario
    if isinstance(equilibrium.margins_in_force, FirmsMargins):
        return equilibrium, scenario
    problem = ""
    for elsewhere in dict.fromkeys((scenario.structure.elsewhere, "lognormal")):
        chosen = scenario.structure.model_copy(update={"family": "firms", "elsewhere": elsewhere})
        own = scenario.with_(structure=chosen)
        try:
            return solve_scenario(own, origin(equilibrium))[0], own
        except UnsolvedError as error:
            problem = str(error)
    complain("No firms to show", problem, "Other model choices, in the Scenario lab, may carry them.")
    return None


def _firms(store: Store, equilibrium: Equilibrium, home: HomeFirms | None, under: str) -> None:
    look_at_home(store, home)
    if home is None or home.country != store.country:
        return
    if not home.synthetic and not allowed("groups of firms", home.content_hash, "Who gains"):
        return
    found_own = _with_own_firms(store, equilibrium)
    if found_own is None:
        return
    own, scenario = found_own
    groups = _firm_groups(shown(own), home.content_hash, own, scenario, home)
    title = f"Firms of {country_name(home.country)}{' (synthetic)' if home.synthetic else ''}"
    st.html(f'<h2 class="ft-heading">{escape(title)}</h2>')
    if own is not equilibrium:
        here = own.world.country_index(home.country)
        st.html(
            f'<p class="ft-quiet">Solved with the firms\' own distribution, at the same average trade elasticity: real income '
            f"{change(100 * (float(own.real_income_change[here]) - 1))}, against "
            f"{change(100 * (float(equilibrium.real_income_change[here]) - 1))} under the law chosen in the Scenario lab.</p>"
        )
    left, right = st.columns(2, gap="large")
    for name, found in groups.items():
        with right if name in ("exporting", "region") else left:
            _bars(
                found["label"].tolist(),
                found["percent"].to_numpy(),
                _firm_title(name, found),
                f"Sales in units of home wages, % · by {_GROUPS[name]} · {home.source} · {under}",
                "Groups of fewer than five firms, or led by one, are withheld.",
                key=f"firms_{name}",
                result=own.content_hash,
            )
    _heads_of_groups(groups, home)
    reached_and_gaining(
        _inclusion(shown(own), home.content_hash, own, scenario, home),
        key="who_gains",
        result=own.content_hash,
        under=under,
        about=lambda: about_result(scenario, own),
    )
    imported_inputs(own, scenario, home, under)


def _heads_of_groups(groups: dict[str, pd.DataFrame], home: HomeFirms) -> None:
    """Firms and jobs in heads, by class of size and by region."""
    told = [(name, groups[name]) for name in ("class", "region") if name in groups]
    told = [(name, found) for name, found in told if found["persons"].notna().any()]
    if not told:
        st.html(
            '<p class="ft-quiet">Jobs in persons by group: not told, because these firms are confidential or the persons they '
            "employ are not known.</p>"
        )
        return
    for place, (name, found) in zip(st.columns(2, gap="large"), told, strict=False):
        with place:
            table(
                f"Jobs in persons, by {_GROUPS[name]}{' (synthetic firms)' if home.synthetic else ''}",
                (_GROUPS[name].capitalize(), "How many", "Before", "Jobs"),
                [
                    (
                        str(row["label"]),
                        *(
                            write(row[key]) if np.isfinite(row[key]) else "withheld"
                            for key, write in (
                                ("firms", grouped),
                                ("persons", grouped),
                                ("moved", lambda value: change(value, "persons")),
                            )
                        ),
                    )
                    for row in found.to_dict("records")
                ],
                units={"How many": "firms", "Before": "persons"},
            )


def _take_away(
    store: Store,
    equilibrium: Equilibrium,
    home: HomeFirms | None,
    country: str,
    worth: pd.DataFrame | None,
) -> None:
    cut_off = _cut_off(shown(equilibrium), country, equilibrium)
    tables = who_gains_tables(equilibrium, country, cut_off, worth)
    tables += value_chain_tables(origin(equilibrium), country)
    firms_in_use = isinstance(equilibrium.margins_in_force, FirmsMargins)
    if home is not None and home.country == country and firms_in_use:
        groups = _firm_groups(shown(equilibrium), home.content_hash, equilibrium, store.scenario, home)
        tables.append(firm_group_table(groups, _GROUPS))
    several_downloads(tables, lambda: about_result(store.scenario, equilibrium), key="who_gains")


def _firm_title(name: str, found: pd.DataFrame) -> str:
    known = (
        found[found["group"] != "unknown"]
        .dropna(subset=["percent"])
        .sort_values("percent")
        .to_dict("records")
    )
    if len(known) < 2 or known[-1]["percent"] - known[0]["percent"] < 0.005:
        return f"No difference by {name}"
    low, high = known[0], known[-1]
    last = str(low["label"])
    # Names keep their capital.
    last = last if name == "region" else last[:1].lower() + last[1:]
    return f"{high['label']}: {change(high['percent'])}; {last}: {change(low['percent'])}"


def _page(world: World) -> None:
    store = current(world)
    home = home_or_complaint(world)
    st.html(f'<h1 class="ft-sentence">{sentence(store.scenario, world)}</h1>')
    country = country_chooser(store, world, key="who_gains")
    try:
        equilibrium, read = solve_in(store, world)
    except UnsolvedError as problem:
        complain("No equilibrium to show", str(problem), "Change the scenario in the Scenario lab.")
        return
    drawn = bands.of_scenario(store, store.scenario, world, equilibrium)
    found, said = headlines(equilibrium, country, country_name(country)), assumed(store.scenario, equilibrium)
    bands.follow(
        drawn,
        lambda: headline_strip(
            bands.with_bands(found, drawn, country), equilibrium.content_hash, assumed=(said,)
        ),
    )
    box = safeguards(equilibrium, country)
    warn(
        "Safeguards",
        box.sentence(spoken([country]).text),
        "Workers are taken to find work in other sectors at the going wage: who stays, where and for how long is not in the model.",
    )
    under = f"{world.name} · {store.scenario.name}"
    told = home if home is not None and (home.synthetic or home.public) else None
    left, right = st.columns(2, gap="large")
    with left:
        _sectors(equilibrium, country, under, told)
        show_budget(equilibrium, country)
        worth = _trade_as_a_whole(equilibrium, country)
    with right:
        _dependence(store, equilibrium, country, under)
        _vulnerable(equilibrium, country)
        _chains(equilibrium, country)
    spread_of_exports(store, equilibrium, store.scenario, country, told)
    _firms(store, equilibrium, home, under)
    _take_away(store, equilibrium, home, country, worth)
    notes((home_line(home), *read))
    certificate_line(equilibrium)


_page(open_page("Who gains"))

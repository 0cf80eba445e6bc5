"""Firm view: where one firm could export next, what upgrades would do for it, how much hangs on one partner."""

from __future__ import annotations

from html import escape

import pandas as pd
import streamlit as st

from firmtrade_core.analysis.alternatives import own_law
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.figures import Chart
from firmtrade_core.figures.firm_view import chances_chart, dependence_chart, upgrades_chart
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.home import GRADES
from firmtrade_core.home.outcomes import OwnRecord, own_margins, own_record
from firmtrade_core.home.profile import AttributeReader, Profile, firm_profile
from firmtrade_core.home.treatment import Treatment
from firmtrade_core.home.view import FirmView, Upgrade, firm_view, money
from firmtrade_core.labels import ROW_UNIT, grouped, in_percent, in_words, number
from firmtrade_core.margins import FirmsError
from firmtrade_core.panel.columns import catalogue
from firmtrade_core.report.firm_tables import about_view, destinations_table, upgrades_table
from firmtrade_core.scenarios import Scenario, ScenarioError, compile
from firmtrade_core.scenarios.assumptions import assumed
from firmtrade_core.world.world import World
from pages.parts import chart, pickers
from pages.parts.exports import several_downloads
from pages.parts.firm_choice import Choice, current_choice, may_show_single_firms
from pages.parts.frame import assumed_line, certificate_line, complain, notes, open_page, table
from pages.parts.home import home_line, home_or_complaint
from pages.parts.opened import allowed
from pages.parts.solving import UnsolvedError, solve_scenario
from pages.parts.store import Store, current, seeded
from pages.parts.worlds import short_sources

#: Attributes offered for a profile, at most: those with effects first.
_MOST_ATTRIBUTES = 12


@st.cache_resource(show_spinner="Reading firms' attributes", max_entries=2)
def _reader(home_hash: str, _home: HomeFirms) -> AttributeReader:
    reader = AttributeReader(_home)
    _ = reader.fit
    return reader


@st.cache_resource(show_spinner=False, max_entries=64)
def _record(
    result_hash: str, home_hash: str, row: int, _equilibrium: Equilibrium, _treatment: Treatment
) -> OwnRecord | None:
    return own_record(_equilibrium, _treatment, row)


@st.cache_resource(show_spinner=False, max_entries=8)
def _treatment(
    world_hash: str, scenario_hash: str, home_hash: str, _scenario: Scenario, _world: World, _home: HomeFirms
) -> Treatment | None:
    return compile(_scenario, _world, _home).treatment


def _solved(
    store: Store, world: World, home: HomeFirms
) -> tuple[Equilibrium, Treatment | None, tuple[str, ...]] | None:
    """The scenario under the firms' own law; None after saying why not."""
    problem: Exception | None = None
    for scenario, said in own_law(store.scenario):
        try:
            with st.spinner("Solving the scenario firm by firm"):
                equilibrium, read = solve_scenario(scenario, world)
            treatment = _treatment(
                world.shown_hash, scenario.content_hash, home.content_hash, scenario, world, home
            )
            return equilibrium, treatment, ((said, *read) if said else read)
        except (FirmsError, ScenarioError, UnsolvedError) as error:
            problem = problem or error
    complain("No equilibrium to show", str(problem), "Change the scenario in the Scenario lab.")
    return None


# Who ----------------------------------------------------------------------------------------------


def _who(
    choice: Choice,
    home: HomeFirms,
    world: World,
    equilibrium: Equilibrium,
    treatment: Treatment | None,
    single: bool,
) -> Profile | None:
    sectors = [int(s) for s in own_margins(equilibrium).rows]
    kinds = {"profile": "A profile", **({"firm": "One firm"} if single else {})}
    if choice.kind not in kinds:
        choice.kind = "profile"

    def take_kind(value: str | None) -> None:
        choice.kind = value or choice.kind

    def take_sector(value: int | None) -> None:
        choice.sector = sectors[0] if value is None else value

    row = st.columns([3, 4, 5], vertical_alignment="bottom")
    if len(kinds) > 1:
        row[0].segmented_control(
            "Look at",
            list(kinds),
            format_func=kinds.__getitem__,
            **seeded("firm_kind", choice.kind, take_kind),
        )
    choice.sector = choice.sector if choice.sector in sectors else sectors[0]
    row[1].selectbox(
        "Sector",
        sectors,
        format_func=lambda s: world.sector_name(world.sectors[s]),
        **seeded("firm_sector", choice.sector, take_sector),
    )
    if choice.kind == "firm":
        return _one_firm(choice, home, world, treatment, row[2])
    return _profile(choice, home, world)


def _one_firm(
    choice: Choice,
    home: HomeFirms,
    world: World,
    treatment: Treatment | None,
    place: st.delta_generator.DeltaGenerator,
) -> Profile | None:
    """One of the sector's firms, those with the best chances first."""
    table = home.firms
    own = table.index[home.sector_of(world) == choice.sector]
    ready = table.get("posterior", table["capability"]) + table["fixed_cost_saving"]
    rows = [int(r) for r in ready[own].sort_values(ascending=False, kind="stable").index]
    if choice.row not in rows:
        # The first that exports nowhere: the most telling one to begin with.
        idle = table["markets"] == 0 if "markets" in table else pd.Series(True, index=table.index)
        choice.row = next((r for r in rows if idle[r]), rows[0])

    def take_row(value: int | None) -> None:
        choice.row = rows[0] if value is None else value

    place.selectbox(
        "Firm",
        rows,
        format_func=lambda r: _firm_name(table, r),
        help="In order of capability and fixed costs saved, most able first. Identifiers are not shown.",
        **seeded("firm_row", choice.row, take_row),
    )
    return firm_profile(home, world, choice.row, treatment)


def _firm_name(table: pd.DataFrame, row: int) -> str:
    told = [f"Firm {row + 1}"]
    if "markets" in table:
        count = int(table["markets"].iloc[row])
        told.append("exports nowhere" if not count else f"{count} market{'s' if count > 1 else ''}")
    if "employment" in table and pd.notna(people := table["employment"].iloc[row]):
        told.append(f"{grouped(people)} people")
    return ", ".join(told)


def _profile(choice: Choice, home: HomeFirms, world: World) -> Profile:
    reader = _reader(home.content_hash, home)
    typical = reader.typical(world, choice.sector)
    names = [name for name in reader.names if name in typical][:_MOST_ATTRIBUTES]
    with st.expander("What the firm is like", expanded=True, icon=":material/tune:"):
        columns = st.columns(4)
        for place, name in enumerate(names):
            with columns[place % 4]:
                _attribute(choice, home, name, typical[name])
        if reader.names:
            st.html(
                '<p class="ft-quiet">The rest is as in the sector\'s typical firm. Capability is read off these attributes as '
                f"the estimate reads it (it gives back {in_percent(max(reader.fit, 0.0))} of the differences between "
                "firms set aside): a prediction, not the effect of changing one. Effects stand under Upgrades.</p>"
            )
    values = typical | {name: choice.values[name] for name in names if name in choice.values}
    return reader.profile(choice.sector, values)


def _attribute(choice: Choice, home: HomeFirms, name: str, typical: float) -> None:
    known, column = catalogue("firms").get(name), home.firms[name]
    label = in_words(name)
    label = label[:1].upper() + label[1:]
    value = choice.values.get(name, typical)

    def take(given: float | bool | None) -> None:
        choice.values[name] = float(given or 0.0)

    if set(column.dropna().unique()) <= {0, 1}:
        st.toggle(label, **seeded(f"firm_has_{name}", bool(value >= 0.5), take))
        return
    # Ends of a column are single firms: only its middle is offered.
    shown = pd.Series(home.screen.column(name))
    low, high = (float(shown.quantile(q)) for q in (0.01, 0.99))
    whole = known is not None and known.kind == "whole"
    # Counts and years in whole numbers, whatever the file keeps them as.
    whole = whole or high - low >= 20
    step = 1.0 if whole else max(round((high - low) / 50, 3), 0.001)
    low, high = (round(low / step) * step, round(high / step) * step)
    value = min(max(round(value / step) * step, low), max(high, low + step))
    unit = known.unit if known else ""
    pickers.slider(
        label,
        low,
        max(high, low + step),
        step=step,
        format="%.0f" if whole else "%.2f" if high - low >= 0.1 else "%.3f",
        help=f"{known.meaning if known else 'Attribute of the firm panel'}{f', {unit}' if unit else ''}",
        key=f"firm_is_{name}",
        value=value,
        write=take,
    )


# What ---------------------------------------------------------------------------------------------


def _numbers(view: FirmView) -> None:
    before, after = view.exports
    markets, dependence = view.markets, view.dependence
    best = view.next_markets(1)
    items = [
        (
            "Next market",
            str(best["name"].iloc[0]) if len(best) else "none",
            f"chance {in_percent(best['chance_after'].iloc[0])}" if len(best) else "",
            f"90 %: {in_percent(best['low'].iloc[0])} to {in_percent(best['high'].iloc[0])}"
            if len(best)
            else "",
        ),
        (
            "Expected exports" if view.record is None else "Exports, expected",
            money(after),
            f"baseline {money(before)}" if view.record is None else f"its record: {money(before)}",
            "a year; chance times sales once there"
            if view.record is None
            else "a year; from what it sold itself",
        ),
        (
            "Expected markets",
            number(markets[1]),
            f"baseline {number(markets[0])}" if view.record is None else f"its record: {number(markets[0])}",
            "sum of chances",
        ),
        (
            "Concentration",
            number(dependence.concentration[1]),
            f"baseline {number(dependence.concentration[0])}",
            f"Herfindahl of {'expected' if view.record is None else 'its'} exports, 1 = all with one",
        ),
    ]
    cells = "".join(
        f'<div class="ft-number"><span class="ft-label">{escape(label)}</span><span class="ft-value">{escape(value)}</span>'
        f'<span class="ft-detail">{escape(detail)}</span><span class="ft-band">{escape(band)}</span></div>'
        for label, value, detail, band in items
    )
    st.html(
        "<style>.ft-numbers.ft-four { grid-template-columns: repeat(4, minmax(0, 1fr)); }</style>"
        f'<div class="ft-numbers ft-four" data-result="{escape(view.equilibrium.content_hash)}">{cells}</div>'
    )


def _beside(drawn: Chart, kind: str, result: str) -> st.delta_generator.DeltaGenerator:
    """A chart at the left; what it gives back is the room at its right."""
    left, right = st.columns([5, 7], gap="large")
    with left:
        chart.draw(drawn, key=f"firm_{kind}", result=result, kind=kind, private=True)
    return right


def _next(view: FirmView, under: str, source: str, key: str) -> None:
    drawn = chances_chart(
        view, subtitle=f"Chance of serving the market, %; ring baseline, dot scenario with 90 % band · {under}", source=source
    )  # fmt: skip
    with _beside(drawn, "chances", key):
        rows = [
            (
                str(row["name"]),
                f"{in_percent(row['chance_before'])} → {in_percent(row['chance_after'])}",
                money(float(row["sales_there"])),
                str(row["obstacle"]),
            )
            for row in view.next_markets(8).to_dict("records")
        ]
        table(
            "Where next, and what stands in the way",
            ("Destination", "Chance", "Sales once there, a year", "What stands in the way"),
            rows,
            words=("What stands in the way",),
        )
        if view.profile.served is not None:
            count = len(view.profile.served)
            said = f"It serves {count} market{'s' if count > 1 else ''} already; left out here."
            st.html(f'<p class="ft-quiet">{said if count else "It serves no market yet."}</p>')


def _served(view: FirmView) -> None:
    """What the firm itself sold where, and what becomes of it; nothing without a record."""
    found = view.markets_served()
    if found.empty:
        return
    table(
        "Where it sells: its own record, and what becomes of it",
        ("Destination", "Sold, baseline year", "Scenario, expected", "Chance that it stays"),
        [
            (str(row["name"]), money(row["sold_before"]), money(row["sold_after"]), in_percent(row["stays"]))
            for row in found.to_dict("records")
        ],
    )


def _upgrades(view: FirmView, under: str, source: str, key: str) -> None:
    st.html('<h2 class="ft-heading">Upgrades</h2>')
    if not view.upgrades:
        st.html(
            '<p class="ft-quiet">No attribute with a known effect is left. The file of home firms may hold none: estimate '
            "them on the Channels page.</p>"
        )
        return
    drawn = upgrades_chart(
        view, subtitle=f"Change in expected exports, %, with 90 % band; grey: association only · {under}", source=source
    )  # fmt: skip
    with _beside(drawn, "upgrades", key):
        table(
            "What an upgrade may cost a year and still pay",
            ("Upgrade", "Pays up to", "90 % band", "Evidence"),
            [
                (
                    _upgrade_name(each),
                    money(each.worth[0]),
                    _ends(*map(money, each.worth[1:])),
                    GRADES[each.effect.grade],
                )
                for each in view.upgrades
            ],
            words=("Evidence",),
        )
        like = (
            ""
            if view.record is None
            else " Of firms like it that choose their markets anew, not of its own record."
        )
        st.html(
            '<p class="ft-quiet">Extra variable profit at home and abroad, x/σ, less extra fixed costs. Bands carry the error of '
            f"the effect; other firms and prices stay as they are.{like}</p>"
        )
    table(
        "What an upgrade does",
        (
            "Upgrade",
            "Capability, log points",
            "Fixed costs, %",
            "Expected exports, m USD",
            "Expected markets",
        ),
        [
            (
                _upgrade_name(each),
                *(_band(values) for values in (each.capability, each.fixed_cost, each.exports, each.markets)),
            )
            for each in view.upgrades
        ],
    )


def _upgrade_name(each: Upgrade) -> str:
    name = in_words(each.attribute)
    unit = f" ({each.effect.unit})" if each.effect.unit else ""
    return f"{name[:1].upper()}{name[1:]}{unit}"


def _ends(low: str, high: str) -> str:
    return f"{low} to {high}"


def _band(values: tuple[float, float, float]) -> str:
    value, low, high = (number(v, signed=True) for v in values)
    return f"{value} ({_ends(low, high)})"


def _dependence(view: FirmView, under: str, source: str, key: str) -> None:
    st.html('<h2 class="ft-heading">Partner risk</h2>')
    whose = "expected exports" if view.record is None else "its exports: record and what is expected of it"
    subtitle = f"Share of {whose}, %; grey baseline, colour scenario · {under}"
    with _beside(dependence_chart(view, subtitle=subtitle, source=source), "dependence", key):
        found = view.dependence
        rows = [
            ("Concentration (Herfindahl index, 0 to 1)", *(number(v) for v in found.concentration)),
            ("Largest partner", *(country_name(code) for code in found.largest)),
            ("Its share of exports", *(in_percent(v) for v in found.share)),
            ("Its share of all sales", *(in_percent(v) for v in found.sales_share)),
            ("Profit lost if it is cut off, a year", *(money(v) for v in found.loss)),
        ]
        table(
            "If the largest partner were cut off",
            ("Measure", "Baseline", "Scenario"),
            rows,
            units={"Baseline": ROW_UNIT, "Scenario": ROW_UNIT},
        )
        st.html(
            '<p class="ft-quiet">Profit lost: variable profit less the fixed costs saved, if nothing replaces the partner. Whole '
            "countries cut off, with substitution, stand under Who gains.</p>"
        )


def _downloads(view: FirmView, store: Store, single_real: bool) -> None:
    if single_real:
        st.html(
            '<p class="ft-quiet">Numbers of a single real firm stay on this screen: no file, no link.</p>'
        )
        return
    several_downloads(
        (destinations_table(view), upgrades_table(view)), lambda: about_view(view, store.scenario), key="firm"
    )


def _page(world: World) -> None:
    store, choice = current(world), current_choice()
    home = home_or_complaint(world)
    head = st.container()
    if home is None:
        head.html('<h1 class="ft-sentence">Where could one firm export next?</h1>')
        notes((home_line(home),))
        return
    solved = _solved(store, world, home)
    if solved is None:
        return
    equilibrium, treatment, read = solved
    single = may_show_single_firms(home, store)
    if not home.synthetic and not allowed(
        "single firms" if single else "profiles of firms", home.content_hash, "Firm view"
    ):
        return
    profile = _who(choice, home, world, equilibrium, treatment, single)
    if profile is None:
        return
    try:
        record = None
        if profile.single:
            record = _record(
                equilibrium.content_hash,
                home.content_hash,
                choice.row,
                equilibrium,
                treatment or Treatment.none(home),
            )
        view = firm_view(equilibrium, home, profile, record)
    except ComparisonError as error:
        complain("This firm cannot be shown", str(error), "Choose another sector.")
        return
    head.html(f'<h1 class="ft-sentence">{escape(view.sentence())}</h1>')
    _numbers(view)
    assumed_line(assumed(store.scenario, equilibrium))
    kind = "synthetic firms" if home.synthetic else "firms"
    who = f"{profile.label}, {kind} of {country_name(home.country)}"
    under = f"{who} · {world.name} · {store.scenario.name}"
    source = f"{short_sources(world)} Firms: {home.source}."
    key = f"{equilibrium.content_hash}-{profile.content_hash}"
    _served(view)
    _next(view, under, source, key)
    _upgrades(view, under, source, key)
    _dependence(view, under, source, key)
    _downloads(view, store, profile.single and not home.synthetic)
    said = [home_line(home), *read]
    if not single:
        said.append(
            "Single firms are real: they are shown only where nobody else can look, and never while presenting."
        )
    if profile.treated:
        said.append(
            "Programmes of the scenario reach this firm in part; the scenario's numbers are their mean."
        )
    notes(tuple(said))
    certificate_line(equilibrium)


_page(open_page("Firm view"))

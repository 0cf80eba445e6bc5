"""Trade costs: gravity estimates, what they fit, the resistances they imply, and the elasticities to choose from."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.sectors import BROAD_SECTORS, FINER_SECTORS, broad_sector
from firmtrade_core.figures import Chart, Outcome, world_map
from firmtrade_core.figures.trade_costs import actual_and_fitted, coefficients_over_years, interval_plot
from firmtrade_core.gravity.cross_sections import ALL_GOODS as YEARLY_ALL
from firmtrade_core.gravity.cross_sections import read_years
from firmtrade_core.gravity.errors import GravityError
from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.panel import GravityPanel, TariffUnit
from firmtrade_core.gravity.structure import ad_valorem_equivalent, read_structure
from firmtrade_core.labels import Variable, grouped, in_percent, level, number, probability
from firmtrade_core.paths import asset
from firmtrade_core.report.export import About, Table, about_world, written_now
from firmtrade_core.report.gravity_code import latex_table, python_code
from firmtrade_core.report.page_tables import (
    about_estimate,
    coefficient_table,
    elasticity_table,
    fitted_table,
)
from firmtrade_core.scenarios.estimated_policy import estimated_policy
from firmtrade_core.words.gravity import dropped, equation_words, term_name
from firmtrade_core.world.elasticities import ElasticitySet, elasticity_sets
from firmtrade_core.world.embedded import BORDER_PREMIUM, DISTANCE_ELASTICITY
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.money import BY_COLUMN, known_currencies
from firmtrade_core.world.world import World
from pages.parts.costs import trade_panels as panels
from pages.parts.costs.event_study import before_and_after
from pages.parts.costs.own_equation import own_equation
from pages.parts.costs.trade_panels import ALL_GOODS, Choices, PanelFile, choices
from pages.parts.data.worlds import searched, short_sources
from pages.parts.frame import access, chart
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.looking import country_box, say_where
from pages.parts.frame.page import complain, heading, open_page, table
from pages.parts.frame.pickers import places
from pages.parts.frame.store import Store, current, seeded
from pages.parts.frame.templates import templates

_PROBLEM = "panel_problem"

#: How tariffs of an uploaded panel are written.
_TARIFF_UNITS = {
    "check": "fractions (0.10), if they do not look like percent",
    "fraction": "fractions, however high",
    "percent": "percent (10)",
}

#: Choices of money other than a currency.
_AS_THEY_ARE = {"": "the file's own money", BY_COLUMN: "what the column currency tells"}

#: Costs in tariff equivalents need an elasticity; one value keeps all terms comparable.
ELASTICITY = 4.0

MAPS = {
    "residuals": "What the estimate misses",
    "inward": "Inward resistance (buyers)",
    "outward": "Outward resistance (sellers)",
}

#: Half-ranges of the maps' colours: log points, percent.
SCALES = {"residuals": 2.0, "inward": 50.0, "outward": 50.0}


# What is estimated -------------------------------------------------------------------------------


def _write(name: str) -> Callable[[object], None]:
    def write(value: object) -> None:
        setattr(choices(), name, value)

    return write


def _controls(world: World, panel: GravityPanel, chosen: Choices) -> None:
    sectors = [ALL_GOODS, *(world.sectors[k] for k in np.flatnonzero(_goods(world)))]
    if chosen.source != "world":
        sectors = [ALL_GOODS, *panel.sectors] if len(panel.sectors) > 1 else [ALL_GOODS]
    chosen.sector = chosen.sector if chosen.sector in sectors else ALL_GOODS
    st.selectbox(
        "Goods",
        sectors,
        format_func=lambda s: (
            "All goods" if s == ALL_GOODS else world.sector_name(s) if s in world.sectors else s
        ),
        help="All goods: one flow per pair in the shipped world; all sectors pooled, with effects by sector, in a panel.",
        **seeded("gravity_sector", chosen.sector, _write("sector")),
    )
    known = panels.regressors_of(panel)
    kept = [r for r in chosen.regressors if r in known] or known[:1]
    chosen.regressors = tuple(kept)
    st.multiselect(
        "Explained by",
        known,
        format_func=term_name,
        **seeded("gravity_regressors", kept, lambda v: _write("regressors")(tuple(v) or tuple(kept))),
    )
    st.segmented_control(
        "Estimator",
        ["ppml", "ols"],
        format_func={"ppml": "PPML", "ols": "OLS on logs"}.__getitem__,
        help="PPML keeps zero flows and stays consistent whatever the error's spread (Santos Silva and Tenreyro 2006).",
        **seeded("gravity_estimator", chosen.estimator, lambda v: _write("estimator")(v or "ppml")),
    )
    st.selectbox(
        "Errors clustered by",
        ["pair", "symmetric", "multiway"],
        format_func={
            "pair": "Pair, each direction",
            "symmetric": "Pair, both directions together",
            "multiway": "Exporter and importer",
        }.__getitem__,
        **seeded("gravity_clusters", chosen.clusters, _write("clusters")),
    )
    if panel.domestic.any():
        st.toggle(
            "Sales at home in the sample",
            help="They identify the border and the resistances.",
            **seeded("gravity_domestic", chosen.domestic, _write("domestic")),
        )
    if len(panel.years) > 1:
        _over_years(chosen)


def _over_years(chosen: Choices) -> None:
    st.toggle(
        "Pair effects",
        help="Take up all that a pair keeps over the years; distance then has no coefficient of its own.",
        **seeded("gravity_pairs", chosen.pair_effects, _write("pair_effects")),
    )
    st.toggle(
        "Borders by year", **seeded("gravity_borders", chosen.borders_by_year, _write("borders_by_year"))
    )
    st.number_input(
        "Every so many years", 1, 10, **seeded("gravity_interval", chosen.interval, _write("interval"))
    )


def _goods(world: World) -> np.ndarray:
    return np.ones(len(world.sectors), dtype=bool) if world.goods is None else world.goods


def _source(world: World, chosen: Choices) -> None:
    there = panels.sources(world)
    chosen.source = chosen.source if chosen.source in there else "world"
    st.selectbox(
        "Trade",
        list(there),
        format_func=there.__getitem__,
        **seeded("gravity_source", chosen.source, _write("source")),
    )
    with st.popover("A panel of one's own", icon=":material/upload:", width="stretch"):
        st.selectbox(
            "Tariffs in it are",
            list(_TARIFF_UNITS),
            format_func=_TARIFF_UNITS.__getitem__,
            key="panel_tariffs",
            on_change=_take,
        )
        st.selectbox(
            "Flows are in",
            ["", BY_COLUMN, *known_currencies()],
            format_func=lambda code: _AS_THEY_ARE.get(code, code),
            key="panel_currency",
            on_change=_take,
            help="Of a currency other than the dollar each year's flows become US dollars at its mean rate: the European Central "
            "Bank's, or that of a table of your own below.",
        )
        access.uploader(
            "Flows by exporter, importer and year",
            type=["parquet", "csv", "tsv", "dta", "xlsx"],
            key="panel_file",
            on_change=_take,
            help="Columns exporter, importer, trade (or expenditure_musd, tariff included); year, sector and tariff where "
            "there are; other numeric columns can explain trade. Larger files: name one in FIRMTRADE_PANEL.",
        )
        access.uploader(
            "Exchange rates (optional)",
            type=["parquet", "csv", "tsv", "dta", "xlsx"],
            key="panel_rates",
            on_change=_take,
            help="Columns date (a year, a month or a day), currency, usd (US dollars for one unit) or per_usd.",
        )
        templates("panel", "rates")
    if problem := st.session_state.get(_PROBLEM):
        complain(
            f"{problem[0]} was not loaded", problem[1], "What is shown stays; mend the file and try again."
        )


def _for_this_page(message: str) -> str:
    """Advice to a library in the words of this page's own fields."""
    message = re.sub(r'[Pp]ass tariff_unit="percent"', "Choose “Tariffs in it are percent”", message)
    message = message.replace('tariff_unit="fraction"', "“fractions, however high”")
    message = message.replace(": rates=.", " below, as “Exchange rates”.")
    return message.replace("say which, year=, or give a column year.", "give a column year.")


def _take() -> None:
    file = st.session_state.get("panel_file")
    if file is None:
        return
    try:
        unit: TariffUnit = st.session_state.get("panel_tariffs", "check")
        rates = st.session_state.get("panel_rates")
        beside = None if rates is None else (rates.name, rates.getvalue())
        currency: str = st.session_state.get("panel_currency", "")
        st.session_state[panels.UPLOADED] = panels.read_upload(
            file.name, file.getvalue(), unit, currency, beside
        )
        st.session_state.pop(_PROBLEM, None)
        choices().source, choices().sector = "uploaded", ALL_GOODS
    except (GravityError, WorldError) as error:
        st.session_state[_PROBLEM] = (file.name, _for_this_page(str(error)))


def _estimate(file: PanelFile, chosen: Choices) -> GravityEstimate | None:
    """The estimate; large ones wait for a click."""
    sector, panel = panels.sector_of(file, chosen), file.panel
    try:
        equation = panels.specification(panel, chosen)
        token = f"{file.content_hash}{sector}{equation.content_hash}"
        if not panels.asked(panel, sector, token, chosen, key="gravity_go"):
            return None
        return panels.estimated(file.content_hash, sector, equation.content_hash, panel, equation)
    except GravityError as error:
        complain("No estimate to show", str(error), "Nothing you chose is lost: change a choice on the left.")
        return None


# What is shown -----------------------------------------------------------------------------------


def _warning(world: World, chosen: Choices) -> None:
    share = world.provenance.estimated_trade
    if chosen.source == "world" and share:
        st.html(
            f'<p class="ft-quiet">Estimated: {share}, the small cells of this world. The shipped one fills them from a gravity '
            f"prior (distance elasticity {number(DISTANCE_ELASTICITY)}, contiguity {number(BORDER_PREMIUM)}), and small cells "
            "are most of what a regression sees: coefficients partly give that prior back. Read them as a check of the "
            "world, not as evidence on trade costs; the stored run and the elasticities below come from observed trade.</p>"
        )


def _numbers(found: GravityEstimate, key: str) -> None:
    items: list[tuple[str, str, str, str, str]] = []
    for term in ("log(dist)", "border", "contiguity", "log1p(tariff)", "rta"):
        if term not in found.coefficients or len(items) == 3:
            continue
        low, high = found.interval(term)
        cost = ad_valorem_equivalent(
            found, term, ELASTICITY, change=np.log(2) if term.startswith("log(") else 1.0
        )
        words = (
            f"twice as far costs like a tariff of {in_percent(cost[0])}"
            if term == "log(dist)"
            else f"worth a tariff of {in_percent(cost[0])}"
        )
        detail = "" if term == "log1p(tariff)" else f"{words}, at ε = {ELASTICITY:g}"
        items.append(
            (
                term_name(term),
                number(found.coefficients[term], signed=True),
                "",
                detail,
                f"{in_percent(found.specification.confidence)}: {number(low, signed=True)} to {number(high, signed=True)}",
            )
        )
    reset = found.reset_test()
    verdict = "form not rejected" if reset.p_value > 0.05 else "form rejected"
    items += [
        (
            "RESET test",
            "p " + (f"= {reset.p_value:.3f}" if reset.p_value >= 0.001 else "< 0.001"),
            "",
            verdict,
            "adds the squared index",
        ),
        (
            "Observations",
            grouped(found.observations),
            "",
            f"{grouped(found.separated)} separated zeros left out",
            f"{len(found.cells['exporter'].unique())} exporters",
        ),
    ]
    cells = "".join(
        f'<div class="ft-number"><span class="ft-label">{escape(label)}</span><span class="ft-value">{escape(value)}'
        f'<small>{escape(unit)}</small></span><span class="ft-detail">{escape(detail)}</span>'
        f'<span class="ft-band">{escape(band)}</span></div>'
        for label, value, unit, detail, band in items
    )
    st.html(f'<div class="ft-numbers" data-result="{escape(key)}">{cells}</div>')


def _about(world: World, found: GravityEstimate, file: PanelFile, chosen: Choices) -> About:
    """What an estimate rests on; on the world's own flows, where those come from."""
    origin = about_world(world) if chosen.source == "world" else ()
    return (*origin, *about_estimate(found, file.name, file.content_hash))


def _table(world: World, found: GravityEstimate, file: PanelFile, chosen: Choices) -> None:
    rows = [
        (term_name(r.term), _fixed(r.estimate), _fixed(r.std_error), f"{_fixed(r.low)} to {_fixed(r.high)}",
         probability(r.p_value, named=False))
        for r in found.rows()
    ]  # fmt: skip
    interval = f"{in_percent(found.specification.confidence)} interval"
    heading(
        "Coefficients",
        "Estimates and errors in log points of trade per unit of the regressor; p is a probability.",
    )
    head = ("Of", "Estimate", "Std. error", interval, "p")
    units = dict.fromkeys(("Estimate", "Std. error"), "log points per unit") | {"p": "probability"}
    table("Coefficients", head, rows, units=units, units_said=True, headed=False, whole=False)
    st.html(
        f'<p class="ft-quiet">{escape(equation_words(found.specification))} {escape(dropped(found))} '
        + " ".join(escape(note) for note in found.notes)
        + "</p>"
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        table_downloads(
            coefficient_table(found), lambda: _about(world, found, file, chosen), key="coefficients"
        )
        st.download_button(
            "LaTeX",
            latex_table(found, caption=f"Gravity, {file.name}"),
            "coefficients.tex",
            icon=":material/download:",
            type="tertiary",
            key="gravity_coefficients.tex",
            on_click="ignore",
        )
        table_downloads(
            fitted_table(found, file.unit),
            lambda: _about(world, found, file, chosen),
            key="fitted",
            label="Fitted flows",
        )
    _form(found, file)
    with st.expander("Python that gives the same"):
        st.code(
            python_code(_panel_code(file, chosen), panels.sector_of(file, chosen), found.specification),
            language="python",
        )


def _form(found: GravityEstimate, file: PanelFile) -> None:
    """Whether the log-linear form misses something; worked out when asked for."""
    variables = tuple(v for v in ("dist", "contiguity", "language") if v in file.panel.table)
    place = st.popover(
        "Does the log-linear form miss something?",
        icon=":material/fact_check:",
        key="gravity_form",
        on_change="rerun",
    )
    if not place.open:
        return
    with place:
        try:
            compared = panels.compared(file.content_hash, variables, file.panel, file.estimated)
        except GravityError as problem:
            complain("No comparison", str(problem), "Use trade that has sales at home.")
            return
        gain, error = compared.gain
        st.markdown(
            f"Of the revealed costs of {grouped(len(compared.pairs))} pairs, each predicted from the others: the log-linear form "
            f"explains {level(100 * compared.share_explained('linear'), '%')}, gradient boosting on top of it "
            f"{level(100 * compared.share_explained('boosted'), '%')}. Its error is {in_percent(abs(gain))} {'lower' if gain >= 0 else 'higher'} (standard error "
            f"{in_percent(error)}): {compared.verdict}."
        )
        if compared.filled:
            st.caption(
                f"{grouped(compared.filled)} pairs whose trade is estimated by more than a tenth are left out: they would give back "
                "the form they were filled by. The pairs that are left trade much, so this says little of small flows."
            )


def _policy(store: Store, world: World, found: GravityEstimate, chosen: Choices) -> None:
    """An estimated effect as a card of the scenario."""
    columns_of = dict(zip(found.sample.terms, found.sample.regressors.T, strict=True))
    switches = [t for t in found.terms if t in columns_of and set(np.unique(columns_of[t])) == {0.0, 1.0}]
    if not switches:
        return
    heading("Put an estimated effect into the scenario")
    chosen.policy = chosen.policy if chosen.policy in switches else switches[0]
    columns = st.columns([3, 2, 5, 3], vertical_alignment="bottom")
    columns[0].selectbox(
        "Effect of",
        switches,
        format_func=term_name,
        **seeded("gravity_policy", chosen.policy, _write("policy")),
    )
    columns[1].segmented_control(
        "Switched",
        ["off", "on"],
        **seeded("gravity_switch", chosen.switch, lambda v: _write("switch")(v or "off")),
    )
    with columns[2]:
        places(
            "Among",
            world,
            "gravity_members",
            chosen.members or ("EU",),
            lambda v: _write("members")(tuple(v)),
            empty="European Union",
        )
    given = store.scenario.structure.elasticity
    epsilon = given if isinstance(given, float) else ELASTICITY
    card = estimated_policy(
        found,
        chosen.policy,
        chosen.members or ("EU",),
        epsilon,
        change=-1.0 if chosen.switch == "off" else 1.0,
    )
    columns[3].button(
        f"Add: trade costs {number(100 * card.change, signed=True)}\u202f%",
        icon=":material/add:",
        on_click=lambda: store.add_card(card.model_dump()),
        key="gravity_add",
        help=f"The factor exp(−β Δx / ε) at ε = {epsilon:g}; the Scenario lab solves its full equilibrium.",
    )


def _panel_code(file: PanelFile, chosen: Choices) -> str:
    if chosen.source == "world":
        pooled = chosen.sector == ALL_GOODS
        return (
            "from firmtrade_core.gravity.geography import panel_of_world\n"
            "from firmtrade_core.world.embedded import load_embedded_world\n\n"
            f"panel = panel_of_world(load_embedded_world(), pooled={pooled})  # or World.load(file)"
        )
    return (
        "from pathlib import Path\nfrom firmtrade_core.gravity.panel_file import read_panel_file\n\n"
        f"panel = read_panel_file(Path({file.name!r}){file.arguments}).panel"
    )


def _fixed(value: float) -> str:
    return number(value, significant=4, most_decimals=3)


def _fit(found: GravityEstimate, file: PanelFile, source: str, key: str) -> None:
    share = found.goodness.get(
        "deviance explained", found.goodness["squared correlation of actual and fitted"]
    )
    drawn = actual_and_fitted(
        found.cells,
        title=f"The equation explains {in_percent(share)} of how trade varies",
        subtitle=f"Fitted against actual flows, logarithmic · {file.name}",
        source=source,
        unit=file.unit,
    )
    chart.draw(drawn, key="gravity_fit", result=key)


def _map(
    store: Store,
    world: World,
    found: GravityEstimate,
    file: PanelFile,
    chosen: Choices,
    source: str,
    key: str,
) -> None:
    left, right = st.columns(2, vertical_alignment="bottom")
    left.selectbox(
        "On the map",
        list(MAPS),
        format_func=MAPS.__getitem__,
        **seeded("gravity_map", chosen.shown, _write("shown")),
    )
    whose = "Whose exports the residuals are of; also by a click on the map."
    country_box(right, store, world, "gravity_country", searched(world), help=whose)
    say_where(store, world)
    try:
        values, variable, title = _mapped(world, store.country, found, chosen)
    except GravityError as error:
        complain("Nothing to map", str(error), "Choose residuals, or keep sales at home in the sample.")
        return
    drawn = world_map(
        Outcome(variable, values),
        world,
        scale=SCALES[chosen.shown],
        chosen=store.country,
        title=title,
        subtitle=f"{variable.explanation} · {file.name}",
        source=source,
    )

    def pick(index: int) -> None:
        if 0 <= index < len(world.countries):
            store.country = world.countries[index]

    chart.draw(
        drawn, key="gravity_map", result=f"{key}{chosen.shown}{store.country}", kind="map", on_pick=pick
    )


def _mapped(
    world: World, country: str, found: GravityEstimate, chosen: Choices
) -> tuple[np.ndarray, Variable, str]:
    name = country_name(country)
    if chosen.shown == "residuals":
        own = found.cells[found.cells["exporter"].astype(str) == country]
        totals = own.groupby(own["importer"].astype(str))[["trade", "fitted"]].sum()
        totals = totals[(totals["trade"] > 0) & (totals["fitted"] > 0)].drop(country, errors="ignore")
        gap = pd.Series(np.log(totals["trade"] / totals["fitted"]), index=totals.index)
        words = f"Log of actual over fitted exports of {name} (brown: less than fitted)"
        title = f"{name}: no exports in the sample"
        if len(gap):
            times = number(float(np.exp(gap.max())))
            title = f"{name} sells {times} times what is fitted to {country_name(str(gap.idxmax()))}"
        return _by_country(world, gap), _variable("Actual against fitted", words, "log points"), title
    year = int(found.cells["year"].max())
    reading = read_structure(found, year=year, elasticity=ELASTICITY)
    series = reading.resistances.set_index("country")[chosen.shown]
    gap = 100 * (series / series.median() - 1)
    side = "buyers pay" if chosen.shown == "inward" else "sellers bear"
    words = f"What {side} for distance from markets, % against the median country, at ε = {ELASTICITY:g}"
    title = f"{MAPS[chosen.shown]} is highest in {country_name(str(gap.idxmax()))}, lowest in {country_name(str(gap.idxmin()))}"
    return _by_country(world, gap), _variable(MAPS[chosen.shown], words), title


def _by_country(world: World, values: pd.Series) -> np.ndarray:
    return values.reindex(list(world.countries)).to_numpy(dtype=np.float64)


def _variable(label: str, words: str, unit: str = "%") -> Variable:
    return Variable("gravity", label, unit, words, "MODEL 5")


def _over_sectors_and_years(
    world: World, file: PanelFile, found: GravityEstimate, chosen: Choices, source: str, key: str
) -> None:
    terms = [t for t in found.terms if t in found.specification.regressors]
    if not terms:
        return
    chosen.term = chosen.term if chosen.term in terms else terms[0]
    heading("Over sectors and years")
    st.columns([1, 3])[0].selectbox(
        "Coefficient of", terms, format_func=term_name, **seeded("gravity_term", chosen.term, _write("term"))
    )
    left, right = st.columns(2, gap="large")
    with left:
        _by_sector(world, file, found, chosen, source, key)
    with right:
        _by_year(chosen)


def _by_sector(
    world: World, file: PanelFile, found: GravityEstimate, chosen: Choices, source: str, key: str
) -> None:
    panel, digest = file.panel, file.content_hash
    if chosen.source == "world":
        whole = panels.current_panel(world, Choices(source="world", sector="sectors"))
        panel, digest = whole.panel, whole.content_hash
    if len(panel.sectors) < 2 or len(panel.table) / len(panel.sectors) > panels.QUICK_ROWS / 4:
        st.html(
            '<p class="ft-empty">Coefficients by sector of a panel this large come from the command line: '
            "<code>python -m firmtrade_core gravity</code>.</p>"
        )
        return
    rows = []
    for sector in panel.sectors:
        try:
            result = panels.estimated(
                digest, sector, found.specification.content_hash, panel, found.specification
            )
            low, high = result.interval(chosen.term)
            value = result.coefficients[chosen.term]
            rows.append(
                (
                    _sector_name(world, sector),
                    value,
                    low,
                    high,
                    low <= 0 <= high,
                    f"{grouped(result.observations)} observations",
                )
            )
        except (GravityError, KeyError) as error:
            rows.append((_sector_name(world, sector), np.nan, np.nan, np.nan, True, str(error)[:80]))
    frame = pd.DataFrame(rows, columns=["label", "value", "low", "high", "quiet", "note"])
    strongest = str(frame["label"].iloc[int(frame["value"].abs().argmax())])
    drawn = interval_plot(
        frame,
        title=f"{term_name(chosen.term)} matters most in {strongest[0].lower() + strongest[1:]}",
        subtitle=f"Coefficient by sector, 95 % intervals; hollow: includes zero · {file.name}",
        source=source,
    )
    chart.draw(drawn, key="gravity_sectors", result=f"{key}{chosen.term}")


def _sector_name(world: World, sector: str) -> str:
    return world.sector_name(sector) if sector in world.sectors else sector


def _by_year(chosen: Choices) -> None:
    path = asset("estimates/by_year.csv")
    table_of_years, head = read_years(path)
    own = table_of_years[table_of_years["term"] == chosen.term]
    if own.empty:
        st.html(
            f'<p class="ft-empty">The stored run over years has no coefficient of {escape(term_name(chosen.term))}.</p>'
        )
        return
    picked = [
        YEARLY_ALL,
        "food_beverages_tobacco",
        "textiles_apparel_leather",
        "electronics_machinery",
        "vehicles_transport_eq",
    ]
    series = {
        ("All goods" if s == YEARLY_ALL else BROAD_SECTORS[s].split(",")[0]): own[own["sector"] == s]
        for s in picked
    }
    total = series["All goods"]
    first, last = float(total["estimate"].iloc[0]), float(total["estimate"].iloc[-1])
    years = f"{int(total['year'].iloc[0])} to {int(total['year'].iloc[-1])}"
    inside = bool(total["low"].iloc[-1] <= first <= total["high"].iloc[-1])
    move = "hardly moved" if inside else ("grew stronger" if abs(last) > abs(first) else "weakened")
    drawn = coefficients_over_years(
        series,
        title=f"{term_name(chosen.term)}: its effect on all goods {move}, {years} ({_fixed(first)} to {_fixed(last)})",
        subtitle="Coefficient of yearly cross-sections with 95 % bands · stored run on observed trade, not rerun here",
        source=f"{head['source']}; {head['equation']}.",
    )
    chart.draw(drawn, key="gravity_years", result=f"years{chosen.term}")
    units = dict.fromkeys(("estimate", "std_error", "low", "high"), "log points per unit")
    units |= {"year": "year", "observations": "rows", "p_value": "probability"}
    stored = Table("gravity_by_year", "Gravity by sector and year, stored run", table_of_years, units)
    about = (("Source", head["source"]), ("Equation", head["equation"]), written_now())
    table_downloads(stored, lambda: about, key="gravity_years", label="All sectors and years")


# Elasticities ------------------------------------------------------------------------------------


def _elasticities(store: Store, world: World, chosen: Choices) -> None:
    heading("Trade elasticities to choose from")
    sets = elasticity_sets()
    in_force = store.scenario.structure.elasticity
    left, right = st.columns([5, 7], gap="large")
    with left:
        st.selectbox(
            "Set",
            list(sets),
            format_func=lambda n: sets[n].label,
            **seeded("gravity_set", chosen.elasticities, _write("elasticities")),
        )
        shown = sets[chosen.elasticities]
        _about_set(shown)
        used = in_force == shown.name
        st.button(
            "In force in the scenario" if used else "Use in the scenario",
            icon=":material/check:" if used else ":material/input:",
            disabled=used,
            on_click=lambda: store.edit_structure({"elasticity": shown.name}),
            key="gravity_use",
        )
        if problem := store.problems.get("structure"):
            complain("Not in force", problem)
        about = (("Sources", "each set's own, in the last column"), written_now())
        table_downloads(elasticity_table(), lambda: about, key="gravity_sets", label="All sets")
    with right:
        chart.draw(_set_chart(shown), key="gravity_set_chart", result=f"set{shown.name}")


def _about_set(shown: ElasticitySet) -> None:
    kind = "tariffs" if shown.kind == "tariff" else "trade costs"
    values = "consumer values" if shown.flow_values == "consumer" else "border values"
    unusable = [
        f"{FINER_SECTORS.get(s, s)} ({number(e.value)})"
        for s, e in shown.estimates.items()
        if e.status in ("wrong sign", "too noisy")
    ]
    flags = (
        f"<p><b>Not usable (wrong sign or too noisy), replaced by the common mean:</b> {escape(', '.join(unusable))}.</p>"
        if unusable
        else ""
    )
    st.html(
        f'<div class="ft-trace"><p>Elasticity of {values} to {kind}.</p><p class="ft-quiet">{escape(shown.source)}</p>'
        f'<p class="ft-quiet">{escape(shown.note if not unusable else "")}</p>{flags}</div>'
    )


def _set_chart(shown: ElasticitySet) -> Chart:
    rows = []
    for sector, value in shown.by_sector.items():
        low, high = shown.intervals.get(sector, (value, value))
        estimate = shown.estimates.get(sector)
        quiet = estimate is not None and estimate.status != "usable"
        note = (
            "no interval published"
            if estimate is None
            else f"own estimate {number(estimate.value)}, {estimate.status}"
        )
        rows.append(
            (
                BROAD_SECTORS.get(sector)
                or f"{FINER_SECTORS.get(sector, _short(broad_sector(sector)))} {sector}",
                value,
                low,
                high,
                quiet,
                note,
            )
        )
    frame = pd.DataFrame(rows, columns=["label", "value", "low", "high", "quiet", "note"])
    values = frame["value"]
    usable = int((~frame["quiet"]).sum())
    title = f"{shown.label}: from {number(values.min())} to {number(values.max())}"
    if shown.estimates:
        title = f"{usable} of {len(frame) - 1} goods sectors have a usable estimate of their own"
    return interval_plot(
        frame,
        title=title,
        subtitle="ε by sector; hollow grey: own estimate not usable or assumed, value to use shown",
        source=shown.source,
        name_width=260,
    )


def _short(sector: str) -> str:
    return BROAD_SECTORS[sector].split(",")[0]


# The page ----------------------------------------------------------------------------------------


def _sentence(found: GravityEstimate) -> str:
    if "log(dist)" in found.coefficients:
        beta = found.coefficients["log(dist)"]
        return f"Twice as far means {number(abs(100 * (2**beta - 1)))}\u202f% {'less' if beta < 0 else 'more'} trade, all else equal"
    term = next(t for t in found.terms if t != "constant")
    return f"{term_name(term)}: coefficient {_fixed(found.coefficients[term])}"


@st.fragment
def _page(world: World) -> None:
    store, chosen = current(world), choices()
    try:
        file = panels.current_panel(world, chosen)
    except (GravityError, WorldError, OSError) as error:
        complain("The flows cannot be read", str(error), "Choose other trade, or mend the file.")
        chosen.source = "world"
        file = panels.current_panel(world, chosen)
    head = st.container()
    left, right = st.columns([27, 73], gap="medium")
    with left, st.container(key="ft_gravity_choices"):
        _source(world, chosen)
        _controls(world, file.panel, chosen)
    with right:
        found = _estimate(file, chosen)
        if found is not None:
            with head:
                st.html(f'<h1 class="ft-sentence">{escape(_sentence(found))}</h1>')
                _warning(world, chosen)
            source = (
                short_sources(world) if chosen.source == "world" else f"Source: firmtrade on {file.name}."
            )
            key = f"{file.content_hash}{chosen.sector}{found.specification.content_hash}"
            _numbers(found, key)
            _map(store, world, found, file, chosen, source, key)
        else:
            with head:
                st.html('<h1 class="ft-sentence">Trade costs, estimated from trade</h1>')
    if found is not None:
        one, two = st.columns(2, gap="large")
        with one:
            _table(world, found, file, chosen)
        with two:
            _fit(found, file, source, key)
        before_and_after(file, chosen, found.specification, _panel_code(file, chosen), source)
        _over_sectors_and_years(world, file, found, chosen, source, key)
        own_equation(file, chosen, found.specification, lambda: _about(world, found, file, chosen))
        _policy(store, world, found, chosen)
    _elasticities(store, world, chosen)


_page(open_page("Trade costs"))

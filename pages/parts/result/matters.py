"""Which lever matters most for an outcome, before anything is moved: a ranked list, and a map of who holds the levers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import streamlit as st

from firmtrade_core.analysis.optimal import OptimumError, Ranking, rank
from firmtrade_core.analysis.optimal.marginal import STEPS, Rows
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium import Outcome as Target
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.gradient import Lever
from firmtrade_core.figures import Outcome, stable_scale, world_map
from firmtrade_core.figures.policy import ranking_bars, ranking_names, ranking_unit
from firmtrade_core.labels import DEFINITIONS, Variable, change, in_powers
from firmtrade_core.words.scenario import countries as spoken
from firmtrade_core.world.world import World
from pages.parts.data.worlds import short_sources, shown
from pages.parts.frame import chart
from pages.parts.frame.page import complain
from pages.parts.frame.store import Store, seeded
from pages.parts.result.reading import Reading
from pages.parts.result.solving import UnsolvedError, solve_scenario

_KEY = "matters"

TARGETS = {
    "real_income": "Real income",
    "equivalent_variation": "Equivalent variation",
    "exports": "Exports",
    "duties": "Duties collected",
    "jobs": "Jobs of a sector",
}

LEVERS: dict[Lever, str] = {
    "tariff": "Tariffs",
    "export_subsidy": "Export subsidies",
    "production_subsidy": "Production subsidies",
    "trade_cost": "Trade costs",
    "fixed_cost": "Fixed costs of entry",
    "productivity": "Productivity",
}

#: Rows of the list: one lever each, or what one country holds in all.
ROWS: dict[str, str] = {
    "cell": "Every lever by itself",
    "country": "By country that sets it",
    "own_partner": "The country's own, by partner",
    "own_sector": "The country's own, by sector",
}

AT = {"none": "Before any policy", "scenario": "With the scenario in force"}


@dataclass
class Asked:
    """What the view asks; widgets are seeded from it."""

    target: str = "real_income"
    sector: str = ""
    lever: Lever = "tariff"
    rows: str = "cell"
    at: str = "none"


@st.cache_resource(show_spinner=False, max_entries=60)
def _ranked(result: str, terms: tuple[Any, ...], _equilibrium: Equilibrium) -> Ranking:
    kind, country, sector, lever, by, of = terms
    return rank(_equilibrium, Target(kind, country, sector), lever, by=by, of=of)


def what_matters(store: Store, reading: Reading) -> None:
    """The view: choices, list, map, and what such numbers are."""
    asked: Asked = st.session_state.setdefault(_KEY, Asked())
    world = reading.world
    _choose(asked, world)
    found = _found(store, asked, world, reading)
    if found is None:
        return
    unit, scale = ranking_unit(found)
    step = STEPS[found.lever]
    whose = f"{TARGETS[asked.target].lower()} of {spoken([store.country]).text}"
    if asked.target == "jobs":
        whose = f"jobs in {world.sector_name(asked.sector).lower()} of {spoken([store.country]).text}"
    year = world.provenance.year
    dated = f"{world.name}, {year}" if year and str(year) not in world.name else world.name
    under = f"{unit} of {whose}, {step} · {dated} · {AT[asked.at].lower()}"
    left, right = st.columns(2, gap="large")
    with left:
        title = f"No {LEVERS[found.lever].lower()} move {whose}"
        if found.rows:
            first = ranking_names(found, world, 1)[0]
            title = f"{first}: {change(scale * found.rows[0].value, unit)} for {step}"
        drawn = ranking_bars(found, world, title=title, subtitle=under, source=short_sources(world))
        chart.draw(drawn, key="matters", result=found.gradient.equilibrium.content_hash)
    with right:
        unit, values = ("bn USD", 1e-3 * found.countries) if unit == "m USD" else (unit, found.countries)
        variable = Variable(
            "lever_worth",
            f"What its {LEVERS[found.lever].lower()} do to {whose}",
            unit,
            DEFINITIONS["lever_worth"].explanation,
            DEFINITIONS["lever_worth"].equation,
        )
        drawn = world_map(
            Outcome(variable, values),
            world,
            scale=stable_scale(values, floor=0.0),
            chosen=store.country,
            title=f"Who holds the {LEVERS[found.lever].lower()} that matter for {whose}",
            subtitle=f"{unit}, {step} everywhere the country sets it · {dated}",
            source=short_sources(world),
        )
        chart.draw(drawn, key="matters_map", result=found.gradient.equilibrium.content_hash, kind="map")
    st.html(
        '<p class="ft-quiet">Derivatives at what is in force, by one adjoint solve: they rank what a small move does, nobody '
        "answering; ten points need not do ten times as much, and no interval is drawn. The adjoint equations hold to "
        f"{in_powers(found.residual)} (allowed: {in_powers(1e-9)}).</p>"
    )


def _choose(asked: Asked, world: World) -> None:
    def put(name: str) -> Any:
        return lambda value: setattr(asked, name, value)

    one, two, three, four = st.columns(4, vertical_alignment="bottom", gap="small")
    one.selectbox(
        "Which lever matters most for",
        list(TARGETS),
        format_func=TARGETS.__getitem__,
        **seeded("matters_target", asked.target, put("target")),
    )
    if asked.target == "jobs":
        if asked.sector not in world.sectors:
            asked.sector = world.sectors[0]
        one.selectbox(
            "Sector",
            list(world.sectors),
            format_func=world.sector_name,
            **seeded("matters_sector", asked.sector, put("sector")),
        )
    two.selectbox(
        "Levers",
        list(LEVERS),
        format_func=LEVERS.__getitem__,
        **seeded("matters_lever", asked.lever, put("lever")),
    )
    offered = [
        name
        for name in ROWS
        if name != "own_partner" or asked.lever not in ("production_subsidy", "productivity")
    ]
    if asked.rows not in offered:
        asked.rows = "cell"
    three.selectbox(
        "Rows", offered, format_func=ROWS.__getitem__, **seeded("matters_rows", asked.rows, put("rows"))
    )
    four.selectbox("At", list(AT), format_func=AT.__getitem__, **seeded("matters_at", asked.at, put("at")))


def _found(store: Store, asked: Asked, world: World, reading: Reading) -> Ranking | None:
    by: Rows = "cell"
    if asked.rows != "cell":
        by = {"country": "country", "own_partner": "partner", "own_sector": "sector"}[asked.rows]  # type: ignore[assignment]
    assert by in get_args(Rows)
    try:
        equilibrium = reading.second
        if asked.at == "none":
            bare = store.scenario.with_(cards=(), name=AT["none"], description="", source="", world=None)
            equilibrium, _ = solve_scenario(bare, world)
        sector = asked.sector if asked.target == "jobs" else None
        of = store.country if asked.rows.startswith("own") else None
        terms = (asked.target, store.country, sector, asked.lever, by, of)
        return _ranked(shown(equilibrium), terms, equilibrium)
    except (OptimumError, EquilibriumError, UnsolvedError) as error:
        complain("No ranking to show", str(error), "Change what is asked, or the scenario.")
        return None

"""Role of heterogeneity: the same shock with firms alike, Pareto, lognormal, and the home country's own."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import streamlit as st

from firmtrade_core.analysis.heterogeneity import Laws, compare_laws
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.figures import Headline
from firmtrade_core.figures.heterogeneity import elasticity_dots, law_dots, margin_bars
from firmtrade_core.labels import change, number
from firmtrade_core.margins import FirmsError, TailError
from firmtrade_core.report.export import about_scenario, about_world, written_now
from firmtrade_core.report.page_tables import about_laws, law_tables
from firmtrade_core.scenarios import HomeFirms, Scenario, ScenarioError
from firmtrade_core.world.world import World
from pages.parts import chart
from pages.parts.exports import several_downloads
from pages.parts.frame import certificate_line, complain, headline_strip, notes, open_page, table
from pages.parts.home import home_line, home_or_complaint, look_at_home
from pages.parts.looking import country_chooser
from pages.parts.presets import sentence
from pages.parts.store import Store, current
from pages.parts.worlds import short_sources


@st.cache_resource(show_spinner=False, max_entries=12)
def _laws(
    world_hash: str,
    scenario_hash: str,
    home_hash: str,
    _scenario: Scenario,
    _world: World,
    _home: HomeFirms | None,
) -> Laws:
    return compare_laws(_scenario, _world, _world.countries[0], _home)


def _compared(store: Store, world: World, home: HomeFirms | None) -> Laws | None:
    """All laws solved, read for the country looked at; None after saying why not."""
    known = "" if home is None else home.content_hash
    try:
        with st.spinner("Solving the scenario under each law of firms"):
            found = _laws(world.content_hash, store.scenario.content_hash, known, store.scenario, world, home)
    except (EquilibriumError, FirmsError, ScenarioError, TailError) as error:
        complain("No comparison to show", str(error), "Change the scenario in the Scenario lab.")
        return None
    return replace(found, country=store.country)


def _headlines(laws: Laws) -> list[Headline]:
    return [
        Headline(
            str(row["label"]),
            float(row["real_income"]),
            "%",
            f"real income, {change(float(row['welfare']), 'bn USD')}",
            "real_income",
        )
        for row in laws.table().to_dict("records")
    ]


def _details(laws: Laws) -> None:
    rows = [
        (
            str(row["label"]),
            *(change(float(row[name])) for name in ("real_income", "exports", "imports")),
            change(float(row["exporters"])) if row["exporters"] == row["exporters"] else "not counted",
        )
        for row in laws.table().to_dict("records")
    ]
    table(
        f"{country_name(laws.country)} under each law",
        ("Law of firms", "Real income", "Exports", "Imports", "Exporters"),
        rows,
    )
    elasticities = laws.elasticities().pivot(index="name", columns="law", values="elasticity")
    size = laws.elasticities().groupby("name")["exports"].first().sort_values(ascending=False)
    table(
        "Elasticity of exports to costs, largest markets",
        ("Market", *(laws.labels[law] for law in laws.results)),
        [
            (str(name), *(number(float(elasticities.loc[name, law]), significant=3) for law in laws.results))
            for name in size.index[:10]
        ],
    )


def _why(laws: Laws) -> None:
    reasons = "".join(f"<li>{escape(line)}</li>" for line in laws.reasons())
    st.html(f'<h2 class="ft-heading">Why they differ</h2><ul class="ft-list">{reasons}</ul>')


def _page(world: World) -> None:
    store = current(world)
    home = home_or_complaint(world)
    st.html(f'<h1 class="ft-sentence">{sentence(store.scenario, world)}</h1>')
    country_chooser(store, world, key="heterogeneity")
    look_at_home(store, home)
    laws = _compared(store, world, home)
    if laws is None:
        return
    st.html(f'<h2 class="ft-heading">{escape(laws.headline())}</h2>')
    headline_strip(_headlines(laws), laws.hash)
    source, name = short_sources(world), store.scenario.name
    under = f"{world.name} · {name}"
    left, right = st.columns(2, gap="large")
    with left:
        drawn = law_dots(laws, subtitle=f"Change in % against the baseline · {under}", source=source)
        chart.draw(drawn, key="laws", result=laws.hash, kind="laws")
        _why(laws)
    with right:
        drawn = elasticity_dots(
            laws,
            subtitle=f"Exports of {country_name(laws.country)}; area of dots: exports · baseline of {world.name}",
            source=source,
        )
        chart.draw(drawn, key="elasticities", result=laws.hash, kind="elasticities")
        drawn = margin_bars(
            laws,
            subtitle=f"Change of exports of {country_name(laws.country)}, bn USD · {under}",
            source=source,
        )
        chart.draw(drawn, key="margins", result=laws.hash, kind="margins")
    _details(laws)
    several_downloads(
        law_tables(laws),
        lambda: (
            *about_scenario(store.scenario, next(iter(laws.results.values()))),
            *about_world(world),
            *about_laws(laws),
            written_now(),
        ),
        key="laws",
    )
    notes(
        (
            laws.shared_elasticity(),
            home_line(home),
            *laws.notes,
        )
    )
    certificate_line(list(laws.results.values())[-1])


_page(open_page("Role of heterogeneity"))

"""Role of heterogeneity: the same shock with firms alike, Pareto, lognormal, and the home country's own."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from html import escape

import streamlit as st

from firmtrade_core.analysis.heterogeneity import Laws, compare_laws
from firmtrade_core.analysis.steps import Steps, steps
from firmtrade_core.analysis.uncertainty import Band
from firmtrade_core.analysis.uncertainty import bands as draws_around
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.figures import Headline
from firmtrade_core.figures.heterogeneity import elasticity_dots, law_dots, margin_bars, step_bars
from firmtrade_core.home import HomeFirms
from firmtrade_core.labels import change, number
from firmtrade_core.margins import ElasticityKind, FirmsError, TailError
from firmtrade_core.report.export import about_scenario, about_world, written_now
from firmtrade_core.report.page_tables import about_laws, law_tables, step_table
from firmtrade_core.scenarios import Scenario, ScenarioError
from firmtrade_core.scenarios.assumptions import assumed
from firmtrade_core.world.world import World
from pages.parts import bands, chart
from pages.parts.exports import several_downloads
from pages.parts.frame import certificate_line, complain, headline_strip, notes, open_page, table
from pages.parts.home import home_line, home_or_complaint, look_at_home
from pages.parts.looking import country_chooser
from pages.parts.presets import sentence
from pages.parts.store import Store, current
from pages.parts.worlds import short_sources

ELASTICITY_KINDS: tuple[ElasticityKind, ...] = ("cost", "tariff")

MEANING = (
    "Market power: firms set markups, all of them alike. Selection: firms differ, and enter or leave markets. Input-output "
    "links: what either does more, or less, where firms buy from firms, so that markups pile up along the chain. A part is "
    "the mean, over every order in which the steps can be taken, of what it adds; the parts add up."
)


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
            found = _laws(world.shown_hash, store.scenario.content_hash, known, store.scenario, world, home)
    except (EquilibriumError, FirmsError, ScenarioError, TailError) as error:
        complain("No comparison to show", str(error), "Change the scenario in the Scenario lab.")
        return None
    return replace(found, country=store.country)


@st.cache_resource(show_spinner=False, max_entries=12)
def _split(
    world_hash: str,
    scenario_hash: str,
    home_hash: str,
    kind: ElasticityKind,
    _scenario: Scenario,
    _world: World,
    _home: HomeFirms | None,
    _laws: Laws,
) -> Steps:
    return steps(_scenario, _world, _world.countries[0], _home, kind=kind, known=_laws.results)


def _steps(store: Store, world: World, home: HomeFirms | None, laws: Laws) -> list[Steps]:
    """What market power, selection and input-output links each make of the answer."""
    known = "" if home is None else home.content_hash
    found, problems = [], []
    for kind in ELASTICITY_KINDS:
        try:
            with st.spinner("Solving the steps from competition to firms that differ"):
                split = _split(
                    world.shown_hash,
                    store.scenario.content_hash,
                    known,
                    kind,
                    store.scenario,
                    world,
                    home,
                    laws,
                )
            found.append(split.looked_at(store.country))
        except (EquilibriumError, FirmsError, ScenarioError, TailError) as error:
            problems.append(f"At the same elasticity to {kind}s there is nothing to split: {error}")
    if found:
        first = found[0]
        lines = [first.without_links()]
        if len(found) > 1:
            lines.append(f"At the same elasticity to tariffs instead: {found[1].sentence()}")
        st.html(
            f'<h2 class="ft-heading">{escape(first.sentence())}</h2>'
            f'<ul class="ft-list">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'
        )
        left, right = st.columns(2, gap="large")
        with left:
            drawn = step_bars(
                found,
                subtitle="Real income with firms that differ less real income under competition, percentage points; mean over "
                f"the orders of the steps · {world.name} · {store.scenario.name}",
                source=short_sources(world),
            )
            chart.draw(drawn, key="steps", result=laws.hash, kind="steps")
        with right:
            table(
                f"Real income of {country_name(store.country)}, change",
                ("Step by step", "With links", "Without links"),
                [
                    (
                        str(row["label"])[:1].upper() + str(row["label"])[1:] + said,
                        change(float(row["with_links"])),
                        change(float(row["without_links"])),
                    )
                    for split, said in zip(found, ("", ", same elasticity to tariffs"), strict=False)
                    for row in split.table().to_dict("records")
                    if split is first or row["model"] == "differ"
                ],
            )
            st.html(f'<p class="ft-quiet">{escape(MEANING)}</p>')
    for problem in problems:
        st.html(f'<p class="ft-quiet">{escape(problem)}</p>')
    return found


def _headlines(laws: Laws) -> list[Headline]:
    return [
        Headline(
            str(row["label"]) + (" · this scenario" if row["law"] == laws.chosen else ""),
            float(row["real_income"]),
            "%",
            f"real income, {change(float(row['welfare']), 'bn USD')}",
            "real_income",
        )
        for row in laws.table().to_dict("records")
    ]


def _bands(store: Store, laws: Laws) -> Future[dict[str, Band]] | None:
    """The band of real income under each law, one after another in the background."""
    results, country = dict(laws.results), laws.country

    def work() -> dict[str, Band]:
        return {
            law: draws_around((found.world, found.parameters, found.shock), centre=found, laws=False).band(
                "real_income", country
            )
            for law, found in results.items()
        }

    return bands.of_work(store, f"laws-{country}-{laws.hash}", work)


def _banded(laws: Laws, drawn: Future[dict[str, Band]] | None) -> list[Headline]:
    found = bands.result_of(drawn) or {}
    words = bands.excuse(drawn)
    return [
        replace(item, band=f"90 %: {found[law].ends}", verdict=found[law].verdict)
        if law in found
        else replace(item, band=words or item.band)
        for law, item in zip(laws.results, _headlines(laws), strict=True)
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
        "Elasticity of exports to costs (absolute value), largest markets",
        ("Market", *(laws.labels[law] for law in laws.results)),
        [
            (str(name), *(number(float(elasticities.loc[name, law]), significant=3) for law in laws.results))
            for name in size.index[:10]
        ],
        units=dict.fromkeys((laws.labels[law] for law in laws.results), "elasticity, absolute value"),
        units_said=True,
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
    own = laws.results.get(laws.chosen)
    sure = _bands(store, laws)
    said = () if own is None else (assumed(store.scenario, own),)
    bands.follow(sure, lambda: headline_strip(_banded(laws, sure), laws.hash, assumed=said))
    st.html(f'<p class="ft-quiet">{escape(laws.headline())}</p>')
    found = _steps(store, world, home, laws)
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
        [*law_tables(laws), *([step_table(found)] if found else [])],
        lambda: (
            *about_scenario(
                store.scenario, laws.results.get(laws.chosen) or next(iter(laws.results.values()))
            ),
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

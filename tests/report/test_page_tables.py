"""Tables of the expert pages open with units and provenance, and hold what the pages show."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from firmtrade_core.analysis.heterogeneity import compare_laws
from firmtrade_core.analysis.who_gains import worst_cut_off
from firmtrade_core.attribution import attribute_scenario, bands_of_sources
from firmtrade_core.channels import ChannelEffect
from firmtrade_core.channels.from_panel import ChannelReport
from firmtrade_core.channels.table import ChannelTable
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.events import Window, study_policy
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.report.export import (
    MOST_SHEET_ROWS,
    About,
    Table,
    about_result,
    about_scenario,
    to_csv,
    to_excel,
)
from firmtrade_core.report.page_tables import (
    about_effects,
    about_estimate,
    about_laws,
    about_study,
    attribution_tables,
    coefficient_table,
    effects_table,
    elasticity_table,
    event_table,
    firm_group_table,
    fitted_table,
    law_tables,
    who_gains_tables,
)
from firmtrade_core.scenarios import Scenario, Tariff, run
from firmtrade_core.world.elasticities import elasticity_sets
from tests.gravity.panels import phased_in
from tests.scenarios.conftest import synthetic_world

SCENARIO = Scenario(
    name="ten points",
    cards=(Tariff(importers=("USA",), exporters=("all",), method="add", value=0.1),),
)


@pytest.fixture(scope="module")
def result() -> Equilibrium:
    return run(SCENARIO, synthetic_world())


def taken(table: Table, about: About) -> pd.DataFrame:
    """The CSV read back, after the workbook was seen to hold the same cells and its provenance."""
    book = load_workbook(io.BytesIO(to_excel([table], about)))
    rows = list(book[table.key].iter_rows(values_only=True))
    assert rows[0] == tuple(table.frame.columns) and len(rows) == len(table.frame) + 2
    assert set(table.units) <= set(rows[0])
    assert [unit or "" for unit in rows[1]] == [table.units.get(name, "") for name in rows[0]]
    terms = {row[0] for row in book["About"].iter_rows(values_only=True)}
    assert {term for term, _ in about} <= terms
    content = to_csv(table, about)
    for term, _ in about:
        assert f"# {term}: " in content.decode("utf-8-sig")
    return pd.read_csv(io.BytesIO(content), comment="#")


def test_who_gains(result: Equilibrium) -> None:
    about = about_result(SCENARIO, result)
    cut_off = worst_cut_off(result, "USA", 2)
    tables = {t.key: taken(t, about) for t in who_gains_tables(result, "USA", cut_off)}
    sectors = tables["sectors_at_home"]
    usa = result.world.country_index("USA")
    jobs = 100 * (result.employment_change[usa] - 1)
    np.testing.assert_allclose(sectors["Jobs, change (%)"], jobs)
    assert sectors["Share of labour income before (share of 1)"].sum() == pytest.approx(1)
    np.testing.assert_allclose(tables["cut_off"]["Loss (bn USD)"], cut_off["loss"])
    assert {"concentration", "single_sources", "exposed_suppliers"} < set(tables)


def test_groups_of_firms_that_are_withheld_stay_empty() -> None:
    groups = {"size": pd.DataFrame({"label": ["small", "large"], "percent": [np.nan, 1.5]})}
    read = taken(firm_group_table(groups, {"size": "size of firm"}), ())
    assert read["Sales in units of home wages, change (%)"].isna().tolist() == [True, False]
    assert read["Note"].tolist()[0] == "withheld" and read["Grouped by"].tolist() == ["size of firm"] * 2


def test_laws_of_firms() -> None:
    world = synthetic_world()
    laws = compare_laws(SCENARIO, world, "USA", None)
    result = next(iter(laws.results.values()))
    about = (*about_scenario(SCENARIO, result), *about_laws(laws))
    read = [taken(table, about) for table in law_tables(laws)]
    np.testing.assert_allclose(read[0]["Real income, change (%)"], laws.table()["real_income"])
    assert set(read[1]["Law of firms"]) == set(read[0]["Law of firms"])
    assert any("Certificate" in term for term, _ in about)


def test_attribution_adds_up(result: Equilibrium) -> None:
    found = attribute_scenario(result, "USA", SCENARIO.name)
    sources, cells = (taken(table, about_result(SCENARIO, result)) for table in attribution_tables(found))
    assert sources["Change (bn USD)"].sum() == pytest.approx(found.change * 1e-3)
    assert cells["Change (m USD)"].sum() == pytest.approx(found.change)
    by_source = cells.groupby("Source")["Change (m USD)"].sum() * 1e-3
    for row in sources.itertuples():
        assert by_source.get(row.Source, 0.0) == pytest.approx(row[3], abs=1e-9)


def test_sources_are_taken_away_with_their_bands(result: Equilibrium) -> None:
    found = attribute_scenario(result, "USA", SCENARIO.name)
    bands = bands_of_sources(SCENARIO, synthetic_world(), None, "USA", result, draws=25)
    sources = taken(attribution_tables(found, bands)[0], about_result(SCENARIO, result))
    low, high = sources["Change, 90 % band from (bn USD)"], sources["Change, to (bn USD)"]
    assert low.tolist() == pytest.approx([bands[key].low for key in found.sources])
    assert (low < high).all() and list(sources)[2:5] == ["Change (bn USD)", low.name, high.name]


def test_gravity() -> None:
    panel = GravityPanel.from_table(phased_in(8), tariff="tariff")
    equation = GravitySpecification(("log(dist)", "rta"))
    found = estimate(panel, equation)
    about = about_estimate(found, "own.csv", "abc")
    assert ("Content hash of the trade", "abc") in about and about[0][1] == "own.csv; border values"
    read = taken(coefficient_table(found), about).set_index("As written")
    assert read["Regressor"].tolist()[:2] == ["Log distance", "Trade agreement"]
    column = "95 % interval, low (log points per unit)"
    assert read.loc["rta", column] == pytest.approx(found.interval("rta")[0])
    flows = taken(fitted_table(found, "m USD"), about)
    np.testing.assert_allclose(flows["Trade, fitted (m USD)"], found.cells["fitted"])
    study = study_policy(panel, "rta", Window(1, 1, 1), equation)
    steps = taken(event_table(study), about_study(study, "own.csv", "abc"))
    assert steps["Horizon (years since the policy)"].tolist() == [-1, 0, 1]
    sets = taken(elasticity_table(), ())
    assert set(sets["Set"]) == set(elasticity_sets())


def test_a_table_too_long_for_a_sheet_is_refused_in_words() -> None:
    long = Table("long", "Long", pd.DataFrame({"x": np.zeros(MOST_SHEET_ROWS + 1)}), {"x": "%"})
    with pytest.raises(ValueError, match=r"do not fit a sheet .* Take CSV"):
        to_excel([long], ())


def test_effects_of_attributes() -> None:
    effect = ChannelEffect(
        "skill_share", "per unit", 0.3, 0.1, 0.05, 0.02, (0.2, 0.4), (0.05, 0.15), 0.0, "instrument", "iv", "s", 1.0, 90
    )  # fmt: skip
    table = ChannelTable((effect,), elasticity_of_substitution=4.0, refused={"rnd": "too few"})
    report = ChannelReport("firms of X", True, "CHL", 2000, (), (), table, ("noted",), 90, 5)
    about = about_effects(report)
    read = taken(effects_table(report), about)
    assert read["Capability low (log points)"].tolist() == [0.2]
    assert read["Trade cost equivalent (%)"].tolist() == pytest.approx([effect.ad_valorem(4.0)[0]])
    assert read["Fixed cost saving (log points)"].tolist() == [0.1]
    words = dict(about)
    assert "no such firm exists" in words["Firms"] and words["No effect"] == "rnd: too few"

"""Quality, scope, concentration and place in the network, against values known beforehand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from firmtrade_core.panel import EstimationError, FirmPanel, PanelError
from firmtrade_core.panel.attributes import (
    export_quality,
    network_position,
    scope_and_concentration,
    with_earlier_outcomes,
    without_effects,
)

SIGMA = 4.0


def demand_panel(seed: int = 0, firms: int = 60) -> tuple[FirmPanel, pd.DataFrame]:
    """Firms whose sales follow CES demand with known quality, prices rising in quality."""
    generator = np.random.default_rng(seed)
    grid = pd.MultiIndex.from_product(
        [[f"f{i:02d}" for i in range(firms)], [2020, 2021], ["BRA", "DEU", "USA"], ["010121", "870323"]],
        names=["firm", "year", "country", "product"],
    ).to_frame(index=False)
    grid["quality"] = generator.normal(0, 1, len(grid))
    effects = grid.groupby("product").ngroup() * 2.0 + 0.7 * grid.groupby(["country", "year"]).ngroup()
    log_price = 1 + 0.5 * grid["quality"] + generator.normal(0, 0.3, len(grid))
    log_quantity = effects - SIGMA * log_price + (SIGMA - 1) * grid["quality"]
    grid["value"], grid["quantity"] = np.exp(log_price + log_quantity), np.exp(log_quantity)
    firms_table = grid[["firm", "year"]].drop_duplicates().assign(sector="x")
    return FirmPanel.from_frames(firms_table, grid.drop(columns="quality").assign(flow="export")), grid


def test_quality_is_recovered_within_markets() -> None:
    panel, truth = demand_panel()
    found = export_quality(panel, SIGMA, products=True)
    product = truth["product"].factorize()[0]
    market = truth.groupby(["country", "year"]).ngroup().to_numpy()
    expected = without_effects(truth["quality"].to_numpy(), product, market)
    merged = truth.assign(expected=expected).merge(found, on=["firm", "year", "country", "product"])
    assert_allclose(merged["quality_y"], merged["expected"], atol=1e-8)
    assert np.corrcoef(merged["quality_y"], merged["quality_x"])[0, 1] > 0.98
    by_product = export_quality(panel, {"010121": SIGMA, "870323": SIGMA}, products=True)
    assert_allclose(by_product["quality"], found["quality"])


def test_quality_by_firm_is_weighted_by_value() -> None:
    panel, truth = demand_panel()
    lines = export_quality(panel, SIGMA, products=True).merge(
        truth[["firm", "year", "country", "product", "value"]], on=["firm", "year", "country", "product"]
    )
    one = lines[(lines["firm"] == "f07") & (lines["year"] == 2021)]
    means = export_quality(panel, SIGMA).set_index(["firm", "year"])["quality"]
    assert means[("f07", 2021)] == pytest.approx(np.average(one["quality"], weights=one["value"]))


def test_quality_needs_prices_and_an_elasticity() -> None:
    panel, _ = demand_panel()
    with pytest.raises(EstimationError, match="above 1 for: 010121"):
        export_quality(panel, 0.9)
    with pytest.raises(EstimationError, match="above 1 for: 870323"):
        export_quality(panel, {"010121": 3.0})
    bare = FirmPanel.from_frames(panel.firms, panel.trade.assign(quantity=0.0))
    with pytest.raises(EstimationError, match="needs prices"):
        export_quality(bare, SIGMA)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["BRA", "DEU"]), st.sampled_from("pq"), st.floats(0.1, 1e6)),
        min_size=1,
        max_size=20,
    )
)  # fmt: skip
def test_concentration_lies_between_one_over_scope_and_one(
    lines: list[tuple[str, str, str, float]],
) -> None:
    trade = pd.DataFrame(lines, columns=["firm", "country", "product", "value"]).assign(
        year=2020, flow="export"
    )
    firms = trade[["firm", "year"]].drop_duplicates().assign(sector="x")
    found = scope_and_concentration(FirmPanel.from_frames(firms, trade))
    assert set(found["firm"]) == set(trade["firm"])
    for kind, scope in (("destinations", "destinations"), ("products", "products")):
        herfindahl = found[f"herfindahl_{kind}"]
        assert (herfindahl >= 1 / found[scope] - 1e-9).all() and (herfindahl <= 1 + 1e-9).all()
    shares = (
        trade.groupby(["firm", "country"])["value"].sum().groupby("firm").agg(lambda v: (v / v.sum()).max())
    )
    assert_allclose(found["top_destination_share"], shares.to_numpy())


def test_a_supplier_of_all_is_central() -> None:
    firms = pd.DataFrame({"firm": list("abcde"), "year": 2020, "sector": "x"})
    links = pd.DataFrame({"supplier": [*list("aaaa"), "b", "z"], "buyer": [*list("bcde"), "a", "a"]})
    found = network_position(FirmPanel.from_frames(firms, links=links)).set_index("firm")
    assert found["buyers"].tolist() == [4, 1, 0, 0, 0]
    assert found["suppliers"].tolist() == [1, 1, 1, 1, 1]
    assert found["supplier_centrality"].sum() == pytest.approx(5.0)
    # c, d and e get only restarts (0.15); a gets all theirs and b's, b gets a's.
    a = (0.15 + 0.85 * (0.15 + 3 * 0.15)) / (1 - 0.85**2)
    assert_allclose(found["supplier_centrality"], [a, 0.15 + 0.85 * a, 0.15, 0.15, 0.15], atol=1e-9)


def test_links_by_year_give_positions_by_year() -> None:
    firms = pd.DataFrame({"firm": list("abab"), "year": [2020, 2020, 2021, 2021], "sector": "x"})
    links = pd.DataFrame({"supplier": ["a", "b"], "buyer": ["b", "a"], "year": [2020, 2021]})
    found = network_position(FirmPanel.from_frames(firms, links=links)).set_index(["firm", "year"])
    assert found["buyers"].to_dict() == {("a", 2020): 1, ("b", 2020): 0, ("a", 2021): 0, ("b", 2021): 1}


def test_computed_columns_join_the_panel(tmp_path) -> None:
    panel, _ = demand_panel()
    panel.save(tmp_path)
    stored = FirmPanel.from_parquet(tmp_path)
    for source in (panel, stored):
        richer = source.with_attributes(export_quality(source, SIGMA), {"quality": "log points"})
        assert "quality" in richer.attributes and richer.unit("quality") == "log points"
        assert richer.exports()["value"].tolist() == source.exports()["value"].tolist()
        assert "quality" not in source.column_names()
        with pytest.raises(PanelError, match="already has quality"):
            richer.with_attributes(export_quality(source, SIGMA))
    with pytest.raises(PanelError, match="one row by firm"):
        panel.with_attributes(pd.DataFrame({"firm": ["f00", "f00"], "x": 1}))


def test_earlier_outcomes_are_those_of_the_year_before() -> None:
    firms = pd.DataFrame(
        {
            "firm": ["a", "a", "b", "c", "c"],
            "year": [2020, 2021, 2021, 2019, 2021],
            "employment": [10.0, 12.0, 5.0, 7.0, 8.0],
            "sales": [100.0, 150.0, 20.0, 30.0, 40.0],
            "exports": [40.0, np.nan, 0.0, 0.0, 0.0],
        }
    )
    panel = with_earlier_outcomes(FirmPanel.from_frames(firms))
    told = panel.firms.set_index(["firm", "year"])
    assert told.loc[("a", 2021), "earlier_employment"] == 10
    assert told.loc[("a", 2021), "earlier_sales_per_worker"] == 10
    assert told.loc[("a", 2021), "earlier_home_sales"] == 60
    # No year before, or a gap: nothing is known.
    assert told.loc[[("a", 2020), ("b", 2021), ("c", 2021)], "earlier_employment"].isna().all()
    assert "earlier_home_sales" in panel.attributes and panel.unit("earlier_employment") == "persons"
    with pytest.raises(EstimationError, match="no year before"):
        with_earlier_outcomes(FirmPanel.from_frames(firms[firms["year"] == 2021]))

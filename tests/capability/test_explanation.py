"""Shapley values add up and find what the design put there; panels become arrays; the verb works."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from designs import reference
from typer.testing import CliRunner

from firmtrade_core.capability import CapabilityError, Learner, Settings, estimate
from firmtrade_core.capability.explanation import explain, group_of, premium_split, variance_shares
from firmtrade_core.capability.sources import from_panel
from firmtrade_core.cli.main import app
from firmtrade_core.panel import FirmPanel

QUICK = Settings(tune=False, rounds=3, learner=Learner(rounds=30))


@pytest.fixture(scope="module")
def results():
    data, _ = reference(firms=1200, markets=8, seed=31)
    return estimate(data, QUICK)


def test_values_add_up_to_predictions_and_rank_the_true_causes(results) -> None:
    found = explain(results, sample=400)
    np.testing.assert_allclose(found.values.sum(axis=1) + found.base, found.predicted, atol=1e-8)
    np.testing.assert_allclose(found.predicted, results.predict_m(results.data.attributes[found.rows]))
    assert found.residual < 1e-8
    assert list(found.importance.index[:2]) == ["a1", "a2"]
    assert set(found.importance.index[-3:]) <= {"a3", "a4", "a6", "a7", "a8"}
    # The part of a1 follows 0.8 a1 itself.
    a1 = results.data.attributes[found.rows, 0]
    assert np.polyfit(a1, found.values["a1"], 1)[0] == pytest.approx(0.8, abs=0.2)
    np.testing.assert_allclose(
        found.grouped({"a1": "scale", "a2": "scale"})["scale"], found.values["a1"] + found.values["a2"]
    )
    assert (found.trade_cost_equivalent(5.0)["a1"] == -found.values["a1"] / 4).all()
    assert found.by_fold.shape == (8, 5)


def test_an_index_that_was_not_learned_is_not_explained(results) -> None:
    with pytest.raises(CapabilityError, match="two indices"):
        explain(results, "g")


def test_variance_shares_add_up_to_one(results) -> None:
    shares = variance_shares(results, {"a1": "scale", "a2": "scale"})
    assert shares["share"].sum() == pytest.approx(1)
    assert shares.loc["luck and taste", "share"] > 0.1 and shares.loc["markets", "share"] > 0.05
    assert (shares["low"] <= shares["share"] + 0.05).all()


def test_premium_is_split_without_remainder(results) -> None:
    split = premium_split(results)
    assert split.drop("raw premium").sum() == pytest.approx(split["raw premium"])
    assert split["attributes"] > 0 and split["unexplained capability"] > 0
    assert split["market access"] == pytest.approx(0, abs=1e-9)  # one group of markets, the same for all


def test_attributes_fall_into_groups_by_name() -> None:
    assert group_of("log_initial_employment") == "scale"
    assert group_of("quality_certificate") == "quality"
    assert group_of("a7") == "other"


def panel(years: int = 2) -> FirmPanel:
    """120 firms in two sectors; capable firms export to two countries."""
    generator = np.random.default_rng(1)
    firm = np.repeat([f"f{i:03d}" for i in range(120)], years)
    year = np.tile(np.arange(2020, 2020 + years), 120)
    size = np.repeat(generator.lognormal(3, 1.5, 120), years)
    frame = pd.DataFrame(
        {
            "firm": firm,
            "year": year,
            "sector": np.where(np.arange(len(firm)) // years % 2, "food", "steel"),
            "region": "north",
            "initial_employment": size,
            "foreign": np.repeat(generator.choice(["yes", "no"], 120), years),
            "imported_input_share": 0.1,
            "weight": 1.0,
        }
    )
    chosen = np.flatnonzero(np.log(size) + generator.normal(0, 1, len(firm)) > 3)
    taste = generator.lognormal(0, 1, len(firm))
    lines = [
        {
            "firm": firm[i],
            "year": year[i],
            "flow": "export",
            "country": country,
            "product": product,
            "value": 5.0 * size[i] * taste[i],
        }
        for i in chosen
        for country in ("USA", "PER")
        for product in ("010101", "020202")
    ]
    trade = pd.DataFrame(lines)
    frame["exports"] = frame.merge(
        trade.groupby(["firm", "year"])["value"].sum(), on=["firm", "year"], how="left"
    )["value"].fillna(0)
    return FirmPanel.from_frames(frame, trade)


def test_panels_become_rows_by_firm_year_and_markets_by_country() -> None:
    source = panel()
    data = from_panel(source)
    assert set(data.markets) == {"USA", "PER"} and len(data.firm) == 240
    assert set(data.group_names) == {"food 2020", "food 2021", "steel 2020", "steel 2021"}
    assert {"log_initial_employment", "foreign_yes"} <= set(data.attribute_names)
    assert "imported_input_share" not in from_panel(source, flow="export").attribute_names  # constant
    first = source.trade.groupby(["firm", "year", "country"])["value"].sum().iloc[0]
    assert np.isclose(np.exp(data.log_sales[data.presence == 1]), first).any()
    shared = from_panel(source, sectors="shared", most_markets=1)
    assert set(shared.group_names) == {"2020", "2021"} and "sector_steel" in shared.attribute_names
    assert shared.markets[1:] == ("elsewhere",)


def test_without_destinations_abroad_is_the_market() -> None:
    source = panel()
    data = from_panel(FirmPanel.from_frames(source.firms), sectors="shared", years=[2020])
    assert data.markets == ("abroad",) and len(data.firm) == 120


def test_a_panel_without_attributes_is_told_to_bring_some() -> None:
    bare = panel().firms[["firm", "year", "sector", "exports"]]
    for sectors in ("markets", "shared"):
        with pytest.raises(
            CapabilityError, match=r"no attribute that could explain.*employment, age, capital"
        ):
            from_panel(FirmPanel.from_frames(bare), sectors=sectors)
    with pytest.raises(CapabilityError, match="no attribute"):
        from_panel(panel(), attributes=[])


def test_the_verb_estimates_a_panel_and_says_what_is_wrong(tmp_path) -> None:
    folder = panel().save(tmp_path / "panel")
    done = CliRunner().invoke(
        app, ["firms", "estimate", str(folder), "--learner", "splines", "--draws", "2", "--json"]
    )
    assert done.exit_code == 0, done.output
    assert "σ_u" in json.loads(done.stdout)["parameters"]
    missing = CliRunner().invoke(app, ["firms", "estimate", str(tmp_path / "nowhere"), "--json"])
    assert missing.exit_code == 2 and "firms.parquet" in json.loads(missing.stdout)["error"]

"""Shapley values add up and find what the design put there; panels become arrays; the verb works."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from designs import reference
from typer.testing import CliRunner

from firmtrade_core.capability import CapabilityData, CapabilityError, Learner, Settings, estimate
from firmtrade_core.capability.explanation import (
    explain,
    importance_by_seed,
    interactions,
    premium_split,
    variance_shares,
)
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


@pytest.mark.parametrize("kind", ["boosting", "splines", "elastic_net", "random_forest"])
def test_every_learner_is_explained_exactly(kind: str) -> None:
    data, _ = reference(firms=500, markets=5, seed=32)
    learner = Learner(kind=kind, rounds=15, penalty=0.003 if kind == "elastic_net" else 3.0)
    results = estimate(data, Settings(tune=False, rounds=1, learner=learner, folds=3))
    found = explain(results, sample=100)
    np.testing.assert_allclose(
        found.values.sum(axis=1) + found.base, results.predict_m(data.attributes[found.rows]), atol=1e-8
    )
    assert found.residual < 1e-8 and found.importance.index[0] == "a1"
    pairs = interactions(results, found.rows[:20])
    assert pairs.residual < 1e-8
    assert pairs.additive is (kind in ("splines", "elastic_net"))
    assert importance_by_seed(results, found.rows[:20], seeds=1).shape == (8, 1)
    assert variance_shares(results)["share"].sum() == pytest.approx(1)


@pytest.fixture(scope="module")
def product():
    """m = 0.8 a1 + a2 a3, as the additive base with one pair learns it, without trees."""
    generator = np.random.default_rng(11)
    a = generator.standard_normal((1500, 4))
    a[:, 2] = 0.6 * a[:, 1] + 0.8 * a[:, 2]  # the product's mean is not zero
    capability = 0.8 * a[:, 0] + a[:, 1] * a[:, 2] + 0.3 * generator.standard_normal(1500)
    index = capability[:, None] + generator.standard_normal((1500, 8))
    sales = np.where(index > 0.3, capability[:, None] + 0.5 * generator.standard_normal((1500, 8)), np.nan)
    data = CapabilityData.from_arrays(sales, pd.DataFrame(a, columns=list("pqrs")))
    return estimate(data, Settings(tune=False, rounds=2, learner=Learner(rounds=0, pairs=1)))


def test_products_in_the_additive_base_are_interactions(product) -> None:
    rows = np.arange(300)
    found = interactions(product, rows)
    assert found.residual < 1e-8 and not found.additive
    strength = found.strength
    a = product.data.attributes[rows]
    # Against the sample the interaction of q and r is qr less the two main effects: qr + E[qr].
    expected = np.abs(a[:, 1] * a[:, 2] + 0.6).mean()
    assert strength.loc["q", "r"] == pytest.approx(expected, rel=0.2) == strength.loc["r", "q"]
    assert strength.loc["p"].max() == strength.loc["s"].max() == 0


def test_variance_shares_add_up_to_one_and_have_no_band_without_draws(results) -> None:
    shares = variance_shares(results, {"a1": "scale", "a2": "scale"})
    assert shares["share"].sum() == pytest.approx(1)
    assert shares.loc["luck and taste", "share"] > 0.1 and shares.loc["markets", "share"] > 0.05
    assert shares[["low", "high"]].isna().all(axis=None)
    assert variance_shares(results.with_bootstrap(3))["low"].isna().all()  # draws without their learners


def test_bands_of_variance_shares_carry_the_error_of_the_estimate(results) -> None:
    from dataclasses import replace

    drawn = results.with_bootstrap(4, keep_learners=True)
    shares = variance_shares(drawn)
    assert shares["share"].sum() == pytest.approx(1)
    assert ((shares["low"] < shares["share"]) & (shares["share"] < shares["high"])).all()
    # The same draw again and again leaves firms' sampling alone, whose bands are narrower.
    width = shares["high"] - shares["low"]
    still = variance_shares(replace(drawn, draws=drawn.draws[:1] * 4))
    assert (width > still["high"] - still["low"]).all()
    # What the learners of the draws say matters, not m alone.
    swapped = tuple(replace(d, m_learned=drawn.draws[0].m_learned, m_form=(0.0, 9.0)) for d in drawn.draws)
    with pytest.raises(CapabilityError, match="Held-out"):
        variance_shares(replace(drawn, draws=swapped))


def test_premium_is_split_without_remainder(results) -> None:
    split = premium_split(results)
    assert split.drop("raw premium").sum() == pytest.approx(split["raw premium"])
    assert split["attributes"] > 0 and split["unexplained capability"] > 0
    assert split["market access"] == pytest.approx(0, abs=1e-9)  # one group of markets, the same for all


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

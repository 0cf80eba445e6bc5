"""Rule-chosen episodes, on a made panel whose trade obeys the model with a known elasticity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.backtests import BacktestError, score
from firmtrade_core.backtests.agreements import predicted, read_agreements, starts
from firmtrade_core.backtests.panels import (
    LARGE,
    LEAST,
    TradePanel,
    by_sector,
    large_changes,
    model_growth,
    outcome_table,
    read_panel,
    trade_war,
    with_model,
)
from firmtrade_core.backtests.rivals import FEATURES, Learners, by_elasticity, by_learning, features
from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.scenarios.schema import Structure
from firmtrade_core.world.world import World

CODES = ("USA", "CHN", "DEU", "JPN", "BRA", "IND", "KOR", "ROW")
PLAIN = Structure(family="armington")
TRUTH = 3.0


@pytest.fixture(scope="module")
def panel() -> TradePanel:
    """Four years: from each to the next tariffs move, and the world goes where the model of elasticity 3 says."""
    rng = np.random.default_rng(5)
    n, goods = len(CODES), np.array([True, True, False])
    size = rng.lognormal(0, 0.5, (n, 1, 1)) * rng.lognormal(0, 0.3, (1, n, 1))
    flows = 9000 * size * rng.lognormal(0, 0.5, (n, n, 3)) * (1 + 7 * np.eye(n)[:, :, None])
    tariff = rng.uniform(0, 0.1, (n, n, 3)) * goods * (1 - np.eye(n))[:, :, None]
    world = World(CODES, ("food", "steel", "services"), flows, tariff, np.zeros_like(tariff), goods=goods)
    worlds = {2016: world}
    for year in (2017, 2018, 2019):
        world = worlds[year - 1]
        step = np.where(rng.random((n, n, 3)) < 0.3, rng.uniform(-0.08, 0.12, (n, n, 3)), 0.0)
        after = np.maximum(world.tariff + step * goods * (1 - np.eye(n))[:, :, None], 0.0)
        found = solve(world, Shock(tariff=after), Parameters(trade_elasticity=TRUTH, deficits="proportional"))
        worlds[year] = found.to_world("made")
    return TradePanel("made", worlds)


def test_the_truth_is_predicted_and_another_elasticity_has_its_slope(panel: TradePanel) -> None:
    right, steep = [], []
    for choice in large_changes(panel, 1):
        outcome = outcome_table(panel, choice)
        true = model_growth(panel, choice.since, choice.until, TRUTH, PLAIN)
        right.append(with_model(outcome, true))
        steep.append(with_model(outcome, model_growth(panel, choice.since, choice.until, 2 * TRUTH, PLAIN)))
        cells = by_sector(panel, choice, true)
        np.testing.assert_allclose(cells["actual"], cells["predicted"], atol=1e-8)
        np.testing.assert_allclose(cells["common"], cells["predicted_common"], atol=1e-8)
        assert set(cells["sector"]) <= {"food", "steel"}
    found = score(pd.concat(right))
    assert found.predictions > 10 and found.skill > 1 - 1e-12 and found.slope == pytest.approx(1)
    # Before tariffs trade moves by 1 + ε times what it costs more: 4 in truth, 7 as predicted.
    assert score(pd.concat(steep)).slope == pytest.approx(4 / 7, abs=0.05)


def test_the_rule_chooses_by_tariffs_and_earlier_trade_alone(panel: TradePanel) -> None:
    for choice in large_changes(panel, 1):
        change, before = panel.tariff_change(choice.since, choice.until), panel.imports(choice.since)
        rows = outcome_table(panel, choice)
        assert (rows["tariff"].abs() >= LARGE).all() and (rows["weight"] >= LEAST).all()
        assert "ROW" not in {*rows["importer"], *rows["partner"]}
        wanted = (np.abs(np.nan_to_num(change)) >= LARGE) & (before >= LEAST)
        wanted[-1], wanted[:, -1] = False, False
        assert (choice.chosen == wanted).all() and not np.diag(choice.chosen).any()


def test_the_outcome_year_tells_a_prediction_nothing_but_tariffs(panel: TradePanel) -> None:
    choice = next(large_changes(panel, 1))
    given = model_growth(panel, choice.since, choice.until, 4.0, PLAIN).by_pair
    other = dict(panel.worlds)
    later = other[choice.until]
    rng = np.random.default_rng(1)
    flows = later.expenditure * rng.lognormal(0, 1, later.expenditure.shape)
    other[choice.until] = World(
        later.countries, later.sectors, flows, later.tariff, later.subsidy, goods=later.goods
    )
    changed = TradePanel("made", other)
    np.testing.assert_array_equal(
        given, model_growth(changed, choice.since, choice.until, 4.0, PLAIN).by_pair
    )
    assert (outcome_table(changed, choice)["actual"] != outcome_table(panel, choice)["actual"]).all()


def test_the_trade_war_is_two_importers_from_2017(panel: TradePanel) -> None:
    found = list(trade_war(panel))
    assert [(c.since, c.until) for c in found] == [(2017, 2018), (2017, 2019)]
    assert set(outcome_table(panel, found[0])["importer"]) == {"USA", "CHN"}


def test_rivals_see_what_was_over(panel: TradePanel) -> None:
    choice = next(c for c in large_changes(panel, 1) if c.since == 2018)
    table = by_elasticity(panel, outcome_table(panel, choice), 2018, 2019, -1.5)
    np.testing.assert_allclose(table["predicted"], -1.5 * table["tariff"])
    seen = features(panel, 2018, 2019)
    assert set(FEATURES) < set(seen) and np.isfinite(seen[list(FEATURES)].to_numpy()).all()
    assert Learners.trained(panel, 1, 2017) is None
    early = Learners.trained(panel, 1, 2018)
    assert early is not None
    guess = by_learning(panel, outcome_table(panel, choice), 2018, 2019, early, "ridge")
    assert np.isfinite(guess["predicted"]).all() and (guess["predicted_common"] == 0).all()


def test_panels_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    pd.DataFrame({"exporter": ["USA"], "importer": ["USA"]}).to_csv(path, index=False)
    with pytest.raises(BacktestError, match="no column year"):
        read_panel(path)
    with pytest.raises(BacktestError, match="cannot be read"):
        read_agreements(tmp_path / "none.parquet", path)


def test_agreements_are_predicted_from_the_year_before(tmp_path: Path) -> None:
    """Tariffs between members fall to zero; trade follows the model, and so the model predicts it."""
    rng = np.random.default_rng(2)
    codes, years = CODES[:7], range(1990, 1998)
    n = len(codes)
    trade = rng.lognormal(7, 0.5, (n, n)) * (1 + 20 * np.eye(n))
    rate = 0.15 * (1 - np.eye(n))
    world = World(
        codes, ("manufacturing",), (trade * (1 + rate))[:, :, None], rate[:, :, None], np.zeros((n, n, 1))
    )
    free = rate.copy()
    free[0, 1] = free[1, 0] = 0.0
    after = solve(
        world, Shock(tariff=free[:, :, None]), Parameters(trade_elasticity=4.0, deficits="proportional")
    )
    rows = []
    for year in years:
        member = year >= 1992
        value = after.border_value[:, :, 0] if member else trade
        for i in range(n):
            for j in range(n):
                rta = float(member and {i, j} == {0, 1})
                rows.append((codes[i], codes[j], year, value[i, j], rta))
    flows = pd.DataFrame(rows, columns=["exporter", "importer", "year", "trade", "rta"])
    rates = flows[flows["year"] == 1990].assign(MFN_TARIFF=np.where(np.eye(n).ravel() > 0, np.nan, 0.15))
    flows.to_parquet(tmp_path / "flows.parquet")
    rates.to_parquet(tmp_path / "rates.parquet")
    panel = read_agreements(tmp_path / "flows.parquet", tmp_path / "rates.parquet")
    ((year, chosen),) = starts(panel)
    assert year == 1991 and chosen.sum() == 2
    table = predicted(panel, 4.0)
    np.testing.assert_allclose(table["actual"], table["predicted"], atol=1e-9)
    assert (table["tariff"] < -0.1).all()

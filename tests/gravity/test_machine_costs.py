"""Boosting against the log-linear form: it wins where the form is wrong, and only there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.gravity.errors import FlowError
from firmtrade_core.gravity.geography import panel_of_world
from firmtrade_core.gravity.machine_costs import compare_costs, estimated_shares
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.world.embedded import load_embedded_world


def panel_of(bend: float, countries: int = 36) -> GravityPanel:
    rng = np.random.default_rng(7)
    n = countries
    x = rng.uniform(-1, 1, (n, n))
    x = (x + x.T) / 2
    costs = -1.5 * x + bend * np.abs(x) - 2 * (1 - np.eye(n))
    noise = rng.normal(0, 0.1, (n, n))
    trade = np.exp(costs + noise + rng.normal(0, 1, (n, 1)) + rng.normal(0, 1, n))
    trade[0, 1] = 0
    codes = [f"C{i:02d}" for i in range(n)]
    table = {
        "exporter": np.repeat(codes, n),
        "importer": np.tile(codes, n),
        "x": x.ravel(),
        "trade": trade.ravel(),
    }
    return GravityPanel.from_table(pd.DataFrame(table))


def test_the_form_that_is_right_is_not_beaten() -> None:
    found = compare_costs(panel_of(0.0), ["x"], folds=5)
    assert found.share_explained("linear") > 0.9
    assert found.gain[0] < 2 * found.gain[1] and "misses" not in found.verdict
    assert found.zeros == 1 and len(found.pairs) == 36 * 35 // 2 - 1


def test_a_bend_is_found() -> None:
    found = compare_costs(panel_of(4.0), ["x"], folds=5)
    assert found.share_explained("boosted") > found.share_explained("linear") + 0.1
    assert found.verdict.startswith("the log-linear form misses something")


def test_home_sales_are_needed() -> None:
    panel = panel_of(0.0, countries=8)
    table = panel.table.assign(trade=panel.table["trade"].where(~panel.domestic, 0.0))
    with pytest.raises(FlowError, match="Sales at home are missing for C00"):
        compare_costs(GravityPanel.from_table(table), ["x"], folds=2)


def test_filled_flows_do_not_count() -> None:
    """Flows filled by a prior that bends give back the bend; the observed ones have none."""
    straight, bent = panel_of(0.0), panel_of(4.0)
    codes = list(straight.countries)
    filled = np.zeros((36, 36), bool)
    filled[:14] = filled[:, :14] = True
    np.fill_diagonal(filled, False)
    table = straight.table.assign(
        trade=np.where(filled.ravel(), bent.table["trade"], straight.table["trade"])
    )
    panel = GravityPanel.from_table(table)
    shares = pd.DataFrame(filled.astype(float), codes, codes)
    misled = compare_costs(panel, ["x"], folds=5)
    found = compare_costs(panel, ["x"], folds=5, estimated=shares)
    assert misled.verdict.startswith("the log-linear form misses something")
    assert "misses" not in found.verdict
    assert len(found.pairs) == 22 * 21 // 2 and found.filled == len(misled.pairs) - len(found.pairs)


def test_the_embedded_world_counts_observed_pairs_alone() -> None:
    world = load_embedded_world()
    shares = estimated_shares(world)
    assert shares.loc["USA", "MEX"] < 0.05 and shares.loc["MLT", "LAO"] == 1.0
    assert np.diag(shares).max() == 0.0
    variables = ["dist", "contiguity", "language"]
    found = compare_costs(panel_of_world(world, pooled=True), variables, estimated=shares, folds=2)
    assert len(found.pairs) < 500 and found.filled > 2_500

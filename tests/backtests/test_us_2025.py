"""The United States in 2025: the episode ships, and the first measurement of it is reproduced by the same definition."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.backtests import BacktestError, influence, score
from firmtrade_core.backtests.us_2025 import WITHOUT, actual_imports, added_tariffs, tariff_after, us_2025
from firmtrade_core.paths import figures_folder
from firmtrade_core.scenarios.schema import Structure
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World
from tests.earlier_world import earlier_world

#: No firms, fixed deficits: the structure in which the record was measured first, on the world of then.
FIRST = {"family": "armington", "deficits": "fixed", "within_elasticity": None}


def test_the_first_measurement_is_reproduced() -> None:
    """51 partners, weighted: 0.70 and 0.56 at 4, 0.92 at 2, 0.23 without China, 0.03 without Taiwan and the gold hubs too."""
    world = earlier_world()
    four = us_2025(world, Structure(elasticity=4.0, **FIRST))
    found = score(four)
    assert found.predictions == 51
    assert found.correlation == pytest.approx(0.70, abs=0.005) and found.slope == pytest.approx(
        0.56, abs=0.005
    )
    left = influence(four, WITHOUT).set_index("without")
    assert left.loc["without China", "correlation"] == pytest.approx(0.23, abs=0.005)
    all_three = left.loc["without China, Taiwan and the gold hubs"]
    assert all_three["correlation"] == pytest.approx(0.03, abs=0.005)
    # No better than equal growth.
    assert left.loc["without China", "skill"] < 0 and all_three["skill"] < 0
    assert score(us_2025(world, Structure(elasticity=2.0, **FIRST))).slope == pytest.approx(0.92, abs=0.005)


def test_on_todays_world_and_structure_it_is_little_else() -> None:
    world = load_embedded_world()
    table = us_2025(world, Structure())
    found = score(table)
    assert found.predictions == 51 and found.correlation == pytest.approx(0.668, abs=0.01)
    assert found.slope == pytest.approx(0.516, abs=0.01)
    two = score(us_2025(world, Structure(elasticity=2.0)))
    assert two.slope == pytest.approx(0.849, abs=0.01) and two.skill > 0.4 > 0.1 > found.skill
    late = score(us_2025(world, Structure(elasticity=2.0), "2025-04..10"))
    assert late.predictions == 51 and late.correlation > found.correlation


def test_partners_are_the_worlds_and_the_union_is_one() -> None:
    table = us_2025(load_embedded_world(), Structure(family="armington"))
    assert "EU" in set(table["partner"]) and "DEU" not in set(table["partner"])
    assert "USA" not in set(table["partner"]) and "ROW" not in set(table["partner"])
    union = actual_imports().loc[["DEU", "FRA", "IRL"], "y2025"].sum()
    row = table.set_index("partner").loc["EU"]
    assert row["weight"] * np.exp(row["actual"]) > union
    china = table.set_index("partner").loc["CHN"]
    assert (
        china["actual"] < -0.3
        and china["predicted"] < -0.5
        and china["tariff"] == pytest.approx(0.24, abs=0.03)
    )


def test_what_ships_is_what_was_measured() -> None:
    """Against the figures they were carried from; skips where those are missing."""
    folder = figures_folder()
    if not folder.is_dir():
        reason = f"{folder} is missing (FIRMTRADE_FIGURES)"
        pytest.fail(reason) if os.environ.get("FIRMTRADE_STRICT") == "1" else pytest.skip(reason)
    figures = pd.read_csv(folder / "us_imports_actual.csv").set_index(["period", "partner_iso3"])[
        "imports_musd"
    ]
    shipped = actual_imports()
    for column, period in (("y2024", "2024"), ("y2025", "2025"), ("apr_oct_2025", "2025-04..10")):
        known = shipped[column].dropna()
        np.testing.assert_allclose(known, figures[period].loc[known.index], atol=0.06)
    rates = pd.read_csv(folder / "us_tariff_2025_average.csv")
    rates = rates[rates["effective_date"] == "avg_2025"].set_index(["exporter_iso3", "sector"])[
        "added_tariff"
    ]
    for code in ("CHN", "EU", "CAN", "ROW"):
        assert added_tariffs().loc[code, "metals"] == rates[code, "metals"]


def test_a_world_without_the_sectors_is_refused() -> None:
    flows = np.ones((2, 2, 1))
    world = World(("USA", "CHN"), ("C24A",), flows, np.zeros_like(flows), np.zeros_like(flows))
    with pytest.raises(BacktestError, match="ten broad sectors"):
        tariff_after(world)

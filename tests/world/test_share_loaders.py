"""Worlds read from tables of shares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.world.errors import WorldFileError
from firmtrade_core.world.loaders.caliendo_parro import load_caliendo_parro
from firmtrade_core.world.loaders.wiod_shares import wiod_2014_elasticities, wiod_2014_world

COUNTRIES, SECTORS = ("AAA", "BBB"), ("C01", "C24")


def write_wiod(folder: Path) -> None:
    """Two symmetric countries: a tenth of expenditure on goods goes abroad, at a tariff of 25 percent."""

    def write(name: str, columns: str, rows: list[tuple[object, ...]]) -> None:
        pd.DataFrame(rows, columns=[*columns.split(), "value"]).to_csv(folder / f"{name}.csv", index=False)

    pairs = [(o, d, s) for o in COUNTRIES for d in COUNTRIES for s in SECTORS]
    abroad = {(o, d, s): o != d and s == "C01" for o, d, s in pairs}
    write("trade_share", "origin destination sector",
          [(*p, 0.1 if abroad[p] else float(p[0] == p[1]) - 0.1 * (p[2] == "C01")) for p in pairs])  # fmt: skip
    write("tariff", "origin destination sector", [(*p, 1.25 if abroad[p] else 1.0) for p in pairs])
    cells = [(c, s) for c in COUNTRIES for s in SECTORS]
    write("factor_share", "country sector", [(*c, 0.5) for c in cells])
    write("consumption_share", "country sector", [(*c, 0.5) for c in cells])
    write("expenditure", "country sector", [(*c, 100.0) for c in cells])
    write("intermediate_share", "input output country",
          [(k, s, c, 0.5) for c, s in cells for k in SECTORS])  # fmt: skip
    write("value_added", "country", [(c, 98.0) for c in COUNTRIES])
    write("trade_elasticity", "sector", [("C01", 0.25), ("C24", 0.2)])


def test_wiod_tables_become_a_world(tmp_path: Path) -> None:
    write_wiod(tmp_path)
    world = wiod_2014_world(tmp_path)
    assert (world.countries, world.sectors) == (COUNTRIES, SECTORS)
    assert world.goods is not None and world.goods.tolist() == [True, False]
    # By symmetry: output 0.98 E of goods and E of services, half of it value added, so E solves by hand.
    np.testing.assert_allclose(world.value_added.sum(1), 98.0)
    goods, services = world.total_expenditure[0]
    assert services == pytest.approx(goods)  # half of final demand and half of inputs each
    assert 0.5 * (0.98 * goods + services) == pytest.approx(98.0)
    assert world.tariff[0, 1, 0] == pytest.approx(0.25)
    np.testing.assert_allclose(world.deficits, 0, atol=1e-9)
    assert wiod_2014_elasticities(tmp_path) == {"C01": 4.0, "C24": 5.0}


def test_incomplete_tables_name_the_cell(tmp_path: Path) -> None:
    write_wiod(tmp_path)
    table = pd.read_csv(tmp_path / "tariff.csv")
    table.drop(index=3).to_csv(tmp_path / "tariff.csv", index=False)
    with pytest.raises(WorldFileError, match="no value for AAA, BBB, C24"):
        wiod_2014_world(tmp_path)
    (tmp_path / "tariff.csv").unlink()
    with pytest.raises(WorldFileError, match=r"tariff\.csv is missing"):
        wiod_2014_world(tmp_path)


@pytest.mark.data
def test_wiod_2014_keeps_value_added(needs_data: Callable[[str], Path]) -> None:
    folder = needs_data("wiod-2014-io")
    world = wiod_2014_world(folder)
    assert world.shape == (44, 50)
    assert world.goods is not None and world.goods.sum() == 23
    supplied = pd.read_csv(folder / "value_added.csv")["value"].to_numpy()
    np.testing.assert_allclose(world.value_added.sum(1), supplied, rtol=1e-10)
    table = pd.read_csv(folder / "expenditure.csv").set_index(["country", "sector"])["value"]
    spending = (
        table.reindex(pd.MultiIndex.from_product([world.countries, world.sectors])).to_numpy().reshape(44, 50)
    )
    gap = np.abs(world.total_expenditure - spending)
    assert (gap / spending.sum(1, keepdims=True)).max() < 0.0101
    assert min(wiod_2014_elasticities(folder).values()) > 1


@pytest.mark.data
def test_caliendo_parro_world_keeps_observed_value_added(needs_data: Callable[[str], Path]) -> None:
    folder = needs_data("caliendo-parro-2015")
    data = load_caliendo_parro(folder)
    assert data.world.shape == (31, 40)
    assert any(
        change.startswith("185 negative final-demand shares") for change in data.world.provenance.changes
    )
    production = pd.read_csv(folder / "production.csv")
    earned = (
        (production["gross_output_usd"] * production["value_added_share"])
        .groupby(production["country"])
        .sum()
    )
    usa = data.world.value_added[data.world.country_index("USA")].sum()
    assert usa == pytest.approx(earned["USA"] / 1e6, rel=0.02)  # output is raised to exports in a few sectors
    assert data.trade_elasticity[[0, 20, 39]].tolist() == [9.11, 8.22, 8.22]

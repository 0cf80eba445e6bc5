"""Panels: what is refused, what is repaired, and that messages count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.gravity.errors import (
    DuplicateObservationsError,
    FlowError,
    GapError,
    RegressorError,
    TariffUnitError,
    TooFewCountriesError,
)
from firmtrade_core.gravity.panel import GravityPanel, load_world_panel
from firmtrade_core.gravity.variables import variable
from firmtrade_core.world.errors import ColumnError
from tests.gravity.panels import gravity_table


def test_reads_sizes_and_codes() -> None:
    panel = GravityPanel.from_table(gravity_table(5))
    assert (len(panel.countries), panel.years, panel.sectors) == (5, (2000, 2001, 2002, 2003), ("all",))
    assert panel.domestic.sum() == 5 * 4
    pairs, either_way = panel.code("pair"), panel.code("symmetric_pair")
    assert (pairs.max() + 1, either_way.max() + 1) == (25, 15)
    assert np.bincount(panel.code("exporter", "year")).tolist() == [5] * 20


def test_one_country_panels_are_refused_with_counts() -> None:
    table = gravity_table(5)
    with pytest.raises(TooFewCountriesError, match="1 exporter and 5 importers"):
        GravityPanel.from_table(table[table["exporter"] == "C00"])


def test_repeated_pair_years_are_counted_and_named() -> None:
    table = gravity_table(5)
    twice = table.iloc[[*range(len(table)), 7, 8]]
    with pytest.raises(DuplicateObservationsError, match=r"2 rows repeat .* C00, C01, all, 2003"):
        GravityPanel.from_table(twice)


def test_tariffs_in_percent_are_recognised() -> None:
    table = gravity_table(5)
    table["tariff"] *= 100
    with pytest.raises(TariffUnitError, match=r"Tariffs average .* \d+ of 100 above 150.%.*percent"):
        GravityPanel.from_table(table, tariff="tariff")
    read = GravityPanel.from_table(table, tariff="tariff", tariff_unit="percent")
    np.testing.assert_allclose(read.table["tariff"], gravity_table(5)["tariff"])


def test_gaps_are_refused_left_or_filled() -> None:
    table = gravity_table(5).drop(columns="tariff")
    gappy = table.drop(index=[9, 30])
    with pytest.raises(GapError, match="2 of 100 pair-years are missing, the first C00, C02"):
        GravityPanel.from_table(gappy)
    left = GravityPanel.from_table(gappy, gaps="leave")
    assert len(left.table) == 98 and "2 pair-years are missing" in left.notes[0]
    filled = GravityPanel.from_table(gappy, gaps="zero")
    assert len(filled.table) == 100 and (filled.table["trade"] == 0).sum() == 2
    assert not filled.table["dist"].isna().any()


def test_gaps_of_variables_that_move_cannot_be_filled() -> None:
    with pytest.raises(GapError, match="tariff change over time"):
        GravityPanel.from_table(gravity_table(5).drop(index=9), gaps="zero")


def test_flows_must_be_flows() -> None:
    table = gravity_table(4)
    with pytest.raises(FlowError, match="1 of 64 flows are negative"):
        GravityPanel.from_table(table.assign(trade=table["trade"].where(table.index != 5, -1)))
    with pytest.raises(FlowError, match="All 64 flows are zero"):
        GravityPanel.from_table(table.assign(trade=0.0))
    with pytest.raises(ColumnError, match="did you mean 'trade'"):
        GravityPanel.from_table(table, flow="trad")


def test_pairs_that_never_trade_are_counted() -> None:
    table = gravity_table(4)
    never = (table["exporter"] == "C00") & (table["importer"] == "C01")
    panel = GravityPanel.from_table(table.assign(trade=table["trade"].where(~never, 0.0)))
    assert panel.notes == ("1 of 16 pairs (by sector) never trade; pair effects leave them out.",)


def test_leads_and_lags_look_along_the_pair() -> None:
    panel = GravityPanel.from_table(gravity_table(4), tariff="tariff")
    own, lag, lead = (variable(panel, name) for name in ("tariff", "lag(tariff, 1)", "lead(tariff, 2)"))
    wide = own.reshape(16, 4)
    np.testing.assert_array_equal(lag.reshape(16, 4)[:, 1:], wide[:, :3])
    np.testing.assert_array_equal(lead.reshape(16, 4)[:, :2], wide[:, 2:])
    assert np.isnan(lag.reshape(16, 4)[:, 0]).all() and np.isnan(lead.reshape(16, 4)[:, 2:]).all()


def test_unknown_variables_are_named_with_lookalikes() -> None:
    panel = GravityPanel.from_table(gravity_table(4))
    with pytest.raises(RegressorError, match=r"'distt'\. Did you mean dist"):
        variable(panel, "log(distt)")
    with pytest.raises(RegressorError, match=r"\d+ values are zero or less"):
        variable(panel, "log(contiguity)")


def test_a_world_panel_is_read_at_consumer_values_by_sector(tmp_path: Path) -> None:
    table = gravity_table(4).rename(columns={"trade": "expenditure_musd"})
    both = [table.assign(sector=s) for s in ("C10", "C20")]
    path = tmp_path / "flows.parquet"
    pd.concat(both).to_parquet(path)
    panel = load_world_panel(path, ["C20"])
    assert (panel.sectors, panel.flow_values, len(panel.table)) == (("C20",), "consumer", 64)

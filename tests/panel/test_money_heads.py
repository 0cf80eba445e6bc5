"""Money of a panel's columns: read from heads on every door, and stopped where its size cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.harmonise.errors import LayoutError
from firmtrade_core.harmonise.firm_tables import read_firm_table
from firmtrade_core.panel import FirmPanel, PanelError, PanelMetadata, SizeError
from firmtrade_core.panel.source import panel_of
from firmtrade_core.panel.validation import impossible_sizes, validate

DOLLARS = PanelMetadata(name="plants", home="CHL", money="USD")


def firms(**columns: float) -> pd.DataFrame:
    n = 12
    table = pd.DataFrame(
        {"firm": [f"f{i}" for i in range(n)], "year": 2018, "sector": "food", "employment": 10.0}
    )
    return table.assign(**{name: np.full(n, value) for name, value in columns.items()})


def trade(value: float, head: str = "value") -> pd.DataFrame:
    n = 12
    return pd.DataFrame(
        {"firm": [f"f{i}" for i in range(n)], "year": 2018, "flow": "export", "country": "USA", "product": "010121", head: value}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("head", "value"),
    [("sales_thousand_usd", 900.0), ("sales_musd", 0.9), ("Sales (thousand USD)", 900.0), ("sales_usd", 9e5), ("sales_k", 900.0)],
)  # fmt: skip
def test_the_same_sales_however_the_head_writes_them(head: str, value: float, tmp_path: Path) -> None:
    given = FirmPanel.from_frames(firms(**{head: value}), metadata=DOLLARS)
    assert given.firms["sales"].tolist() == pytest.approx([9e5] * 12) and head not in given.column_names()
    assert any(f"“{head}” read as" in note for note in given.metadata.notes)
    firms(**{head: value}).to_parquet(tmp_path / "firms.parquet")
    kept = FirmPanel.from_parquet(tmp_path)
    assert kept.firms["sales"].tolist() == pytest.approx([9e5] * 12)
    again = FirmPanel.from_parquet(kept.save(tmp_path / "again"))
    assert again.firms["sales"].tolist() == pytest.approx([9e5] * 12)
    attributes = pd.DataFrame({"firm": ["f0"], "extra": [1.0]})
    assert kept.with_attributes(attributes).firms["sales"].tolist() == pytest.approx([9e5] * 12)


def test_other_currencies_come_in_at_the_rate_of_the_year_or_are_asked_for() -> None:
    panel = FirmPanel.from_frames(firms(wages_keur=300.0), metadata=DOLLARS)
    assert panel.firms["wages"].iloc[0] == pytest.approx(300e3 * 1.181, rel=1e-3)  # mean of 2018
    unnamed = FirmPanel.from_frames(firms(wages_keur=300.0))
    assert unnamed.metadata.money == "EUR" and unnamed.firms["wages"].iloc[0] == 300e3
    with pytest.raises(PanelError, match="CLP and the panel's money is USD: no rate is known in 2018"):
        FirmPanel.from_frames(firms(sales_million_clp=3.0), metadata=DOLLARS)
    odd = PanelMetadata(money="thousand pesos, constant prices")
    with pytest.raises(PanelError, match="State one currency"):
        FirmPanel.from_frames(firms(sales_million_clp=3.0), metadata=odd)


def test_trade_heads_are_read_too() -> None:
    panel = FirmPanel.from_frames(firms(sales=9e5), trade(4.0, "value_thousand_usd"), metadata=DOLLARS)
    assert panel.trade["value"].sum() == pytest.approx(48e3)


def test_sizes_that_cannot_be_stop_the_panel_and_name_the_likely_unit(tmp_path: Path) -> None:
    thousands = FirmPanel.from_frames(firms(wages=450.0, sales=900.0), metadata=DOLLARS)
    found = impossible_sizes(thousands)
    assert [column for column, _ in found] == ["wages"]
    assert "45 USD per person a year cannot be; it is likely in thousand USD" in found[0][1]
    assert not validate(thousands).usable
    folder = thousands.save(tmp_path / "panel")
    with pytest.raises(SizeError, match="wages of 45 USD"):
        panel_of(folder)
    for verb in ("describe", "validate"):
        run = CliRunner().invoke(app, ["panel", verb, str(folder)])
        assert run.exit_code != 0 and "likely in thousand USD" in run.output.replace("\n", " ")


def test_pay_of_637_dollars_a_year_is_no_pay() -> None:
    ((column, rule),) = impossible_sizes(FirmPanel.from_frames(firms(wages=6_370.0), metadata=DOLLARS))
    assert column == "wages" and "637 USD per person a year cannot be; it is likely pay by month" in rule
    ((_, rule),) = impossible_sizes(FirmPanel.from_frames(firms(wages=9e7), metadata=DOLLARS))
    assert "likely in another currency" in rule


def test_trade_a_thousand_times_sales_stops_the_panel() -> None:
    panel = FirmPanel.from_frames(firms(sales=900.0), trade(3e5), metadata=DOLLARS)
    ((column, rule),) = impossible_sizes(panel)
    assert column == "sales" and "likely in thousand USD" in rule


def test_plausible_sizes_and_stated_units_pass() -> None:
    assert not impossible_sizes(
        FirmPanel.from_frames(firms(wages=1.2e5, sales=9e5), trade(3e5), metadata=DOLLARS)
    )
    stated = PanelMetadata(money="USD", units={"wages": "USD"})
    assert not impossible_sizes(FirmPanel.from_frames(firms(wages=6_370.0), metadata=stated))
    pesos = PanelMetadata(money="thousand pesos, constant prices")
    assert not impossible_sizes(FirmPanel.from_frames(firms(wages=6_370.0), metadata=pesos))


def _table(folder: Path, head: str, cells: str) -> Path:
    path = folder / "register.csv"
    rows = "\n".join(f"7{i}.111.22{i}-1,2018,food,{cells}" for i in range(9))
    path.write_text(f"rut,year,sector,employees,{head}\n{rows}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("head", "cells", "sales", "dollars"),
    [
        ("sales_thousand_usd", "12,900", 9e5, True),
        ("Ventas [miles EUR]", "12,900", 9e5 * 1.181, True),
        ("ventas_mn", "12,3", 3e6, False),
        ("sales", "12,900000", 9e5, False),
    ],
)
def test_registers_are_harmonised_in_the_unit_of_their_heads(
    head: str, cells: str, sales: float, dollars: bool, tmp_path: Path
) -> None:
    read = read_firm_table(_table(tmp_path, head, cells), tmp_path, b"0123456789abcdef" * 2)
    assert read.table["sales"].tolist() == pytest.approx([sales] * 9, rel=1e-3)
    assert read.in_dollars == dollars
    assert any("read as" in note for note in read.notes) == (head != "sales")


def test_a_currency_without_a_rate_is_asked_for(tmp_path: Path) -> None:
    path = _table(tmp_path, "sales_million_clp", "12,900")
    with pytest.raises(
        LayoutError, match=r"“sales_million_clp” is in CLP, of which no rate is known in 2018"
    ):
        read_firm_table(path, tmp_path, b"0123456789abcdef" * 2)

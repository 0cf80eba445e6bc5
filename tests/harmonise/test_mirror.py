"""Micro against macro: coverage, factors that add up, reasons where they cannot; and the scorecard."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmtrade_core.codes.products import Concordance, ProductCodes
from firmtrade_core.harmonise.errors import HarmoniseError
from firmtrade_core.harmonise.findings import Finding, Rule
from firmtrade_core.harmonise.mirror import compare_with_world, product_sectors, scaled_trade
from firmtrade_core.harmonise.scorecard import score
from firmtrade_core.world.embedded import load_embedded_world

WORLD = load_embedded_world()
SECTOR_OF = {"870321": "vehicles_transport_eq", "720110": "metals"}


def trade_of(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["country", "product", "value"])
    return table.assign(firm="a", year=2022, flow="export", quantity=np.nan)


def world_value(country: str, sector: str) -> float:
    home, partner = WORLD.countries.index("CHL"), WORLD.countries.index(country)
    return float(WORLD.border_value[home, partner, WORLD.sectors.index(sector)]) * 1e6


def test_scaled_trade_adds_up_to_the_world(tmp_path: Path) -> None:
    cars, copper = world_value("ARG", "vehicles_transport_eq"), world_value("CHN", "metals")
    trade = trade_of([
        ("ARG", "870321", 0.5 * cars), ("ARG", "870321", 0.2 * cars), ("CHN", "720110", 0.9 * copper),
        ("BRA", "870321", 1e13), ("USA", "720110", 1.0),
    ])  # fmt: skip
    trade.to_parquet(tmp_path / "t.parquet")
    found = compare_with_world(tmp_path / "t.parquet", WORLD, "CHL", sector_of=SECTOR_OF)
    cells = found.cells.set_index(["country", "sector"])
    assert cells.loc[("ARG", "vehicles_transport_eq"), "factor"] == pytest.approx(1 / 0.7)
    assert "more than 5 times" in cells.loc[("BRA", "vehicles_transport_eq"), "reason"]
    assert "less than 1/5" in cells.loc[("USA", "metals"), "reason"]
    assert cells.loc[("DEU", "metals"), "reason"] == "no firm reports such trade"
    scaled = scaled_trade(trade, found, SECTOR_OF)
    by_cell = (scaled["value"] * scaled["scale"]).groupby([scaled["country"], scaled["product"]]).sum()
    assert by_cell["ARG", "870321"] == pytest.approx(cars)
    assert by_cell["CHN", "720110"] == pytest.approx(copper)
    assert scaled.loc[scaled["country"].isin(["BRA", "USA"]), "scale"].eq(1).all()
    assert found.scalable < 1 and found.reasons()["world"].sum() > 0


def test_a_perfect_copy_covers_everything(tmp_path: Path) -> None:
    home = WORLD.countries.index("CHL")
    goods = np.asarray(WORLD.goods)
    totals = WORLD.border_value[home][:, goods].sum(1) * 1e6
    rows = [(c, "870321", v) for c, v in zip(WORLD.countries, totals, strict=True) if c != "CHL"]
    trade_of([("XKX" if c == "ROW" else c, p, v) for c, p, v in rows]).to_parquet(tmp_path / "t.parquet")
    found = compare_with_world(tmp_path / "t.parquet", WORLD, "CHL")
    assert found.overlap == pytest.approx(1) and found.ratio == pytest.approx(1)
    np.testing.assert_allclose(found.cells["factor"], 1.0)


def test_who_cannot_be_compared_is_told(tmp_path: Path) -> None:
    trade_of([("DEU", "870321", 1.0)]).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(HarmoniseError, match="XXX is not among"):
        compare_with_world(tmp_path / "t.parquet", WORLD, "XXX")
    with pytest.raises(HarmoniseError, match="no imports"):
        compare_with_world(tmp_path / "t.parquet", WORLD, "CHL", flow="import")


def test_products_go_to_the_sector_with_most_weight() -> None:
    codes = ProductCodes(
        [Concordance.from_pairs("HS6", "ISIC3", [("000001", "3410"), ("000001", "3420"), ("000001", "2710"), ("000002", "0111")])]
    )  # fmt: skip
    assert product_sectors(codes, "HS6") == {"000001": "vehicles_transport_eq", "000002": "agriculture"}


def finding(key: str, action: str, rows: int) -> Finding:
    return Finding(Rule(key, "lines", action), rows, rows / 100)  # type: ignore[arg-type]


def test_scorecard() -> None:
    card = score(
        rows=100,
        findings=[finding("country.unknown", "quarantined", 10), finding("line.duplicate", "quarantined", 5), finding("value.unit_value", "flagged", 2)],
        filled={"value": 1.0, "weight": 0.5},
        last_day=datetime.date(2022, 1, 1),
        today=datetime.date(2025, 7, 2),
    )  # fmt: skip
    values = {s.dimension: s.value for s in card.scores}
    assert values["completeness"] == 0.75 and values["validity"] == 0.9
    assert values["uniqueness"] == 0.95 and values["consistency"] == 0.98
    assert values["timeliness"] == pytest.approx(0.5, abs=0.01) and values["coverage"] is None
    assert card["completeness"].evidence == ("weight: 50\u202f% missing",)


@given(st.integers(0, 50), st.integers(0, 200), st.dictionaries(st.sampled_from("abc"), st.floats(0, 1)))
def test_scores_lie_between_zero_and_one(rows: int, bad: int, filled: dict[str, float]) -> None:
    today = datetime.date(2025, 1, 1)
    card = score(
        rows=rows, findings=[finding("x.y", "quarantined", bad)], filled=filled, last_day=today, today=today
    )
    assert all(s.value is None or 0 <= s.value <= 1 for s in card.scores)

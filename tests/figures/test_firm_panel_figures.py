"""Charts of firm panels: numbers are the panel's, synthetic panels say so, small cells stay empty."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.figures.firm_panel import missing_chart, premia_chart, size_distribution
from firmtrade_core.panel import ColumnError, FirmPanel
from firmtrade_core.panel.facts import exporter_premia
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign


@pytest.fixture(scope="module")
def panel() -> FirmPanel:
    return make_country(SyntheticDesign(firms=1_500, years=2)).panel


def test_charts_are_plain_data_and_say_synthetic(panel: FirmPanel) -> None:
    for chart in (size_distribution(panel), premia_chart(panel), missing_chart(panel)):
        text = json.dumps(chart.to_dict(), allow_nan=False)
        assert "(synthetic)" in chart.subtitle and chart.source.startswith("Synthetic: ")
        assert text and chart.title


def test_sizes_hide_classes_of_few_firms_and_what_would_give_them_away(panel: FirmPanel) -> None:
    others, exporters = size_distribution(panel).data
    table = panel.firms[panel.firms["year"] == 2022]
    sold = table[table["exports"] > 0]
    by_class = {"10\u201319": (10, 20), "50\u201399": (50, 100)}
    for trace, rows in ((others, table[table["exports"] == 0]), (exporters, sold)):
        shown = [y for y in trace["y"] if y]
        assert min(shown) >= 100 * 5 / len(rows) - 1e-3 and sum(shown) <= 100.01
        # One hidden class of a kind would be the rest of 100 %.
        assert sum(y is None for y in trace["y"]) != 1
        for name, (low, high) in by_class.items():
            share = 100 * ((rows["employment"] >= low) & (rows["employment"] < high)).mean()
            found = trace["y"][trace["x"].index(name)]
            assert found is None or found == pytest.approx(share, abs=1e-3)


def few_exporters(count: int) -> FirmPanel:
    table = pd.DataFrame(
        {
            "firm": [f"f{i}" for i in range(60)],
            "year": 2020,
            "sector": "food",
            "employment": np.arange(60) + 3.0,
            "sales": np.arange(60) + 10.0,
            "exports": [1.0] * count + [0.0] * (60 - count),
        }
    )
    return FirmPanel.from_frames(table)


def test_few_exporters_are_not_described() -> None:
    few, enough = few_exporters(4), few_exporters(6)
    assert size_distribution(few).title == "How large firms are"
    assert all(y in (None, 0) for y in size_distribution(few).data[1]["y"])
    assert premia_chart(few).data[0]["x"] == [] and "Too few exporters" in premia_chart(few).title
    assert "median" in size_distribution(enough).title and len(premia_chart(enough).data[0]["x"]) == 3


def test_premia_are_the_facts_in_per_cent(panel: FirmPanel) -> None:
    chart = premia_chart(panel)
    premium = exporter_premia(panel).loc["sales", "same_sector"]
    assert chart.data[0]["x"][0] == pytest.approx(100 * np.expm1(premium), abs=0.01)
    assert f"{np.exp(premium):,.1f} times" in chart.title


def test_missing_shares_by_year(panel: FirmPanel) -> None:
    chart = missing_chart(panel)
    (trace,) = chart.data
    table = panel.firms
    share = 100 * table.loc[table["year"] == 2021, "skill_share"].isna().mean()
    row = trace["y"].index("skill share")
    assert trace["z"][row][trace["x"].index("2021")] == pytest.approx(share, abs=0.01)
    assert "sales" not in trace["y"]
    whole = FirmPanel.from_frames(table[["firm", "year", "sector", "sales"]])
    assert missing_chart(whole).title == "Nothing is missing"


def test_sizes_need_employment() -> None:
    with pytest.raises(ColumnError, match="persons engaged"):
        size_distribution(
            FirmPanel.from_frames(pd.DataFrame({"firm": ["a"], "year": [2020], "sector": ["x"]}))
        )

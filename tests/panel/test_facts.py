"""Facts about exporters, worked out by hand on a few firms, and the calibration of the synthetic country."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.panel import ColumnError, FirmPanel, facts
from firmtrade_core.panel.synthetic.calibration import REGULARITIES, compare
from firmtrade_core.panel.synthetic.country import make_country


def four_firms() -> FirmPanel:
    firms = pd.DataFrame(
        {
            "firm": ["a", "b", "c", "d", "a", "b", "c"],
            "year": [2020] * 4 + [2021] * 3,
            "sector": "x",
            "sales": np.exp([3.0, 1.0, 2.0, 2.0, 3.0, 1.0, 2.0]),
            "exports": [1.0, 0.0, 0.0, 2.0, 3.0, 1.0, 0.0],
        }
    )
    return FirmPanel.from_frames(firms)


def test_share_premium_and_transitions() -> None:
    panel = four_firms()
    assert facts.exporter_share(panel).tolist() == [0.5, pytest.approx(2 / 3)]
    # 2020: exporters at 3 and 2, others at 1 and 2; 2021: exporters at 3 and 1, the other at 2.
    assert facts.exporter_premia(panel).loc["sales", "all"] == pytest.approx(9 / 4 - 5 / 3)
    transitions = facts.export_transitions(panel).loc[2020]
    assert transitions.tolist() == [0.5, 1.0, 0.75]


def test_premium_within_sectors_ignores_sector_size() -> None:
    firms = pd.DataFrame(
        {
            "firm": list("abcdef"),
            "year": 2020,
            "sector": ["s"] * 3 + ["t"] * 3,
            "sales": np.exp([1.0, 1.0, 2.0, 10.0, 11.0, 11.0]),
            "exports": [0.0, 0.0, 1.0, 0.0, 1.0, 1.0],
        }
    )
    premia = facts.exporter_premia(FirmPanel.from_frames(firms))
    assert premia.loc["sales", "same_sector"] == pytest.approx(1.0)
    assert premia.loc["sales", "all"] > 3


def test_trade_table_tells_who_exports() -> None:
    firms = four_firms().firms.drop(columns="exports")
    trade = pd.DataFrame(
        {
            "firm": ["a", "a"],
            "year": 2020,
            "flow": "export",
            "country": ["BRA", "DEU"],
            "product": "010121",
            "value": 1.0,
        }
    )
    told = facts.exporting(FirmPanel.from_frames(firms, trade))
    assert told.loc[told["exporter"], ["firm", "exports"]].to_numpy().tolist() == [["a", 2.0]]
    with pytest.raises(ColumnError, match="who exports"):
        facts.exporting(FirmPanel.from_frames(firms))
    flagged = FirmPanel.from_frames(firms.assign(exporter=1))
    with pytest.raises(ColumnError, match="not how much"):
        facts.exports_of_the_largest(flagged)


def test_destination_facts_by_hand() -> None:
    # Thirty firms in 2021: twenty from 2020 selling 3, ten entrants selling 1; five of each leave.
    present = {2020: range(20), 2021: range(30), 2022: [*range(15), *range(20, 25)]}
    trade = pd.DataFrame(
        [(f"f{i}", year, 3.0 if i < 20 else 1.0) for year, who in present.items() for i in who],
        columns=["firm", "year", "value"],
    ).assign(flow="export", country="BRA", product="010121")
    firms = trade[["firm", "year"]].assign(sector="x")
    (row,) = facts.destination_facts(FirmPanel.from_frames(firms, trade)).to_dict("records")
    assert row == {
        "num_exporters": 30.0,
        "top5_share": pytest.approx(6 / 70),
        "avg_num_destinations": 1.0,
        "exit_rate": pytest.approx(1 / 3),
        "entrant_relative_size": pytest.approx(1 / 3),
        "entrant_relative_exit_rate": pytest.approx(0.25),
    }


def test_default_country_is_near_what_is_published() -> None:
    table = compare(make_country().panel).set_index("regularity")
    far = set(table.index[~table["near"]])
    # Larger within sectors than Chile's plants, and entrants sell too much: stated in the README.
    assert far <= {"The same within sectors and years", "Entrants' sales over incumbents'"}, table
    assert len(table) == len(REGULARITIES)

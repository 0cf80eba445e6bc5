"""Joins name who is missing and what it is worth (case 20): unmatched is never taken for zero in silence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.world.build import Missing
from firmtrade_core.world.errors import MissingPairsError
from firmtrade_core.world.joins import named, without_partner
from firmtrade_core.world.validation import validate_flows
from firmtrade_core.world.world import World

RUNNER = CliRunner()

#: Case 20: France has no row for its sales at home.
FLOWS = [
    ("DEU", "DEU", 1000), ("DEU", "FRA", 50), ("DEU", "USA", 50), ("FRA", "DEU", 50), ("FRA", "USA", 50),
    ("USA", "DEU", 50), ("USA", "FRA", 50), ("USA", "USA", 1000),
]  # fmt: skip


def table(*rows: tuple[str, str, float], sector: str = "goods") -> pd.DataFrame:
    frame = pd.DataFrame([*rows], columns=["exporter", "importer", "expenditure_musd"])
    return frame.assign(sector=sector, tariff=0.0)


@pytest.mark.parametrize("missing", ["zero", "refuse"])
def test_a_home_market_is_no_missing_row(missing: Missing) -> None:
    with pytest.raises(MissingPairsError, match=r"No sales at home .* FRA \(100 million USD\)"):
        World.from_long(table(*FLOWS), missing=missing)
    report = validate_flows(table(*FLOWS), missing=missing)
    assert not report.usable
    stops = [issue.problem for issue in report.issues if issue.stops]
    assert any("FRA has no row for its sales at home, and sells 100 million USD abroad" in p for p in stops)


def test_what_is_given_as_zero_is_taken() -> None:
    """A row is a statement: zero at home, said so, stands."""
    world = World.from_long(table(*FLOWS, ("FRA", "FRA", 0)))
    assert world.expenditure[1, 1, 0] == 0
    assert validate_flows(table(*FLOWS, ("FRA", "FRA", 0))).usable


def test_two_of_four_home_markets_are_named_by_worth() -> None:
    rows = [r for r in FLOWS if r[:2] != ("USA", "USA")] + [
        ("CHL", "CHL", 10),
        ("CHL", "USA", 5),
        ("USA", "CHL", 7),
    ]
    with pytest.raises(MissingPairsError, match=r"USA \(107 million USD\), FRA \(100 million USD\)"):
        World.from_long(table(*rows), missing="zero")


def test_a_sector_that_is_exported_without_sales_at_home_is_said() -> None:
    """Others of its sectors are recorded: it may export all it makes, but the reader hears of it."""
    whole = table(*FLOWS, ("FRA", "FRA", 900), sector="goods")
    wine = table(("FRA", "DEU", 30), ("DEU", "DEU", 5), ("USA", "USA", 5), ("FRA", "USA", 20), sector="wine")
    world = World.from_long(pd.concat([whole, wine]), missing="zero")
    said = " ".join(world.provenance.changes)
    assert "in sectors that are exported: FRA wine (50 million USD)" in said
    assert "14 missing cells" not in said and "missing cells" in said


def test_a_territory_without_a_partner_is_said() -> None:
    rows = [*FLOWS, ("FRA", "FRA", 900), ("NRU", "NRU", 3), ("TUV", "TUV", 2), ("DEU", "TUV", 1)]
    world = World.from_long(table(*rows), missing="zero")
    said = " ".join(world.provenance.changes)
    assert "No trade with any other economy, only sales at home: NRU (3 million USD)" in said
    assert "No exports in any sector, though imports of: TUV (1 million USD)" in said


def test_an_economy_without_a_row_of_inputs_is_said() -> None:
    inputs = pd.DataFrame(
        {"country": ["DEU", "USA"], "input": "goods", "user": "goods", "value_musd": [100.0, 100.0]}
    )
    world = World.from_long(table(*FLOWS, ("FRA", "FRA", 900)), inputs)
    assert any("production by labour alone: FRA" in change for change in world.provenance.changes)


def test_many_are_counted() -> None:
    words = named({f"C{i:02d}": float(i) for i in range(1, 12)})
    assert words.startswith("C11 (11 million USD)") and words.endswith("and 3 more (6 million USD)")
    assert without_partner(["A"], np.ones((1, 1, 1))) == []


def test_the_command_line_refuses_and_offers_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    table(*FLOWS).to_csv(path, index=False)
    done = RUNNER.invoke(app, ["world", "check", str(path), "--missing", "zero"])
    assert done.exit_code == 1 and "FRA (100 million USD)" in done.output
    part = tmp_path / "part.csv"
    table(*[r for r in FLOWS if r[:2] != ("FRA", "USA")], ("FRA", "FRA", 900)).to_csv(part, index=False)
    done = RUNNER.invoke(app, ["world", "check", str(part)])
    assert done.exit_code == 1 and "--missing zero" in done.output and "missing=" not in done.output
    done = RUNNER.invoke(app, ["world", "check", str(part), "--missing", "zero", "--json"])
    assert done.exit_code == 0 and "missing cells" in " ".join(json.loads(done.output)["repairs"])


def test_the_command_line_takes_columns_of_any_name(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    odd = {"exporter": "De", "importer": "A", "expenditure_musd": "Montant", "sector": "branche"}
    table(*FLOWS, ("FRA", "FRA", 900)).rename(columns=odd).assign(note="x").to_csv(path, index=False)
    assert RUNNER.invoke(app, ["world", "check", str(path)]).exit_code == 1
    said = [f"--column={role}={column}" for role, column in odd.items()]
    done = RUNNER.invoke(
        app, ["world", "check", str(path), *said, "-o", str(tmp_path / "my.world"), "--json"]
    )
    assert done.exit_code == 0, done.output
    assert "Columns not used: note." in json.loads(done.output)["repairs"]
    assert World.load(tmp_path / "my.world").countries == ("DEU", "FRA", "USA")
    done = RUNNER.invoke(app, ["world", "check", str(path), "--column", "exporter=Nobody"])
    assert done.exit_code == 1 and "has no column 'Nobody'" in done.output

"""Forecasts of one's own: entered once, with a day and a hash, never changed without telling, scored when data come."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sql
from typer.testing import CliRunner

from firmtrade_core.backtests import BacktestError
from firmtrade_core.backtests.own import Forecast, Forecasts, forecast_of
from firmtrade_core.cli.main import app
from firmtrade_core.scenarios import Scenario, Tariff, run
from firmtrade_core.scenarios.library import Library, NameTakenError
from firmtrade_core.scenarios.schema import Structure
from firmtrade_core.world.embedded import load_embedded_world

SCENARIO = Scenario(
    name="Ten points on China",
    cards=(Tariff(importers=("USA",), exporters=("CHN",), method="add", value=0.1),),
    structure=Structure(family="armington"),
)


@pytest.fixture(scope="module")
def made() -> Forecast:
    result = run(SCENARIO, load_embedded_world())
    return forecast_of(result, "USA", "Trial", "2026", "2027", scenario=SCENARIO, entered=date(2026, 11, 30))


def outcome(made: Forecast, slope: float = 1.0) -> pd.DataFrame:
    weight = pd.Series(made.weights)
    return pd.DataFrame(
        {
            "Partner": weight.index,
            "before": weight.to_numpy(),
            "after": (weight * np.exp(slope * pd.Series(made.changes) + 0.05)).to_numpy(),
        }
    )


def test_what_a_scenario_says_is_kept_with_day_and_hash(made: Forecast, tmp_path: Path) -> None:
    assert made.changes["CHN"] < -0.2 < made.changes["VNM"] and "ROW" not in made.changes
    shelves = Forecasts(f"sqlite:///{tmp_path / 'library.sqlite'}")
    kept = shelves.enter(made)
    assert kept.digest == made.digest and len(kept.digest) == 32
    again = shelves.forecast("trial")
    assert again.forecast == made and again.unchanged
    assert Scenario.from_yaml(again.forecast.scenario).cards == SCENARIO.cards
    with pytest.raises(NameTakenError, match="never replaced"):
        shelves.enter(made)
    with pytest.raises(BacktestError, match="there are: Trial"):
        shelves.forecast("other")
    # The library of scenarios is the same file, and opens as before.
    assert Library(f"sqlite:///{tmp_path / 'library.sqlite'}").search() == []


def test_a_number_changed_behind_its_back_is_told(made: Forecast, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'library.sqlite'}"
    Forecasts(url).enter(made)
    engine = sql.create_engine(url)
    with engine.begin() as connection:
        changed = made.to_json().replace('"until":"2027"', '"until":"2028"')
        connection.execute(sql.text("update firmtrade_forecasts set content = :c"), {"c": changed})
    assert not Forecasts(url).forecast("Trial").unchanged


def test_the_score_is_of_data_by_code_or_name(made: Forecast) -> None:
    found, table = made.held_against(outcome(made))
    assert found.skill == pytest.approx(1) and found.slope == pytest.approx(1)
    named = outcome(made, slope=0.5).replace({"CHN": "China", "DEU": "Alemania"})
    half, table = made.held_against(named)
    assert half.slope == pytest.approx(0.5, abs=0.01) and {"CHN", "DEU"} <= set(table["partner"])
    with pytest.raises(BacktestError, match="after is missing"):
        made.held_against(outcome(made).drop(columns="after"))
    text = outcome(made).assign(after=lambda d: [f"{v:.2f}".replace(".", ",") for v in d["after"]])
    assert made.held_against(text)[0].slope == pytest.approx(1, abs=0.01)
    with pytest.raises(BacktestError, match="no number"):
        made.held_against(text.assign(after="ten"))
    other = pd.DataFrame({"partner": ["GM", "CH", "JA", "SP", "SW"], "before": 1.0, "after": 2.0})
    with pytest.raises(BacktestError, match="fips"):
        made.held_against(other)
    with pytest.raises(BacktestError, match="a score needs three"):
        made.held_against(outcome(made).head(2))


def test_from_the_command_line(made: Forecast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRMTRADE_LIBRARY", f"sqlite:///{tmp_path / 'library.sqlite'}")
    (tmp_path / "scenario.yaml").write_text(SCENARIO.to_yaml(), encoding="utf-8")
    call = CliRunner().invoke
    none = call(app, ["backtest", "forecasts"])
    assert none.exit_code == 0 and "No forecast has been entered" in none.output
    wrong = call(app, ["backtest", "enter", str(tmp_path / "scenario.yaml")])
    assert wrong.exit_code == 2 and "--since 2026" in wrong.output
    entered = call(
        app,
        ["backtest", "enter", str(tmp_path / "scenario.yaml"), "--since", "2026", "--until", "2027"],
    )
    assert entered.exit_code == 0 and "Hash " in entered.output and "imports of USA" in entered.output
    listed = json.loads(call(app, ["backtest", "forecasts", "--json"]).stdout)
    assert listed[0]["name"] == "Ten points on China" and listed[0]["unchanged"] is True
    outcome(made).to_csv(tmp_path / "data.csv", index=False)
    scored = call(app, ["backtest", "score", "Ten points on China", str(tmp_path / "data.csv"), "--json"])
    assert scored.exit_code == 0 and json.loads(scored.stdout)["score"]["skill"] == pytest.approx(1, abs=1e-6)
    words = call(app, ["backtest", "score", "Ten points on China", str(tmp_path / "data.csv")])
    assert "skill 1.00" in words.output

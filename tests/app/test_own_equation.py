"""A formula on the Trade costs page: the same numbers as the command line, and errors that lose nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app as cli
from tests.app.test_trade_costs import html, own_panel, page


def test_a_formula_gives_what_the_command_line_gives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = own_panel(tmp_path / "own.parquet")
    app = page(monkeypatch, str(path))
    app.selectbox(key="gravity_source").set_value("named").run()
    formula = "trade ~ log1p(tariff) + log(dist) + contiguity | exporter^year + importer^year"
    app.text_input(key="own_formula").set_value(formula)
    app.text_input(key="own_combine").set_value("2*contiguity - log(dist)")
    _button(app, "Estimate the formula").click().run()
    assert not app.exception
    done = CliRunner().invoke(
        cli, ["gravity", "estimate", str(path), formula, "--combine", "2*contiguity - log(dist)", "--json"]
    )
    told = json.loads(done.output)
    from firmtrade_core.labels import number

    shown = html(app)
    for row in (*told["coefficients"], *told["combinations"]):
        assert number(row["estimate"]) in shown and number(row["std_error"]) in shown
    assert "RESET" in shown


def test_what_a_change_would_do_and_what_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = page(monkeypatch, str(own_panel(tmp_path / "own.parquet")))
    app.selectbox(key="gravity_source").set_value("named").run()
    app.text_input(key="own_formula").set_value("trade ~ border + log(dist) | exporter^year + importer^year")
    _button(app, "Estimate the formula").click().run()
    app.text_input(key="own_change").set_value("border=0")
    _button(app, "What would it do?").click().run()
    assert not app.exception
    assert "Largest residual" in html(app) and "What the change would do" in html(app)
    for formula, words in (
        ("trade", "tilde"),
        ("trade ~ | pair", "plus sign"),
        ("trade ~ nonsense | pair", "nonsense"),
        ("sales ~ log(dist) | exporter^year", "called trade here"),
    ):
        app.text_input(key="own_formula").set_value(formula)
        _button(app, "Estimate the formula").click().run()
        assert not app.exception
        assert words in html(app), formula
        assert app.text_input(key="own_formula").value == formula


def _button(app: object, label: str) -> object:
    return next(b for b in app.button if b.label == label)  # type: ignore[attr-defined]


def test_tables_of_the_formula_have_units(tmp_path: Path) -> None:
    from firmtrade_core.report.page_tables import gravity_change_table, gravity_effects_table

    effects = pd.DataFrame({"effect": ["pair"], "group": ["CHL USA"], "value": [0.3], "rows": [12]})
    assert gravity_effects_table(effects).units["Value"] == "log points"
    changes = pd.DataFrame(
        {
            name: [1.0]
            for name in [
                "exports_conditional",
                "exports_full",
                "real_income",
                "real_wage",
                "factory_price",
                "inward_resistance",
            ]
        }
    ).assign(country="CHL")
    assert set(gravity_change_table(changes).units.values()) == {"%"}

"""Costs of pairs that never trade are predicted from those that do, and counterfactuals follow in one call."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from firmtrade_core.analysis.gravity_counterfactual import Change, gravity_counterfactual
from firmtrade_core.cli.main import app
from firmtrade_core.gravity.completion import complete_structure
from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification
from tests.gravity.panels import gravity_table

PAIRS = ("exporter_year", "importer_year", "pair")
SILENT = (("C01", "C04"), ("C06", "C02"))


@pytest.fixture(scope="module")
def silent() -> tuple[GravityPanel, GravityEstimate]:
    """Pairs whose costs are distance and borders alone, two of which never trade."""
    table = gravity_table(9, (2000, 2001, 2002), own_costs=0.0)
    for exporter, importer in SILENT:
        table.loc[(table["exporter"] == exporter) & (table["importer"] == importer), "trade"] = 0.0
    panel = GravityPanel.from_table(table, tariff="tariff")
    return panel, estimate(panel, GravitySpecification(("log1p(tariff)",), PAIRS))


def test_missing_costs_are_predicted(silent: tuple[GravityPanel, GravityEstimate]) -> None:
    panel, found = silent
    with pytest.raises(RegressorError, match="2 pairs have no effect, the first C01 to C04"):
        complete_structure(found, panel, year=2001, elasticity=4.0)
    whole = complete_structure(
        found, panel, year=2001, elasticity=4.0, second_stage=("log(dist)", "contiguity")
    )
    names = whole.reading.countries
    assert [(names[i], names[j]) for i, j in np.argwhere(whole.completed)] == [*SILENT]
    assert whole.second_stage is not None
    assert whole.second_stage.coefficients["log(dist)"] == pytest.approx(-0.9, abs=1e-4)
    truth = np.log(gravity_table(9, (2001,), own_costs=0.0)["dist"].to_numpy().reshape(9, 9))
    odds = np.log(whole.reading.cost_term)
    # What distance does, against two pairs that trade: factors of exporters and importers cancel.
    i, j, k, m = 1, 4, 0, 5
    tariff = np.log1p(panel.table.query("year == 2001")["tariff"].to_numpy().reshape(9, 9))
    close = panel.table.query("year == 2001")["contiguity"].to_numpy().reshape(9, 9)
    index = -0.9 * truth + 0.4 * close - 4 * tariff
    double = lambda a: a[i, j] - a[i, m] - a[k, j] + a[k, m]  # noqa: E731
    assert double(odds) == pytest.approx(double(index), abs=1e-3)


def test_a_counterfactual_follows_from_an_estimate(silent: tuple[GravityPanel, GravityEstimate]) -> None:
    panel, found = silent
    result = gravity_counterfactual(
        found,
        panel,
        [Change("tariff", 0.0)],
        year=2001,
        elasticity=4.0,
        second_stage=("log(dist)", "contiguity"),
    )
    table = result.table()
    assert (table["exports_conditional"] > 0).all() and (table["real_income"] > 0).all()
    assert result.equilibrium.certificate.largest < 1e-9
    with pytest.raises(RegressorError, match="no coefficient moves with contiguity"):
        gravity_counterfactual(
            found, panel, [Change("contiguity", 0.0)], year=2001, elasticity=4.0, second_stage=("log(dist)",)
        )
    two = gravity_counterfactual(
        found,
        panel,
        [Change("tariff", 0.0, ("C00", "C03"))],
        year=2001,
        elasticity=4.0,
        second_stage=("log(dist)",),
    )
    assert np.count_nonzero(two.log_cost_term_change) == 2


def test_the_command_line_estimates_and_solves(tmp_path) -> None:
    path = tmp_path / "flows.csv"
    gravity_table(8, (2000, 2001)).to_csv(path, index=False)
    run = CliRunner().invoke
    formula = "trade ~ log(dist) + contiguity + border | exporter^year + importer^year"
    printed = run(
        app, ["gravity", "estimate", str(path), formula, "--combine", "border - contiguity", "--json"]
    )
    assert printed.exit_code == 0, printed.output
    content = json.loads(printed.stdout)
    assert content["coefficients"][0]["term"] == "log(dist)"
    border = next(c["estimate"] for c in content["coefficients"] if c["term"] == "border")
    close = next(c["estimate"] for c in content["coefficients"] if c["term"] == "contiguity")
    assert content["combinations"][0]["estimate"] == pytest.approx(border - close)
    solved = run(
        app,
        [
            "gravity",
            "counterfactual",
            str(path),
            formula,
            "--change",
            "border=0",
            "--elasticity",
            "5",
            "--json",
        ],
    )
    assert solved.exit_code == 0, solved.output
    assert min(c["real_income"] for c in json.loads(solved.stdout)["countries"]) > 0
    for wrong in (
        ["gravity", "estimate", str(path), "trade ~ lgo(dist) | exporter"],
        ["gravity", "estimate", str(tmp_path / "none.csv"), formula],
        ["gravity", "counterfactual", str(path), formula, "--change", "border", "--elasticity", "5"],
        ["gravity", "estimate", str(path), formula, "--years", "two"],
    ):
        refused = run(app, wrong)
        assert refused.exit_code == 2 and "Traceback" not in refused.output, refused.output

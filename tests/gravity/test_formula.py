"""Equations as a researcher writes them: formulae, interactions, combinations, effects, predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.gravity.effects import effects_table, predict
from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.formula import read_combination, read_formula
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.gravity.variables import split, variable
from tests.gravity.panels import gravity_table, phased_in

PAIRS = ("exporter_year", "importer_year", "pair")


def test_a_formula_names_flow_regressors_and_effects() -> None:
    flow, equation = read_formula(
        "trade ~ log(dist) + lag(rta, 4) + by(border, year, 2000) | exporter^year + year^importer + exporter^importer",
        clusters=("exporter",),
    )
    assert flow == "trade"
    assert equation.regressors == ("log(dist)", "lag(rta, 4)", "by(border, year, 2000)")
    assert equation.effects == PAIRS and equation.clusters == ("exporter",)
    assert read_formula("x ~ a + b")[1].effects == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("log(dist) + rta", "a tilde"),
        ("trade ~ a | pair | year", "two bars"),
        ("trade ~ a + | pair", "missing beside a plus"),
        ("trade ~ log(dist | pair", "parentheses"),
        ("trade ~ a | nothing", "join columns"),
    ],
)
def test_formulae_that_cannot_be_read_say_why(text: str, words: str) -> None:
    with pytest.raises(RegressorError, match=words):
        read_formula(text)


def test_interactions_are_products_and_by_gives_each_value_its_own() -> None:
    table = gravity_table(6, (2000, 2001)).assign(
        region=lambda t: np.where(t["exporter"] < "C03", "north", "south")
    )
    panel = GravityPanel.from_table(table)
    np.testing.assert_allclose(
        variable(panel, "log(dist):contiguity"), np.log(table["dist"]) * table["contiguity"]
    )
    np.testing.assert_array_equal(
        variable(panel, "domestic:is(exporter, C02)"),
        ((table["exporter"] == "C02") & (table["importer"] == "C02")).astype(float),
    )
    found = estimate(
        panel, GravitySpecification(("log(dist)", "by(border, region)"), ("exporter_year", "importer_year"))
    )
    assert found.terms == ("log(dist)", "border:is(region, north)", "border:is(region, south)")
    with pytest.raises(RegressorError, match="never west"):
        estimate(panel, GravitySpecification(("by(border, region, west)",), ("exporter_year",)))
    for wrong in ("lag(dist)", "is(region)", "log(by(dist, year))", "lag(dist, two)"):
        with pytest.raises(RegressorError):
            variable(panel, wrong)


def test_effects_of_domestic_pairs_are_recovered() -> None:
    table = gravity_table(8, (2000, 2001, 2002))
    table.loc[table["exporter"] == "C01", "trade"] *= 1.0
    at_home = table["exporter"] == table["importer"]
    table.loc[at_home & (table["exporter"] == "C01") & (table["year"] == 2002), "trade"] *= np.exp(0.7)
    panel = GravityPanel.from_table(table, tariff="tariff")
    found = estimate(
        panel, GravitySpecification(("log1p(tariff)", "domestic:is(exporter, C01):is(year, 2002)"), PAIRS)
    )
    assert found.coefficients["domestic:is(exporter, C01):is(year, 2002)"] == pytest.approx(0.7, abs=1e-5)
    assert found.coefficients["log1p(tariff)"] == pytest.approx(-4, abs=1e-4)


def test_groups_of_ones_own_are_effects() -> None:
    table = gravity_table(6, (2000, 2001)).assign(region=lambda t: np.where(t["importer"] < "C03", "a", "b"))
    panel = GravityPanel.from_table(table)
    own = estimate(panel, GravitySpecification(("log(dist)",), ("exporter^year", "region^year")))
    assert own.specification.effects == ("exporter_year", "region^year")
    listed = effects_table(own)
    assert (listed["effect"] == "region^year").sum() == 4
    with pytest.raises(RegressorError, match="no column 'nowhere'"):
        estimate(panel, GravitySpecification(("log(dist)",), ("nowhere^year",)))


def test_combinations_carry_the_covariance() -> None:
    found = estimate(
        GravityPanel.from_table(phased_in()), GravitySpecification(("rta", "lag(rta, 2)"), PAIRS)
    )
    total = found.combination("rta + lag(rta,2)")
    assert total.estimate == pytest.approx(0.5, abs=3.5 * total.std_error)
    assert total.std_error**2 == pytest.approx(found.covariance.sum())
    twice = found.combination("2*rta - lag(rta, 2)")
    weight = np.array([2.0, -1.0])
    assert twice.std_error**2 == pytest.approx(weight @ found.covariance @ weight)
    assert read_combination("a - 0.5*lag(b, 2) + c") == {"a": 1, "lag(b, 2)": -0.5, "c": 1}
    assert read_combination("-a") == {"a": -1}
    for wrong in ("rta + ", "rta + other"):
        with pytest.raises(RegressorError):
            found.combination(wrong)


def test_predictions_reach_beyond_the_sample() -> None:
    table = gravity_table(8, (2000, 2001, 2002))
    hidden = (table["exporter"] == "C02") & (table["importer"] == "C05") & (table["year"] == 2002)
    short = GravityPanel.from_table(table[~hidden], tariff="tariff", gaps="leave")
    whole = GravityPanel.from_table(table, tariff="tariff")
    found = estimate(short, GravitySpecification(("log1p(tariff)",), PAIRS))
    predicted = predict(found, whole)
    np.testing.assert_allclose(predicted, table["trade"], rtol=1e-3)
    stranger = GravityPanel.from_table(
        pd.concat([table, table.assign(exporter=table["exporter"].replace("C02", "C99"))]).drop_duplicates(
            ["exporter", "importer", "year"]
        ),
        tariff="tariff",
        gaps="leave",
    )
    unknown = np.isnan(predict(found, stranger))
    assert set(stranger.table.loc[unknown, "exporter"]) == {"C99"}


def test_split_keeps_what_stands_in_parentheses() -> None:
    assert split("a + lag(b + c, 2) + d", "+") == ["a", "lag(b + c, 2)", "d"]

"""Estimation: known coefficients come back, errors agree with another program, samples are counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.gravity.errors import FlowError, RegressorError
from firmtrade_core.gravity.estimate import estimate, estimate_by_sector, event_study
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification, every
from tests.gravity.panels import gravity_table, phased_in

PAIRS = GravitySpecification(("log1p(tariff)",), ("exporter_year", "importer_year", "pair"))
CROSS = GravitySpecification(("log(dist)", "contiguity", "border"), ("exporter_year", "importer_year"))


def panel_of(table: pd.DataFrame) -> GravityPanel:
    return GravityPanel.from_table(table, tariff="tariff")


@pytest.mark.parametrize("estimator", ["ppml", "ols"])
def test_exact_gravity_is_recovered(estimator: str) -> None:
    found = estimate(panel_of(gravity_table()), PAIRS.with_(estimator=estimator))
    assert found.coefficients["log1p(tariff)"] == pytest.approx(-4, abs=1e-6)
    np.testing.assert_allclose(found.cells["fitted"], found.cells["trade"], rtol=1e-5)


def test_noisy_gravity_is_recovered_within_its_errors() -> None:
    estimates = [estimate(panel_of(gravity_table(noise=0.5, seed=seed)), PAIRS) for seed in range(12)]
    standardised = [
        (e.coefficients["log1p(tariff)"] + 4) / e.standard_errors["log1p(tariff)"] for e in estimates
    ]
    assert abs(np.mean(standardised)) < 0.7
    assert 0.6 < np.std(standardised) < 1.7


@pytest.mark.parametrize("clusters", [("pair",), ("exporter", "importer")])
@pytest.mark.parametrize("estimator", ["ppml", "ols"])
def test_clustered_errors_agree_with_pyfixest(clusters: tuple[str, ...], estimator: str) -> None:
    import pyfixest

    panel = panel_of(gravity_table(noise=0.6))
    found = estimate(panel, CROSS.with_(estimator=estimator, clusters=clusters))
    frame = panel.table.assign(
        **{name: panel.code(*name.split("_")) for name in ("exporter_year", "importer_year", "pair")},
        exporter=panel.code("exporter"),
        importer=panel.code("importer"),
        log_dist=np.log(panel.table["dist"]),
        border=(~panel.domestic).astype(float),
        log_trade=np.log(panel.table["trade"]),
    )
    method = pyfixest.fepois if estimator == "ppml" else pyfixest.feols
    outcome = "trade" if estimator == "ppml" else "log_trade"
    theirs = method(
        f"{outcome} ~ log_dist + contiguity + border | exporter_year + importer_year",
        frame,
        vcov={"CRV1": "+".join(clusters)},
        ssc=pyfixest.ssc(k_fixef="none", G_df="conventional"),
        **({"iwls_tol": 1e-12} if estimator == "ppml" else {}),
    )
    np.testing.assert_allclose([*found.coefficients.values()], theirs.coef().to_numpy(), rtol=1e-5)
    np.testing.assert_allclose([*found.standard_errors.values()], theirs.se().to_numpy(), rtol=1e-4)


def test_three_way_clusters_and_none() -> None:
    panel = panel_of(gravity_table(noise=0.6))
    errors = [
        estimate(panel, CROSS.with_(clusters=c)).standard_errors["border"]
        for c in ((), ("pair",), ("exporter", "importer", "year"))
    ]
    assert all(e > 0 for e in errors) and len(set(errors)) == 3
    with pytest.raises(RegressorError, match="one value only"):
        estimate(panel.only(years=[2000]), CROSS.with_(clusters=("year",)))


def test_sample_choices_are_counted() -> None:
    table = gravity_table(6, noise=0.3)
    table.loc[table.index[::7], "trade"] = 0.0
    panel = panel_of(table)
    zeros = int((table["trade"] == 0).sum())
    at_home = int((table["exporter"] == table["importer"]).sum())
    abroad = estimate(panel, CROSS.with_(regressors=("log(dist)",), domestic=False))
    assert (abroad.counts.not_sampled, abroad.observations) == (at_home, 144 - at_home)
    positive = estimate(panel, CROSS.with_(zeros=False))
    assert (positive.counts.not_sampled, positive.observations) == (zeros, 144 - zeros)
    logs = estimate(panel, CROSS.with_(estimator="ols"))
    assert (logs.counts.logarithm_of_zero, logs.observations) == (zeros, 144 - zeros)
    spaced = estimate(panel, CROSS.with_(years=every(2, 2000, 2003)))
    assert set(spaced.cells["year"]) == {2000, 2002}


def test_separated_zeros_are_left_out_and_counted() -> None:
    table = gravity_table(6)
    never = (table["exporter"] == "C00") & (table["importer"] == "C01")
    table["trade"] = table["trade"].where(~never, 0.0)
    found = estimate(panel_of(table), PAIRS)
    assert found.counts.separated_by_effects == 4
    assert found.coefficients["log1p(tariff)"] == pytest.approx(-4, abs=1e-6)
    assert any(note.startswith("4 of 144 zero flows are separated") for note in found.notes)
    # A dummy that is one only where trade is zero drives its coefficient to minus infinity.
    table["war"] = never.astype(float)
    war = estimate(panel_of(table), CROSS.with_(regressors=("log(dist)", "contiguity", "war")))
    assert war.counts.separated_by_regressors == 4
    assert "war" in war.collinear


def test_collinear_regressors_are_named_with_counts() -> None:
    table = gravity_table(5)
    table["twice"] = 2 * np.log(table["dist"])
    found = estimate(panel_of(table), CROSS.with_(regressors=("log(dist)", "twice", "border")))
    assert found.collinear == ("twice",)
    assert any("1 of 3 regressors have no coefficient" in note and "100 obs" in note for note in found.notes)
    with pytest.raises(RegressorError, match=r"log\(dist\).*explained by the effects.*100 observations"):
        estimate(panel_of(table), PAIRS.with_(regressors=("log(dist)",)))


def test_nothing_left_says_why() -> None:
    panel = panel_of(gravity_table(5))
    with pytest.raises(FlowError, match=r"Of 100 rows 0 are left.*100 lack a regressor"):
        estimate(panel, PAIRS.with_(regressors=("lag(tariff, 9)",)))
    with pytest.raises(RegressorError, match="no year 1999"):
        estimate(panel, PAIRS.with_(years=(1999,)))


@pytest.mark.parametrize("estimator", ["ppml", "ols"])
def test_reset_sees_a_wrong_functional_form(estimator: str) -> None:
    table = gravity_table(15, (2000,))
    distance = np.log(table["dist"])
    error = np.exp(0.3 * np.random.default_rng(0).normal(size=len(table)))
    equation = GravitySpecification(("log(dist)",), (), estimator=estimator)
    p_values = [
        estimate(panel_of(table.assign(trade=np.exp(5 - distance + bend * distance**2) * error)), equation)
        .reset_test()
        .p_value
        for bend in (0.0, 0.3)
    ]
    assert p_values[0] > 0.05 > 1e-4 > p_values[1]


def test_event_study_recovers_phase_in_and_sees_no_anticipation() -> None:
    equation = PAIRS.with_(regressors=("log1p(tariff)", "rta"))
    found = event_study(panel_of(phased_in()), "rta", leads=(2,), lags=(2,), specification=equation)
    study = found.event_study("rta")
    assert study["horizon"].tolist() == [-2, 0, 2]
    assert study["estimate"].to_numpy() == pytest.approx([0, 0.3, 0.2], abs=0.03)
    assert study["cumulated"].iloc[-1] == pytest.approx(0.5, abs=0.03)
    assert found.lead_test("rta").p_value > 0.01
    early = event_study(
        panel_of(phased_in(anticipated=0.3)), "rta", leads=(2,), lags=(2,), specification=equation
    )
    assert early.lead_test("rta").p_value < 1e-6


def test_borders_fall_year_by_year() -> None:
    table = gravity_table(8, noise=0.0)
    abroad = (table["exporter"] != table["importer"]).astype(float)
    table["trade"] *= np.exp(0.1 * (table["year"] - 2000) * abroad)
    found = estimate(panel_of(table), PAIRS.with_(borders_by_year=True))
    assert [found.coefficients[f"border_{y}"] for y in (2001, 2002, 2003)] == pytest.approx([0.1, 0.2, 0.3])
    with pytest.raises(RegressorError, match="need domestic sales"):
        estimate(panel_of(table), PAIRS.with_(borders_by_year=True, domestic=False))


def test_sectors_apart_and_pooled() -> None:
    both = pd.concat(
        [gravity_table(6, tariff=t, seed=s).assign(sector=f"C{s}") for t, s in ((-3.0, 1), (-6.0, 2))]
    )
    panel = panel_of(both)
    apart = estimate_by_sector(panel, PAIRS)
    assert [e.coefficients["log1p(tariff)"] for e in apart.values()] == pytest.approx([-3, -6], abs=1e-5)
    pooled = estimate(panel, PAIRS)
    assert -6 < pooled.coefficients["log1p(tariff)"] < -3
    assert pooled.sectors == ("C1", "C2")


def test_scale_does_not_matter() -> None:
    table = gravity_table(8, noise=0.4)
    one, other = (
        estimate(panel_of(table.assign(trade=table["trade"] * factor)), CROSS) for factor in (1, 1e-6)
    )
    assert [*one.coefficients.values()] == pytest.approx([*other.coefficients.values()], rel=1e-7)
    assert [*one.standard_errors.values()] == pytest.approx([*other.standard_errors.values()], rel=1e-6)


def test_the_table_carries_intervals() -> None:
    found = estimate(panel_of(gravity_table(8, noise=0.4)), CROSS)
    table = found.table().set_index("term")
    low, high = found.interval("border")
    assert (table.loc["border", "low"], table.loc["border", "high"]) == (low, high)
    assert high - low == pytest.approx(2 * 1.959964 * found.standard_errors["border"])
    test = found.joint_test(["border"])
    assert test.p_value == pytest.approx(table.loc["border", "p_value"])

"""The climb of the Poisson likelihood against the library, a dense computation, and known truth."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.gravity.bias import bias_corrected
from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.ppml import poisson_fit
from firmtrade_core.gravity.projection import Projector
from firmtrade_core.gravity.separation import separated_with_effects
from firmtrade_core.gravity.specification import GravitySpecification
from tests.gravity.panels import gravity_table

THREE_WAY = GravitySpecification(("log1p(tariff)",), ("exporter_year", "importer_year", "pair"))


def messy_table(countries: int = 9) -> pd.DataFrame:
    table = gravity_table(countries, noise=0.8)
    table.loc[table.index[::5], "trade"] = 0.0
    return table.drop(index=table.index[3::17]).reset_index(drop=True)


def test_projection_agrees_with_least_squares() -> None:
    rng = np.random.default_rng(0)
    groups = [rng.integers(0, k, 300) for k in (7, 11, 40)]
    weights, values = rng.lognormal(0, 2, 300), rng.normal(size=300)
    projector = Projector(groups, 300)
    projector.reweigh(weights)
    left = projector.residual(values, projector.fit(values, 1e-12))
    dummies = np.column_stack([np.eye(g.max() + 1)[g] for g in groups]) * np.sqrt(weights)[:, None]
    exact = np.linalg.lstsq(dummies, values * np.sqrt(weights), rcond=None)[0]
    np.testing.assert_allclose(
        left * np.sqrt(weights), values * np.sqrt(weights) - dummies @ exact, atol=1e-9
    )


def test_ppml_agrees_with_the_library() -> None:
    import pyfixest

    panel = GravityPanel.from_table(messy_table(), tariff="tariff", gaps="leave")
    found = estimate(panel, THREE_WAY)
    frame = panel.table.assign(
        **{name: panel.code(*name.split("_")) for name in ("exporter_year", "importer_year", "pair")},
        x=np.log1p(panel.table["tariff"]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pyfixest.fepois(
            "trade ~ x | exporter_year + importer_year + pair",
            frame,
            vcov={"CRV1": "pair"},
            separation_check=["fe", "ir"],
            ssc=pyfixest.ssc(k_fixef="none", G_df="conventional"),
            iwls_tol=1e-12,
            demeaner=pyfixest.MapDemeaner(fixef_tol=1e-10, fixef_maxiter=100_000),
        )
    assert found.coefficients["log1p(tariff)"] == pytest.approx(float(theirs.coef().iloc[0]), rel=1e-8)
    assert found.standard_errors["log1p(tariff)"] == pytest.approx(float(theirs.se().iloc[0]), rel=1e-6)
    assert found.observations == theirs._N


@pytest.mark.parametrize("rescaled", [1e-9, 1e9])
def test_the_unit_of_flows_does_not_matter(rescaled: float) -> None:
    table = messy_table(7)
    one, other = (
        estimate(
            GravityPanel.from_table(
                table.assign(trade=table["trade"] * factor), tariff="tariff", gaps="leave"
            ),
            THREE_WAY,
        )
        for factor in (1.0, rescaled)
    )
    assert other.coefficients["log1p(tariff)"] == pytest.approx(one.coefficients["log1p(tariff)"], rel=1e-9)


def test_clustered_errors_agree_with_a_dense_computation() -> None:
    """All dummies written out, Newton in full, the sandwich by hand: nothing of the estimator's code."""
    panel = GravityPanel.from_table(messy_table(7), tariff="tariff", gaps="leave")
    found = estimate(panel, THREE_WAY)
    cells = found.cells.reset_index(drop=True)
    y = cells["trade"].to_numpy() / cells["trade"].mean()
    x = found.sample.regressors[:, 0]
    year = cells["year"].astype(str)
    names = [cells["exporter"].astype(str) + year, cells["importer"].astype(str) + year]
    pair = cells["exporter"].astype(str) + cells["importer"].astype(str)
    dummies = np.column_stack([pd.get_dummies(n).to_numpy(float) for n in (*names, pair)])
    design = np.column_stack([x, dummies])
    index = np.log(cells["fitted"].to_numpy() / cells["trade"].mean())
    for _ in range(3):
        mean = np.exp(index)
        hessian = (design * mean[:, None]).T @ design
        index = index + design @ (
            np.linalg.pinv(hessian, rcond=1e-12, hermitian=True) @ (design.T @ (y - mean))
        )
    mean = np.exp(index)
    root = np.sqrt(mean)
    swept = x - dummies @ np.linalg.lstsq(dummies * root[:, None], x * root, rcond=None)[0]
    bread = 1 / (mean * swept**2).sum()
    sums = pd.Series(swept * (y - mean)).groupby(pair).sum()
    groups, n = len(sums), len(y)
    error = np.sqrt(bread * (sums**2).sum() * groups / (groups - 1) * bread * (n - 1) / (n - 1))
    assert found.standard_errors["log1p(tariff)"] == pytest.approx(error, rel=1e-6)


def test_separation_is_seen_with_and_without_effects() -> None:
    """A policy that is on only where flows are zero has no finite coefficient (Correia, Guimarães and Zylkin 2021)."""
    table = gravity_table(8, (2000, 2001), noise=0.4)
    war = (table["exporter"] < "C03") & (table["importer"] > "C04") & (table["year"] == 2001)
    table = table.assign(war=war.astype(float), trade=table["trade"].where(~war, 0.0))
    panel = GravityPanel.from_table(table)
    for effects in (("exporter_year", "importer_year"), ("exporter_year", "importer_year", "pair"), ()):
        found = estimate(
            panel,
            GravitySpecification(
                ("log(dist)", "war") if "pair" not in effects else ("war", "log(dist):is(year, 2001)"),
                effects,
            ),
        )
        assert found.counts.separated_by_regressors == int(war.sum())
        assert "war" in found.collinear


def test_hidden_separation_is_the_rectifiers() -> None:
    """Two regressors of which only a difference separates."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 2))
    x[:20, 1] = x[:20, 0] + rng.uniform(0.5, 1, 20)
    x[20:, 1] = x[20:, 0]
    y = np.exp(0.3 * x[:, 0]) * rng.lognormal(size=200)
    y[:20] = 0.0
    y[40:50] = 0.0
    found = poisson_fit(y, np.column_stack([np.ones(200), x]), [])
    assert {*range(20)}.isdisjoint(found.used) and len(found.used) == 180
    assert [*found.kept] == [0, 1]


@pytest.mark.parametrize("seed", range(6))
def test_the_programme_separates_what_the_rectifier_separates(seed: int) -> None:
    """Effects and regressors together, on sparse panels; the programme shares nothing with the regressions."""
    rng = np.random.default_rng(seed)
    n = 600
    groups = [rng.integers(0, 25, n), rng.integers(0, 25, n), rng.integers(0, 60, n)]
    x = rng.normal(size=(n, 2)) * (rng.random((n, 2)) < 0.2)
    y = np.where(rng.random(n) < 0.35, 0.0, rng.lognormal(size=n))
    x[:, 0] = np.where(rng.random(n) < 0.1, 1.0, 0.0)
    y[x[:, 0] > 0] = 0.0
    found = separated_with_effects(x, y, groups)
    assert found.any()
    assert not found[y > 0].any()
    inside = np.ones(n, dtype=bool)
    while True:  # a group without flows is left out before, as the sample does
        for labels in groups:
            inside &= np.isin(labels, labels[inside & (y > 0)])
        before = inside.sum()
        for labels in groups:
            inside &= np.isin(labels, labels[inside & (y > 0)])
        if inside.sum() == before:
            break
    used = poisson_fit(y[inside], x[inside], [labels[inside] for labels in groups]).used
    assert [*np.flatnonzero(inside)[used]] == [*np.flatnonzero(~found)]


def test_the_bias_correction_is_for_three_way_equations() -> None:
    panel = GravityPanel.from_table(gravity_table(8, noise=0.5), tariff="tariff")
    found = estimate(panel, THREE_WAY)
    corrected = bias_corrected(found)
    assert corrected.standard_errors["log1p(tariff)"] >= 0.95 * found.standard_errors["log1p(tariff)"]
    assert "Weidner and Zylkin" in corrected.notes[-1]
    with pytest.raises(RegressorError, match="exporter-year, importer-year and pair"):
        bias_corrected(estimate(panel, THREE_WAY.with_(effects=("exporter_year", "importer_year"))))


def short_panel(rng: np.random.Generator, countries: int, years: int) -> pd.DataFrame:
    """The first design of Weidner and Zylkin (2021): effects, a regressor that leans on them, errors heaviest where
    flows are small; the coefficient is one."""
    n, t = countries, years
    exporter, importer, pair = (rng.normal(0, 0.25, shape) for shape in ((n, 1, t), (1, n, t), (n, n, 1)))
    x = np.zeros((n, n, t))
    last = pair[:, :, 0] + rng.normal(0, 0.5, (n, n))
    for year in range(t):
        last = last / 2 + exporter[:, :, year] + importer[:, :, year] + rng.normal(0, 0.5, (n, n))
        x[:, :, year] = last
    mean = np.exp(exporter + importer + pair + x)
    spread = np.log1p(mean**-2)
    shock = rng.normal(size=(n, n, t))
    for year in range(1, t):
        shock[:, :, year] = 0.3 * shock[:, :, year - 1] + np.sqrt(1 - 0.09) * shock[:, :, year]
    codes = [f"C{i:02d}" for i in range(n)]
    return pd.DataFrame(
        {
            "exporter": np.repeat(codes, n * t),
            "importer": np.tile(np.repeat(codes, t), n),
            "year": np.tile(np.arange(t), n * n),
            "trade": (mean * np.exp(-spread / 2 + np.sqrt(spread) * shock)).ravel(),
            "x": x.ravel(),
        }
    )


@pytest.mark.truth
def test_the_bias_of_three_way_ppml_is_taken_off() -> None:
    """20 countries, 5 years, 200 draws: asked that at least half of the bias goes and that coverage reaches 90 %."""
    equation = GravitySpecification(("x",), ("exporter_year", "importer_year", "pair"))
    plain, mended = [], []
    for seed in range(200):
        found = estimate(GravityPanel.from_table(short_panel(np.random.default_rng(seed), 20, 5)), equation)
        corrected = bias_corrected(found)
        for into, one in ((plain, found), (mended, corrected)):
            into.append((one.coefficients["x"] - 1, one.standard_errors["x"]))
    before, after = np.array(plain), np.array(mended)
    assert abs(after[:, 0].mean()) < 0.5 * abs(before[:, 0].mean())
    covered = (np.abs(after[:, 0]) < 1.96 * after[:, 1]).mean()
    assert covered >= 0.90 and covered > (np.abs(before[:, 0]) < 1.96 * before[:, 1]).mean()

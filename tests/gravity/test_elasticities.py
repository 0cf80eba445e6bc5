"""Elasticities: pooled, flagged, stored, read back; tetrads; runs that resume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.gravity.elasticities import elasticities_by_sector, tariff_elasticity, write_set
from firmtrade_core.gravity.errors import GravityError, RegressorError
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.meta_analysis import random_effects
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.sector_runs import TARIFF, TARIFF_EQUATION, estimate_sectors, run_key
from firmtrade_core.gravity.specification_curve import BASE, choices, specification_curve, spread_of_choices
from firmtrade_core.gravity.tetrads import tetrads
from firmtrade_core.world.elasticities import ElasticitySet, elasticity_sets, read_estimated_set
from firmtrade_core.world.errors import WorldError, WorldFileError
from tests.gravity.panels import gravity_table


def world_table(truths: dict[str, float], countries: int = 8) -> pd.DataFrame:
    tables = [
        gravity_table(countries, tariff=-e, noise=0.05, seed=k).assign(sector=s)
        for k, (s, e) in enumerate(truths.items())
    ]
    return pd.concat(tables).rename(columns={"trade": "expenditure_musd"})


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("panel") / "flows.parquet"
    truths = {"A01": 4.0, "C10T12": 2.0, "C20": 7.0, "C26": 5.0, "Services (aggregate)": 3.0}
    world_table(truths).to_parquet(path)
    return path


def test_border_values_fall_by_one_more() -> None:
    table = gravity_table(8)
    consumer = estimate(
        GravityPanel.from_table(table, tariff="tariff", flow_values="consumer"), TARIFF_EQUATION
    )
    table["trade"] /= 1 + table["tariff"]
    border = estimate(GravityPanel.from_table(table, tariff="tariff"), TARIFF_EQUATION)
    assert tariff_elasticity(consumer)[0] == pytest.approx(4, abs=1e-5)
    assert tariff_elasticity(border)[0] == pytest.approx(4, abs=1e-5)
    value, low, high = tariff_elasticity(consumer)
    assert low <= value <= high


def test_a_run_recovers_sectors_resumes_and_leaves_services(flows: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []

    def note(*step: object) -> None:
        seen.append(step)

    table = estimate_sectors(flows, tmp_path, workers=1, progress=note)
    tariffs = table[table["term"] == TARIFF]
    assert tariffs["sector"].tolist() == ["A01", "C10T12", "C20", "C26"]
    assert -tariffs["estimate"].to_numpy() == pytest.approx([4, 2, 7, 5], abs=0.4)
    assert [step[1:] for step in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    folder = tmp_path / run_key(flows, TARIFF_EQUATION)
    (folder / "sector_C20.parquet").unlink()
    (folder / "sector_C26.123.part").write_text("cut off")
    seen.clear()
    again = estimate_sectors(flows, tmp_path, workers=1, progress=note)
    assert [step[0] for step in seen] == ["stored before", "C20"]
    pd.testing.assert_frame_equal(again.drop(columns="seconds"), table.drop(columns="seconds"))
    assert run_key(flows, TARIFF_EQUATION) != run_key(flows, TARIFF_EQUATION.with_(domestic=False))


def test_processes_give_the_same(flows: Path, tmp_path: Path) -> None:
    two = estimate_sectors(flows, tmp_path / "two", workers=2, sectors=["A01", "C20"])
    one = estimate_sectors(flows, tmp_path / "one", workers=1, sectors=["A01", "C20"])
    np.testing.assert_allclose(two["estimate"], one["estimate"], rtol=1e-8)


def test_the_verb_prints_writes_a_set_and_fails_plainly(flows: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    path = tmp_path / "set.csv"
    out = ["--out", str(tmp_path), "--workers", "1"]
    done = run(app, ["gravity", "--world-panel", str(flows), *out, "--write-set", str(path)])
    assert done.exit_code == 0 and "C10T12" in done.stdout and "usable" in done.stdout
    chosen = read_estimated_set(path)
    assert chosen.kind == "tariff" and chosen.by_sector["C20"] == pytest.approx(7, abs=0.5)
    assert chosen.estimates["services"].status == "assumed" and "services" not in chosen.intervals
    as_json = run(app, ["gravity", "--world-panel", str(flows), *out, "--json"])
    assert as_json.exit_code == 0 and '"elasticities"' in as_json.stdout
    percent = pd.read_parquet(flows)
    percent["tariff"] *= 100
    percent.to_parquet(tmp_path / "percent.parquet")
    wrong = run(app, ["gravity", "--world-panel", str(tmp_path / "percent.parquet"), *out])
    assert wrong.exit_code == 2 and "look like percent" in wrong.stderr
    gone = run(app, ["gravity", "--world-panel", str(tmp_path / "none.parquet"), *out])
    assert gone.exit_code == 2 and "none.parquet" in gone.stderr


def test_what_hangs_on_a_choice_becomes_part_of_the_interval(flows: Path, tmp_path: Path) -> None:
    curve = specification_curve(flows, tmp_path, sectors=["A01", "C20"], workers=1)
    assert curve["choice"].nunique() == 5 and set(curve["sector"]) == {"A01", "C20"}
    assert len(choices(range(2011, 2023))) == 6
    base = curve[curve["choice"] == BASE].set_index("sector")["estimate"]
    assert base["C20"] == pytest.approx(7, abs=0.5)
    spread = spread_of_choices(curve).set_index("sector")
    others = curve[(curve["choice"] != BASE) & (curve["sector"] == "C20")]["estimate"] - base["C20"]
    assert spread.loc["C20", "spread"] == pytest.approx(np.sqrt((others**2).mean()))
    made = estimates([4.0, 5.0, 3.0], [0.5, 0.5, 0.5])
    doubtful = pd.DataFrame(
        [("borders by year", "C0", 4.0, 3.0), ("other", "C0", -1.0, -2.0)],
        columns=["choice", "sector", "estimate", "low"],
    )
    plain, wide = elasticities_by_sector(made), elasticities_by_sector(made, curve=doubtful)
    assert plain["status"].tolist() == ["usable"] * 3
    assert wide["status"].tolist() == ["too noisy", "usable", "usable"]
    assert wide.loc[0, "raw_error"] == pytest.approx(np.hypot(0.5, 5.0))


def estimates(values: list[float], errors: list[float]) -> pd.DataFrame:
    beta, error = -np.array(values), np.array(errors)
    return pd.DataFrame(
        {
            "sector": [f"C{k}" for k in range(len(values))],
            "term": "log1p(tariff)",
            "estimate": beta,
            "std_error": error,
            "low": beta - 1.96 * error,
            "high": beta + 1.96 * error,
            "flow_values": "consumer",
            "rows_used": 1000,
        }
    )


def test_wrong_signs_and_noise_are_flagged_and_replaced_by_the_mean(tmp_path: Path) -> None:
    table = elasticities_by_sector(estimates([5, 4, -2, 3, 6], [0.4, 0.5, 1.0, 2.5, 0.6]))
    assert table["status"].tolist() == ["usable", "usable", "wrong sign", "too noisy", "usable"]
    mean = table.attrs["pooled"]["mean"]
    assert table["value"][2] == table["value"][3] == mean
    assert table["raw"][2] == -2 and table["raw_high"][2] == pytest.approx(-0.04)
    assert (table["low"] >= 0).all() and table["high"][2] - mean > table["high"][0] - table["value"][0]
    path = tmp_path / "set.csv"
    write_set(table, path, name="X", label="x", source="s: with colon", note="n")
    read = read_estimated_set(path)
    assert read.flagged == ("C2", "C3", "services")
    assert read.source == "s: with colon" and read.estimates["C2"].value == -2
    assert read.intervals["C0"] == pytest.approx((table["low"][0], table["high"][0]), rel=1e-5)


def test_few_sectors_stand_as_they_are(tmp_path: Path) -> None:
    table = elasticities_by_sector(estimates([5, -1], [0.4, 0.5]))
    assert table["value"][0] == 5 and np.isnan(table["value"][1]) and table["status"][1] == "wrong sign"
    with pytest.raises(GravityError, match="C1 cannot be used"):
        write_set(table, tmp_path / "set.csv", name="X", label="x", source="s", note="n")


def test_a_broken_set_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    path.write_text("# set: X\nsector,status\nC1,usable\n")
    with pytest.raises(WorldFileError, match=r"set\.csv is not a set"):
        read_estimated_set(path)


def test_tariff_elasticities_become_cost_elasticities() -> None:
    def make(kind: str, values: str) -> ElasticitySet:
        return ElasticitySet("X", "x", kind, "s", "", {"a": 4.0, "b": 0.4}, flow_values=values)

    assert make("tariff", "consumer").cost_elasticity() == {"a": 4.0, "b": 0.4}
    assert make("cost", "consumer").cost_elasticity(1.5)["a"] == 4
    with pytest.raises(WorldError, match=r"those of b are not above 0\.5"):
        make("tariff", "consumer").cost_elasticity(1.5)
    with pytest.raises(WorldError, match="those of b are not above 1"):
        make("tariff", "border").cost_elasticity()


def test_random_effects_shrink_towards_the_mean_and_help() -> None:
    rng = np.random.default_rng(2)
    gain = []
    for _ in range(30):
        truth = rng.normal(5, 1, 25)
        error = rng.uniform(0.5, 3, 25)
        raw = truth + error * rng.normal(size=25)
        pooled = random_effects(raw, error)
        gain.append([((raw - truth) ** 2).mean(), ((pooled.shrunk - truth) ** 2).mean(), pooled.spread])
    noise, shrunk, spread = np.mean(gain, 0)
    assert shrunk < 0.5 * noise
    assert spread == pytest.approx(1, abs=0.25)
    covered = np.abs(pooled.shrunk - truth) < 1.96 * pooled.shrunk_error
    assert covered.mean() > 0.8


def test_random_effects_know_their_limits() -> None:
    same = random_effects([3, 3.1, 2.9], [1, 1, 1])
    assert same.spread == 0 and same.heterogeneity == 0
    np.testing.assert_allclose(same.shrunk, same.mean)
    exact = random_effects([1, 5, 9], [1e-4, 1e-4, 1e-4])
    np.testing.assert_allclose(exact.shrunk, [1, 5, 9], atol=1e-6)
    with pytest.raises(ValueError, match="at least three"):
        random_effects([1, 2], [1, 1])


def test_tetrads_recover_the_elasticity_whatever_else_differs() -> None:
    rng = np.random.default_rng(4)
    n = 14
    tariff = rng.uniform(0, 0.3, (n, n))
    symmetric = rng.normal(0, 1, (n, n))
    logs = -6 * np.log1p(tariff) + symmetric + symmetric.T + rng.normal(0, 2, (n, 1)) + rng.normal(0, 2, n)
    exact = tetrads(np.exp(logs), tariff)
    assert exact.elasticity == pytest.approx(6) and exact.triples == 14 * 13 * 12 // 6
    border = tetrads(np.exp(logs) / (1 + tariff), tariff, flow_values="border")
    assert border.elasticity == pytest.approx(6)
    draws = [tetrads(np.exp(logs + rng.normal(0, 0.3, (n, n))), tariff) for _ in range(40)]
    found = np.array([d.elasticity for d in draws])
    assert found.mean() == pytest.approx(6, abs=0.3)
    assert np.mean([d.std_error for d in draws]) == pytest.approx(found.std(), rel=0.5)
    flows = np.exp(logs)
    flows[0, 1] = 0
    assert tetrads(flows, tariff).zero_triples == 12
    with pytest.raises(RegressorError, match="in 364 tariffs cancel out; 0 are left"):
        tetrads(np.exp(logs), np.full((n, n), 0.1))


def test_the_registry_says_what_its_sets_are() -> None:
    sets = elasticity_sets()
    assert {"CP", "FGO", "BSY", "GYY", "Shap", "LL", "U4", "IS"} <= set(sets)
    for chosen in sets.values():
        assert chosen.kind in ("cost", "tariff") and chosen.flow_values in ("consumer", "border")
        assert all(low <= chosen.by_sector[s] <= high for s, (low, high) in chosen.intervals.items())

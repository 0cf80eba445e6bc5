"""From a panel and its estimates to firms in the world, and which firms are in use where nobody says."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from firmtrade_core.capability import CapabilityResults, Learner, Settings, estimate
from firmtrade_core.capability.sources import from_panel
from firmtrade_core.channels import ChannelEffect, ChannelTable
from firmtrade_core.cli.main import app
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.default import default_home, fits
from firmtrade_core.home.from_panel import home_firms
from firmtrade_core.margins import FirmsError
from firmtrade_core.panel import FirmPanel
from firmtrade_core.scenarios import Scenario, compile, run
from tests.channels.panels import PLACES, panel_of
from tests.scenarios.conftest import synthetic_world

QUICK = Settings(learner=Learner(kind="splines", penalty=10.0), two_indices=True, tune=False, rounds=2)


def effect(attribute: str = "quality_certificate", unit: str = "0 or 1", **changes: object) -> ChannelEffect:
    given = dict(
        attribute=attribute, unit=unit, capability=0.3, fixed_cost_saving=0.2, capability_error=0.1,
        fixed_cost_error=0.05, capability_interval=(0.1, 0.5), fixed_cost_interval=(0.12, 0.28), correlation=-0.4,
        grade="instrument", method="two-stage", source="a test", spread=0.5, firms=800,
    )  # fmt: skip
    return ChannelEffect(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def panel() -> FirmPanel:
    return panel_of()


@pytest.fixture(scope="module")
def results(panel: FirmPanel) -> CapabilityResults:
    return estimate(from_panel(panel, years=[2022]), QUICK)


@pytest.fixture(scope="module")
def home(panel: FirmPanel, results: CapabilityResults) -> HomeFirms:
    table = ChannelTable((effect(), effect("skill_share", "share (0 to 1)", grade="observables")))
    return home_firms(results, panel, table)


def test_every_firm_carries_its_estimates(
    home: HomeFirms, results: CapabilityResults, panel: FirmPanel
) -> None:
    estimated = results.firms.set_index("firm").loc[home.firms["firm"]]
    assert home.country == "CHL" and home.synthetic and "synthetic" in home.source
    assert home.deviations == results.deviations and len(home) == 800
    for column, name in (
        ("capability", "m"),
        ("fixed_cost_saving", "g"),
        ("posterior", "capability"),
        ("posterior_spread", "spread"),
    ):
        np.testing.assert_allclose(home.firms[column], estimated[name], rtol=1e-6, atol=1e-6)
    rows = panel.firms[panel.firms["year"] == 2022].set_index("firm").loc[home.firms["firm"]]
    np.testing.assert_allclose(home.firms["age"], rows["age"])
    assert home.firms["sector"].tolist() == rows["sector"].tolist()
    assert {"exports", "skill_share", "quality_certificate"} <= set(home.firms)


def test_destinations_and_presence_are_those_of_the_year(home: HomeFirms, panel: FirmPanel) -> None:
    sold = panel.trade[panel.trade["year"] == 2022].groupby("firm")["country"].agg(set)
    for firm, served, markets in home.firms[["firm", "served", "markets"]].itertuples(index=False):
        assert set(served.split()) == sold.get(firm, set()) and markets == len(served.split())
    metals = home.firms[home.firms["sector"] == "metals"]
    to_peru = metals["served"].str.contains("PER").mean()
    assert home.presence["metals"]["PER"] == pytest.approx(to_peru)
    assert set(home.presence["metals"]) <= set(PLACES)


def test_score_ranks_firms_and_propensity_tells_who_is_certified(home: HomeFirms) -> None:
    table = home.firms
    assert table["score"].between(0, 100).all()
    assert table.groupby("sector")["score"].mean().to_numpy() == pytest.approx(50, abs=0.5)
    held = table["quality_certificate"] == 1
    assert table["propensity"].between(0, 1).all()
    assert table["propensity"][held].mean() > table["propensity"][~held].mean() + 0.1


def test_effects_come_in_units_of_programmes(home: HomeFirms) -> None:
    certified, skilled = home.effects["quality_certificate"], home.effects["skill_share"]
    assert (certified.capability, certified.fixed_cost_saving, certified.grade) == (0.3, 0.2, "instrument")
    # Its interval is wider than its error says: the wider counts.
    assert certified.capability_error == pytest.approx(0.2 / 1.645, rel=1e-3)
    assert certified.fixed_cost_error == 0.05 and certified.correlation == -0.4
    assert skilled.capability == pytest.approx(0.03) and skilled.unit == "10 points"
    assert skilled.fixed_cost_error == pytest.approx(0.005)


def test_an_interval_without_end_is_said(panel: FirmPanel, results: CapabilityResults) -> None:
    weak = effect(capability_interval=(-math.inf, 0.6))
    found = home_firms(results, panel, ChannelTable((weak,))).effects["quality_certificate"]
    assert found.capability_error == 0.1 and "no end" in found.source


def test_the_world_reproduces_observed_presence(home: HomeFirms) -> None:
    world = synthetic_world(
        countries=("USA", "DEU", "PER", "CHL", "ROW"), sectors=("food", "metals", "services")
    )
    scenario = Scenario.parse({"structure": {"family": "firms", "elasticity": 5.0}})
    np.testing.assert_allclose(run(scenario, world, home=home).real_income_change, 1, atol=1e-9)
    margins = compile(scenario, world, home).parameters.family.calibrate(world, np.full(3, 5.0))
    share = np.exp(margins.before.presence(margins.threshold))  # type: ignore[attr-defined]
    assert share[1, 2] == pytest.approx(home.presence["metals"]["PER"], rel=1e-6)


def test_home_from_a_panel_keeps_in_a_file(home: HomeFirms, tmp_path: Path) -> None:
    home.save(tmp_path / "home.parquet")
    again = HomeFirms.load(tmp_path / "home.parquet")
    assert again.content_hash == home.content_hash and again.effects == home.effects
    assert again.firms["served"].equals(home.firms["served"])


def test_what_does_not_fit_is_refused(panel: FirmPanel, results: CapabilityResults) -> None:
    with pytest.raises(FirmsError, match="does not say whose firms"):
        home_firms(results, panel.with_metadata(home="not stated"))
    with pytest.raises(FirmsError, match=r"no estimates for 2021\. Estimated: 2022"):
        home_firms(results, panel, year=2021)
    others = replace(results.data, firm_names=tuple(f"other {f}" for f in results.data.firm_names))
    with pytest.raises(FirmsError, match="Estimate capability on this panel"):
        home_firms(replace(results, data=others), panel)


def test_without_destinations_presence_is_assumed(panel: FirmPanel) -> None:
    bare = FirmPanel.from_frames(panel.firms, metadata=panel.metadata)
    found = home_firms(estimate(from_panel(bare, years=[2022]), QUICK), bare)
    assert not found.presence and "served" not in found.firms and "presence is assumed" in found.source


def test_the_verb_writes_a_file_that_solves(panel: FirmPanel, tmp_path: Path) -> None:
    panel.save(tmp_path / "panel")
    ChannelTable((effect(),)).save(tmp_path / "effects.json")
    arguments = [str(tmp_path / "panel"), "--effects", str(tmp_path / "effects.json"), "--learner", "splines"]
    out = tmp_path / "home.parquet"
    result = CliRunner().invoke(app, ["firms", "home", *arguments, "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.output)
    assert said["firms"] == 800 and said["hash"] == HomeFirms.load(out).content_hash
    wrong = CliRunner().invoke(app, ["firms", "home", str(tmp_path), "--out", str(out), "--json"])
    assert wrong.exit_code == 2 and "error" in json.loads(wrong.output)


# Which firms are in use -------------------------------------------------------------------------


def test_shipped_firms_fit_the_embedded_world_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from firmtrade_core.world.embedded import load_embedded_world

    monkeypatch.delenv("FIRMTRADE_HOME", raising=False)
    world = load_embedded_world()
    home = default_home(world)
    assert home is not None and home.synthetic and len(home) > 19_000
    assert set(home.effects) >= {"quality_certificate", "on_time_delivery", "supplier_links", "trade_finance"}
    assert {found.grade for found in home.effects.values()} <= {"association", "observables", "instrument"}
    assert all(found.capability_error > 0 and found.unit for found in home.effects.values())
    assert not fits(home, synthetic_world()) and default_home(synthetic_world()) is None
    monkeypatch.setenv("FIRMTRADE_HOME", "none")
    assert default_home(world) is None
    monkeypatch.setenv("FIRMTRADE_HOME", str(tmp_path / "nowhere.parquet"))
    with pytest.raises(FirmsError, match="cannot be read"):
        default_home(world)


def test_shipped_firms_are_small_and_carry_presence(monkeypatch: pytest.MonkeyPatch) -> None:
    from firmtrade_core.home.default import shipped_file

    assert shipped_file().stat().st_size < 3_000_000
    home = HomeFirms.load(shipped_file())
    food = home.firms[home.firms["sector"] == "food_beverages_tobacco"]
    assert home.presence["food_beverages_tobacco"]["USA"] == pytest.approx(
        food["served"].str.contains("USA").mean()
    )


def test_solve_takes_the_shipped_firms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIRMTRADE_HOME", raising=False)

    def solved(*more: str) -> dict:
        result = CliRunner().invoke(app, ["solve", "--preset", "us_ten_points", "--json", *more])
        return {"code": result.exit_code, **json.loads(result.output)}

    own = solved("--structure", "firms")
    assert own["firms"]["country"] == "CHL" and "synthetic" in own["firms"]["source"]
    assert own["certificate"]["holds"] and own["scenario"]["structure"]["family"] == "firms"
    without = solved("--structure", "firms", "--home", "none")
    assert without["firms"] is None and any("No home firms" in line for line in without["report"])
    assert solved("--structure", "none")["scenario"]["structure"]["family"] == "armington"
    assert solved("--structure", "firms", "--family", "pareto")["code"] == 2
    assert solved("--structure", "odd")["code"] == 2

"""Nothing depends on how many firms a file holds, and sizes in the model are those of the data (MODEL 13)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.analysis.programmes import ProgrammeResult, evaluate_programme
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.default import shipped_file
from firmtrade_core.home.outcomes import FirmOutcomes, firm_outcomes
from firmtrade_core.home.population import ANY, count, post_stratified, read_population, size_classes
from firmtrade_core.margins import FirmsError
from firmtrade_core.scenarios import Scenario, compile
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World

STRUCTURE = {"family": "firms"}


@pytest.fixture(scope="module")
def world() -> World:
    return load_embedded_world()


@pytest.fixture(scope="module")
def home() -> HomeFirms:
    return HomeFirms.load(shipped_file())


def again(home: HomeFirms, table: pd.DataFrame, *, population: bool = True) -> HomeFirms:
    """The same home with another table of firms."""
    said = home.population if population else {}
    return HomeFirms(home.country, table, home.deviations, home.presence, home.effects, home.source, said)


def quarter(home: HomeFirms, seed: int) -> pd.DataFrame:
    """Every fourth firm by chance."""
    return home.firms[np.random.default_rng(seed).random(len(home)) < 0.25]


def judged(home: HomeFirms, world: World, **card: Any) -> ProgrammeResult:
    given = {
        "kind": "programme",
        "policy": "quality_certification",
        "take_up": 0.3,
        "unit_cost": 1e5,
        "sectors": "all",
    }
    scenario = Scenario.parse({"cards": [given | card], "structure": STRUCTURE})
    return evaluate_programme(scenario, world, home, 0)


# Weights ------------------------------------------------------------------------------------------


def test_weights_add_up_to_the_population_by_sector_and_size(home: HomeFirms) -> None:
    total = sum(sum(sizes.values()) for sizes in home.population.values())
    assert total == pytest.approx(home.firms["weight"].sum()) and total > 19_000
    for table in (quarter(home, 1), quarter(home, 1).assign(weight=4.0), home.firms.assign(weight=10.0)):
        found = again(home, table)
        for code, sizes in home.population.items():
            own = found.firms[found.firms["sector"] == code]
            assert own["weight"].sum() == pytest.approx(sum(sizes.values()))
            held = own["weight"].groupby(size_classes(own)).sum()
            for name in held.index:
                stands_for = sum(v for k, v in sizes.items() if k not in held.index)
                assert sizes[name] - 1e-6 <= held[name] <= sizes[name] + stands_for + 1e-6


def test_a_class_without_firms_is_stood_for_by_its_neighbour() -> None:
    table = pd.DataFrame({"sector": "metals", "employment": [5.0, 30.0, np.nan], "weight": [1.0, 3.0, 2.0]})
    weight = post_stratified(table, {"metals": {"1-9": 10.0, "10-49": 6.0, "250+": 2.0, ANY: 4.0}})
    np.testing.assert_allclose(weight, [10.0, 8.0, 4.0])
    assert count(table) == {"metals": {"1-9": 1.0, "10-49": 3.0, ANY: 2.0}}
    other = post_stratified(table, {"textiles": {}})
    np.testing.assert_allclose(other, table["weight"])
    with pytest.raises(FirmsError, match="has 3 firms in textiles, and the file has none"):
        post_stratified(table, {"textiles": {"1-9": 3.0}})


def test_a_population_is_read_from_a_table() -> None:
    table = pd.DataFrame({"sector": ["metals", "metals"], "size": ["1-9", "10-49"], "firms": [900, 80]})
    assert read_population(table) == {"metals": {"1-9": 900.0, "10-49": 80.0}}
    with pytest.raises(FirmsError, match="no column firms"):
        read_population(table[["sector", "size"]])
    with pytest.raises(FirmsError, match="size classes are 1-9"):
        read_population(table.assign(size="tiny"))
    with pytest.raises(FirmsError, match="0 or more"):
        read_population(table.assign(firms=-1))


@pytest.mark.truth
def test_weighting_by_ten_changes_nothing(home: HomeFirms, world: World) -> None:
    ten = again(home, home.firms.assign(weight=10.0))
    assert ten.content_hash == home.content_hash
    # Without a population weights are taken at their word: ten times the firms are ten times the cost.
    told = again(home, home.firms.assign(weight=10.0), population=False)
    one, other = judged(home, world), judged(told, world)
    assert other.treated == pytest.approx(10 * one.treated)
    assert other.account.outlay == pytest.approx(10 * one.account.outlay, rel=0.02)
    assert other.new_exporters == pytest.approx(10 * one.new_exporters, rel=0.02)


def test_a_quarter_of_the_firms_tells_the_same(home: HomeFirms, world: World) -> None:
    """Within three sampling errors of what the treated firms sell, by the formula for shares of a simple sample."""
    rule = {"exporters": "non_exporters"}
    whole = judged(home, world, eligible=rule)
    table = home.firms
    eligible = ((table["quality_certificate"] == 0) & ~(table["exports"] > 0)).to_numpy()
    sales = table["sales"].to_numpy(float)
    share = sales[eligible].sum() / sales.sum()
    # Of a share in a sample of a quarter: (1 - f)/f of the sum of squared residuals.
    error = np.sqrt(3 * ((eligible - share) ** 2 * sales**2).sum()) / sales.sum() / share
    for seed in range(2):
        part = judged(again(home, quarter(home, seed).assign(weight=4.0)), world, eligible=rule)
        assert part.treated == pytest.approx(whole.treated, rel=0.05)
        assert part.account.outlay == pytest.approx(whole.account.outlay, rel=0.05)
        assert part.account.gain == pytest.approx(whole.account.gain, rel=3 * error)
        assert part.account.ratio == pytest.approx(whole.account.ratio, rel=3 * error + 0.05)
        assert part.account.private_gain == pytest.approx(whole.account.private_gain, rel=3 * error + 0.05)
        assert part.new_exporters == pytest.approx(whole.new_exporters, rel=0.25)
    assert error < 0.15


# Sizes --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def baseline(home: HomeFirms, world: World) -> FirmOutcomes:
    compiled = compile(Scenario.parse({"structure": STRUCTURE}), world, home)
    assert compiled.treatment is not None
    return firm_outcomes(compiled.solve(), compiled.treatment)


@pytest.mark.parametrize("group", ["size", "exporting", "sector"])
def test_shares_of_the_baseline_are_those_of_the_data(
    home: HomeFirms, baseline: FirmOutcomes, group: str
) -> None:
    """Sales, exports and jobs within one point, by size class, exporter status and sector."""
    table = home.firms
    labels = {
        "size": pd.Series(np.digitize(table["employment"], [21, 51, 251])),
        "exporting": table["exports"] > 0,
        "sector": table["sector"],
    }[group].to_numpy()
    assert baseline.jobs is not None
    for name, model in (
        ("sales", baseline.sales),
        ("exports", baseline.exports),
        ("employment", baseline.jobs),
    ):
        data = pd.Series(table[name].to_numpy(float) * table["weight"]).groupby(labels).sum()
        found = pd.Series(model[:, 0]).groupby(labels).sum()
        gap = 100 * (found / found.sum() - data / data.sum())
        assert gap.abs().max() < 1.0, (name, gap.to_dict())


def test_firms_that_export_nothing_export_nothing(home: HomeFirms, baseline: FirmOutcomes) -> None:
    assert baseline.exports[~(home.firms["exports"] > 0).to_numpy(), 0].sum() == 0


def test_small_firms_gain_no_more_than_they_are(home: HomeFirms, world: World) -> None:
    """Certificates for small firms: what they gain, and what the country gains, is less than their wages bill and sales."""
    small = judged(home, world, eligible={"largest": 20}, take_up=0.5)
    table = home.firms
    own = (table["employment"] <= 20).to_numpy()
    wages = 1e-6 * (table["wages"] * table["weight"])[own].sum()
    sales = 1e-6 * (table["sales"] * table["weight"])[own].sum()
    lifted = np.exp(small.effect.capability) - 1
    assert small.account.private_gain < wages
    assert small.account.private_gain < lifted * sales
    assert 0 < small.account.gain < lifted * sales
    jobs = small.jobs
    assert jobs["persons"].sum() == pytest.approx(0, abs=1e-6 * jobs["staff"].sum())
    assert jobs["persons"].clip(lower=0).sum() < 0.1 * (table["employment"] * table["weight"])[own].sum()

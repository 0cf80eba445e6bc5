"""Imported inputs: costs by their sufficient statistic, firms made from first principles, and the equilibrium."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from firmtrade_core.disclosure.groups import FARTHEST_COUNT
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.imports import (
    ImportedInputs,
    cost_change,
    cost_without_imports,
    input_prices,
    with_own_inputs,
)
from firmtrade_core.margins import FirmSector
from firmtrade_core.margins.firm_functions import Deviations
from firmtrade_core.scenarios import Scenario, compile
from firmtrade_core.scenarios.compile import CompiledScenario
from firmtrade_core.world.world import World
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world
from tests.worlds import make_world

COUNTRIES = ("USA", "CHN", "DEU", "ZAF", "ROW")
SECTORS = ("agriculture", "metals", "services")


@cache
def linked_world() -> World:
    """A world with input-output links, goods and services."""
    return make_world(5, 3, seed=3).with_(
        countries=COUNTRIES, sectors=SECTORS, goods=np.array([True, True, False])
    )


def importing_home(share: float | None = None, *, public: bool = True) -> HomeFirms:
    """Firms of which half the exporters and a quarter of the others import, or all alike."""
    home = make_home(sectors=("agriculture", "metals"), public=public)
    random = np.random.default_rng(5)
    exports = home.firms["exports"].to_numpy() > 0
    imports = random.random(len(home)) < np.where(exports, 0.5, 0.25)
    part = np.where(imports, random.uniform(0.2, 0.8, len(home)), 0.0) if share is None else share
    table = home.firms.assign(
        imported_input_share=part, sales=np.exp(home.firms["capability"] + 3) + home.firms["exports"]
    )
    return HomeFirms(home.country, table, home.deviations, home.presence, home.effects, home.source, public=public)  # fmt: skip


def compiled(home: HomeFirms, points: float = 0.2, world: World | None = None) -> CompiledScenario:
    cards = [{"kind": "tariff", "importers": "ZAF", "value": points}] if points else []
    content = {"cards": cards, "structure": {"family": "firms", "elasticity": 5.0, "within_elasticity": None}}
    return compile(Scenario.parse(content), world or linked_world(), home)


@cache
def solved(points: float = 0.2) -> ImportedInputs:
    scenario = compiled(importing_home(), points)
    assert scenario.treatment is not None
    return with_own_inputs(scenario.solve(), scenario.treatment)


def least_cost(weight: float, home: float, abroad: float, elasticity: float) -> tuple[float, float]:
    """Cost of one unit of CES materials, by trying amounts, and the share spent at home."""
    power = (elasticity - 1) / elasticity

    def spent(amounts: tuple[float, float]) -> float:
        return home * amounts[0] + abroad * amounts[1]

    def bundle(log_ratio: float) -> tuple[float, float]:
        x = np.exp(log_ratio)
        made = (weight ** (1 / elasticity) + (1 - weight) ** (1 / elasticity) * x**power) ** (1 / power)
        return 1 / made, x / made

    best = minimize_scalar(lambda r: spent(bundle(r)), bounds=(-12, 12), method="bounded", options={"xatol": 1e-10})  # fmt: skip
    amounts = bundle(float(best.x))
    return spent(amounts), home * amounts[0] / spent(amounts)


@pytest.mark.parametrize("elasticity", [1.4, 2.38, 6.0])
def test_costs_are_those_of_a_firm_that_minimises_them(elasticity: float) -> None:
    """Also from domestic shares alone, before and after: nothing else of a firm's sourcing is needed."""
    gamma, prices = 0.6, (1.07, 1.35)
    for weight in (0.15, 0.5, 0.95):
        before, share = least_cost(weight, 1.0, 1.0, elasticity)
        after, share_after = least_cost(weight, *prices, elasticity)
        truth = gamma * np.log(after / before)
        told = cost_change(share, np.log(prices[0]), np.log(prices[1]), gamma, elasticity)
        assert told == pytest.approx(truth, abs=1e-6)
        by_shares = gamma * (np.log(prices[0]) + np.log(share_after / share) / (elasticity - 1))
        assert by_shares == pytest.approx(truth, abs=1e-5)
        # With nothing from abroad one unit takes w^(-1/(η-1)) of what is made at home.
        alone = weight ** (-1 / (elasticity - 1))
        saved = cost_without_imports(share, gamma, elasticity)
        assert saved == pytest.approx(gamma * np.log(alone / before), abs=1e-5)


def test_another_elasticity_than_assumed_hardly_matters_for_what_a_tariff_does() -> None:
    """Firms differ in η (1.2 to 7) and are told by one: set before it was seen, within 10 % at a rise of 15 %."""
    random = np.random.default_rng(1)
    d, eta, gamma = random.uniform(0.1, 1, 5000), random.uniform(1.2, 7, 5000), random.uniform(0.3, 0.7, 5000)
    dear = np.full(5000, np.log(1.15))
    truth = np.array([cost_change(a, 0.0, p, g, e) for a, p, g, e in zip(d, dear, gamma, eta, strict=True)])
    told = cost_change(d, 0 * dear, dear, gamma, 2.38)
    assert np.corrcoef(told, truth)[0, 1] > 0.97 and told.mean() == pytest.approx(truth.mean(), rel=0.1)


def test_capability_and_fixed_costs_are_those_of_firms_made_from_first_principles() -> None:
    """Two million firms choose inputs, prices and entry; (2) and (3) at the shifted m and g say the same to 1 %."""
    random = np.random.default_rng(2)
    count, sigma, gamma, eta, dear = 2_000_000, 3.6, 0.6, 2.38, np.log(1.25)
    d = np.where(random.random(count) < 0.4, 0.45, 1.0)
    m = np.where(d < 1, 0.6, -0.4)
    law = Deviations(0.9, 1.1, 0.7, 0.3)
    known = np.sqrt(law.known_taste) * random.normal(size=count)
    taste = known + np.sqrt(law.taste**2 - law.known_taste) * random.normal(size=count)
    cost_shock = np.sqrt(law.entry**2 - law.known_taste) * random.normal(size=count)
    kappa = m + law.capability * random.normal(size=count)
    r = cost_change(d, 0 * d, np.full(count, dear), np.full(count, gamma), eta)
    k = 1.1
    for cost in (0 * r, r):
        # Sales at price σ/(σ-1) c over rivals' prices; variable profit over σ less c f, known demand counted.
        sales = np.exp(kappa + taste - (sigma - 1) * cost)
        expected = np.exp(kappa + known - (sigma - 1) * cost)
        enters = expected / sigma > np.exp(cost) * np.exp(k - cost_shock) / sigma
        law_of = FirmSector(m - (sigma - 1) * cost, law, -cost, np.ones(count)).functions
        log_s, _, log_n = law_of.exact(np.array([k]))
        level = np.exp((law.capability**2 + law.taste**2) / 2)
        assert enters.mean() == pytest.approx(np.exp(log_n[0]), rel=0.01)
        assert (sales * enters).mean() == pytest.approx(level * np.exp(log_s[0]), rel=0.01)


def test_exporters_who_import_are_hit_and_those_who_do_not_gain() -> None:
    found = solved()
    status = found.groups()["status"].set_index("group")
    assert (
        status.exports["Export and import"]
        < status.exports_mean_cost["Export and import"]
        < status.exports_mean_cost["Export alone"] + 5
    )
    assert status.exports["Export alone"] > status.exports_mean_cost["Export alone"]
    assert status.cost["Export and import"] > status.cost["Export alone"] and status.saving["Neither"] == 0
    assert found.rounds < 12 and found.with_own.certificate.holds
    assert "Exporters who import" in found.sentence()


def test_firms_add_up_to_the_equilibrium_and_costs_to_their_mean() -> None:
    found = solved()
    outcomes, world = found.outcomes[0], found.with_own.world
    h = world.country_index("ZAF")
    abroad = np.arange(len(world.countries)) != h
    for s in (0, 1):
        sold = found.with_own.revenue[h, abroad, s].sum()
        assert outcomes.exports[outcomes.sector == s, 1].sum() == pytest.approx(sold, rel=1e-9)
        own = found.outcomes[1].sector == s
        size = found.outcomes[1].sales[own, 0]
        assert size @ found.relative[found.plain.firm[own]] == pytest.approx(0.0, abs=1e-9 * size.sum())


def test_nothing_moves_where_firms_import_alike_or_no_price_moves() -> None:
    alike = compiled(importing_home(0.3))
    assert alike.treatment is not None
    before = alike.solve()
    found = with_own_inputs(before, alike.treatment)
    assert np.abs(found.relative).max() < 1e-12 and found.rounds == 1
    np.testing.assert_array_equal(found.with_own.flows, before.flows)
    still = solved(0.0)
    assert np.abs(still.cost).max() < 1e-7 and still.exports_percent[0] == pytest.approx(0.0, abs=1e-6)


def test_prices_of_inputs_follow_from_the_equilibrium() -> None:
    """With a tariff on every import and none on what is made at home, imports get dearer than what is made at home."""
    found = solved()
    prices = input_prices(found.without, "ZAF")
    assert (prices.abroad > prices.home).all() and (prices.abroad < np.log(1.2) + 0.2).all()
    world = found.without.world
    assert world.inputs is not None
    used = world.inputs[3, :2].sum(0)
    imported = (world.inputs[3, :2] * (1 - world.shares[3, 3, :2])[:, None]).sum(0)
    np.testing.assert_allclose(prices.imported, imported / used)


def test_real_firms_are_told_in_groups_and_refusals_say_what_to_do() -> None:
    scenario = compiled(importing_home(public=False))
    assert scenario.treatment is not None
    equilibrium = scenario.solve()
    found = with_own_inputs(equilibrium, scenario.treatment)
    # No firm's own share: those of a group have one number.
    assert len(np.unique(found.domestic)) <= len(np.unique(found.home.screen.group))
    told, true = (each.groups()["size"].set_index("group")["firms"] for each in (found, solved()))
    # Numbers of real firms have noise that no second table takes off.
    assert ((told - true).abs() <= FARTHEST_COUNT)[told.notna()].all() and ((told - true).abs() > 0.5).any()
    few = found.by(np.array(["few"] * 3 + ["many"] * (len(found.home) - 3), dtype=object)).set_index("group")
    assert few.loc["few"].isna().all()
    bare = compiled(make_home())
    assert bare.treatment is not None
    with pytest.raises(ComparisonError, match="imported_input_share"):
        with_own_inputs(bare.solve(), bare.treatment)
    apart = compiled(importing_home(), world=synthetic_world())
    assert apart.treatment is not None
    with pytest.raises(ComparisonError, match="links"):
        with_own_inputs(apart.solve(), apart.treatment)
    with pytest.raises(ComparisonError, match="no end"):
        cost_without_imports(np.array([0.5]), np.array([0.5]), 1.0)

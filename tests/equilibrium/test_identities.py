"""Identities of MODEL 10: what must hold whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, solve
from firmtrade_core.equilibrium.errors import InsolvencyError
from firmtrade_core.margins import Armington, EatonKortum, Krugman, Lognormal, MarginFamily, Pareto
from firmtrade_core.world.world import World
from tests.worlds import halve_country, halve_sector, make_world

FAMILIES = [Armington(), EatonKortum(), Krugman(), Pareto(1.5), Lognormal(2.0)]
CLOSURES = ["fixed", "proportional", "removed"]
FEW = settings(max_examples=12, deadline=None)


def random_shock(world: World, seed: int, size: float = 0.3) -> Shock:
    """Moves every lever the engine has, by up to ``size``."""
    random = np.random.default_rng(seed)
    n, s = world.shape
    abroad = ~np.eye(n, dtype=bool)[:, :, None]
    return Shock(
        tariff=np.maximum(world.tariff + size * random.uniform(-0.3, 1, (n, n, s)) * abroad, -0.5),
        subsidy=world.subsidy + 0.3 * size * random.uniform(-1, 1, (n, n, s)) * abroad,
        trade_cost=np.exp(size * random.uniform(-1, 1, (n, n, s)) * abroad),
        fixed_cost=np.exp(size * random.uniform(-1, 1, (n, n, s)) * abroad),
        productivity=np.exp(size * random.uniform(-1, 1, (n, s))),
        demand=np.exp(size * random.uniform(-1, 1, (n, s))),
        outlay=0.02 * world.income * random.uniform(0, 1, n),
    )


def assert_same(one: Equilibrium, other: Equilibrium, tolerance: float = 1e-7) -> None:
    """Real outcomes agree."""
    for name in ("real_income_change", "labour_change"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=tolerance)
    np.testing.assert_allclose(one.flows, other.flows, rtol=tolerance, atol=1e-9 * one.flows.max())


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
@pytest.mark.parametrize("closure", CLOSURES)
@given(seed=st.integers(0, 10_000), labour=st.sampled_from([0.0, 0.7]), inputs=st.booleans())
@settings(max_examples=5, deadline=None)
def test_every_lever_under_every_closure_is_certified(
    family: MarginFamily, closure: str, seed: int, labour: float, inputs: bool
) -> None:
    world = make_world(seed=seed, inputs=inputs)
    parameters = Parameters(6.0, family, deficits=closure, labour_supply_elasticity=labour)  # type: ignore[arg-type]
    result = solve(world, random_shock(world, seed), parameters)
    certificate = result.certificate
    assert certificate.holds and certificate.largest <= 1e-9
    # Walras's law and the accounts of every sector, from the outputs alone.
    spending = result.flows.sum((0, 2))
    revenue = result.revenue.sum((1, 2))
    gap = spending - revenue - result.duties + result.subsidy_outlay - result.deficits
    np.testing.assert_allclose(gap / spending, 0, atol=1e-9)
    kept = 0 if result.baseline.margins.competitive else result.profits
    np.testing.assert_allclose(result.cost + kept, result.gross_output, rtol=1e-9)
    assert abs(result.deficits.sum()) < 1e-9 * spending.sum()
    assert (result.margins.fixed_cost_share >= 0).all() and (result.margins.fixed_cost_share < 1).all()


@pytest.mark.parametrize("entry", ["restricted", "free"])
@pytest.mark.parametrize("closure", ["fixed", "proportional"])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_no_shock_changes_nothing(family: MarginFamily, closure: str, entry: str) -> None:
    world = make_world(5, 1 if entry == "free" else 3, seed=1)
    result = solve(world, Shock(), Parameters(5.0, family, entry=entry, deficits=closure))  # type: ignore[arg-type]
    for hat in (result.wage_change, result.price_change, result.cost_change, result.real_income_change):
        np.testing.assert_allclose(hat, 1, rtol=1e-12)
    np.testing.assert_allclose(result.flows, world.expenditure, rtol=1e-11)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
@given(seed=st.integers(0, 1000), scale=st.floats(1e-4, 1e4))
@settings(max_examples=4, deadline=None)
def test_scaling_money_changes_nothing(family: MarginFamily, seed: int, scale: float) -> None:
    world = make_world(seed=seed)
    assert world.inputs is not None
    scaled = world.with_(expenditure=world.expenditure * scale, inputs=world.inputs * scale)
    shock = random_shock(world, seed)
    assert shock.outlay is not None
    other = Shock(**{**vars(shock), "outlay": shock.outlay * scale})
    one, two = (solve(w, s, Parameters(6.0, family)) for w, s in ((world, shock), (scaled, other)))
    np.testing.assert_allclose(one.wage_change, two.wage_change, rtol=1e-8)
    np.testing.assert_allclose(one.flows * scale, two.flows, rtol=1e-7, atol=1e-9 * two.flows.max())


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
@given(seed=st.integers(0, 1000), order=st.permutations(range(4)))
@settings(max_examples=4, deadline=None)
def test_relabelling_countries_permutes_results(family: MarginFamily, seed: int, order: list[int]) -> None:
    world, parameters = make_world(seed=seed), Parameters(6.0, family)
    shock = random_shock(world, seed)
    assert world.inputs is not None
    cells = np.ix_(order, order)
    relabelled = World(
        tuple(world.countries[i] for i in order),
        world.sectors,
        world.expenditure[cells],
        world.tariff[cells],
        world.subsidy[cells],
        world.inputs[order],
    )
    moved = {
        name: None if array is None else array[cells] if array.ndim == 3 else array[order]
        for name, array in ((f, getattr(shock, f)) for f in shock.__dataclass_fields__)
    }
    one, two = solve(world, shock, parameters), solve(relabelled, Shock(**moved), parameters)
    np.testing.assert_allclose(one.real_income_change[order], two.real_income_change, rtol=1e-8)
    np.testing.assert_allclose(one.flows[cells], two.flows, rtol=1e-7, atol=1e-9 * two.flows.max())


@pytest.mark.parametrize(
    ("family", "entry", "closure"),
    [
        (Armington(), "restricted", "removed"),
        (EatonKortum(), "restricted", "removed"),
        (Krugman(), "free", "removed"),
        (Pareto(1.4), "restricted", "removed"),
        (Pareto(1.4), "free", "removed"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
@given(seed=st.integers(0, 1000), elasticity=st.floats(2.0, 9.0))
@settings(max_examples=5, deadline=None)
def test_gains_from_trade_formula(
    family: MarginFamily, entry: str, closure: str, seed: int, elasticity: float
) -> None:
    """ACR12: Ŵ = π̂_jj^(-1/ε) with one sector and none of the complications."""
    imbalanced = make_world(5, 1, seed=seed, inputs=False, tariffs=False, subsidies=False)
    parameters = Parameters(elasticity, family, entry=entry, deficits=closure)  # type: ignore[arg-type]
    world = solve(imbalanced, Shock(), parameters).to_world()
    n = len(world.countries)
    random = np.random.default_rng(seed)
    abroad = ~np.eye(n, dtype=bool)[:, :, None]
    shock = Shock(trade_cost=np.exp(random.uniform(-0.4, 0.6, (n, n, 1)) * abroad))
    result = solve(world, shock, parameters)
    home = np.arange(n)
    share = (result.flows / result.flows.sum(0))[home, home, 0] / world.shares[home, home, 0]
    np.testing.assert_allclose(result.real_income_change, share ** (-1 / elasticity), rtol=1e-8)


@given(seed=st.integers(0, 1000))
@FEW
def test_pareto_with_a_tail_of_one_is_krugman(seed: int) -> None:
    world = make_world(5, 1, seed=seed)
    shock = random_shock(world, seed)
    # Proportional: a fixed surplus can exceed all that a country earns after such shocks.
    thick = solve(world, shock, Parameters(4.0, Pareto(1 + 1e-9), deficits="proportional"))
    plain = solve(world, shock, Parameters(4.0, Krugman(), deficits="proportional"))
    assert_same(thick, plain, 1e-6)


@pytest.mark.parametrize("family", [Krugman(), Pareto(1.0001)], ids=lambda f: f.name)
def test_a_surplus_beyond_all_earnings_is_refused_with_the_country_named(family: MarginFamily) -> None:
    world = make_world(5, 1, seed=333)
    with pytest.raises(InsolvencyError, match="C02"):
        solve(world, random_shock(world, 333), Parameters(4.0, family))


@pytest.mark.parametrize("family", [Armington(), Krugman(), Pareto(1.5)], ids=lambda f: f.name)
@pytest.mark.parametrize("closure", CLOSURES)
@given(seed=st.integers(0, 1000))
@settings(max_examples=3, deadline=None)
def test_splitting_a_country_or_a_sector_changes_nothing(
    family: MarginFamily, closure: str, seed: int
) -> None:
    world = make_world(seed=seed)
    parameters = Parameters(6.0, family, deficits=closure)  # type: ignore[arg-type]
    shock = random_shock(world, seed)
    whole = solve(world, shock, parameters)
    n, s = world.shape
    countries, sectors = [*range(n), 1], [*range(s), 2]
    fields = {name: value for name, value in vars(shock).items() if isinstance(value, np.ndarray)}
    split = {k: v[np.ix_(countries, countries)] if v.ndim == 3 else v[countries] for k, v in fields.items()}
    split["outlay"] = fields["outlay"][countries] * np.where(np.isin(countries, 1), 0.5, 1.0)
    halves = solve(halve_country(world, 1), Shock(**split), parameters)
    np.testing.assert_allclose(halves.real_income_change, whole.real_income_change[countries], rtol=1e-8)
    by_sector = {k: v if k == "outlay" else v[..., sectors] for k, v in fields.items()}
    subsectors = solve(halve_sector(world, 2), Shock(**by_sector), parameters)
    if family.name == "armington":
        np.testing.assert_allclose(subsectors.real_income_change, whole.real_income_change, rtol=1e-8)
        np.testing.assert_allclose(subsectors.wage_change, whole.wage_change, rtol=1e-8)
    else:
        np.testing.assert_allclose(subsectors.real_income_change, whole.real_income_change, rtol=1e-7)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
@pytest.mark.parametrize("labour", [0.0, 0.5])
@given(seed=st.integers(0, 1000))
@settings(max_examples=3, deadline=None)
def test_shocks_in_two_steps_compose(family: MarginFamily, labour: float, seed: int) -> None:
    """Carrying thresholds, labour and world-share deficits (MODEL 10)."""
    world = make_world(seed=seed)
    full = random_shock(world, seed, 0.2)
    levers = {
        name: getattr(full, name)
        for name in ("tariff", "subsidy", "trade_cost", "fixed_cost", "productivity")
    }
    parameters = Parameters(6.0, family, labour_supply_elasticity=labour)
    once = solve(world, Shock(**levers), parameters)
    first = solve(
        world,
        Shock(
            tariff=(world.tariff + levers["tariff"]) / 2,
            trade_cost=levers["trade_cost"] ** 0.3,
            productivity=levers["productivity"] ** 0.5,
        ),
        parameters,
    )
    second = solve(
        first.to_world(),
        Shock(
            tariff=levers["tariff"],
            subsidy=levers["subsidy"],
            trade_cost=levers["trade_cost"] ** 0.7,
            fixed_cost=levers["fixed_cost"],
            productivity=levers["productivity"] ** 0.5,
        ),
        first.carried_parameters(),
    )
    np.testing.assert_allclose(
        first.real_income_change * second.real_income_change, once.real_income_change, rtol=1e-7
    )
    np.testing.assert_allclose(first.labour_change * second.labour_change, once.labour_change, rtol=1e-7)
    one, two = once.flows / once.flows.sum(), second.flows / second.flows.sum()
    np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_a_prohibitive_tariff_ends_the_pair_s_trade(family: MarginFamily) -> None:
    world = make_world(seed=3)
    tariff = world.tariff.copy()
    tariff[0, 1] = 1e9
    result = solve(world, Shock(tariff=tariff), Parameters(5.0, family))
    assert (result.flows[0, 1] < 1e-6 * result.flows[:, 1].sum(0)).all()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_prohibitive_tariffs_all_round_give_autarky(family: MarginFamily) -> None:
    world = make_world(seed=4)
    tariff = np.where(np.eye(4, dtype=bool)[:, :, None], 0.0, 1e6) * np.ones(3)
    result = solve(world, Shock(tariff=tariff), Parameters(5.0, family, deficits="removed"))
    assert result.exports_change.max() < 1e-6
    trade = result.flows.sum(2)
    np.testing.assert_allclose(np.diag(trade), trade.sum(0), rtol=1e-9)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_an_embargo_ends_trade_exactly(family: MarginFamily) -> None:
    world = make_world(seed=5)
    cost = np.ones_like(world.tariff)
    cost[2, 0, :] = np.inf
    result = solve(world, Shock(trade_cost=cost), Parameters(5.0, family))
    assert (result.flows[2, 0] == 0).all()
    assert result.certificate.holds
    if result.has_margins:
        assert (result.exporters_change[2, 0] == 0).all()


@pytest.mark.parametrize(
    ("family", "wage_exponent"),
    [(Armington(), 4.0), (Krugman(), 4.0), (Pareto(1.5), 4.0 + 1.5 - 1)],
    ids=lambda value: getattr(value, "name", ""),
)
@given(seed=st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_small_shocks_match_the_linear_solution(
    family: MarginFamily, wage_exponent: float, seed: int
) -> None:
    """dln w solves the linearised market clearing, written here from scratch.

    One sector, balanced trade: dln X_ij = -a dw_i - ε dτ_ij + Σ_k π_kj (a dw_k + ε dτ_kj) + dw_j, where a is
    ε, or θ + ζ - 1 with Pareto firms whose fixed costs are paid in labour.
    """
    elasticity = 4.0
    parameters = Parameters(elasticity, family, deficits="removed")
    world = make_world(5, 1, seed=seed, inputs=False, tariffs=False, subsidies=False)
    world = solve(world, Shock(), parameters).to_world()
    flows, shares, n = world.expenditure[:, :, 0], world.shares[:, :, 0], 5
    direction = np.random.default_rng(seed).normal(size=(n, n)) * (1 - np.eye(n))
    sales = flows / flows.sum(1, keepdims=True)
    system = wage_exponent * (sales @ shares.T - np.eye(n)) + sales - np.eye(n)
    push = elasticity * (sales * (direction - (shares * direction).sum(0))).sum(1)
    income = flows.sum(1)
    linear = np.linalg.lstsq(np.vstack([system, income / income.sum()]), np.append(push, 0), rcond=None)[0]

    def log_wage(size: float) -> np.ndarray:
        shock = Shock(trade_cost=np.exp(size * direction)[:, :, None])
        return np.log(solve(world, shock, parameters).wage_change)

    measured = (log_wage(1e-4) - log_wage(-1e-4)) / 2e-4
    np.testing.assert_allclose(measured, linear, rtol=1e-5, atol=1e-6)

"""Closures, welfare and public accounts (MODEL 12): identities that hold whatever the numbers are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmtrade_core.equilibrium import Parameters, Shock, gains_from_trade, solve
from firmtrade_core.equilibrium.errors import ParameterError, ShockError
from firmtrade_core.equilibrium.gains import AutarkyError
from firmtrade_core.margins import Armington, Krugman, Lognormal, MarginFamily, Pareto
from firmtrade_core.world.world import World
from tests.equilibrium.test_firms_family import family as own_firms
from tests.equilibrium.test_identities import CLOSURES, random_shock
from tests.worlds import halve_sector, make_world

FAMILIES = [Armington(), Krugman(), Pareto(1.5), Lognormal(2.0), own_firms()]
NAMES = {"ids": lambda f: f.name}
TAXED = {"duties": "labour_tax", "labour_supply_elasticity": 0.5}


def full_shock(world: World, seed: int, size: float = 0.2) -> Shock:
    """Every lever, production subsidies among them."""
    random = np.random.default_rng(seed)
    return replace(
        random_shock(world, seed, size), production_subsidy=random.uniform(-0.5, 0.7, world.shape) * size
    )


def parameters_of(family: MarginFamily, **choices: object) -> Parameters:
    return Parameters(4.0, family, within_elasticity=8.0, **choices)  # type: ignore[arg-type]


@pytest.mark.parametrize("family", FAMILIES, **NAMES)
@pytest.mark.parametrize("closure", CLOSURES)
@pytest.mark.parametrize(
    ("entry", "abroad", "seed"), [("restricted", 0.4, 1), ("restricted", 1.0, 2), ("free", 0.4, 3)]
)
def test_walras_and_accounts_under_every_closure(
    family: MarginFamily, closure: str, entry: str, abroad: float, seed: int
) -> None:
    world = make_world(seed=seed)
    parameters = parameters_of(family, deficits=closure, entry=entry, fixed_cost_abroad=abroad, **TAXED)
    result = solve(world, full_shock(world, seed), parameters)
    assert result.certificate.holds
    spending, revenue = result.flows.sum((0, 2)), result.revenue.sum((1, 2))
    net_earned = (result.received - result.paid).sum(1)
    gap = spending - revenue - result.duties + result.subsidy_outlay - result.deficits - net_earned
    np.testing.assert_allclose(gap / spending, 0, atol=1e-9)
    kept = 0 if result.baseline.margins.competitive or entry == "free" else result.profits
    np.testing.assert_allclose(result.cost + kept + result.paid, result.gross_output, rtol=1e-9)
    np.testing.assert_allclose(result.paid.sum(), result.received.sum(), rtol=1e-9)
    # Work done adds up to labour supplied.
    bill = result.baseline.labour_share * result.baseline.cost + result.baseline.received
    np.testing.assert_allclose(
        (bill * result.employment_change).sum(1) / bill.sum(1), result.labour_change, rtol=1e-8
    )


@pytest.mark.parametrize("family", FAMILIES, **NAMES)
def test_the_budget_is_whole(family: MarginFamily) -> None:
    world = make_world(seed=4)
    result = solve(world, full_shock(world, 4), parameters_of(family, **TAXED))
    before, after = result.budget_before, result.budget
    np.testing.assert_allclose(before.balance, world.duties - world.subsidy_outlay, rtol=1e-12)
    np.testing.assert_allclose(after.export_subsidies + after.production_subsidies, -result.subsidy_outlay)
    market = result.revenue.sum(1) / (1 + result.shock.production_subsidy)  # type: ignore[operator]
    np.testing.assert_allclose(
        after.production_subsidies,
        -(result.shock.production_subsidy * market).sum(1),
        rtol=1e-9,  # type: ignore[operator]
    )
    # The tax keeps what the budget leaves people in units of the final basket.
    np.testing.assert_allclose(after.balance, before.balance * result.price_index_change, rtol=1e-8)
    lump = solve(world, full_shock(world, 4), parameters_of(family, labour_supply_elasticity=0.5))
    own = lump.labour_income + (0 if lump.baseline.margins.competitive else lump.profits.sum(1))
    np.testing.assert_allclose(lump.income - lump.deficits - own, lump.budget.balance, rtol=1e-9)
    assert set(after.items()) == {*vars(after), "balance"}


def test_a_tax_on_labour_is_lump_sum_where_labour_does_not_answer() -> None:
    world = make_world(seed=5)
    taxed, lump = (
        solve(world, full_shock(world, 5), parameters_of(Lognormal(), duties=duties))
        for duties in ("labour_tax", "lump_sum")
    )
    np.testing.assert_allclose(taxed.real_income_change, lump.real_income_change, rtol=1e-8)
    assert np.abs(taxed.labour_tax).max() > 0.01 and not lump.labour_tax.any()


def test_duties_that_cut_the_tax_on_labour_raise_labour() -> None:
    world = make_world(seed=6, tariffs=False, subsidies=False)
    tariff = world.tariff.copy()
    tariff[1:, 0] = 0.1
    taxed, lump = (
        solve(
            world, Shock(tariff=tariff), parameters_of(Krugman(), labour_supply_elasticity=0.5, duties=duties)
        )
        for duties in ("labour_tax", "lump_sum")
    )
    assert taxed.labour_tax[0] < 0 < taxed.duties[0]
    assert taxed.labour_change[0] > lump.labour_change[0]
    # Markups keep labour below its best: a subsidy to it gains to first order.
    assert taxed.equivalent_variation_share[0] > lump.equivalent_variation_share[0]


@pytest.mark.parametrize("elasticity", [0.3, 2.0])
def test_equivalent_variation_is_the_change_in_utility(elasticity: float) -> None:
    """u = C - ψL^(1+1/κ)/(1+1/κ) with ψ from (9) at the baseline, written out; C is real spending."""
    world = make_world(seed=7)
    result = solve(
        world,
        full_shock(world, 7, 0.1),
        parameters_of(Pareto(), **{**TAXED, "labour_supply_elasticity": elasticity}),
    )
    earned = result.baseline.labour_income
    power = 1 + 1 / elasticity
    # Labour in units of the baseline's, so that ψ = wL/P at L = 1.
    before = world.income - earned / power
    after = world.income * result.real_income_change - earned * result.labour_change**power / power
    np.testing.assert_allclose(result.equivalent_variation, after - before, rtol=1e-9)
    np.testing.assert_allclose(result.equivalent_variation_share * world.income, after - before, rtol=1e-9)


@pytest.mark.parametrize("family", FAMILIES, **NAMES)
def test_shocks_in_two_steps_compose_under_every_closure_of_the_budget(family: MarginFamily) -> None:
    world = make_world(seed=8)
    full = full_shock(world, 8)
    assert full.tariff is not None and full.production_subsidy is not None
    parameters = parameters_of(family, fixed_cost_abroad=0.5, **TAXED)
    levers = {"tariff": full.tariff, "subsidy": full.subsidy}
    once = solve(world, Shock(**levers, production_subsidy=full.production_subsidy), parameters)
    first = solve(world, Shock(tariff=(world.tariff + full.tariff) / 2), parameters)
    rest = Shock(**levers, production_subsidy=full.production_subsidy)
    second = solve(first.to_world(), rest, first.carried_parameters())
    np.testing.assert_allclose(
        first.real_income_change * second.real_income_change, once.real_income_change, rtol=1e-7
    )
    np.testing.assert_allclose(first.labour_change * second.labour_change, once.labour_change, rtol=1e-7)
    np.testing.assert_allclose(second.labour_tax, once.labour_tax, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("family", [Krugman(), Pareto(1.5), Lognormal(2.0)], **NAMES)
def test_splitting_a_sector_changes_nothing(family: MarginFamily) -> None:
    world = make_world(seed=9)
    full, sectors = full_shock(world, 9), [0, 1, 2, 2]
    parts = {
        k: v if k == "outlay" else v[..., sectors] for k, v in vars(full).items() if isinstance(v, np.ndarray)
    }
    parameters = parameters_of(family, fixed_cost_abroad=0.5, **TAXED)
    whole, split = solve(world, full, parameters), solve(halve_sector(world, 2), Shock(**parts), parameters)
    np.testing.assert_allclose(split.real_income_change, whole.real_income_change, rtol=1e-7)
    np.testing.assert_allclose(split.labour_tax, whole.labour_tax, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES[:4], **NAMES)
def test_a_production_subsidy_to_the_only_sector_is_neutral(family: MarginFamily) -> None:
    """People pay with one hand what they receive with the other: wages rise by the subsidy, prices stay."""
    world = make_world(4, 1, seed=10, inputs=False, tariffs=False, subsidies=False)
    paid = np.zeros((4, 1))
    paid[1] = 0.2
    result = solve(world, Shock(production_subsidy=paid), parameters_of(family, deficits="removed"))
    same = solve(world, Shock(), parameters_of(family, deficits="removed"))
    np.testing.assert_allclose(result.real_income_change, same.real_income_change, rtol=1e-8)
    ratio = result.wage_change / same.wage_change
    np.testing.assert_allclose(ratio[1] / ratio[0], 1.2, rtol=1e-8)
    assert result.budget.production_subsidies[1] < 0 == result.budget.production_subsidies[0]


def test_a_production_subsidy_is_an_export_subsidy_on_every_market() -> None:
    world = make_world(seed=11)
    paid = np.zeros(world.shape)
    paid[2, 1] = 0.15
    on_all = world.subsidy.copy()
    on_all[2, :, 1] = 1 - (1 - on_all[2, :, 1]) / 1.15
    one, other = (
        solve(world, shock, parameters_of(Lognormal()))
        for shock in (Shock(production_subsidy=paid), Shock(subsidy=on_all))
    )
    np.testing.assert_allclose(one.flows, other.flows, rtol=1e-8)
    np.testing.assert_allclose(one.budget.items()["balance"], other.budget.items()["balance"], rtol=1e-8)
    with pytest.raises(
        ShockError, match="production_subsidy of C00, S00 is -1; it must be finite and above -1"
    ):
        solve(world, Shock(production_subsidy=-np.ones(world.shape)), Parameters())


def test_fixed_costs_paid_in_the_market_are_wages_there() -> None:
    """A market's labour earns from those who sell to it, so that shutting them out costs it more."""
    world = make_world(seed=12)
    here, there = (parameters_of(Lognormal(), fixed_cost_abroad=share) for share in (0.0, 1.0))
    same = solve(world, Shock(), there)
    np.testing.assert_allclose(same.real_income_change, 1, rtol=1e-10)
    assert (same.received.sum(1) > 0).all()
    one, other = (
        solve(world, Shock(tariff=world.tariff + 0.1 * (world.tariff > 0)), p) for p in (here, there)
    )
    assert not np.allclose(one.real_income_change, other.real_income_change, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duties": "burnt"}, "choose lump_sum or labour_tax"),
        ({"fixed_cost_abroad": 1.2}, "from 0 to 1"),
        ({"elasticity_kind": "border"}, "choose cost or tariff"),
    ],
)
def test_bad_choices_say_what_to_do(change: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Parameters(**change)  # type: ignore[arg-type]


# Gains from trade -------------------------------------------------------------------------------


def test_gains_from_trade_are_acr_s_with_several_sectors() -> None:
    """CR14, equation 14: Ŵ of autarky is Π_s π_jj,s^(α_s/ε_s), competitive, without inputs, tariffs, subsidies."""
    imbalanced = make_world(4, 3, seed=13, inputs=False, tariffs=False, subsidies=False)
    elasticity = np.array([3.0, 5.0, 8.0])
    gains = gains_from_trade(imbalanced, Parameters(elasticity))
    world = solve(imbalanced, Shock(), Parameters(elasticity, deficits="removed")).to_world()
    share = np.einsum("iis->is", world.shares)
    np.testing.assert_allclose(
        1 - gains.loss, (share ** (world.final_shares / elasticity)).prod(1), rtol=1e-8
    )
    np.testing.assert_allclose((1 + gains.gain) * (1 - gains.loss), 1)
    assert not gains.missing


@pytest.mark.parametrize("family", [Armington(), Krugman(), Lognormal(2.0)], **NAMES)
def test_countries_that_lack_a_sector_are_named_and_the_rest_is_answered(family: MarginFamily) -> None:
    world = make_world(5, 3, seed=14, zeros=False)
    expenditure = world.expenditure.copy()
    expenditure[2, 2, 1] = 0.0
    assert world.inputs is not None
    inputs = world.inputs.copy()
    inputs[2, :, 1] *= 0.2
    inputs[2, 1] *= 0.2
    lacking = world.with_(expenditure=expenditure, inputs=inputs)
    found = gains_from_trade(lacking, parameters_of(family))
    assert found.missing == {"C02": ("S01",)}
    assert "C02 buys S01 and sells none of it at home" in found.notes[0]
    assert np.isnan(found.loss[2]) and np.isfinite(np.delete(found.loss, 2)).all()
    assert (np.delete(found.loss, 2) > 0).all()


def test_a_world_in_which_nobody_can_do_without_trade_is_refused() -> None:
    world = make_world(3, 2, seed=15, inputs=False, zeros=False)
    expenditure = world.expenditure.copy()
    expenditure[np.arange(3), np.arange(3), 0] = 0.0
    with pytest.raises(AutarkyError, match="C00: S00"):
        gains_from_trade(world.with_(expenditure=expenditure), Parameters())


def test_embargoes_that_leave_nobody_to_buy_from_name_country_and_sector() -> None:
    world = make_world(4, 3, seed=14, inputs=False, zeros=False)
    expenditure = world.expenditure.copy()
    expenditure[2, 2, 1] = 0.0
    cost = np.where(np.eye(4, dtype=bool)[:, :, None], 1.0, np.inf) * np.ones(3)
    with pytest.raises(ShockError, match="nobody to buy from, at home or abroad, in C02: S01"):
        solve(world.with_(expenditure=expenditure), Shock(trade_cost=cost), Parameters(deficits="removed"))
    assert solve(world, Shock(trade_cost=cost), Parameters(deficits="removed")).certificate.holds


@pytest.mark.parametrize("family", FAMILIES, **NAMES)
def test_no_shock_and_the_scale_of_money_change_nothing(family: MarginFamily) -> None:
    world = make_world(seed=16)
    parameters = parameters_of(family, fixed_cost_abroad=0.6, **TAXED)
    idle = solve(world, Shock(), parameters)
    for hat in (idle.wage_change, idle.price_change, idle.real_income_change, idle.labour_change):
        np.testing.assert_allclose(hat, 1, rtol=1e-10)
    np.testing.assert_allclose(idle.labour_tax, 0, atol=1e-10)
    assert world.inputs is not None
    scaled = world.with_(expenditure=1e3 * world.expenditure, inputs=1e3 * world.inputs)
    shock = full_shock(world, 16)
    assert shock.outlay is not None
    one, other = (
        solve(w, s, parameters)
        for w, s in ((world, shock), (scaled, replace(shock, outlay=1e3 * shock.outlay)))
    )
    np.testing.assert_allclose(one.real_income_change, other.real_income_change, rtol=1e-8)
    np.testing.assert_allclose(one.labour_tax, other.labour_tax, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(1e3 * one.budget.balance, other.budget.balance, rtol=1e-6)


def test_relabelling_countries_permutes_results() -> None:
    world, order = make_world(seed=17), [2, 0, 3, 1]
    cells = np.ix_(order, order)
    assert world.inputs is not None
    moved = World(
        tuple(world.countries[i] for i in order),
        world.sectors,
        world.expenditure[cells],
        world.tariff[cells],
        world.subsidy[cells],
        world.inputs[order],
    )
    fields = {k: v for k, v in vars(full_shock(world, 17)).items() if isinstance(v, np.ndarray)}
    parameters = parameters_of(Lognormal(), fixed_cost_abroad=0.5, **TAXED)
    one = solve(world, Shock(**fields), parameters)
    other = solve(
        moved, Shock(**{k: v[cells] if v.ndim == 3 else v[order] for k, v in fields.items()}), parameters
    )
    np.testing.assert_allclose(one.real_income_change[order], other.real_income_change, rtol=1e-8)
    np.testing.assert_allclose(one.labour_tax[order], other.labour_tax, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(one.budget.balance[order], other.budget.balance, rtol=1e-6)

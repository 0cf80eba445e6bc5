"""The solver's manners: certificates, warm starts, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmtrade_core.equilibrium import Equilibrium, Iteration, Parameters, Shock, remove_deficits, solve
from firmtrade_core.equilibrium.certificate import residuals
from firmtrade_core.equilibrium.errors import (
    CertificateError,
    ConvergenceError,
    EquilibriumError,
    IndeterminacyError,
    InsolvencyError,
    ParameterError,
    ProfitsError,
    ShockError,
)
from firmtrade_core.margins import Armington, Krugman, Lognormal, Pareto, TailError
from firmtrade_core.world.world import World
from tests.worlds import make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(5, 3, seed=2)


@pytest.fixture(scope="module")
def raised(world: World) -> Shock:
    tariff = world.tariff.copy()
    tariff[1:, 0] += 0.1
    return Shock(tariff=tariff)


@pytest.fixture(scope="module")
def result(world: World, raised: Shock) -> Equilibrium:
    return solve(world, raised, Parameters(5.0, Pareto(1.5), labour_supply_elasticity=0.4))


@pytest.mark.parametrize(
    ("quantity", "equation"),
    [
        ("cost_change", "(5)"),
        ("price_change", "(6)"),
        ("flows", "(7)"),
        ("profits", "(7) profits"),
        ("firm_change", "(8)"),
        ("wage_change", "(9)"),
        ("labour_change", "(9) labour supply"),
        ("income", "(10) income"),
        ("deficits", "(10) deficits"),
        ("expenditure_change", "(10) goods"),
        ("duties", "duties"),
    ],
)
def test_the_certificate_notices_a_wrong_quantity(result: Equilibrium, quantity: str, equation: str) -> None:
    wrong = getattr(result, quantity).copy()
    wrong[(1,) * wrong.ndim] = wrong[(1,) * wrong.ndim] * (1 + 1e-5) + 1e-5
    found = {r.equation: r.values.max() for r in residuals(replace(result, **{quantity: wrong}))}
    assert max(size for name, size in found.items() if name.startswith(equation)) > 1e-8


def test_a_nan_never_leaves_the_solver(world: World, raised: Shock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmtrade_core.equilibrium.system.System._income", lambda *_: np.full(5, np.nan))
    with pytest.raises((CertificateError, ConvergenceError)):
        solve(world, raised, Parameters())


def test_a_withheld_result_names_the_worst_market(world: World, raised: Shock) -> None:
    with pytest.raises(CertificateError, match=r"misses the model's equations: .*C0\d"):
        solve(world, raised, Parameters(), iteration=Iteration(tolerance=1e-3))


def test_no_convergence_names_the_market(world: World, raised: Shock) -> None:
    with pytest.raises(ConvergenceError, match=r"furthest from clearing: the .* of C0\d"):
        solve(world, raised, Parameters(), iteration=Iteration(limit=2))


def test_a_surplus_that_outgrows_income_is_named(world: World) -> None:
    surplus = int(np.argmin(world.deficits / world.income))
    productivity = np.ones(world.shape)
    productivity[surplus] = 0.05
    with pytest.raises(InsolvencyError, match=f"{world.countries[surplus]} keeps its trade surplus"):
        solve(world, Shock(productivity=productivity), Parameters(5.0))


@pytest.mark.parametrize("family", [Armington(), Pareto(), Lognormal()], ids=lambda f: f.name)
def test_a_warm_start_changes_speed_not_the_answer(world: World, raised: Shock, family: Armington) -> None:
    parameters = Parameters(6.0, family)
    neighbour = solve(world, raised, parameters)
    assert raised.tariff is not None
    tariff = raised.tariff.copy()
    tariff[1:, 0] += 0.01
    cold = solve(world, Shock(tariff=tariff), parameters)
    warm = solve(world, Shock(tariff=tariff), parameters, start=neighbour)
    assert warm.certificate.iterations < cold.certificate.iterations
    np.testing.assert_allclose(warm.flows, cold.flows, rtol=1e-7, atol=1e-9 * cold.flows.max())


def test_a_start_from_another_world_is_ignored(world: World, raised: Shock, result: Equilibrium) -> None:
    other = make_world(5, 3, seed=9)
    tariff = other.tariff.copy()
    tariff[1:, 0] += 0.1
    one, two = (solve(other, Shock(tariff=tariff), Parameters(), start=s) for s in (result, None))
    np.testing.assert_array_equal(one.flows, two.flows)


def test_the_certificate_identifies_its_inputs(world: World, raised: Shock, result: Equilibrium) -> None:
    again = solve(world, raised, Parameters(5.0, Pareto(1.5), labour_supply_elasticity=0.4))
    other = solve(world, raised, Parameters(5.1, Pareto(1.5), labour_supply_elasticity=0.4))
    assert again.content_hash == result.content_hash != other.content_hash
    assert list(result.certificate.residuals.values()) == sorted(
        result.certificate.residuals.values(), reverse=True
    )


def test_equivalent_variation_nets_the_disutility_of_labour(result: Equilibrium, world: World) -> None:
    """Welfare of C - ψL^(1+1/κ)/(1+1/κ), computed from quantities."""
    kappa = result.parameters.labour_supply_elasticity
    baseline = result.baseline.labour_income * kappa / (1 + kappa)
    effort = baseline * result.labour_change ** (1 + 1 / kappa)
    expected = (world.income * result.real_income_change - effort) - (world.income - baseline)
    np.testing.assert_allclose(result.equivalent_variation, expected, rtol=1e-9)


def test_margins_multiply_to_trade(result: Equilibrium, world: World) -> None:
    traded = world.border_value > 0
    product = result.exporters_change * result.mean_exports_change
    np.testing.assert_allclose(
        product[traded], (result.border_value / np.where(traded, world.border_value, 1))[traded]
    )


def test_exporters_cannot_be_counted_where_nobody_selects(world: World) -> None:
    with pytest.raises(EquilibriumError, match="Choose Pareto or lognormal"):
        _ = solve(world, Shock(), Parameters()).exporters_change


def test_first_order_parts_are_for_competitive_families(result: Equilibrium) -> None:
    with pytest.raises(EquilibriumError, match="Choose Armington"):
        _ = result.terms_of_trade


def test_first_order_parts_add_up_to_small_changes_in_real_income() -> None:
    world = remove_deficits(make_world(5, 3, seed=4, subsidies=False), Parameters(4.0))
    tariff = world.tariff * (1 - 1e-5)
    small = solve(world, Shock(tariff=tariff), Parameters(4.0, deficits="removed"))
    first_order = small.terms_of_trade + small.volume_of_trade
    np.testing.assert_allclose(first_order, small.real_income_change - 1, rtol=2e-3, atol=1e-10)


def test_deficits_removed_balance_trade(world: World) -> None:
    balanced = remove_deficits(world, Parameters(4.0))
    np.testing.assert_allclose(balanced.deficits / balanced.income, 0, atol=1e-8)


def test_free_entry_on_the_knife_edge_is_refused() -> None:
    world = make_world(6, 8, seed=0, inputs=False, subsidies=False)
    productivity = np.ones((6, 8))
    productivity[0, 0] = 0.02
    with pytest.raises(IndeterminacyError, match="Use restricted entry"):
        solve(world, Shock(productivity=productivity), Parameters(6.0, Krugman(), entry="free"))


def test_free_entry_that_is_determinate_is_solved() -> None:
    world = make_world(4, 3, seed=0)
    tariff = world.tariff * 0.9
    result = solve(world, Shock(tariff=tariff), Parameters(6.0, Krugman(), entry="free"))
    np.testing.assert_allclose(
        result.firm_change, result.profits / result.baseline.profits / result.cost_change, rtol=1e-8
    )


def test_profits_beyond_value_added_are_refused() -> None:
    world = make_world(4, 3, seed=0)
    with pytest.raises(ProfitsError, match=r"C0\d, S0\d: profits are .* of revenue, value added"):
        solve(world, Shock(), Parameters(0.2, Krugman()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trade_elasticity": -1.0}, "S00 \\(-1\\)"),
        ({"trade_elasticity": [4.0, 5.0]}, "one per sector \\(3\\)"),
        ({"trade_elasticity": {"S00": 4.0}}, "No trade elasticity is given for: S01, S02"),
        ({"entry": "open"}, "choose restricted or free"),
        ({"deficits": "none"}, "choose fixed, proportional or removed"),
        ({"labour_supply_elasticity": -0.1}, "from 0 to 20"),
    ],
)
def test_bad_parameters_say_what_to_do(world: World, change: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        solve(world, Shock(), Parameters(**change))  # type: ignore[arg-type]


@pytest.mark.parametrize("tail", [1.0, 0.3, float("nan")])
def test_a_tail_without_a_mean_is_refused(tail: float) -> None:
    with pytest.raises(TailError, match="above 1"):
        Pareto(tail)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("tariff", -1.0, "above -1"),
        ("tariff", float("nan"), "finite"),
        ("subsidy", 1.0, "below 1"),
        ("trade_cost", 0.0, "above 0"),
        ("fixed_cost", float("inf"), "finite"),
        ("productivity", 0.0, "above 0"),
        ("demand", 0.0, "above 0"),
        ("outlay", -1.0, "0 or more"),
    ],
)
def test_bad_shocks_name_the_cell(world: World, name: str, value: float, message: str) -> None:
    shapes = {"productivity": (5, 3), "demand": (5, 3), "outlay": (5,)}
    array = np.full(shapes.get(name, (5, 5, 3)), 0.1 if name in ("tariff", "subsidy", "outlay") else 1.0)
    array[(1,) * array.ndim] = value
    with pytest.raises(ShockError, match=rf"{name} of C01.*{message}"):
        solve(world, Shock(**{name: array}), Parameters())


def test_a_shock_of_the_wrong_shape_is_refused(world: World) -> None:
    with pytest.raises(ShockError, match="this world calls for"):
        solve(world, Shock(tariff=np.zeros((2, 2, 3))), Parameters())

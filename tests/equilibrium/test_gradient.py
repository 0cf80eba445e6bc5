"""Gradients by the adjoint (MODEL 14) against finite differences of whole solutions, in random directions of every lever."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmtrade_core.equilibrium import (
    Equilibrium,
    GradientError,
    Iteration,
    Outcome,
    Parameters,
    Shock,
    solve,
)
from firmtrade_core.equilibrium.adjoint import Sweep
from firmtrade_core.equilibrium.differences import gap_from_solutions
from firmtrade_core.equilibrium.tangent import Tangent
from firmtrade_core.margins import Armington, EatonKortum, Krugman, Lognormal, MarginFamily, Pareto
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World
from tests.equilibrium.test_closures import full_shock
from tests.equilibrium.test_firms_family import family as own_firms
from tests.equilibrium.test_firms_family import upgrade
from tests.equilibrium.test_identities import CLOSURES
from tests.worlds import make_world

FAMILIES = [Armington(), EatonKortum(), Krugman(), Pareto(1.5), Lognormal(2.0), own_firms()]
NAMES = {"ids": lambda f: f.name}
LEVERS = ("tariff", "export_subsidy", "production_subsidy", "trade_cost", "fixed_cost", "productivity")
#: So close that the differences below are good to ten digits.
CLOSE = Iteration(tolerance=2e-13)


def outcomes(world: World) -> list[Outcome]:
    one, two = world.countries[0], world.countries[1]
    return [
        Outcome("real_income", one),
        Outcome("real_income", two),
        Outcome("equivalent_variation", two),
        Outcome("exports", one),
        Outcome("duties", one),
        Outcome("jobs", two, world.sectors[-1]),
    ]


def moved(shock: Shock, lever: str, step: np.ndarray) -> Shock:
    """The shock with a lever moved: levels of tariffs and subsidies, logs of the rest."""
    if lever in ("tariff", "export_subsidy", "production_subsidy"):
        name = "subsidy" if lever == "export_subsidy" else lever
        return replace(shock, **{name: getattr(shock, name) + step})
    return replace(shock, **{lever: getattr(shock, lever) * np.exp(step)})


def differences(
    base: Equilibrium, lever: str, direction: np.ndarray, asked: list[Outcome], step: float = 2e-3
) -> np.ndarray:
    """Derivatives along a direction, by four solutions: exact to the fourth order of the step."""
    values = {}
    for times in (-2, -1, 1, 2):
        shock = moved(base.shock, lever, times * step * direction)
        found = solve(base.world, shock, base.parameters, start=base, iteration=CLOSE)
        values[times] = np.array([outcome.value(found) for outcome in asked])
    return np.asarray((8 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12 * step))


def check(
    world: World, parameters: Parameters, seed: int, levers: tuple[str, ...] = LEVERS, size: float = 0.2
) -> None:
    """Every outcome and lever, to one part in a million."""
    random = np.random.default_rng(seed)
    base = solve(world, full_shock(world, seed, size), parameters, iteration=CLOSE)
    asked = outcomes(world)
    found = [base.gradient(outcome) for outcome in asked]
    assert all(gradient.holds for gradient in found)
    for lever in levers:
        shape = getattr(found[0], lever).shape
        direction = random.choice([-1.0, 1.0], shape) * random.uniform(0.2, 1, shape)
        if not base.has_margins and lever == "fixed_cost":
            assert not any(gradient.fixed_cost.any() for gradient in found)
            continue
        right = differences(base, lever, direction, asked)
        for gradient, value in zip(found, right, strict=True):
            parts = getattr(gradient, lever) * direction
            size_of_parts = np.sqrt((parts**2).sum())
            assert abs(parts.sum() - value) <= 1e-6 * max(abs(value), 0.1 * size_of_parts, 1e-4), (
                lever,
                gradient.outcome,
                parts.sum(),
                value,
            )


@pytest.mark.parametrize("family", FAMILIES, **NAMES)
@pytest.mark.parametrize("closure", CLOSURES)
@pytest.mark.parametrize("inputs", [True, False], ids=["inputs", "no inputs"])
def test_every_family_and_closure(family: MarginFamily, closure: str, inputs: bool) -> None:
    seed = 3 + CLOSURES.index(closure)
    world = make_world(3 + (closure == "fixed"), 2, seed=seed, inputs=inputs)
    check(world, Parameters(5.0, family, deficits=closure), seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("family", FAMILIES, **NAMES)
@pytest.mark.parametrize("closure", CLOSURES)
@pytest.mark.parametrize("entry", ["restricted", "free"])
def test_nests_labour_taxes_and_fixed_costs_abroad(family: MarginFamily, closure: str, entry: str) -> None:
    seed = 11 + CLOSURES.index(closure)
    world = make_world(3, 2, seed=seed, inputs=closure != "removed")
    parameters = Parameters(
        4.0,
        family,
        within_elasticity=9.0,
        entry=entry,  # type: ignore[arg-type]
        deficits=closure,  # type: ignore[arg-type]
        duties="labour_tax",
        labour_supply_elasticity=0.5,
        fixed_cost_abroad=0.4,
    )
    check(world, parameters, seed, size=0.1)


@pytest.mark.parametrize("family", FAMILIES, **NAMES)
def test_each_choice_alone(family: MarginFamily) -> None:
    world = make_world(2, 1, seed=21, zeros=False)
    levers = ("tariff", "fixed_cost")
    check(
        world, Parameters(4.0, family if family.name != "firms" else own_firms(1), entry="free"), 21, levers
    )
    world = make_world(3, 3, seed=22)
    check(world, Parameters(5.0, family, labour_supply_elasticity=0.7), 22, levers)
    check(world, Parameters(4.0, family, within_elasticity=7.0, fixed_cost_abroad=1.0), 22, levers)


def test_single_cells_before_anything_is_moved() -> None:
    """At the baseline, cell by cell; where nothing is sold nothing moves."""
    world = make_world(4, 2, seed=5)
    shock = Shock(
        tariff=world.tariff, trade_cost=np.ones_like(world.tariff), productivity=np.ones(world.shape)
    )
    parameters = Parameters(5.0, Lognormal(2.0), deficits="proportional")
    base = solve(world, shock, parameters, iteration=CLOSE)
    outcome = Outcome("real_income", "C01")
    gradient = base.gradient(outcome)
    assert gradient.value == pytest.approx(1, abs=1e-11) and gradient.holds
    empty = world.expenditure == 0
    assert empty.any() and not gradient.trade_cost[empty].any() and not gradient.tariff[empty].any()
    for lever, cell in (
        ("tariff", (0, 1, 0)),
        ("tariff", (2, 3, 1)),
        ("trade_cost", (1, 0, 1)),
        ("productivity", (1, 0)),
    ):
        direction = np.zeros_like(getattr(gradient, lever))
        direction[cell] = 1.0
        (right,) = differences(base, lever, direction, [outcome])
        assert getattr(gradient, lever)[cell] == pytest.approx(right, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("elsewhere", [Pareto(1.5), Lognormal(2.0)], **NAMES)
def test_with_a_programme_in_force(elsewhere: Pareto | Lognormal) -> None:
    """At thresholds that the programme's own firms have moved; levers that the shock leaves alone start at the world's."""
    world = make_world(3, 2, seed=12)
    shock = Shock(firms=upgrade(), outlay=0.01 * world.income)
    parameters = Parameters(5.0, own_firms(elsewhere=elsewhere), deficits="proportional")
    base = solve(world, shock, parameters, iteration=CLOSE)
    gradient = base.gradient(Outcome("equivalent_variation", "C01"))
    for lever in LEVERS:
        assert gap_from_solutions(gradient, lever) < 1e-6  # type: ignore[arg-type]


@pytest.mark.parametrize("entry", ["restricted", "free"])
def test_the_embedded_world(entry: str) -> None:
    world = load_embedded_world()
    parameters = Parameters(
        4.0,
        Lognormal(),
        within_elasticity=8.0,
        entry=entry,  # type: ignore[arg-type]
        deficits="proportional",
    )
    gradient = solve(world, Shock(), parameters).gradient(Outcome("real_income", "USA"))
    assert gradient.holds and gradient.steps < 200
    assert gap_from_solutions(gradient, "tariff", seed=1) < 1e-6
    assert gap_from_solutions(gradient, "trade_cost", seed=2) < 1e-6


def test_large_worlds_by_iteration_and_with_an_embargo() -> None:
    world = make_world(16, 20, seed=6)
    cost = np.ones_like(world.tariff)
    cost[3, 5] = np.inf
    shock = replace(full_shock(world, 6, 0.1), trade_cost=cost)
    base = solve(world, shock, Parameters(5.0, Lognormal(2.0), deficits="proportional"), iteration=CLOSE)
    outcome = Outcome("real_income", "C02")
    gradient = base.gradient(outcome)
    assert gradient.holds and gradient.steps < 300
    assert not gradient.tariff[3, 5].any()
    direction = np.random.default_rng(6).choice([-1.0, 1.0], world.tariff.shape)
    (right,) = differences(base, "tariff", direction, [outcome], step=1e-3)
    assert (gradient.tariff * direction).sum() == pytest.approx(right, rel=1e-6)


def test_the_tariffs_that_matter_most_in_words() -> None:
    world = make_world(4, 2, seed=7)
    base = solve(world, Shock(), Parameters(5.0, Pareto(1.5), deficits="proportional"))
    gradient = base.gradient(Outcome("real_income", "C00"))
    ranked = gradient.largest(5)
    sizes = [abs(effect.derivative) for effect in ranked]
    assert len(ranked) == 5 and sizes == sorted(sizes, reverse=True)
    origin, destination, sector = ranked[0].cell
    assert origin != destination
    cell = world.countries.index(origin), world.countries.index(destination), world.sectors.index(sector)
    assert gradient.tariff[cell] == ranked[0].derivative
    assert ranked[0].words.startswith(
        f"One percentage point more tariff of {destination} on {world.sector_name(sector)} from {origin}"
    )
    assert ranked[0].words.endswith(f"{ranked[0].derivative:+.3g} %.")
    assert gradient.largest(3, "productivity")[0].cell[0] == "C00"
    with pytest.raises(GradientError, match="no lever"):
        gradient.largest(3, "luck")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome("real_income", "XX"), "no country"),
        (Outcome("jobs", "C00"), "sector"),
        (Outcome("exports", "C00", "S00"), "sector"),
        (Outcome("jobs", "C00", "S99"), "no sector"),
        (Outcome("happiness", "C00"), "no outcome"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_asked_is_refused(outcome: Outcome, words: str) -> None:
    base = solve(make_world(2, 1, seed=8, zeros=False), Shock(), Parameters())
    with pytest.raises(GradientError, match=words):
        base.gradient(outcome)


def test_worlds_in_pieces_are_refused() -> None:
    world = make_world(2, 1, seed=9, zeros=False)
    cost = np.ones_like(world.tariff)
    cost[0, 1] = cost[1, 0] = np.inf
    base = solve(world, Shock(trade_cost=cost), Parameters(deficits="removed"))
    with pytest.raises(GradientError, match="groups"):
        base.gradient(Outcome("real_income", "C00"))


def test_prepared_products_are_the_sweep_and_a_start_near_by_changes_no_digit() -> None:
    """F_x'λ by matrices is F_x'λ cell by cell; from a neighbour's multipliers the same gradient in fewer products."""
    world = load_embedded_world()
    base = solve(
        world, Shock(), Parameters(4.0, Lognormal(2.0), within_elasticity=6.0, deficits="proportional")
    )
    asked = Outcome("real_income", "USA")
    first = base.gradient(asked)
    assert first.start is not None and first.steps < 30
    tariff = world.tariff.copy()
    tariff[:, world.countries.index("USA")] += 0.001
    there = solve(world, Shock(tariff=tariff), base.parameters, start=base)
    cold, warm = there.gradient(asked), there.gradient(asked, near=first)
    assert warm.steps <= cold.steps
    np.testing.assert_allclose(warm.tariff, cold.tariff, rtol=0, atol=1e-8 * np.abs(cold.tariff).max())
    other = there.gradient(Outcome("duties", "CHN"), near=first)
    np.testing.assert_allclose(other.tariff, there.gradient(Outcome("duties", "CHN")).tariff, rtol=1e-9)


@pytest.mark.parametrize("entry", ["restricted", "free"])
@pytest.mark.parametrize("abroad", [0.0, 0.5])
def test_products_agree_with_the_sweep_under_every_channel(entry, abroad) -> None:
    world = make_world(4, 3, seed=5)
    parameters = Parameters(4.0, Pareto(1.5), entry=entry, deficits="proportional", fixed_cost_abroad=abroad)
    tangent = Tangent(solve(world, Shock(), parameters))
    vector = np.random.default_rng(1).normal(size=tangent.size)
    np.testing.assert_allclose(Sweep(tangent)(vector), tangent.equations(vector)[0], rtol=1e-10, atol=1e-12)

"""Markup, trade elasticity and scale as three numbers: firms nested by country (MODEL 11)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.equilibrium.baseline import calibrate
from firmtrade_core.equilibrium.errors import ParameterError
from firmtrade_core.margins import Armington, FirmsMargins, Krugman, Lognormal, MarginFamily, Pareto
from tests.equilibrium.test_firms_family import family as own_firms
from tests.equilibrium.test_identities import CLOSURES, assert_same, random_shock
from tests.worlds import halve_country, halve_sector, make_world

FAMILIES = [Armington(), Krugman(), Pareto(1.5), Lognormal(2.0), own_firms()]
FIRMS = FAMILIES[1:]
NAMES = {"ids": lambda f: f.name}


def logs_of_terms(family: MarginFamily, parameters: Parameters, push: dict[str, float]) -> np.ndarray:
    """ln of the terms of (6') after small moves of one cell's barriers, from (1') and (6') by plain iteration.

    Shares no code with the engine but the raw functions of the threshold.
    """
    world = make_world(seed=2, inputs=False)
    margins = calibrate(world, parameters).margins
    sigma, gamma = margins.elasticity_of_substitution, margins.within_elasticity
    get = {name: push.get(name, 0.0) for name in ("cost", "trade_cost", "wedge", "fixed", "firms", "market")}
    moved = get["cost"] + get["trade_cost"] + get["wedge"]
    change = np.zeros(world.expenditure.shape)
    for _ in range(400):
        log_potential = margins.evaluate(change).log_potential
        nest_price = (get["firms"] + (1 - gamma) * moved + log_potential) / (1 - gamma)
        wanted = gamma * (get["cost"] + get["wedge"]) + (gamma - 1) * get["trade_cost"] + get["fixed"]
        wanted = wanted - (gamma - sigma) * nest_price - get["market"]
        change = change + 0.5 * (wanted - change)
    return (1 - sigma) * nest_price


def elasticity(family: MarginFamily, parameters: Parameters, lever: str) -> np.ndarray:
    size = 1e-4
    above, below = (logs_of_terms(family, parameters, {lever: side * size}) for side in (1, -1))
    return (above - below) / (2 * size)


@pytest.mark.parametrize("kind", ["cost", "tariff"])
@pytest.mark.parametrize("family", [Krugman(), Pareto(1.5), Lognormal(2.0)], **NAMES)
@pytest.mark.parametrize("within", [3.0, 7.0, 30.0])
def test_the_elasticity_asked_for_is_the_trade_weighted_mean(
    family: MarginFamily, kind: str, within: float
) -> None:
    """Measured by finite differences of (1') and (6'), to costs or to tariffs as the kind says."""
    parameters = Parameters(3.0, family, within_elasticity=within, elasticity_kind=kind)  # type: ignore[arg-type]
    trade = make_world(seed=2, inputs=False).border_value * ~np.eye(4, dtype=bool)[:, :, None]
    measured = -elasticity(family, parameters, "trade_cost" if kind == "cost" else "wedge")
    mean = (measured * trade).sum((0, 1)) / trade.sum((0, 1))
    np.testing.assert_allclose(mean, 3.0, rtol=1e-6)


@pytest.mark.parametrize(("tail", "within", "trade"), [(1.5, 6.0, 4.0), (2.5, 3.0, 6.0), (1.2, 12.0, 2.0)])
def test_closed_forms_of_pareto(tail: float, within: float, trade: float) -> None:
    """What `LoglinearMargins` derives against finite differences of (1') and (6')."""
    family = Pareto(tail)
    parameters = Parameters(trade, family, within_elasticity=within)
    margins = calibrate(make_world(seed=2, inputs=False), parameters).margins
    sigma, h = margins.elasticity_of_substitution[0], margins.effective_slope[0]  # type: ignore[attr-defined]
    expected = {
        "trade_cost": -(sigma - 1) * (1 + h),
        "wedge": -(sigma - 1) * (1 + h) - h,
        "cost": -(sigma - 1) * (1 + h) - h,
        "fixed": -h,
        "market": h,
        "firms": margins.firms_exponent[0],  # type: ignore[attr-defined]
    }
    for lever, value in expected.items():
        np.testing.assert_allclose(elasticity(family, parameters, lever), value, rtol=1e-6)
    assert -expected["trade_cost"] == pytest.approx(trade)
    # The scale effect of free entry at given thresholds: 1/(γ-1) with firms alike, 1/(ζ(γ-1)) where they differ.
    assert expected["firms"] / trade == pytest.approx(1 / (tail * (within - 1)))


@pytest.mark.parametrize("family", [Krugman(), Pareto(1.5), Lognormal(2.0), own_firms()], **NAMES)
def test_within_equal_to_between_is_no_nest(family: MarginFamily) -> None:
    world = make_world(seed=3)
    plain = Parameters(6.0, family)
    shock = random_shock(world, 3)
    one = solve(world, shock, plain)
    sigma = one.baseline.margins.elasticity_of_substitution
    other = solve(world, shock, plain.with_(within_elasticity=sigma))
    np.testing.assert_allclose(other.baseline.margins.elasticity_of_substitution, sigma, rtol=1e-12)
    np.testing.assert_allclose(other.baseline.profits, one.baseline.profits, rtol=1e-11)
    assert_same(one, other, 1e-8)


@pytest.mark.parametrize("family", FAMILIES, **NAMES)
@pytest.mark.parametrize("closure", CLOSURES)
@given(
    seed=st.integers(0, 10_000), within=st.floats(4.0, 20.0), trade=st.floats(1.5, 6.0), inputs=st.booleans()
)
@settings(max_examples=4, deadline=None)
def test_every_lever_under_every_closure_is_certified(
    family: MarginFamily, closure: str, seed: int, within: float, trade: float, inputs: bool
) -> None:
    """Low trade elasticities included, whose profits would exceed value added without a markup of their own."""
    world = make_world(seed=seed, inputs=inputs)
    parameters = Parameters(trade, family, deficits=closure, within_elasticity=within)  # type: ignore[arg-type]
    result = solve(world, random_shock(world, seed, 0.2), parameters)
    assert result.certificate.holds
    spending, revenue = result.flows.sum((0, 2)), result.revenue.sum((1, 2))
    gap = spending - revenue - result.duties + result.subsidy_outlay - result.deficits
    np.testing.assert_allclose(gap / spending, 0, atol=1e-9)
    if not result.baseline.margins.competitive:
        np.testing.assert_allclose(result.cost + result.profits, result.gross_output, rtol=1e-9)


@pytest.mark.parametrize("family", FAMILIES, **NAMES)
def test_elasticities_within_countries_above_and_below_those_between(family: MarginFamily) -> None:
    """ρ from a third to one and a half: restricted entry is interior in all of them."""
    world = make_world(seed=4)
    for within in (13.0, 5.0, 3.7):
        result = solve(world, random_shock(world, 4, 0.1), Parameters(4.0, family, within_elasticity=within))
        assert result.certificate.holds


@pytest.mark.parametrize("family", FIRMS, **NAMES)
@given(seed=st.integers(0, 1000))
@settings(max_examples=3, deadline=None)
def test_shocks_in_two_steps_compose(family: MarginFamily, seed: int) -> None:
    world = make_world(seed=seed)
    full = random_shock(world, seed, 0.2)
    assert full.tariff is not None and full.trade_cost is not None
    parameters = Parameters(4.0, family, within_elasticity=7.0, labour_supply_elasticity=0.4)
    once = solve(world, Shock(tariff=full.tariff, trade_cost=full.trade_cost), parameters)
    half = Shock(tariff=(world.tariff + full.tariff) / 2, trade_cost=full.trade_cost**0.3)
    first = solve(world, half, parameters)
    rest = Shock(tariff=full.tariff, trade_cost=full.trade_cost**0.7)
    second = solve(first.to_world(), rest, first.carried_parameters())
    np.testing.assert_allclose(
        first.real_income_change * second.real_income_change, once.real_income_change, rtol=1e-7
    )
    if once.has_margins:
        traded = world.expenditure > 0
        np.testing.assert_allclose(
            (first.exporters_change * second.exporters_change)[traded],
            once.exporters_change[traded],
            rtol=1e-6,
        )


@pytest.mark.parametrize("family", [Krugman(), Pareto(1.5)], **NAMES)
@pytest.mark.parametrize("closure", CLOSURES)
def test_splitting_a_country_or_a_sector_changes_nothing(family: MarginFamily, closure: str) -> None:
    world = make_world(seed=6)
    parameters = Parameters(4.0, family, deficits=closure, within_elasticity=8.0)  # type: ignore[arg-type]
    fields = {
        name: value for name, value in vars(random_shock(world, 6)).items() if isinstance(value, np.ndarray)
    }
    whole = solve(world, Shock(**fields), parameters)
    countries, sectors = [0, 1, 2, 3, 1], [0, 1, 2, 2]
    split = {k: v[np.ix_(countries, countries)] if v.ndim == 3 else v[countries] for k, v in fields.items()}
    split["outlay"] = fields["outlay"][countries] * np.where(np.isin(countries, 1), 0.5, 1.0)
    halves = solve(halve_country(world, 1), Shock(**split), parameters)
    np.testing.assert_allclose(halves.real_income_change, whole.real_income_change[countries], rtol=1e-8)
    by_sector = {k: v if k == "outlay" else v[..., sectors] for k, v in fields.items()}
    subsectors = solve(halve_sector(world, 2), Shock(**by_sector), parameters)
    np.testing.assert_allclose(subsectors.real_income_change, whole.real_income_change, rtol=1e-7)


@pytest.mark.parametrize("entry", ["restricted", "free"])
@pytest.mark.parametrize("kind", ["cost", "tariff"])
@pytest.mark.parametrize("family", [Krugman(), Pareto(1.4)], **NAMES)
@pytest.mark.parametrize("within", [4.0, 9.0])
def test_gains_from_trade_formula(family: MarginFamily, kind: str, entry: str, within: float) -> None:
    """ACR12 with a nest: Ŵ = π̂_jj^(-1/ε), ε the elasticity to *costs*, (σ-1)(1+h), whatever γ.

    At home (6') reads π̂_jj P̂^(-(σ-1)(1+h)) = M̂^(ρ/D) ŵ^(-(σ-1)(1+h)-h) Ê^h, with Ê = ŵ and M̂ = 1 under either entry:
    one sector spends a given share of what it earns on entry. The markup and the kind of ε drop out.
    """
    parameters = Parameters(
        3.0,
        family,
        entry=entry,  # type: ignore[arg-type]
        deficits="removed",
        within_elasticity=within,
        elasticity_kind=kind,  # type: ignore[arg-type]
    )
    imbalanced = make_world(5, 1, seed=7, inputs=False, tariffs=False, subsidies=False)
    world = solve(imbalanced, Shock(), parameters).to_world()
    random = np.random.default_rng(7)
    abroad = ~np.eye(5, dtype=bool)[:, :, None]
    result = solve(world, Shock(trade_cost=np.exp(random.uniform(-0.4, 0.6, (5, 5, 1)) * abroad)), parameters)
    home = np.arange(5)
    share = (result.flows / result.flows.sum(0))[home, home, 0] / world.shares[home, home, 0]
    margins = result.baseline.margins
    to_costs = (margins.elasticity_of_substitution[0] - 1) * (1 + margins.effective_slope[0])  # type: ignore[attr-defined]
    assert to_costs == pytest.approx(3.0) or kind == "tariff"
    np.testing.assert_allclose(result.real_income_change, share ** (-1 / to_costs), rtol=1e-8)
    np.testing.assert_allclose(result.firm_change, 1, rtol=1e-8)


def test_own_firms_meet_their_elasticity_with_either_kind() -> None:
    world = make_world(seed=5)
    for kind in ("cost", "tariff"):
        parameters = Parameters(5.0, own_firms(), within_elasticity=8.0, elasticity_kind=kind)  # type: ignore[arg-type]
        margins = calibrate(world, parameters).margins
        assert isinstance(margins, FirmsMargins)
        slope = margins.effective(np.zeros(world.expenditure.shape))[1]
        measured = (margins.elasticity_of_substitution - 1) * (1 - slope)
        measured = measured - slope if kind == "tariff" else measured
        trade = world.border_value * ~np.eye(4, dtype=bool)[:, :, None]
        np.testing.assert_allclose((measured * trade).sum((0, 1)) / trade.sum((0, 1)), 5.0, rtol=1e-9)


def test_tariff_elasticities_that_selection_alone_exceeds_are_refused_without_a_nest() -> None:
    world = make_world(seed=5)
    tariff = Parameters(0.4, Pareto(1.5), elasticity_kind="tariff")
    with pytest.raises(ParameterError, match=r"cannot have tariff elasticities this low: S00 \(0.4\)"):
        solve(world, Shock(), tariff)
    assert solve(world, Shock(), tariff.with_(within_elasticity=4.0)).certificate.holds


def test_free_entry_gives_the_scale_effect_of_the_markup_alone() -> None:
    """A sector's price falls by 1/(γ-1) with its number of firms, whatever the trade elasticity."""
    world = make_world(seed=1, inputs=False)
    for trade in (2.0, 6.0):
        parameters = Parameters(trade, Krugman(), within_elasticity=9.0)
        margins = calibrate(world, parameters).margins
        effect = margins.firms_exponent / (margins.elasticity_of_substitution - 1)  # type: ignore[attr-defined]
        np.testing.assert_allclose(effect, 1 / 8)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (1.0, "above 1"),
        ({"S00": 4.0}, "No within-country elasticity is given for: S01, S02"),
        ([4.0], "one per"),
    ],
)
def test_bad_within_elasticities_say_what_to_do(given: object, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        solve(make_world(), Shock(), Parameters(4.0, Krugman(), within_elasticity=given))  # type: ignore[arg-type]

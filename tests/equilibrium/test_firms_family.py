"""The firms family in general equilibrium: identities of MODEL 10 with the home country's own firms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.equilibrium.errors import CertificateError
from firmtrade_core.margins import Deviations, Firms, FirmSector, FirmsError, FirmShift, Lognormal, Pareto
from firmtrade_core.margins.firm_functions import FirmFunctions, FirmRows
from firmtrade_core.margins.tables import Table
from tests.equilibrium.test_identities import CLOSURES, FEW, assert_same, random_shock
from tests.worlds import make_world

DEVIATIONS = Deviations(0.9, 1.1, 0.7, 0.3)


def family(sectors: int = 2, *, elsewhere: Pareto | Lognormal | None = None, seed: int = 0) -> Firms:
    random = np.random.default_rng(seed)
    firms = {
        f"S{k:02d}": FirmSector(random.normal(0, 1.2, 200), DEVIATIONS, random.normal(0, 0.4, 200))
        for k in range(sectors)
    }
    return Firms("C01", firms, elsewhere=elsewhere or Pareto(1.5))


def upgrade(sectors: int = 2, seed: int = 0, size: float = 0.4) -> FirmShift:
    random = np.random.default_rng(seed)
    return FirmShift(
        {
            code: firms.shifted(*(size * random.uniform(0, 1, (2, 200))))
            for code, firms in family(sectors).sectors.items()
        }
    )


@pytest.mark.parametrize("inputs", [True, False])
@pytest.mark.parametrize("elsewhere", [Pareto(1.5), Lognormal(2.0)])
def test_no_shock_changes_nothing(inputs: bool, elsewhere: Pareto | Lognormal) -> None:
    world = make_world(inputs=inputs)
    result = solve(world, Shock(), Parameters(6.0, family(elsewhere=elsewhere)))
    for name in ("wage_change", "price_change", "real_income_change", "exporters_change"):
        np.testing.assert_allclose(getattr(result, name), 1, atol=1e-10)
    np.testing.assert_allclose(result.flows, world.expenditure, rtol=1e-9)


@FEW
@given(
    seed=st.integers(0, 500), inputs=st.booleans(), closure=st.sampled_from(CLOSURES), upgraded=st.booleans()
)
def test_every_equation_holds_whatever_the_shock(
    seed: int, inputs: bool, closure: str, upgraded: bool
) -> None:
    """The certificate, whose code is its own, holds with firms, programmes, inputs and every closure."""
    world = make_world(seed=seed % 7, inputs=inputs)
    shock = random_shock(world, seed)
    levers = {
        name: getattr(shock, name) for name in ("tariff", "subsidy", "trade_cost", "fixed_cost", "outlay")
    }
    result = solve(
        world,
        Shock(**levers, firms=upgrade(seed=seed) if upgraded else None),
        Parameters(6.0, family(), deficits=closure),  # type: ignore[arg-type]
    )
    assert result.certificate.holds
    accounts = result.cost.sum() + result.profits.sum() - result.gross_output.sum()
    assert abs(accounts) < 1e-9 * result.gross_output.sum()


def test_rows_and_full_evaluation_agree() -> None:
    """One group of firms in a lognormal world of the same dispersion is that world, cell by cell."""
    world = make_world(inputs=False)
    deviations = Deviations(1.4)
    alike = Firms(
        "C01",
        {s: FirmSector(np.zeros(3), deviations) for s in world.sectors},
        elsewhere=Lognormal(deviations.spread),
    )
    shock = random_shock(world, 5)
    one = solve(world, shock, Parameters(5.0, alike))
    other = solve(world, shock, Parameters(5.0, Lognormal(deviations.spread)))
    assert_same(one, other)
    np.testing.assert_allclose(one.exporters_change, other.exporters_change, rtol=1e-7)


def test_firms_drawn_from_a_pareto_law_are_the_pareto_family() -> None:
    """With presence deep inside the tail, home and abroad, own firms and formula give one world."""
    world = make_world(4, 1, inputs=False, seed=3)
    tail, m = 1.5, np.arange(0, 60, 0.02)
    firms = FirmSector(m, Deviations(0.4), weight=np.exp(-tail * m))
    presence = {"S00": dict.fromkeys(world.countries, 1e-5)}
    shock = random_shock(world, 2)
    one = solve(world, shock, Parameters(4.0, Firms("C01", {"S00": firms}, presence, Pareto(tail))))
    other = solve(world, shock, Parameters(4.0, Pareto(tail)))
    np.testing.assert_allclose(one.real_income_change, other.real_income_change, rtol=1e-5)
    np.testing.assert_allclose(one.flows, other.flows, rtol=1e-4)


def test_money_has_no_unit() -> None:
    world = make_world()
    shock = Shock(tariff=random_shock(world, 1).tariff, firms=upgrade())
    one = solve(world, shock, Parameters(6.0, family()))
    dearer = world.with_(
        expenditure=7 * world.expenditure, inputs=None if world.inputs is None else 7 * world.inputs
    )
    other = solve(dearer, shock, Parameters(6.0, family()))
    np.testing.assert_allclose(one.real_income_change, other.real_income_change, rtol=1e-9)


def test_a_programme_then_a_tariff_is_both_at_once() -> None:
    """Shocks compose in real outcomes, carrying k', m and g (MODEL 10)."""
    world = make_world(subsidies=False)
    tariff = random_shock(world, 4).tariff
    at_once = solve(world, Shock(tariff=tariff, firms=upgrade()), Parameters(6.0, family()))
    first = solve(world, Shock(firms=upgrade()), Parameters(6.0, family()))
    second = solve(first.to_world(), Shock(tariff=tariff), first.carried_parameters())
    np.testing.assert_allclose(
        first.real_income_change * second.real_income_change, at_once.real_income_change, rtol=1e-7
    )
    np.testing.assert_allclose(
        first.exporters_change * second.exporters_change, at_once.exporters_change, rtol=1e-6
    )


def test_better_firms_export_more_and_enrich_their_country() -> None:
    world = make_world()
    result = solve(world, Shock(firms=upgrade()), Parameters(6.0, family()))
    assert result.real_income_change[1] > 1 and result.exports_change[1] > 1
    assert (result.exporters_change[1, [0, 2, 3]][:, :2][world.revenue[1, [0, 2, 3]][:, :2] > 0] > 1).all()


def test_an_embargo_ends_the_trade_of_own_firms() -> None:
    world = make_world()
    cost = np.ones((4, 4, 3))
    cost[1, 0] = np.inf
    result = solve(world, Shock(trade_cost=cost), Parameters(6.0, family()))
    assert (result.flows[1, 0] == 0).all() and (result.exporters_change[1, 0] == 0).all()


def test_prohibitive_tariffs_take_the_share_to_nothing() -> None:
    world = make_world(subsidies=False)
    tariff = world.tariff.copy()
    tariff[1, 0] = 1e6
    result = solve(world, Shock(tariff=tariff), Parameters(6.0, family()))
    assert (result.flows[1, 0] < 1e-6 * world.expenditure[1, 0].clip(1)).all()


def test_free_entry_in_one_sector() -> None:
    world = make_world(4, 1, inputs=False)
    result = solve(world, Shock(firms=upgrade(1)), Parameters(6.0, family(1), entry="free"))
    assert result.certificate.holds and result.real_income_change[1] > 1


def test_programmes_need_firms() -> None:
    world = make_world()
    with pytest.raises(FirmsError, match="choose the firms family"):
        solve(world, Shock(firms=upgrade()), Parameters(6.0, Pareto()))
    with pytest.raises(FirmsError, match="No firms are known in S02"):
        solve(world, Shock(firms=FirmShift({"S02": family().sectors["S00"]})), Parameters(6.0, family()))


def test_a_wrong_lookup_is_not_certified(monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate reads the tables by code of its own, so a solver that misreads them is found out."""
    right = FirmRows.potential

    def wrong(self: FirmRows, threshold: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        log_s, slope, share = right(self, threshold)
        return log_s + 1e-7 * np.maximum(threshold, -5.0), slope, share

    monkeypatch.setattr(FirmRows, "potential", wrong)
    with pytest.raises(CertificateError, match=r"price indices|flows"):
        solve(make_world(zeros=False), Shock(firms=upgrade()), Parameters(6.0, family()))


def test_a_wrong_table_is_not_certified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are held against direct sums: a wrong entry is found out even where lookups agree."""
    right = FirmFunctions._tabulate

    def wrong(self: FirmFunctions) -> Table:
        table = right(self)
        table.pieces[2 * len(table.pieces) // 3 :, 0] += 1e-7
        return table

    monkeypatch.setattr(FirmFunctions, "_tabulate", wrong)
    with pytest.raises(CertificateError, match="tabulated"):
        solve(
            make_world(), Shock(), Parameters(6.05, family())
        )  # a structure of its own: others are remembered

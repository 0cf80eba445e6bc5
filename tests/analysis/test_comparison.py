"""Comparison: agrees with the baseline's own readings, composes, and refuses what cannot be compared."""

import numpy as np
import pytest

from firmtrade_core.analysis.comparison import SECTOR_MEASURES, Comparison
from firmtrade_core.equilibrium import Shock, solve
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.figures.outcomes import outcome, sector_outcomes
from firmtrade_core.labels import VARIABLES
from tests.worlds import make_world


@pytest.mark.parametrize("key", VARIABLES)
def test_against_the_baseline_it_reads_what_the_map_shows(raised, key: str) -> None:
    found, shown = Comparison(raised).country(key), outcome(raised, key)
    np.testing.assert_allclose(found.change, shown.change, rtol=1e-12, atol=1e-12)
    for ours, theirs in ((found.old, shown.old), (found.new, shown.new)):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("measure", SECTOR_MEASURES)
def test_sectors_against_the_baseline(raised, measure: str) -> None:
    found = Comparison(raised).sectors(measure)
    for i, country in enumerate(raised.world.countries):
        percent, dollars = sector_outcomes(raised, country, measure)
        np.testing.assert_allclose(found.percent[i], percent, atol=1e-10)
        np.testing.assert_allclose(found.dollars[i], dollars, atol=1e-12)


@pytest.mark.parametrize("key", [key for key in VARIABLES if key not in ("exporters", "duties")])
def test_a_chain_of_comparisons_composes(raised, embargoed, key: str) -> None:
    first, step, whole = (
        1 + found.country(key).change / 100
        for found in (Comparison(raised), Comparison(embargoed, raised), Comparison(embargoed))
    )
    np.testing.assert_allclose(first * step, whole, rtol=1e-12)


@pytest.mark.parametrize("key", VARIABLES)
def test_a_result_against_itself_shows_nothing(raised, key: str) -> None:
    np.testing.assert_allclose(Comparison(raised, raised).country(key).change, 0, atol=1e-12)


def test_a_scenario_as_baseline_equals_solving_on_from_it(raised, embargoed) -> None:
    """The step from A to B is what B would be, were A's world the baseline."""
    onward = raised.to_world()
    tariff = raised.world.tariff
    cost = embargoed.shock.trade_cost
    stepped = solve(onward, Shock(tariff=tariff, trade_cost=cost), raised.carried_parameters())
    compared = Comparison(embargoed, raised)
    for key in ("real_income", "real_wage", "exporters"):
        np.testing.assert_allclose(compared.country(key).change, outcome(stepped, key).change, atol=1e-6)


def test_duties_are_a_share_of_the_first_ones_income(raised, embargoed) -> None:
    found = Comparison(embargoed, raised).country("duties")
    np.testing.assert_allclose(found.change, 100 * (embargoed.duties - raised.duties) / raised.income)
    np.testing.assert_allclose(found.old, raised.duties / 1000)


def test_sides_share_one_scale(raised, embargoed) -> None:
    compared = Comparison(embargoed, raised)
    first, second = compared.sides("exports")
    np.testing.assert_allclose(first.change, outcome(raised, "exports").change)
    np.testing.assert_allclose(second.change, outcome(embargoed, "exports").change)
    values = compared.common_values("exports")
    assert len(values) == 10 and np.nanmax(np.abs(values)) == max(
        np.abs(first.change).max(), np.abs(second.change).max()
    )


def test_exporters_are_missing_where_either_does_not_count_them(raised, competitive) -> None:
    for compared in (
        Comparison(raised, competitive),
        Comparison(competitive, raised),
        Comparison(competitive),
    ):
        found = compared.country("exporters")
        assert np.isnan(found.change).all() and "Pareto" in found.missing
    assert np.isfinite(Comparison(raised, competitive).country("real_income").change).all()


def test_an_ended_trade_leaves_finite_numbers(raised, embargoed) -> None:
    back = Comparison(raised, embargoed)
    for key in VARIABLES:
        assert np.isfinite(back.country(key).change).all()


def test_tables(raised, embargoed) -> None:
    compared = Comparison(embargoed, raised)
    table = compared.table()
    assert len(table) == len(VARIABLES) * 5
    row = table[(table["variable"] == "Exports") & (table["country"] == "C01")].iloc[0]
    assert row["difference"] == compared.country("exports").change[1] and row["unit"] == "%"
    sectors = compared.sector_table("C01")
    assert len(sectors) == 3 * len(SECTOR_MEASURES)
    total = sectors[sectors["measure"] == "imports"]["billion_usd"].sum()
    imports = compared.country("imports")
    assert total == pytest.approx(imports.new[1] - imports.old[1])


def test_different_worlds_are_refused(raised) -> None:
    other = solve(make_world(5, 3, seed=4), Shock(), raised.parameters)
    with pytest.raises(ComparisonError, match="different worlds"):
        Comparison(raised, other)

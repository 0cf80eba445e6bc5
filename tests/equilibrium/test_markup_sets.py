"""Every set of trade elasticities with every law of firms, on worlds people use (MODEL 11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from benchmarks.worlds import added_tariff, icio
from firmtrade_core.codes.sectors import broad_sector
from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, solve
from firmtrade_core.equilibrium.errors import IndeterminacyError
from firmtrade_core.margins import Armington, Krugman, Lognormal, MarginFamily, Pareto
from firmtrade_core.world.elasticities import (
    ASSUMED_SERVICES_SCALE,
    LABOUR_KEEPS,
    SuitedMarkups,
    by_broad_sector,
    elasticity_set,
    elasticity_sets,
    markup_set,
    markup_sets,
)
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.errors import UnknownCodeError, WorldError, WorldFileError
from firmtrade_core.world.world import World
from tests.equilibrium.test_firms_family import DEVIATIONS
from tests.worlds import make_world

FAMILIES = [Armington(), Krugman(), Pareto(), Lognormal()]
NAMES = {"ids": lambda f: f.name}


def elasticities(name: str, world: World) -> np.ndarray:
    """A set's values for a world; those estimated by finer sectors as means over broad ones."""
    values: Mapping[str, float] = elasticity_set(name).by_sector
    if "metals" not in values and "metals" in world.sectors:
        found: dict[str, list[float]] = {}
        for code, value in values.items():
            found.setdefault(code if code == "services" else broad_sector(code), []).append(value)
        values = {sector: float(np.mean(those)) for sector, those in found.items()}
    return np.array(list(by_broad_sector(values, world.sectors).values()))


def structure(
    name: str, world: World, family: MarginFamily, **choices: object
) -> tuple[Parameters, SuitedMarkups]:
    elasticity = elasticities(name, world)
    suited = markup_set("LL").suited(world, elasticity)
    kind = elasticity_set(name).kind
    return Parameters(
        elasticity,
        family,
        deficits="proportional",
        within_elasticity=suited.within_elasticity,
        elasticity_kind=kind,
        **choices,  # type: ignore[arg-type]
    ), suited


def check(world: World, name: str, family: MarginFamily) -> Equilibrium:
    parameters, suited = structure(name, world, family)
    result = solve(world, added_tariff(world, "USA", 0.10), parameters)
    assert result.certificate.holds
    if not result.baseline.margins.competitive:
        assert (result.baseline.margins.nest < 1).all() and (suited.ratio < 1).all()
        assert (result.baseline.labour_share > 0).all()
    return result


@cache
def _embedded() -> World:
    return load_embedded_world()


@cache
def _icio() -> World:
    return icio()


@pytest.mark.parametrize("name", list(elasticity_sets()))
def test_every_set_carries_every_family_on_the_embedded_world(name: str) -> None:
    for family in FAMILIES:
        check(_embedded(), name, family)


@pytest.mark.parametrize("name", list(elasticity_sets()))
def test_every_set_carries_every_family_on_real_trade(name: str, needs_data: Callable[[str], Path]) -> None:
    needs_data("icio")
    for family in FAMILIES:
        check(_icio(), name, family)


def test_the_home_country_s_own_firms_carry_every_set() -> None:
    from firmtrade_core.margins import Firms, FirmSector

    random = np.random.default_rng(0)
    firms = {
        s: FirmSector(random.normal(0, 1.2, 200), DEVIATIONS) for s in ("metals", "food_beverages_tobacco")
    }
    for name in elasticity_sets():
        check(_embedded(), name, Firms("CHL", firms, elsewhere=Lognormal()))


@pytest.mark.parametrize("family", [Krugman(), Pareto(), Lognormal()], **NAMES)
def test_free_entry_with_elasticities_and_markups_of_one_source(family: MarginFamily) -> None:
    """A tariff of a tenth of a point, and of one: small shocks have an interior equilibrium near by."""
    world = _embedded()
    parameters, _ = structure("LL", world, family, entry="free")
    small = solve(world, added_tariff(world, "USA", 0.001), parameters)
    assert small.certificate.holds and abs(np.log(small.firm_change)).max() < 0.1


def test_sets_that_break_free_entry_name_the_sectors_not_the_shock() -> None:
    world = _embedded()
    published = markup_set("LL").within_elasticity(world.sectors)
    parameters = Parameters(elasticities("CP", world), Krugman(), entry="free", within_elasticity=published)
    with pytest.raises(IndeterminacyError, match=r"ρ = .* is one or more in .*Fuels.* \(3\.9") as found:
        solve(world, added_tariff(world, "USA", 0.001), parameters)
    assert "shock may be too large" not in str(found.value)


def test_mixtures_are_told_sector_by_sector() -> None:
    """CP's food elasticity with LL's food markup has ρ = 1.03, as 2.62 x 0.393 says; LL's own have 0.905."""
    world = _embedded()
    mixed, own = (markup_set("LL").suited(world, elasticities(name, world)) for name in ("CP", "LL"))
    food = world.sectors.index("food_beverages_tobacco")
    assert mixed.ratio_as_published[food] == pytest.approx(2.62 * 0.393, rel=1e-3)
    assert own.ratio_as_published[food] == pytest.approx(0.905, rel=2e-3)
    assert mixed.reasons[food] != "published"
    # Means of finer sectors: a mean of products is no product of means.
    electronics = world.sectors.index("electronics_machinery")
    assert own.ratio_as_published[electronics] == pytest.approx(3.14 * 0.426, rel=1e-3)
    assert own.reasons[electronics] == "ratio" and own.ratio[electronics] == pytest.approx(0.754)
    assert any(
        note.startswith("electronics_machinery: markup 24 % of cost instead of 43 %") for note in own.notes()
    )


def test_profits_stay_below_value_added_by_the_choice_of_markups() -> None:
    world = make_world(4, 3, seed=0)
    named = World(
        world.countries,
        ("agriculture", "food_beverages_tobacco", "services"),
        world.expenditure,
        world.tariff,
        world.subsidy,
        world.inputs,
    )
    suited = markup_set("LL").suited(named, np.array([0.4, 0.4, 0.4]), services=2.0)
    share = (named.value_added / named.gross_output).min(0)
    assert (1 / suited.used <= (1 - LABOUR_KEEPS) * share * (1 + 1e-12)).all()
    assert "profits" in suited.reasons
    result = solve(
        named,
        added_tariff_everywhere(named),
        Parameters(0.4, Krugman(), within_elasticity=suited.within_elasticity),
    )
    assert result.certificate.holds


def added_tariff_everywhere(world: World) -> Shock:
    return Shock(tariff=world.tariff + 0.05 * (1 - np.eye(len(world.countries)))[:, :, None])


def test_published_markups() -> None:
    """Values of Lashkaripour and Lugovskyy (2023), Table 3; fuels without petroleum unless asked for."""
    markups = markup_set("LL")
    within = markups.within_elasticity()
    assert within["food_beverages_tobacco"] == pytest.approx(1 + 1 / 0.393)
    assert within["fuels_chemicals_plastics_minerals"] == pytest.approx(1 + 1 / 0.211)
    assert markup_set("LL_petroleum").within_elasticity()[
        "fuels_chemicals_plastics_minerals"
    ] == pytest.approx(1 + 1 / 0.469)
    assert (
        within["services"] == pytest.approx(1 + 1 / ASSUMED_SERVICES_SCALE) and ASSUMED_SERVICES_SCALE == 0.2
    )
    assert markups.within_elasticity(services=0.5)["services"] == 3.0
    finer = markups.within_elasticity(["C26", "C28", "Services (aggregate)", "D35"])
    assert finer == pytest.approx(
        {"C26": 1 + 1 / 0.552, "C28": 1 + 1 / 0.12, "Services (aggregate)": 6.0, "D35": 6.0}
    )
    assert max(markups.ratio.values()) < 1 and len(markups.scale) == 9 + 27
    assert next(iter(markup_sets())) == "LL"
    with pytest.raises(UnknownCodeError, match="Choose LL"):
        markup_set("LK")
    with pytest.raises(WorldError, match="give one above 0"):
        markups.within_elasticity(services=0.0)
    for unknown in ("X00", "Cars"):
        with pytest.raises(WorldError, match=f"no value for sector {unknown}"):
            markups.within_elasticity([unknown])


def test_a_broken_table_of_markups_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "markups.csv"
    table.write_text(
        "# source: S\n# A: a\n# A note: n\nset,sector,scale_elasticity,standard_error,trade_elasticity,between_over_within\nA,metals,-1,,,\n"
    )
    with pytest.raises(WorldFileError, match="scale elasticities must be above 0"):
        markup_sets(table)


def test_how_firms_are_modelled_moves_a_tariff_s_gain_through_markups_and_links() -> None:
    """Without a nest, US +10 points: firms' laws agree without input-output links and fall apart with them."""
    world = _embedded()
    gains = {
        linked: [
            100
            * (
                solve(w, added_tariff(w, "USA", 0.10), Parameters(4.0, family)).real_income_change[
                    w.country_index("USA")
                ]
                - 1
            )
            for family in FAMILIES
        ]
        for linked, w in ((True, world), (False, world.with_(inputs=None)))
    }
    # Percent of real income, fixed deficits, ε = 4 and markups of σ/(σ-1): Armington, Krugman, Pareto, lognormal.
    np.testing.assert_allclose(gains[True], [0.204, 0.090, 0.019, 0.062], atol=2e-3)
    np.testing.assert_allclose(gains[False], [0.126, 0.126, 0.129, 0.150], atol=2e-3)

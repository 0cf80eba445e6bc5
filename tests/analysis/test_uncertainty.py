"""Bands: common draws, adding-up of sources, words of the verdict."""

from __future__ import annotations

import numpy as np
import pytest

from firmtrade_core.analysis.assumed import (
    VARIANTS,
    around,
    around_structure,
    between_sets,
    drawn_worlds,
    elasticity_spread,
    estimation_spread,
)
from firmtrade_core.analysis.assumed import _Held as Held
from firmtrade_core.analysis.uncertainty import (
    COUNTRY_OUTCOMES,
    UNITS_OF,
    UNRESOLVED,
    Band,
    Bands,
    UncertaintyError,
    bands,
    outcomes,
)
from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.default import shipped_file
from firmtrade_core.margins import Krugman
from firmtrade_core.scenarios import Scenario, load_preset
from firmtrade_core.world.elasticities import elasticity_set
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.estimated import estimated_cells
from firmtrade_core.world.world import World
from tests.worlds import make_world

STRUCTURE = Parameters(4.0, Krugman(), deficits="proportional", within_elasticity=6.0)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(4, 2, seed=3)


def raised(world: World, by: float = 0.1) -> Shock:
    tariff = world.tariff.copy()
    tariff[1:, 0] += by
    return Shock(tariff=tariff)


@pytest.fixture(scope="module")
def found(world: World) -> Bands:
    return bands((world, STRUCTURE, raised(world)), draws=60)


def test_the_middle_is_the_scenarios_own_number_and_the_band_holds_it(found: Bands, world: World) -> None:
    own = solve(world, raised(world), STRUCTURE)
    band = found.band("real_income", "C00")
    assert band.value == pytest.approx(100 * (own.real_income_change[0] - 1), abs=1e-9)
    assert band.low < band.value < band.high
    assert 0 < band.error < band.high - band.low


def test_every_draw_is_certified_and_what_solve_would_give(found: Bands, world: World) -> None:
    assert found.kept.all() and found.residual <= 1e-9
    for d in (0, 17, 59):
        draw = found.sample.draws[d]
        alone = outcomes(solve(draw.world or world, raised(world), draw.parameters))
        for key in UNITS_OF:
            np.testing.assert_allclose(found.draws[key][d], alone[key], atol=1e-7, err_msg=key)


def test_draws_are_common_to_all_shocks(found: Bands, world: World) -> None:
    larger = bands((world, STRUCTURE, raised(world, 0.11)), draws=60, laws=False)
    assert np.array_equal(larger.sample.points, found.sample.points)
    # Neighbouring policies have neighbouring bands: nothing jitters.
    one, other = (which.band("exports", "C00") for which in (found, larger))
    assert abs((other.high - other.low) / (one.high - one.low) - 1) < 0.2


def test_a_neighbours_draws_only_change_how_soon_the_answer_comes(found: Bands, world: World) -> None:
    shock = raised(world, 0.11)
    cold = bands((world, STRUCTURE, shock), draws=60, laws=False)
    warm = bands((world, STRUCTURE, shock), draws=60, laws=False, near=found)
    for key in UNITS_OF:
        np.testing.assert_allclose(warm.draws[key], cold.draws[key], atol=2e-6, err_msg=key)
    assert warm.solutions is not None and cold.solutions is not None
    assert warm.solutions.iterations.mean() < cold.solutions.iterations.mean()


def test_sources_add_up_to_the_variance(found: Bands) -> None:
    for key, country in (("real_income", "C00"), ("exports", "C02")):
        band = found.band(key, country)
        assert sum(band.by_source.values()) == pytest.approx(1, abs=1e-12)
        assert min(band.by_source.values()) >= -1e-12
        assert set(band.by_source) == {"elasticities", "markups", UNRESOLVED}


def test_nothing_happens_without_a_shock(world: World) -> None:
    still = bands((world, STRUCTURE, Shock()), draws=20, laws=False)
    band = still.band("duties_bn", "C01")
    assert band.low == pytest.approx(0, abs=1e-9) and band.high == pytest.approx(0, abs=1e-9)


def test_every_outcome_has_a_table_with_its_unit(found: Bands, world: World) -> None:
    for key, unit in UNITS_OF.items():
        table = found.table(key)
        assert (table["unit"] == unit).all()
        assert (table["low"] <= table["high"]).all()
        if key in COUNTRY_OUTCOMES:
            assert list(table["country"]) == list(world.countries)
    with pytest.raises(KeyError, match="a country and a sector"):
        found.band("output", "C00")


@pytest.mark.parametrize(
    ("value", "low", "high", "positive", "laws", "words"),
    [
        (0.21, 0.12, 0.30, 1.0, {"krugman": 0.1, "pareto": 0.25}, "a gain: sign settled"),
        (0.21, 0.12, 0.30, 1.0, {"krugman": -0.4, "pareto": 0.25}, "sign not settled: it depends on the law of firms"),
        (-0.21, -0.5, 0.02, 0.08, {"krugman": -0.1}, "sign likely, not settled: a loss in 92 of 100 draws"),
        (0.05, -0.1, 0.2, 0.6, {}, "sign not settled: a gain in 60 of 100 draws"),
        (0.0, 0.0, 0.0, 0.5, {}, "no effect"),
    ],
)  # fmt: skip
def test_the_verdict_says_what_the_numbers_say(value, low, high, positive, laws, words) -> None:
    assert Band("real_income", "%", value, low, high, 0.01, positive, laws).verdict == words


def test_words_of_a_headline() -> None:
    band = Band("real_income", "%", 0.21, 0.12, 0.30, 0.01, 1.0, {"krugman": -0.4, "pareto": 0.25})
    assert band.words.replace("\u202f", " ") == (
        "+0.21 %, 90 % +0.12 to +0.30; other laws of firms −0.40 to +0.25: sign not settled: it depends on the law of firms"
    )


def test_sets_with_standard_errors_use_them_and_others_the_spread_between_sets() -> None:
    world = load_embedded_world()
    common, by_sector = between_sets(world)
    assert 0.1 < common < 0.4 and (by_sector > 0.1).all()
    assert "Assumed" in elasticity_spread(world, elasticity_set("CP"))[2]
    finer = make_world(3, 2, seed=1)
    finer = World(
        finer.countries, ("C20", "services"), finer.expenditure, finer.tariff, finer.subsidy, finer.inputs
    )
    used = elasticity_set("GRAV")
    spread, shared, note = elasticity_spread(finer, used)
    value, (low, high) = used.by_sector["C20"], used.intervals["C20"]
    error = (high - low) / 2 / 1.959964
    assert spread[0] == pytest.approx(np.sqrt(np.log1p((error / value) ** 2)), rel=1e-3)
    assert shared == 0 and "Assumed" in note


def test_estimated_cells_are_drawn_and_their_totals_kept() -> None:
    world = load_embedded_world()
    cells, trade = estimated_cells(world), world.border_value
    away = ~np.eye(len(world.countries), dtype=bool)[:, :, None]
    assert (trade * cells).sum() / (trade * away).sum() == pytest.approx(
        world.provenance.estimated_share, abs=1e-6
    )
    assert 0.3 < estimation_spread(world) < 1.2
    worlds, note = drawn_worlds(Held(world), 0)
    assert "5\u202f%" in note
    for drawn in worlds[:2]:
        assert (drawn.border_value[~cells] == trade[~cells]).all()
        moved = np.abs(drawn.border_value[cells] / trade[cells] - 1)
        assert 0.2 < np.median(moved) < 1.2
        np.testing.assert_allclose(drawn.gross_output, world.gross_output, rtol=1e-3)


def test_too_few_draws_are_no_band(world: World) -> None:
    with pytest.raises(UncertaintyError, match="only 5 of 5"):
        bands((world, STRUCTURE, raised(world)), draws=5, laws=False)


def test_the_same_seed_gives_the_same_draws(world: World) -> None:
    assumed = around_structure(world, STRUCTURE, raised(world))
    one, again, other = (assumed.sample(30, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.points, again.points) and not np.array_equal(one.points, other.points)


def test_capability_is_drawn_where_firms_are_told_one_by_one() -> None:
    """Every firm's κ from its posterior: a source of its own, of policies that firms decide."""
    world = load_embedded_world()
    home = HomeFirms.load(shipped_file())
    scenario = Scenario.parse(
        {"cards": [{"kind": "programme", "policy": "trade_finance", "unit_cost": 10_000}]}
    )
    assumed = around(scenario, world, home)
    assert len(assumed.families) == VARIANTS and "posterior" in assumed.family_note
    sample = assumed.sample(40, seed=0)
    source = next(each for each in sample.sources if each.key == "capability")
    drawn = sample.points[:, slice(*source.columns)].ravel()
    assert set(drawn) <= set(range(VARIANTS)) and len(set(drawn)) == VARIANTS
    assert all(
        draw.parameters.family is assumed.families[int(at)]
        for draw, at in zip(sample.draws, drawn, strict=True)
    )
    _, spread = home.posterior
    records = [family.sectors for family in assumed.families]
    assert records[0].keys() == records[1].keys()
    some = next(iter(records[0]))
    kappas = [each[some].record.posterior for each in records]
    assert np.std(kappas, axis=0).mean() == pytest.approx(float(spread.mean()), rel=0.5)
    tariff = around(load_preset("us_ten_points"), world, home)
    assert not tariff.families

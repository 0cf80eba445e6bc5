"""The world the product ships."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmtrade_core.codes.groups import group_members
from firmtrade_core.codes.sectors import BROAD_SECTORS
from firmtrade_core.paths import figures_folder
from firmtrade_core.world import embedded
from firmtrade_core.world.elasticities import elasticity_set, elasticity_sets
from firmtrade_core.world.errors import UnknownCodeError, WorldFileError
from firmtrade_core.world.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return embedded.load_embedded_world()


@pytest.fixture(scope="module")
def figures() -> embedded.Figures:
    if not figures_folder().is_dir():
        reason = f"{figures_folder()} is missing (FIRMTRADE_FIGURES)"
        pytest.fail(reason) if os.environ.get("FIRMTRADE_STRICT") == "1" else pytest.skip(reason)
    return embedded.read_figures()


def test_shape_and_labels(world: World) -> None:
    assert world.shape == (81, 10)
    assert list(world.goods) == [True] * 9 + [False]
    assert world.sector_name("services") == "Services"
    assert {"USA", "CHN", "ROW"} <= set(world.countries)
    assert embedded.embedded_world_path().stat().st_size < 1_000_000


def test_accounts_are_closed(world: World) -> None:
    share = world.final_demand / np.where(world.total_expenditure > 0, world.total_expenditure, 1)
    assert share[world.total_expenditure > 0].min() >= 0.01 - 1e-5
    assert (world.value_added[world.gross_output > 0] > 0).all()
    assert abs(world.deficits.sum()) < 1e-6 * world.income.sum()


def test_europe_trades_free_of_duty(world: World) -> None:
    members = np.isin(world.countries, group_members("EU"))
    assert members.sum() == 27
    assert not world.tariff[np.ix_(members, members)].any()
    assert not world.tariff[np.arange(81), np.arange(81)].any()
    assert world.tariff[:, ~members][members].any()


def test_provenance_says_what_is_estimated(world: World) -> None:
    provenance = world.provenance
    assert provenance.estimated_share == pytest.approx(0.05, abs=0.001)
    assert provenance.estimated_trade == "5\u202f% of the value of trade between countries, services included"
    for name in ("OECD", "2025 edition", "Teti", "World Input-Output Database", "World Bank"):
        assert name in provenance.source
    assert any("Input rows scaled" in change for change in provenance.changes)
    assert any("GDP at market prices" in change for change in provenance.changes)
    assert set(provenance.fit) == set(embedded.FIT_LABELS)


def test_value_added_is_gdp(world: World, figures: embedded.Figures) -> None:
    np.testing.assert_allclose(world.value_added.sum(1), figures.gdp, rtol=1e-5)
    share = world.value_added / np.where(world.gross_output > 0, world.gross_output, 1)
    assert share[world.gross_output > 0].min() >= embedded.VALUE_ADDED_FLOOR - 1e-6


def test_national_figures_hold(world: World, figures: embedded.Figures) -> None:
    np.testing.assert_allclose(world.gross_output, figures.output, rtol=1e-5)
    abroad = world.border_value * ~np.eye(81, dtype=bool)[:, :, None]
    np.testing.assert_allclose(abroad.sum(1), figures.exports, rtol=1e-5)
    np.testing.assert_allclose(abroad.sum(0), figures.imports, rtol=2e-4)
    large = figures.large
    assert large.sum() == 9_884
    np.testing.assert_allclose(abroad[large], figures.cells[large], rtol=1e-6)
    np.testing.assert_allclose(world.tariff[large], figures.cell_tariff[large], atol=1e-9)
    assert abroad[~large].max() <= np.nanmin(figures.cells) * (1 + 1e-6)
    pairs = abroad[:, :, :9].sum(2)
    known = np.isfinite(figures.pair_exports)
    assert known.sum() == 972
    # Four digits are kept of a pair's total, so that 1234 may be 1233.5 to 1234.5, and the cells' own rounding adds up.
    np.testing.assert_allclose(pairs[known], figures.pair_exports[known], rtol=1.1e-3, atol=1.0)
    last = np.nanmin(np.where(known, figures.pair_exports, np.nan), axis=1, keepdims=True)
    assert (np.where(known | np.eye(81, dtype=bool), 0, pairs) <= last * 1.005 + 1).all()


def test_tariffs_of_the_rest_of_the_world_are_unknown(world: World) -> None:
    row = world.country_index("ROW")
    assert world.tariff_known is not None
    unknown = ~world.tariff_known
    expected = np.zeros((81, 81), dtype=bool)
    expected[row], expected[:, row], expected[row, row] = True, True, False
    assert (unknown == expected[:, :, None]).all() and not world.tariff[unknown].any()
    # Free ports are known to charge nothing.
    assert world.tariff_known[:, world.country_index("HKG")].sum() == 80 * 10


@pytest.mark.data
def test_held_against_the_observed_tables(world: World, needs_data: Callable[[str], Path]) -> None:
    path = needs_data("icio") / "flows_2011_2022.parquet"
    border_value, duties = embedded.observed_trade(path, world)
    fit = embedded.measures_of_fit(world, border_value, duties)
    assert fit["trade"] >= 0.97
    assert fit["duties"] >= 0.95
    wrong = [round(81 * (1 - fit[partner])) for partner in ("export_partner", "import_partner")]
    assert max(wrong) <= 2
    assert fit | {"value_added": 1.0} == pytest.approx(dict(world.provenance.fit), abs=1e-6)
    abroad = ~np.eye(81, dtype=bool)
    seen, made = (array.sum(2) * abroad for array in (border_value, world.border_value))
    gbr, usa, chn = (world.country_index(code) for code in ("GBR", "USA", "CHN"))
    assert seen[gbr].argmax() == made[gbr].argmax() == usa
    assert seen[:, usa].argmax() == made[:, usa].argmax() == chn


def test_the_shipped_file_is_what_the_build_gives(
    world: World, figures: embedded.Figures, tmp_path: Path
) -> None:
    built = embedded.build_embedded_world(figures, observed=tmp_path / "none")
    assert built.provenance.fit == {"value_added": 1.0}
    assert replace(built.provenance, fit=world.provenance.fit) == world.provenance
    np.testing.assert_allclose(built.expenditure, world.expenditure, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(built.inputs, world.inputs, rtol=1e-6, atol=1e-6)


def test_missing_figures_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        WorldFileError,
        match=r"lacks national_2022.csv, main_partners_2022.csv, main_cells_2022.csv, gdp_2022.csv",
    ):
        embedded.read_figures(tmp_path)


def test_share_reproduced() -> None:
    observed, estimated = np.array([3.0, 1.0]), np.array([2.0, 2.0])
    assert embedded.reproduced_share(observed, estimated) == pytest.approx(0.75)
    assert embedded.reproduced_share(observed, observed) == 1


def test_elasticity_sets() -> None:
    sets = elasticity_sets()
    published = ("U4", "CP", "FGO", "BSY", "GYY", "Shap", "LL", "IS")
    assert tuple(sets)[:8] == published
    for chosen in (sets[name] for name in published):
        assert tuple(chosen.by_sector) == tuple(BROAD_SECTORS)
        assert chosen.kind == "cost"
        assert chosen.source and chosen.label
    assert elasticity_set("CP").by_sector["metals"] == 4.54
    with pytest.raises(UnknownCodeError, match=r"'FGQ'\. Choose FGO"):
        elasticity_set("FGQ")


def test_a_broken_elasticity_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sets.csv"
    path.write_text("set,label,kind,source,note,metals\nA,a,cost,s,,-3\n")
    with pytest.raises(WorldFileError, match=r"sets\.csv, set 'A': elasticities must be above 0"):
        elasticity_sets(path)

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
    assert 0.2 < provenance.estimated_share < 0.3
    assert all(name in provenance.source for name in ("OECD", "Teti", "World Input-Output Database"))
    assert any("Input rows scaled" in change for change in provenance.changes)
    assert set(provenance.fit) == set(embedded.FIT_LABELS)


def test_national_figures_hold(world: World, figures: embedded.Figures) -> None:
    np.testing.assert_allclose(world.gross_output, figures.output, rtol=1e-5)
    abroad = world.border_value * ~np.eye(81, dtype=bool)[:, :, None]
    np.testing.assert_allclose(abroad.sum(1), figures.exports, rtol=1e-5)
    np.testing.assert_allclose(abroad.sum(0), figures.imports, rtol=2e-4)
    pairs = abroad[:, :, :9].sum(2)
    known = np.isfinite(figures.pair_exports)
    assert known.sum() == 972
    np.testing.assert_allclose(pairs[known], figures.pair_exports[known], rtol=2e-3)
    duties = (world.expenditure - world.border_value)[:, :, :9].sum(2)
    union = np.isin(figures.countries, group_members("EU"))
    paying = known & ~np.outer(union, union)
    np.testing.assert_allclose(duties[paying], (figures.pair_tariff * pairs)[paying], rtol=1e-4, atol=1e-2)
    shares = world.inputs.sum(1) / np.where(figures.output > 0, figures.output, 1)
    made = figures.output > 0
    expected = np.broadcast_to(figures.input_shares.sum(0), shares.shape)
    np.testing.assert_allclose(shares[made], expected[made], rtol=1e-5)


@pytest.mark.data
def test_held_against_the_observed_tables(world: World, needs_data: Callable[[str], Path]) -> None:
    path = needs_data("icio") / "flows_2011_2022.parquet"
    fit = embedded.measures_of_fit(world, *embedded.observed_trade(path, world))
    assert fit["goods_trade"] >= 0.94
    assert fit["goods_trade_by_sector"] >= 0.80
    assert fit == pytest.approx(dict(world.provenance.fit), abs=1e-6)


def test_the_shipped_file_is_what_the_build_gives(
    world: World, figures: embedded.Figures, tmp_path: Path
) -> None:
    built = embedded.build_embedded_world(figures, observed=tmp_path / "none")
    assert built.provenance.fit == {}
    assert replace(built.provenance, fit=world.provenance.fit) == world.provenance
    np.testing.assert_allclose(built.expenditure, world.expenditure, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(built.inputs, world.inputs, rtol=1e-6, atol=1e-6)


def test_missing_figures_are_named(tmp_path: Path) -> None:
    with pytest.raises(WorldFileError, match=r"lacks national_2022.csv, main_partners_2022.csv"):
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

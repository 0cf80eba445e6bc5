"""The embedded world as it was until November 2026, before its cells were facts: what its reference numbers stand on.

National totals and main partners, the rest by a gravity prior; input shares of the world's average for everybody. Kept so
that published comparisons can be repeated; nothing in the product reads it.
"""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.codes.countries import contiguity, distances
from firmtrade_core.codes.groups import group_members
from firmtrade_core.paths import figures_folder
from firmtrade_core.world.balance import balance_flows, close_input_rows
from firmtrade_core.world.embedded import balanced_imports, read_figures
from firmtrade_core.world.files import rounded
from firmtrade_core.world.world import World


def earlier_world() -> World:
    """The world; skips where the national figures are missing, fails under FIRMTRADE_STRICT=1."""
    folder = figures_folder()
    if not folder.is_dir():
        reason = f"{folder} is missing (FIRMTRADE_FIGURES)"
        pytest.fail(reason) if os.environ.get("FIRMTRADE_STRICT") == "1" else pytest.skip(reason)
    figures = read_figures(folder)
    imports, _ = balanced_imports(figures)
    n = len(figures.countries)
    home = np.eye(n, dtype=bool)
    reach = np.where(home, 1.0, distances(figures.countries)) ** -1.0
    closeness = ~home * reach * np.exp(0.5 * contiguity(figures.countries))
    trade = balance_flows(
        closeness[:, :, None] * figures.exports[:, None, :] * imports[None],
        figures.exports,
        imports,
        pair_totals=figures.pair_exports,
        pair_sectors=figures.goods,
        pair_tolerance=2e-3,
        max_iterations=4_000,
    ).flows
    union = np.isin(figures.countries, group_members("EU"))
    free = np.outer(union, union) | home
    tariff = np.where(free[:, :, None], 0.0, figures.average_tariff[None])
    value = trade * figures.goods
    duty = (value * tariff).sum(2)
    factor = np.ones_like(duty)
    known = np.isfinite(figures.pair_tariff) & ~free & (duty > 0)
    np.divide(figures.pair_tariff * value.sum(2), duty, out=factor, where=known)
    tariff = tariff * factor[:, :, None] * figures.goods
    border_value = trade.copy()
    border_value[home] = figures.output - figures.exports
    expenditure = border_value * (1 + tariff)
    shares = pd.read_csv(folder / "input_output_shares_2014.csv").set_index("input")
    average = shares.loc[list(figures.sectors), list(figures.sectors)].to_numpy(dtype=float)
    closing = close_input_rows(figures.output[:, None, :] * average, expenditure.sum(0))
    world = World(
        countries=figures.countries,
        sectors=figures.sectors,
        expenditure=expenditure,
        tariff=tariff,
        subsidy=np.zeros_like(tariff),
        inputs=closing.inputs,
        goods=figures.goods,
        name="The embedded world until November 2026",
    )
    return rounded(world, 7)

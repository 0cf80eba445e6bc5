"""One country in another unit than the rest is asked about, not taken in silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.errors import TariffError, WorldError
from firmtrade_core.world.odd_units import importers_in_percent, sellers_out_of_scale
from firmtrade_core.world.world import World

EMBEDDED = load_embedded_world()
#: A part of the embedded world with all its kinds of importers, in its own rates.
HERE = [c for c in EMBEDDED.countries if c != "ROW"]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return EMBEDDED.to_long()


def test_true_tables_are_taken_as_they_are(table: pd.DataFrame) -> None:
    assert importers_in_percent(table["importer"], table["sector"], table["tariff"].to_numpy(float)) == []
    value = table["expenditure_musd"].to_numpy(float)
    assert sellers_out_of_scale(table["exporter"], table["importer"], value) == []


@pytest.mark.truth
def test_every_importer_in_percent_is_found(table: pd.DataFrame) -> None:
    paid = table[table["tariff"] > 0].groupby("importer")["tariff"].size()
    missed = []
    for code in [c for c in HERE if paid.get(c, 0) > 50]:
        rate = table["tariff"].to_numpy(float).copy()
        rate[(table["importer"] == code).to_numpy()] *= 100
        if importers_in_percent(table["importer"], table["sector"], rate) != [code]:
            missed.append(code)
    assert missed == []


@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_every_exporter_in_another_unit_is_found(table: pd.DataFrame, factor: float) -> None:
    missed = []
    for code in HERE:
        value = table["expenditure_musd"].to_numpy(float).copy()
        value[(table["exporter"] == code).to_numpy()] *= factor
        if [name for name, _ in sellers_out_of_scale(table["exporter"], table["importer"], value)] != [code]:
            missed.append(code)
    assert missed == []


def small(table: pd.DataFrame) -> pd.DataFrame:
    keep = ["USA", "CHN", "MEX", "DEU", "BRA", "IND"]
    part = table[table["exporter"].isin(keep) & table["importer"].isin(keep)]
    return part[["exporter", "importer", "sector", "expenditure_musd", "tariff"]].copy()


def test_the_library_asks_and_takes_what_is_insisted_on(table: pd.DataFrame) -> None:
    flows = small(table)
    World.from_long(flows)
    percent = flows.assign(tariff=np.where(flows["importer"] == "IND", 10 * flows["tariff"], flows["tariff"]))
    percent.loc[percent["importer"] == "IND", "tariff"] *= 10
    with pytest.raises(TariffError, match="IND are many times"):
        World.from_long(percent)
    thousands = flows.copy()
    thousands.loc[thousands["exporter"] == "BRA", "expenditure_musd"] *= 1000
    with pytest.raises(WorldError, match="BRA sells abroad"):
        World.from_long(thousands)
    assert World.from_long(thousands, insist=True).countries == World.from_long(flows).countries


def test_true_and_false_are_no_tariffs(table: pd.DataFrame) -> None:
    flows = small(table)
    for column in (flows["tariff"] > 0.05, (flows["tariff"] > 0.05).map({True: "TRUE", False: "False"})):
        with pytest.raises(TariffError, match="true and false"):
            World.from_long(flows.assign(tariff=column))

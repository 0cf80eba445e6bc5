"""Worlds that the benchmarks solve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.equilibrium import Shock
from firmtrade_core.paths import data_folder
from firmtrade_core.world.world import World

SERVICES = "Services (aggregate)"


def icio(year: int = 2022) -> World:
    """ICIO, 81 economies x 28 sectors, from the folder of real data."""
    flows = pd.read_parquet(data_folder() / "icio" / "flows_2011_2022.parquet")
    flows = flows[flows.year == year].drop(columns="year")
    goods = [s for s in flows.sector.unique() if s != SERVICES]
    return World.from_long(flows, goods=goods, codes="any", missing="zero", name=f"ICIO {year}")


def wiod() -> World:
    """WIOD 2014, 44 countries x 50 sectors with input-output links."""
    from firmtrade_core.world.loaders.wiod_shares import wiod_2014_world

    return wiod_2014_world(data_folder() / "wiod-2014-io")


def synthetic(countries: int, sectors: int, *, seed: int = 0) -> World:
    """A random world without inputs whose home markets dominate."""
    random = np.random.default_rng(seed)
    size = np.exp(random.normal(0, 1.5, countries))
    distance = np.exp(random.normal(0, 0.8, (countries, countries)))
    taste = np.exp(random.normal(0, 0.8, (countries, sectors)))
    noise = np.exp(random.normal(0, 0.5, (countries, countries, sectors)))
    flows = size[:, None, None] * taste[:, None] * size[None, :, None] * noise / distance[:, :, None]
    home = np.arange(countries)
    flows[home, home] = 3 * flows.sum(0) * np.exp(random.normal(0, 0.3, (countries, sectors)))
    tariff = random.uniform(0, 0.15, flows.shape)
    tariff[home, home] = 0
    return World(
        tuple(f"C{i:03d}" for i in range(countries)),
        tuple(f"S{k:03d}" for k in range(sectors)),
        flows,
        tariff,
        np.zeros_like(flows),
        name=f"synthetic {countries} x {sectors}",
    )


def added_tariff(world: World, importer: str, points: float) -> Shock:
    """The importer adds points on all goods from everyone."""
    importing = world.country_index(importer)
    tariff = world.tariff.copy()
    others = np.arange(len(world.countries)) != importing
    assert world.goods is not None
    tariff[np.ix_(others, [importing], world.goods)] += points
    return Shock(tariff=tariff)


def available(folder: str) -> bool:
    """Whether a folder of real data is there."""
    return Path(data_folder() / folder).exists()

"""Small synthetic worlds on which scenarios are compiled."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from firmtrade_core.world.world import World

WorldMaker = Callable[..., World]


def synthetic_world(
    countries: Sequence[str] = ("USA", "CHN", "DEU", "ZAF", "ROW"),
    sectors: Sequence[str] = ("agriculture", "metals", "services"),
    seed: int = 1,
) -> World:
    """Random flows with large home sales, random tariffs abroad; services pay none."""
    random = np.random.default_rng(seed)
    n, s = len(countries), len(sectors)
    flows = random.lognormal(3, 1, (n, n, s)) + 400 * np.eye(n)[:, :, None]
    abroad = ~np.eye(n, dtype=bool)[:, :, None]
    goods = np.array([not sector.lower().startswith("services") for sector in sectors])
    tariff = random.uniform(0.01, 0.3, (n, n, s)) * abroad * goods
    return World(
        tuple(countries), tuple(sectors), flows, tariff, np.zeros((n, n, s)), goods=goods, name="synthetic"
    )


@pytest.fixture(scope="session")
def make_world() -> WorldMaker:
    """Makes synthetic worlds with given labels."""
    return synthetic_world


@pytest.fixture(scope="session")
def world() -> World:
    """Four countries and the rest of the world, two goods and services."""
    return synthetic_world()

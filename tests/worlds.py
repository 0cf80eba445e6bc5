"""Synthetic worlds with closed accounts, for tests."""

from __future__ import annotations

import numpy as np

from firmtrade_core.world.world import World


def make_world(
    countries: int = 4,
    sectors: int = 3,
    *,
    seed: int = 0,
    inputs: bool = True,
    tariffs: bool = True,
    subsidies: bool = True,
    zeros: bool = True,
) -> World:
    """A random world: dominant home markets, tariffs, subsidies, inputs, some empty cells abroad."""
    random = np.random.default_rng(seed)
    n, s = countries, sectors
    size = np.exp(random.normal(0, 0.8, n))
    expenditure = size[:, None, None] * size[None, :, None] * np.exp(random.normal(0, 0.6, (n, n, s)))
    home = np.arange(n)
    if zeros and n > 2:
        empty = random.random((n, n, s)) < 0.08
        expenditure[empty] = 0.0
    foreign = expenditure.sum(0)
    expenditure[home, home] = (1 + foreign) * random.uniform(1.2, 3.0, (n, s))
    tariff = random.uniform(0.0, 0.2, (n, n, s)) * tariffs
    subsidy = random.uniform(-0.05, 0.1, (n, n, s)) * subsidies
    tariff[home, home] = subsidy[home, home] = 0.0
    purchases = _inputs(random, expenditure, tariff, subsidy) if inputs else None
    return World(
        tuple(f"C{i:02d}" for i in range(n)),
        tuple(f"S{k:02d}" for k in range(s)),
        1000 * expenditure,
        tariff,
        subsidy,
        None if purchases is None else 1000 * purchases,
        name="synthetic",
    )


def _inputs(
    random: np.random.Generator, expenditure: np.ndarray, tariff: np.ndarray, subsidy: np.ndarray
) -> np.ndarray:
    """Purchases small enough to leave final demand and value added positive everywhere."""
    n, _, s = expenditure.shape
    output = (expenditure / ((1 + tariff) * (1 - subsidy))).sum(1)
    recipe = random.dirichlet(np.ones(s), size=(n, s)).transpose(0, 2, 1)
    purchases = recipe * random.uniform(0.2, 0.45, (n, 1, s)) * output[:, None, :]
    cover = 0.7 * expenditure.sum(0) / purchases.sum(2)
    return purchases * np.minimum(1.0, cover)[:, :, None]


def halve_country(world: World, which: int) -> World:
    """The world with a country split into identical halves that trade with each other as home with home."""
    n = len(world.countries)
    order = [*range(n), which]
    weight = np.ones(n + 1)
    weight[[which, n]] = 0.5
    expenditure = world.expenditure[np.ix_(order, order)] * weight[:, None, None] * weight[None, :, None]
    inputs = None if world.inputs is None else world.inputs[order] * weight[:, None, None]
    return World(
        (*world.countries, f"{world.countries[which]}b"),
        world.sectors,
        expenditure,
        world.tariff[np.ix_(order, order)],
        world.subsidy[np.ix_(order, order)],
        inputs,
    )


def halve_sector(world: World, which: int) -> World:
    """The world with a sector split into identical halves."""
    s = len(world.sectors)
    order = [*range(s), which]
    weight = np.ones(s + 1)
    weight[[which, s]] = 0.5
    inputs = None
    if world.inputs is not None:
        inputs = world.inputs[:, order][:, :, order] * weight[None, :, None] * weight[None, None, :]
    return World(
        world.countries,
        (*world.sectors, f"{world.sectors[which]}b"),
        world.expenditure[:, :, order] * weight,
        world.tariff[:, :, order],
        world.subsidy[:, :, order],
        inputs,
    )

"""Merging countries and sectors of a world without losing a dollar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


def aggregate(
    world: World,
    *,
    countries: Mapping[str, str] | None = None,
    sectors: Mapping[str, str] | None = None,
    sector_names: Mapping[str, str] | None = None,
    name: str | None = None,
) -> World:
    """Merge countries and sectors into groups; those not mentioned stay as they are.

    Expenditure, border values, revenue, duties, subsidies, inputs and value added of a group are the sums over
    its members, so tariffs and subsidies become trade-weighted means. Trade within a group of countries
    becomes domestic and keeps its duties. A merged sector is goods only if all its members are. A group's tariff is
    unknown where it is on more than half of the value and nobody else pays one; otherwise what is unknown counts as free.

    Parameters
    ----------
    countries, sectors
        Group of each member to merge, by code.
    sector_names
        Plain names of the new sectors.
    name
        Of the new world.

    Raises
    ------
    UnknownCodeError
        If a mapping names a country or sector that the world does not have.
    WorldError
        If a group would take the code of a country or sector that is not in it.
    """
    origin, new_countries = _membership(world.countries, countries or {}, world.country_index)
    product, new_sectors = _membership(world.sectors, sectors or {}, world.sector_index)

    def cells(array: Array) -> Array:
        merged: Array = np.einsum("gi,ijs,hj,ps->ghp", origin, array, origin, product, optimize=True)
        return merged

    members = cells(np.ones_like(world.expenditure))
    expenditure, border_value, revenue = (
        cells(a) for a in (world.expenditure, world.border_value, world.revenue)
    )
    assert world.goods is not None
    names = {s: world.sector_name(s) for s in world.sectors if s in new_sectors} | dict(sector_names or {})
    merged = len(world.countries) - len(new_countries), len(world.sectors) - len(new_sectors)
    return World(
        countries=new_countries,
        sectors=new_sectors,
        expenditure=expenditure,
        tariff=_rate(expenditure, border_value, cells(world.tariff) / members),
        subsidy=-_rate(border_value, revenue, -cells(world.subsidy) / members),
        inputs=None
        if world.inputs is None
        else np.einsum("gi,ikz,pk,qz->gpq", origin, world.inputs, product, product, optimize=True),
        tariff_known=None
        if world.tariff_known is None
        else 2 * cells(world.expenditure * world.tariff_known) >= expenditure,
        tariffs_stated=world.tariffs_stated,
        goods=(product @ ~world.goods) == 0,
        sector_names=names,
        provenance=world.provenance.with_change(
            f"Aggregated from {len(world.countries)} countries x {len(world.sectors)} sectors to "
            f"{len(new_countries)} x {len(new_sectors)}."
        )
        if any(merged)
        else world.provenance,
        name=name or world.name,
    )


def _rate(with_tax: Array, without: Array, mean: Array) -> Array:
    """Ad valorem rate that turns one value into the other; the members' mean where nothing is traded."""
    return np.divide(with_tax, without, out=1 + mean, where=without > 0) - 1


def _membership(
    labels: Sequence[str], groups: Mapping[str, str], index: Callable[[str], int]
) -> tuple[Array, tuple[str, ...]]:
    """Matrix (groups, members) of zeros and ones, and the groups in order of first appearance."""
    for code in groups:
        index(code)
    new = tuple(dict.fromkeys(str(groups.get(code, code)) for code in labels))
    outside = [code for code in labels if code not in groups and code in set(groups.values())]
    if outside:
        raise WorldError(
            f"A group is called {outside[0]}, but {outside[0]} itself is not in it. Map {outside[0]} too, or choose "
            "another code."
        )
    matrix = np.zeros((len(new), len(labels)))
    for i, code in enumerate(labels):
        matrix[new.index(str(groups.get(code, code))), i] = 1
    return matrix, new

"""What loaders of inter-country input-output tables share: from blocks of a table to a world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.iso import is_known
from firmtrade_core.codes.sectors import is_goods
from firmtrade_core.labels import grouped
from firmtrade_core.world.build import TariffUnit, closed_inputs_change
from firmtrade_core.world.errors import UnknownCodeError, WorldFileError
from firmtrade_core.world.joins import MOST_NAMED, named, without_partner
from firmtrade_core.world.tables import numbers, refuse_repeated_rows, require_columns
from firmtrade_core.world.world import Provenance, World

Array = NDArray[np.float64]

NO_TARIFFS = "The source holds no tariffs: they are unknown, and counted as 0."


@dataclass(frozen=True)
class Blocks:
    """The blocks of an inter-country input-output table, at basic prices.

    Parameters
    ----------
    countries, sectors
        Labels.
    intermediate : (N, S, N, S)
        Purchases of an origin's product by a destination's industry.
    final : (N, S, N)
        Purchases by a destination's final demand, all categories together.
    unit : float
        Millions of US dollars in one unit of the table.
    """

    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    intermediate: Array
    final: Array
    unit: float = 1.0


def labelled_sums(rows: pd.MultiIndex, columns: pd.MultiIndex, values: Array) -> Blocks:
    """Blocks from a matrix whose rows are (country, sector) and columns (country, sector or "").

    A column with an empty sector is final demand. Rows and columns with the same labels are summed, which
    folds split countries and user sectors.

    Raises
    ------
    WorldFileError
    """
    countries = tuple(sorted(set(rows.get_level_values(0))))
    sectors = tuple(dict.fromkeys(rows.get_level_values(1)))
    n, s = len(countries), len(sectors)
    place = {c: i for i, c in enumerate(countries)}, {k: i for i, k in enumerate(sectors)}
    row = np.array([place[0][c] * s + place[1][k] for c, k in rows])
    strange = [c for c, k in columns if c not in place[0] or (k and k not in place[1])]
    if strange:
        raise WorldFileError(f"The table's columns name {strange[0]}, which has no row.")
    column = np.array([place[0][c] * (s + 1) + (place[1][k] if k else s) for c, k in columns])
    total = np.zeros((n * s, n * (s + 1)))
    by_row = np.zeros((n * s, values.shape[1]))
    np.add.at(by_row, row, values)
    np.add.at(total.T, column, by_row.T)
    cube = total.reshape(n, s, n, s + 1)
    return Blocks(countries, sectors, cube[..., :s], cube[..., s])


def world_from_blocks(
    blocks: Blocks,
    provenance: Provenance,
    *,
    tariffs: pd.DataFrame | None = None,
    tariff_unit: TariffUnit = "check",
    sector_names: Mapping[str, str] | None = None,
    goods: Sequence[str] | None = None,
    name: str,
) -> World:
    """A world from input-output blocks; every repair is stated in its provenance.

    Flows are intermediate plus final purchases. Where falling inventories make a flow negative it is set to
    zero. Tariffs, if given, are added to basic prices, on inputs at the buyer's mean rate.

    Parameters
    ----------
    blocks
    provenance
    tariffs, tariff_unit
        By exporter, importer and sector; none unless given.
    sector_names, goods
    name
    """
    flows = np.einsum("ikjs->ijk", blocks.intermediate) + blocks.final.transpose(0, 2, 1)
    changes: list[str] = []
    negative = flows < 0
    if negative.any():
        changes.append(
            f"{grouped(int(negative.sum()))} negative flows (falling inventories) set to zero, "
            f"{100 * -flows[negative].sum() / flows[~negative].sum():.2g} % of all flows."
        )
    border = np.maximum(flows, 0.0) * blocks.unit
    tariff, known = tariff_array(tariffs, tariff_unit, blocks.countries, blocks.sectors, border, changes)
    expenditure = border * (1 + tariff)
    purchases = np.einsum("ikjs->jks", np.maximum(blocks.intermediate, 0.0)) * blocks.unit
    markup = np.divide(
        expenditure.sum(0), border.sum(0), out=np.ones(border.shape[1:]), where=border.sum(0) > 0
    )
    purchases *= markup[:, :, None]
    kept = drop_idle(blocks.countries, expenditure, changes)
    cell = np.ix_(kept, kept)
    expenditure, tariff, known = expenditure[cell], tariff[cell], known[cell]
    countries = tuple(np.array(blocks.countries)[kept])
    purchases = leave_value_added(purchases[kept], (expenditure / (1 + tariff)).sum(1), changes)
    purchases, change = closed_inputs_change(purchases, expenditure, countries)
    changes += [change] if change else []
    changes += without_partner(countries, expenditure)
    return World(
        countries=countries,
        sectors=blocks.sectors,
        expenditure=expenditure,
        tariff=tariff,
        tariff_known=known,
        tariffs_stated=tariff_unit != "check",
        subsidy=np.zeros_like(tariff),
        inputs=purchases,
        goods=np.array([s in goods if goods is not None else is_goods(s) for s in blocks.sectors]),
        sector_names=dict(sector_names or {}),
        provenance=_with_changes(provenance, changes),
        name=name,
    )


def leave_value_added(
    purchases: Array, output: Array, changes: list[str], largest_share: float = 0.99
) -> Array:
    """Scale the inputs of users that leave no value added down to 99 % of their output, and say so."""
    cost = purchases.sum(1)
    limit = largest_share * output
    over = cost > limit
    if over.any():
        changes.append(f"Inputs of {int(over.sum())} country-sectors scaled down to 99 % of their output.")
    factor = np.divide(limit, cost, out=np.ones_like(cost), where=over)
    return purchases * factor[:, None, :]


def drop_idle(countries: Sequence[str], expenditure: Array, changes: list[str]) -> NDArray[np.intp]:
    """Positions of the countries that both sell and buy; the others are left out, and named."""
    active = (expenditure.sum((0, 2)) > 0) & (expenditure.sum((1, 2)) > 0)
    if not active.all():
        worth = expenditure.sum((0, 2)) + expenditure.sum((1, 2))
        who = {countries[int(i)]: float(worth[i]) for i in np.flatnonzero(~active)}
        changes.append(f"Left out, without sales or without expenditure: {named(who)}.")
    return np.flatnonzero(active)


def tariff_array(
    tariffs: pd.DataFrame | None,
    unit: TariffUnit,
    countries: Sequence[str],
    sectors: Sequence[str],
    border: Array,
    changes: list[str],
) -> tuple[Array, NDArray[np.bool_]]:
    """Tariffs as fractions from a table with columns exporter, importer, sector, tariff, and which are known.

    Who has no row is named.

    Parameters
    ----------
    unit
        How the table writes them (`World.from_long`); what looks like percent is refused by the world itself.
    border : (N, N, S)
        Flows that pay them, million US dollars: what the cells without a row are worth. Sales at home pay none.
    changes
        What is said of the join: rows of economies that the flows do not have, and importers with trade but without rows.

    Raises
    ------
    UnknownCodeError
        If the table names a sector that the flows do not have, or what is no economy.
    """
    n, s = len(countries), len(sectors)
    array = np.zeros((n, n, s))
    if tariffs is None:
        changes.append(NO_TARIFFS)
        free = np.array([not is_goods(sector) for sector in sectors]) | np.eye(n, dtype=bool)[:, :, None]
        return array, free
    where = "The table of tariffs"
    require_columns(tariffs, ("exporter", "importer", "sector", "tariff"), where)
    changes.append(
        "Tariffs joined from a table given beside the source"
        + (", given in percent, divided by 100." if unit == "percent" else ".")
    )
    tariffs = _of_these(tariffs, countries, where, changes)
    refuse_repeated_rows(tariffs, ("exporter", "importer", "sector"), where)
    at = []
    for column, known in (("exporter", countries), ("importer", countries), ("sector", sectors)):
        index = tariffs[column].astype(str).str.strip().map({label: i for i, label in enumerate(known)})
        if index.isna().any():
            strange = tariffs[column][index.isna()].iloc[0]
            raise UnknownCodeError(f"{where} names the {column} {strange!r}, which the flows do not have.")
        at.append(index.to_numpy(dtype=np.intp))
    array[tuple(at)] = numbers(tariffs, "tariff", where) / (100.0 if unit == "percent" else 1.0)
    given = np.zeros((n, n, s), dtype=bool)
    given[tuple(at)] = True
    given[np.arange(n), np.arange(n)] = True
    # Services pay no duties: a table of tariffs says nothing of a sector that it never names.
    given[:, :, ~np.isin(np.arange(s), at[2])] = True
    free = np.where(given, 0.0, np.maximum(border, 0.0)).sum((0, 2))
    if free.sum() > 0:
        crossing = border.sum() - border[np.arange(n), np.arange(n)].sum()
        who = {str(c): float(v) for c, v in zip(countries, free, strict=True) if v > 0}
        changes.append(
            f"Imports without a row in the table of tariffs have an unknown one, counted as 0, {100 * free.sum() / crossing:.2g} % of all: {named(who)}."
        )
    return array, given


def _of_these(
    tariffs: pd.DataFrame, countries: Sequence[str], where: str, changes: list[str]
) -> pd.DataFrame:
    """Rows of economies that the flows have; those of others are counted and named, what is no economy refused."""
    names = {c: tariffs[c].astype(str).str.strip() for c in ("exporter", "importer")}
    others: set[str] = set()
    for column, values in names.items():
        for code in sorted(set(values) - set(countries)):
            if not is_known(code):
                raise UnknownCodeError(f"{where} names the {column} {code!r}, which the flows do not have.")
            others.add(code)
    if not others:
        return tariffs
    kept = names["exporter"].isin(list(countries)) & names["importer"].isin(list(countries))
    changes.append(
        f"{grouped(int((~kept).sum()))} rows of tariffs of {', '.join(sorted(others)[:MOST_NAMED])}"
        f"{f' and {len(others) - MOST_NAMED} more' if len(others) > MOST_NAMED else ''} unused: the flows do not have them."
    )
    return tariffs[kept.to_numpy()].reset_index(drop=True)


def fold(labels: Sequence[str], mapping: Mapping[str, str] | None, what: str) -> list[str]:
    """Labels renamed to user groups; a mapping must name every label, so that nothing is lost unnoticed.

    Raises
    ------
    UnknownCodeError
        Naming the labels without a group.
    """
    if mapping is None:
        return list(labels)
    missing = sorted({label for label in labels if label not in mapping})
    if missing:
        raise UnknownCodeError(
            f"The mapping of {what} has no group for {', '.join(missing[:8])}"
            + (f" and {len(missing) - 8} more." if len(missing) > 8 else ".")
        )
    return [str(mapping[label]) for label in labels]


def _with_changes(provenance: Provenance, changes: Sequence[str]) -> Provenance:
    for change in changes:
        provenance = provenance.with_change(change)
    return provenance

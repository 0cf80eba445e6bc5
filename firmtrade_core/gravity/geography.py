"""What lies between countries: distances, borders, languages, from our own tables or from CEPII's files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.codes.countries import (
    common_language,
    contiguity,
    distances,
    is_known,
)
from firmtrade_core.codes.places import read_place, seat_of
from firmtrade_core.gravity.errors import GravityError
from firmtrade_core.gravity.panel import Array, GravityPanel
from firmtrade_core.world.tables import numbers, read_table, require_columns
from firmtrade_core.world.world import World

#: Columns of `geography`, besides exporter and importer.
VARIABLES = ("dist", "contiguity", "language")

#: The distance within a country, over that to its nearest neighbour (Wei 1996).
INTERNAL_SHARE = 0.25

#: Columns of CEPII's files that are read, and what they are called here.
GEODIST = {"dist": "dist", "contig": "contiguity", "comlang_off": "language", "colony": "colony"}
CEPII_GRAVITY = {
    "dist": "dist",
    "distw_harmonic": "dist_weighted",
    "contig": "contiguity",
    "comlang_off": "language",
    "col_dep_ever": "colony",
    "fta_wto": "rta",
    "rta": "rta",
}


class GeographyFileError(GravityError):
    """A file of gravity variables cannot be used. The message says what was expected."""


def geography(countries: Sequence[str]) -> pd.DataFrame:
    """Distance (km, between capitals), common land border and official language of all pairs.

    Within a country the distance is a quarter of that to the nearest other (Wei 1996); a country borders itself
    and speaks its language, which matters to nothing once there is a border dummy, so both are zero there.

    Returns
    -------
    DataFrame
        Columns exporter, importer, dist, contiguity, language.

    Raises
    ------
    GeographyFileError
        Naming countries whose place is not known.
    """
    places = [present_day(c) for c in countries]
    unknown = [c for c, place in zip(countries, places, strict=True) if not is_known(place)]
    try:
        between = distances(places)
    except KeyError as error:
        names = ", ".join(unknown) or str(error)
        raise GeographyFileError(
            f"No capital is known of {names}. Use ISO codes of three letters, or give dist, contiguity and language with the "
            "flows."
        ) from error
    n = len(countries)
    apart = between + np.where(np.eye(n, dtype=bool), np.inf, 0.0)
    between = between + np.diag(INTERNAL_SHARE * apart.min(1))
    return _long(
        countries,
        dist=between,
        contiguity=contiguity(places).astype(np.float64),
        language=common_language(places).astype(np.float64),
    )


def present_day(code: str) -> str:
    """The present country that stands for a code on the map: of a state that is no more, the one of its seat."""
    return seat_of(code)


def with_geography(panel: GravityPanel, table: pd.DataFrame | None = None) -> GravityPanel:
    """The panel with a table's variables by exporter and importer, `geography` unless one is given.

    Raises
    ------
    GeographyFileError
        Counting and naming pairs that the table lacks.
    """
    given = geography(panel.countries) if table is None else table
    keys = ["exporter", "importer", *(["year"] if "year" in given else [])]
    new = [c for c in given.columns if c not in keys]
    own = panel.table.drop(columns=[c for c in new if c in panel.table])
    left = own[keys].astype({"exporter": str, "importer": str})
    found = left.merge(given, on=keys, how="left", validate="many_to_one")
    if bad := int(found[new].isna().any(axis=1).sum()):
        first = found[found[new].isna().any(axis=1)].iloc[0]
        pair = " and ".join(str(first[k]) for k in keys[:2])
        raise GeographyFileError(
            f"{bad:,} of {len(found):,} rows have no {' or '.join(new)}, the first {pair}. Complete the table, or "
            "leave these countries out."
        )
    renamed = [f"{c} as {present_day(c)}" for c in panel.countries if table is None and present_day(c) != c]
    notes = (f"Placed on the map: {', '.join(renamed)}.",) if renamed else ()
    return replace(
        panel, table=own.assign(**{c: found[c].to_numpy() for c in new}), notes=(*panel.notes, *notes)
    )


def panel_of_world(world: World, *, pooled: bool = False) -> GravityPanel:
    """A world's goods trade as a cross-section with tariffs and `geography`, at consumer values.

    Tariffs that are unknown count as 0, as a note says.

    Parameters
    ----------
    world
    pooled
        All goods in one sector, with the tariff they pay together; otherwise sector by sector.

    Raises
    ------
    GeographyFileError
        If the place of a country is not known.
    """
    goods = np.ones(len(world.sectors), dtype=bool) if world.goods is None else world.goods
    expenditure = world.expenditure[:, :, goods]
    border = expenditure / (1 + world.tariff[:, :, goods])
    names = [s for s, good in zip(world.sectors, goods, strict=True) if good]
    if pooled:
        expenditure, border, names = (
            expenditure.sum(2, keepdims=True),
            border.sum(2, keepdims=True),
            ["goods"],
        )
    tariff = np.where(border > 0, expenditure / np.where(border > 0, border, 1.0) - 1, 0.0)
    n, s = len(world.countries), len(names)
    table = pd.DataFrame(
        {
            "exporter": np.repeat(np.array(world.countries, dtype=object), n * s),
            "importer": np.tile(np.repeat(np.array(world.countries, dtype=object), s), n),
            "sector": np.tile(np.array(names, dtype=object), n * n),
            "year": world.provenance.year or 0,
            "trade": expenditure.ravel(),
            "tariff": tariff.ravel(),
        }
    )
    panel = GravityPanel.from_table(table, flow_values="consumer", tariff="tariff")
    unknown = world.tariff_unknown[:, :, goods]
    blank = int((unknown.any(2) if pooled else unknown).sum())
    notes = (f"{blank:,} tariffs are unknown and counted as 0.",) if blank else ()
    return with_geography(replace(panel, notes=(*panel.notes, *notes)))


def load_geodist(path: str | Path) -> pd.DataFrame:
    """Read CEPII's ``dist_cepii`` (``iso_o, iso_d, dist, contig, comlang_off, colony``), codes made present-day.

    Romania and the Congo have old codes there; Yugoslavia's stands for Serbia.
    """
    return _read(path, ("iso_o", "iso_d"), GEODIST, None)


def load_cepii_gravity(path: str | Path, years: Sequence[int] | None = None) -> pd.DataFrame:
    """Read CEPII's Gravity database (``iso3_o, iso3_d, year, ...``), codes made present-day.

    Rows of countries that did not exist in a year (``country_exists_o``, ``country_exists_d``) are left out, and
    so are repeated rows of states that a year of change lists twice: the one with trade variables stays.
    """
    return _read(path, ("iso3_o", "iso3_d"), CEPII_GRAVITY, years)


def _read(
    path: str | Path, codes: tuple[str, str], names: dict[str, str], years: Sequence[int] | None
) -> pd.DataFrame:
    path = Path(path)
    table = read_table(path)
    dated = codes[0] == "iso3_o"
    require_columns(table, [*codes, "dist", *(["year"] if dated else [])], path.name)
    if dated and years is not None:
        table = table[table["year"].isin(list(years))]
    for side in ("country_exists_o", "country_exists_d"):
        if side in table:
            table = table[pd.to_numeric(table[side], errors="coerce") == 1]
    if table.empty:
        raise GeographyFileError(f"{path.name} holds no pairs{' of these years' if years else ''}.")
    result = pd.DataFrame({"exporter": _present(table[codes[0]]), "importer": _present(table[codes[1]])})
    if dated:
        result["year"] = numbers(table, "year", path.name).astype(int)
    for column, name in names.items():
        if column in table and name not in result:
            result[name] = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=np.float64)
    keys = [c for c in ("exporter", "importer", "year") if c in result]
    # A state that is no more stands under its own code, and under its seat's where that has no row of its own.
    seats = result.assign(exporter=result["exporter"].map(seat_of), importer=result["importer"].map(seat_of))
    moved = (seats[["exporter", "importer"]] != result[["exporter", "importer"]]).any(axis=1)
    result = pd.concat([result, seats[moved]], ignore_index=True)
    known = result.assign(_gaps=result.drop(columns=keys).isna().sum(axis=1))
    known = known.sort_values([*keys, "_gaps"], kind="stable").drop_duplicates(keys)
    return known.drop(columns="_gaps").reset_index(drop=True)


def _present(codes: pd.Series) -> pd.Series:
    """Present-day codes: those given up replaced; states that are no more keep their own.

    The Gravity database numbers a country that it splits by time (DEU.1, DEU.2): the number is cut.
    """
    text = codes.astype(str).str.strip().str.upper().str.split(".").str[0]
    successors = {code: _same_today(code) for code in text.unique()}
    return text.map(successors).reset_index(drop=True)


def _same_today(code: str) -> str:
    place = read_place(code)
    return str(place.code) if place.kind == "renamed" else code


def _long(countries: Sequence[str], **matrices: Array) -> pd.DataFrame:
    n = len(countries)
    return pd.DataFrame(
        {
            "exporter": np.repeat(np.array(countries, dtype=object), n),
            "importer": np.tile(np.array(countries, dtype=object), n),
            **{name: matrix.ravel() for name, matrix in matrices.items()},
        }
    )

"""What lies between countries: distances, borders, languages, from our own tables or from CEPII's files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from firmtrade_core.codes.countries import REST_OF_WORLD, capitals, common_language, contiguity, distances
from firmtrade_core.codes.iso import is_known
from firmtrade_core.codes.place_lists import na_in_doubt, other_list
from firmtrade_core.codes.places import read_place, seat_of
from firmtrade_core.gravity.errors import GravityError
from firmtrade_core.gravity.panel import Array, GravityPanel
from firmtrade_core.labels import grouped
from firmtrade_core.world.tables import numbers, read_table, require_columns
from firmtrade_core.world.world import World

#: Columns of `geography`, besides exporter and importer.
VARIABLES = ("dist", "contiguity", "language")

#: The distance within a country, over that to its nearest neighbour (Wei 1996).
INTERNAL_SHARE = 0.25

#: What these variables are called in others' panels, in lower case.
KNOWN_AS = {
    "dist": ("distance", "dist_km", "distance_km", "distw", "distcap", "distw_harmonic", "distwces", "km"),
    "contiguity": ("contig", "contiguous", "cntg", "adjacency", "adjacent"),
    "language": ("comlang_off", "comlang", "common_language", "lang", "lang_off"),
}

Unknown = Literal["refuse", "leave"]

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


def geography(countries: Sequence[str], *, unknown: Unknown = "refuse") -> pd.DataFrame:
    """Distance (km, between capitals), common land border and official language of all pairs.

    Within a country the distance is a quarter of that to the nearest other (Wei 1996); a country borders itself
    and speaks its language, which matters to nothing once there is a border dummy, so both are zero there.

    Parameters
    ----------
    unknown
        What to do with countries whose place is not known: refuse, or leave what is between them and others missing.

    Returns
    -------
    DataFrame
        Columns exporter, importer, dist, contiguity, language.

    Raises
    ------
    GeographyFileError
        Naming countries whose place is not known.
    """
    placed = _placed(countries)
    strange = [c for c in countries if c not in set(placed)]
    if strange and unknown == "refuse":
        raise GeographyFileError(
            f"No capital is known of {', '.join(strange)}. Use ISO codes of three letters, or give dist, contiguity and language "
            "with the flows."
        )
    if not placed:
        return _long(countries).assign(**dict.fromkeys(VARIABLES, np.nan))
    places = [present_day(c) for c in placed]
    between = distances(places)
    n = len(placed)
    # A former state may share its seat with a present one (DDR and DEU): they are as far apart as within a country.
    same = between == 0.0
    inside = INTERNAL_SHARE * np.where(same, np.inf, between).min(1, initial=np.inf)
    between = np.where(same, np.minimum(inside[:, None], inside), between)
    found = _long(
        placed,
        dist=np.where(np.isfinite(between), between, np.nan),
        contiguity=contiguity(places).reshape(n, n).astype(np.float64),
        language=common_language(places).reshape(n, n).astype(np.float64),
    )
    if not strange:
        return found
    pairs = _long(countries)
    return pairs.merge(found, on=["exporter", "importer"], how="left", validate="one_to_one")


def _placed(countries: Sequence[str]) -> list[str]:
    """Countries whose place is known, judged by all of them.

    Codes of a list that is not ISO's are other countries' codes by chance, and an NA beside other codes than those of two
    letters may be nothing: they have no place.
    """
    other, doubt = other_list(countries), bool(na_in_doubt(countries))
    return [
        c
        for c in countries
        if has_place(c) and not (other and other.holds(c)) and not (doubt and c.strip().upper() == "NA")
    ]


def has_place(code: str) -> bool:
    """Whether a code's place on the map is known: of a present country, the rest of the world, or a former state's seat."""
    place = present_day(code)
    return is_known(place) and (place == REST_OF_WORLD or place in capitals())


def present_day(code: str) -> str:
    """The present country that stands for a code on the map: of a state that is no more, the one of its seat."""
    return seat_of(code)


def with_geography(
    panel: GravityPanel, table: pd.DataFrame | None = None, *, unknown: Unknown = "refuse"
) -> GravityPanel:
    """The panel with a table's variables by exporter and importer, `geography` unless one is given.

    Parameters
    ----------
    unknown
        Where a pair is not in the table, or a country's place is not known: refuse; or leave the pair's variables missing, so
        that it drops out of equations that use them, and say so. What the panel holds itself (``dist``, or a column by which a
        distance is known, such as ``dist_km``) then comes first.

    Raises
    ------
    GeographyFileError
        Counting and naming pairs that the table lacks.
    """
    given = geography(panel.countries, unknown=unknown) if table is None else table
    keys = ["exporter", "importer", *(["year"] if "year" in given else [])]
    new = [c for c in given.columns if c not in keys]
    held, said = _own_variables(panel, new) if unknown == "leave" else ({}, [])
    own = panel.table.drop(columns=[c for c in new if c in panel.table])
    left = own[keys].astype({"exporter": str, "importer": str})
    found = left.merge(given, on=keys, how="left", validate="many_to_one")
    for name, values in held.items():
        found[name] = np.where(np.isfinite(values), values, found[name].to_numpy(dtype=np.float64))
    missing = found[new].isna().any(axis=1)
    if (bad := int(missing.sum())) and unknown == "refuse":
        first = found[missing].iloc[0]
        pair = " and ".join(str(first[k]) for k in keys[:2])
        raise GeographyFileError(
            f"{grouped(bad)} of {grouped(len(found))} rows have no {' or '.join(new)}, the first {pair}. Complete the table, or "
            "leave these countries out."
        )
    if bad:
        said.append(_on_gaps(panel, found, new, table is None))
    placed = _placed(panel.countries) if table is None else []
    renamed = [f"{c} as {present_day(c)}" for c in placed if present_day(c) != c]
    if renamed:
        said.append(f"Placed on the map: {', '.join(renamed)}.")
    return replace(
        panel, table=own.assign(**{c: found[c].to_numpy() for c in new}), notes=(*panel.notes, *said)
    )


def _own_variables(panel: GravityPanel, wanted: Sequence[str]) -> tuple[dict[str, Array], list[str]]:
    """Variables that the panel holds under their own or another name, by name, and what is to be said of the latter."""
    held: dict[str, Array] = {}
    said = []
    plain = {str(c).strip().casefold(): str(c) for c in panel.table.columns}
    for name in wanted:
        column = next((plain[a] for a in (name, *KNOWN_AS.get(name, ())) if a in plain), None)
        if column is None:
            continue
        values = pd.to_numeric(panel.table[column], errors="coerce").to_numpy(
            dtype=np.float64, na_value=np.nan
        )
        if name == "dist":
            values = np.where(values > 0, values, np.nan)
        if np.isfinite(values).any():
            held[name] = values
            if column != name:
                said.append(f"{name} is the panel's own column {column}.")
    return held, said


def _on_gaps(panel: GravityPanel, found: pd.DataFrame, new: Sequence[str], ours: bool) -> str:
    """Whose variables are missing, in which rows."""
    gaps = ", ".join(f"{name} in {grouped(int(n))} rows" for name in new if (n := found[name].isna().sum()))
    if ours:
        placed = set(_placed(panel.countries))
        who = ", ".join(c for c in panel.countries if c not in placed)
        reason = f"No place on the map is known of {who}" if who else "Some pairs have no distance"
        if (other := other_list(panel.countries)) is not None:
            reason = f"{other.sentence.partition(' The whole column')[0]} {reason}"
        reason = " ".join(filter(None, (na_in_doubt(panel.countries), reason)))
    else:
        pairs = found.loc[found[list(new)].isna().any(axis=1), ["exporter", "importer"]].drop_duplicates()
        listed = ", ".join(f"{o} and {d}" for o, d in pairs.head(5).itertuples(index=False, name=None))
        reason = f"The table lacks {grouped(len(pairs))} pairs ({listed}{' ...' if len(pairs) > 5 else ''})"
    return f"{reason}: missing are {gaps}, which drop out of equations that use them."


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
    notes = (f"{grouped(blank)} tariffs are unknown and counted as 0.",) if blank else ()
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

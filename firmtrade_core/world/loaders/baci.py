"""CEPII BACI trade with a table of output: domestic sales are what output leaves after exports.

BACI is a CSV file ``BACI_HS17_Y2019_V202401b.csv`` with the columns ``t`` (year), ``i`` (exporter), ``j`` (importer), ``k`` (HS product,
six digits), ``v`` (thousand US dollars) and ``q``; countries are numbers that ``country_codes_V202401b.csv`` beside it
explains (``country_code``, ``country_iso3``). Products become sectors by a concordance.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.world.errors import (
    ColumnError,
    DuplicateCellError,
    EmptyMarketError,
    UnknownCodeError,
    WorldError,
    WorldFileError,
)
from firmtrade_core.world.loaders.blocks import NO_TARIFFS, tariff_array
from firmtrade_core.world.tables import numbers, read_table, refuse_repeated_rows, require_columns
from firmtrade_core.world.world import Provenance, World

#: BACI's own codes: "Other Asia, not elsewhere specified" is Taiwan's trade.
OWN_CODES = {"S19": "TWN", "N/A": "TWN"}


def load(
    path: str | Path,
    *,
    output: pd.DataFrame,
    concordance: pd.DataFrame | Mapping[str, str],
    country_codes: str | Path | None = None,
    sector_names: Mapping[str, str] | None = None,
    tariffs: pd.DataFrame | None = None,
) -> World:
    """Read a BACI file and join output.

    Parameters
    ----------
    output
        Columns country (ISO3), sector, output_musd: gross output, million US dollars, sectors as in the concordance.
        It decides which countries the world has; trade with others is left out, and its share stated.
    concordance
        Sector of each HS product: columns product and sector, or a mapping. Products may be given by their first two
        or four digits.
    country_codes
        The file of country codes; by default ``country_codes_V*.csv`` beside the data.
    tariffs
        Columns exporter, importer, sector, tariff (a fraction).

    Raises
    ------
    WorldError
        If a file or column is missing, a product has no sector, or a country no output.
    """
    path = Path(path)
    table = read_table(path)
    require_columns(table, ("t", "i", "j", "k", "v"), path.name)
    refuse_repeated_rows(table, ("t", "i", "j", "k"), path.name)
    years = sorted(set(numbers(table, "t", path.name).astype(int)))
    if len(years) > 1:
        raise WorldError(f"{path.name} holds the years {years[0]} to {years[-1]}; BACI has one file a year.")
    iso = _country_codes(Path(country_codes) if country_codes else _beside(path))
    made, countries, sectors = _output(output)
    place, kind = ({label: p for p, label in enumerate(labels)} for labels in (countries, sectors))
    product, which = np.unique(_hs6(table["k"], path.name), return_inverse=True)
    sector = np.array([kind[s] for s in _sectors(product, concordance, sectors)])[which]
    origin, destination = (_positions(table[c], iso, place, path.name) for c in ("i", "j"))
    value = numbers(table, "v", path.name) / 1_000
    covered = (origin >= 0) & (destination >= 0)
    trade = np.zeros((len(countries), len(countries), len(sectors)))
    np.add.at(trade, (origin[covered], destination[covered], sector[covered]), value[covered])
    index = np.arange(len(countries))
    trade[index, index] = 0.0
    changes = []
    if not covered.all():
        share = value[~covered].sum() / value.sum()
        changes.append(
            f"Trade with countries that have no output data left out: {100 * share:.2g} % of its value."
        )
    exports = trade.sum(1)
    short = exports > made
    if short.any():
        lifted = (exports - made)[short].sum() / made.sum()
        changes.append(
            f"Output of {int(short.sum())} country-sectors lifted to their exports, {100 * lifted:.2g} % of world output; "
            "their domestic sales are zero."
        )
    trade[index, index] = np.maximum(made - exports, 0.0)
    tariff = tariff_array(tariffs, countries, sectors)
    changes += [NO_TARIFFS] if tariffs is None else []
    return World(
        countries=countries,
        sectors=sectors,
        expenditure=trade * (1 + tariff),
        tariff=tariff,
        subsidy=np.zeros_like(tariff),
        sector_names=dict(sector_names or {}),
        provenance=Provenance(
            source="CEPII BACI (Gaulier and Zignago 2010), with output given beside it",
            year=years[0],
            licence="Etalab 2.0 (BACI)",
            estimated=("Domestic sales (output less exports)",),
            changes=tuple(changes),
        ),
        name=f"BACI {years[0]}",
    )


def _beside(path: Path) -> Path:
    found = sorted(path.parent.glob("country_codes_V*.csv"))
    if not found:
        raise WorldFileError(
            f"No country_codes_V*.csv lies beside {path.name}. It comes in the same archive; put it there, or pass "
            "country_codes=."
        )
    return found[-1]


def _country_codes(path: Path) -> dict[int, str]:
    table = read_table(path)
    if "country_iso3" not in table and "iso_3digit_alpha" in table:
        table = table.rename(columns={"iso_3digit_alpha": "country_iso3"})
    require_columns(table, ("country_code", "country_iso3"), path.name)
    codes = numbers(table, "country_code", path.name).astype(int)
    letters = table["country_iso3"].astype(str).str.strip().str.upper()
    return {code: OWN_CODES.get(iso, iso) for code, iso in zip(codes, letters, strict=True)}


def _output(output: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    where = "The table of output"
    require_columns(output, ("country", "sector", "output_musd"), where)
    values = numbers(output, "output_musd", where)
    if (values < 0).any():
        raise ColumnError(f"{where} holds a negative output in row {int(values.argmin()) + 1}.")
    if output.duplicated(["country", "sector"]).any():
        raise DuplicateCellError(f"{where} names a country and sector more than once.")
    wide = output.assign(output_musd=values).pivot_table(
        index="country", columns="sector", values="output_musd", aggfunc="sum", sort=False
    )
    if wide.isna().any().any():
        country = wide.index[wide.isna().any(axis=1)][0]
        raise EmptyMarketError(
            f"{where} lacks sector {wide.columns[wide.loc[country].isna()][0]} of {country}. Give zero where it makes none."
        )
    wide = wide.sort_index()
    return wide.to_numpy(dtype=float), tuple(map(str, wide.index)), tuple(map(str, wide.columns))


def _hs6(products: pd.Series, where: str) -> np.ndarray:
    """Six-digit codes as text; readers that took them for numbers lost their leading zeros."""
    text = products.astype(str).str.strip().str.removesuffix(".0").str.zfill(6)
    strange = ~text.str.fullmatch(r"\d{6}")
    if strange.any():
        raise ColumnError(f"{where}: k holds {products[strange].iloc[0]!r}, not an HS product of six digits.")
    return text.to_numpy(dtype=str)


def _sectors(
    products: np.ndarray, concordance: pd.DataFrame | Mapping[str, str], sectors: tuple[str, ...]
) -> list[str]:
    if isinstance(concordance, pd.DataFrame):
        require_columns(concordance, ("product", "sector"), "The concordance")
        given = dict(zip(concordance["product"].astype(str), concordance["sector"].astype(str), strict=True))
    else:
        given = {str(product): str(sector) for product, sector in concordance.items()}
    # Codes read as numbers have an odd count of digits: put their leading zero back.
    table = {code.zfill(len(code) + len(code) % 2): sector for code, sector in given.items()}
    found = [table.get(p, table.get(p[:4], table.get(p[:2], ""))) for p in products]
    missing = [str(p) for p, sector in zip(products, found, strict=True) if not sector]
    if missing:
        raise UnknownCodeError(
            f"The concordance has no sector for {len(missing)} products, among them {', '.join(missing[:5])}. Is it for the "
            "same HS vintage?"
        )
    strange = sorted(set(found) - set(sectors))
    if strange:
        raise UnknownCodeError(
            f"The concordance names the sector {strange[0]!r}, which the table of output lacks."
        )
    return found


def _positions(codes: pd.Series, iso: Mapping[int, str], place: Mapping[str, int], where: str) -> np.ndarray:
    numeric = codes.astype(int)
    unknown = sorted(set(numeric) - set(iso))
    if unknown:
        raise UnknownCodeError(
            f"{where} uses the country number {unknown[0]}, which the file of country codes lacks."
        )
    lookup = {code: place.get(letters, -1) for code, letters in iso.items()}
    return numeric.map(lookup).to_numpy(dtype=np.intp)

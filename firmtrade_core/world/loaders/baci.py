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

from firmtrade_core.codes.iso import is_known
from firmtrade_core.codes.places import explain_unknown
from firmtrade_core.world.build import TariffUnit
from firmtrade_core.world.columns import said_of
from firmtrade_core.world.errors import (
    ColumnError,
    DuplicateCellError,
    EmptyMarketError,
    UnknownCodeError,
    WorldError,
    WorldFileError,
)
from firmtrade_core.world.joins import named, without_partner
from firmtrade_core.world.loaders.blocks import tariff_array
from firmtrade_core.world.tables import numbers, read_table, refuse_repeated_rows, require_columns
from firmtrade_core.world.world import Provenance, World

#: BACI's own number of "Other Asia, not elsewhere specified", which is Taiwan's trade. The publisher's list of countries calls it S19
#: or N/A, the latter together with other territories: the number alone tells.
TAIWAN = 490

#: Letters that the list writes where a territory has no code.
_NO_LETTERS = frozenset({"", "N/A", "NA", "NAN", "NULL", "NONE", "-"})


def load(
    path: str | Path,
    *,
    year: int | None = None,
    output: pd.DataFrame,
    concordance: pd.DataFrame | Mapping[str, str],
    country_codes: str | Path | None = None,
    sector_names: Mapping[str, str] | None = None,
    tariffs: pd.DataFrame | None = None,
    tariff_unit: TariffUnit = "check",
) -> World:
    """Read a BACI file and join output.

    Parameters
    ----------
    year
        Of the file, to be sure; it holds one only.
    output
        Columns country (ISO3), sector, output_musd: gross output, million US dollars, sectors as in the concordance.
        It decides which countries the world has; trade with others is left out, and they are named with its value. Countries with
        output but without any trade in the file are left out and named too: BACI knows no such economy.
    concordance
        Sector of each HS product: columns product and sector, or a mapping. Products may be given by their first two
        or four digits.
    country_codes
        The file of country codes; by default ``country_codes_V*.csv`` beside the data.
    tariffs
        Columns exporter, importer, sector, tariff.
    tariff_unit
        How they are written (`World.from_long`).

    Raises
    ------
    WorldError
        If a file or column is missing, a product has no sector, or what has output is no country.
    """
    path = Path(path)
    table = read_table(path)
    require_columns(table, ("t", "i", "j", "k", "v"), path.name)
    refuse_repeated_rows(table, ("t", "i", "j", "k"), path.name)
    years = sorted({int(year) for year in numbers(table, "t", path.name)})
    if len(years) > 1:
        raise WorldError(f"{path.name} holds the years {years[0]} to {years[-1]}; BACI has one file a year.")
    if year is not None and years != [year]:
        raise WorldError(f"{path.name} has no year {year}; it holds {years[0]}.")
    iso, names = _country_codes(Path(country_codes) if country_codes else _beside(path))
    made, countries, sectors = _output(output)
    changes = said_of(table, ("t", "i", "j", "k", "v"), "")
    made, countries = _that_trade(
        made,
        countries,
        {iso.get(int(n), "") for c in "ij" for n in set(numbers(table, c, path.name))},
        changes,
    )
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
    if not covered.all():
        changes.append(_left_out(table, value, origin, destination, iso, names))
    exports = trade.sum(1)
    short = exports > made
    if short.any():
        gap = exports - made
        who = {
            f"{countries[i]} {sectors[s]}": float(gap[i, s]) for i, s in zip(*np.nonzero(short), strict=True)
        }
        changes.append(
            f"Output of {int(short.sum())} country-sectors lifted to their exports, {100 * gap[short].sum() / made.sum():.2g} % of world "
            f"output; their domestic sales are zero: {named(who)}."
        )
    trade[index, index] = np.maximum(made - exports, 0.0)
    changes += without_partner(countries, trade)
    tariff, known = tariff_array(tariffs, tariff_unit, countries, sectors, trade, changes)
    return World(
        countries=countries,
        sectors=sectors,
        expenditure=trade * (1 + tariff),
        tariff=tariff,
        tariff_known=known,
        tariffs_stated=tariff_unit != "check",
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


def _that_trade(
    made: np.ndarray, countries: tuple[str, ...], traders: set[str], changes: list[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Output of the countries that trade in the file; the others are named with what they make.

    Raises
    ------
    UnknownCodeError
        If what has output but no trade is no country at all: its trade would stand under another code.
    """
    here = np.isin(countries, sorted(traders))
    silent = {c: float(made[i].sum()) for i, c in enumerate(countries) if not here[i]}
    if not silent:
        return made, countries
    strange = [code for code in silent if not is_known(code)]
    if strange:
        raise UnknownCodeError(
            f"The table of output names what BACI does not trade with: {named({c: silent[c] for c in strange})}. "
            + " ".join(explain_unknown(code) for code in strange[:5])
        )
    if here.sum() < 2:
        raise EmptyMarketError(
            "Fewer than two countries with output trade in the file; is it the right table of output?"
        )
    changes.append(f"Left out, with output but without any trade in the file: {named(silent)}.")
    return made[here], tuple(np.array(countries)[here].tolist())


def _left_out(
    table: pd.DataFrame,
    value: np.ndarray,
    origin: np.ndarray,
    destination: np.ndarray,
    iso: Mapping[int, str],
    names: Mapping[int, str],
) -> str:
    """What trade is left out because a partner has no output, by partner."""
    outside: dict[str, float] = {}
    for column, at in (("i", origin), ("j", destination)):
        sums = pd.Series(value[at < 0]).groupby(table[column].to_numpy()[at < 0]).sum()
        for number, amount in zip(map(int, sums.index), sums, strict=True):
            who = iso.get(number) or names.get(number, str(number))
            outside[who] = outside.get(who, 0.0) + float(amount)
    lost = value[(origin < 0) | (destination < 0)].sum()
    return (
        f"Trade with countries that have no output data left out: {100 * lost / value.sum():.2g} % of its value; "
        f"by country {named(outside)}."
    )


def _beside(path: Path) -> Path:
    """The publisher's list of countries beside the data: of the same version where there is one, else the newest."""
    found = sorted(path.parent.glob("country_codes_V*.csv"))
    if not found:
        raise WorldFileError(
            f"No country_codes_V*.csv lies beside {path.name}. It comes in the same archive; put it there, or pass "
            "country_codes=."
        )
    version = path.stem.rsplit("_", 1)[-1]
    return next((p for p in found if p.stem.endswith(version)), found[-1])


def _country_codes(path: Path) -> tuple[dict[int, str], dict[int, str]]:
    """Letters of each of BACI's numbers, "" where it has none, and its name."""
    table = read_table(path)
    older = {"iso_3digit_alpha": "country_iso3", "country_name_abbreviation": "country_name"}
    table = table.rename(columns={old: new for old, new in older.items() if new not in table})
    require_columns(table, ("country_code", "country_iso3"), path.name)
    codes = [int(code) for code in numbers(table, "country_code", path.name)]
    letters = table["country_iso3"].astype("str").fillna("").str.strip().str.upper()
    iso = {
        code: "TWN" if code == TAIWAN else "" if text in _NO_LETTERS else text
        for code, text in zip(codes, letters, strict=True)
    }
    called = table["country_name"].astype(str).str.strip() if "country_name" in table else letters
    return iso, dict(zip(codes, called, strict=True))


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
    numeric = pd.Series(numbers(codes.to_frame(), str(codes.name), where).astype(int))
    unknown = sorted(set(numeric) - set(iso))
    if unknown:
        raise UnknownCodeError(
            f"{where} uses the country number {unknown[0]}, which the file of country codes lacks."
        )
    lookup = {code: place.get(letters, -1) if letters else -1 for code, letters in iso.items()}
    return numeric.map(lookup).to_numpy(dtype=np.intp)

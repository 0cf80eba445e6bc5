"""Lists of partners that are not ISO's: customs offices', the IMF's, statisticians' and others', and which of them a column is of."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from firmtrade_core.codes.artefacts import is_blank, unwrapped, whole_number
from firmtrade_core.codes.iso import is_known
from firmtrade_core.codes.places import (
    COMTRADE_NUMBERS,
    PRESENT,
    UNKNOWN,
    Place,
    explain_unknown,
    place_labels,
    read_place,
)
from firmtrade_core.paths import asset

if TYPE_CHECKING:
    import pandas as pd

#: Lists of numbers or letters of customs offices and others that are not ISO's, and what they are called.
NUMBER_LISTS = {
    "brazil": "Brazil's (Siscomex, central bank)",
    "chile": "Chile's customs'",
    "us": "the United States Census Bureau's (Schedule C)",
    "eurostat": "Eurostat's (Geonomenclature)",
    "fao": "the FAO's",
    "imf": "the International Monetary Fund's",
    "cow": "the Correlates of War project's",
    "fips": "the United States' FIPS 10-4",
    "ioc": "the Olympic committee's",
}

_FILES = {"brazil": "brazil", "chile": "chile", "us": "us_census", "imf": "imf", "cow": "cow", "fips": "fips"}

#: Share of a column's numbers that must be ISO's or the United Nations' for the column to be of them.
_MOSTLY = 0.8

#: The same where another list holds every number of the column.
_NEARLY = 0.95

#: Fewest distinct codes of letters that tell a list.
_FEWEST_CODES = 4


@cache
def number_list(name: str) -> dict[str, str]:
    """Codes of countries by number (without leading zeros) or letters in one of `NUMBER_LISTS`; "" where it is no country.

    Raises
    ------
    KeyError
        Naming the lists there are.
    """
    if name in _FILES:
        with asset(f"codes/customs/{_FILES[name]}.csv").open(encoding="utf-8", newline="") as file:
            return {_number(row["code"]) or row["code"]: row["country"] for row in csv.DictReader(file)}
    if name in ("eurostat", "fao", "ioc"):
        import country_converter

        table = country_converter.CountryConverter().data
        column = {"eurostat": "GEOnumeric", "fao": "FAOcode", "ioc": "IOC"}[name]
        known = table[table[column].notna() & table["ISO3"].map(lambda code: is_known(str(code)))]
        return {
            str(code) if name == "ioc" else str(int(code)): str(country)
            for code, country in zip(known[column], known["ISO3"], strict=True)
        }
    raise KeyError(f"There is no list of country codes {name!r}; there are {', '.join(NUMBER_LISTS)}.")


def _number(text: str) -> str:
    """A number as text without what software leaves (``.0``, ``2.76E+02``) and leading zeros; empty where the text is none."""
    found = re.fullmatch(r"0*(\d{1,5})(?:\.0+)?", whole_number(unwrapped(text))[0])
    return found[1] if found else ""


@dataclass(frozen=True)
class NumberColumn:
    """What the numbers of a column of partners are.

    Parameters
    ----------
    numbers
        How many distinct numbers there are.
    known
        How many of them are ISO's or the United Nations'.
    fits
        By list: how many of them it holds; those that hold more than ISO's come first.
    comtrade
        Whether a number occurs that is the United Nations' alone.
    """

    numbers: int
    known: int
    fits: Mapping[str, int]
    comtrade: bool

    @property
    def is_other_list(self) -> bool:
        """Whether the column is of another list: fewer than four in five of its numbers are ISO's, or a list holds all."""
        best = max(self.fits.values(), default=0)
        other = best == self.numbers and self.known < _NEARLY * self.numbers
        return self.numbers > 0 and (self.known < _MOSTLY * self.numbers or other)

    def sentence(self) -> str:
        """What the column is, and what to do."""
        rest = [name for name, count in self.fits.items() if count > self.known]
        hint = " ".join(
            f"{self.fits[name]} of them are in {NUMBER_LISTS[name]} list ({name})." for name in rest[:2]
        )
        return (
            f"Partners are numbers of a list that is not ISO's: {self.known} of {self.numbers} numbers are known to it, by "
            f"chance. The whole column is set aside. {hint} Name the list, or give it as a table (code, country) among the files."
        ).replace("  ", " ")


def numbers_of(labels: Iterable[str]) -> NumberColumn:
    """What the numbers among a column's labels are; labels of letters play no part."""
    met = {number for label in labels if (number := _number(str(label)))} - {"0"}
    known = {number for number in met if read_place(number).kind != "unknown"}
    fits = {name: len(met & set(number_list(name))) for name in NUMBER_LISTS} if met else {}
    return NumberColumn(
        len(met),
        len(known),
        dict(sorted(fits.items(), key=lambda item: -item[1])),
        bool(met & {*COMTRADE_NUMBERS, "490", "97"}),
    )


def na_is_namibia(labels: Iterable[str]) -> bool:
    """Whether a column's other texts are codes of two letters: then ``NA`` is one of them, and else a mark for nothing.

    Examples
    --------
    >>> na_is_namibia(["NA", "DE", "FR"]), na_is_namibia(["NA", "DEU", "FRA"])
    (True, False)
    """
    others = {text for label in labels if not is_blank(text := str(label).strip().upper())}
    two = [text for text in others if re.fullmatch(r"[A-Z]{2}", text) and read_place(text).kind != "unknown"]
    return bool(others) and len(two) >= _MOSTLY * len(others)


def na_in_doubt(labels: Iterable[str]) -> str:
    """What is to be said of an ``NA`` among labels that are no codes of two letters; "" where there is none."""
    met = [str(label).strip() for label in labels]
    if not any(label.upper() == "NA" for label in met) or na_is_namibia(met):
        return ""
    return (
        "'NA' stands among labels that are no codes of two letters: it may be Namibia or a mark for nothing. Write NAM where "
        "Namibia is meant, and leave the other rows out."
    )


@dataclass(frozen=True)
class OtherList:
    """A column of partners whose numbers, or codes of two or three letters, are of a list that is not ISO's.

    Parameters
    ----------
    letters
        How many letters its codes have; 0 where they are numbers.
    sentence
        What the column is, and what to do.
    """

    letters: int
    sentence: str

    def holds(self, label: str) -> bool:
        """Whether a label is one of those codes, so that ISO's reading of it would be another country's by chance."""
        text = str(label).strip()
        return (
            re.fullmatch(rf"[A-Za-z]{{{self.letters}}}", text) is not None
            if self.letters
            else bool(_number(text))
        )


def other_list(labels: Iterable[str]) -> OtherList | None:
    """The list that is not ISO's of which a column's numbers or letters are; None where there is no sign of one.

    Codes of letters are of another list where ISO knows fewer than 95 % of them and that list as many or more: Germany
    is GM in FIPS 10-4, which is ISO's Gambia; Switzerland SWZ to the Correlates of War, which is ISO's Eswatini.

    Examples
    --------
    >>> other_list(["GM", "UK", "CH", "JA", "SP", "SW"]).letters, other_list(["DE", "GB", "CN", "JP", "XX"])
    (2, None)
    """
    met = [str(label).strip() for label in labels]
    numbers = numbers_of(met)
    if numbers.is_other_list:
        return OtherList(0, numbers.sentence())
    for letters in (3, 2):
        codes = {text.upper() for text in met if re.fullmatch(rf"[A-Za-z]{{{letters}}}", text)}
        known = sum(read_place(code).kind not in ("unknown", "ambiguous") for code in codes)
        fits = {name: len(codes & set(number_list(name))) for name in ("fips", "ioc", "cow")}
        name = max(fits, key=lambda n: fits[n])
        enough = len(codes) >= _FEWEST_CODES and 2 * len(codes) >= len(set(met))
        if enough and known < _NEARLY * len(codes) <= fits[name] and fits[name] > known + 1:
            return OtherList(
                letters,
                f"Partners are codes of {letters} letters of a list that is not ISO's: {known} of {len(codes)} are known to it, by "
                f"chance; {fits[name]} are in {NUMBER_LISTS[name]} list ({name}). The whole column is set aside. Name the list, or "
                "give it as a table (code, country) among the files.",
            )
    return None


def read_by_list(text: str, table: Mapping[str, str]) -> Place:
    """A number (or letters) by a list: codes by number without leading zeros, "" for what is no country."""
    key = _number(text) or text.strip().upper()
    if key not in table:
        return UNKNOWN
    if not table[key]:
        return place_labels()["areas nes"]
    place = read_place(table[key])
    return Place(place.code, "country") if place.kind in PRESENT else place


def is_number_list(columns: Iterable[str]) -> bool:
    """Whether a table's heads are those of a list of partners: code and country, or Brazil's CO_PAIS and CO_PAIS_ISOA3."""
    return _list_columns(list(columns)) is not None


def _list_columns(columns: list[str]) -> tuple[str, str] | None:
    heads = {str(column).strip().casefold(): str(column) for column in columns}
    if {"co_pais", "co_pais_isoa3"} <= set(heads):
        return heads["co_pais"], heads["co_pais_isoa3"]
    codes = [heads[h] for h in ("code", "number", "codigo", "código", "country_code") if h in heads]
    meant = [
        heads[h]
        for h in ("country", "iso3", "iso", "iso_alpha3", "country_iso3", "pais", "país")
        if h in heads
    ]
    small = len(heads) <= 4
    return (codes[0], meant[0]) if codes and meant and small and codes[0] != meant[0] else None


def read_number_list(path: Path) -> dict[str, str]:
    """A list of partners' numbers from a table of one's own (code, country), as `number_list`; countries in any words.

    Raises
    ------
    ValueError
        If the columns are missing, or a country is unknown; the message names it.
    """
    import pandas as pd

    if path.suffix.lower() in (".xls", ".xlsx"):
        table = pd.read_excel(path, dtype=str, keep_default_na=False)
    else:
        text = path.read_bytes()
        try:
            decoded = text.decode("utf-8-sig")
        except UnicodeDecodeError:
            decoded = text.decode("cp1252", "replace")
        try:
            table = pd.read_csv(
                io.StringIO(decoded), sep=None, engine="python", dtype=str, keep_default_na=False
            )
        except csv.Error as error:
            raise ValueError(f"{path.name} is no table: {error}.") from error
    return number_list_of(table, path.name)


def number_list_of(table: pd.DataFrame, name: str) -> dict[str, str]:
    """The same from a table of text as it was read; raises ValueError as `read_number_list`.

    Raises
    ------
    ValueError
    """
    columns = _list_columns(list(table.columns))
    if columns is None:
        raise ValueError(
            f"{name}: a list of partners needs the columns code and country; it has {', '.join(map(str, table.columns))}."
        )
    found: dict[str, str] = {}
    for code, country in zip(table[columns[0]].str.strip(), table[columns[1]].str.strip(), strict=True):
        place = read_place(country) if country else UNKNOWN
        if country and place.kind in ("unknown", "ambiguous"):
            raise ValueError(
                f"{name}: {explain_unknown(country)} It stands beside {code}; leave it empty where it is none."
            )
        if code:
            found[_number(code) or code.upper()] = place.code or ""
    return found

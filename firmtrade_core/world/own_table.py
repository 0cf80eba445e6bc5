"""What the rows of a country's own table of trade tell: partner, flow, sector and value of each, judged by their columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.artefacts import is_blank, unwrapped, whole_number
from firmtrade_core.codes.countries import REST_OF_WORLD, country_name
from firmtrade_core.codes.currencies import ExchangeRates
from firmtrade_core.codes.flows import read_flow, whole_flow
from firmtrade_core.codes.heads import read_money_head
from firmtrade_core.codes.iso import plain_text
from firmtrade_core.codes.place_lists import na_is_namibia, other_list
from firmtrade_core.codes.places import PRESENT, read_place
from firmtrade_core.codes.products import read_products
from firmtrade_core.codes.word_lists import known_as
from firmtrade_core.codes.written_numbers import read_numbers
from firmtrade_core.world.errors import ColumnError
from firmtrade_core.world.money import MoneyError, dollars_per_unit
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

SectorsOfProduct = Callable[[str, Sequence[str]], tuple[str, ...]]

#: What columns of such tables are called, in plain text: by publishers of trade statistics and ministries in several languages.
KNOWN_AS = known_as("own_trade")


_TOTALS = frozenset({"total", "all", "todos", "tous", "ag0", "alle", "all commodities"})

#: Heads of the country that reports, and of the two sides of a flow.
_REPORTERS = ("reporteriso", "reporteriso3", "reporter", "reporterdesc", "reportercode", "reporter country", "declarant", "declarante", "pais declarante")  # fmt: skip
_SIDES = (("exporter", "exporter iso3", "exporteriso3"), ("importer", "importer iso3", "importeriso3"))


def guess_roles(columns: Sequence[str]) -> dict[str, str | None]:
    """Which column tells partner, flow, product, value and year; None where none looks like it.

    Examples
    --------
    >>> guess_roles(["refYear", "flowCode", "partnerISO", "cmdCode", "primaryValue"])["value"]
    'primaryValue'
    >>> guess_roles(["País destino", "Capítulo", "Valor FOB (USD)"])["partner"]
    'País destino'
    """
    plain: dict[str, str] = {}
    for column in map(str, columns):
        # A head without its unit of money: Valor (millones CLP).
        money = read_money_head(column)
        for name in (plain_text(column), *([plain_text(money.name)] if money else [])):
            plain.setdefault(name, column)
    return {
        role: next((plain[name] for name in names if name in plain), None) for role, names in KNOWN_AS.items()
    }


def rows_of(
    world: World,
    country: str,
    table: pd.DataFrame,
    roles: Mapping[str, str | None],
    sectors_of_product: SectorsOfProduct,
    *,
    flow: str,
    unit: float,
    year: int | None,
    rates: ExchangeRates | None,
    notes: list[str],
) -> pd.DataFrame:
    """Partner, flow, sector and value (million US dollars) of each row that tells them; what is left out goes to the notes.

    Parameters
    ----------
    world, country, table, roles, sectors_of_product, flow, unit, year, rates
        As for `overlay.lay_over`.
    notes
        Grows.

    Raises
    ------
    ColumnError
        If the table tells several years and none is chosen.
    MoneyError
        If values are in a currency without a rate in their year.
    """
    table = _of_one_year(table, roles, year)
    table = _whole_flows(table, notes)
    table, roles = _own_rows(table, country, roles, notes)
    written = read_numbers(table[str(roles["value"])])
    values = written.values
    if written.decimal_comma:
        notes.append("Commas in values are read as decimal.")
    elif written.doubtful.any():
        text = str(table[str(roles["value"])][written.doubtful].iloc[0])
        notes.append(
            f"{int(written.doubtful.sum())} values such as {text} could mean a thousand times more or less: no value shows its "
            f"decimal mark. {'The comma is read as grouping thousands' if ',' in text else 'The point is read as decimal'}."
        )
    rows = pd.DataFrame(
        {
            "partner": table[str(roles["partner"])].map(_partners(world, country, table[str(roles["partner"])], notes)),
            "product": table[str(roles["product"])].astype("string").str.strip(),
            "value": values * unit / 1e6 * _dollars(table, roles, year, rates, notes),
        }
    )  # fmt: skip
    rows["flow"] = _flows(table, roles.get("flow"), flow, notes)
    bad = ~np.isfinite(rows["value"]) | (rows["value"] < 0)
    if bad.any():
        notes.append(f"{int(bad.sum())} rows have no value, or one below zero, and are set aside.")
    rows = rows[~bad & rows["partner"].notna() & rows["flow"].notna()]
    rows = _one_level(_coded(rows, notes), notes)
    known = {
        name: _sector(world, str(name), code if isinstance(code, str) else "", sectors_of_product)
        for name, code in rows[["product", "code"]].drop_duplicates("product").itertuples(index=False)
    }
    lost = sorted(str(name) for name, sector in known.items() if sector is None)
    if lost:
        more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
        notes.append(
            f"Products that lie in no single sector of this world are set aside: {', '.join(lost[:5])}{more}."
        )
    rows = rows.assign(sector=rows["product"].map(known))
    return rows[rows["sector"].notna()].reset_index(drop=True)


def _of_one_year(table: pd.DataFrame, roles: Mapping[str, str | None], year: int | None) -> pd.DataFrame:
    column = roles.get("year")
    if column is None:
        return table
    years = pd.to_numeric(table[column], errors="coerce")
    met = sorted({int(y) for y in years.dropna()})
    if year is None and len(met) > 1:
        raise ColumnError(
            f"The table holds the years {met[0]} to {met[-1]}, which would be added up: choose one of them."
        )
    return table if year is None else table[years == year]


def _whole_flows(table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Rows of whole flows, where the United Nations tell them broken down too (by customs procedure, transport, second partner)."""
    for column in table.columns:
        total = whole_flow(str(column))
        if total is None:
            continue
        text = table[column].astype("string").str.strip().str.replace(r"\.0+$", "", regex=True)
        whole = (text == total).fillna(False)
        if whole.any() and not whole.all():
            notes.append(
                f"Column {column} breaks flows down: the {int(whole.sum())} rows of whole flows ({total}) count, the other "
                f"{int((~whole).sum())} would be counted twice."
            )
            table = table[whole]
    return table


def _own_rows(
    table: pd.DataFrame, country: str, roles: Mapping[str, str | None], notes: list[str]
) -> tuple[pd.DataFrame, Mapping[str, str | None]]:
    """Rows of the country's own trade where columns tell whose trade each is, and which column is which in them.

    A column of reporters tells it, or an exporter beside an importer, which tell the flow too.
    """
    plain = {plain_text(str(column)): str(column) for column in table.columns}
    own, other = (next((plain[h] for h in heads if h in plain), None) for heads in _SIDES)
    if own is not None and other is not None and roles["partner"] in (own, other):
        sells, buys = (_codes(table[side]) == country for side in (own, other))
        kept = sells ^ buys
        read = table.assign(
            _partner=table[other].where(sells, table[own]), _flow=np.where(sells, "exports", "imports")
        )
        roles, told = {**roles, "partner": "_partner", "flow": "_flow"}, f"{own} and {other}"
    else:
        found = next((plain[h] for h in _REPORTERS if h in plain and plain[h] != roles["partner"]), None)
        if found is None:
            return table, roles
        kept, read, told = _codes(table[found]) == country, table, found
    if not kept.any():
        raise ColumnError(
            f"No row of the table is of {country_name(country)} by column {told}. Choose whose trade it is."
        )
    if not kept.all():
        notes.append(
            f"{int((~kept).sum())} rows are not of {country_name(country)} with another by column {told}, and are set aside."
        )
    return read[kept], roles


def _codes(column: pd.Series) -> pd.Series:
    return column.map({label: read_place(unwrapped(str(label))).code for label in column.dropna().unique()})


def _dollars(
    table: pd.DataFrame,
    roles: Mapping[str, str | None],
    year: int | None,
    rates: ExchangeRates | None,
    notes: list[str],
) -> Array | float:
    """US dollars for one unit of each row's currency, as a column or the head of the values tells; 1 where neither does."""
    head, column = read_money_head(str(roles["value"])), roles.get("currency")
    if column is not None:
        currency: str | list[str] = [unwrapped(str(text)) for text in table[column]]
        if any(map(is_blank, currency)):
            raise MoneyError(f"Column {column} leaves the currency of some rows empty: fill it in.")
    elif head is not None and head.currency:
        currency = head.currency
    else:
        return 1.0
    moment = pd.to_numeric(table[roles["year"]], errors="coerce") if roles.get("year") else year
    try:
        each, said = dollars_per_unit(
            currency, moment, rates or ExchangeRates.european_central_bank(), len(table)
        )
    except MoneyError as error:
        advice = "Turn the values into US dollars in the table."
        text = str(error).replace("Give a table of rates (date, currency, usd): rates=.", advice)
        raise MoneyError(
            text.replace("say which, year=, or give a column year.", "choose a column that tells it.")
        ) from error
    if said:
        notes.append(said)
    return each


def _partners(world: World, country: str, column: pd.Series, notes: list[str]) -> dict[object, str | None]:
    """What each partner's label means in this world, judged by the whole column."""
    found: dict[object, str | None] = {}
    unknown: list[str] = []
    aside: set[str] = set()
    met = [
        label
        for label in column.dropna().unique()
        if not is_blank(str(label)) or str(label).strip().upper() == "NA"
    ]
    namibia = na_is_namibia(str(label) for label in met)
    other = other_list(str(label) for label in met)
    if other is not None:
        notes.append(
            other.sentence.replace(
                "or give it as a table (code, country) among the files", "or write ISO codes"
            ).replace("Name the list, ", "Choose another column, ")
        )
    for label in met:
        text = whole_number(unwrapped(str(label)))[0]
        if (text.upper() == "NA" and not namibia) or (other is not None and other.holds(text)):
            continue
        place = read_place(text)
        code = place.code if place.kind in PRESENT else None
        if code is None:
            if place.kind in ("unknown", "ambiguous"):
                unknown.append(str(label))
            else:
                aside.add(str(label))
            continue
        told = code if code in world.countries else REST_OF_WORLD
        found[label] = None if told == country or told not in world.countries else told
    if blank := int(
        column.map(lambda label: pd.isna(label) or (is_blank(str(label)) and label not in found)).sum()
    ):
        notes.append(f"{blank} rows have no partner and are set aside.")
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        notes.append(f"Partners that mean no country are set aside: {', '.join(unknown[:5])}{more}.")
    if aside:
        notes.append(f"Totals, groups and former states are set aside: {', '.join(sorted(aside)[:5])}.")
    return found


def _flows(table: pd.DataFrame, column: str | None, flow: str, notes: list[str]) -> pd.Series:
    if column is None:
        return pd.Series(flow, index=table.index)
    read = table[column].map(
        lambda text: {"export": "exports", "import": "imports"}.get(read_flow(unwrapped(str(text))) or ""),
        na_action="ignore",
    )
    if lost := int(read.isna().sum()):
        notes.append(f"{lost} rows are neither exports nor imports (re-exports, transit) and are set aside.")
    return read


def _coded(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Rows with the code that their product is (``code``: two, four or six digits, missing for words) and its ``level``."""
    plain = rows["product"].map(lambda text: plain_text(str(text)), na_action="ignore")
    rows = rows[~plain.isin(_TOTALS)]
    counts = {str(text): int(n) for text, n in rows["product"].value_counts().items()}
    points = {
        text
        for text in counts
        if re.fullmatch(r"\d{3,4}\.\d{1,6}", text) and not whole_number(text)[0].isdigit()
    }
    sizes = {text: 6 if text in points else (_digits(text) or ("", 6))[1] for text in counts}
    read = read_products(
        {text: n for text, n in counts.items() if sizes[text] > 4 and re.search(r"\d", text)}
    )
    codes: dict[str, str | None] = {}
    levels: dict[str, int] = {}
    doubtful = []
    for text in counts:
        digits = _digits(text)
        if text in read and read[text].code is not None:
            codes[text] = read[text].code
            levels[text] = sizes[text]
        elif digits is not None and sizes[text] <= 4:
            codes[text], levels[text] = digits
        elif text in read and digits is not None:
            doubtful.append(text)
    if doubtful:
        notes.append(
            f"Codes that are none, or lost a zero at one end or the other, are set aside: {', '.join(sorted(doubtful)[:5])}."
        )
    return rows.assign(code=rows["product"].map(codes), level=rows["product"].map(levels))


def _digits(text: str) -> tuple[str, int] | None:
    """A code of digits alone with a lost zero put back before it, and how many digits its level has; None for words."""
    bare = re.sub(r"[\s.\-]", "", whole_number(unwrapped(text))[0])
    if not re.fullmatch(r"\d{1,12}", bare):
        return None
    size = len(bare) + len(bare) % 2
    return bare.zfill(size), size


def _one_level(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Rows whose codes are of one length: tables of several levels count their trade at each."""
    level = rows["level"].dropna().astype(int)
    if level.nunique() <= 1:
        return rows
    kept = int(str(level.value_counts().idxmax()))
    notes.append(
        f"Codes of several lengths tell the same trade at several levels: those of {kept} digits count."
    )
    return rows[rows["level"].isna() | (rows["level"] == kept)]


def _sector(world: World, label: str, code: str, sectors_of_product: SectorsOfProduct) -> str | None:
    by_name = {plain_text(own): own for own in world.sectors}
    by_name |= {plain_text(world.sector_name(own)): own for own in world.sectors}
    if (named := by_name.get(plain_text(label))) is not None:
        return named
    if code.isdigit():
        found = sectors_of_product(code, world.sectors)
        return found[0] if len(found) == 1 else None
    return None

"""The columns of a firm panel: what each one means, its unit, its range, and whether it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Need = Literal["required", "recommended", "optional"]
Kind = Literal["identifier", "year", "category", "country", "number", "whole"]
Role = Literal["key", "outcome", "attribute"]

#: Unit of money columns; the panel's metadata say which money.
MONEY = "money of the year"

#: Columns with this prefix are instruments: they move an attribute and nothing else (MODEL 7).
INSTRUMENT_PREFIX = "instrument_"

FLOWS = ("export", "import")


@dataclass(frozen=True)
class Column:
    """One column of a panel's tables.

    Parameters
    ----------
    name, unit, meaning
        Plain words; ``unit`` is empty for labels.
    need
        Without a required column there is no panel; without a recommended one some pages stay empty.
    kind
        What its values are.
    lowest, highest
        Allowed range of numbers, bounds included.
    role
        Keys identify rows, outcomes follow from what firms are, attributes may explain them.
    """

    name: str
    unit: str
    meaning: str
    need: Need = "optional"
    kind: Kind = "number"
    lowest: float | None = None
    highest: float | None = None
    role: Role = "attribute"


def _amount(name: str, meaning: str, need: Need, role: Role = "outcome") -> Column:
    return Column(name, MONEY, meaning, need, lowest=0.0, role=role)


def _share(name: str, meaning: str) -> Column:
    return Column(name, "share (0 to 1)", meaning, lowest=0.0, highest=1.0)


def _flag(name: str, meaning: str) -> Column:
    return Column(name, "0 or 1", meaning, kind="whole", lowest=0, highest=1)


def _count(name: str, unit: str, meaning: str) -> Column:
    return Column(name, unit, meaning, kind="whole", lowest=0)


FIRM_COLUMNS = (
    Column("firm", "", "Hashed identifier of the firm", "required", "identifier", role="key"),
    Column("year", "calendar year", "Calendar year", "required", "year", 1900, 2100, role="key"),
    Column("sector", "", "Sector of the world's accounts, or an industry code", "required", "category", role="key"),
    Column("region", "", "Region of the firm's seat", "recommended", "category", role="key"),
    Column("employment", "persons", "Persons engaged, yearly average", "recommended", lowest=0.0, role="outcome"),
    _amount("sales", "Sales at home and abroad", "recommended"),
    Column("value_added", MONEY, "Sales less materials and services bought", "recommended", role="outcome"),
    _amount("capital", "Capital stock at replacement cost", "recommended", "attribute"),
    _amount("materials", "Materials and services bought", "recommended"),
    _amount("wages", "Wage bill", "recommended"),
    _amount("exports", "Sales abroad, free on board", "recommended"),
    _amount("imports", "Purchases from abroad", "optional"),
    _share("foreign_ownership", "Share of the firm held by foreigners"),
    _count("age", "years", "Years since the firm was founded"),
    _share("skill_share", "Share of workers with tertiary or technical education"),
    Column("rnd_intensity", "share of sales", "Research and development outlay over sales", lowest=0.0, highest=1.0),
    _flag("quality_certificate", "Holds a quality certificate (ISO 9001 or alike)"),
    _share("on_time_delivery", "Share of deliveries on time"),
    _count("supplier_links", "firms", "Domestic firms it buys from"),
    _count("buyer_links", "firms", "Domestic firms it sells to"),
    _share("imported_input_share", "Imports over materials"),
    _flag("trade_finance", "Has a trade-credit line or export insurance"),
    Column("digital_presence", "index (0 to 1)", "Web shop, foreign-language site, platforms", lowest=0.0, highest=1.0),
    Column("weight", "firms", "Firms of the population that the row stands for", lowest=0.0, role="key"),
)  # fmt: skip

TRADE_COLUMNS = (
    Column("firm", "", "Hashed identifier of the firm", "required", "identifier", role="key"),
    Column("year", "calendar year", "Calendar year", "required", "year", 1900, 2100, role="key"),
    Column("flow", "", "export or import", "required", "category", role="key"),
    Column("country", "", "Destination of exports, origin of imports (ISO 3166 alpha-3)", "required", "country", role="key"),
    Column("product", "", "Product code, six digits kept as text", "required", "category", role="key"),
    Column("value", MONEY, "Value at the border", "required", lowest=0.0, role="outcome"),
    Column("quantity", "kg unless quantity_unit says otherwise", "Quantity", "recommended", lowest=0.0, role="outcome"),
    Column("quantity_unit", "", "Unit of the quantity", kind="category", role="key"),
)  # fmt: skip

LINK_COLUMNS = (
    Column("supplier", "", "Hashed identifier of the selling firm", "required", "identifier", role="key"),
    Column("buyer", "", "Hashed identifier of the buying firm", "required", "identifier", role="key"),
    Column("year", "calendar year", "Calendar year", "optional", "year", 1900, 2100, role="key"),
)

#: Catalogue by table.
TABLES: dict[str, tuple[Column, ...]] = {
    "firms": FIRM_COLUMNS,
    "trade": TRADE_COLUMNS,
    "links": LINK_COLUMNS,
}

#: Columns that identify a row of each table; no two rows share them.
KEYS: dict[str, tuple[str, ...]] = {
    "firms": ("firm", "year"),
    "trade": ("firm", "year", "flow", "country", "product"),
    "links": ("supplier", "buyer", "year"),
}


def catalogue(table: str) -> dict[str, Column]:
    """Columns of a table by name."""
    return {column.name: column for column in TABLES[table]}


def money_columns(table: str) -> tuple[str, ...]:
    """Columns of a table that hold money."""
    return tuple(column.name for column in TABLES[table] if column.unit == MONEY)

"""Units of quantity: what they are called in customs records, what they measure, and their size."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """A unit of quantity.

    Parameters
    ----------
    base
        Unit that it is counted in: ``kg``, ``item``, ``pair``, ``litre``, ``metre``, ``square metre``, ``cubic metre``,
        ``kWh`` or ``carat``.
    size
        How many of the base one of it is.
    """

    base: str
    size: float


_TABLE = {
    (
        "kg",
        1.0,
    ): "kg kgs kgm kilo kilos kilogram kilograms kilogramo kilogramos kilogramme kilogrammes kilograma kn kb k",
    ("kg", 1e-3): "g gr grm gram grams gramo gramos gramme",
    ("kg", 1e-6): "mg mgm",
    ("kg", 1e3): "t tn tne ton tons tonne tonnes mt tonelada toneladas tm metricton metrictons",
    ("kg", 0.45359237): "lb lbs lbr pound pounds libra libras",
    ("kg", 0.028349523125): "oz onz ounce ounces",
    ("kg", 45.359237): "cwt cwa hundredweight quintalus",
    ("kg", 100.0): "qq quintal dtn",
    (
        "item",
        1.0,
    ): "u un und unit units unidad unidades unite unidade item items piece pieces pcs pce pc pza pieza no nmb nr number nar c62 ea",
    ("item", 12.0): "dz doz dozen dozens docena docenas dzn duzia 12u",
    ("item", 100.0): "cen hundred ciento hundreds centena",
    ("item", 144.0): "gro gross gruesa",
    ("item", 1e3): "mil mu 1000u thousand thousands millar milheiro thousanditems",
    ("pair", 1.0): "pr npr pair pairs par pares 2u paire paires",
    ("litre", 1.0): "l lt ltr ltrs litre litres liter liters litro litros",
    ("litre", 100.0): "hl hlt hectolitre hectoliter hectolitro",
    ("litre", 1e3): "kl klt m3l",
    ("litre", 3.785411784): "gal gll gallon gallons galon",
    ("litre", 158.987294928): "bbl bll barrel barrels barril barriles",
    ("metre", 1.0): "m mtr metre metres meter meters metro metros",
    ("metre", 1e3): "km kmt 1000m",
    ("metre", 0.3048): "ft fot foot feet",
    ("square metre", 1.0): "m2 mtk sqm squaremetre squaremeter metrocuadrado",
    ("square metre", 1e3): "1000m2",
    ("cubic metre", 1.0): "m3 mtq cbm cubicmetre cubicmeter metrocubico",
    ("kWh", 1.0): "kwh",
    ("kWh", 1e3): "mwh 1000kwh",
    ("carat", 1.0): "ct ctm carat carats quilate",
}
_UNITS = {name: Unit(base, size) for (base, size), names in _TABLE.items() for name in names.split()}


def read_unit(text: str) -> Unit | None:
    """The unit that a text stands for, None where it is unknown.

    Codes of the United Nations (``KGM``, ``NAR``, ``MTQ``), of customs offices, and words in English, Spanish,
    Portuguese and French.

    Examples
    --------
    >>> read_unit("Toneladas"), read_unit("KGM"), read_unit("parsec")
    (Unit(base='kg', size=1000.0), Unit(base='kg', size=1.0), None)
    """
    plain = unicodedata.normalize("NFKD", str(text).strip().casefold())
    return _UNITS.get(re.sub(r"[^a-z0-9]", "", plain))

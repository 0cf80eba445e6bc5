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
    ): "kg kgs kgm kilo kilos kilogram kilograms kilogramo kilogramos kilogramme kilogrammes kilograma kilogramas quilo quilos quilograma quilogramas kilogramm kn kb k kgn kgb",
    ("kg", 1e-3): "g gr grm gram grams gramo gramos gramme grammes grama gramas gramm",
    ("kg", 1e-6): "mg mgm",
    (
        "kg",
        1e3,
    ): "t tn tne ton tons tonne tonnes mt tonelada toneladas tm metricton metrictons tonnen tonna tmb tmn",
    ("kg", 0.45359237): "lb lbs lbr pound pounds libra libras",
    ("kg", 0.028349523125): "oz onz ounce ounces",
    ("kg", 45.359237): "cwt cwa hundredweight quintalus",
    ("kg", 100.0): "qq quintal dtn",
    (
        "item",
        1.0,
    ): "u un und unit units unidad unidades unite unidade item items piece pieces pcs pce pc pza pzas pieza piezas peca pecas no nmb nr number nar numero numeros c62 ea pst stuck stk nombre cabeza cabecas cabezas head each",
    ("item", 12.0): "dz doz dozen dozens docena docenas dzn duzia duzias douzaine dutzend 12u",
    ("item", 100.0): "cen hundred ciento hundreds centena",
    ("item", 144.0): "gro gross gruesa",
    (
        "item",
        1e3,
    ): "mil mu 1000u thousand thousands millar millares milheiro milheiros milhar thousanditems 1000pst",
    ("pair", 1.0): "pr npr pair pairs par pares 2u paire paires paar pa",
    ("litre", 1.0): "l lt ltr ltrs litre litres liter liters litro litros liter",
    ("litre", 100.0): "hl hlt hectolitre hectoliter hectolitro hectolitros hektoliter",
    ("litre", 1e3): "kl klt m3l kilolitro kilolitre kiloliter",
    ("litre", 3.785411784): "gal gll gallon gallons galon",
    ("litre", 158.987294928): "bbl bll barrel barrels barril barriles",
    ("metre", 1.0): "m mtr metre metres meter meters metro metros mts lm",
    ("metre", 1e3): "km kmt 1000m",
    ("metre", 0.3048): "ft fot foot feet",
    (
        "square metre",
        1.0,
    ): "m2 mtk mt2 sqm squaremetre squaremeter squaremetres metrocuadrado metroscuadrados metroquadrado metrosquadrados metrecarre metrescarres quadratmeter",
    ("square metre", 1e3): "1000m2",
    (
        "cubic metre",
        1.0,
    ): "m3 mtq mt3 mcub cbm cubicmetre cubicmeter cubicmetres metrocubico metroscubicos metrecube metrescubes kubikmeter",
    ("kWh", 1.0): "kwh kilowatthora kilowatthour kilowatthours kilovatiohora kilovatioshora kilowattstunde",
    ("kWh", 1e3): "mwh 1000kwh megawatthora megawatthour megawatthours megavatiohora",
    ("carat", 1.0): "ct ctm carat carats quilate quilates karat ck",
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
    letters = unicodedata.normalize("NFKD", str(text).strip().casefold())
    plain = "".join(c for c in letters if not unicodedata.combining(c)).replace("²", "2").replace("³", "3")
    if (exact := _UNITS.get(re.sub(r"[^a-z0-9]", "", plain))) is not None:
        return exact
    words = re.findall(r"[a-z]+\d?|\d+(?:[.,\s]\d{3})*", plain)
    many = 1.0
    if len(words) > 1 and (words[0][0].isdigit() or words[0] in _MULTIPLES):
        many = _MULTIPLES.get(words[0]) or float(re.sub(r"\D", "", words[0]))
        words = words[1:]
    # A unit beside its own name in brackets, and words that tell no other size: net, live weight, metric.
    kept = [word for word in words if word not in _IDLE]
    for name in ("".join(words), "".join(kept)):
        if (found := _UNITS.get(name)) is not None:
            return Unit(found.base, many * found.size)
    read = {_UNITS.get(word) for word in kept}
    found = next(iter(read)) if len(read) == 1 else None
    return None if found is None else Unit(found.base, many * found.size)


#: Words before a unit that multiply it.
_MULTIPLES = {
    "mil": 1e3, "miles": 1e3, "millar": 1e3, "millares": 1e3, "milhares": 1e3, "milhar": 1e3, "thousand": 1e3, "thousands": 1e3,
    "milliers": 1e3, "mille": 1e3, "tausend": 1e3, "cien": 100.0, "cent": 100.0, "hundred": 100.0, "million": 1e6, "millones": 1e6,
    "milhoes": 1e6, "millions": 1e6, "docena": 12.0, "dozen": 12.0,
}  # fmt: skip

#: Words beside a unit that leave its size as it is.
_IDLE = frozenset(
    [
        "de",
        "do",
        "da",
        "del",
        "des",
        "of",
        "the",
        "por",
        "per",
        "liquido",
        "liquida",
        "liquidos",
        "neto",
        "neta",
        "netos",
        "net",
        "nets",
        "netto",
        "nett",
        "bruto",
        "brutos",
        "gross",
        "brut",
        "metrica",
        "metricas",
        "metrico",
        "metric",
        "metrique",
        "en",
        "in",
        "peso",
        "weight",
        "poids",
        "gewicht",
        "total",
        "vivo",
        "vivos",
        "stuck",
    ]
)

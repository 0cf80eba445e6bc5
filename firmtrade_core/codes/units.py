"""Units of quantity: what they are called in customs records, what they measure, and their size."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from firmtrade_core.codes.word_lists import word_list
from firmtrade_core.paths import asset, read_rows


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


_UNITS = {
    name: Unit(row["base"], float(row["size"]))
    for row in read_rows(asset("codes/units.csv"))
    for name in row["names"].split()
}


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
_IDLE = word_list("unit_fillers")

"""Exports and imports, in the words of customs offices and publishers of trade statistics."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from firmtrade_core.codes.iso import plain_text

Flow = Literal["export", "import", "again"]

_WORDS: dict[str, Flow] = {
    **dict.fromkeys(["e", "x", "ex", "exp", "expo", "export", "exports", "ausfuhr", "ausfuhren", "salida", "salidas", "egreso", "egresos", "saida", "saidas", "sortie", "verkauf", "uscita", "uscite", "dx", "dispatch", "dispatches", "versendung", "versendungen", "ausgang", "expedition", "expeditions", "expedicion", "expediciones", "expedicao", "expedicoes", "2"], "export"),
    **dict.fromkeys(["i", "m", "im", "imp", "impo", "import", "imports", "einfuhr", "einfuhren", "ingreso", "ingresos", "entrada", "entradas", "entree", "internacion", "internacao", "fm", "arrival", "arrivals", "eingang", "eingange", "introduction", "introductions", "introduccion", "introducciones", "introducao", "arrivo", "arrivi", "1"], "import"),
}  # fmt: skip

#: Words for flows, in English, Spanish, Portuguese, French, German and Italian.
_EXPORT, _IMPORT = re.compile(r"\bexp|esporta|ausfuhr"), re.compile(r"\bimp|einfuhr")

#: Flows that the United Nations' exports and imports hold already.
_AGAIN = re.compile(r"(rx|rm|re ?export|re ?import|reexport|reimport|reesport|wiederausfuhr|wiedereinfuhr)")

#: Box 1 of the single administrative document: EX or IM and the kind of declaration.
_DECLARED = re.compile(r"(ex|im) ?[0-9a-z]")


@cache
def read_flow(text: str) -> Flow | None:
    """Whether a text means exports, imports, or trade ``again`` (re-exports, re-imports, which the former hold already); None for neither.

    Numbers are the United Nations' and Eurostat's: 1 imports, 2 exports.

    Examples
    --------
    >>> [read_flow(t) for t in ("Exportaciones", "M", "Ausfuhr", "Imports, c.i.f.", "EX 1", "RX", "2.0", "transit")]
    ['export', 'import', 'export', 'import', 'export', 'again', 'export', None]
    """
    plain = plain_text(text)
    plain = plain[:-2] if re.fullmatch(r"[12] 0", plain) else plain
    if _AGAIN.match(plain):
        return "again"
    if (found := _WORDS.get(plain)) is not None:
        return found
    if declared := _DECLARED.fullmatch(plain):
        return "export" if declared[1] == "ex" else "import"
    if (out := bool(_EXPORT.search(plain))) != bool(_IMPORT.search(plain)):
        return "export" if out else "import"
    return None


def is_numbered(text: str) -> bool:
    """Whether a text is a flow by the number of a convention alone: 1 or 2."""
    return re.fullmatch(r"0?[12]([.,]0+)?", str(text).strip()) is not None


#: Columns by which the United Nations break a flow down, without blanks, and what stands in them for all of it.
_BREAKDOWNS = {
    "customscode": "C00",
    "motcode": "0",
    "moscode": "0",
    "partner2code": "0",
    "partner2iso": "W00",
}


def whole_flow(column: str) -> str | None:
    """What stands in a column for whole flows, where it breaks them down (by customs procedure, transport, second partner); None for others.

    Rows of parts tell again what the rows of whole flows hold.

    Examples
    --------
    >>> whole_flow("customsCode"), whole_flow("partnerCode")
    ('C00', None)
    """
    return _BREAKDOWNS.get(plain_text(column).replace(" ", ""))

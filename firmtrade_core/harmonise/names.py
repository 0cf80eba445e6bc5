"""Names and addresses of firms in a form that can be compared."""

from __future__ import annotations

import re
from collections.abc import Sequence

from firmtrade_core.codes.artefacts import Fault, cut_by_spreadsheets, is_blank, read_identifier, unwrapped
from firmtrade_core.codes.iso import plain_text
from firmtrade_core.codes.word_lists import word_list

#: Words that tell a firm's legal form or nothing, in the languages of customs offices.
LEGAL_FORMS = word_list("legal_forms")

#: Legal forms as they look once points are blanks: letters that belong together.
_SPELLED = re.compile(
    r"\b(s a c v|s de r l|s a c|s a s|s a a|s r l|s p a|s a r l|e i r l|l t d a|l l c|s a|b v|n v|c v)\b"
)

_ADDRESS_WORDS = {
    "av": "avenida", "avda": "avenida", "ave": "avenida", "avenue": "avenida", "st": "street", "str": "street",
    "rd": "road", "c": "calle", "cl": "calle", "no": "", "nro": "", "num": "", "n": "", "of": "oficina",
    "dpto": "departamento", "depto": "departamento", "pje": "pasaje", "psje": "pasaje", "sn": "", "km": "km",
}  # fmt: skip


def plain_name(name: str) -> str:
    """A firm's name without case, accents, punctuation and legal form; what is left is never empty unless it was.

    Examples
    --------
    >>> plain_name("Exportadora Los Álamos S.A."), plain_name("EXPORTADORA LOS ALAMOS LTDA.")
    ('exportadora alamos', 'exportadora alamos')
    """
    plain = plain_text(name.replace("&", " y ").replace("'", ""))
    words = _SPELLED.sub(lambda found: found[0].replace(" ", ""), plain).split()
    kept = [word for word in words if word not in LEGAL_FORMS]
    return " ".join(kept or words)


#: Names that stand for nobody in particular: they are many firms', and never link two records.
_PLACEHOLDERS = word_list("nobody")


def is_placeholder(name: str) -> bool:
    """Whether a name stands for nobody in particular: a blank by any name, no letter, one sign repeated, or words for all.

    Examples
    --------
    >>> [is_placeholder(n) for n in ("N/A", "CONSUMIDOR FINAL", "Varios S.A.", "123456", "Exportadora Varios Vinos")]
    [True, True, True, True, False]
    """
    plain = plain_text(name)
    letters = {c for c in plain if c.isalpha()}
    return is_blank(name) or not letters or plain in _PLACEHOLDERS or plain_name(name) in _PLACEHOLDERS


def plain_address(address: str) -> str:
    """An address with its usual abbreviations written out.

    Examples
    --------
    >>> plain_address("Av. Libertador 1.234, Of. 5")
    'avenida libertador 1234 oficina 5'
    """
    joined = re.sub(r"(?<=\d)\.(?=\d{3}\b)", "", address)
    return " ".join(filter(None, (_ADDRESS_WORDS.get(word, word) for word in plain_text(joined).split())))


def sorted_words(text: str) -> str:
    """Words in alphabetical order: the same for names whose words changed places."""
    return " ".join(sorted(text.split()))


def names_nobody(identifier: str) -> bool:
    """Whether words for all stand where a firm's identifier should; short ones may be codes of firms.

    Examples
    --------
    >>> [names_nobody(i) for i in ("CONSUMIDOR FINAL", "Clientes varios", "Total", "F12", "Acme")]
    [True, True, True, False, False]
    """
    if any(map(str.isdigit, identifier)):
        return False
    plain = plain_text(identifier)
    if plain in _TOTALS or set(plain) == {"x"}:
        return True
    return len(plain) > 4 and (plain in _PLACEHOLDERS or plain_name(identifier) in _PLACEHOLDERS)


#: Words by which a line adds firms up.
_TOTALS = frozenset(
    {
        "total", "totals", "totales", "totaux", "total general", "grand total", "subtotal", "sub total", "suma", "sum", "summe", "gesamt",
        "gesamtsumme", "insgesamt", "gesamtergebnis", "total general usd", "somme", "soma", "all firms", "todas las empresas", "all",
    }
)  # fmt: skip


def read_identifiers(texts: Sequence[str]) -> list[tuple[str | None, Fault | None]]:
    """`artefacts.read_identifier` for a column: words for all and totals are nobody, and numbers whose end a spreadsheet cut are gone.

    Examples
    --------
    >>> read_identifiers(["F1", "TOTAL", "123456789012345000", "123456789012346000"])
    [('F1', None), (None, 'missing'), (None, 'digits_gone'), (None, 'digits_gone')]
    """
    cut = cut_by_spreadsheets(texts)
    return [
        (None, "missing")
        if names_nobody(text) or not any(map(str.isalnum, text))
        else (None, "digits_gone")
        if unwrapped(text) in cut
        else read_identifier(text)
        for text in texts
    ]

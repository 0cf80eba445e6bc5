"""The one glossary: terms of the field in a sentence or two, shown wherever they stand on a page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from html import escape

from firmtrade_core.paths import asset, read_rows


@dataclass(frozen=True)
class Term:
    """A term and what it means.

    Parameters
    ----------
    name
        As the list of terms writes it.
    means
        One or two plain sentences.
    forms
        Other ways in which pages write it.
    """

    name: str
    means: str
    forms: tuple[str, ...] = ()


TERMS = tuple(
    Term(row["name"], row["means"], tuple(filter(None, row["forms"].split("|"))))
    for row in read_rows(asset("labels/glossary.csv"))
)


@cache
def _by_form() -> dict[str, Term]:
    return {form.casefold(): term for term in TERMS for form in (term.name, *term.forms)}


@cache
def _pattern() -> re.Pattern[str]:
    # The longest first, so that "certified equilibrium" is one term.
    forms = sorted(_by_form(), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, forms))})(?![\w-])", re.IGNORECASE)


def meaning(term: str) -> str:
    """What a term means.

    Raises
    ------
    KeyError
        If it is not in the glossary.
    """
    return _by_form()[term.casefold()].means


def explained(text: str) -> str:
    """A text as HTML, safe to put on a page: each term where it first stands tells what it means to those who point at it.

    Examples
    --------
    >>> explained("a < b at a markup of 0.2")[:45]
    'a &lt; b at a <span class="ft-term" tabindex='
    """
    found: list[str] = []
    told: set[str] = set()
    end = 0
    for match in _pattern().finditer(text):
        term = _by_form()[match.group().casefold()]
        # Capitals only where a term is an abbreviation.
        abbreviated = any(
            form.isupper() and form.casefold() == match.group().casefold() for form in term.forms
        )
        if term.name in told or (abbreviated and not match.group().isupper()):
            continue
        told.add(term.name)
        found += [escape(text[end : match.start()]), told_term(match.group(), term.means)]
        end = match.end()
    return "".join([*found, escape(text[end:])])


def told_term(words: str, means: str) -> str:
    """Words that tell what they mean, as HTML; ``assets/terms.js`` shows it on hover, focus and touch."""
    return f'<span class="ft-term" tabindex="0" role="button" data-means="{escape(means)}">{escape(words)}</span>'

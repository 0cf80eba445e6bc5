"""One glossary tells terms where they stand."""

from __future__ import annotations

import pytest

from firmtrade_core.labels.glossary import TERMS, explained, meaning


def test_every_term_and_form_means_one_thing() -> None:
    forms = [form.casefold() for term in TERMS for form in (term.name, *term.forms)]
    assert len(forms) == len(set(forms))
    assert meaning("Markups") == meaning("markup")
    with pytest.raises(KeyError):
        meaning("no such term")


def test_a_term_is_told_once_where_it_first_stands() -> None:
    html = explained("A markup, and markups again, with a trade elasticity of 4.")
    assert html.count("ft-term") == 2 and "markups again" in html


def test_text_is_escaped_and_words_inside_words_are_no_terms() -> None:
    assert explained("<b>markupless & co</b>") == "&lt;b&gt;markupless &amp; co&lt;/b&gt;"
    assert "ft-term" not in explained("highs")
    assert "ft-term" in explained("by HS chapter")

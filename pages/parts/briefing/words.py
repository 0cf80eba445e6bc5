"""What the analyst tells: paragraphs with numbers in them that follow the result, saved with the scenario."""

from __future__ import annotations

import re
from html import escape

import streamlit as st

from firmtrade_core.labels import is_bare_number
from firmtrade_core.report.live_words import offered, told
from firmtrade_core.scenarios import ScenarioError
from firmtrade_core.scenarios.schema import MOST_PARAGRAPHS
from pages.parts.frame.page import complain, table
from pages.parts.frame.store import Store, seeded
from pages.parts.result.reading import Reading

#: Under which name a text that cannot be kept yet waits, with the reason.
_PLACE = "narrative"


def narrative(store: Store, reading: Reading) -> None:
    """The paragraphs with their numbers, and the box in which they are written."""
    lines, problems = told(store.scenario.narrative, reading.second, reading.first)
    with st.container(key="ft_narrative"):
        if lines:
            st.html("".join(f'<p class="ft-tale">{escape(line)}</p>' for line in lines))
        if problems:
            complain(
                "A number in your words cannot be told",
                "\n".join(problems),
                "The paragraph stands as it was written; the list below the box says what there is.",
            )
    _box(store, reading)


def _box(store: Store, reading: Reading) -> None:
    """Where paragraphs are written; a drawer, so that the page stays for reading."""
    fold = st.expander("Your own words", icon=":material/edit_note:", key="ft_words_box", on_change="rerun")
    if not fold.open:
        return
    with fold:
        st.text_area(
            "Paragraphs, with a blank line between them",
            height=190,
            placeholder=f"Real income of the country {{real_income.{store.country}|verb}}.\n\nMost is gained by {{real_income|most}}.",
            help="Numbers in braces follow the result. Saved with the scenario: in its link, its YAML, its slides and its pack.",
            **seeded("narrative", _written(store), lambda text: _write(store, text)),
        )
        if problem := store.problems.get(_PLACE):
            complain("Not kept yet", problem, "What you wrote is still in the box.")
        st.html(
            '<p class="ft-quiet">Press Ctrl+Enter, or leave the box, and the numbers are filled in. What can stand in braces:</p>'
        )
        rows = offered(reading.world, store.country)
        lines, _ = told([place for place, _ in rows], reading.second, reading.first)
        table(
            "What can stand in braces",
            ("Written", "Tells", "Now"),
            [
                (place, words, f"{now} economies" if is_bare_number(now) else now)
                for (place, words), now in zip(rows, lines, strict=True)
            ],
            words=("Tells", "Now"),
            headed=False,
            whole=False,
        )


def _written(store: Store) -> str:
    return str(store.drafts.get(_PLACE, {}).get("text", "\n\n".join(store.scenario.narrative)))


def _write(store: Store, text: str) -> None:
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]
    paragraphs = [part for part in paragraphs if part]
    try:
        if len(paragraphs) > MOST_PARAGRAPHS:
            raise ScenarioError(
                f"These are {len(paragraphs)} paragraphs; at most {MOST_PARAGRAPHS} are kept."
            )
        written = store.scenario.with_(narrative=tuple(paragraphs))
    except ScenarioError as error:
        store.drafts[_PLACE], store.problems[_PLACE] = {"text": text}, str(error)
        return
    store.become(written, sliding=True)
    for waiting in (store.drafts, store.problems):
        waiting.pop(_PLACE, None)

"""Names of rows: how wide they are, where they go on in a second line, and how high their rows must be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

#: Size of type of row names, pixels.
SIZE = 13

#: Pixels between a name and the plot.
STANDOFF = 8

#: Pixels that a row with names on two lines takes at least.
TWO_LINES = 38

#: Width of letters over the size of type, by kind; a little above the screen's font, as files replace it by a wider one.
_NARROW, _MEDIUM, _USUAL, _CAPITAL, _WIDE = 0.26, 0.35, 0.52, 0.62, 0.83


def named_rows(names: list[str], width: float | None = None) -> dict[str, Any]:
    """A vertical axis with a name for each row, the first at the top.

    Parameters
    ----------
    names
    width
        Pixels of the margin that holds them: names that are wider go on in a second line.
    """
    return {
        "tickvals": list(range(len(names))),
        "ticktext": names if width is None else [in_lines(name, width) for name in names],
        "range": [len(names) - 0.5, -0.5],
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "tickfont": {"size": SIZE},
        "ticklabelstandoff": STANDOFF,
    }


@lru_cache(maxsize=4000)
def in_lines(name: str, width: float) -> str:
    """A name on at most two lines of a margin so many pixels wide, cut only where both are full; bold stays bold."""
    plain = name.removeprefix("<b>").removesuffix("</b>")
    room = width - STANDOFF
    first, *words = plain.split(" ")
    lines = [first]
    for word in words:
        longer = f"{lines[-1]} {word}"
        if text_width(longer) > room and len(lines) == 1:
            lines.append(word)
        else:
            lines[-1] = longer
    text = "<br>".join(_cut(line, room) for line in lines)
    return text if plain == name else f"<b>{text}</b>"


def row_height(names: Iterable[str], width: float, usual: int) -> int:
    """Pixels of each row: the usual height, more where a name takes two lines."""
    return max(usual, TWO_LINES) if any("<br>" in in_lines(name, width) for name in names) else usual


def margin_for(names: Iterable[str], most: int) -> int:
    """Pixels that the widest name needs, its lines broken to be at most so wide."""
    lines = (line for name in names for line in in_lines(name, most).split("<br>"))
    return math.ceil(max(map(text_width, lines), default=0.0)) + STANDOFF


def text_width(text: str) -> float:
    """Pixels that a text takes at the size of row names."""
    return SIZE * sum(map(_letter_width, text))


def _letter_width(letter: str) -> float:
    if letter in " ijlI.,;:'":
        return _NARROW
    if letter in "frt()-":
        return _MEDIUM
    if letter in "mwMW%@…":
        return _WIDE
    return _CAPITAL if letter.isupper() else _USUAL


def _cut(line: str, room: float) -> str:
    if text_width(line) <= room:
        return line
    while line and text_width(f"{line}…") > room:
        line = line[:-1].rstrip(" ,;")
    return f"{line}…"

"""Words that stand for one thing in whatever language, and what columns of people's tables are called.

In ``assets/codes/words.csv`` and ``assets/records/known_as.csv``, which tell what each list is.
"""

from __future__ import annotations

from functools import cache

from firmtrade_core.paths import asset, read_rows


@cache
def _lists() -> dict[str, frozenset[str]]:
    return {row["list"]: frozenset(row["words"].split("|")) for row in read_rows(asset("codes/words.csv"))}


def word_list(name: str) -> frozenset[str]:
    """The words of a list.

    Raises
    ------
    KeyError
        If there is no list of that name.
    """
    return _lists()[name]


def known_as(table: str) -> dict[str, tuple[str, ...]]:
    """What each column of a kind of table may be called, the likeliest name first."""
    return {
        row["name"]: tuple(row["known_as"].split("|"))
        for row in read_rows(asset("records/known_as.csv"))
        if row["table"] == table
    }

"""Lists of words that stand for one thing in whatever language: ``assets/codes/words.csv``, which tells what each is."""

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

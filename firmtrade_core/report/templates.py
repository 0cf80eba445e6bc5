"""Empty forms of the tables that people bring: the columns, and rows that show how they are written. The numbers are invented."""

from __future__ import annotations

from dataclasses import dataclass

from firmtrade_core.paths import asset, read_rows


@dataclass(frozen=True)
class Template:
    """A table to fill in.

    Parameters
    ----------
    title, file
        What it is, and what its file is called.
    words
        What its columns hold.
    text
        Content of a CSV file.
    """

    title: str
    file: str
    words: str
    text: str


TEMPLATES = {
    row["key"]: Template(
        row["title"], row["file"], row["words"], asset(f"templates/{row['file']}").read_text(encoding="utf-8")
    )
    for row in read_rows(asset("templates/templates.csv"))
}

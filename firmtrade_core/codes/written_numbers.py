"""Numbers of a column as people write them: which mark is decimal, and which numbers could mean a thousand times more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WrittenNumbers:
    """A column read as numbers.

    Parameters
    ----------
    values : (N,)
        NaN where a text is no number.
    decimal_comma
        Whether commas are decimal and points group thousands.
    doubtful : (N,)
        Whose only mark has three digits behind it, in a column where nothing tells what the mark means: 1.234 or 1,234.
    """

    values: Array
    decimal_comma: bool
    doubtful: NDArray[np.bool_]


def read_numbers(column: pd.Series) -> WrittenNumbers:
    """A column as numbers, NaN where it is none.

    A comma is decimal where points group thousands before it (or in another number), or where some number has other than three
    digits behind its only comma. Signs of money go; brackets and a minus behind mean less than zero.

    Examples
    --------
    >>> read_numbers(pd.Series(["1.234.567", "12.345"])).values.tolist()
    [1234567.0, 12345.0]
    >>> read_numbers(pd.Series(["1.234", "567"])).doubtful.tolist()
    [True, False]
    """
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return WrittenNumbers(values, False, np.zeros(len(values), dtype=bool))
    text = column.astype("string").str.replace(
        "[\\s\u00a0\u202f'’]|US\\$|R\\$|[$€£]|\\b[A-Z]{3}\\b", "", regex=True
    )
    text = text.str.replace("[\u2212\u2013]", "-", regex=True).str.replace(r"^\((.*)\)$", r"-\1", regex=True)
    text = text.str.replace(r"^([^-].*)-$", r"-\1", regex=True)
    commas = text[text.str.contains(",", na=False)]
    both = commas.str.contains(".", regex=False, na=False)
    decimal = bool(
        (both & (commas.str.rfind(",") > commas.str.rfind("."))).any()
        or (~both & ~commas.str.fullmatch(r"-?\d{1,3}(,\d{3})+").fillna(False)).any()
        or text.str.fullmatch(r"-?\d{1,3}(\.\d{3}){2,}").fillna(False).any()
    )
    # Of numbers that show their decimal mark one is enough: 0.512, 1234.5, 1,234.56, 12,34,567.
    told = decimal or bool(
        text.str.fullmatch(
            r"-?(?:0\d*\.\d+|\d+\.(?:\d{1,2}|\d{4,})|\d{4,}\.\d+|\d[\d,]*,\d{3}\.\d+|\d[\d,]*,\d{2,3},\d{3})"
        )
        .fillna(False)
        .any()
    )
    doubtful = text.str.fullmatch(r"-?[1-9]\d{0,2}[.,]\d{3}").fillna(False).to_numpy(bool) & (not told)
    if decimal:
        text = text.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    else:
        text = text.str.replace(",", "", regex=False)
    values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return WrittenNumbers(values, decimal, doubtful)

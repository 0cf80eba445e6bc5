"""Regressors of a gravity equation, computed from a panel."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.panel import Array, GravityPanel, Integers
from firmtrade_core.labels import grouped
from firmtrade_core.world.accounts import closest

_CALL = re.compile(r"^(log|log1p|lag|lead|change|is|by)\((.*)\)$", re.DOTALL)

#: How calls in the name of a regressor are written; one sentence for every refusal.
_FORMS = "log(x), log1p(x), lag(x, years), lead(x, years), change(x, years), is(column, value), by(x, column) or x:y"


def variable(panel: GravityPanel, name: str) -> Array:
    """A regressor over all rows of a panel, NaN where it is not known, (rows,).

    Parameters
    ----------
    name
        As in `GravitySpecification.regressors`.

    Raises
    ------
    RegressorError
        If there is no such variable, or a log is taken of something that is not positive.
    """
    name = name.strip()
    factors = split(name, ":")
    if len(factors) > 1:
        product: Array = np.prod([variable(panel, factor) for factor in factors], axis=0)
        return product
    if name in _DERIVED and name not in panel.table:
        return _DERIVED[name](panel)
    call = _CALL.match(name) if name not in panel.table else None
    if call is None:
        return _column(panel, name)
    function, arguments = call.group(1), split(call.group(2), ",")
    if len(arguments) != (1 if function in ("log", "log1p") else 2) or not all(arguments):
        raise RegressorError(f"{name!r}: write {_FORMS}.")
    if function == "is":
        return _is(panel, *arguments)
    if function == "by":
        raise RegressorError(f"{name!r} stands for several variables and cannot be part of another.")
    values = variable(panel, arguments[0])
    if function == "log":
        return _log(values, name)
    if function == "log1p":
        return _log(1 + values, name)
    if not arguments[1].isdigit():
        raise RegressorError(f"{name!r}: lags and leads count whole years.")
    years = int(arguments[1])
    if function == "change":
        return values - _shifted(panel, values, years)
    return _shifted(panel, values, years if function == "lag" else -years)


def expanded(panel: GravityPanel, names: Sequence[str], wanted: NDArray[np.bool_]) -> list[str]:
    """Regressors with ``by(x, column)`` written out: ``x:is(column, value)`` for each value in the sample.

    ``by(x, column, base)`` leaves the base value out, as is needed where effects take up x itself.

    Parameters
    ----------
    panel, names
    wanted : (rows,)
        The rows sampled.

    Raises
    ------
    RegressorError
    """
    found: list[str] = []
    for name in names:
        call = _CALL.match(name.strip())
        if call is None or call.group(1) != "by" or len(split(name.strip(), ":")) > 1:
            found.append(name)
            continue
        arguments = split(call.group(2), ",")
        if len(arguments) not in (2, 3):
            raise RegressorError(f"{name!r}: write by(x, column) or by(x, column, base).")
        inner, column, *base = arguments
        values = sorted({*_texts(panel, column)[wanted]})
        if base and base[0] not in values:
            raise RegressorError(f"{name!r}: {column} is never {base[0]} in the sample.")
        found += [f"{inner}:is({column}, {value})" for value in values if [value] != base]
    return found


def split(text: str, separator: str) -> list[str]:
    """Parts of a text between separators that stand outside all parentheses, trimmed."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == separator and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()]


def _texts(panel: GravityPanel, column: str) -> NDArray[np.object_]:
    if column not in panel.table:
        raise RegressorError(f"The panel has no column {column!r} to tell cases apart by.")
    return panel.table[column].astype(str).to_numpy(dtype=object)


def _is(panel: GravityPanel, column: str, value: str) -> Array:
    """One where a column has a value."""
    return (_texts(panel, column) == value).astype(np.float64)


def _column(panel: GravityPanel, name: str) -> Array:
    if name not in panel.table:
        candidates = [*map(str, panel.table.columns), *_DERIVED]
        alike = closest(name, candidates)
        hint = f" Did you mean {' or '.join(alike)}?" if alike else ""
        raise RegressorError(f"The panel has no variable {name!r}.{hint}")
    values = pd.to_numeric(panel.table[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isnan(values).all():
        raise RegressorError(f"{name} holds no numbers.")
    return values


def _log(values: Array, name: str) -> Array:
    bad = values <= 0
    if bad.any():
        raise RegressorError(
            f"{name}: {grouped(int(bad.sum()))} values are zero or less, so they have no logarithm."
        )
    result: Array = np.log(values)
    return result


def _shifted(panel: GravityPanel, values: Array, years: int) -> Array:
    """The value of the same pair and sector some years before (after, if negative)."""
    year = panel.table["year"].to_numpy().astype(np.int64)
    first, span = int(year.min()), int(np.ptp(year)) + 1
    cell = panel.code("pair", "sector") * span
    order = np.argsort(cell + year - first)
    keys = (cell + year - first)[order]
    wanted_year = year - years
    wanted = cell + wanted_year - first
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found = (keys[place] == wanted) & (wanted_year >= first) & (wanted_year < first + span)
    return np.where(found, values[order][place], np.nan)


def _total(panel: GravityPanel, side: str) -> Array:
    """Flows summed over the other side, by country, sector and year, (rows,)."""
    group = panel.code(side, "sector", "year")
    return _sums(group, panel.table["trade"].to_numpy())


def _remoteness(panel: GravityPanel, side: str, other: str) -> Array:
    """ln Σ_j dist_ij / (E_j/E): distances weighted by the inverse share of partners in world trade (AGTPA)."""
    size = _total(panel, other)
    market = panel.code(other, "sector", "year")
    firsts = np.unique(market, return_index=True)[1]
    period = panel.code("sector", "year")
    world = np.bincount(period[firsts], weights=size[firsts])[period]
    with np.errstate(divide="ignore"):
        weighted = _column(panel, "dist") * np.where(size > 0, world / size, np.nan)
    group = panel.code(side, "sector", "year")
    return _log(_sums(group, np.nan_to_num(weighted)), f"log_remoteness_{side}")


def _sums(group: Integers, values: Array) -> Array:
    """Sums over groups, on every row of theirs, (rows,)."""
    totals: Array = np.bincount(group, weights=values).astype(np.float64)
    return totals[group]


def _log_total(side: str) -> Callable[[GravityPanel], Array]:
    def of(panel: GravityPanel) -> Array:
        total = _total(panel, side)
        with np.errstate(divide="ignore"):
            return np.where(total > 0, np.log(total), np.nan)

    return of


#: Variables that every panel has, by name.
_DERIVED: dict[str, Callable[[GravityPanel], Array]] = {
    "border": lambda panel: (~panel.domestic).astype(np.float64),
    "domestic": lambda panel: panel.domestic.astype(np.float64),
    "log_output": _log_total("exporter"),
    "log_expenditure": _log_total("importer"),
    "log_remoteness_exporter": lambda panel: _remoteness(panel, "exporter", "importer"),
    "log_remoteness_importer": lambda panel: _remoteness(panel, "importer", "exporter"),
}

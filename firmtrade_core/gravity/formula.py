"""Gravity equations and combinations of coefficients as a researcher writes them."""

from __future__ import annotations

import re
from typing import Any

from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.gravity.variables import split

#: A coefficient of a linear combination: sign, factor, term.
_PART = re.compile(r"^\s*(?:(\d+(?:\.\d*)?|\.\d+)\s*\*)?\s*(.+?)\s*$", re.DOTALL)


def read_formula(text: str, **options: Any) -> tuple[str, GravitySpecification]:
    """The flow and the equation of a formula: ``trade ~ log(dist) + rta + lag(rta, 4) | exporter^year + pair``.

    Parameters
    ----------
    text
        The flow's column, a tilde, regressors joined by plus signs, and after a bar the effects. Names as in
        `GravitySpecification`.
    **options
        Passed on: estimator, clusters, domestic, zeros, years, borders_by_year, confidence.

    Returns
    -------
    flow : str
    specification : GravitySpecification

    Raises
    ------
    RegressorError
        Saying which part cannot be read.
    """
    left, tilde, right = text.partition("~")
    if not tilde or not left.strip():
        raise RegressorError(
            f"{text!r}: write the flow, a tilde and the regressors: trade ~ log(dist) + rta | pair."
        )
    body, _, behind = right.partition("|")
    if "|" in behind:
        raise RegressorError(f"{text!r} has two bars; effects stand behind one, joined by plus signs.")
    regressors = [part for part in split(body, "+") if part != "1"]
    effects = split(behind, "+") if behind.strip() else []
    if not all(regressors) or not all(effects):
        raise RegressorError(f"{text!r}: something is missing beside a plus sign.")
    for part in (*regressors, *effects):
        if part.count("(") != part.count(")"):
            raise RegressorError(f"{part!r}: parentheses do not match.")
    return left.strip(), GravitySpecification(tuple(regressors), tuple(effects), **options)


def read_combination(text: str) -> dict[str, float]:
    """Weights by term of a linear combination of coefficients: ``rta + lag(rta, 4)``, ``2*a - b``.

    Raises
    ------
    RegressorError
        Where a part is missing.
    """
    weights: dict[str, float] = {}
    for number, plus in enumerate(split(text, "+")):
        first, *rest = split(plus, "-")
        parts = [(1.0, first)] if first or rest == [] or number > 0 else []
        parts += [(-1.0, part) for part in rest]
        for sign, part in parts:
            found = _PART.match(part)
            if found is None:
                raise RegressorError(f"{text!r}: something is missing beside a plus or minus sign.")
            factor, term = found.groups()
            weights[term] = weights.get(term, 0.0) + sign * float(factor or 1)
    return weights


def read_years(text: str) -> tuple[int, ...]:
    """Years as a person writes them: ``1986,1990`` or ``1986:2006:4``, the last year included.

    Raises
    ------
    RegressorError
        Where they cannot be read.
    """
    try:
        if ":" in text:
            first, last, *step = map(int, text.split(":"))
            return tuple(range(first, last + 1, *step))
        return tuple(map(int, text.split(",")))
    except (ValueError, TypeError):
        raise RegressorError(f"Years are {text!r}; write 1986,1990,1994 or 1986:2006:4.") from None


def write_formula(equation: GravitySpecification, flow: str = "trade") -> str:
    """The formula that `read_formula` reads as this equation's regressors and effects."""
    effects = f" | {' + '.join(equation.effects)}" if equation.effects else ""
    return f"{flow} ~ {' + '.join(equation.regressors) or '1'}{effects}"

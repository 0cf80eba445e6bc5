"""What leaves the Trade costs page: a table for a paper, and the code that gives the same numbers."""

from __future__ import annotations

from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.events import Window
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.labels import grouped
from firmtrade_core.words.gravity import equation_words, sentence, term_name


def event_code(
    panel: str, sector: str | None, specification: GravitySpecification, policy: str, window: Window
) -> str:
    """Python that gives an event study again; parameters as `python_code`.

    Parameters
    ----------
    panel, sector
        File, and the sector of it.
    specification
    policy, window
        Column, and years before and after.
    """
    head = python_code(panel, sector, specification).split("found = ")[0]
    return (
        f"from firmtrade_core.gravity.events import Window, study_policy\n{head}"
        f"study = study_policy(panel, {policy!r}, {window!r}, equation)\n"
        "print(study.table)\nprint(study.anticipation)\n"
    )


def latex_table(found: GravityEstimate, *, caption: str) -> str:
    """A table in LaTeX (booktabs): estimates, errors in parentheses, sample and fit at the foot."""
    body = "\n".join(
        f"{_escaped(term_name(row.term))} & {row.estimate:.3f} \\\\\n & ({row.std_error:.3f}) \\\\"
        for row in found.rows()
    )
    foot = "\n".join(
        f"{_escaped(name)} & {value} \\\\"
        for name, value in (
            ("Observations", f"{grouped(found.observations)}"),
            ("Separated zeros left out", f"{grouped(found.separated)}"),
            *((sentence(k), f"{v:.3f}") for k, v in found.goodness.items() if k != "deviance"),
        )
    )
    return (
        f"\\begin{{table}}\n\\caption{{{_escaped(caption)}}}\n\\begin{{tabular}}{{lr}}\n\\toprule\n{body}\n\\midrule\n{foot}\n"
        f"\\bottomrule\n\\end{{tabular}}\n\n\\footnotesize {_escaped(equation_words(found.specification))}\n\\end{{table}}\n"
    )


def python_code(panel: str, sector: str | None, specification: GravitySpecification) -> str:
    """Python that estimates the same again.

    Parameters
    ----------
    panel
        Code that makes the panel; it may need the imports below.
    sector
        Taken out of the panel, if one is.
    specification
    """
    choices = ",\n    ".join(
        f"{name}={getattr(specification, name)!r}"
        for name in ("regressors", "effects", "estimator", "clusters", "domestic", "years", "borders_by_year")
    )
    only = f"panel = panel.only(sectors=[{sector!r}])\n" if sector else ""
    return (
        "from firmtrade_core.gravity.estimate import estimate\n"
        "from firmtrade_core.gravity.specification import GravitySpecification\n"
        f"{panel}\n{only}"
        f"equation = GravitySpecification(\n    {choices},\n)\n"
        "found = estimate(panel, equation)\n"
        "print(found.table())\nprint(found.reset_test())\nprint(*found.notes, sep='\\n')\n"
    )


def _escaped(text: str) -> str:
    return text.replace("_", "\\_").replace("%", "\\%").replace("&", "\\&").replace("×", "$\\times$")

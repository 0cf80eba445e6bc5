"""A gravity estimate as a paper prints it, in words, and as code that gives it again."""

from __future__ import annotations

from firmtrade_core.gravity.estimate import GravityEstimate
from firmtrade_core.gravity.specification import GravitySpecification

#: What regressors are called in tables.
TERMS = {
    "log(dist)": "Log distance",
    "contiguity": "Common land border",
    "language": "Common official language",
    "colony": "Colonial tie",
    "border": "International border",
    "log1p(tariff)": "Log (1 + tariff)",
    "rta": "Trade agreement",
    "constant": "Constant",
}

EFFECTS = {
    ("exporter_year", "importer_year"): "exporter-year and importer-year effects",
    ("exporter_year", "importer_year", "pair"): "exporter-year, importer-year and pair effects",
}

ESTIMATORS = {"ppml": "Poisson pseudo-maximum likelihood", "ols": "least squares on logs"}


def term_name(term: str) -> str:
    """Plain name of a regressor; leads, lags and other columns as they are written."""
    if term.startswith("border_"):
        return f"International border × {term.removeprefix('border_')}"
    return TERMS.get(term, term)


def dropped(found: GravityEstimate) -> str:
    """How many observations were used and why the others were not, in a sentence."""
    c = found.counts
    parts = [
        f"{n:,} {words}"
        for n, words in (
            (c.not_sampled, "outside the sample chosen"),
            (c.logarithm_of_zero, "zeros without a logarithm"),
            (c.missing, "without a regressor"),
            (c.separated, "separated zeros"),
            (c.singletons, "alone in a group"),
        )
        if n
    ]
    left_out = f"left out: {', '.join(parts)}" if parts else "none left out"
    return f"{c.used:,} of {c.given:,} observations used; {left_out}."


def equation_words(specification: GravitySpecification) -> str:
    """The specification in a sentence."""
    effects = EFFECTS.get(specification.effects, ", ".join(specification.effects) or "a constant")
    clusters = " and ".join(c.replace("_", " ") for c in specification.clusters) or "nothing"
    home = "with sales at home" if specification.domestic else "without sales at home"
    return f"{ESTIMATORS[specification.estimator[:4].rstrip('_')]} with {effects}, {home}; errors clustered by {clusters}."


def latex_table(found: GravityEstimate, *, caption: str) -> str:
    """A table in LaTeX (booktabs): estimates, errors in parentheses, sample and fit at the foot."""
    body = "\n".join(
        f"{_escaped(term_name(row.term))} & {row.estimate:.3f} \\\\\n & ({row.std_error:.3f}) \\\\"
        for row in found.rows()
    )
    foot = "\n".join(
        f"{_escaped(name)} & {value} \\\\"
        for name, value in (
            ("Observations", f"{found.observations:,}"),
            ("Separated zeros left out", f"{found.separated:,}"),
            *((_sentence(k), f"{v:.3f}") for k, v in found.goodness.items() if k != "deviance"),
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


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]

"""A gravity estimate as a paper prints it, in words, and as code that gives it again."""

from __future__ import annotations

import math

from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.events import EventStudy, Window
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.labels import grouped, in_percent, number

#: A hypothesis less likely than this is called rejected.
REJECTED_BELOW = 0.05

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
        f"{grouped(n)} {words}"
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
    return f"{grouped(c.used)} of {grouped(c.given)} observations used; {left_out}."


def equation_words(specification: GravitySpecification) -> str:
    """The specification in a sentence."""
    effects = EFFECTS.get(specification.effects, ", ".join(specification.effects) or "a constant")
    clusters = " and ".join(c.replace("_", " ") for c in specification.clusters) or "nothing"
    home = "with sales at home" if specification.domestic else "without sales at home"
    return f"{ESTIMATORS[specification.estimator[:4].rstrip('_')]} with {effects}, {home}; errors clustered by {clusters}."


def event_finding(study: EventStudy) -> str:
    """What an event study found, in a short sentence."""
    name = term_name(study.policy)
    years, effect, low, high = study.in_all
    if study.anticipation is not None and study.anticipation.p_value < REJECTED_BELOW:
        return f"{name}: trade moves before it comes, so its effect is not told cleanly"
    if low <= 0 <= high:
        return f"{name}: no effect on trade is told apart from zero"
    percent = number(abs(100 * (math.exp(effect) - 1)))
    when = "At once" if years == 0 else f"{years} years on" if years > 1 else "One year on"
    return f"{name}: {when.lower()}, trade is {percent}\u202f% {'higher' if effect > 0 else 'lower'}"


def anticipation_words(study: EventStudy) -> str:
    """The joint test of the leads, in words."""
    if study.anticipation is None:
        return "Whether trade moves before the policy cannot be tested: no year before it has a coefficient."
    test = study.anticipation
    leads = study.table["horizon"][study.table["horizon"] < 0].abs()
    spoken = " and ".join(str(years) for years in sorted(leads))
    chance = "less than 0.1 %" if test.p_value < 0.001 else in_percent(test.p_value)
    start = (
        f"Before the policy ({spoken} {'year' if spoken == '1' else 'years'} ahead): if trade did not move, a difference this "
        f"large would come up with a chance of {chance} (χ² = {test.statistic:.1f}, {test.degrees} "
        f"{'degree' if test.degrees == 1 else 'degrees'} of freedom)."
    )
    if test.p_value < REJECTED_BELOW:
        return f"{start} Trade moves ahead: pairs that switch were on another path already, or firms saw it coming."
    return f"{start} Nothing speaks for anticipation, or for another path of the pairs that switch."


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

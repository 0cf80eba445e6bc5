"""Sentences about gravity estimates and event studies (MODEL 5)."""

from __future__ import annotations

import math

from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.events import EventStudy
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


def sentence(text: str) -> str:
    """A text with its first letter large."""
    return text[0].upper() + text[1:]

"""Sentences about capability: what predicts who trades, how well, and what a reader should know before believing (MODEL 6)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields

from firmtrade_core.capability import Learner
from firmtrade_core.capability.attributes import TOGETHER
from firmtrade_core.capability.comparison import MEASURES, Scores
from firmtrade_core.capability.explanation import Explanation, Interactions
from firmtrade_core.capability.work import Band, CapabilityReport, Hidden
from firmtrade_core.codes.sectors import BROAD_SECTORS, sector_words
from firmtrade_core.labels import MINUS, grouped, in_percent, in_powers, number

NOT_EFFECT = "Prediction, not effect: Shapley values say what tells capable firms from others, never what a policy would move."

ONE_INDEX_REJECTED = (
    "One index was asked for and the test rejects it: attributes also move fixed costs of entry, and what is said of capability "
    "mixes the two. Estimate with two indices."
)

#: What each parameter of the table is.
MEANINGS = {
    "σ_u": "capability that attributes do not explain, standard deviation",
    "σ_ξ": "luck and taste in sales, standard deviation",
    "σ_ν": "entry shocks, standard deviation",
    "v_k": "demand known at entry, covariance of ξ and ν",
    "ρ": "correlation of ξ and ν",
    "sd(m)": "capability that attributes explain, standard deviation",
    "sd(g)": "fixed costs that attributes explain, standard deviation",
}

#: What was held out of known firms: a heading, and what every model had seen.
HIDDEN: dict[Hidden, tuple[str, str]] = {
    "markets": ("Known firms in markets hidden from all", "One firm-market pair in five was hidden; each model saw the firm's other markets"),
    "years": ("Known firms a year later", "The last year was hidden; each model saw the two years before"),
}  # fmt: skip

#: What to do where an estimate fails, by exception.
REMEDIES = {
    "LeakageError": "Leave the attribute out below and estimate again; your other choices stay.",
    "NoAttributeError": "Add attributes that vary to the panel, or put back one that was left out.",
    "SelectionError": "The panel needs firms that trade and firms that do not: add the missing ones.",
    "SampleError": "Take more firms: a larger sample, more years or more sectors.",
}


def trader(report: CapabilityReport) -> str:
    """``exporter`` or ``importer``."""
    return f"{report.flow}er"


def finding(report: CapabilityReport | None) -> str:
    """The page's headline."""
    if report is None:
        return "What makes firms trade, how well can it be foreseen, and who could be next?"
    first = attribute_words(str(report.explanations["m"].importance.index[0]))
    share = report.bands["explained"].value
    who = f"{report.panel}: attributes tell {in_percent(share)} of what firms can sell, {first} most of all"
    if "starters" not in report.bands:
        return who
    count = report.bands["starters"].value
    return f"{who}; {grouped(count)} firms that {report.flow} nothing would start on a new draw of luck"


def rejected(report: CapabilityReport) -> bool:
    """Whether one index was estimated though the test rejects it."""
    test = report.single_index
    return test is not None and test.rejects and report.results.state.g_learned is None


def ends(band: Band, factor: float = 1.0, *, signed: bool = False, whole: bool = False) -> str:
    """The interval in small type; says so where there is none."""
    if not math.isfinite(band.low):
        return "no interval: estimate with draws"
    write = grouped if whole else (lambda value: number(value, signed=signed))
    return f"90 %: {write(factor * band.low)} to {write(factor * band.high)}"


def remedy(message: str) -> tuple[str, str]:
    """A job's failure split into why and what to do."""
    kind, _, why = message.partition(": ")
    return (why or message, REMEDIES.get(kind, "Finished steps are kept; change a choice and go on."))


def winners(scores: Scores) -> list[tuple[str, ...]]:
    """By measure: the models' values with intervals, in the order of `Scores.models`, and who wins in words."""
    table, gains, own = scores.table, scores.gains, scores.ours
    values = table["value"].unstack("model")[list(scores.models)]
    rows = []
    for measure, up in MEASURES.items():
        cells = []
        for model in scores.models:
            line = table.loc[[(measure, model)]].iloc[0]
            cells.append(f"{number(line['value'], significant=3, most_decimals=3)} ({number(line['low'], significant=3, most_decimals=3)} to {number(line['high'], significant=3, most_decimals=3)})")  # fmt: skip
        best = str(values.loc[measure].idxmax() if up else values.loc[measure].idxmin())
        lines = [gains.loc[[(measure, rival)]].iloc[0] for rival in scores.models if rival != own]
        sure = (
            all(line["low"] > 0 for line in lines)
            if best == own
            else gains.loc[[(measure, best)]].iloc[0]["high"] < 0
        )
        words = best if sure else f"{best}, within chance"
        if best != own:
            words += f": {own} loses"
        rows.append((f"{measure} ({'higher' if up else 'lower'} is better)", *cells, words))
    return rows


def cluster_words(explanation: Explanation) -> str:
    """Which attributes move together, and what that means for their credit."""
    several = [members for members in explanation.clusters if len(members) > 1]
    if not several:
        return (
            f"No attributes move together (rank correlations up to {TOGETHER:g}): each has credit of its own."
        )
    named = "; ".join(", ".join(attribute_words(name) for name in members) for members in several)
    return f"Move together (rank correlation above {TOGETHER:g}): {named}. How credit is split within a cluster is arbitrary."


def interaction_words(found: Interactions, attribute: str, visible: float) -> str:
    """Whom an attribute interacts with; interactions below ``visible``, in log points, are not named."""
    if found.additive:
        return "No interactions: the learner chosen adds up attributes' own effects."
    pairs = found.strength.loc[[attribute]].iloc[0]
    strongest = [
        f"{attribute_words(str(name))} ({number(value, most_decimals=3)})"
        for name, value in pairs.nlargest(3).items()
        if value > visible
    ]
    over = f"mean absolute Shapley interactions of {grouped(found.rows)} firms, additive within {in_powers(found.residual, decimals=1)}"
    if not strongest:
        return f"Interactions with other attributes stay below {visible:g} log points ({over})."
    return f"Interacts most with {', '.join(strongest)}, in log points ({over})."


# Tables -----------------------------------------------------------------------------------------


#: Unit of each held-out measure.
MEASURE_UNITS = {
    "entry log loss": "log likelihood",
    "AUC": "index, 0 to 1",
    "average precision": "index, 0 to 1",
    "calibration error": "share of 1",
    "log sales RMSE": "log points",
    "Poisson deviance": "squared error",
    "aggregate exports error": "log points",
}


# Model card and code ----------------------------------------------------------------------------


def limits(report: CapabilityReport) -> tuple[str, ...]:
    """What a reader should know before believing."""
    said = [
        *report.results.diagnostics,
        *(f"{name}: not told. {why}" for name, why in report.refused.items()),
    ]
    if rejected(report):
        said.append(ONE_INDEX_REJECTED)
    said.append(NOT_EFFECT)
    said.append(
        "Chances of starting draw entry shocks anew; where a firm's taste for a market persists, fewer start within a year."
    )
    return tuple(said)


def learner_words(learner: Learner) -> str:
    """A learner and what of it is not as by default."""
    default = Learner(kind=learner.kind)
    changed = [
        f"{field.name} {getattr(learner, field.name)}"
        for field in fields(Learner)
        if field.name not in ("kind", "signs")
        and getattr(learner, field.name) != getattr(default, field.name)
    ]
    if learner.signs:
        changed.append(f"signs that theory gives: {sign_words(learner.signs)}")
    return f"{learner.kind}{', ' + ', '.join(changed) if changed else ''}"


def sign_words(signs: Mapping[str, int]) -> str:
    """``+ tfp, quality certificate; − distance to port``."""
    said = [
        f"{mark} {', '.join(attribute_words(name) for name in sorted(signs) if signs[name] == sign)}"
        for sign, mark in ((1, "+"), (-1, MINUS))
        if sign in signs.values()
    ]
    return "; ".join(said)


def attribute_words(name: str) -> str:
    """A column's name as words; amounts in logs by their plain name, sectors by theirs."""
    plain = name.removeprefix("log_")
    if plain.startswith("sector_") and (sector := plain.removeprefix("sector_")) in BROAD_SECTORS:
        return f"sector {BROAD_SECTORS[sector].lower()}"
    return sector_words(plain)

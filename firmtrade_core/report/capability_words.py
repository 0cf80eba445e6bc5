"""Capability in plain words: the finding, tables to take away, a model card, the Python that reproduces them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from firmtrade_core.capability import Learner
from firmtrade_core.capability.attributes import TOGETHER
from firmtrade_core.capability.comparison import ECONOMETRICS, LEARNING, MEASURES, STRUCTURE, Scores
from firmtrade_core.capability.explanation import Explanation, Interactions
from firmtrade_core.capability.results import DRAWN
from firmtrade_core.capability.work import Band, CapabilityReport, Hidden, Request
from firmtrade_core.figures.capability import attribute_words
from firmtrade_core.labels import MINUS, ROW_UNIT, grouped, in_percent, in_powers, number, unit
from firmtrade_core.panel.confidentiality import FEWEST_FIRMS
from firmtrade_core.report.as_code import as_code, imports
from firmtrade_core.report.export import About, Table, written_now

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
    """By measure: the three models' values with intervals, and who wins in words."""
    table, gains = scores.table, scores.gains
    values = table["value"].unstack("model")[[STRUCTURE, ECONOMETRICS, LEARNING]]
    rows = []
    for measure, up in MEASURES.items():
        cells = []
        for model in (STRUCTURE, ECONOMETRICS, LEARNING):
            line = table.loc[[(measure, model)]].iloc[0]
            cells.append(f"{number(line['value'], significant=3, most_decimals=3)} ({number(line['low'], significant=3, most_decimals=3)} to {number(line['high'], significant=3, most_decimals=3)})")  # fmt: skip
        best = str(values.loc[measure].idxmax() if up else values.loc[measure].idxmin())
        lines = [gains.loc[[(measure, rival)]].iloc[0] for rival in (ECONOMETRICS, LEARNING)]
        sure = (
            all(line["low"] > 0 for line in lines)
            if best == STRUCTURE
            else gains.loc[[(measure, best)]].iloc[0]["high"] < 0
        )
        words = best if sure else f"{best}, within chance"
        if best != STRUCTURE:
            words += ": structure loses"
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


def about(report: CapabilityReport, request: Request) -> About:
    """Where the numbers of every table come from."""
    data, settings = report.results.data, request.settings
    return (
        ("Firms", f"{report.panel}, {report.year}: {grouped(data.firm_count)} firms, {len(data.markets)} markets, {report.flow}s"),
        ("Kind", "synthetic: no such firm exists" if report.synthetic else "real firms; cells under five firms are withheld"),
        ("Method", f"structural boosting (MODEL 6), learner {settings.learner.kind}, {'two indices' if settings.two_indices else 'one index'}, {settings.folds} folds by firm, seed {settings.seed}"),
        ("Intervals", f"90 %, {len(report.results.draws)} bootstrap draws of {DRAWN[request.kind]}" if report.results.draws else "none: no draws were made"),
        ("Reading", NOT_EFFECT),
        ("Additivity", f"largest gap between predictions and sums of Shapley values {in_powers(_residual(report), decimals=1)}"),
        ("Estimate's content hash", report.content_hash),
        written_now(),
    )  # fmt: skip


def _residual(report: CapabilityReport) -> float:
    return max(each.residual for each in report.explanations.values())


def tables(report: CapabilityReport) -> tuple[Table, ...]:
    """Every table of the page; of real firms none with a cell under five firms, and no single firm."""
    found = [
        _counted("parameters", "Parameters", _parameters(report), ROW_UNIT),
        _counted("markets", "Market effects", _markets(report)),
        _counted(
            "variance",
            "Variance of log potential trade of all firms by source",
            _named(report.shares, "source"),
            "relative",
        ),
        _counted("importance", "Mean absolute Shapley value by attribute", _importance(report)),
        _counted("premia", "Premia observed and implied", _named(report.premia, "part")),
        _counted("search", "Settings tried", search_trace(report)),
    ]
    if report.pooled is not None:
        pooled = _named(report.pooled.parameters, "parameter")
        found += [
            _counted("pooled", "Parameters pooled over imputations", _with_units(pooled), ROW_UNIT),
            _counted("pooled_markets", "Market effects pooled over imputations", report.pooled.markets),
        ]
    if report.premium:
        split = [
            {"source": name, "value": b.value, "low": b.low, "high": b.high}
            for name, b in report.premium.items()
        ]
        found.append(_counted("premium", f"Premium of {trader(report)}s split", pd.DataFrame(split)))
    if report.comparison is not None:
        held = report.comparison
        found += [
            _counted("comparison", "Held-out measures", _measures(held.table.reset_index()), ROW_UNIT),
            _counted(
                "gains", "What structure saves of rivals' losses, share", held.gains.reset_index(), "times"
            ),
            _counted("errors_by_market", "Error of exports by market", held.by_market.reset_index()),
            _counted("calibration", "Predicted and observed entry", held.calibration),
        ]
    for hidden, known in report.known.items():
        title = f"Measures: {HIDDEN[hidden][0].lower()}"
        found.append(_counted(f"hidden_{hidden}", title, _measures(known.table.reset_index()), ROW_UNIT))
    for key, table in (("starters_by_market", report.by_market), ("starters_by_sector", report.by_sector)):
        shown = table if report.synthetic else table[table["absent"] >= FEWEST_FIRMS]
        named = _named(shown, key.rpartition("_")[2])
        found.append(_counted(key, f"Expected starters {key[9:].replace('_', ' ')}", named, "expected firms"))
    if report.synthetic:
        found.append(
            _counted("next_firms", "Who could be next (synthetic firms)", next_firms(report, 500), "%")
        )
    return tuple(found)


#: Units of this page's columns, where the table does not say otherwise.
_UNITS = {
    "corrected": ROW_UNIT,
    "sellers": "firms",
    "firms": "firms",
    "absent": "firms",
    "starters": "expected firms",
    "cells": "firm-market pairs",
    "tenth": "position",
    "predicted": "share of 1",
    "observed": "log points",
    "chance": "%",
    "chance there": "%",
    "loss": "squared error",
}

#: Settings of a learner, as they are given.
_SETTINGS = frozenset(field.name for field in fields(Learner))

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


def _counted(key: str, title: str, frame: pd.DataFrame, values: str = "log points") -> Table:
    """A table of this page: its values and their intervals in one unit, counts in theirs."""
    units = {}
    for name in map(str, frame.select_dtypes("number").columns):
        units[name] = "value of the setting" if name in _SETTINGS else _UNITS.get(name, values)
    if key == "calibration":
        units["observed"] = "share of 1"
    return Table(key, title, frame, units)


def _measures(table: pd.DataFrame) -> pd.DataFrame:
    """Measures with their units; intervals end where a measure's range ends."""
    names = [MEASURE_UNITS[str(name)] for name in table["measure"]]
    least, most = (np.array([getattr(unit(name), end) for name in names]) for end in ("lowest", "highest"))
    ends = {c: np.clip(table[c], least, most) for c in ("low", "high") if c in table}
    return table.assign(Unit=names, **ends)


def _with_units(parameters: pd.DataFrame) -> pd.DataFrame:
    """Parameters with their units: a correlation, the others in logs."""
    return parameters.assign(
        Unit=["correlation" if name == "ρ" else "log points" for name in parameters["parameter"]]
    )


def _named(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table.rename_axis(name).reset_index()


def _parameters(report: CapabilityReport) -> pd.DataFrame:
    table = report.results.parameters.reset_index()
    table.insert(1, "meaning", [MEANINGS[str(symbol)] for symbol in table["parameter"]])
    return _with_units(table.rename(columns={"standard_error": "standard error"}))


def _markets(report: CapabilityReport) -> pd.DataFrame:
    table = report.results.market_effects
    return table if report.synthetic else table[table["sellers"] >= FEWEST_FIRMS].reset_index(drop=True)


def _importance(report: CapabilityReport) -> pd.DataFrame:
    columns: dict[str, Any] = {index: each.importance for index, each in report.explanations.items()}
    table = pd.DataFrame(columns).sort_values("m", ascending=False)
    table.insert(0, "group", [report.groups[str(name)] for name in table.index])
    beside = {name: members for members in report.explanations["m"].clusters for name in members}
    table["moves together with"] = [
        ", ".join(other for other in beside.get(str(name), ()) if other != name) for name in table.index
    ]
    return _named(table, "attribute")


def search_trace(report: CapabilityReport) -> pd.DataFrame:
    """Every setting the search tried, with its held-out loss; the chosen one has the smallest by index."""
    signed = any(trial.learner.signs for trials in report.results.trials.values() for trial in trials)
    names = [field.name for field in fields(Learner) if field.name != "signs" or signed]

    def cell(learner: Learner, name: str) -> Any:
        return sign_words(learner.signs) if name == "signs" else getattr(learner, name)

    rows = [
        {"index": index, **{name: cell(trial.learner, name) for name in names}, "loss": trial.loss}
        for index, trials in report.results.trials.items()
        for trial in trials
    ]
    return pd.DataFrame(rows, columns=["index", *names, "loss"])


def next_firms(report: CapabilityReport, most: int) -> pd.DataFrame:
    """Firms that trade nowhere, likeliest first: for synthetic firms, or on a machine that shows real ones."""
    found, data = report.prospects, report.results.data
    order = (-found.anywhere).argsort(kind="stable")[:most]
    rows = found.rows[order]
    filled = pd.DataFrame(found.probability[order], columns=list(data.markets)).fillna(-1.0)
    best = filled.idxmax(axis=1)
    table = pd.DataFrame(
        {
            "firm": [data.firm_names[f] for f in found.firms[order]],
            "sector": report.places["sector"].to_numpy()[rows] if "sector" in report.places else "all",
            "chance": 100 * found.anywhere[order],
            "low": 100 * found.anywhere_low[order],
            "high": 100 * found.anywhere_high[order],
            "likeliest market": best.to_numpy(),
            "chance there": 100 * filled.max(axis=1).to_numpy(),
        }
    )
    return table


# Model card and code ----------------------------------------------------------------------------


def model_card(report: CapabilityReport, request: Request) -> str:
    """Data, features, folds, tuning, metrics and limits, as Markdown."""
    data, results, settings = report.results.data, report.results, request.settings
    lines = [
        f"# Capability of firms: {report.panel}, {report.year}",
        "",
        f"> {NOT_EFFECT}",
        "",
        "## Data",
        "",
        f"- {grouped(data.firm_count)} firms, {len(data.markets)} markets, {len(data.group_names)} groups of demand and thresholds; "
        f"{grouped(int(data.exports_anywhere.sum()))} firms {report.flow}"
        + (". Synthetic: no such firm exists." if report.synthetic else ". Real firms; averages only."),
        f"- Estimate {report.content_hash}",
        *(f"- {note}" for note in data.notes),
        "",
        "## Features",
        "",
        *(
            f"- {attribute_words(name)} (`{name}`), {group}"
            for name, group in sorted(report.groups.items(), key=lambda pair: (pair[1], pair[0]))
        ),
        *([f"- left out: {', '.join(request.leave_out)}"] if request.leave_out else []),
        "",
        "## Estimation",
        "",
        f"- Structural boosting (MODEL 6), {'m and g' if settings.two_indices else 'm alone (g = 0)'}; {settings.folds} folds by firm, seed {settings.seed}",
        f"- Learner of m as chosen: {_learner_words(results.state.learner)}"
        + (f"; of g: {_learner_words(results.state.entry_learner)}" if settings.two_indices else ""),
        f"- {len(results.draws)} bootstrap draws of {DRAWN[request.kind]}; marginal log likelihood {results.log_likelihood:,.1f}",
        f"- Shapley values: {grouped(len(report.explanations['m'].rows))} firms, additive within {in_powers(_residual(report), decimals=1)}",
        f"- {cluster_words(report.explanations['m'])}",
        "",
        "### Search",
        "",
        *_markdown(search_trace(report).round(4)),
        "",
        "### Likelihood by stage",
        "",
        *_markdown(pd.DataFrame([{"stage": s.stage, "log likelihood": round(s.log_likelihood, 1), "taken": s.taken} for s in results.record])),
        "",
        "## Parameters",
        "",
        *_markdown(_parameters(report).round(3)),
        "",
        *_pooled_lines(report),
        "## Held-out firms",
        "",
    ]  # fmt: skip
    head = ["measure", STRUCTURE, ECONOMETRICS, LEARNING, "winner"]
    if report.comparison is None:
        lines.append(report.refused.get("comparison", "Not asked for."))
    else:
        lines += _markdown(pd.DataFrame(winners(report.comparison), columns=head))
        lines.append(
            f"\n{grouped(report.comparison.firms)} firms that no model had seen; 90 % intervals over firms."
        )
    for hidden, known in report.known.items():
        title, seen = HIDDEN[hidden]
        lines += [
            "",
            f"## {title}",
            "",
            f"{seen}; {known.cells:,} cells. {' '.join(known.notes)}".strip(),
            "",
        ]
        lines += _markdown(pd.DataFrame(winners(known), columns=head))
    lines += ["", "## Limits", "", *(f"- {said}" for said in limits(report))]
    return "\n".join(lines) + "\n"


def _pooled_lines(report: CapabilityReport) -> list[str]:
    if report.pooled is None:
        return []
    table = report.pooled.parameters.round(3).reset_index(names="parameter")
    return [
        f"### Pooled over {report.pooled.imputations} completed panels (Rubin)",
        "",
        *_markdown(table),
        "",
    ]


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


def _learner_words(learner: Learner) -> str:
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


def _markdown(table: pd.DataFrame) -> list[str]:
    if table.empty:
        return ["None."]
    head = [str(column) for column in table.columns]
    rows = [[str(cell).replace("|", "/") for cell in row] for row in table.itertuples(index=False, name=None)]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def python_code(request: Request) -> str:
    """A script that gives the same numbers."""
    code = f"report = estimate_capability({as_code(request)})"
    return (
        f"{imports(code, _HOMES)}\n\n{code}\n"
        "print(report.results.table())\n"
        "print(report.comparison.table if report.comparison else report.refused)\n"
        "print(report.by_market)\n"
    )


#: Where the code finds what it calls.
_HOMES = {
    "Learner": "firmtrade_core.capability",
    "Path": "pathlib",
    "Request": "firmtrade_core.capability.work",
    "Settings": "firmtrade_core.capability",
    "SyntheticDesign": "firmtrade_core.panel.synthetic.structure",
    "estimate_capability": "firmtrade_core.capability.work",
}

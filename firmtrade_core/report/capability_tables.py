"""What leaves the Firms page: its tables, the model card, and the code that gives the same numbers."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from firmtrade_core.capability import Learner
from firmtrade_core.capability.comparison import Scores
from firmtrade_core.capability.results import DRAWN
from firmtrade_core.capability.work import CapabilityReport, Request
from firmtrade_core.labels import ROW_UNIT, grouped, in_powers, unit
from firmtrade_core.panel.confidentiality import FEWEST_FIRMS
from firmtrade_core.report.as_code import as_code, imports
from firmtrade_core.report.export import About, Table, written_now
from firmtrade_core.words.capability import (
    HIDDEN,
    MEANINGS,
    MEASURE_UNITS,
    NOT_EFFECT,
    attribute_words,
    cluster_words,
    learner_words,
    limits,
    sign_words,
    trader,
    winners,
)


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


def _won(scores: Scores) -> pd.DataFrame:
    """By measure: each model's value, and the winner."""
    return pd.DataFrame(winners(scores), columns=["measure", *scores.models, "winner"])


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
        f"- Learner of m as chosen: {learner_words(results.state.learner)}"
        + (f"; of g: {learner_words(results.state.entry_learner)}" if settings.two_indices else ""),
        f"- {len(results.draws)} bootstrap draws of {DRAWN[request.kind]}; marginal log likelihood {grouped(results.log_likelihood, '.1f')}",
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
    if report.comparison is None:
        lines.append(report.refused.get("comparison", "Not asked for."))
    else:
        lines += _markdown(_won(report.comparison))
        lines.append(
            f"\n{grouped(report.comparison.firms)} firms that no model had seen; 90 % intervals over firms."
        )
    for hidden, known in report.known.items():
        title, seen = HIDDEN[hidden]
        lines += [
            "",
            f"## {title}",
            "",
            f"{seen}; {grouped(known.cells)} cells. {' '.join(known.notes)}".strip(),
            "",
        ]
        lines += _markdown(_won(known))
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

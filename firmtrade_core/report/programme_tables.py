"""What a programme achieves, as tables to take away, each number with its band and its evidence."""

from __future__ import annotations

import math

import pandas as pd

from firmtrade_core.analysis.programme_study import LEVEL, Alternative, ProgrammeStudy
from firmtrade_core.analysis.programmes import ProgrammeResult
from firmtrade_core.codes.countries import country_name
from firmtrade_core.labels import ROW_UNIT
from firmtrade_core.report.export import About, Table, about_result

_MILLION = "m USD a year"


def measures(result: ProgrammeResult) -> list[tuple[str, str, float, str]]:
    """Key, name, value and unit of every number of a programme, in the order of reading.

    Without a cost there is no ratio: what a firm's treatment may cost at most stands in its place.
    """
    moved = result.jobs["persons"].clip(lower=0).sum() if "persons" in result.jobs else float("nan")
    account = result.account
    paid = "" if account.known else " before any cost"
    over = "" if account.card.paid_years is None else ", over the years"
    rows = [
        ("new_exporters", "Exporters gained", result.new_exporters, "firms"),
        ("new_pairs", "New firm-market pairs", result.new_pairs, "firm-market pairs"),
        ("exports", "Extra exports", result.exports, _MILLION),
        ("real_income", f"Real income{paid}", result.real_income, "%"),
        (
            "gain",
            "Income gained before any cost" if paid else "Gain after paying for it",
            result.gain,
            _MILLION,
        ),
        ("break_even", "Worth up to, per firm treated", account.break_even, "USD a year"),
        (
            "revealed_break_even",
            "The same if firms' own cost is what they gain",
            account.revealed_break_even,
            "USD a year",
        ),
    ]
    if account.known:
        rows += [
            ("benefit_cost", f"Income per dollar that people pay{over}", account.ratio, "times"),
            (
                "revealed_ratio",
                "The same if firms' own cost is what they gain",
                account.revealed_ratio,
                "times",
            ),
            ("cost_per_new_exporter", "Cost per new exporter", result.cost_per_new_exporter, "USD a year"),
            ("cost_per_export_dollar", "Cost per extra export dollar", result.cost_per_export_dollar, "USD"),
            ("public_cost", "Cost to the budget, duties counted", result.public_cost, _MILLION),
            ("outlay", "of which outlay", result.outlay, _MILLION),
            ("public", f"What the public pays, with the cost of raising it{over}", account.public, _MILLION),
        ]
    rows += [
        ("treated", "Firms treated", result.treated, "firms"),
        ("jobs", "Jobs that move between sectors", float(moved), "persons"),
    ]
    return [row for row in rows if not (row[0].startswith("revealed") and math.isnan(row[2]))]


def alternatives(study: ProgrammeStudy) -> list[tuple[str, str, Alternative | str | None]]:
    """Other uses of the same money: name, who pays, and what it does or why there is none."""
    name = country_name(study.home.country)
    return [
        (f"{name} cuts its own tariffs", f"the budget of {name}", study.own_cut),
        (f"Partners cut their tariffs on goods of {name}", "partners' budgets", study.concession),
    ]


def programme_tables(study: ProgrammeStudy) -> list[Table]:
    """Summary, destinations, products, jobs and the comparison with tariff cuts."""
    result, evidence = study.result, study.result.stamp
    nothing = (math.nan, math.nan)
    rows = measures(result)
    bands = [study.bands.get(key, nothing) for key, *_ in rows]
    summary = pd.DataFrame(
        {
            "Measure": [name for _, name, *_ in rows],
            "Value": [value for *_, value, _ in rows],
            f"Low ({LEVEL:.0%})": [low for low, _ in bands],
            f"High ({LEVEL:.0%})": [high for _, high in bands],
            "Unit": [unit for *_, unit in rows],
            "Evidence": result.stamp,
        }
    )
    if study.finished:
        words = {
            "firms": "Sales that firms not reached lose, same sectors, real",
            "sectors": "Output that other sectors lose, real",
            "exporters": "Firm-market pairs that firms not reached give up",
        }
        lost = pd.DataFrame(
            {
                "Measure": list(words.values()),
                "Value": [result.displaced[key] for key in words],
                "Unit": [_MILLION, _MILLION, "firm-market pairs"],
                "Evidence": evidence,
            }
        )
        summary = pd.concat([summary, lost], ignore_index=True)
    return [
        Table(
            "summary",
            "What the programme achieves",
            summary,
            dict.fromkeys(_number_columns(summary), ROW_UNIT),
        ),
        Table("destinations", "By destination", _named(result.destinations, "destination", evidence), _UNITS),
        Table("products", "By sector", _named(result.products, "sector", evidence), _UNITS),
        Table(
            "jobs",
            "Jobs by sector",
            result.jobs.assign(evidence=evidence),
            {"percent": "%", "persons": "persons", "staff": "persons"},
        ),
        Table(
            "comparison",
            "The same money spent otherwise",
            _compared(study),
            dict.fromkeys(_MONEY, _MILLION) | {"Real income, change": "%", "New exporters": "firms"},
        ),
    ]


def _number_columns(frame: pd.DataFrame) -> list[str]:
    return list(map(str, frame.select_dtypes("number").columns))


_UNITS = {
    "exports": _MILLION, "pairs": "firm-market pairs", "pairs_before": "firm-market pairs", "pairs_after": "firm-market pairs",
}  # fmt: skip
_MONEY = ("Cost to home's budget", "Paid by others", "Gain at home", "Extra exports")


def _named(table: pd.DataFrame, code: str, evidence: str) -> pd.DataFrame:
    ordered = table[["name", code, *(c for c in table if c not in ("name", code))]]
    return ordered.assign(evidence=evidence)


def _compared(study: ProgrammeStudy) -> pd.DataFrame:
    result = study.result
    rows: list[tuple[str | float, ...]] = [
        ("The programme", "", result.public_cost, 0.0, result.gain, result.real_income, result.exports, result.new_exporters, result.stamp)
    ]  # fmt: skip
    for name, _, found in alternatives(study):
        if isinstance(found, Alternative):
            others = 0.0 if found is study.own_cut else found.paid
            rows.append(
                (name, f"{100 * found.share:.2f} % of tariffs lifted", found.public_cost, others, found.gain,
                 found.real_income, found.exports, found.new_exporters, "")
            )  # fmt: skip
        elif isinstance(found, str):
            rows.append((name, found, *[math.nan] * 6, ""))
    heads = (
        "Use",
        "How much",
        _MONEY[0],
        _MONEY[1],
        _MONEY[2],
        "Real income, change",
        _MONEY[3],
        "New exporters",
        "Evidence",
    )
    return pd.DataFrame(rows, columns=list(heads))


def about_programme(study: ProgrammeStudy) -> About:
    """All that tables of a programme say about themselves."""
    result, home = study.result, study.home
    effect = result.effect
    interval = (
        f"{LEVEL:.0%}, from the effect's standard errors: solved at either end of each effect's interval, combined with "
        "their correlation; market parameters are held"
        if study.bands
        else "none: the effect has no standard error"
        if study.finished
        else "not yet computed"
    )
    return (
        ("Firms", f"{len(home)} of {country_name(home.country)}: {home.source}"),
        (
            "Effect on a firm reached",
            f"capability {effect.capability:+.3f} (s.e. {effect.capability_error:.3f}), fixed costs saved "
            f"{effect.fixed_cost_saving:+.3f} (s.e. {effect.fixed_cost_error:.3f}), log points; {effect.source}",
        ),
        ("Evidence", result.evidence),
        *((("Stamps", result.stamp),) if len(result.stamps) > 1 else ()),
        *result.account.terms(),
        ("Band", interval),
        *((("Trade rules", result.wto),) if result.wto else ()),
        *(line for line in about_result(study.scenario, result.with_it) if line[0] != "Interval"),
    )

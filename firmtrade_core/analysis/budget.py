"""The public budget whole: what a government collects and pays, before and after a scenario (MODEL 12)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.labels import MINUS, level
from firmtrade_core.scenarios.words import countries as spoken

Array = NDArray[np.float64]

BILLION = 1e-3  # of million USD

#: Lines of the budget in order: what is collected counts plus, what is paid minus.
LINES = {
    "duties": "Duties",
    "export_subsidies": "Export subsidies",
    "production_subsidies": "Production subsidies",
    "programmes": "Programmes for firms",
    "labour_tax": "Tax on labour",
}

#: Money below this, in billion USD a year, is none.
NOTHING = 0.0005


def accounts(equilibrium: Equilibrium) -> dict[str, tuple[Array, Array]]:
    """Every line before and after, billion USD a year by country, (N,); lines that are nowhere in use are left out."""
    before, after = equilibrium.budget_before, equilibrium.budget
    found = {
        "duties": (before.duties, after.duties),
        "export_subsidies": (before.export_subsidies, after.export_subsidies),
        "production_subsidies": (before.production_subsidies, after.production_subsidies),
        "programmes": (before.programme_outlay, after.programme_outlay),
        "labour_tax": (before.labour_tax, after.labour_tax),
    }
    scaled = {line: (before * BILLION, after * BILLION) for line, (before, after) in found.items()}
    return {
        line: sides
        for line, sides in scaled.items()
        if line == "duties" or max(np.abs(sides[0]).max(), np.abs(sides[1]).max()) >= NOTHING
    }


def budget(equilibrium: Equilibrium, country: str) -> pd.DataFrame:
    """One country's budget.

    Returns
    -------
    DataFrame
        line, label, before, after, change (bn USD a year); the last line, ``balance``, is the sum: what households get as
        a lump sum, or pay where it is negative.
    """
    i = equilibrium.world.country_index(country)
    lines = {line: (float(b[i]), float(a[i])) for line, (b, a) in accounts(equilibrium).items()}
    kept = {
        line: sides for line, sides in lines.items() if line == "duties" or max(map(abs, sides)) >= NOTHING
    }
    kept["balance"] = (sum(b for b, _ in kept.values()), sum(a for _, a in kept.values()))
    labels = LINES | {"balance": "Sum: back to households, or from them"}
    return pd.DataFrame(
        [
            {"line": line, "label": labels[line], "before": b, "after": a, "change": a - b}
            for line, (b, a) in kept.items()
        ]
    )


def budgets(equilibrium: Equilibrium) -> pd.DataFrame:
    """Every country's budget in long form: country, name, and the columns of `budget`."""
    tables = [
        budget(equilibrium, code).assign(country=code, name=country_name(code))
        for code in equilibrium.world.countries
    ]
    return pd.concat(tables, ignore_index=True)


def payers(equilibrium: Equilibrium) -> list[str]:
    """Countries whose budget pays more, or earns less, for anything but duties: the largest payer first."""
    spent = np.zeros(len(equilibrium.world.countries))
    for line, (before, after) in accounts(equilibrium).items():
        if line not in ("duties", "labour_tax"):
            spent += before - after
    order = np.argsort(-np.abs(spent), kind="stable")
    return [equilibrium.world.countries[k] for k in order if abs(spent[k]) >= NOTHING]


def amount(value: float) -> str:
    """A change of a budget, three digits so that lines are seen to add up: ``−189 bn USD``."""
    sign = "" if abs(value) < NOTHING else MINUS if value < 0 else "+"
    return sign + level(abs(value), "bn USD")


def sentence(equilibrium: Equilibrium, country: str) -> str:
    """What policies cost or bring the country's budget, in words; empty where nothing moves."""
    i = equilibrium.world.country_index(country)
    if not any(
        line != "duties" and abs(float(after[i] - before[i])) >= NOTHING
        for line, (before, after) in accounts(equilibrium).items()
    ):
        return ""
    table = budget(equilibrium, country).set_index("line")
    moved = table[table["change"].abs() >= NOTHING]
    if moved.empty or list(moved.index) == ["duties", "balance"]:
        return ""
    who = spoken([country]).text
    told = [
        f"{str(row['label']).lower()} {amount(row['change'])}"
        for row in moved.reset_index().to_dict("records")
        if row["line"] != "balance"
    ]
    total = float(table["change"]["balance"])
    income = float(equilibrium.world.income[equilibrium.world.country_index(country)]) * BILLION
    share = level(100 * abs(total) / income, "%")
    if equilibrium.parameters.duties == "labour_tax":
        return f"The budget of {who}: {', '.join(told)}; the tax on labour keeps the budget what it was in real terms."
    end = (
        f"together {amount(total)} a year, {share} of income, which households "
        f"{'get' if total > 0 else 'pay'} as a lump sum"
        if abs(total) >= NOTHING
        else "together nothing"
    )
    return f"The budget of {who}: {', '.join(told)}; {end}."

"""Caliendo and Parro (2015), table 2: welfare effects of NAFTA's tariff reductions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, solve
from firmtrade_core.published.replication import CERTIFIED, Replication, Row, published
from firmtrade_core.world.loaders.caliendo_parro import TABLES, CaliendoParroData, load_caliendo_parro

MEMBERS = ("MEX", "CAN", "USA")

#: Exact change of real income in percent: an independent solution's, for the paper does not print it.
EXACT_REAL_INCOME = {"MEX": 0.01, "CAN": -0.11, "USA": 0.07}

#: Published values have two decimals.
ROUNDING = 0.005 + 1e-9


def nafta(data: CaliendoParroData) -> Equilibrium:
    """Tariffs among Mexico, Canada and the USA fall from 1993 to 2005 levels.

    Deficits are removed first, at the tariffs of 1993; that world is the baseline, as in the paper.
    """
    parameters = Parameters(trade_elasticity=data.trade_elasticity, deficits="removed")
    baseline = solve(data.world, Shock(), parameters).to_world(name="Caliendo-Parro 1993, deficits removed")
    tariff = baseline.tariff.copy()
    members = [baseline.country_index(code) for code in MEMBERS]
    among = np.ix_(members, members)
    tariff[among] = data.tariff_2005[among]
    return solve(baseline, Shock(tariff=tariff), parameters)


def member_imports_change(result: Equilibrium) -> NDArray[np.float64]:
    """Ratio of each country's imports from the members (itself left out), at border values, (N,)."""
    origins = [result.world.country_index(code) for code in MEMBERS]

    def imports(border_value: NDArray[np.float64]) -> NDArray[np.float64]:
        pairs = border_value.sum(2)
        np.fill_diagonal(pairs, 0.0)
        total: NDArray[np.float64] = pairs[origins].sum(0)
        return total

    return imports(result.border_value) / imports(result.world.border_value)


def compute(folder: Path) -> list[Row]:
    """The rows of the replication."""
    result = nafta(load_caliendo_parro(folder / "caliendo-parro-2015"))
    return [*_against_table(result), _certificate(result)]


def _against_table(result: Equilibrium) -> Iterator[Row]:
    table = published("caliendo_parro_2015_table2").set_index("country")
    table["exact"] = pd.Series(EXACT_REAL_INCOME)
    ours = {
        "terms_of_trade_pct": ("terms of trade", 100 * result.terms_of_trade),
        "volume_of_trade_pct": ("volume of trade", 100 * result.volume_of_trade),
        "welfare_first_order_pct": (
            "welfare, first-order sum",
            100 * (result.terms_of_trade + result.volume_of_trade),
        ),
        "real_wage_pct": ("real wage", 100 * (result.real_wage_change - 1)),
        "imports_from_nafta_pct": ("imports from members", 100 * (member_imports_change(result) - 1)),
        "exact": ("real income, exact (not in the paper)", 100 * (result.real_income_change - 1)),
    }
    for column, (name, values) in ours.items():
        for code, target in table.loc[list(MEMBERS), column].items():
            value = float(values[result.world.country_index(str(code))])
            yield Row(name, str(code), "%", float(target), value, value - float(target), ROUNDING)


def _certificate(result: Equilibrium) -> Row:
    certificate = result.certificate
    return Row(
        "largest residual of the equations",
        "world",
        "relative",
        None,
        certificate.largest,
        certificate.largest,
        certificate.tolerance,
        cause=CERTIFIED,
        residual=True,
    )


NAFTA = Replication(
    name="nafta",
    title="Welfare effects of NAFTA",
    citation=(
        "Caliendo, L. and F. Parro (2015). Estimates of the Trade and Welfare Effects of NAFTA. "
        "Review of Economic Studies 82(1), 1-44, table 2."
    ),
    files=tuple(f"caliendo-parro-2015/{table}" for table in TABLES),
    origin="supplementary data of doi.org/10.1093/restud/rdu035, as tables.",
    compute=compute,
    notes=(
        "The published welfare effect is the first-order sum of the terms-of-trade and volume-of-trade terms, with "
        "percent changes (ĉ - 1) put for small ones. The exact change of real income is a different number, named "
        "apart; the paper does not print it, and what it is held against is an independent solution.",
        "Trade deficits are removed first, at the tariffs of 1993; tariffs among the members then fall.",
    ),
)

"""Imported inputs among the firm results: who imports, what it saves, and what the scenario does to each through it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.states import ComparisonError, origin
from firmtrade_core.figures.bars import value_bars
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.imports import (
    ELASTICITY,
    ELASTICITY_SOURCE,
    ImportedInputs,
    enough_importers,
    with_own_inputs,
)
from firmtrade_core.labels import change, grouped, in_percent, level
from firmtrade_core.report.export import about_result
from firmtrade_core.report.firm_result_tables import imported_inputs_table
from firmtrade_core.scenarios import Scenario, compile
from pages.parts.frame import chart
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.page import certificate_line, complain, heading, table

#: Elasticities between inputs from home and from abroad that a reader may try: the assumed one first.
_ELASTICITIES = (ELASTICITY, 1.5, 4.0, 7.0)

_READING = (
    "Producers of a sector share one price of inputs in the model. Here each firm pays its own: what it imports follows "
    "prices at the border, what it buys at home those of home. Its cost against its sector's mean moves what it sells and "
    "where it enters (Blaum, Lelarge and Peters 2018)."
)


@st.cache_resource(show_spinner=False, max_entries=6)
def _solved(
    result: str, home_hash: str, elasticity: float, _equilibrium: Equilibrium, _scenario: Scenario, _home: HomeFirms
) -> ImportedInputs:  # fmt: skip
    treatment = compile(_scenario, origin(_equilibrium), _home).treatment
    assert treatment is not None
    return with_own_inputs(_equilibrium, treatment, elasticity)


def imported_inputs(equilibrium: Equilibrium, scenario: Scenario, home: HomeFirms, under: str) -> None:  # fmt: skip
    """The section; nothing where the firms' table does not know imports.

    Parameters
    ----------
    equilibrium, scenario
        Under the firms family.
    """
    if not enough_importers(home) or equilibrium.world.inputs is None:
        return
    heading("Firms that import their inputs", _READING)
    row = st.columns([4, 4, 8], vertical_alignment="bottom")
    asked = row[0].toggle("Solve with each firm's own inputs", key="own_inputs", help="Takes some seconds.")
    elasticity = row[1].selectbox(
        "Elasticity between inputs",
        _ELASTICITIES,
        format_func=lambda value: f"{value:g}{' (assumed)' if value == ELASTICITY else ''}",
        key="own_inputs_elasticity",
        help=f"Between inputs from home and from abroad. {ELASTICITY_SOURCE}.",
    )
    if not asked:
        return
    try:
        with st.spinner("Prices and firms, by turns"):
            found = _solved(equilibrium.content_hash, home.content_hash, float(elasticity), equilibrium, scenario, home)  # fmt: skip
    except (ComparisonError, EquilibriumError) as error:
        complain("Not known here", str(error), "Other model choices, or a milder scenario, may carry it.")
        return
    _show(found, scenario, home, under)


def _show(found: ImportedInputs, scenario: Scenario, home: HomeFirms, under: str) -> None:
    st.html(
        f'<p class="ft-step" data-own-inputs="{escape(found.with_own.content_hash)}"><b>{escape(found.sentence())}</b></p>'
    )
    groups = found.groups()
    source = f"{home.source}. Groups of fewer than five firms, or led by one, are withheld."
    left, right = st.columns(2, gap="large")
    for column, (key, name) in zip((left, right), (("status", "trading status"), ("size", "size")), strict=True):  # fmt: skip
        by = groups[key]
        known = by[by["exports"].notna()]
        with column:
            drawn = value_bars(
                known["group"].tolist(), known["exports"].to_numpy(float), "%",
                _title(known, name), f"Exports with own prices of inputs, change in % · by {name} · {under}", source, name_width=160,
                notes=[f"<br>with the sector's mean price: {change(float(v))}" for v in known["exports_mean_cost"]],
            )  # fmt: skip
            chart.draw(drawn, key=f"own_inputs_{key}", result=found.with_own.content_hash, kind="own_inputs")
    table(
        "Who imports, what it saves, what the scenario does",
        ("Firms", "How many", "Import", "Materials imported", "Costs without imports", "Their costs now", "Exports", "Exports at the mean cost", "Sales"),
        [
            (
                str(row["group"]), _told(row["firms"], grouped), _told(row["importers"], in_percent),
                _told(row["imported"], in_percent), _told(row["saving"], change), _told(row["cost"], change),
                _told(row["exports"], change), _told(row["exports_mean_cost"], change), _told(row["sales"], change),
            )
            for by in groups.values() for row in by.to_dict("records")
        ],
        units={"How many": "firms"},
    )  # fmt: skip
    st.html(
        f'<p class="ft-quiet">Real income moves by {change(100 * (float(found.with_own.real_income_change[found.with_own.world.country_index(home.country)]) - 1))} '
        f"with own prices of inputs, by {change(100 * (float(found.without.real_income_change[found.without.world.country_index(home.country)]) - 1))} with the mean. "
        f"Shares of imports are the firms' own, {level(100 * _mean_imported(found), '%')} of materials; the world's accounts say "
        f"{level(100 * float(_accounts(found)), '%')}. Origins of imports are those of the sector; firms keep to what they import.</p>"
    )
    certificate_line(found.with_own)
    table_downloads(
        imported_inputs_table(groups), lambda: about_result(scenario, found.with_own), key="own_inputs", stem="imported_inputs"
    )  # fmt: skip


def _told(value: float, write: Callable[[float], str]) -> str:
    return write(value) if np.isfinite(value) else "–"


def _title(by: pd.DataFrame, name: str) -> str:
    rows = by.sort_values("exports").to_dict("records")
    if len(rows) < 2:
        return f"Exports by {name}"
    low, high = rows[0], rows[-1]
    return (
        f"{low['group']}: {change(low['exports'])}; {str(high['group']).lower()}: {change(high['exports'])}"
    )


def _mean_imported(found: ImportedInputs) -> float:
    known = np.isfinite(found.domestic)
    size = np.bincount(found.plain.firm, found.outcomes[1].sales[:, 0], minlength=len(found.home))
    return float((size * np.nan_to_num(1 - found.domestic))[known].sum() / max(size[known].sum(), 1e-300))


def _accounts(found: ImportedInputs) -> float:
    h = found.without.world.country_index(found.home.country)
    weight = found.prices.materials * found.without.baseline.cost[h]
    return float(found.prices.imported @ weight / max(weight.sum(), 1e-300))

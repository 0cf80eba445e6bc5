"""Data: what is loaded, where it comes from, how good it is, and a world of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.outcomes import BILLION, foreign
from firmtrade_core.labels import number
from firmtrade_core.labels.columns import registered
from firmtrade_core.report.export import about_world, table, written_now
from firmtrade_core.world.embedded import FIT_LABELS, fit_words
from firmtrade_core.world.world import World
from pages.parts.data.bring import bring
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.page import open_page

#: Columns of the two tables, by what the functions below call them.
COUNTRY_COLUMNS = {
    "Country": "country",
    "Code": "code",
    "Value added": "value_added_level",
    "Final spending": "final_spending",
    "Exports": "exports_level",
    "Imports": "imports_level",
    "Deficit": "deficit",
    "Tariff on goods": "goods_tariff",
}
SECTOR_COLUMNS = {
    "Sector": "sector",
    "Code": "code",
    "Output": "output_level",
    "Traded": "traded",
    "Traded share": "traded_share",
    "Value added": "value_added_share",
}


def _facts(world: World) -> None:
    provenance = world.provenance
    rows = [
        ("Source", provenance.source),
        ("Licence", provenance.licence),
        ("Content hash", world.content_hash),
    ]
    if provenance.year:
        rows.insert(1, ("Baseline year", str(provenance.year)))
    lines = "".join(f"<dt>{escape(term)}</dt><dd>{escape(words)}</dd>" for term, words in rows)
    st.html(f'<dl class="ft-facts">{lines}</dl>')


def _quality(world: World) -> None:
    provenance = world.provenance
    left, right = st.columns(2, gap="large")
    with left:
        share = provenance.estimated_trade
        title = f"Estimated: {share}" if share else "What is estimated"
        _listed(title, provenance.estimated or ("Nothing is marked as estimated.",))
    with right:
        _fit(world)
    if provenance.changes:
        _listed("What was mended, in order", provenance.changes)


def _fit(world: World) -> None:
    fit = world.provenance.fit
    if not fit:
        _listed("How well it reproduces observed trade", ("No measures of fit come with this world.",))
        return
    bars = "".join(
        f"<li><span>{escape(FIT_LABELS.get(name, name.replace('_', ' ')))}</span>"
        f'<i style="--share: {value:.4f}"></i><b>{fit_words(world, name)}</b></li>'
        for name, value in fit.items()
    )
    st.html(
        '<h2 class="ft-heading">How well it reproduces what is observed</h2>'
        f'<ul class="ft-fit">{bars}</ul>'
        '<p class="ft-quiet">Held against the full OECD tables of the same year: 1 − ½ Σ|x − x̂| / Σx. GDP at market prices: World Bank.</p>'
    )


def _listed(title: str, items: tuple[str, ...]) -> None:
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    st.html(f'<h2 class="ft-heading">{escape(title)}</h2><ul class="ft-list">{lines}</ul>')


def countries_table(world: World) -> pd.DataFrame:
    """One row per country: value added, final spending, trade, deficit in billion USD; mean tariff in percent.

    The tariff is over imports whose tariff is known, and NaN where that is less than half of them.
    """
    abroad = foreign(world.border_value)
    expenditure = foreign(world.expenditure)
    imports = abroad.sum((0, 2))
    known = np.asarray(world.goods) & ~world.tariff_unknown
    paid = ((expenditure - abroad) * known).sum((0, 2)) / (abroad * known).sum((0, 2)).clip(1e-9)
    paid = np.where(world.duties_known, paid, np.nan)
    return pd.DataFrame(
        {
            "Country": [country_name(code) for code in world.countries],
            "Code": world.countries,
            "Value added": world.value_added.sum(1) * BILLION,
            "Final spending": world.income * BILLION,
            "Exports": abroad.sum((1, 2)) * BILLION,
            "Imports": imports * BILLION,
            "Deficit": world.deficits * BILLION,
            "Tariff on goods": 100 * paid,
        }
    ).sort_values("Value added", ascending=False, ignore_index=True)


def sectors_table(world: World) -> pd.DataFrame:
    """One row per sector: output, trade, share of value added in output."""
    abroad = foreign(world.border_value).sum((0, 1))
    output = world.gross_output.sum(0)
    return pd.DataFrame(
        {
            "Sector": [world.sector_name(code) for code in world.sectors],
            "Code": world.sectors,
            "Output": output * BILLION,
            "Traded": abroad * BILLION,
            "Traded share": 100 * abroad / output,
            "Value added": 100 * world.value_added.sum(0) / output,
        }
    )


def _tables(world: World) -> None:
    n, s = world.shape
    _table(world, f"{n} economies", countries_table(world), "countries", COUNTRY_COLUMNS)
    _table(world, f"{s} sectors", sectors_table(world), "sectors", SECTOR_COLUMNS)


def _table(world: World, title: str, frame: pd.DataFrame, name: str, columns: Mapping[str, str]) -> None:
    """A table as the screen writes numbers, with the plain figures to take away."""
    taken = table(name, f"{title} of {world.name}", frame, columns)
    label, _code, *figures = map(str, taken.frame.columns)
    head = "".join(f"<th>{escape(words)}<small>{taken.units[words]}</small></th>" for words in figures)
    rows = "".join(
        f"<tr><th>{escape(str(row[0]))} <small>{escape(str(row[1]))}</small></th>"
        + "".join(f"<td>{_written(float(value))}</td>" for value in row[2:])
        + "</tr>"
        for row in taken.frame.itertuples(index=False, name=None)
    )
    st.html(
        f'<h2 class="ft-heading">{escape(title)}</h2><div class="ft-table" tabindex="0" role="region" '
        f'aria-label="{escape(title)}"><table><thead><tr><th>{label}</th>{head}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div><p class="ft-quiet">{_terms(columns)}</p>'
    )
    table_downloads(taken, lambda: (*about_world(world), written_now()), key=name)


def _written(value: float) -> str:
    return number(value, significant=3, most_decimals=1) if np.isfinite(value) else "unknown"


def _terms(columns: Mapping[str, str]) -> str:
    """What the columns that have an explanation mean."""
    told = [
        (item.label, item.explanation) for key in columns.values() if (item := registered(key)).explanation
    ]
    return " ".join(f"<b>{escape(label)}</b>: {escape(words)}" for label, words in told)


_world = open_page("Data")
st.html(f'<h1 class="ft-sentence">{escape(_world.name)}</h1>')
_facts(_world)
_quality(_world)
_tables(_world)
bring()

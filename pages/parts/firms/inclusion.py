"""Who is reached and who gains, among the firm results: a safeguard, and every kind of group."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.regions import INVENTED_PLACES, regions
from firmtrade_core.figures.bars import value_bars
from firmtrade_core.figures.regions import region_map
from firmtrade_core.home.inclusion import KINDS, MEASURES, Inclusion, Measure
from firmtrade_core.home.population import SIZE_WORDS
from firmtrade_core.labels import change, grouped, in_percent
from firmtrade_core.report.export import About
from firmtrade_core.report.firm_result_tables import inclusion_table
from pages.parts.frame import chart
from pages.parts.frame.exports import table_downloads
from pages.parts.frame.page import heading, table


def reached_and_gaining(
    found: Inclusion, *, key: str, result: str, under: str, about: Callable[[], About]
) -> None:
    """The section.

    Parameters
    ----------
    key
        Tells its widgets from those of another.
    result
        Hash of what it is read from.
    under
        World and scenario, under the chart.
    """
    kinds = list(found.groups)
    if not kinds:
        return
    heading("Who is reached, who gains" if found.programme else "Which firms gain")
    left, right = st.columns([7, 4], vertical_alignment="bottom")
    kind = left.segmented_control(
        "Firms by", kinds, default=kinds[0], required=True, format_func=lambda name: KINDS[name].capitalize(), key=f"{key}_kind"
    )  # fmt: skip
    measure: Measure = right.segmented_control(
        "Gain in", list(MEASURES), default="exports", required=True, format_func=lambda name: name.capitalize(), key=f"{key}_measure"
    )  # fmt: skip
    safe = found.safeguard(measure)
    kind_of_box = "ft-error" if safe.flagged else "ft-step"
    title = "<b>Safeguard</b> " if safe.flagged else ""
    st.html(
        f'<div class="{kind_of_box}" role="note" data-safeguard="{"flagged" if safe.flagged else "quiet"}">{title}'
        f"<p>{escape(safe.sentence())}</p></div>"
    )
    by = found.table(kind, measure)
    known = by[by["percent"].notna()]
    one, two = st.columns([5, 7], gap="large")
    with one:
        drawn = value_bars(
            [_named(name, kind) for name in known["group"]], known["percent"].to_numpy(float), "%", _title(known.assign(group=[_named(n, kind) for n in known["group"]]), measure),
            f"Change in {MEASURES[measure]}, % · by {KINDS[kind]} · {under}",
            f"{found.home.source}. Groups of fewer than five firms, or led by one, are withheld.", name_width=150,
            notes=[f"<br>{change(float(v), 'm USD')}" for v in known["net"]],
        )  # fmt: skip
        chart.draw(drawn, key=f"{key}_chart_{kind}_{measure}", result=result, kind="inclusion")
        if kind == "region":
            regions_map(found, known, measure, key=key, result=result, under=under)
    with two:
        _table(by, found.programme, kind, measure)
        table_downloads(inclusion_table(found), about, key=f"{key}_inclusion", stem="who_gains_among_firms")


def _named(group: str, kind: str) -> str:
    """Words of a group: classes of size say what they are called."""
    return SIZE_WORDS.get(group, group) if kind == "size" else str(group)


def regions_map(
    found: Inclusion, by: pd.DataFrame, measure: Measure, *, key: str, result: str, under: str
) -> None:
    """The regions on a map, where it is known where they lie; else a line that says why there is none."""
    home = found.home
    at = {region.name: region for region in regions(home.country)}
    here = by[by["group"].isin(set(at))]
    if here.empty:
        st.html(
            f'<p class="ft-quiet">No map: where these regions of {escape(country_name(home.country))} lie is not known here. '
            "Seats of Chile's regions are shipped (ISO 3166-2 codes or names in the firms' table); borders of none are.</p>"
        )
        return
    drawn = region_map(
        home.country, [at[name] for name in here["group"]], here["percent"].to_numpy(float), here["share_before"].to_numpy(float),
        "%", f"{country_name(home.country)} from north to south: {MEASURES[measure]}", f"Change in {MEASURES[measure]}, % · {under}",
        f"{home.source}.{f' {INVENTED_PLACES}' if home.synthetic else ''}",
    )  # fmt: skip
    chart.draw(drawn, key=f"{key}_regions_{measure}", result=result, kind="regions")


def _table(by: pd.DataFrame, programme: bool, kind: str, measure: Measure) -> None:
    def told(value: float, write: Callable[[float], str]) -> str:
        return write(value) if np.isfinite(value) else "–"

    columns: dict[str, tuple[str, Callable[[float], str]]] = {
        "How many": ("firms", grouped),
        "Share of firms": ("share_of_firms", in_percent),
    }
    if programme:
        columns |= {"Reached": ("reached", grouped), "Share of reached": ("share_reached", in_percent)}
    columns |= {
        f"Share of {measure} before": ("share_before", in_percent),
        "Share of gains": ("share_of_gains", in_percent),
        "Gains less losses": ("net", lambda value: change(value, "m USD")),
    }
    table(
        f"Firms by {KINDS[kind]}",
        (KINDS[kind].capitalize(), *columns),
        [(_named(row["group"], kind), *(told(float(row[name]), write) for name, write in columns.values())) for row in by.to_dict("records")],
        units={"How many": "firms", "Reached": "firms"},
    )  # fmt: skip


def _title(by: pd.DataFrame, measure: Measure) -> str:
    rows = by.sort_values("percent").to_dict("records")
    if len(rows) < 2 or rows[-1]["percent"] - rows[0]["percent"] < 0.005:
        return f"No difference in {measure} between groups"
    return f"{rows[-1]['group']}: {change(rows[-1]['percent'])}; {rows[0]['group']}: {change(rows[0]['percent'])}"

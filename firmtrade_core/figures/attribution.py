"""Charts of where a change of exports comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from firmtrade_core.analysis.uncertainty import Band
from firmtrade_core.attribution.firm_growth import KINDS, MARGINS, FirmGrowth, ProductivityGrowth
from firmtrade_core.attribution.predictors import PredictedGrowth
from firmtrade_core.attribution.result import SOURCES, Attribution
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.bars import value_bars
from firmtrade_core.figures.chart import GAIN, LOSS, MUTED, SURFACE, TEXT, Chart, base_layout
from firmtrade_core.figures.heterogeneity import stacked_parts
from firmtrade_core.figures.row_names import named_rows, row_height
from firmtrade_core.labels import change, level, shows
from firmtrade_core.words.scenario import countries as spoken

#: Colours of the largest sources, Okabe-Ito in fixed slots; further ones are grey.
SOURCE_COLOURS = {
    "demand": "#0072B2",
    "resistance": "#56B4E9",
    "tariffs": "#D55E00",
    "trade_costs": "#E69F00",
    "home_costs": "#CC79A7",
    "supply": "#CC79A7",
    "attributes": "#009E73",
    "reallocation": "#F0E442",
}

ROW, NAME_WIDTH = 30, 190
MOST_ROWS = 10

#: Share of the level that all steps together must span to be seen on an axis from zero.
SEEN_FROM_ZERO = 0.08


def waterfall(
    found: Attribution, *, subtitle: str, source: str, bands: Mapping[str, Band] | None = None
) -> Chart:
    """From exports before to exports after, one step per source; bands of sources stand where a step is pointed at."""
    ends = float(found.before.sum()) * 1e-3, float(found.after.sum()) * 1e-3
    steps = found.waterfall()
    if bands is not None:
        words = [
            f"{text} 90 %: {bands[key].ends} bn USD." if key in bands else text
            for key, text in zip(steps["source"], steps["explanation"], strict=True)
        ]
        steps = steps.assign(explanation=words)
    return _waterfall(steps, ends, "bn USD", found.sentence().rstrip("."), subtitle, source)


def firm_waterfall(found: FirmGrowth, *, subtitle: str, source: str) -> Chart:
    """From exports of the first year to exports of the second, one step for what firms and destinations did."""
    unit, size = found.history.unit
    steps = found.steps().assign(change=lambda t: t["change"] / size)
    ends = float(found.totals["before"]) / size, float(found.totals["after"]) / size
    return _waterfall(steps, ends, unit, found.sentence().rstrip("."), subtitle, source)


def predicted_waterfall(found: PredictedGrowth, *, subtitle: str, source: str) -> Chart:
    """The same, one step for each kind of attribute within firms and between them."""
    unit, size = found.history.unit
    steps = found.steps()
    words = [
        f"{text} 90 %: {change(low / size, unit)} to {change(high / size, unit)}"
        if np.isfinite(low)
        else text
        for text, low, high in zip(steps["explanation"], steps["low"], steps["high"], strict=True)
    ]
    steps = steps.assign(change=lambda t: t["change"] / size, explanation=words)
    ends = found.before / size, found.after / size
    return _waterfall(steps, ends, unit, found.sentence().rstrip("."), subtitle, source)


def _waterfall(
    table: pd.DataFrame, ends: tuple[float, float], unit: str, title: str, subtitle: str, source: str
) -> Chart:
    """Steps (label, explanation, change) from one level to another, largest words at the right."""
    start, end = ends
    steps = table["change"].to_numpy()
    base = start + np.concatenate([[0.0], np.cumsum(steps)[:-1]])
    names = ["Exports before", *table["label"], "Exports after"]
    rows = list(range(len(names)))
    low = min(start, end, float(np.min(base + steps, initial=start)))
    high = max(start, end, float(np.max(base + steps, initial=start)))
    reach = max(high - low, 1e-9)
    # Bars begin at zero while the steps can be seen so; else the levels are cut, which is drawn and said.
    floor = 0.0 if reach >= SEEN_FROM_ZERO * high else max(low - 0.25 * reach, 0.0)
    cut = floor > 0
    if cut:
        subtitle += (
            f" · The bars of exports are cut and begin at {level(floor, unit)}: only the steps are to scale"
        )
    words = [level(start, unit), *(change(float(v), unit) for v in steps), level(end, unit)]
    hover = [
        f"{name}<br>{word}{f'<br>{text}' if text else ''}"
        for name, word, text in zip(names, words, ["", *table["explanation"], ""], strict=True)
    ]
    lengths = [start - floor, *steps, end - floor]
    bases = [floor, *base, floor]
    colours = [MUTED, *(GAIN if v >= 0 else LOSS for v in steps), "$accent"]
    trace: dict[str, Any] = {
        "type": "bar",
        "orientation": "h",
        "y": rows,
        "x": [round(float(v), 6) for v in lengths],
        "base": [round(float(v), 6) for v in bases],
        "marker": {"color": colours},
        "width": 0.62,
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    layout = base_layout(
        margin={"l": NAME_WIDTH, "r": 100, "t": 4, "b": 4},
        dragmode=False,
        annotations=[
            {
                "x": 1,
                "xref": "paper",
                "xanchor": "right",
                "xshift": 98,
                "y": row,
                "text": word,
                "showarrow": False,
                "font": {"size": 13, "color": TEXT},
            }
            for row, word in zip(rows, words, strict=True)
        ],
        xaxis={
            "range": [floor, high + 0.05 * (high - floor)],
            "showgrid": False,
            "showticklabels": False,
            "zeroline": False,
            "fixedrange": True,
        },
        yaxis=named_rows(names, NAME_WIDTH),
        shapes=[_break(row, floor, reach) for row in (rows[0], rows[-1])] if cut else [],
    )
    height = row_height(names, NAME_WIDTH, ROW) * len(names) + 8
    return Chart(title, subtitle, source, [trace], layout, height=height, units={"x": unit})


def _break(row: int, floor: float, reach: float) -> dict[str, Any]:
    """The place where a bar of a level is cut: a slanted gap through it."""
    left, width, slant = floor + 0.08 * reach, 0.03 * reach, 0.03 * reach
    top, foot = row - 0.4, row + 0.4
    path = f"M {left} {foot} L {left + slant} {top} L {left + slant + width} {top} L {left + width} {foot} Z"
    return {"type": "path", "path": path, "fillcolor": SURFACE, "line": {"width": 0}, "layer": "above"}


def parts_by(found: Attribution, by: str, *, subtitle: str, source: str) -> Chart:
    """Sources by partner or by product, the rows that change most.

    Parameters
    ----------
    by : {"partner", "product"}
    """
    table = (found.by_partner() if by == "partner" else found.by_product()).head(MOST_ROWS)
    sources = [s for s in found.sources if s in SOURCE_COLOURS]
    rest = [s for s in found.sources if s not in SOURCE_COLOURS]
    parts = pd.DataFrame({SOURCES[s][0]: table[s].to_numpy() for s in sources})
    colours = [SOURCE_COLOURS[s] for s in sources]
    if rest:
        parts["All else"] = table[rest].to_numpy().sum(1)
        colours.append("#8a8a8a")
    moved = (table["after"] - table["before"]).to_numpy()
    who = country_name(found.country)
    title = f"Exports of {who} do not change by {by}"
    if len(moved) and shows(float(moved[0]), "bn USD"):
        word = "to" if by == "partner" else "of"
        first = str(table["name"].to_numpy()[0])
        code = str(table["code"].to_numpy()[0])
        first = spoken([code]).text if by == "partner" else first[:1].lower() + first[1:]
        title = f"{who}: exports {word} {first} change most, {change(float(moved[0]), 'bn USD')}"
    return stacked_parts([str(n) for n in table["name"]], parts, colours, title, subtitle, source)


#: Colours of what firms and destinations did.
MARGIN_COLOURS = {
    "incumbents": "#0072B2",
    "new_markets": "#56B4E9",
    "entrants": "#009E73",
    "left_markets": "#E69F00",
    "exits": "#D55E00",
}


def firm_parts(found: FirmGrowth, *, subtitle: str, source: str) -> Chart:
    """What firms did by destination, those that change most."""
    unit, size = found.history.unit
    table = found.table.head(MOST_ROWS)
    parts = pd.DataFrame({MARGINS[key][0]: table[key].to_numpy(float) / size for key in MARGIN_COLOURS})
    withheld = table["change"].to_numpy(float) / size - np.nansum(parts.to_numpy(), axis=1)
    colours = list(MARGIN_COLOURS.values())
    if table[list(KINDS)].isna().to_numpy().any():
        parts["Withheld"] = withheld
        colours.append("#8a8a8a")
    first = table.iloc[0]
    where = "abroad" if len(table) == 1 else f"to {first['name']}"
    moved = float(first["change"]) / size
    title = (
        f"Exports {where} change most, {change(moved, unit)}"
        if shows(moved, unit)
        else "Exports stay as they were"
    )
    return stacked_parts(list(table["name"]), parts.fillna(0.0), colours, title, subtitle, source, unit)


def productivity_parts(found: ProductivityGrowth, *, subtitle: str, source: str) -> Chart:
    """Parts of the change of aggregate productivity, and the whole, in log points."""
    steps = found.steps()
    return value_bars(
        [*steps["label"], "<b>In all</b>"],
        np.append(steps["change"].to_numpy(float), found.total),
        "log points",
        found.sentence().rstrip("."),
        subtitle,
        source,
        name_width=150,
        notes=[f"<br>{words}" for words in [*steps["explanation"], "Change of the aggregate."]],
    )

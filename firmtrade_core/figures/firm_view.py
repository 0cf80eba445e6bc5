"""Charts of one firm: where it could export next, what upgrades would do, on whom it depends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.chart import ACCENT, MUTED, Chart, base_layout
from firmtrade_core.home.home import GRADES
from firmtrade_core.home.view import NEAR, FirmView, Upgrade, money
from firmtrade_core.labels import in_percent, in_words, number

ROW, MOST_ROWS = 27, 12

_GRID = "rgba(128,128,128,0.22)"


def chances_chart(view: FirmView, *, subtitle: str, source: str) -> Chart:
    """Chances of entry by destination that the firm does not serve, at the baseline and under the scenario."""
    table = view.next_markets(MOST_ROWS)
    rows = np.arange(len(table))
    hover = [
        f"<b>{row['name']}</b><br>baseline {in_percent(row['chance_before'])}, scenario {in_percent(row['chance_after'])}"
        f"<br>90 %: {in_percent(row['low'])} to {in_percent(row['high'])}<br>sales once there: {money(row['sales_there'])}"
        for row in table.to_dict("records")
    ]
    bands = [
        _line(100 * low, 100 * high, place, ACCENT, text)
        for place, (low, high, text) in enumerate(zip(table["low"], table["high"], hover, strict=True))
    ]
    data = [
        *bands,
        _dots(100 * table["chance_before"], rows, MUTED, hover, "circle-open"),
        _dots(100 * table["chance_after"], rows, ACCENT, hover, "circle"),
    ]
    reach = max(5.0, 104 * float(table["high"].max())) if len(table) else 5.0
    near = int((view.next_markets(len(view.equilibrium.world.countries))["chance_after"] >= NEAR).sum())
    title = f"{near} further market{'s are' if near > 1 else ' is'} within reach: an even chance or better"
    if not near:
        title = (
            f"No further market has an even chance; {table['name'].iloc[0]} comes nearest"
            if len(table)
            else "No market is left"
        )
    return Chart(
        title,
        subtitle,
        source,
        data,
        _layout(list(table["name"]), "%", [-0.03 * reach, reach]),
        height=ROW * max(len(table), 1) + 52,
        units={"x": "%"},
    )


def upgrades_chart(view: FirmView, *, subtitle: str, source: str) -> Chart:
    """Change of expected exports by upgrade, with its band; associations in grey."""
    found = view.upgrades
    base = max(view.expected_exports[1], 1e-12)
    data: list[dict[str, Any]] = []
    names, ends = [], [0.0]
    for place, upgrade in enumerate(found):
        colour = MUTED if upgrade.effect.grade == "association" else ACCENT
        value, low, high = (100 * each / base for each in upgrade.exports)
        unit = f" ({upgrade.effect.unit})" if upgrade.effect.unit else ""
        name = f"{in_words(upgrade.attribute)}{unit}"
        text = (
            f"<b>{name}</b><br>exports {number(value, signed=True)}\u202f% (90 %: {number(low, signed=True)} to "
            f"{number(high, signed=True)})<br>{GRADES[upgrade.effect.grade]}"
        )
        data += [
            _line(low, high, place, colour, text),
            _dots(pd.Series([value]), np.array([place]), colour, [text], "circle"),
        ]
        names.append(name[:1].upper() + name[1:])
        ends += [low, high]
    reach = max(ends) - min(ends) or 1.0
    span = [min(ends) - 0.04 * reach, max(ends) + 0.04 * reach]
    title = _best_upgrade(found)
    layout = _layout(names, "% of expected exports", span)
    layout["shapes"] = [
        {
            "type": "line",
            "x0": 0,
            "x1": 0,
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "line": {"color": MUTED, "width": 1},
        }
    ]
    # Names stand in two lines where they carry a unit.
    return Chart(
        title,
        subtitle,
        source,
        data,
        layout,
        height=(ROW + 9) * max(len(names), 1) + 52,
        units={"x": "% of expected exports"},
    )


def _best_upgrade(found: tuple[Upgrade, ...]) -> str:
    """What raises exports most, proven effects before associations."""
    proven = [each for each in found if each.effect.grade != "association"]
    if not found:
        return "No upgrade with a known effect is left for this firm"
    best = max(proven or found, key=lambda each: each.exports[0])
    name = in_words(best.attribute)
    title = f"{name[:1].upper()}{name[1:]} would {'raise' if best.exports[0] > 0 else 'lower'} exports most"
    if not proven:
        return f"{title}, if the association were an effect"
    beyond = " of what is more than an association" if len(proven) < len(found) else ""
    return title + beyond + ("" if best.exports[1] > 0 else ", but its band holds zero")


def dependence_chart(view: FirmView, *, subtitle: str, source: str) -> Chart:
    """Shares of expected exports by destination, at the baseline and under the scenario."""
    kind = "exports" if view.record is None else "sold"
    table = view.destinations.sort_values(f"{kind}_after", ascending=False, kind="stable").head(8)
    table = table if view.record is None else table.fillna({"sold_before": 0.0, "sold_after": 0.0})
    before, after = (table[f"{kind}_{when}"] / max(total, 1e-300) for when, total in zip(("before", "after"), view.exports, strict=True))  # fmt: skip
    names = list(table["name"])
    hover = [
        f"<b>{name}</b><br>baseline {in_percent(b)}, scenario {in_percent(a)}"
        for name, b, a in zip(names, before, after, strict=True)
    ]
    rows = np.arange(len(table))
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "x": [round(float(100 * v), 6) for v in share],
            "y": [float(r) + shift for r in rows],
            "width": 0.34,
            "marker": {"color": colour},
            "customdata": hover,
            "hovertemplate": "%{customdata}<extra></extra>",
        }
        for share, shift, colour in ((before, -0.18, MUTED), (after, 0.18, ACCENT))
    ]
    found = view.dependence
    who = country_name(found.largest[1])
    whose = "expected exports" if view.record is None else "its exports"
    title = f"{who} stands for {in_percent(found.share[1])} of {whose}"
    if not np.isfinite(found.share[1]):
        title = "It exports nothing: no partner to depend on"
    unit = "% of expected exports" if view.record is None else "% of its exports"
    layout = _layout(names, unit, [0, 108 * float(max(before.max(), after.max(), 1e-9))])
    return Chart(
        title,
        subtitle,
        source,
        bars,
        layout,
        height=30 * len(rows) + 52,
        units={"x": unit},
    )


def _line(low: float, high: float, place: int, colour: str, text: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [round(float(low), 6), round(float(high), 6)],
        "y": [place, place],
        "line": {"color": colour, "width": 2},
        "opacity": 0.55,
        "customdata": [text] * 2,
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _dots(values: pd.Series, rows: np.ndarray, colour: str, hover: list[str], symbol: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [round(float(v), 6) for v in values],
        "y": [int(r) for r in rows],
        "marker": {"size": 10, "color": colour, "symbol": symbol, "line": {"width": 2, "color": colour}},
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _in_two_lines(name: str, most: int = 28) -> str:
    """A name, broken before its unit where one line would not hold it."""
    if len(name) <= most:
        return name
    return name.replace(" (", "<br>(", 1) if " (" in name else f"{name[: most - 1].rstrip()}…"


def _layout(names: list[str], unit: str, span: list[float]) -> dict[str, Any]:
    return base_layout(
        margin={"l": 214, "r": 16, "t": 4, "b": 44},
        dragmode=False,
        hovermode="closest",
        xaxis={
            "range": span,
            "showgrid": True,
            "gridcolor": _GRID,
            "zeroline": False,
            "fixedrange": True,
            "tickfont": {"size": 12, "color": MUTED},
            "title": {"text": unit, "font": {"size": 12, "color": MUTED}},
        },
        yaxis={
            "tickvals": list(range(len(names))),
            "ticktext": [_in_two_lines(name) for name in names],
            "range": [len(names) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "ticklabelstandoff": 8,
        },
    )

"""Bar charts: countries that gain and lose, sectors of one country."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.chart import GAIN, LOSS, MUTED, TEXT, Chart, base_layout
from firmtrade_core.figures.outcomes import Outcome
from firmtrade_core.figures.row_names import named_rows, row_height
from firmtrade_core.labels import change, shows
from firmtrade_core.world.world import World

ROW_HEIGHT = 24

#: Changes below this are written as 0.00 and are neither gain nor loss.
VISIBLE = 0.005


def winners_and_losers(
    outcome: Outcome,
    world: World,
    *,
    each: int = 6,
    chosen: str | None = None,
    pinned: Sequence[str] = (),
    subtitle: str,
    source: str,
) -> Chart:
    """The countries that gain most and lose most, largest gain on top.

    Parameters
    ----------
    outcome
        Any variable of the map.
    world
    each
        How many at each end.
    chosen
        Country whose name is set in bold, added where it is not among the extremes.
    pinned
        Countries that are added, too.
    subtitle, source
        Words around the chart.
    """
    values = outcome.change
    known = [int(i) for i in np.argsort(-values) if np.isfinite(values[i])]
    gains = [i for i in known if values[i] >= VISIBLE]
    losses = [i for i in known if values[i] <= -VISIBLE]
    # Where one side is short, the other takes its room.
    up = gains[: max(each, 2 * each - len(losses))]
    down = losses[-max(each, 2 * each - len(gains)) :]
    here = [i for i in known if world.countries[i] == chosen or world.countries[i] in pinned]
    shown = sorted({*up, *down, *here}, key=known.index)
    names = [country_name(world.countries[i]) for i in shown]
    names = [f"<b>{n}</b>" if world.countries[i] == chosen else n for n, i in zip(names, shown, strict=True)]
    title = f"{outcome.variable.label}: {len(gains)} up, {len(losses)} down"
    if still := len(known) - len(gains) - len(losses):
        title += f", {still} as before"
    title = title if known else outcome.missing
    ends = None
    if outcome.low is not None and outcome.high is not None:
        ends = (outcome.low[shown], outcome.high[shown])
    unit = outcome.variable.unit
    return value_bars(names, values[shown], unit, title, subtitle, source, name_width=150, ends=ends)


def sector_bars(
    world: World,
    country: str,
    measure: str,
    percent: NDArray[np.float64],
    dollars: NDArray[np.float64],
    *,
    subtitle: str,
    source: str,
    ends: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Chart:
    """Change by sector in one country, sectors in the world's own order.

    Parameters
    ----------
    world
    country
        Code.
    measure
        Name as the title says it, such as ``Exports``.
    percent, dollars : (S,)
        Changes; dollars (bn) go to the hover and may be NaN.
    ends : (S,) each, optional
        Of the 90 % band of ``percent``.
    """
    names = [world.sector_name(code) for code in world.sectors]
    known = np.isfinite(percent)
    title = f"{country_name(country)}: {measure.lower()} by sector"
    if known.any() and shows(float(np.nanmax(np.abs(percent)))):
        extreme = int(np.nanargmax(np.abs(percent)))
        verb = "rise" if percent[extreme] > 0 else "fall"
        verb += "s" if measure == "Output" else ""
        sector = world.sector_name(world.sectors[extreme])
        sector = sector[0].lower() + sector[1:]
        title = f"{country_name(country)}: {measure.lower()} {verb} most in {sector}"
    notes = [f"<br>{change(float(d), 'bn USD')}" if np.isfinite(d) else "" for d in dollars]
    return value_bars(names, percent, "%", title, subtitle, source, name_width=256, notes=notes, ends=ends)


def value_bars(
    names: list[str],
    values: NDArray[np.float64],
    unit: str,
    title: str,
    subtitle: str,
    source: str,
    *,
    name_width: int,
    notes: list[str] | None = None,
    ends: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Chart:
    """Bars around zero, one row a name, values written in a column of their own.

    Parameters
    ----------
    names, values
        Rows from the top; NaN is written as none.
    unit
        Of the values.
    title, subtitle, source
        Words around the chart.
    name_width
        Pixels kept for names; longer ones take two lines.
    notes
        HTML put below each value in its hover.
    ends
        Lower and upper end of each value's 90 % band; drawn as a line, and told in the hover.
    """
    shown = np.nan_to_num(values)
    below, above = (shown, shown) if ends is None else (np.nan_to_num(end) for end in ends)
    reach = max(float(np.abs([shown, below, above]).max(initial=0.0)), 1e-6)
    low, high = min(float(below.min(initial=0.0)), 0.0), max(float(above.max(initial=0.0)), 0.0)
    low, high = min(low, float(shown.min(initial=0.0))), max(high, float(shown.max(initial=0.0)))
    words = [change(float(v), unit) if np.isfinite(v) else "none" for v in values]
    rows = list(range(len(names)))
    trace: dict[str, Any] = {
        "type": "bar",
        "orientation": "h",
        "y": rows,
        "x": [round(float(v), 6) for v in shown],
        "customdata": [
            f"{n}<br>{w}{e}{b}"
            for n, w, e, b in zip(
                names, words, notes or [""] * len(names), _band_words(ends, unit, len(names)), strict=True
            )
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "marker": {"color": [GAIN if v >= 0 else LOSS for v in shown]},
        "width": 0.66,
    }
    if ends is not None:
        trace["error_x"] = {
            "type": "data",
            "symmetric": False,
            "array": [round(float(v), 6) for v in np.maximum(above - shown, 0)],
            "arrayminus": [round(float(v), 6) for v in np.maximum(shown - below, 0)],
            "color": TEXT,
            "thickness": 1.2,
            "width": 3,
        }
    layout = base_layout(
        margin={"l": name_width, "r": 66 if unit == "%" else 96, "t": 2, "b": 4},
        dragmode=False,
        annotations=[
            _value(row, word, 64 if unit == "%" else 94) for row, word in zip(rows, words, strict=True)
        ],
        xaxis={
            "range": [low - 0.03 * reach, high + 0.03 * reach],
            "showgrid": False,
            "showticklabels": False,
            "zeroline": True,
            "zerolinecolor": MUTED,
            "zerolinewidth": 1,
            "fixedrange": True,
        },
        yaxis=named_rows(names, name_width),
    )
    height = row_height(names, name_width, ROW_HEIGHT) * max(len(names), 1) + 6
    return Chart(title, subtitle, source, [trace], layout, height=height, units={"x": unit})


def _band_words(
    ends: tuple[NDArray[np.float64], NDArray[np.float64]] | None, unit: str, count: int
) -> list[str]:
    if ends is None:
        return [""] * count
    return [
        f"<br>90 %: {change(float(a), unit)} to {change(float(b), unit)}" if np.isfinite(a + b) else ""
        for a, b in zip(*ends, strict=True)
    ]


def _value(row: int, words: str, shift: int) -> dict[str, Any]:
    """The value of a row, in a column of its own at the right, so that figures align and none is cut."""
    return {
        "x": 1,
        "xref": "paper",
        "xanchor": "right",
        "xshift": shift,
        "y": row,
        "text": words,
        "showarrow": False,
        "font": {"size": 13, "color": TEXT},
    }

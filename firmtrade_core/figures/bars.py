"""Bar charts: countries that gain and lose, sectors of one country."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.chart import GAIN, GRID, LOSS, MUTED, TEXT, Chart, base_layout
from firmtrade_core.figures.outcomes import Outcome
from firmtrade_core.labels import change
from firmtrade_core.world.world import World

ROW_HEIGHT = 24

#: A bar shorter than this share of the longest carries nothing a reader could see.
_LABEL_ROOM = 0.34


def winners_and_losers(
    outcome: Outcome, world: World, *, each: int = 6, chosen: str | None = None, subtitle: str, source: str
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
    subtitle, source
        Words around the chart.
    """
    values = outcome.change
    known = [int(i) for i in np.argsort(-values) if np.isfinite(values[i])]
    shown = known if len(known) <= 2 * each else known[:each] + known[-each:]
    if chosen in world.countries:
        here = world.countries.index(str(chosen))
        if here in known and here not in shown:
            shown = sorted([*shown, here], key=known.index)
    names = [country_name(world.countries[i]) for i in shown]
    names = [f"<b>{n}</b>" if world.countries[i] == chosen else n for n, i in zip(names, shown, strict=True)]
    gains, losses = int((values[known] > 5e-6).sum()), int((values[known] < -5e-6).sum())
    title = f"{outcome.variable.label}: {gains} up, {losses} down" if known else outcome.missing
    return _bars(names, values[shown], outcome.variable.unit, title, subtitle, source)


def sector_bars(
    world: World,
    country: str,
    measure: str,
    percent: NDArray[np.float64],
    dollars: NDArray[np.float64],
    *,
    subtitle: str,
    source: str,
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
    """
    names = [_wrapped(world.sector_name(code)) for code in world.sectors]
    known = np.isfinite(percent)
    title = f"{country_name(country)}: {measure.lower()} by sector"
    if known.any() and np.nanmax(np.abs(percent)) > 5e-6:
        extreme = int(np.nanargmax(np.abs(percent)))
        verb = "rise" if percent[extreme] > 0 else "fall"
        verb += "s" if measure == "Output" else ""
        sector = world.sector_name(world.sectors[extreme])
        sector = sector[0].lower() + sector[1:]
        title = f"{country_name(country)}: {measure.lower()} {verb} most in {sector}"
    notes = [f"<br>{change(float(d), 'bn USD')}" if np.isfinite(d) else "" for d in dollars]
    return _bars(names, percent, "%", title, subtitle, source, notes=notes)


def _wrapped(name: str, width: int = 26) -> str:
    if len(name) <= width:
        return name
    cut = name.rfind(" ", 0, width)
    return name if cut < 8 else f"{name[:cut]}<br>{name[cut + 1 :]}"


def _bars(
    names: list[str],
    values: NDArray[np.float64],
    unit: str,
    title: str,
    subtitle: str,
    source: str,
    *,
    notes: list[str] | None = None,
) -> Chart:
    shown = np.nan_to_num(values)
    reach = max(float(np.abs(shown).max(initial=0.0)), 1e-6)
    low = min(float(shown.min(initial=0.0)), 0.0)
    high = max(float(shown.max(initial=0.0)), 0.0)
    room = _LABEL_ROOM * max(high - low, reach)
    row = ROW_HEIGHT + (8 if any("<br>" in name for name in names) else 0)
    words = [change(float(v), unit) if np.isfinite(v) else "no trade" for v in values]
    trace: dict[str, Any] = {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(names))),
        "x": [round(float(v), 6) for v in shown],
        "text": words,
        "textposition": "outside",
        "textfont": {"color": TEXT, "size": 12},
        "cliponaxis": False,
        "customdata": [f"{n}<br>{w}{e}" for n, w, e in zip(names, words, notes or [""] * len(names), strict=True)],
        "hovertemplate": "%{customdata}<extra></extra>",
        "marker": {"color": [GAIN if v >= 0 else LOSS for v in shown]},
        "width": 0.68,
    }
    layout = base_layout(
        margin={"l": 168, "r": 8, "t": 2, "b": 4},
        bargap=0.3,
        dragmode=False,
        xaxis={
            "range": [low - room if low < 0 else 0, high + room if high > 0 else 0.02 * reach],
            "showgrid": False,
            "showticklabels": False,
            "zeroline": True,
            "zerolinecolor": MUTED,
            "zerolinewidth": 1,
            "fixedrange": True,
        },
        yaxis={
            "tickvals": list(range(len(names))),
            "ticktext": names,
            "autorange": "reversed",
            "showgrid": False,
            "gridcolor": GRID,
            "zeroline": False,
            "fixedrange": True,
            "tickfont": {"size": 13},
            "ticklabelstandoff": 8,
        },
    )
    return Chart(title, subtitle, source, [trace], layout, height=row * max(len(names), 1) + 10)

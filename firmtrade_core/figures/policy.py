"""Charts of best policies: gain over the rate, rates by sector, a war's path, what cooperation can share, what matters most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from firmtrade_core.analysis.optimal import BestResponse, Cooperation, Curve, Nash, Ranking, War
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.bars import value_bars
from firmtrade_core.figures.chart import ACCENT, MUTED, TEXT, Chart, base_layout, upright
from firmtrade_core.labels import change, in_unit
from firmtrade_core.world.world import World

#: What a lever is called beside a number of points.
LEVERS = {
    "tariff": "tariff",
    "export_tax": "export tax",
    "production_subsidy": "production subsidy",
}

#: Unit and scale of a gain by objective.
GAIN_UNITS = {"real_income": ("%", 1.0), "weighted": ("%", 1.0), "duties": ("m USD", 1.0)}

#: Okabe-Ito, in fixed slots.
PLAYERS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#8a8a8a")

_HEIGHT = 300
_SECTOR_WIDTH = 210


def points(rate: float) -> str:
    """A rate added, as screens write it: `+15.4 points`."""
    return change(100 * rate, "points")


def gain_curve(
    best: BestResponse,
    seen: Curve,
    *,
    now: float = 0.0,
    marks: Sequence[tuple[float, str]] = (),
    subtitle: str,
    source: str,
) -> Chart:
    """The gain over the rate, with the best, where the country stands, and what is as good as the best.

    Parameters
    ----------
    now
        Where the country stands, points added: none unless told.
    marks
        Further rates with their names, such as where the gain is gone.
    """
    unit, _ = GAIN_UNITS[best.objective]
    known = np.isfinite(seen.gains)
    rate, who = float(best.rates[0]), country_name(best.country)
    title = f"{who}: nothing beats the {LEVERS[best.lever]} in force"
    if abs(rate) > 5e-5:
        more = "more" if rate > 0 else "less"
        title = f"{who}: {in_unit(100 * abs(rate), 'points', significant=3)} points {more} {LEVERS[best.lever]} serves best, {change(best.gain, unit)}"
    x, y = (100 * seen.rates[known]).round(4).tolist(), seen.gains[known].round(6).tolist()
    hover = [
        f"{change(rate, 'points')}<br>{who}: {change(gain, unit)}<br>all others together: {change(other, '%')}"
        for rate, gain, other in zip(x, y, seen.others[known], strict=True)
    ]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "line": {"color": ACCENT, "width": 2, "shape": "spline"},
            "x": x,
            "y": y,
            "customdata": hover,
            "hovertemplate": "%{customdata}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": [round(100 * now, 4), round(100 * rate, 4)],
            "y": [0.0, round(best.gain, 6)],
            "marker": {"size": 10, "color": [MUTED, ACCENT], "symbol": ["circle", "diamond"]},
            "customdata": [
                f"As it is<br>{change(0.0, unit)}",
                f"Best<br>{points(rate)}<br>{change(best.gain, unit)}",
            ],
            "hovertemplate": "%{customdata}<extra></extra>",
        },
    ]
    low, high = float(np.nanmin(seen.gains)), float(np.nanmax(seen.gains))
    reach = max(high - low, 1e-6)
    shapes = []
    if best.flat is not None:
        shapes.append(
            {
                "type": "rect",
                "x0": 100 * best.flat[0],
                "x1": 100 * best.flat[1],
                "y0": 0,
                "y1": 1,
                "yref": "paper",
                "fillcolor": ACCENT,
                "opacity": 0.13,
                "line": {"width": 0},
                "layer": "below",
            }
        )
    notes = [(now, "as it is"), (rate, "best")]
    inside = [(at, name) for at, name in marks if x[0] <= 100 * at <= x[-1]]
    shapes += [upright(100 * at, dash="dot") for at, _ in inside]
    annotations = [
        {
            "x": 100 * at,
            "y": value,
            "text": name,
            "showarrow": False,
            "yshift": 14,
            "font": {"size": 13, "color": TEXT},
        }
        for (at, name), value in zip(notes, (0.0, best.gain), strict=True)
        if abs(rate - now) > 1e-3 or name == "best"
    ] + [
        {
            "x": 100 * at,
            "y": 0.04,
            "yref": "paper",
            "yanchor": "bottom",
            # Beside its line, not across it.
            "xanchor": "right",
            "xshift": -4,
            "text": name,
            "showarrow": False,
            "font": {"size": 12, "color": MUTED},
        }
        for at, name in inside
    ]
    layout = base_layout(
        margin={"l": 62, "r": 16, "t": 12, "b": 44},
        shapes=shapes,
        annotations=annotations,
        xaxis={
            "title": {"text": f"{LEVERS[best.lever].capitalize()}, points added", "font": {"size": 12}},
            "zeroline": False,
            "showgrid": False,
            "fixedrange": True,
        },
        yaxis={
            "title": {"text": f"{_kind(best)}, {unit}", "font": {"size": 12}},
            "zeroline": True,
            "zerolinecolor": MUTED,
            "gridcolor": "rgba(128,128,128,0.18)",
            "range": [low - 0.06 * reach, high + 0.16 * reach],
            "fixedrange": True,
        },
    )
    return Chart(title, subtitle, source, data, layout, height=_HEIGHT, units={"x": "points", "y": unit})


def rate_bars(best: BestResponse, *, subtitle: str, source: str, most: int = 30) -> Chart:
    """The best rate of each sector, or of each partner and sector where that is asked: the largest of those."""
    world = best.equilibrium.world
    order = list(range(len(best.rates)))
    if len(order) > most:
        order = sorted(order, key=lambda k: -abs(best.rates[k]))[:most]
    names = []
    for k in order:
        *partner, sector = best.labels[k]
        spoken = world.sector_name(sector)
        names.append(f"{country_name(partner[0])}: {spoken[:1].lower()}{spoken[1:]}" if partner else spoken)
    values = 100 * best.rates[order]
    top = int(np.abs(values).argmax())
    unit, _ = GAIN_UNITS[best.objective]
    title = (
        f"{country_name(best.country)}: {points(float(values[top]) / 100)} on {names[top][:1].lower()}{names[top][1:]}; in all "
        f"{change(best.gain, unit)}"
    )
    held = {k for k in best.at_bounds}
    notes = ["<br>held by a bound" if k in held else "" for k in order]
    return value_bars(names, values, "points", title, subtitle, source, name_width=_SECTOR_WIDTH, notes=notes)


def war_path(war: War, *, subtitle: str, source: str) -> Chart:
    """Real income of each who fights, answer by answer, and where it rests."""
    who = list(war.end.responses)
    steps = ["before", *(f"{step.turn} {step.country}" for step in war.steps), "at rest"]
    data: list[dict[str, Any]] = []
    ends = {c: war.end.gains[c] for c in who}
    for place, c in enumerate(who):
        y = [0.0, *(step.gains[c] for step in war.steps), ends[c]]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": country_name(c),
                "line": {"color": PLAYERS[place % len(PLAYERS)], "width": 2},
                "marker": {"size": 8, "symbol": ("circle", "square", "diamond", "cross")[place % 4]},
                "x": list(range(len(steps))),
                "y": [round(v, 6) for v in y],
                "customdata": [
                    f"{country_name(c)}, {s}<br>{change(v, '%')}" for s, v in zip(steps, y, strict=True)
                ],
                "hovertemplate": "%{customdata}<extra></extra>",
            }
        )
    losers = [country_name(c) for c in who if ends[c] < -5e-4]
    title = "The war ends with a gain for all who fight"
    if losers:
        title = (
            f"The war leaves {' and '.join(losers)} worse off"
            if len(losers) < len(who)
            else "The war leaves all who fight worse off"
        )
    layout = base_layout(
        margin={"l": 62, "r": 110, "t": 12, "b": 60},
        annotations=[
            {
                "x": len(steps) - 1,
                "xanchor": "left",
                "xshift": 10,
                "y": ends[c],
                "text": country_name(c),
                "showarrow": False,
                "font": {"size": 13, "color": TEXT},
            }
            for c in who
        ],
        xaxis={
            "tickvals": list(range(len(steps))),
            "ticktext": steps,
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
        yaxis={
            "title": {"text": "Real income, %", "font": {"size": 12}},
            "zeroline": True,
            "zerolinecolor": MUTED,
            "gridcolor": "rgba(128,128,128,0.18)",
            "fixedrange": True,
        },
    )
    return Chart(title, subtitle, source, data, layout, height=_HEIGHT, units={"y": "%"})


def shared_gains(along: Sequence[Cooperation], rest: Nash | None, *, subtitle: str, source: str) -> Chart:
    """What two countries gain together as the weight moves from one to the other, with no policy and Nash beside it."""
    one, two = along[0].rates
    x, y = ([found.gains[c] for found in along] for c in (one, two))
    a, b = country_name(one), country_name(two)
    hover = [
        f"weight of {a} {found.weights[one]:.2f}<br>{a}: {change(p, '%')}<br>{b}: {change(q, '%')}"
        for found, p, q in zip(along, x, y, strict=True)
    ]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "line": {"color": ACCENT, "width": 2},
            "marker": {"size": 8},
            "x": [round(v, 6) for v in x],
            "y": [round(v, 6) for v in y],
            "customdata": hover,
            "hovertemplate": "%{customdata}<extra></extra>",
        }
    ]
    marks = [(0.0, 0.0, "as it is")]
    if rest is not None:
        marks.append((rest.gains[one], rest.gains[two], "Nash"))
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": [round(m[0], 6) for m in marks],
            "y": [round(m[1], 6) for m in marks],
            "marker": {"size": 11, "color": MUTED, "symbol": ["circle", "x"][: len(marks)]},
            "customdata": [f"{m[2]}<br>{a}: {change(m[0], '%')}<br>{b}: {change(m[1], '%')}" for m in marks],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
    )
    both = [k for k in range(len(along)) if min(x[k], y[k]) > 5e-4]
    title = (
        f"{a} and {b} can both gain"
        if both
        else f"What one gains by {LEVERS['tariff']}s on each other the other loses"
    )
    axis = {
        "zeroline": True,
        "zerolinecolor": MUTED,
        "gridcolor": "rgba(128,128,128,0.18)",
        "fixedrange": True,
    }
    layout = base_layout(
        margin={"l": 62, "r": 24, "t": 12, "b": 48},
        annotations=[
            {
                "x": m[0],
                "y": m[1],
                "text": m[2],
                "showarrow": False,
                "yshift": 14,
                "font": {"size": 13, "color": TEXT},
            }
            for m in marks
        ],
        xaxis=axis | {"title": {"text": f"{a}: real income, %", "font": {"size": 12}}},
        yaxis=axis | {"title": {"text": f"{b}: real income, %", "font": {"size": 12}}},
    )
    return Chart(title, subtitle, source, data, layout, height=_HEIGHT, units={"x": "%", "y": "%"})


def ranking_unit(found: Ranking) -> tuple[str, float]:
    """The registered unit of a ranking's numbers, and by what they are multiplied."""
    return ("%", 1.0) if found.unit == "%" else ("m USD", 1.0)


def ranking_names(found: Ranking, world: World, count: int) -> list[str]:
    """Rows as a reader would say them: whose lever, whose goods, which goods."""
    names = []
    for row in found.rows[:count]:
        parts = dict(zip(found.heads, row.codes, strict=True))
        words = country_name(parts["country"])
        if "partner" in parts:
            to = "to" if found.lever == "export_subsidy" else "on"
            words += f" {to} {country_name(parts['partner'])}"
        if "sector" in parts:
            spoken = world.sector_name(parts["sector"])
            words += f": {spoken[:1].lower()}{spoken[1:]}"
        names.append(words)
    return names


def ranking_bars(
    found: Ranking, world: World, *, title: str, subtitle: str, source: str, count: int = 12
) -> Chart:
    """The levers that matter most, largest first.

    Parameters
    ----------
    found, world
    title, subtitle, source
    count
        Of levers shown.
    """
    unit, scale = ranking_unit(found)
    names = ranking_names(found, world, count)
    values = scale * np.array([row.value for row in found.rows[:count]])
    return value_bars(names, values, unit, title, subtitle, source, name_width=250)


def _kind(best: BestResponse) -> str:
    return {"real_income": "Real income", "duties": "Duties", "weighted": "Weighted real income"}[
        best.objective
    ]

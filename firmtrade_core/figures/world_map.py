"""The world map: one outcome by country, and the flows of a chosen country as arcs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.codes.countries import REST_OF_WORLD, Capital, capitals, country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import before_and_after
from firmtrade_core.figures.chart import (
    ACCENT,
    EDGE,
    GAIN,
    LOSS,
    MUTED,
    NO_DATA,
    SURFACE,
    TEXT,
    Chart,
    base_layout,
)
from firmtrade_core.figures.outcomes import BILLION, Outcome, foreign
from firmtrade_core.figures.scale import diverging_axis
from firmtrade_core.labels import change, level, shows
from firmtrade_core.paths import asset
from firmtrade_core.world.world import World

BORDER_NOTE = (
    "Borders follow the United Nations' map, take no position on disputed territory, and leave it grey."
)

#: Areas the shapes draw apart because sovereignty is disputed or undecided, and the uninhabited.
UNDECIDED = frozenset(
    {"XAC", "XAP", "XBT", "XHT", "XIT", "XJK", "ESH", "FLK", "SGS", "ATF", "HMD", "BVT", "ATA"}
)

#: Territories that national accounts count within their country.
WITHIN = {
    "ALA": "FIN",
    "CCK": "AUS",
    "CXR": "AUS",
    "NFK": "AUS",
    "GLP": "FRA",
    "GUF": "FRA",
    "MTQ": "FRA",
    "MYT": "FRA",
    "REU": "FRA",
    "SJM": "NOR",
}

#: Too small to see at the scale of the world: they get a dot at the capital besides their shape.
DOTTED = ("SGP", "HKG", "MLT", "BHR", "LUX", "BRN", "MUS", "MDV", "BRB", "MAC", "CYP")

MOST_ARCS = 24

ARC_POINTS = 25

#: Where the map is cut: through the Bering Strait, so that no country is split.
WEST_EDGE = -169.0

#: Change of a flow, in percent, below which its arc stays grey.
LITTLE_CHANGE = 1.0

#: Line widths of arcs by share of the largest flow: (at least this share, pixels).
WIDTHS = ((0.33, 5.0), (0.1, 2.6), (0.0, 1.2))


@cache
def drawn_areas() -> tuple[str, ...]:
    """Codes of all areas in the shipped shapes."""
    shapes = json.loads(asset("served/topojson/world_50m.json").read_text(encoding="utf-8"))
    return tuple(sorted({geometry["id"] for geometry in shapes["objects"]["countries"]["geometries"]}))


@dataclass(frozen=True)
class _Places:
    """Which drawn area shows which country of a world."""

    own: tuple[tuple[str, int], ...]
    rest: tuple[tuple[str, int], ...]
    grey: tuple[str, ...]


@cache
def _places(countries: tuple[str, ...]) -> _Places:
    index = {code: i for i, code in enumerate(countries)}
    own, rest, grey = [], [], []
    for area in drawn_areas():
        if (i := index.get(WITHIN.get(area, area), index.get(area))) is not None:
            own.append((area, i))
        elif REST_OF_WORLD in index and area not in UNDECIDED:
            rest.append((area, index[REST_OF_WORLD]))
        else:
            grey.append(area)
    return _Places(tuple(own), tuple(rest), tuple(grey))


def world_map(
    outcome: Outcome,
    world: World,
    *,
    scale: float,
    chosen: str | None = None,
    pinned: Sequence[str] = (),
    flows: Equilibrium | None = None,
    first: Equilibrium | None = None,
    title: str,
    subtitle: str,
    source: str,
) -> Chart:
    """Choropleth of a change, diverging around zero.

    Parameters
    ----------
    outcome
        What to show.
    world
        Whose countries it is about.
    scale
        Half-range of the colour scale (`stable_scale`), so that colours hold still between results.
    chosen
        Country to outline.
    pinned
        Others to outline, thinner.
    flows
        If given, the chosen country's largest trade flows are drawn as arcs.
    first
        What flows are read against; the baseline unless given.
    title, subtitle, source
        Words around the map.
    """
    places = _places(world.countries)
    hover = _hover_texts(outcome, world)
    values = [round(v, 6) if math.isfinite(v) else None for v in outcome.change.tolist()]
    grey = list(places.grey) + [area for area, i in (*places.own, *places.rest) if values[i] is None]
    data = [
        _grey_areas(grey),
        _areas(places.rest, values, hover, line=MUTED, note="<br><i>part of the rest of the world</i>"),
        _areas(places.own, values, hover, line=EDGE),
        _outline(places, world, [code for code in pinned if code != chosen], colour=TEXT, width=1.3),
        _outline(places, world, [chosen]),
        _dots(world, values, hover),
        *(_arcs(flows, chosen, first) if flows is not None and chosen in world.countries else _no_arcs()),
        *_legend(bool(places.rest)),
    ]
    return Chart(
        title,
        subtitle,
        f"{source} {BORDER_NOTE}",
        data,
        _layout(scale, outcome.variable.unit),
        aspect=0.51,
        units={"colour": outcome.variable.unit},
    )


def areas_shown(countries: Sequence[str]) -> dict[str, Any]:
    """Which drawn area shows which country, by its position: its own, a part of the rest of the world, or none (grey)."""
    places = _places(tuple(countries))
    return {"own": list(places.own), "rest": list(places.rest), "grey": list(places.grey)}


def areas_of(
    codes: Sequence[str], values: list[float | None], hover: list[str], scale: float, unit: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Traces and layout of a map of some economies' values; all others are grey.

    Parameters
    ----------
    codes, values, hover
        ISO codes, what is known of them, and what is told where one points.
    scale
        Half-range of the colours.
    unit
        Of the values.
    """
    places = _places(tuple(codes))
    grey = [*places.grey, *(area for area, i in (*places.own, *places.rest) if values[i] is None)]
    data = [
        _grey_areas(grey),
        _areas(places.rest, values, hover, line=MUTED, note="<br><i>part of the rest of the world</i>"),
        _areas(places.own, values, hover, line=EDGE),
        *_legend(bool(places.rest)),
    ]
    return data, _layout(scale, unit)


def _layout(scale: float, unit: str) -> dict[str, Any]:
    return base_layout(
        margin={"l": 0, "r": 0, "t": 0, "b": 34},
        uirevision="map",
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": MUTED, "activecolor": TEXT, "orientation": "v"},
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 1,
            "xanchor": "right",
            "y": -0.015,
            "yanchor": "top",
            "font": {"size": 12, "color": MUTED},
            "itemclick": False,
            "itemdoubleclick": False,
            "bgcolor": "rgba(0,0,0,0)",
        },
        coloraxis=diverging_axis(scale, unit),
        geo={
            "fitbounds": False,
            "resolution": 50,
            "projection": {"type": "natural earth"},
            "lataxis": {"range": [-56, 84]},
            "lonaxis": {"range": [WEST_EDGE, WEST_EDGE + 360]},
            "bgcolor": "rgba(0,0,0,0)",
            "showframe": False,
            "showcoastlines": False,
            "showland": False,
            "uirevision": "map",
        },
    )


def _hover_texts(outcome: Outcome, world: World) -> list[str]:
    variable = outcome.variable
    texts = []
    counted_in, levels = variable.level_unit or "", None
    if outcome.old is not None and outcome.new is not None and counted_in:
        levels = outcome.old.tolist(), outcome.new.tolist()
    for i, (code, value) in enumerate(zip(world.countries, outcome.change.tolist(), strict=True)):
        lines = [f"<b>{country_name(code)}</b>", f"{variable.label}: <b>{change(value, variable.unit)}</b>"]
        if not math.isfinite(value):
            lines[1] = f"{variable.label}: no data"
        elif levels is not None:
            lines.append(f"before {level(levels[0][i], counted_in)}")
            lines.append(f"after {level(levels[1][i], counted_in)}")
        if outcome.low is not None and outcome.high is not None and math.isfinite(value):
            ends = (change(float(end[i]), variable.unit) for end in (outcome.low, outcome.high))
            lines.insert(2, f"90 %: {' to '.join(ends)}")
        texts.append("<br>".join(lines))
    return texts


def _areas(
    places: Sequence[tuple[str, int]],
    values: list[float | None],
    hover: list[str],
    *,
    line: str,
    note: str = "",
) -> dict[str, Any]:
    known = [(area, i) for area, i in places if values[i] is not None]
    # Areas of the rest of the world say all the same, once: two hundred times it would be half of what a map weighs.
    alike = len(known) > 1 and len({i for _, i in known}) == 1
    told: dict[str, Any] = (
        {"hovertemplate": f"{hover[known[0][1]]}{note}<extra></extra>"}
        if alike
        else {"text": [hover[i] + note for _, i in known], "hovertemplate": "%{text}<extra></extra>"}
    )
    return {
        "type": "choropleth",
        "locations": [area for area, _ in known],
        "z": [values[i] for _, i in known],
        "customdata": [i for _, i in known],
        **told,
        "coloraxis": "coloraxis",
        "marker": {"line": {"color": line, "width": 0.5}},
        "showlegend": False,
    }


def _grey_areas(areas: list[str]) -> dict[str, Any]:
    return {
        "type": "choropleth",
        "locations": areas,
        "z": [0] * len(areas),
        "text": [country_name(area) if area[0] != "X" else "Disputed area" for area in areas],
        "hovertemplate": "<b>%{text}</b><br>no data<extra></extra>",
        "colorscale": [[0, NO_DATA], [1, NO_DATA]],
        "showscale": False,
        "marker": {"line": {"color": EDGE, "width": 0.5}},
        "showlegend": False,
    }


def _outline(
    places: _Places,
    world: World,
    codes: Sequence[str | None],
    *,
    colour: str = ACCENT,
    width: float = 2,
) -> dict[str, Any]:
    """Outline of chosen countries; for the rest of the world the dots of the legend must do."""
    areas = [area for area, i in places.own if world.countries[i] in codes]
    return {
        "type": "choropleth",
        "locations": areas,
        "z": [0] * len(areas),
        "colorscale": [[0, "rgba(0,0,0,0)"], [1, "rgba(0,0,0,0)"]],
        "showscale": False,
        "hoverinfo": "skip",
        "marker": {"line": {"color": colour, "width": width}},
        "showlegend": False,
    }


def _dots(world: World, values: list[float | None], hover: list[str]) -> dict[str, Any]:
    small = [(code, world.countries.index(code)) for code in DOTTED if code in world.countries]
    small = [(code, i) for code, i in small if values[i] is not None and code in capitals()]
    return {
        "type": "scattergeo",
        "mode": "markers",
        "lon": [capitals()[code].longitude for code, _ in small],
        "lat": [capitals()[code].latitude for code, _ in small],
        "customdata": [i for _, i in small],
        "text": [hover[i] for _, i in small],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "size": 8,
            "color": [values[i] for _, i in small],
            "coloraxis": "coloraxis",
            "line": {"color": MUTED, "width": 0.8},
        },
        "showlegend": False,
    }


# Arcs -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PartnerFlows:
    """Exports plus imports of one country by partner, billion USD at the border."""

    partners: tuple[str, ...]
    old: NDArray[np.float64]
    new: NDArray[np.float64]

    @property
    def percent(self) -> NDArray[np.float64]:
        """Change in percent; zero where there was no trade."""
        return np.where(self.old > 0, 100 * (self.new / np.where(self.old > 0, self.old, 1.0) - 1), 0.0)


def partner_flows(
    equilibrium: Equilibrium, country: str, most: int = MOST_ARCS, *, first: Equilibrium | None = None
) -> PartnerFlows:
    """The country's largest partners that have a place on the map."""
    world = equilibrium.world
    i = world.country_index(country)

    def two_way(trade: NDArray[np.float64]) -> NDArray[np.float64]:
        abroad = foreign(trade)
        return np.asarray((abroad[i].sum(1) + abroad[:, i].sum(1)) * BILLION)

    old, new = (two_way(state.accounts("border_value")) for state in before_and_after(equilibrium, first))
    largest = np.argsort(-np.maximum(old, new))
    shown = [int(p) for p in largest if p != i and world.countries[p] in capitals()][:most]
    return PartnerFlows(tuple(world.countries[p] for p in shown), old[shown], new[shown])


_CLASSES = [(tone, width) for tone in ("loss", "little", "gain") for _, width in WIDTHS]
_TONES = {"loss": LOSS, "little": MUTED, "gain": GAIN}


def _arcs(equilibrium: Equilibrium, country: str | None, first: Equilibrium | None) -> list[dict[str, Any]]:
    """One line trace per colour and width, with gaps between arcs, and the partners as points."""
    if country not in capitals():
        return _no_arcs()
    flows = partner_flows(equilibrium, str(country), first=first)
    home = capitals()[str(country)]
    lines: dict[tuple[str, float], tuple[list[float | None], list[float | None]]] = {
        c: ([], []) for c in _CLASSES
    }
    texts, places = [], []
    largest = float(np.maximum(flows.old, flows.new).max(initial=1e-9))
    for partner, old, new, percent in zip(flows.partners, flows.old, flows.new, flows.percent, strict=True):
        tone = "little" if abs(percent) < LITTLE_CHANGE else ("gain" if percent > 0 else "loss")
        width = next(w for share, w in WIDTHS if max(old, new) / largest >= share)
        there = capitals()[partner]
        for axis, points in zip(lines[tone, width], _bow(home, there), strict=True):
            axis += [*points, None]
        places.append((there, _TONES[tone]))
        texts.append(
            f"<b>{country_name(str(country))} and {country_name(partner)}</b><br>trade both ways: "
            f"<b>{change(float(percent), '%')}</b><br>before {level(float(old), 'bn USD')}"
            f"<br>after {level(float(new), 'bn USD')}"
        )
    return [_arc_trace(*lines[c], _TONES[c[0]], c[1]) for c in _CLASSES] + [_arc_ends(places, texts)]


def _bow(home: Capital, there: Capital) -> tuple[list[float], list[float]]:
    """Longitudes and latitudes of a gentle curve between two places.

    Bowed towards the nearer pole on the flat map rather than along the great circle, which would leave the
    map over the Arctic; it never crosses the map's edge.
    """
    start, end = (_on_map(place.longitude) for place in (home, there))
    distance = float(np.hypot(end - start, there.latitude - home.latitude))
    lift = 0.2 * distance * (1 if home.latitude + there.latitude >= 0 else -1)
    middle = float(np.clip((home.latitude + there.latitude) / 2 + lift, -50, 82))
    t = np.linspace(0, 1, ARC_POINTS)
    longitudes = start + (end - start) * t
    latitudes = (1 - t) ** 2 * home.latitude + 2 * t * (1 - t) * middle + t**2 * there.latitude
    return [round(float(x), 2) for x in longitudes], [round(float(y), 2) for y in latitudes]


def _on_map(longitude: float) -> float:
    return longitude + 360 if longitude < WEST_EDGE else longitude


def _arc_trace(
    longitudes: list[float | None], latitudes: list[float | None], colour: str, width: float
) -> dict[str, Any]:
    return {
        "type": "scattergeo",
        "mode": "lines",
        "lon": longitudes,
        "lat": latitudes,
        "line": {"color": colour, "width": width},
        "opacity": 0.85,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _arc_ends(places: list[Any], texts: list[str]) -> dict[str, Any]:
    return {
        "type": "scattergeo",
        "mode": "markers",
        "lon": [place.longitude for place, _ in places],
        "lat": [place.latitude for place, _ in places],
        "text": texts,
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"size": 6, "color": [tone for _, tone in places], "line": {"color": SURFACE, "width": 1}},
        "showlegend": False,
    }


def _no_arcs() -> list[dict[str, Any]]:
    """The same traces, empty, so that switching arcs on and off keeps every other trace in place."""
    return [_arc_trace([], [], _TONES[tone], width) for tone, width in _CLASSES] + [_arc_ends([], [])]


def _legend(has_rest: bool) -> list[dict[str, Any]]:
    def entry(name: str, colour: str, line: str) -> dict[str, Any]:
        return {
            "type": "scattergeo",
            "mode": "markers",
            "lon": [None],
            "lat": [None],
            "name": name,
            "marker": {"symbol": "square", "size": 11, "color": colour, "line": {"color": line, "width": 1}},
            "hoverinfo": "skip",
            "showlegend": True,
        }

    entries = [entry("No data", NO_DATA, NO_DATA)]
    if has_rest:
        entries.insert(0, entry("Rest of the world (one value)", "rgba(0,0,0,0)", MUTED))
    return entries


def finding(outcome: Outcome, world: World) -> str:
    """The map's title: who moves most, each way.

    Examples
    --------
    ``Real income falls most in Canada (−1.2 %) and rises most in Mexico (+0.3 %)``
    """
    variable, values = outcome.variable, outcome.change
    if outcome.missing:
        return outcome.missing
    known = np.isfinite(values)
    if not known.any() or np.nanmax(np.abs(values)) < 5e-6:
        return f"{variable.label}: nothing changes"
    low, high = int(np.nanargmin(values)), int(np.nanargmax(values))
    down, up = (
        values[i] * side > 0 and shows(float(values[i]), variable.unit) for i, side in ((low, -1), (high, 1))
    )
    if not down and not up:
        # A finding that would read "(0.00 %)" names nobody.
        return f"{variable.label}: no change above {change(_LEAST_SHOWN, variable.unit).lstrip('+')} anywhere"

    def place(i: int) -> str:
        name = country_name(world.countries[i])
        name = name[0].lower() + name[1:] if world.countries[i] == REST_OF_WORLD else name
        article = "the " if world.countries[i] in _WITH_ARTICLE else ""
        return f"{article}{name} ({change(float(values[i]), variable.unit)})"

    fall, rise = ("fall", "rise") if variable.label in PLURAL else ("falls", "rises")
    if not down:
        return f"{variable.label} {rise} most in {place(high)}"
    if not up:
        return f"{variable.label} {fall} most in {place(low)}"
    return f"{variable.label} {fall} most in {place(low)}, {rise} most in {place(high)}"


#: The smallest change that two decimals show.
_LEAST_SHOWN = 0.01

#: Variables that take a plural verb.
PLURAL = frozenset({"Exports", "Imports", "Exporters", "Wages", "Real wages", "Consumer prices", "Duties"})

_WITH_ARTICLE = frozenset({"USA", "GBR", "NLD", "PHL", "ARE", REST_OF_WORLD})

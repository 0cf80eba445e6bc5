"""What a chart is, and the colours it may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from firmtrade_core.labels import NARROW_NO_BREAK_SPACE, UnitError, unit

#: ColorBrewer BrBG with a neutral middle: losses left in brown, gains right in teal.
DIVERGING = (
    "#543005",
    "#8c510a",
    "#bf812d",
    "#dfc27d",
    "#f6e8c3",
    "#f5f5f5",
    "#c7eae5",
    "#80cdc1",
    "#35978f",
    "#01665e",
    "#003c30",
)
LOSS, GAIN = "#bf812d", "#35978f"
NO_DATA = "#9a9a9a"

#: Colours that follow the reader's theme; the screen puts the theme's own in their place.
TEXT, MUTED, SURFACE, EDGE, ACCENT = "$text", "$muted", "$surface", "$edge", "$accent"


@dataclass(frozen=True)
class Chart:
    """A Plotly figure with the words around it.

    Parameters
    ----------
    title
        The finding, in a sentence.
    subtitle
        Unit, year, world and scenario.
    source
        Where the numbers come from, at the foot.
    data, layout
        Plotly's traces and layout as plain data; colours starting with ``$`` follow the theme.
    height
        Pixels; None for a height that follows the width (``aspect``).
    aspect
        Height over width where ``height`` is None.
    units
        Registered unit of every axis that shows numbers: ``x``, ``y``, ``colour`` of areas, ``flow`` of links.
    table
        A `chart_table.ChartTable` of what it shows, where that is more than its traces draw.

    Raises
    ------
    UnitError
        If an axis of numbers has no unit, or one that is not registered: such a chart does not render.
    """

    title: str
    subtitle: str
    source: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]
    height: int | None = None
    aspect: float = 0.52
    units: Mapping[str, str] = field(kw_only=True)
    table: Any = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        for name in self.units.values():
            unit(name)
        if missing := sorted(value_axes(self.data, self.layout) - set(self.units)):
            raise UnitError(f"“{self.title}” shows numbers without a unit on: {', '.join(missing)}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON; traces and layout are the chart's own, not copies. Without the table, which
        `chart_table.table_of` gives."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        return plain | {"units": dict(self.units), "table": None}

    def enlarged(self, factor: float) -> Chart:
        """The same chart with larger type, for a room: fonts, margins and rows grow alike."""
        return replace(
            self,
            data=[_grown(trace, factor) for trace in self.data],
            layout=_grown(self.layout, factor),
            height=None if self.height is None else round(self.height * factor),
        )


def value_axes(data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> set[str]:
    """Axes on which traces show numbers: not rows with names of their own, not places on a map, not categories."""
    found = set()
    for trace in data:
        kind = trace.get("type", "scatter")
        if (
            kind == "choropleth" and any(z is not None for z in trace.get("z", ())) and "coloraxis" in trace
        ) or kind == "heatmap":
            found.add("colour")
        elif kind == "sankey":
            found.add("flow")
        elif kind == "treemap":
            found |= {"size", "colour"} if "coloraxis" in trace.get("marker", {}) else {"size"}
        elif kind in ("scatter", "bar", "scattergl"):
            for axis in ("x", "y"):
                named = "ticktext" in layout.get(f"{axis}axis", {}) and "tickvals" in layout[f"{axis}axis"]
                values = trace.get(axis)
                numbers = values is not None and any(
                    isinstance(v, int | float) and not isinstance(v, bool) for v in values
                )
                if numbers and not named:
                    found.add(axis)
    return found


#: Lengths in pixels that grow with the type, wherever they stand; sizes of fonts do too.
_LENGTHS = frozenset({"l", "r", "t", "b", "xshift", "yshift", "thickness", "xpad", "ypad", "pad"})
_FONTS = frozenset({"font", "tickfont", "textfont"})


def _grown(item: Any, factor: float, inside: str = "") -> Any:
    if isinstance(item, dict):
        return {
            key: round(value * factor)
            if isinstance(value, int | float) and (key in _LENGTHS or (key == "size" and inside in _FONTS))
            else _grown(value, factor, key)
            for key, value in item.items()
        }
    return [_grown(value, factor, inside) for value in item] if isinstance(item, list) else item


def base_layout(**changes: Any) -> dict[str, Any]:
    """What all charts share: transparent ground, no legend, theme colours, quiet hover."""
    layout: dict[str, Any] = {
        "autosize": True,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": TEXT, "size": 13},
        "separators": f".{NARROW_NO_BREAK_SPACE}",
        "margin": {"l": 0, "r": 0, "t": 4, "b": 4},
        "showlegend": False,
        "hoverlabel": {
            "bgcolor": SURFACE,
            "bordercolor": MUTED,
            "font": {"color": TEXT, "size": 13},
            "align": "left",
        },
    }
    return layout | changes


def upright(at: float, colour: str = MUTED, dash: str = "solid") -> dict[str, Any]:
    """A line from the foot to the top of a chart, behind what is drawn."""
    return {
        "type": "line",
        "x0": at,
        "x1": at,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": colour, "width": 1, "dash": dash},
        "layer": "below",
    }

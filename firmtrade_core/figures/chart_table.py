"""A chart as a table: what it draws, row by row, with units; and in words for those who hear it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import unescape
from typing import Any

from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.chart import Chart
from firmtrade_core.labels import number
from firmtrade_core.labels.units import with_unit

#: Rows that a table beside a chart holds at most.
MOST_ROWS = 2000

#: Rows told in words at each end.
TOLD = 3

_TAG = re.compile(r"<br\s*/?>|<[^>]+>")

Cell = str | float | None


@dataclass(frozen=True)
class ChartTable:
    """Rows behind a chart.

    Parameters
    ----------
    names, units
        Of the columns; "" as the unit of a column of words.
    rows
        Words, numbers, or None where nothing is known.
    codes
        ISO codes of the rows where they are economies, else empty.
    signed
        Columns whose numbers are changes and carry a sign.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    codes: tuple[str, ...] = ()
    signed: tuple[int, ...] = ()

    @property
    def measured(self) -> int | None:
        """Position of the first column of numbers; None where there is none."""
        return next((i for i, unit in enumerate(self.units) if unit), None)

    def written(self) -> list[list[list[Any]]]:
        """Cells as [value, text as the screen writes it]."""
        return [[[value, self._text(place, value)] for place, value in enumerate(row)] for row in self.rows]

    def _text(self, place: int, value: Cell) -> str:
        if value is None:
            return "no data"
        if isinstance(value, str):
            return value
        return number(value, significant=3, signed=place in self.signed)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        heads = [f"{n} ({u})" if u else n for n, u in zip(self.names, self.units, strict=True)]
        return {"heads": heads, "measured": self.measured, "rows": self.written(), "codes": list(self.codes)}

    @cached_property
    def packed(self) -> str:
        """Values alone, as JSON, for a screen on which nobody reads the table: written once for all charts that share it."""
        heads = [f"{n} ({u})" if u else n for n, u in zip(self.names, self.units, strict=True)]
        content = {
            "heads": heads,
            "measured": self.measured,
            "values": self.rows,
            "codes": self.codes,
        }
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def table_of(chart: Chart) -> ChartTable | None:
    """The rows behind a chart: its own table, or what its traces draw; None where that is no table.

    Named axes give the rows, traces the columns; an error bar becomes the two ends of a band.
    """
    if isinstance(chart.table, ChartTable):
        return chart.table
    traces = [trace for trace in chart.data if _shown(trace)]
    kinds = {trace.get("type", "scatter") for trace in traces}
    if not traces:
        return None
    if kinds == {"sankey"}:
        return _links(traces[0], chart.units)
    if kinds == {"heatmap"}:
        return _cells(traces[0], chart.layout, chart.units)
    if kinds == {"choropleth"} or ("choropleth" in kinds and kinds <= {"choropleth", "scattergeo"}):
        return _areas(traces, chart.units)
    if kinds <= {"bar", "scatter", "scattergl"}:
        for axis, other in (("y", "x"), ("x", "y")):
            if (names := _names(traces, chart.layout, axis)) is not None:
                return _named(traces, names, axis, other, chart.units.get(other, ""))
        return _points(traces, chart.units)
    return None


def in_words(chart: Chart, table: ChartTable | None) -> str:
    """What a chart shows, for those who hear it: the finding, then its numbers, the largest and the smallest where there are many."""
    parts = [chart.title.rstrip(".")]
    if table is not None and table.measured is not None and table.rows:
        parts += _numbers(table, table.measured)
    return ". ".join(part for part in parts if part) + "."


def _numbers(table: ChartTable, place: int) -> list[str]:
    known = [(float(cell), row) for row in table.rows if isinstance(cell := row[place], int | float)]

    def told(value: float, row: Sequence[Cell]) -> str:
        label = ", ".join(
            str(cell) for cell, u in zip(row[:place], table.units[:place], strict=True) if not u and cell
        )
        written = number(value, significant=3, signed=place in table.signed)
        told_unit = with_unit(written, table.units[place]) if table.units[place] else written
        return f"{label}: {told_unit}".strip(": ")

    if len(known) <= 2 * TOLD:
        return ["; ".join(told(*each) for each in known)]
    ranked = sorted(known, key=lambda each: -each[0])
    return [
        f"{len(known)} rows. Largest: {'; '.join(told(*each) for each in ranked[:TOLD])}",
        f"Smallest: {'; '.join(told(*each) for each in ranked[-TOLD:])}",
    ]


# From traces ------------------------------------------------------------------------------------


def _shown(trace: Mapping[str, Any]) -> bool:
    kind = trace.get("type", "scatter")
    if trace.get("hoverinfo") == "skip" and kind != "choropleth":
        return False
    if kind == "choropleth":
        return "coloraxis" in trace
    if kind == "scattergeo":
        return False
    if kind in ("heatmap", "sankey"):
        return True
    values = [trace.get("x"), trace.get("y")]
    return all(v is not None and len(v) for v in values) and trace.get("mode", "") != "text"


def plain(text: Any) -> str:
    """Words of a label without its markup."""
    return " ".join(unescape(_TAG.sub(" ", str(text))).split())


def _value(value: Any) -> Cell:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    return plain(value)


def _names(traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], axis: str) -> list[str] | None:
    """What the positions on an axis are called; None where it is an axis of numbers."""
    named = layout.get(f"{axis}axis", {})
    if "ticktext" in named and "tickvals" in named:
        labels = {float(v): plain(t) for v, t in zip(named["tickvals"], named["ticktext"], strict=False)}
        # Rows, not the ticks of a scale: each drawn value is a name's.
        drawn = [v for trace in traces for v in trace[axis] if isinstance(v, int | float)]
        rows = {round(float(v)) for v in drawn}
        if drawn and rows <= {round(v) for v in labels} and len(labels) >= len(rows):
            return [labels[v] for v in sorted(labels)]
        return None
    if all(isinstance(v, str) for trace in traces for v in trace[axis]):
        return list(dict.fromkeys(plain(v) for trace in traces for v in trace[axis]))
    return None


def _named(
    traces: Sequence[Mapping[str, Any]], names: list[str], axis: str, other: str, unit: str
) -> ChartTable | None:
    columns: dict[str, dict[str, Cell]] = {}
    for place, trace in enumerate(traces):
        head = plain(trace.get("name", "")) or ("Value" if place == 0 else f"Series {place + 1}")
        column = columns.setdefault(head, {})
        error = trace.get(f"error_{other}") or {}
        for i, (at, value) in enumerate(zip(trace[axis], trace[other], strict=False)):
            name = plain(at) if isinstance(at, str) else None
            if name is None and isinstance(at, int | float) and 0 <= round(at) < len(names):
                name = names[round(at)]
            if name is None or name in column:
                continue
            column[name] = _value(value)
            if "array" in error and isinstance(value, int | float):
                above, below = error["array"], error.get("arrayminus", error["array"])
                columns.setdefault(f"{head}, low", {})[name] = _value(value - below[i])
                columns.setdefault(f"{head}, high", {})[name] = _value(value + above[i])
    heads = tuple(columns)
    rows = tuple((name, *(columns[head].get(name) for head in heads)) for name in names)[:MOST_ROWS]
    if not heads or not unit:
        return None
    negative = any(isinstance(v, float) and v < 0 for row in rows for v in row)
    signed = tuple(range(1, len(heads) + 1)) if negative else ()
    return ChartTable(("Name", *heads), ("", *(unit for _ in heads)), rows, signed=signed)


def _points(traces: Sequence[Mapping[str, Any]], units: Mapping[str, str]) -> ChartTable | None:
    if not {"x", "y"} <= set(units):
        return None
    several = len({trace.get("name", "") for trace in traces}) > 1
    rows: list[tuple[Cell, ...]] = []
    for place, trace in enumerate(traces):
        series = plain(trace.get("name", "")) or f"Series {place + 1}"
        for x, y in zip(trace["x"], trace["y"], strict=False):
            if x is None or y is None:
                continue
            rows.append((*([series] if several else []), _value(x), _value(y)))
            if len(rows) == MOST_ROWS:
                break
    heads = (*(["Series"] if several else []), "Across", "Up")
    return ChartTable(heads, (*([""] if several else []), units["x"], units["y"]), tuple(rows[:MOST_ROWS]))


def _areas(traces: Sequence[Mapping[str, Any]], units: Mapping[str, str]) -> ChartTable:
    found = [
        (area, _value(z))
        for trace in traces
        for area, z in zip(trace["locations"], trace["z"], strict=True)
        if z is not None
    ]
    rows = tuple((country_name(area), area, value) for area, value in found)
    return ChartTable(
        ("Economy", "Code", "Value"), ("", "", units["colour"]), rows, tuple(area for area, _ in found)
    )


def _links(trace: Mapping[str, Any], units: Mapping[str, str]) -> ChartTable:
    labels = [plain(label) for label in trace["node"]["label"]]
    link = trace["link"]
    rows = tuple(
        (labels[a], labels[b], _value(v))
        for a, b, v in zip(link["source"], link["target"], link["value"], strict=True)
    )
    return ChartTable(("From", "To", "Value"), ("", "", units["flow"]), rows)


def _cells(
    trace: Mapping[str, Any], layout: Mapping[str, Any], units: Mapping[str, str]
) -> ChartTable | None:
    z = trace.get("z")
    if z is None or not len(z):
        return None

    def labels(axis: str, count: int) -> list[str]:
        named = layout.get(f"{axis}axis", {})
        given = trace.get(axis, range(count))
        words = dict(zip(named.get("tickvals", ()), map(plain, named.get("ticktext", ())), strict=False))
        return [words.get(value, plain(value)) for value in given]

    down, across = labels("y", len(z)), labels("x", len(z[0]))
    rows = tuple(
        (row, column, _value(value))
        for row, line in zip(down, z, strict=False)
        for column, value in zip(across, line, strict=False)
        if value is not None
    )[:MOST_ROWS]
    return ChartTable(("Row", "Column", "Value"), ("", "", units["colour"]), rows)

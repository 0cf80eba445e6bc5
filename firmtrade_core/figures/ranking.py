"""All economies of a world by one outcome: as a table, as bars from the top to the bottom, and a table's numbers on a map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures.bars import value_bars
from firmtrade_core.figures.chart import Chart
from firmtrade_core.figures.chart_table import Cell, ChartTable
from firmtrade_core.figures.outcomes import Outcome
from firmtrade_core.figures.scale import stable_scale
from firmtrade_core.figures.world_map import areas_of
from firmtrade_core.labels import change
from firmtrade_core.world.world import World


def outcome_table(outcome: Outcome, world: World) -> ChartTable:
    """Every economy's change with its band, and the levels before and after where there are any; the largest first."""
    variable = outcome.variable
    names, units = ["Economy", "Code", variable.label], ["", "", variable.unit]
    columns: list[NDArray[np.float64]] = [outcome.change]
    signed = [2]
    if outcome.low is not None and outcome.high is not None:
        names += ["90 % band from", "to"]
        units += [variable.unit] * 2
        columns += [outcome.low, outcome.high]
        signed += [3, 4]
    if outcome.old is not None and outcome.new is not None and variable.level_unit:
        names += ["Before", "After"]
        units += [variable.level_unit] * 2
        columns += [outcome.old, outcome.new]
    values = np.asarray(outcome.change, dtype=float)
    order = np.argsort(np.where(np.isfinite(values), -values, np.inf), kind="stable")
    codes = tuple(world.countries[i] for i in order)
    cells = zip(*([_known(value) for value in column[order].tolist()] for column in columns), strict=True)
    rows = tuple((country_name(code), code, *line) for code, line in zip(codes, cells, strict=True))
    return ChartTable(tuple(names), tuple(units), rows, codes, tuple(signed))


def _known(value: float) -> Cell:
    return round(value, 9) if math.isfinite(value) else None


def ranking(chart: Chart, table: ChartTable, *, marked: Sequence[str] = ()) -> Chart:
    """Bars of all rows of a table of economies, the largest on top.

    Parameters
    ----------
    chart
        Whose words stay.
    table
        With codes; its first column of numbers is drawn.
    marked
        Codes whose names are bold.
    """
    place = table.measured or 0
    rows = [
        (float(cell), f"<b>{row[0]}</b>" if code in marked else str(row[0]))
        for code, row in zip(table.codes, table.rows, strict=True)
        if isinstance(cell := row[place], float | int)
    ]
    rows.sort(key=lambda row: -row[0])
    bars = value_bars(
        [name for _, name in rows],
        np.array([value for value, _ in rows]),
        table.units[place],
        chart.title,
        chart.subtitle,
        chart.source,
        name_width=150,
    )
    return replace(bars, table=table)


def mapped(chart: Chart, table: ChartTable) -> Chart:
    """The first column of numbers of a table of economies on the map, coloured around zero.

    Parameters
    ----------
    chart
        Whose words stay.
    table
        With codes.
    """
    place = table.measured or 0
    cells = [row[place] for row in table.rows]
    values = [float(cell) if isinstance(cell, int | float) else None for cell in cells]
    scale = stable_scale(np.array([np.nan if v is None else v for v in values]), floor=1e-9)
    unit = table.units[place]
    hover = [
        f"<b>{row[0]}</b><br>{table.names[place]}: <b>{'no data' if v is None else change(v, unit)}</b>"
        for row, v in zip(table.rows, values, strict=True)
    ]
    data, layout = areas_of(table.codes, values, hover, scale, unit)
    return Chart(
        chart.title,
        chart.subtitle,
        chart.source,
        data,
        layout,
        aspect=0.51,
        units={"colour": unit},
        table=table,
    )

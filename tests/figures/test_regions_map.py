"""The map of regions: names do not touch, what is withheld is grey, and every number stands in its table."""

from __future__ import annotations

import numpy as np

from firmtrade_core.codes.regions import regions
from firmtrade_core.figures.regions import APART, HEIGHT, region_map


def test_a_map_of_regions_names_all_and_keeps_names_apart() -> None:
    places = regions("CHL")
    values = np.linspace(-3, 3, len(places))
    values[4] = np.nan
    size = np.arange(1.0, len(places) + 1)
    chart = region_map("CHL", places, values, size, "%", "A title", "Under", "Source.")
    names = next(trace for trace in chart.data if trace.get("mode") == "text")
    assert [text.split("  ")[0].rsplit(" ", 1)[0] for text in names["text"][:1]] == ["Arica y Parinacota"]
    assert (
        any("withheld" in text for text in names["text"])
        and "borders of regions are not shipped" in chart.source
    )
    low, high = chart.layout["geo"]["lataxis"]["range"]
    # A name a line, in pixels, on a map that is a little lower than the chart.
    apart = np.diff(sorted(names["lat"])).min() * (HEIGHT - 40) / (high - low)
    assert apart > 0.9 * APART
    rows = {row[0]: row[2] for row in chart.table.rows}
    assert len(rows) == 16 and rows[places[4].name] is None and next(iter(rows)) == "Arica y Parinacota"

"""What a pack holds: sentence, words, numbers with bands, charts with their tables, and where all of it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.analysis.uncertainty import COUNTRY_OUTCOMES, Bands
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures import (
    Headline,
    headlines,
    outcome,
    sector_bars,
    sector_outcomes,
    winners_and_losers,
)
from firmtrade_core.figures.chart import Chart
from firmtrade_core.figures.chart_table import Cell, ChartTable, table_of
from firmtrade_core.figures.flows import by_partner, trade_bars, trade_finding
from firmtrade_core.figures.outcomes import SECTOR_MEASURES
from firmtrade_core.figures.ranking import outcome_table
from firmtrade_core.figures.scale import stable_scale
from firmtrade_core.figures.uncertainty import banded
from firmtrade_core.figures.world_map import BORDER_NOTE, finding
from firmtrade_core.labels import VARIABLES, change, in_powers
from firmtrade_core.labels.units import in_unit
from firmtrade_core.report.live_words import told
from firmtrade_core.scenarios import Scenario, describe
from firmtrade_core.scenarios.assumptions import assumed, programme_stamps
from firmtrade_core.world.world import World

#: Rows of a chart that is drawn as bars.
MOST_BARS = 14


@dataclass(frozen=True)
class PackChart:
    """A chart of a pack.

    Parameters
    ----------
    title, subtitle, source
        The finding; unit, what it is read against, world and scenario; where it comes from.
    table
        All that it shows. Its first column of numbers, ``measured``, is drawn.
    kind
        ``map`` of economies, ``bars``, or ``table`` where there is nothing to draw.
    scale
        Half-range of a map's colours.
    bars
        Rows of the table that are drawn as bars, in their order.
    """

    title: str
    subtitle: str
    source: str
    table: ChartTable
    kind: Literal["map", "bars", "table"]
    scale: float = 0.0
    bars: tuple[int, ...] = ()

    @property
    def unit(self) -> str:
        """Of what is drawn."""
        place = self.table.measured
        return "" if place is None else self.table.units[place]

    def drawn(self) -> list[tuple[str, float]]:
        """Names and numbers of the bars; rows without a number are left out."""
        place = self.table.measured
        if place is None:
            return []
        rows = [self.table.rows[i] for i in self.bars]
        return [(str(row[0]), float(cell)) for row in rows if isinstance(cell := row[place], int | float)]


@dataclass(frozen=True)
class Pack:
    """An answer, ready to be written down.

    Parameters
    ----------
    title
        The scenario in one sentence.
    name
        Of the scenario.
    country
        Whose numbers come first.
    dated
        World and year, and when this was written.
    numbers
        With bands and verdicts where there are any.
    words
        The analyst's own, numbers filled in.
    charts
    stamps
        What must stand beside every number: synthetic firms, assumed effects, associations, estimated trade.
    caveats
        What to keep in mind.
    assumed
        Under which structure.
    source, certificate, link
        Where the numbers come from, that they were certified, and where they can be seen again ("" where no link holds them).
    yaml
        The scenario, to be opened again.
    """

    title: str
    name: str
    country: str
    dated: str
    numbers: tuple[Headline, ...]
    words: tuple[str, ...]
    charts: tuple[PackChart, ...]
    stamps: tuple[str, ...]
    caveats: tuple[str, ...]
    assumed: str
    source: str
    certificate: str
    link: str
    yaml: str

    def number_rows(self) -> list[tuple[str, str, str, str]]:
        """Number, change with its unit, band and verdict, second reading: a row each, as texts."""
        return [
            (
                item.label,
                change(item.value, item.unit),
                " · ".join(part for part in (item.band or "no interval", item.verdict) if part),
                item.detail,
            )
            for item in self.numbers
        ]

    def stamped(self) -> str:
        """What travels along at every foot, in a line."""
        return " · ".join(part for part in (*self.stamps, self.assumed) if part)

    def provenance(self) -> list[tuple[str, str]]:
        """Where the numbers come from: term and words."""
        rows = [
            ("Scenario", self.name),
            ("World", self.dated),
            ("Structure", self.assumed),
            ("Stamps", "; ".join(self.stamps) or "none"),
            (
                "Bands",
                "90 of 100 draws of what is assumed to be uncertain lie within; a number without one has none yet",
            ),
            ("Source", self.source),
            ("Certificate", self.certificate),
            ("Link", self.link or "no link holds this scenario; its YAML is in the web page of this pack"),
        ]
        return [(term, words) for term, words in rows if words]


NUMBER_HEADS = ("Number", "Change", "90 % band", "Also")


def make_pack(
    scenario: Scenario,
    equilibrium: Equilibrium,
    *,
    country: str,
    variable: str = "real_income",
    measure: str = "exports",
    first: Equilibrium | None = None,
    against: str = "the baseline",
    bands: Bands | None = None,
    caveats: Sequence[str] = (),
    source: str,
    link: str = "",
    programmes: Sequence[Mapping[str, Any]] = (),
    more: Sequence[Chart] = (),
) -> Pack:
    """The pack of a result.

    Parameters
    ----------
    scenario, equilibrium
    country
        Code of the country whose numbers come first.
    variable, measure
        On the map, and by sector.
    first, against
        What is read against, and what that is called.
    bands
        Of the numbers; without, every number says so.
    caveats, source, link
        As of `Pack`.
    programmes
        What programmes achieve, as `LeverPath.programmes_told` gives it.
    more
        Further charts, as they stood.
    """
    world = equilibrium.world
    numbers = headlines(equilibrium, country, country_name(country), first)
    if bands is not None and first is None:
        numbers = banded(numbers, bands, country)
    year = world.provenance.year
    dated = f"{world.name}, {year}" if year and str(year) not in world.name else world.name
    under = f"{dated} · {scenario.name}"
    lines, _ = told(scenario.narrative, equilibrium, first)
    certificate = equilibrium.certificate
    stamps = list(programme_stamps(scenario, equilibrium))
    if world.provenance.estimated_trade:
        stamps.append(f"estimated: {world.provenance.estimated_trade}")
    return Pack(
        title=describe(scenario, world),
        name=scenario.name,
        country=country_name(country),
        dated=f"{dated} · written {datetime.now(UTC):%d %B %Y}",
        numbers=tuple(numbers),
        words=lines,
        charts=(
            *_charts(equilibrium, country, variable, measure, first, bands, against, under, source),
            *(_programme(one, under, source) for one in programmes),
            *filter(None, map(_as_it_stood, more)),
        ),
        stamps=tuple(dict.fromkeys(stamps)),
        caveats=tuple(caveats),
        assumed=assumed(scenario, equilibrium),
        source=source,
        certificate=(
            f"{'certified' if certificate.holds else 'NOT certified'}: largest residual of the model's equations "
            f"{in_powers(certificate.largest)} (allowed 10⁻⁹), result {equilibrium.content_hash}"
        ),
        link=link,
        yaml=scenario.to_yaml(),
    )


def _charts(
    equilibrium: Equilibrium,
    country: str,
    variable: str,
    measure: str,
    first: Equilibrium | None,
    bands: Bands | None,
    against: str,
    under: str,
    source: str,
) -> list[PackChart]:
    world: World = equilibrium.world
    found = outcome(equilibrium, variable, first)
    unit = VARIABLES[variable].unit
    if bands is not None and first is None and COUNTRY_OUTCOMES.get(variable) == unit:
        found = replace(found, low=bands.low(variable), high=bands.high(variable))
    subtitle = f"Change in {unit} against {against} · {under}"
    everyone = outcome_table(found, world)
    winners = winners_and_losers(found, world, chosen=country, subtitle=subtitle, source=source)
    percent, dollars = sector_outcomes(equilibrium, country, measure, first)
    sectors = sector_bars(
        world, country, SECTOR_MEASURES[measure], percent, dollars,
        subtitle=f"Change in % against {against} · {under}", source=source, ends=_ends(bands, first, measure, country, world),
    )  # fmt: skip
    pairs = by_partner(equilibrium, country, "exports", (), first)
    partners = trade_bars(
        pairs, title=trade_finding(pairs, country, "exports"),
        subtitle=f"Change in bn USD against {against} · {under}", source=source,
    )  # fmt: skip
    known = np.asarray(found.change)[np.isfinite(found.change)]
    scale = stable_scale(known) if known.size else 1.0
    charts = [
        PackChart(finding(found, world), subtitle, f"{source} {BORDER_NOTE}", everyone, "map", scale),
        _of_rows(winners, everyone),
        *filter(
            None, (_named(_as_it_stood(sectors), "Sector", SECTOR_MEASURES[measure]), _as_it_stood(partners))
        ),
    ]
    return [chart for chart in charts if chart.table.rows]


def _programme(one: Mapping[str, Any], under: str, source: str) -> PackChart:
    """What a programme achieves, as a table; its stamps stand in the line below its title."""
    rows = tuple((item["label"], item["value"], item["unit"]) for item in one["numbers"])
    stamps = "; ".join(one["stamps"])
    # Rows have units of their own, so the numbers are written as the screen writes them.
    written = tuple(
        (label, "–" if value is None else in_unit(float(value), unit, significant=3), unit)
        for label, value, unit in rows
    )
    table = ChartTable(("Number", "Value", "Unit"), ("", "", ""), written)
    return PackChart(one["finding"], f"{stamps} · {under}" if stamps else under, source, table, "table")


#: What a measure by sector is called among the outcomes that have bands.
_SECTOR_BANDS = {
    "exports": "sector_exports",
    "imports": "sector_imports",
    "output": "output",
    "employment": "employment",
}


def _ends(
    bands: Bands | None, first: Equilibrium | None, measure: str, country: str, world: World
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Ends of the bands by sector, where they were drawn."""
    key = _SECTOR_BANDS.get(measure)
    if bands is None or first is not None or key is None:
        return None
    i = world.country_index(country)
    return bands.low(key)[i], bands.high(key)[i]


def _named(chart: PackChart | None, first: str, number: str) -> PackChart | None:
    """A chart whose table names its rows and its number."""
    if chart is None:
        return None
    place = chart.table.measured
    names = tuple(
        first if i == 0 else f"{number}, change" if i == place else name
        for i, name in enumerate(chart.table.names)
    )
    return replace(chart, table=replace(chart.table, names=names))


def _of_rows(chart: Chart, table: ChartTable) -> PackChart:
    """Bars of the largest and smallest rows of a table that is sorted already."""
    place = table.measured or 0
    known = [i for i, row in enumerate(table.rows) if isinstance(row[place], int | float)]
    half = MOST_BARS // 2
    shown = tuple(known if len(known) <= MOST_BARS else [*known[:half], *known[-half:]])
    return PackChart(chart.title, chart.subtitle, chart.source, table, "bars", bars=shown)


def _as_it_stood(chart: Chart) -> PackChart | None:
    """A chart of a page: as a map where its rows are economies, as bars where one row has one number, else as its table."""
    table = table_of(chart)
    if table is None or not table.rows:
        return None
    place = table.measured
    if place is not None and any(trace.get("type") == "choropleth" for trace in chart.data) and table.codes:
        values = np.array([_number(row[place]) for row in table.rows])
        known = values[np.isfinite(values)]
        return PackChart(
            chart.title, chart.subtitle, chart.source, table, "map", stable_scale(known) if known.size else 1.0
        )  # fmt: skip
    names = [str(row[0]) for row in table.rows]
    drawn = place is not None and len(set(names)) == len(names) and not table.units[0]
    order: list[int] = list(range(len(names)))
    if drawn and place is not None and len(order) > MOST_BARS:
        sizes = [abs(_number(row[place])) for row in table.rows]
        largest = sorted(order, key=lambda i: -sizes[i] if np.isfinite(sizes[i]) else 0.0)[:MOST_BARS]
        order = sorted(largest)
    return PackChart(
        chart.title, chart.subtitle, chart.source, table, "bars" if drawn else "table", bars=tuple(order) if drawn else ()
    )  # fmt: skip


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else float("nan")

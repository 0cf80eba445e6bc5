"""Charts of a result that can be drawn anew for another one: what each shows is plain data, so that a room keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from numpy.typing import NDArray

from firmtrade_core.analysis.diversion import diversion
from firmtrade_core.analysis.flows import default_groups, flows_between
from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures import (
    Chart,
    Outcome,
    beyond,
    by_partner,
    by_product,
    outcome,
    replaced_bars,
    sankey,
    sankey_finding,
    sector_bars,
    sector_outcomes,
    stable_scale,
    trade_bars,
    trade_finding,
    winners_and_losers,
    world_map,
)
from firmtrade_core.figures.chart_table import ChartTable
from firmtrade_core.figures.flows import Direction
from firmtrade_core.figures.outcomes import SECTOR_MEASURES
from firmtrade_core.figures.ranking import outcome_table, ranking
from firmtrade_core.figures.treemap import trade_treemap
from firmtrade_core.figures.world_map import finding
from firmtrade_core.labels import change
from firmtrade_core.world.world import World
from pages.parts.data.worlds import short_sources
from pages.parts.frame.pickers import sectors_of
from pages.parts.frame.store import Store
from pages.parts.result.reading import Reading

DIRECTIONS = {"exports": "Exports", "imports": "Imports"}

_FLOWS_KEY = " · Arcs: trade both ways, width by value; brown falls, teal rises, grey stays within 1 %"

_WIDTHS_KEY = " · Width: value after; brown falls, teal rises (strong from 10 %), grey stays within 1 %"

#: Lower and upper ends of bands, (S,) each.
Ends = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Look:
    """What a chart of a result shows, whatever the result.

    Parameters
    ----------
    chart
        Of `CHARTS`.
    country
        Looked at.
    outcome, sector_measure
        Variables of maps and of bars by sector.
    flows
        Whether the map draws the country's flows.
    scale, fixed
        Half-range of the map's colours; whether it stays, or may reach further.
    pins
        Countries kept in sight.
    sectors
        Codes of sectors that flows are narrowed to; none for all.
    partner, direction
        Of flows.
    each
        Rows of winners, and of losers.
    """

    chart: str
    country: str
    outcome: str = "real_income"
    sector_measure: str = "exports"
    flows: bool = False
    scale: float = 0.0
    fixed: bool = False
    pins: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    partner: str = ""
    direction: str = "exports"
    each: int = 6

    @classmethod
    def of(cls, chart: str, store: Store, world: World, **more: Any) -> Look:
        """As a session looks at it now."""
        return cls(
            chart,
            store.country,
            store.outcome,
            store.sector_measure,
            store.flows,
            store.fixed_scale,
            bool(store.fixed_scale),
            store.pins,
            sectors_of(world, store.sectors),
            store.partner if store.partner != store.country else "",
            "exports" if store.direction == "exports" else "imports",
            **more,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Look:
        """From plain data.

        Raises
        ------
        ValueError
            If it is of another version.
        """
        if set(content) != {item.name for item in fields(cls)} or content["chart"] not in CHARTS:
            raise ValueError("This is no look at a chart that is drawn here.")
        lists = {name: tuple(content[name]) for name in ("pins", "sectors")}
        return cls(**{**content, **lists})


def draw_anew(look: Look, reading: Reading) -> Chart:
    """The chart of another result, without bands."""
    return CHARTS[look.chart](look, reading)


def subtitle(unit: str, reading: Reading) -> str:
    """Unit, what it is read against, world, year and scenario, as under every chart."""
    world = reading.world
    year = world.provenance.year
    dated = f"{world.name}, {year}" if year and str(year) not in world.name else world.name
    return f"Change in {unit} against {reading.against} · {dated} · {reading.name}"


def clipped(found: Outcome, scale: float, world: World) -> str:
    """Which economies lie beyond the colours, for the subtitle; nothing where none does."""
    places = beyond(found.change, scale)
    if not places:
        return ""
    named = ", ".join(
        f"{country_name(world.countries[i])} {change(float(found.change[i]), found.variable.unit)}"
        for i in places[:2]
    )
    count = "1 economy" if len(places) == 1 else f"{len(places)} economies"
    return f" · {count} beyond the colours{': ' if len(places) < 3 else ', furthest: '}{named}"


def the_map(look: Look, reading: Reading, found: Outcome | None = None) -> Chart:
    """The map of an outcome; its colours reach further than the look's where they must and may."""
    world = reading.world
    found = found or outcome(reading.second, look.outcome, reading.first)
    scale = look.scale if look.fixed else stable_scale(found.change, look.scale or None)
    drawn = world_map(
        found,
        world,
        scale=scale,
        chosen=look.country,
        pinned=look.pins,
        flows=reading.second if look.flows else None,
        first=reading.first,
        title=finding(found, world),
        subtitle=subtitle(found.variable.unit, reading)
        + clipped(found, scale, world)
        + (_FLOWS_KEY if look.flows else ""),
        source=short_sources(world),
    )
    return replace(drawn, table=_table(reading, found))


def _table(reading: Reading, found: Outcome) -> ChartTable:
    """Every economy by an outcome, once for the map and the bars that show the same one."""
    known: tuple[Outcome, ChartTable] | None = reading.kept.get("table")
    if known is None or known[0] is not found:
        known = reading.kept["table"] = (found, outcome_table(found, reading.world))
    return known[1]


def winners(look: Look, reading: Reading, found: Outcome | None = None) -> Chart:
    """Who gains and who loses most by an outcome."""
    found = found or outcome(reading.second, look.outcome, reading.first)
    drawn = winners_and_losers(
        found,
        reading.world,
        each=look.each,
        chosen=look.country,
        pinned=look.pins,
        subtitle=subtitle(found.variable.unit, reading),
        source=short_sources(reading.world),
    )
    return replace(drawn, table=_table(reading, found))


def sectors(look: Look, reading: Reading, ends: Ends | None = None) -> Chart:
    """Change by sector in a country."""
    percent, dollars = sector_outcomes(reading.second, look.country, look.sector_measure, reading.first)
    return sector_bars(
        reading.world,
        look.country,
        SECTOR_MEASURES[look.sector_measure],
        percent,
        dollars,
        subtitle=subtitle("%", reading),
        source=short_sources(reading.world),
        ends=ends,
    )


def partners(look: Look, reading: Reading) -> Chart:
    """A country's trade with each partner."""
    direction = _direction(look)
    pairs = by_partner(reading.second, look.country, direction, look.sectors, reading.first)
    return trade_bars(
        pairs,
        title=trade_finding(pairs, look.country, direction),
        subtitle=subtitle("bn USD", reading),
        source=short_sources(reading.world),
    )


def goods(look: Look, reading: Reading) -> Chart:
    """A country's trade by product."""
    direction, world = _direction(look), reading.world
    found = by_product(reading.second, look.country, direction, look.partner, reading.first)
    whom = country_name(look.partner) if look.partner else "all partners"
    return trade_bars(
        found,
        title=f"{DIRECTIONS[direction]} by product: {whom}",
        subtitle=subtitle("bn USD", reading),
        source=short_sources(world),
        sort=False,
        most=len(world.sectors),
    )


def groups(look: Look, reading: Reading) -> Chart:
    """Trade between a country, the European Union and the largest traders."""
    world = reading.world
    found = flows_between(
        reading.second, default_groups(world, look.country), look.sectors or None, first=reading.first
    )
    return sankey(
        found,
        title=sankey_finding(found),
        subtitle=subtitle("%", reading) + _WIDTHS_KEY,
        source=short_sources(world),
    )


def replaced(look: Look, reading: Reading) -> Chart:
    """Who wins and who loses shares of a country's market."""
    found = diversion(reading.second, look.country, look.sectors or None, first=reading.first)
    return replaced_bars(
        found,
        subtitle=f"Purchases won from or lost to other origins · {subtitle('bn USD', reading)}",
        source=short_sources(reading.world),
    )


def economies(look: Look, reading: Reading, found: Outcome | None = None) -> Chart:
    """Every economy by an outcome, the largest gain on top."""
    world = reading.world
    found = found or outcome(reading.second, look.outcome, reading.first)
    table = outcome_table(found, world)
    plain = world_map(
        found,
        world,
        scale=1.0,
        title=finding(found, world),
        subtitle=subtitle(found.variable.unit, reading),
        source=short_sources(world),
    )
    drawn = ranking(plain, table, marked=(look.country, *look.pins))
    return replace(drawn, source=short_sources(world))


def areas(look: Look, reading: Reading) -> Chart:
    """A country's trade by product and partner, as areas."""
    return trade_treemap(
        reading.second,
        look.country,
        _direction(look),
        reading.first,
        subtitle=f"Size: value after, bn USD; colour: change in % · {subtitle('%', reading)}",
        source=short_sources(reading.world),
    )


def _direction(look: Look) -> Direction:
    return "exports" if look.direction == "exports" else "imports"


#: Charts that are functions of a result, by name.
CHARTS: Mapping[str, Callable[[Look, Reading], Chart]] = {
    "map": the_map,
    "winners": winners,
    "sectors": sectors,
    "partners": partners,
    "goods": goods,
    "groups": groups,
    "replaced": replaced,
    "economies": economies,
    "areas": areas,
}

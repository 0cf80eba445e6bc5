"""Charts of trade flows: between groups, with each partner, by product, and who replaces whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.analysis.diversion import Diversion
from firmtrade_core.analysis.flows import Flows
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import before_and_after
from firmtrade_core.figures.bars import VISIBLE, value_bars
from firmtrade_core.figures.chart import GAIN, LOSS, MUTED, SURFACE, TEXT, Chart, base_layout
from firmtrade_core.figures.chart_table import ChartTable
from firmtrade_core.figures.outcomes import BILLION
from firmtrade_core.figures.world_map import LITTLE_CHANGE
from firmtrade_core.labels import change, in_percent, level

Array = NDArray[np.float64]

Direction = Literal["exports", "imports"]

MOST_ROWS = 12


# Tables -----------------------------------------------------------------------------------------


def by_partner(
    equilibrium: Equilibrium,
    country: str,
    direction: Direction,
    sectors: Sequence[str] = (),
    first: Equilibrium | None = None,
) -> pd.DataFrame:
    """Trade of a country by partner: code, name, before, after (bn USD at the border), change (percent).

    Parameters
    ----------
    equilibrium
    country
        Code.
    direction
        ``exports`` of the country to each partner, or its ``imports`` from each.
    sectors
        Codes; all unless given.
    first
        What it is read against; the baseline unless given.
    """
    world = equilibrium.world
    chosen = [world.sector_index(code) for code in (sectors or world.sectors)]
    i = world.country_index(country)
    before, after = (trade[:, chosen].sum(1) for trade in _of_country(equilibrium, i, direction, first))
    table = _table(world.countries, [country_name(code) for code in world.countries], before, after)
    return table.drop(index=i).reset_index(drop=True)


def by_product(
    equilibrium: Equilibrium,
    country: str,
    direction: Direction,
    partner: str = "",
    first: Equilibrium | None = None,
) -> pd.DataFrame:
    """Trade of a country by product, with one partner or all: code, name, before, after, change (see `by_partner`).

    Parameters
    ----------
    equilibrium, country
    direction
        Exports or imports.
    partner
        With whom; all unless named.
    first
        What is compared with; the baseline unless given.
    """
    world = equilibrium.world
    i = world.country_index(country)
    sides = _of_country(equilibrium, i, direction, first)
    abroad = np.arange(len(world.countries)) != i
    partners = [world.country_index(partner)] if partner else np.flatnonzero(abroad)
    before, after = (trade[partners].sum(0) for trade in sides)
    return _table(world.sectors, [world.sector_name(code) for code in world.sectors], before, after)


def _of_country(
    equilibrium: Equilibrium, i: int, direction: Direction, first: Equilibrium | None
) -> list[Array]:
    """Before and after, each by partner and sector, (N, S), bn USD."""
    values = [state.accounts("border_value") * BILLION for state in before_and_after(equilibrium, first)]
    return [trade[i] if direction == "exports" else trade[:, i] for trade in values]


def _table(codes: Sequence[str], names: list[str], before: Array, after: Array) -> pd.DataFrame:
    ratio = np.divide(after, before, out=np.full(before.shape, np.nan), where=before > 0)
    return pd.DataFrame(
        {"code": list(codes), "name": names, "before": before, "after": after, "change": 100 * (ratio - 1)}
    )


# Charts -----------------------------------------------------------------------------------------


def trade_bars(
    table: pd.DataFrame, *, title: str, subtitle: str, source: str, most: int = MOST_ROWS, sort: bool = True
) -> Chart:
    """Change in billion dollars by row of `by_partner` or `by_product`; the hover tells before and after.

    Parameters
    ----------
    table
    title, subtitle, source
        Words around the chart.
    most
        Rows shown: those that change most.
    sort
        Whether the largest gain comes first; otherwise rows keep their order.
    """
    moved = (table["after"] - table["before"]).rename("moved")
    rows = table.join(moved)
    shown = rows.loc[rows["moved"].abs().sort_values(ascending=False).index[:most]]
    shown = shown.sort_values("moved", ascending=False) if sort else shown.sort_index()
    notes = [f"<br>{words}" for words in _old_and_new(shown)]
    names = list(shown["name"])
    width = 150 if sort else 256
    bars = value_bars(
        names, shown["moved"].to_numpy(), "bn USD", title, subtitle, source, name_width=width, notes=notes
    )
    return replace(bars, table=_whole(rows, partners=sort))


def _whole(rows: pd.DataFrame, *, partners: bool) -> ChartTable:
    """All rows, also those that the bars leave out."""
    cells = tuple(
        (name, code, *(round(float(v), 9) if np.isfinite(v) else None for v in values))
        for name, code, *values in rows.sort_values("moved", ascending=False)[
            ["name", "code", "moved", "change", "before", "after"]
        ].itertuples(index=False, name=None)
    )
    return ChartTable(
        ("Partner" if partners else "Product", "Code", "Change", "Change, relative", "Before", "After"),
        ("", "", "bn USD", "%", "bn USD", "bn USD"),
        cells,
        tuple(str(row[1]) for row in cells) if partners else (),
        (2, 3),
    )


def _old_and_new(rows: pd.DataFrame) -> list[str]:
    """For hovers: the change in percent, then the values before and after."""
    return [
        f"<b>{change(float(percent))}</b><br>before {level(float(old), 'bn USD')}<br>after {level(float(new), 'bn USD')}"
        for percent, old, new in zip(rows["change"], rows["before"], rows["after"], strict=True)
    ]


def trade_finding(table: pd.DataFrame, country: str, direction: Direction) -> str:
    """What a table of flows says, in a sentence: which row grows and which falls most."""
    name = country_name(country)
    moved = (table["after"] - table["before"]).to_numpy()
    what = f"{name}: {direction}"
    if not len(moved) or np.abs(moved).max() < VISIBLE:
        return f"{what} stay as they are"
    low, high = int(moved.argmin()), int(moved.argmax())
    names = table["name"].to_list()
    parts = []
    if moved[low] < -VISIBLE:
        parts.append(f"fall most with {_inside(names[low])}")
    if moved[high] > VISIBLE:
        parts.append(f"rise most with {_inside(names[high])}")
    return f"{what} {', '.join(parts)}"


#: Names as they read in the middle of a sentence, where that differs.
_IN_SENTENCE = {"Rest of the world": "the rest of the world", "Other countries": "other countries"} | {
    name: f"the {name}"
    for name in ("United States", "United Kingdom", "European Union", "Netherlands", "Philippines")
}


def _inside(name: str) -> str:
    """A name in the middle of a sentence: with its article, and without a capital where it is no proper name."""
    return _IN_SENTENCE.get(name, name)


def replaced_bars(found: Diversion, *, subtitle: str, source: str, most: int = MOST_ROWS) -> Chart:
    """Shares of a market won and lost by origin, billion dollars.

    Parameters
    ----------
    found
        Of `firmtrade_core.analysis.diversion`.
    subtitle, source
        Words around the chart.
    most
        Origins shown: those that win or lose most.
    """
    order = np.argsort(-np.abs(found.diverted), kind="stable")[:most]
    shown = order[np.argsort(-found.diverted[order], kind="stable")]
    notes = [
        f"<br>won from or lost to others, of<br>a change of {change(float(found.change[i]), 'bn USD')}"
        f"<br>before {level(float(found.before[i]), 'bn USD')}<br>after {level(float(found.after[i]), 'bn USD')}"
        for i in shown
    ]
    names = [
        country_name(found.countries[i]) + (" (home)" if found.countries[i] == found.market else "")
        for i in shown
    ]
    return value_bars(
        names,
        found.diverted[shown],
        "bn USD",
        replaced_finding(found),
        subtitle,
        source,
        name_width=172,
        notes=notes,
    )


def replaced_finding(found: Diversion) -> str:
    """Who loses most of the market, and who takes most of that."""
    loser = int(found.diverted.argmin())
    market = country_name(found.market)
    if found.diverted[loser] > -VISIBLE:
        return f"{market}: nobody replaces anybody"
    lost = found.replacement[loser]
    winner = int(lost.argmax())
    verb, takes = (
        ("lose" if _is_home(found, loser) else "loses"),
        ("take" if _is_home(found, winner) else "takes"),
    )
    return (
        f"{market}: {_origin(found, loser)} {verb} most, and {_origin(found, winner)} {takes} "
        f"{in_percent(lost[winner] / lost.sum())} of what {'they lose' if verb == 'lose' else 'it loses'}"
    )


def _is_home(found: Diversion, i: int) -> bool:
    return found.countries[i] == found.market


def _origin(found: Diversion, i: int) -> str:
    return "home producers" if _is_home(found, i) else _inside(country_name(found.countries[i]))


def sankey(flows: Flows, *, title: str, subtitle: str, source: str, most: int = 40) -> Chart:
    """Trade between groups, exporters left and importers right: width by value after, colour by change.

    Parameters
    ----------
    flows
        Of `firmtrade_core.analysis.flows`.
    title, subtitle, source
        Words around the chart.
    most
        Links shown: the largest.
    """
    links = flows.links(inside=False).head(most)
    count = len(flows.groups)
    exports, imports = flows.after.sum(1), flows.after.sum(0)
    inside = np.diag(flows.after)
    tones = [_tone(value) for value in links["change"]]
    trace: dict[str, Any] = {
        "type": "sankey",
        "arrangement": "fixed",
        "node": {
            "label": [*flows.groups, *flows.groups],
            "customdata": [
                *(level(float(v), "bn USD") for v in exports - inside),
                *(level(float(v), "bn USD") for v in imports - inside),
            ],
            "hovertemplate": "<b>%{label}</b><br>%{customdata}<extra></extra>",
            "color": MUTED,
            "line": {"width": 0},
            "pad": 12,
            "thickness": 9,
        },
        "link": {
            "source": links["source"].to_list(),
            "target": (links["target"] + count).to_list(),
            "value": [round(float(v), 4) for v in links["after"]],
            "color": tones,
            "customdata": [
                f"<b>{origin} to {destination}</b><br>{words}"
                for origin, destination, words in zip(
                    links["origin"], links["destination"], _old_and_new(links), strict=True
                )
            ],
            "hovertemplate": "%{customdata}<extra></extra>",
            "line": {"color": SURFACE, "width": 0.5},
        },
        "textfont": {"size": 13, "color": TEXT, "shadow": "none"},
    }
    layout = base_layout(margin={"l": 4, "r": 4, "t": 24, "b": 8}, annotations=_sides(), dragmode=False)
    return Chart(title, subtitle, source, [trace], layout, height=440, units={"flow": "bn USD"})


def _tone(percent: float) -> str:
    if not np.isfinite(percent) or abs(percent) < LITTLE_CHANGE:
        return "rgba(140,148,156,0.32)"
    strength = 0.85 if abs(percent) >= 10 else 0.5
    red, green, blue = (int((GAIN if percent > 0 else LOSS)[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{strength})"


def _sides() -> list[dict[str, Any]]:
    common = {"y": 1, "yref": "paper", "yanchor": "bottom", "yshift": 4, "showarrow": False, "xref": "paper"}
    font = {"size": 12, "color": MUTED}
    return [
        {"text": "Exporters", "x": 0, "xanchor": "left", "font": font, **common},
        {"text": "Importers", "x": 1, "xanchor": "right", "font": font, **common},
    ]


def sankey_finding(flows: Flows) -> str:
    """Which link grows and which falls most, in dollars."""
    links = flows.links(inside=False)
    moved = (links["after"] - links["before"]).to_numpy()
    if not len(moved) or np.abs(moved).max() < VISIBLE:
        return "Trade between these groups stays as it is"
    low, high = links.iloc[int(moved.argmin())], links.iloc[int(moved.argmax())]

    def link(row: Any, amount: float) -> str:
        origin, destination = _inside(row["origin"]), _inside(row["destination"])
        return f"from {origin} to {destination} ({change(float(amount), 'bn USD')})"

    parts = []
    if moved.min() < -VISIBLE:
        parts.append(f"falls most {link(low, moved.min())}")
    if moved.max() > VISIBLE:
        parts.append(f"rises most {link(high, moved.max())}")
    return f"Trade {', '.join(parts)}"

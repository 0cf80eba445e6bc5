"""The briefing that a pipeline ends with: one HTML file that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from firmtrade_core.codes.countries import country_name
from firmtrade_core.labels import change, grouped, in_percent, in_words, level, number

if TYPE_CHECKING:
    from firmtrade_core.report.pipeline_result import PipelineResult

#: Rows of long tables.
LISTED = 8

_STYLE = """
:root { color-scheme: light dark; --edge: color-mix(in srgb, currentColor 18%, transparent); --gain: #35978f; --loss: #bf812d; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; font-variant-numeric: tabular-nums; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.numbers { display: grid; grid-template-columns: repeat(3, 1fr); border-block: 1px solid var(--edge); }
.numbers div { padding: .6rem .8rem; } .numbers b { display: block; font-size: 1.4rem; }
small, .quiet { opacity: .75; font-size: .85rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin-bottom: 1.4rem; }
th, td { border-bottom: 1px solid var(--edge); padding: .25rem .5rem; text-align: right; vertical-align: top; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
.bar { position: relative; height: .8rem; min-width: 8rem; } .bar i { position: absolute; top: 0; bottom: 0; }
.stamp { border: 1px solid var(--edge); padding: .3rem .6rem; display: inline-block; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""


def briefing_page(made: PipelineResult, *, synthetic: bool) -> str:
    """The page as HTML.

    Parameters
    ----------
    made
    synthetic
        Whether the firms are invented: the page then says so on top.
    """
    found = made.findings
    who = country_name(found.country)
    stamp = '<p class="stamp"><b>Invented firms.</b> No firm in these files exists.</p>' if synthetic else ""
    parts = [
        f"<h1>{escape(found.sentence)}</h1>",
        f"<p>What it does to {escape(who)}, worked out with its own firms. {_lead(made)}</p>",
        stamp,
        _numbers(made),
        _where_exports_go(made, who),
        _programmes(made),
        _winners(made),
        _firms(made),
        _effects(made),
        _data(made),
        _provenance(made),
    ]
    body = "\n".join(item for item in parts if item)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Briefing: {escape(who)}</title><style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _lead(made: PipelineResult) -> str:
    before, after = made.findings.exporting["Home firms that export"]
    moved = after - before
    if abs(moved) < 0.5:
        return "About as many firms export as before."
    word = "more" if moved > 0 else "fewer"
    return (
        f"{number(abs(moved), significant=3)} {word} firms export, of {number(before, significant=3)} before."
    )


def _numbers(made: PipelineResult) -> str:
    cells = [
        f"<div><small>{escape(item.label)}</small><b>{escape(change(item.value, item.unit))}</b><small>{escape(item.detail)}"
        f"<br>{escape(item.band or 'no interval')}{f'<br>{escape(item.verdict)}' if item.verdict else ''}</small></div>"
        for item in made.findings.headlines
    ]
    return f'<div class="numbers">{"".join(cells)}</div>'


def _where_exports_go(made: PipelineResult, who: str) -> str:
    found = made.findings
    sources = found.sources[found.sources["change"].abs() > 1e-9]
    places = found.destinations.head(LISTED)
    sectors = found.sectors.reindex(found.sectors["dollars"].abs().sort_values(ascending=False).index).head(
        LISTED
    )
    first = _barred(
        ("Source", "", "Change", "Of exports"),
        sources["label"],
        (sources["change"], "bn USD"),
        (sources["percent"], "%"),
    )
    second = _barred(
        ("Destination", "", "Exports", "Firms there"),
        places["name"],
        (places["exports"], "m USD"),
        (places["firms"], "firms"),
    )
    third = _barred(
        ("Sector", "", "Exports", "Change"),
        sectors["name"],
        (sectors["dollars"], "bn USD"),
        (sectors["percent"], "%"),
    )
    return f"<h2>Exports of {escape(who)}: where the change comes from</h2>{first}<h2>To whom, and of what</h2>{second}{third}"


def _programmes(made: PipelineResult) -> str:
    table = made.findings.programmes
    if table.empty:
        return ""
    rows = [
        (
            row["programme"],
            number(row["treated"], significant=3),
            change(row["new_exporters"], "firms"),
            change(row["exports"], "m USD"),
            level(row["public_cost"], "m USD") if np.isfinite(row["public_cost"]) else "not entered",
            number(row["benefit_cost"], significant=3),
            level(row["break_even"], "USD"),
            row["evidence"],
        )
        for row in table.to_dict("records")
    ]
    head = (
        "Programme",
        "Firms reached",
        "New exporters",
        "Exports",
        "Public cost",
        "Income per dollar paid",
        "Worth up to, per firm a year",
        "Evidence",
    )
    return f"<h2>Programmes</h2>{_table(head, rows, words=(7,))}"


def _winners(made: PipelineResult) -> str:
    table = made.findings.countries
    shown = pd.concat([table.head(5), table.tail(5)]).drop_duplicates("country")
    rows = _barred(
        ("Country", "", "Real income", "Worth a year"),
        shown["name"],
        (shown["real_income"], "%"),
        (shown["equivalent_variation"] / 1e3, "bn USD"),
    )
    return f"<h2>Who gains and who loses</h2>{rows}"


def _firms(made: PipelineResult) -> str:
    table, diagnostics = made.capability
    counts = [
        (row["sector"], grouped(row["firms"]), "few" if pd.isna(row["exporters"]) else grouped(row["exporters"]))
        for row in made.firms.to_dict("records")
    ]  # fmt: skip
    parameters = [
        (str(symbol), number(float(value), significant=3)) for symbol, value in table["estimate"].items()
    ]
    growth = "".join(f"<li>{escape(text)}</li>" for text in made.growth)
    return (
        f"<h2>The firms</h2>{_table(('Sector', 'Firms', 'Exporters'), counts)}<ul>{growth}</ul>"
        f"<h2>Capability</h2>{_table(('Parameter', 'Estimate'), parameters)}{_list(diagnostics)}"
    )


def _effects(made: PipelineResult) -> str:
    if not len(made.effects):
        return ""
    rows = []
    for effect in made.effects:
        fixed = effect.fixed_cost_percent
        rows.append(
            (
                in_words(effect.attribute),
                effect.unit,
                _band(effect.capability, *effect.capability_interval),
                _band(*fixed, unit=" %"),
                effect.words,
            )
        )
    level_of = in_percent(made.effects.level)
    head = ("Attribute", "Unit", "Capability, log points", "Fixed costs", "Evidence")
    return (
        f"<h2>What attributes do</h2>{_table(head, rows, words=(1, 4))}"
        f'<p class="quiet">Per unit; {level_of} intervals in brackets.</p>'
    )


def _data(made: PipelineResult) -> str:
    outcome = made.outcome
    files = [
        (
            source["file"],
            source["kind"],
            grouped(source["rows"]),
            grouped(source["kept"]),
            str(source["sha256"])[:16],
        )
        for source in outcome.sources
    ]
    quality = [
        (
            item["dimension"],
            "not told" if item["value"] is None else f"{item['value']:.3f}",
            "; ".join(item["evidence"][:2]),
        )
        for item in outcome.scorecard
    ]
    faults = [
        (finding["title"], grouped(finding["rows"]), finding["action"]) for finding in outcome.findings[:10]
    ]
    return (
        "<h2>The data</h2>"
        + _table(("File", "Kind", "Rows", "Kept", "SHA-256"), files, words=(1,))
        + _table(("Quality, 0 to 1", "Score", "Because"), quality, words=(2,))
        + _table(("Found", "Rows", "Done"), faults, words=(2,))
    )


def _provenance(made: PipelineResult) -> str:
    rows = _table(("", ""), made.findings.about, words=(1,))
    return f"<h2>Where the numbers come from</h2>{rows}{_list(made.notes)}"


def _band(value: float, low: float, high: float, unit: str = "") -> str:
    ends = [number(end, signed=True) if np.isfinite(end) else "no end" for end in (low, high)]
    return f"{number(value, signed=True)}{unit} ({ends[0]} to {ends[1]})"


class _Markup(str):
    """Text that is HTML already."""


def _barred(head: Sequence[str], names: pd.Series, *changes: tuple[pd.Series, str]) -> str:
    """Rows of names with signed changes and their units, and a bar of the first of them."""
    # Lists, not generators: a generator would read its unit when it is consumed, after the last column's.
    written = [
        [change(float(value), unit) if value == value else "not told" for value in values]
        for values, unit in changes
    ]
    return _table(head, zip(names, _bars(changes[0][0]), *written, strict=True))


def _bars(values: pd.Series) -> list[_Markup]:
    """Bars to both sides of zero, gains right in teal, losses left in brown."""
    reach = float(np.nanmax(np.abs(values.to_numpy(float)), initial=0.0)) or 1.0
    bars = []
    for value in values:
        width = 50 * abs(float(value)) / reach if np.isfinite(value) else 0.0
        side = f"left:50%;background:var(--gain);width:{width:.1f}%"
        if value < 0:
            side = f"right:50%;background:var(--loss);width:{width:.1f}%"
        bars.append(_Markup(f'<div class="bar"><i style="{side}"></i></div>'))
    return bars


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], words: tuple[int, ...] = ()) -> str:
    def cell(place: int, value: object) -> str:
        text = value if isinstance(value, _Markup) else escape(str(value))
        return f"<td{' class=text' if place in words else ''}>{text}</td>"

    top = "".join(
        f"<th{' class=text' if place in words else ''}>{escape(name)}</th>" for place, name in enumerate(head)
    )
    body = "".join("<tr>" + "".join(cell(k, value) for k, value in enumerate(row)) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _list(items: Iterable[str]) -> str:
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f'<ul class="quiet">{lines}</ul>' if lines else ""

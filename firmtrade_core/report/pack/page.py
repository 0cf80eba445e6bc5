"""The pack as one web page: drawn as it stands, with all its data inside, and nothing asked of any other place."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Sequence
from html import escape

import numpy as np

from firmtrade_core.figures.scale import tick_words
from firmtrade_core.figures.shapes import areas, colour, frame
from firmtrade_core.labels import change
from firmtrade_core.report.export import neutral
from firmtrade_core.report.pack.content import NUMBER_HEADS, Pack, PackChart
from firmtrade_core.report.pack.pictures import by_area

#: Units of the drawing to the plane's unit.
SIZE = 170.0

_STYLE = """
:root { color-scheme: light; --ink: #1c2733; --quiet: #5b6270; --edge: #d5dbe1; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff; max-width: 68rem; margin: 2rem auto; padding: 0 1.2rem; font-variant-numeric: tabular-nums; }
h1 { font-size: 1.7rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin: 2.4rem 0 0.2rem; }
.quiet { color: var(--quiet); font-size: 0.85rem; margin: 0.2rem 0; } .tale { font-size: 1.1rem; max-width: 44rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; margin: 0.6rem 0; }
th, td { border-bottom: 1px solid var(--edge); padding: 0.25rem 0.6rem 0.25rem 0; text-align: left; vertical-align: top; }
.row { display: grid; grid-template-columns: 15rem 1fr 7rem; gap: 0.8rem; align-items: center; margin: 0.15rem 0; font-size: 0.9rem; }
.track { position: relative; height: 1.05rem; } .track i { position: absolute; top: 0; bottom: 0; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.row b { text-align: right; font-weight: 600; white-space: nowrap; }
svg { width: 100%; height: auto; display: block; } svg path { stroke: #fff; stroke-width: 0.4; }
.ramp { height: 0.6rem; max-width: 26rem; print-color-adjust: exact; -webkit-print-color-adjust: exact; } .marks { display: flex; justify-content: space-between; max-width: 26rem; font-size: 0.8rem; color: var(--quiet); }
details { margin: 0.4rem 0; } summary { cursor: pointer; } .scroll { max-height: 26rem; overflow: auto; }
pre { font-size: 0.8rem; white-space: pre-wrap; overflow-wrap: anywhere; background: #f3f5f7; padding: 0.8rem; }
footer { margin-top: 2rem; border-top: 1px solid var(--edge); padding-top: 0.6rem; overflow-wrap: anywhere; }
@media print { body { margin: 0; max-width: none; } figure { break-inside: avoid; } details > * { display: block; } .scroll { max-height: none; } }
figure { margin: 0; }
"""


def to_page(pack: Pack) -> bytes:
    """The page as bytes of an .html file."""
    parts = [
        f"<h1>{escape(pack.title)}</h1>",
        f'<p class="quiet">{escape(f"{pack.country} · {pack.dated}")}</p>',
        *(f'<p class="tale">{escape(words)}</p>' for words in pack.words),
        _table(NUMBER_HEADS, pack.number_rows()),
        f'<p class="quiet">{escape(pack.stamped())}</p>',
        *(_chart(chart, pack) for chart in pack.charts),
        "<h2>Keep in mind</h2><ul>",
        *(f"<li>{escape(line)}</li>" for line in pack.caveats),
        "</ul><h2>Where the numbers come from</h2>",
        _table((), pack.provenance()),
        f"<details><summary>The scenario, to be opened again</summary><pre>{escape(pack.yaml)}</pre></details>",
        f'<footer class="quiet">{escape(pack.certificate)}{_linked(pack.link)}</footer>',
    ]
    content = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
        f"<title>{escape(pack.title)}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )
    return content.encode()


def _linked(link: str) -> str:
    return f' · <a href="{escape(link)}">Open it in the dashboard</a>' if link.startswith("http") else ""


def _chart(chart: PackChart, pack: Pack) -> str:
    drawn = _map(chart) if chart.kind == "map" else _bars(chart) if chart.drawn() else ""
    content = chart.table.to_dict()
    rows = [tuple(text for _, text in row) for row in content["rows"]]
    return (
        f'<figure><h2>{escape(chart.title)}</h2><p class="quiet">{escape(chart.subtitle)}</p>{drawn}'
        f'<p class="quiet">{escape(chart.source)} {escape(pack.stamped())}</p></figure>'
        f'<details><summary>All {len(rows)} rows</summary><p><a download="{_stem(chart.title)}.csv" '
        f'href="data:text/csv;base64,{base64.b64encode(_csv(chart, pack)).decode()}">Download as CSV</a></p>'
        f'<div class="scroll" tabindex="0">{_table(content["heads"], rows)}</div></details>'
    )


def _stem(title: str) -> str:
    return (
        "".join(c if c.isalnum() and c.isascii() else "_" for c in title.lower())[:60].strip("_") or "chart"
    )


def _csv(chart: PackChart, pack: Pack) -> bytes:
    """Clean heads with units, rows, and where they come from at the foot."""
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n")
    write.writerow([neutral(head) for head in chart.table.to_dict()["heads"]])
    for row in chart.table.rows:
        write.writerow(
            ["" if cell is None else neutral(cell) if isinstance(cell, str) else cell for cell in row]
        )
    write.writerow([])
    for note in (chart.title, chart.subtitle, chart.source, pack.stamped(), pack.certificate, pack.link):
        if note:
            write.writerow([neutral(f"# {note}")])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _map(chart: PackChart) -> str:
    known = by_area(chart)
    names = dict(zip(chart.table.codes, (str(row[0]) for row in chart.table.rows), strict=True))
    left, right, foot, top = (SIZE * value for value in frame())
    paths = []
    for area in areas():
        line = "".join(
            "M"
            + "L".join(f"{x:.1f},{y:.1f}" for x, y in np.stack([SIZE * ring[:, 0], -SIZE * ring[:, 1]], 1))
            + "Z"
            for ring in area.rings
        )
        value = known.get(area.code)
        said = "no data" if value is None else change(value, chart.unit)
        paths.append(
            f'<path fill-rule="evenodd" fill="{colour(value, chart.scale)}" d="{line}"><title>'
            f"{escape(names.get(area.code, area.code))}: {escape(said)}</title></path>"
        )
    ticks = [float(t) for t in np.linspace(-chart.scale, chart.scale, 5)]
    words = tick_words(ticks)
    words[0], words[-1] = f"≤ {words[0]}", f"≥ {words[-1]} {chart.unit}"
    ramp = ",".join(colour(float(t), chart.scale) for t in np.linspace(-chart.scale, chart.scale, 11))
    return (
        f'<svg viewBox="{left:.0f} {-top:.0f} {right - left:.0f} {top - foot:.0f}" role="img" aria-label="{escape(chart.title)}">'
        f'{"".join(paths)}</svg><div class="ramp" style="background:linear-gradient(to right,{ramp})"></div>'
        f'<div class="marks">{"".join(f"<span>{escape(word)}</span>" for word in words)}</div>'
    )


def _bars(chart: PackChart) -> str:
    rows = chart.drawn()
    values = [value for _, value in rows]
    low, high = min(0.0, *values), max(0.0, *values)
    reach = (high - low) or 1.0
    lines = []
    for name, value in rows:
        start, width = 100 * (min(value, 0.0) - low) / reach, 100 * abs(value) / reach
        fill = "#35978f" if value >= 0 else "#bf812d"
        lines.append(
            f'<div class="row"><span>{escape(name)}</span><span class="track"><i style="left:{start:.2f}%;width:{width:.2f}%;'
            f'background:{fill}"></i></span><b>{escape(change(value, chart.unit))}</b></div>'
        )
    return "".join(lines)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = (
        f"<thead><tr>{''.join(f'<th scope=col>{escape(h)}</th>' for h in heads)}</tr></thead>"
        if heads
        else ""
    )
    body = "".join(f"<tr>{''.join(f'<td>{_cell(text)}</td>' for text in row)}</tr>" for row in rows)
    return f"<table>{head}<tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    return (
        f'<a href="{escape(text)}">{escape(text)}</a>'
        if text.startswith(("http://", "https://"))
        else escape(text)
    )

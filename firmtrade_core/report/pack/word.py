"""The pack as a Word document: text, tables and pictures that can be taken into a paper of one's own."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from firmtrade_core.report.pack.content import NUMBER_HEADS, Pack
from firmtrade_core.report.pack.pictures import picture
from firmtrade_core.report.pack.powerpoint import written_rows

#: Rows of a table below a chart.
MOST_ROWS = 20


def to_word(pack: Pack) -> bytes:
    """The document as bytes of a .docx file."""
    from docx import Document
    from docx.enum.section import WD_ORIENT
    from docx.shared import Mm, Pt

    paper = Document()
    paper.core_properties.title = pack.title[:250]
    paper.core_properties.author = "firmtrade"
    section = paper.sections[0]
    section.orientation, section.page_width, section.page_height = WD_ORIENT.PORTRAIT, Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(20)
    paper.styles["Normal"].font.size = Pt(10.5)
    foot = section.footer.paragraphs[0]
    foot.text = f"{pack.stamped()} · {pack.certificate}"
    for run in foot.runs:
        run.font.size = Pt(7.5)
    paper.add_heading(pack.title, level=1)
    paper.add_paragraph(f"{pack.country} · {pack.dated}")
    for words in pack.words:
        paper.add_paragraph(words)
    _table(paper, NUMBER_HEADS, pack.number_rows())
    for place, chart in enumerate(pack.charts):
        paper.add_heading(chart.title, level=2)
        _quiet(paper, chart.subtitle)
        if chart.kind == "map" or chart.drawn():
            paper.add_picture(io.BytesIO(picture(chart)), width=Mm(170))
        if any(chart.table is other.table for other in pack.charts[:place]):
            _quiet(paper, f"{chart.source} Its numbers are in the table above.")
            continue
        heads, rows = written_rows(chart, MOST_ROWS)
        _table(paper, heads, rows)
        if len(chart.table.rows) > MOST_ROWS:
            _quiet(
                paper,
                f"The first and the last {MOST_ROWS // 2} of {len(chart.table.rows)} rows; the web page of this pack has all.",
            )
        _quiet(paper, chart.source)
    paper.add_heading("Keep in mind", level=2)
    for line in pack.caveats:
        paper.add_paragraph(line, style="List Bullet")
    paper.add_heading("Where the numbers come from", level=2)
    _table(paper, ("", ""), pack.provenance())
    held = io.BytesIO()
    paper.save(held)
    return held.getvalue()


def _quiet(paper: Any, text: str) -> None:
    from docx.shared import Pt, RGBColor

    if text:
        run = paper.add_paragraph().add_run(text)
        run.font.size, run.font.color.rgb = Pt(8.5), RGBColor(0x5B, 0x62, 0x70)


def _table(paper: Any, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from docx.shared import Pt

    lines = [tuple(heads), *rows] if any(heads) else list(rows)
    made = paper.add_table(len(lines), len(heads), style="Light List")
    for i, line in enumerate(lines):
        for cell, text in zip(made.rows[i].cells, line, strict=True):
            cell.text = text
            for paragraph in cell.paragraphs:
                for run in paragraph.runs:
                    run.font.size = Pt(8.5)

"""The pack as PDF: a page for the numbers, one for each chart, one for where they come from. No browser is asked for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firmtrade_core.report.pack.content import NUMBER_HEADS, Pack, PackChart
from firmtrade_core.report.pack.pictures import HEIGHT, WIDTH, picture
from firmtrade_core.report.pack.powerpoint import written_rows

#: Millimetres of margin; rows of a table below a chart.
MARGIN, MOST_ROWS = 14, 10

FONT = "DejaVu"


def to_pdf(pack: Pack) -> bytes:
    """The document as bytes of a .pdf file, A4 landscape."""
    import matplotlib
    from fpdf import FPDF

    class Paper(FPDF):
        def footer(self) -> None:
            self.set_y(-13)
            self.set_font(FONT, size=6.5)
            self.set_text_color(91, 98, 112)
            self.multi_cell(0, 3, f"{pack.stamped()} · {pack.certificate}", align="L")

    paper = Paper("landscape", "mm", "A4")
    # The fonts that come with matplotlib know every sign the product writes.
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    paper.add_font(FONT, "", fonts / "DejaVuSans.ttf")
    paper.add_font(FONT, "B", fonts / "DejaVuSans-Bold.ttf")
    paper.set_margins(MARGIN, MARGIN - 2)
    paper.set_auto_page_break(True, 16)
    paper.set_title(pack.title)
    paper.set_author("firmtrade")
    _head(paper, pack.title, f"{pack.country} · {pack.dated}")
    for words in pack.words:
        _line(paper, words, 12)
    _table(paper, NUMBER_HEADS, pack.number_rows(), 11, (3, 2, 4, 3))
    for place, chart in enumerate(pack.charts):
        _chart(paper, chart, tabled=not any(chart.table is other.table for other in pack.charts[:place]))
    _head(paper, "Keep in mind")
    for line in pack.caveats:
        _line(paper, f"•  {line}", 11)
    paper.ln(4)
    _line(paper, "Where the numbers come from", 14, bold=True)
    _table(paper, (), pack.provenance(), 9, (1, 6), link=pack.link)
    return bytes(paper.output())


def _head(paper: Any, title: str, under: str = "") -> None:
    paper.add_page()
    _line(paper, title, 16, bold=True)
    if under:
        _line(paper, under, 9, quiet=True)
    paper.ln(2)


def _line(paper: Any, text: str, size: float, *, bold: bool = False, quiet: bool = False) -> None:
    paper.set_font(FONT, "B" if bold else "", size)
    paper.set_text_color(*((91, 98, 112) if quiet else (28, 39, 51)))
    paper.multi_cell(0, size * 0.48, text, align="L", new_x="LMARGIN", new_y="NEXT")
    paper.ln(size * 0.09)


def _chart(paper: Any, chart: PackChart, *, tabled: bool) -> None:
    """A chart on a page of its own, and its table on the next, unless an earlier chart has had the same."""
    _head(paper, chart.title, chart.subtitle)
    drawn = chart.kind == "map" or bool(chart.drawn())
    if drawn:
        high = 138 if chart.kind == "map" else 145
        paper.image(io.BytesIO(picture(chart)), x=MARGIN + 4, w=high * WIDTH / HEIGHT, h=high)
    else:
        heads, rows = written_rows(chart, 18)
        _table(paper, heads, rows, 9)
    _line(paper, chart.source, 8, quiet=True)
    if drawn and tabled:
        heads, rows = written_rows(chart, MOST_ROWS * 2)
        paper.add_page()
        _line(paper, f"Table: {chart.title}", 11, bold=True)
        _table(paper, heads, rows, 8.5)
        if len(chart.table.rows) > 2 * MOST_ROWS:
            _line(
                paper,
                f"The first and the last {MOST_ROWS} of {len(chart.table.rows)} rows; the web page of this pack has all of them.",
                8,
                quiet=True,
            )


def _table(
    paper: Any, heads: Sequence[str], rows: Sequence[Sequence[str]], size: float,
    widths: tuple[int, ...] | None = None, *, link: str = "",
) -> None:  # fmt: skip
    from fpdf.enums import TableBordersLayout
    from fpdf.fonts import FontFace

    paper.set_font(FONT, size=size)
    paper.set_text_color(28, 39, 51)
    paper.set_draw_color(213, 219, 225)
    paper.set_line_width(0.2)
    with paper.table(
        col_widths=widths,
        text_align="LEFT",
        line_height=size * 0.52,
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="BOLD"),
        first_row_as_headings=bool(heads),
    ) as made:
        for line in [heads, *rows] if heads else rows:
            row = made.row()
            for text in line:
                row.cell(text, link=link if link and text == link else None)
    paper.ln(3)

"""The pack as PowerPoint: charts of bars are PowerPoint's own and can be edited, maps are pictures with their numbers in a table."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from firmtrade_core.figures.chart import GAIN, LOSS
from firmtrade_core.report.pack.content import NUMBER_HEADS, Pack, PackChart
from firmtrade_core.report.pack.pictures import picture

#: Inches of a slide, and of its margin.
WIDTH, HEIGHT, MARGIN = 13.333, 7.5, 0.55

#: Rows of a table beside a map, at each end.
EACH = 5


def to_powerpoint(pack: Pack) -> bytes:
    """The presentation as bytes of a .pptx file."""
    from pptx import Presentation
    from pptx.util import Inches

    show = Presentation()
    show.slide_width, show.slide_height = Inches(WIDTH), Inches(HEIGHT)
    show.core_properties.title = pack.title[:250]
    show.core_properties.author = "firmtrade"
    _numbers(_slide(show, pack, pack.title), pack)
    for words in pack.words:
        _text(_slide(show, pack, pack.title), words, 1.7, 30)
    for chart in pack.charts:
        slide = _slide(show, pack, chart.title, chart.subtitle, chart.source)
        if chart.kind == "map":
            _map(slide, chart)
        elif chart.kind == "bars" and chart.drawn():
            _bars(slide, chart)
        else:
            heads, rows = written_rows(chart, 12)
            _table(slide, heads, rows, 1.6, 11)
    slide = _slide(show, pack, "Keep in mind")
    _text(slide, "\n".join(f"•  {line}" for line in pack.caveats), 1.4, 18)
    slide = _slide(show, pack, "Where the numbers come from")
    _table(slide, ("", ""), pack.provenance(), 1.4, 12, first=2.2)
    held = io.BytesIO()
    show.save(held)
    return held.getvalue()


def written_rows(chart: PackChart, most: int) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A chart's table as texts: its heads with units, and its rows, the first and the last where they are many."""
    content = chart.table.to_dict()
    rows = [tuple(text for _, text in row) for row in content["rows"]]
    if len(rows) > most:
        rows = [*rows[: most // 2], *rows[len(rows) - most // 2 :]]
    return tuple(content["heads"]), rows


def _slide(show: Any, pack: Pack, title: str, under: str = "", source: str = "") -> Any:
    """A slide with its title, what stands under it, and at its foot all that travels with a number."""
    slide = show.slides.add_slide(show.slide_layouts[6])
    _box(slide, title, 0.3, 0.8, 26 if len(title) < 90 else 20, bold=True)
    if under:
        _box(slide, under, 1.02, 0.35, 12, quiet=True)
    foot = " · ".join(part for part in (source or pack.source, pack.stamped()) if part)
    _box(slide, foot, HEIGHT - 0.78, 0.4, 9, quiet=True)
    _box(slide, pack.certificate, HEIGHT - 0.36, 0.3, 9, quiet=True, link=pack.link)
    return slide


def _box(
    slide: Any, text: str, top: float, height: float, size: float, *, bold: bool = False, quiet: bool = False, link: str = ""
) -> None:  # fmt: skip
    from pptx.dml.color import RGBColor
    from pptx.util import Inches, Pt

    frame = slide.shapes.add_textbox(
        Inches(MARGIN), Inches(top), Inches(WIDTH - 2 * MARGIN), Inches(height)
    ).text_frame
    frame.word_wrap = True
    run = frame.paragraphs[0].add_run()
    run.text = text
    run.font.size, run.font.bold = Pt(size), bold
    run.font.color.rgb = RGBColor.from_string("5B6270" if quiet else "1C2733")
    if link:
        more = frame.paragraphs[0].add_run()
        more.text = "  Open it in the dashboard"
        more.font.size = Pt(size)
        more.hyperlink.address = link


def _text(slide: Any, text: str, top: float, size: float) -> None:
    from pptx.util import Inches, Pt

    frame = slide.shapes.add_textbox(
        Inches(MARGIN), Inches(top), Inches(WIDTH - 2 * MARGIN), Inches(HEIGHT - top - 1.0)
    ).text_frame
    frame.word_wrap = True
    for place, line in enumerate(text.split("\n")):
        paragraph = frame.paragraphs[0] if place == 0 else frame.add_paragraph()
        paragraph.text = line
        paragraph.font.size = Pt(size)
        paragraph.space_after = Pt(size / 2)


def _numbers(slide: Any, pack: Pack) -> None:
    _table(slide, NUMBER_HEADS, pack.number_rows(), 1.5, 16)


def _table(
    slide: Any, heads: Sequence[str], rows: Sequence[Sequence[str]], top: float, size: float,
    *, left: float = MARGIN, width: float = WIDTH - 2 * MARGIN, first: float = 0.0,
) -> None:  # fmt: skip
    from pptx.util import Inches, Pt

    headed = any(heads)
    lines = [tuple(heads), *rows] if headed else list(rows)
    height = Inches(0.024 * size * len(lines))
    made = slide.shapes.add_table(
        len(lines), len(heads), Inches(left), Inches(top), Inches(width), height
    ).table
    made.first_row = headed
    if first:
        made.columns[0].width, made.columns[1].width = Inches(first), Inches(width - first)
    for i, line in enumerate(lines):
        for j, text in enumerate(line):
            cell = made.cell(i, j)
            cell.text = text
            cell.margin_top = cell.margin_bottom = Inches(0.03)
            for paragraph in cell.text_frame.paragraphs:
                paragraph.font.size = Pt(size)


def _map(slide: Any, chart: PackChart) -> None:
    from pptx.util import Inches

    wide = 8.3
    slide.shapes.add_picture(io.BytesIO(picture(chart)), Inches(MARGIN - 0.2), Inches(1.5), Inches(wide))
    place = chart.table.measured or 0
    content = chart.table.to_dict()
    known = [row for row in content["rows"] if isinstance(row[place][0], int | float)]
    shown = known if len(known) <= 2 * EACH else [*known[:EACH], *known[-EACH:]]
    band = [i for i, name in enumerate(chart.table.names) if i > place and name in ("90 % band from", "to")]
    columns = [0, place, *band]
    heads = [content["heads"][i] for i in columns]
    left = MARGIN + wide
    rows = [[row[i][1] for i in columns] for row in shown]
    _table(slide, heads, rows, 1.5, 11, left=left, width=WIDTH - MARGIN - left)


def _bars(slide: Any, chart: PackChart) -> None:
    """A bar chart of PowerPoint's own: its data lie in the file and can be edited there."""
    from pptx.chart.data import CategoryChartData
    from pptx.dml.color import RGBColor
    from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION, XL_TICK_LABEL_POSITION
    from pptx.util import Inches, Pt

    rows = chart.drawn()
    place = chart.table.measured or 0
    # Seven digits tell all that a solve tells.
    data = CategoryChartData(number_format="+#,##0.00;−#,##0.00;0")
    data.categories = [name for name, _ in rows]
    data.add_series(f"{chart.table.names[place]}, {chart.unit}", [float(f"{value:.7g}") for _, value in rows])
    frame = slide.shapes.add_chart(
        XL_CHART_TYPE.BAR_CLUSTERED, Inches(MARGIN), Inches(1.45), Inches(WIDTH - 2 * MARGIN), Inches(5.15), data
    )  # fmt: skip
    made = frame.chart
    made.has_legend, made.has_title = False, False
    made.category_axis.reverse_order = True
    made.category_axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    made.category_axis.tick_labels.font.size = Pt(13)
    made.value_axis.has_major_gridlines = False
    made.value_axis.has_title = True
    made.value_axis.axis_title.text_frame.text = chart.unit
    made.value_axis.axis_title.text_frame.paragraphs[0].font.size = Pt(11)
    made.value_axis.tick_labels.font.size = Pt(11)
    plot = made.plots[0]
    plot.gap_width = 45
    plot.has_data_labels = True
    plot.data_labels.font.size = Pt(12)
    plot.data_labels.number_format, plot.data_labels.number_format_is_linked = "+#,##0.00;−#,##0.00;0", False
    plot.data_labels.position = XL_LABEL_POSITION.OUTSIDE_END
    series = plot.series[0]
    series.invert_if_negative = False
    for i, (_, value) in enumerate(rows):
        fill = series.points[i].format.fill
        fill.solid()
        fill.fore_color.rgb = RGBColor.from_string((GAIN if value >= 0 else LOSS)[1:].upper())

"""Names of rows: on two lines where one is too narrow, cut only where both are full."""

import numpy as np
import pytest

from firmtrade_core.figures.bars import value_bars
from firmtrade_core.figures.row_names import STANDOFF, in_lines, margin_for, row_height, text_width
from firmtrade_core.world.embedded import load_embedded_world

LONG = "Wholesale and retail trade; repair of motor vehicles and motorcycles, household goods"


@pytest.mark.parametrize("width", [120, 160, 200, 256])
def test_lines_fit_their_margin_and_say_all_that_fits(width: int) -> None:
    world = load_embedded_world()
    for name in (*map(world.sector_name, world.sectors), LONG):
        lines = in_lines(name, width).split("<br>")
        assert len(lines) <= 2 and all(text_width(line) <= width - STANDOFF for line in lines)
        whole = " ".join(lines)
        assert whole == name or (whole.endswith("…") and len(lines) == 2)
    assert (
        in_lines(LONG, 200).endswith("…")
        and in_lines("Fuels, chemicals, plastics and minerals", 200).count("<br>") == 1
    )


def test_bold_names_stay_bold_and_wide_enough_margins_break_nothing() -> None:
    assert (
        in_lines("<b>Wood, paper and other manufacturing</b>", 180)
        == "<b>Wood, paper and other<br>manufacturing</b>"
    )
    names = ["Metals", "Mining and energy"]
    width = margin_for(names, 300)
    assert width < 130 and [in_lines(name, width) for name in names] == names
    assert margin_for([LONG], 150) <= 150 and margin_for([], 150) == STANDOFF


def test_rows_grow_only_where_a_name_takes_two_lines() -> None:
    assert row_height(["Metals"], 200, 24) == 24 < row_height(["Metals", LONG], 200, 24)
    drawn = value_bars(["Metals", LONG], np.array([1.0, 2.0]), "%", "", "", "", name_width=200)
    assert "<br>" in drawn.layout["yaxis"]["ticktext"][1]
    # The whole name is told where the bar is pointed at.
    assert drawn.data[0]["customdata"][1].startswith(LONG)

"""Tables taken away carry the band of every change that has one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from openpyxl import load_workbook

from firmtrade_core.analysis.band_difference import between
from firmtrade_core.analysis.comparison import Comparison
from firmtrade_core.analysis.uncertainty import bands
from firmtrade_core.report.banded_tables import with_bands
from firmtrade_core.report.export import RESULT_TABLES, comparison_tables, result_workbook
from firmtrade_core.scenarios import load_preset
from firmtrade_core.world.embedded import load_embedded_world


@pytest.fixture(scope="module")
def found():
    return bands(load_preset("us_ten_points"), load_embedded_world(), draws=25, laws=False)


def test_countries_and_sectors_have_bands_beside_their_changes(found) -> None:
    countries = with_bands(RESULT_TABLES["countries"][1](found.centre), found)
    frame, name = countries.frame, "Real income, change"
    low, high = (frame[f"{name}, {end}"] for end in ("90 % band from", "to"))
    assert np.array_equal(low, found.low("real_income")) and np.array_equal(high, found.high("real_income"))
    assert list(frame).index(f"{name}, 90 % band from") == list(frame).index(name) + 1
    assert countries.units[f"{name}, to"] == "%"
    # What a country's exporters do has no band; everything else has.
    changes = [c for c in frame if str(c).endswith(", change") and f"{c}, to" not in frame]
    assert all("xporters" in c for c in changes)
    sectors = with_bands(RESULT_TABLES["sectors"][1](found.centre), found).frame
    assert np.allclose(sectors["Jobs, change, to"], found.high("employment").ravel(), equal_nan=True)
    pairs = RESULT_TABLES["pairs"][1](found.centre)
    assert with_bands(pairs, found) is pairs and with_bands(countries, None) is countries


def test_a_comparison_has_the_bands_of_the_difference(found) -> None:
    apart = between(found, found)
    table = comparison_tables(Comparison(found.centre, found.centre), "a", "b")[0]
    frame = with_bands(table, apart).frame
    rows = frame[(frame["Variable"] == "Real income") & (frame["Code"] == "USA")]
    assert rows["Difference, 90 % band from"].item() == pytest.approx(0.0, abs=1e-12)


def test_the_workbook_holds_them(found) -> None:
    made = result_workbook(found.centre, load_preset("us_ten_points"), lambda t: with_bands(t, found))
    sheet = load_workbook(io.BytesIO(made)).worksheets[0]
    heads = [str(cell.value) for row in sheet.iter_rows(max_row=4) for cell in row]
    assert any("90 % band from" in head for head in heads)

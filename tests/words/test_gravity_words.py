"""An estimate as a paper prints it, and as code that gives it again."""

from __future__ import annotations

from pathlib import Path

from firmtrade_core.figures.trade_costs import actual_and_fitted, coefficients_over_years
from firmtrade_core.gravity.cross_sections import COLUMNS, estimate_years, read_years, write_years
from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.report.gravity_code import latex_table, python_code
from firmtrade_core.words.gravity import dropped, equation_words
from tests.gravity.panels import gravity_table

EQUATION = GravitySpecification(("log(dist)", "border"), clusters=("exporter", "importer"))


def test_table_words_and_code() -> None:
    panel = GravityPanel.from_table(gravity_table(6, noise=0.2), tariff="tariff")
    found = estimate(panel, EQUATION)
    text = latex_table(found, caption="50 % of A_B")
    assert "50 \\% of A\\_B" in text and f"{found.coefficients['border']:.3f}" in text
    assert f"({found.standard_errors['border']:.3f})" in text and "Observations & 144" in text
    assert dropped(found) == "144 of 144 observations used; none left out."
    assert "clustered by exporter and importer" in equation_words(EQUATION)
    space: dict[str, object] = {"panel": panel}
    exec(python_code("", None, EQUATION), space)
    again = space["found"]
    assert again.coefficients == found.coefficients


def test_years_are_estimated_stored_and_drawn(tmp_path: Path) -> None:
    codes = ["DEU", "FRA", "USA", "JPN", "CHN", "BRA"]
    table = gravity_table(6, (2000, 2001), noise=0.1)
    names = dict(zip([f"C{i:02d}" for i in range(6)], codes, strict=True))
    table = table.replace({"exporter": names, "importer": names})[["exporter", "importer", "year", "trade"]]
    found = estimate_years(table.assign(sector="all goods"))
    assert tuple(found.columns) == COLUMNS and found["year"].value_counts().nunique() == 1
    assert {"log(dist)", "border"} <= set(found["term"])
    write_years(found, tmp_path / "years.csv", {"source": "a: b"})
    read, head = read_years(tmp_path / "years.csv")
    assert head == {"source": "a: b"} and read["year"].tolist() == found["year"].tolist()
    own = read[read["term"] == "border"]
    drawn = coefficients_over_years({"All": own, "Other": own}, title="t", subtitle="s", source="")
    # One band and two lines.
    assert len(drawn.data) == 4 and drawn.layout["xaxis"]["range"] == [1999.6, 2001.4]


def test_actual_and_fitted_keeps_home_sales_apart() -> None:
    found = estimate(GravityPanel.from_table(gravity_table(6)), EQUATION)
    drawn = actual_and_fitted(found.cells, title="t", subtitle="s", source="")
    assert [trace.get("name") for trace in drawn.data] == ["between countries", "sales at home", None]
    assert len(drawn.data[0]["x"]) + len(drawn.data[1]["x"]) == len(found.cells)

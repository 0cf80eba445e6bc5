"""Below How sure: what running the alternatives means, then the curve and every alternative."""

from __future__ import annotations

import pytest

from firmtrade_core.analysis.robustness import arguments, run_robustness
from firmtrade_core.figures.robustness import specification_curve
from firmtrade_core.jobs import Job
from firmtrade_core.report.page_tables import robustness_table
from firmtrade_core.scenarios import load_preset
from firmtrade_core.world.embedded import load_embedded_world
from pages.parts.result import robust
from tests.app.test_lab import html, lab


@pytest.fixture(scope="module")
def found():
    given = arguments(load_preset("us_ten_points"), load_embedded_world(), None, "USA", "real_income", None)
    return run_robustness(**given)


def test_a_job_is_offered_and_its_result_is_shown(found, monkeypatch: pytest.MonkeyPatch) -> None:
    app = lab(monkeypatch)
    app.session_state["store"].view = "sure"
    words = html(app.run())
    assert "Would other choices say otherwise?" in words and "cannot move the answer" in words
    button = next(each for each in app.button if each.label == "Run the alternatives")
    started = []
    monkeypatch.setattr(Job, "start", lambda work, given, jobs: started.append((work, given)))
    app = button.click().run()
    assert not app.exception and started[0][0] is run_robustness
    assert started[0][1]["country"] == "USA" and started[0][1]["start"] is None
    monkeypatch.setattr(robust._Bench, "found", lambda self: found)
    words = html(app.run())
    assert not app.exception
    assert found.sentence in words.replace("&#x27;", "'") and "enter no equation" in words


def test_curve_and_table_tell_what_was_found(found) -> None:
    chart = specification_curve(found, "Real income", subtitle="%", source="")
    assert len(chart.data[0]["y"]) == len(found.answered) == len(chart.data[1]["y"])
    assert chart.data[0]["y"] == sorted(chart.data[0]["y"]) and "have the answer's sign" in chart.title
    rows = robustness_table(found).frame
    assert len(rows) == len(found.rows) + len(found.untouched)
    assert {"Kind of choice", "Choice", "Unit", "Value", "Sign as given"} <= set(rows.columns)

"""Before and after a policy: the window a panel allows, and known effects back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.figures.trade_costs import event_plot
from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.events import Window, study_policy, switched_policies, widest_window
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.gravity.specification import GravitySpecification, every
from firmtrade_core.labels import number
from firmtrade_core.report.gravity_code import event_code
from firmtrade_core.words.gravity import anticipation_words, event_finding
from tests.gravity.panels import phased_in

CROSS = GravitySpecification(("log(dist)", "log1p(tariff)"))


def panel_of(table: pd.DataFrame) -> GravityPanel:
    return GravityPanel.from_table(table, tariff="tariff")


def test_a_known_effect_is_told_in_steps_of_the_sample() -> None:
    panel = panel_of(phased_in())
    equation = CROSS.with_(years=every(2, 2000, 2009), estimator="ols")
    window = widest_window(panel, equation)
    assert window.step == 2 and window.leads >= 1 and window.lags >= 1
    study = study_policy(panel, "rta", Window(2, 1, 1), equation)
    assert "pair" in study.estimate.specification.effects
    # What never changes within a pair is the pair's effect, not a regressor.
    assert study.estimate.specification.regressors == ("log1p(tariff)", "lead(rta, 2)", "rta", "lag(rta, 2)")
    years, effect, low, high = study.in_all
    assert years == 2 and effect == pytest.approx(0.5, abs=0.03) and low < 0.5 < high
    percent = number(100 * (np.exp(effect) - 1))
    assert event_finding(study) == f"Trade agreement: 2 years on, trade is {percent}\u202f% higher"
    assert study.anticipation is not None and study.anticipation.p_value > 0.05
    assert "Nothing speaks for anticipation" in anticipation_words(study)


def test_trade_that_moves_first_is_said() -> None:
    study = study_policy(panel_of(phased_in(anticipated=0.3)), "rta", Window(2, 1, 1), CROSS)
    assert "trade moves before it comes" in event_finding(study)
    assert "less than 0.1 %" in anticipation_words(study) and "Trade moves ahead" in anticipation_words(study)


def test_no_effect_is_no_finding() -> None:
    study = study_policy(
        panel_of(phased_in(at_once=0.0, later=0.0, noise=0.3)), "rta", Window(1, 1, 1), CROSS
    )
    assert "no effect on trade is told apart from zero" in event_finding(study)


def test_only_zeros_and_ones_that_switch_within_pairs_are_policies() -> None:
    table = phased_in()
    table["colony"] = (np.arange(len(table)) // 10 % 3 == 0).astype(int)
    table["flag"] = table["rta"].astype(bool)
    table["constant"] = 1.0
    assert switched_policies(panel_of(table)) == ("rta", "flag")
    assert switched_policies(panel_of(table).only(years=[2004])) == ()


def test_short_panels_and_wide_windows_are_refused_in_words() -> None:
    panel = panel_of(phased_in())
    with pytest.raises(RegressorError, match="0 have 5 steps of 2 years before them and 3 after"):
        study_policy(panel, "rta", Window(2, 5, 3), CROSS)
    with pytest.raises(RegressorError, match="too few to look one step ahead"):
        widest_window(panel.only(years=[2003, 2004]), CROSS)
    with pytest.raises(RegressorError, match="has the one year 2003"):
        widest_window(panel, CROSS.with_(years=(2003,)))


def test_the_chart_says_what_the_study_found() -> None:
    study = study_policy(panel_of(phased_in()), "rta", Window(2, 1, 1), CROSS)
    drawn = event_plot(study.table, title=event_finding(study), subtitle="unit", source="source")
    before, after = (trace for trace in drawn.data if trace["mode"] == "markers")
    assert before["x"] == [-2] and after["x"] == [0, 2]
    row = study.table.iloc[-1]
    assert after["y"][-1] + after["error_y"]["array"][-1] == pytest.approx(row["high"])
    assert after["y"][-1] - after["error_y"]["arrayminus"][-1] == pytest.approx(row["low"])
    line = next(trace for trace in drawn.data if trace["mode"] == "lines" and trace["line"]["width"])
    assert line["y"] == study.table["cumulated"][1:].tolist()
    (label,) = drawn.layout["annotations"]
    assert label["text"].startswith("added up: +0.5") and label["y"] == row["cumulated"]
    assert drawn.layout["xaxis"]["ticktext"] == ["\u22122", "0", "+2"] and drawn.layout["yaxis"]["zeroline"]
    low, high = drawn.layout["yaxis"]["range"]
    assert low < 0 < row["cumulated_high"] < high


def test_the_code_gives_the_same_study() -> None:
    panel = panel_of(phased_in())
    study = study_policy(panel, "rta", Window(2, 1, 1), CROSS)
    names: dict[str, object] = {"panel": panel}
    exec(event_code("", None, CROSS, "rta", Window(2, 1, 1)), names)
    pd.testing.assert_frame_equal(names["study"].table, study.table)  # type: ignore[attr-defined]

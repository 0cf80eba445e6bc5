"""The job behind the Firms page: everything in one report, nothing lost by cancelling, the code gives the same numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmtrade_core.capability import LeakageError, Learner, Settings
from firmtrade_core.capability.errors import CapabilityError
from firmtrade_core.capability.learners import Trial
from firmtrade_core.capability.profiles import outlook, typical_profile
from firmtrade_core.capability.work import CapabilityReport, Request, banded, estimate_capability
from firmtrade_core.figures import capability as figures
from firmtrade_core.jobs import CancelledError, Checkpoints, content_hash
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.report.capability_tables import model_card, python_code, search_trace, tables
from firmtrade_core.words.capability import winners
from tests.channels.design import draw
from tests.channels.panels import PLACES, panel_of

QUICK = Settings(tune=False, rounds=1, learner=Learner(rounds=10), folds=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return panel_of(draw(300, len(PLACES), seed=5)).save(tmp_path_factory.mktemp("firms"))


@pytest.fixture(scope="module")
def request_(folder: Path) -> Request:
    return Request(folder, settings=QUICK, draws=2, folds=3, held_out=1, sample=200)


@pytest.fixture(scope="module")
def stopped(
    request_: Request, tmp_path_factory: pytest.TempPathFactory
) -> tuple[CapabilityReport, list[str]]:
    """A run cancelled at the rivals, and gone on with: the report, and what the second run still had to do."""
    checkpoints = Checkpoints(tmp_path_factory.mktemp("steps"))

    def cancel(share: float, words: str) -> None:
        if words.startswith("Rivals"):
            raise CancelledError

    with pytest.raises(CancelledError):
        estimate_capability(request_, progress=cancel, checkpoints=checkpoints)
    said: list[str] = []
    report = estimate_capability(
        request_, progress=lambda share, words: said.append(words), checkpoints=checkpoints
    )
    return report, said


def test_a_cancelled_run_goes_on_where_it_was(stopped: tuple[CapabilityReport, list[str]]) -> None:
    report, said = stopped
    assert not any("round" in words and words.startswith("Capability") for words in said)
    assert any(words.startswith("Rivals") for words in said)
    # One year of firms cannot be told how far shocks persist.
    assert len(report.results.draws) == 2 and set(report.refused) == {"hidden years"}


def test_the_report_is_whole(stopped: tuple[CapabilityReport, list[str]]) -> None:
    report, _ = stopped
    data = report.results.data
    assert report.explanations["m"].residual < 1e-8
    assert sum(b.value for n, b in report.premium.items() if n != "raw premium") == pytest.approx(
        report.premium["raw premium"].value
    )
    assert report.comparison is not None and len(winners(report.comparison)) == 7
    assert set(report.known) == {"markets"} and len(winners(report.known["markets"])) == 7
    # Sums over firms are the same whichever way they are cut.
    never = ~data.exports_anywhere
    assert report.by_market["absent"].max() == never.sum() == report.by_sector["absent"].sum()
    found = report.prospects
    assert np.nanmax(found.probability - found.anywhere[:, None]) < 1e-6
    assert (found.anywhere_low <= found.anywhere_high).all()
    assert report.interactions["m"].strength.to_numpy().diagonal().max() == 0


@pytest.mark.truth
def test_running_the_code_gives_the_same_numbers(
    stopped: tuple[CapabilityReport, list[str]], request_: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    report, _ = stopped
    names: dict[str, CapabilityReport] = {}
    exec(python_code(request_), names)
    again = names["report"]
    assert again.content_hash == report.content_hash
    np.testing.assert_allclose(
        again.results.parameters["estimate"], report.results.parameters["estimate"], rtol=1e-9
    )
    np.testing.assert_allclose(again.by_market["starters"], report.by_market["starters"], rtol=1e-9)
    assert "σ_u" in capsys.readouterr().out


def test_charts_card_and_tables_are_made(
    stopped: tuple[CapabilityReport, list[str]], request_: Request
) -> None:
    report, _ = stopped
    explanation = report.explanations["m"]
    attributes = report.results.data.attributes[explanation.rows]
    read = figures.reading("cost", 5.0)
    first = str(explanation.importance.index[0])
    partner = str(report.interactions["m"].strength.loc[first].idxmax())
    profile = typical_profile(report.results, "absent")
    told = outlook(report.results, profile)
    charts = [
        figures.summary_chart(explanation, attributes, read, "s", points=False),
        figures.dependence_chart(explanation, attributes, first, partner, read, "s", points=False),
        figures.groups_chart(explanation, read, "s"),
        figures.groups_chart(explanation, read, "s", "together"),
        figures.stability_chart(explanation.by_fold, report.seeds["m"], read, "s"),
        figures.waterfall_chart(told.explanation.values.iloc[0], told.explanation.base, {}, read, "", "s"),
        figures.gains_chart(report.comparison, "s"),
        figures.calibration_chart(report.comparison, "s"),
        figures.tail_chart(report.results, report.tail, "s"),
        figures.premium_chart(report.premium, "s"),
        figures.premia_chart(report.premia, "s"),
        figures.shares_chart(report.shares, "s"),
        figures.starters_chart(report.by_market, "destination", {}, "s"),
    ]
    for chart in charts:
        assert chart.title and json.dumps(chart.to_dict(), allow_nan=False)
    # The waterfall ends at the prediction, read as a trade cost.
    ends = charts[5].data[1]["x"][-1]
    assert ends == pytest.approx(read.factor * told.m, abs=1e-3)
    # Without single firms a summary shows ranges: no trace has a point by firm.
    assert max(len(trace["x"]) for trace in charts[0].data) == 2
    card = model_card(report, request_)
    assert (
        "Prediction, not effect" in card
        and "## Limits" in card
        and "Known firms in markets hidden from all" in card
        and f"`{first}`" in card
    )
    assert {"parameters", "comparison", "starters_by_market"} <= {table.key for table in tables(report)}


def test_the_last_year_of_known_firms_is_forecast() -> None:
    design = SyntheticDesign(firms=600, years=3, last_year=2020)
    few = Request(design, settings=QUICK, draws=0, held_out=0, hidden=("years",), sample=100, most_markets=5)
    report = estimate_capability(few)
    found = report.known["years"]
    assert "2020 forecast from 2018 to 2019." in found.notes
    # What is known of firms helps: each model beats the share that trades.
    assert (found.table["value"].loc["AUC"] > 0.8).all()
    assert len(found.gains) == 7 * 5


def test_an_attribute_that_is_the_outcome_is_refused_by_name_and_can_be_left_out(tmp_path: Path) -> None:
    panel = panel_of(draw(300, len(PLACES), seed=5))
    firms = panel.firms.assign(disguise=panel.firms["exports"].fillna(0.0))
    leaky = FirmPanel.from_frames(firms, panel.query("SELECT * FROM trade"), metadata=panel.metadata)
    folder = leaky.save(tmp_path / "leaky")
    request = Request(folder, settings=QUICK, draws=0, held_out=0, hidden=(), sample=100)
    with pytest.raises(LeakageError, match="disguise"):
        estimate_capability(request)
    report = estimate_capability(replace(request, leave_out=("disguise",)))
    assert "log_disguise" not in report.results.data.attribute_names and report.comparison is None
    assert not np.isfinite(report.bands["explained"].low)


def test_wrong_requests_are_refused(folder: Path) -> None:
    with pytest.raises(CapabilityError, match="held out"):
        Request(folder, held_out=9)
    with pytest.raises(CapabilityError, match="firms"):
        estimate_capability(Request(folder / "nowhere"))


def test_imports_are_the_mirror(tmp_path: Path) -> None:
    panel = panel_of(draw(300, len(PLACES), seed=5))
    trade = panel.query("SELECT * FROM trade")
    mirrored = FirmPanel.from_frames(panel.firms, trade.assign(flow="import"), metadata=panel.metadata)
    folder = mirrored.save(tmp_path / "imports")
    report = estimate_capability(Request(folder, "import", QUICK, draws=0, held_out=0, hidden=(), sample=100))
    assert report.flow == "import" and set(report.results.data.markets) == set(PLACES)


def test_signs_years_and_a_sector_of_its_own_are_taken_up() -> None:
    """Asked for together: m keeps the signs of theory, over two years, in one sector, with the year before among its attributes."""
    quick = replace(QUICK, learner=Learner(base="none", rounds=10))
    asked = Request(
        SyntheticDesign(firms=1500), "export", quick, earlier=True, signs=True, years=2, sector="food_beverages_tobacco",
        draws=3, kind="firms", held_out=0, hidden=(), sample=100, most_markets=3,
    )  # fmt: skip
    report = estimate_capability(asked)
    data, results = report.results.data, report.results
    assert set(data.years) == {2021, 2022} and data.firm_count < 300
    assert not any(name.startswith("sector") for name in data.attribute_names)
    assert any("earlier" in name for name in data.attribute_names)
    signs = results.state.learner.signs
    assert signs and set(signs) <= set(data.attribute_names)
    for name, sign in signs.items():
        column = data.attribute_names.index(name)
        raised = data.attributes.copy()
        raised[:, column] = np.nanmax(raised[:, column])
        known = np.isfinite(data.attributes[:, column])
        assert (sign * (results.predict_m(raised) - results.predict_m(data.attributes))[known] >= -1e-9).all()
    assert {draw.kind for draw in results.draws} == {"firms"}
    card = model_card(report, asked)
    assert "firms with replacement" in card
    with pytest.raises(CapabilityError, match="Only boosting"):
        replace(asked, settings=Settings(learner=Learner(kind="splines")))


def test_bands_stay_positive() -> None:
    assert banded(4.0, [0.0, 0.0, 9.0], domain="positive").low == 0
    assert banded(2.0, [2.1, 1.9, 2.0]).value == pytest.approx(2.0)


def test_attributes_that_move_together_have_a_joint_value_in_chart_table_and_card(
    stopped: tuple[CapabilityReport, list[str]], request_: Request
) -> None:
    report, _ = stopped
    explanation = report.explanations["m"]
    first, second, *rest = explanation.values.columns
    pair = replace(explanation, clusters=((first, second), *((name,) for name in rest)))
    # The two cancel out in every firm: together they tell nothing, apart each seems to tell a lot.
    values = explanation.values.assign(
        **{second: -explanation.values[first], first: explanation.values[first]}
    )
    cancelled = replace(pair, values=values)
    np.testing.assert_allclose(cancelled.together()[f"{first} + {second}"], 0)
    read = figures.reading("revenue", 5.0)
    chart = figures.groups_chart(pair, read, "s", "together")
    assert "move together and jointly carry" in chart.title and "arbitrary" in chart.subtitle
    joint = (explanation.values[first] + explanation.values[second]).abs().mean()
    assert joint == pytest.approx(pair.together()[f"{first} + {second}"].abs().mean())
    shown = replace(report, explanations={"m": pair})
    table = next(table.frame for table in tables(shown) if table.key == "importance").set_index("attribute")
    assert (
        table.loc[first, "moves together with"] == second and table.loc[rest[0], "moves together with"] == ""
    )
    assert f"Move together (rank correlation above 0.7): {figures.attribute_words(first)}" in model_card(
        shown, request_
    )
    assert sorted(name for some in explanation.clusters for name in some) == sorted(
        explanation.values.columns
    )


def test_signs_are_told_in_the_trace_the_card_and_the_code(
    stopped: tuple[CapabilityReport, list[str]], request_: Request
) -> None:
    report, _ = stopped
    assert "signs" not in search_trace(report)
    learner = Learner(rounds=10, signs={"log_tfp": 1, "distance_to_port": -1})
    results = replace(
        report.results,
        trials={"m": (Trial(learner, 1.0),)},
        state=replace(report.results.state, learner=learner),
    )
    shown = replace(report, results=results)
    said = "+ tfp; \u2212 distance to port"
    assert search_trace(shown)["signs"].tolist() == [said]
    assert f"signs that theory gives: {said}" in model_card(shown, request_)
    signed = replace(request_, settings=replace(QUICK, learner=learner))
    assert "signs={'log_tfp': 1, 'distance_to_port': -1}" in python_code(signed)
    assert content_hash(signed) != content_hash(request_)

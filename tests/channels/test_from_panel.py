"""From a firm panel to a report, by the library, as a job's function, and by the command line."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from firmtrade_core.channels import ChannelError, ChannelTable, Settings
from firmtrade_core.channels.errors import DisguiseError, SampleError
from firmtrade_core.channels.from_panel import Question, draw_sample, market_sales, report
from firmtrade_core.channels.learners import Choice
from firmtrade_core.channels.prediction import predictions
from firmtrade_core.channels.work import CAPABILITY, Request, default_questions, estimate_channels
from firmtrade_core.cli.main import app
from firmtrade_core.figures.effects import (
    balance_chart,
    beside_prediction_chart,
    groups_chart,
    overlap_chart,
    readings_chart,
    sensitivity_chart,
    shapley_chart,
)
from firmtrade_core.jobs import Checkpoints
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.report.channel_card import model_card, python_code
from firmtrade_core.words.channels import headline, parting
from tests.channels.design import ON_CAPABILITY
from tests.channels.panels import PLACES, panel_of

QUICK = Settings(repetitions=1, learners=("linear",))
QUESTIONS = (
    Question("quality_certificate", ("instrument_lottery",)),
    Question("skill_share", reliability=0.9),
)


@pytest.fixture(scope="module")
def panel():
    return panel_of()


@pytest.fixture(scope="module")
def folder(panel, tmp_path_factory):
    return panel.save(tmp_path_factory.mktemp("panel"))


@pytest.fixture(scope="module")
def request_(folder):
    return Request(folder, QUESTIONS, QUICK)


@pytest.fixture(scope="module")
def found(request_, tmp_path_factory):
    steps = []
    checkpoints = Checkpoints(tmp_path_factory.mktemp("steps"))
    made = estimate_channels(
        request_, progress=lambda share, words: steps.append((share, words)), checkpoints=checkpoints
    )
    assert [share for share, _ in steps] == sorted(share for share, _ in steps)
    assert estimate_channels(request_, checkpoints=checkpoints).content_hash == made.content_hash
    return made


def test_market_sales_are_the_panel_s(panel):
    firms = panel.firms.loc[panel.firms["year"] == 2022, "firm"]
    sales = market_sales(panel, 2022, firms)
    assert sorted(sales.columns) == sorted(PLACES)
    total = panel.firms.set_index(["firm", "year"])["exports"].loc[(slice(None), 2022)]
    np.testing.assert_allclose(sales.sum(axis=1), total.loc[sales.index])


def test_the_report_finds_the_effect(found):
    certificate = found.table["quality_certificate"]
    assert certificate.grade == "instrument"
    assert abs(certificate.capability - ON_CAPABILITY) < 3 * certificate.capability_error < 0.9
    study = found.study("quality_certificate")
    naive = study.reading("Naive premium")
    assert naive is not None and naive.effect > certificate.capability + 0.3
    assert {p.outcome for p in study.placebos} == {"age", "markets served before take-up"}
    assert {g.grouping for g in study.groups} >= {"sector", "size when first seen"}
    assert found.table.refused == {}
    skill = found.study("skill_share")
    assert skill.simex is not None and abs(skill.simex.corrected) > abs(skill.simex.effects[0])


def test_confounding_shows_in_markets_served_before_take_up(found):
    study = found.study("quality_certificate")
    assert next(p for p in study.placebos if p.outcome.startswith("markets")).p_value < 0.001


def test_an_attribute_that_cannot_be_studied_is_refused_and_the_rest_goes_on(panel):
    frame = panel.firms.assign(idle=1.0)
    odd = FirmPanel.from_frames(frame, panel.trade, metadata=panel.metadata)
    questions = (Question("idle"), Question("skill_share"))
    sample = draw_sample(odd, questions, capability=CAPABILITY)
    made = report(odd, questions, QUICK, sample=sample)
    assert "without variation" in made.table.refused["idle"]
    assert [effect.attribute for effect in made.table] == ["skill_share"]


def test_exports_in_disguise_are_refused(panel):
    frame = panel.firms.assign(sales_abroad=np.log1p(panel.firms["exports"]))
    leaking = FirmPanel.from_frames(frame, panel.trade, metadata=panel.metadata)
    with pytest.raises(DisguiseError, match="disguise"):
        draw_sample(leaking, (Question("sales_abroad"),), capability=CAPABILITY)


def test_columns_made_of_exports_take_no_part(panel, found):
    """A flag of exporting and the share exported, in the panel as controls, change nothing; asked about they are refused."""
    exports = panel.firms["exports"]
    frame = panel.firms.assign(exporter=(exports > 0).astype(int), export_share=exports / (exports + 5.0))
    told = FirmPanel.from_frames(frame, panel.trade, metadata=panel.metadata)
    questions = (*QUESTIONS, Question("exporter"))
    made = report(told, questions, QUICK, sample=draw_sample(told, questions, capability=CAPABILITY))
    assert made.table["quality_certificate"] == found.table["quality_certificate"]
    assert "made of exports" in made.table.refused["exporter"]


def test_the_reader_leaves_attributes_out(panel, folder):
    """What gives exports away stops the work until it is left out; then it is no control and no predictor."""
    frame = panel.firms.assign(sold=np.log1p(panel.firms["exports"]).round(1))
    leaking = FirmPanel.from_frames(frame, panel.trade, metadata=panel.metadata)
    with pytest.raises(DisguiseError, match=r"sold .*Leave it out"):
        draw_sample(leaking, QUESTIONS[:1], capability=CAPABILITY)
    sample = draw_sample(leaking, QUESTIONS[:1], leave_out=("sold",), capability=CAPABILITY)
    made = report(leaking, QUESTIONS[:1], QUICK, sample=sample)
    assert "sold" not in made.studies[0].controls and "sold" not in sample.results.data.attribute_names
    assert made.table["quality_certificate"].grade == "instrument"
    with pytest.raises(ChannelError, match="skill_share cannot be both"):
        Request(folder, QUESTIONS, leave_out=("skill_share",))


@pytest.fixture(scope="module")
def twice(panel):
    """Skills measured twice, the second time for three firms in four."""
    generator = np.random.default_rng(12)
    skill, rows = panel.firms["skill_share"], len(panel.firms)
    first, second = (skill + 0.8 * generator.standard_normal(rows) for _ in range(2))
    frame = panel.firms.assign(skill_share=first, skill_told=second.where(generator.random(rows) < 0.75))
    return FirmPanel.from_frames(frame, panel.trade, metadata=panel.metadata)


def test_a_second_measurement_is_no_control_and_undoes_errors(twice):
    question = Question("skill_share", proxy="skill_told")
    made = report(twice, (question,), QUICK, sample=draw_sample(twice, (question,), capability=CAPABILITY))
    found = made.study("skill_share")
    assert "skill_told" not in found.controls and found.firms == 800
    again, plainly = found.remeasured, found.reading("Double machine learning")
    assert 500 < again.firms < 700 and again.first_stage.moves
    assert again.effect > 1.3 * plainly.effect and abs(again.effect - 0.3) < 3 * again.standard_error
    with_itself = Question("skill_share", proxy="skill_share")
    refused = report(
        twice, (with_itself,), QUICK, sample=draw_sample(twice, (with_itself,), capability=CAPABILITY)
    )
    assert "name another column" in refused.table.refused["skill_share"]


def test_the_command_line_takes_reliability_and_a_second_measurement(twice, tmp_path):
    arguments = [
        "channels", "--panel", str(twice.save(tmp_path)), "--attribute", "skill_share;reliability=0.8;proxy=skill_told",
        "--learner", "linear", "--repetitions", "1", "--json",
    ]  # fmt: skip
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    study = json.loads(done.stdout)["studies"][0]
    assert study["remeasured"]["proxy"] == "skill_told" and study["simex"]["reliability"] == 0.8
    for wrong, words in (
        ("skill_share;reliable=1", "reliable is no option"),
        ("skill_share;reliability=x", "no share"),
    ):
        done = CliRunner().invoke(app, [*arguments[:4], wrong, *arguments[5:]])
        assert done.exit_code == 2 and words in json.loads(done.stdout)["error"]


def test_near_disguise_stops_before_any_work(panel):
    flag = (panel.firms["exports"] > 0) ^ (np.arange(len(panel.firms)) % 301 == 0)
    frame = panel.firms.assign(flag=flag.astype(float))
    leaking = FirmPanel.from_frames(frame, panel.trade, metadata=panel.metadata)
    with pytest.raises(DisguiseError, match="flag tells almost exactly who exports"):
        draw_sample(leaking, QUESTIONS[:1], capability=CAPABILITY)


def test_where_every_firm_exports_effects_are_told_and_what_is_missing_is_said(panel):
    """Firms that never exported are dropped from a panel: no column is accused, the first control least of all."""
    sells = panel.firms.loc[(panel.firms["year"] == 2022) & (panel.firms["exports"] > 0), "firm"]
    frame = panel.firms[panel.firms["firm"].isin(sells)]
    frame = frame.assign(initial_employment=frame["initial_employment"] + 10)
    exporters = FirmPanel.from_frames(frame, panel.trade, metadata=panel.metadata)
    sample = draw_sample(exporters, QUESTIONS[:1], capability=CAPABILITY)
    made = report(exporters, QUESTIONS[:1], QUICK, sample=sample)
    assert made.table.refused == {}
    assert any("without never-exporters" in caution for caution in made.table["quality_certificate"].cautions)


def test_too_few_sellers_are_told(panel):
    few = FirmPanel.from_frames(panel.firms, panel.trade.head(10), metadata=panel.metadata)
    with pytest.raises(SampleError, match="No destination has 20 sellers"):
        draw_sample(few, QUESTIONS)


def test_prediction_is_not_effect(found):
    study = found.study("quality_certificate")
    prediction = found.prediction("quality_certificate")
    assert prediction.capability > study.effect.capability_interval[1]
    agreeing = replace(prediction, fixed_cost_saving=study.effect.fixed_cost_saving)
    assert "was there before" in parting(study, agreeing)
    assert "opposite directions" in parting(study, replace(agreeing, capability=-3.0))
    same = replace(agreeing, capability=study.effect.capability)
    assert parting(study, same) == ""
    assert "fixed costs" in parting(study, replace(same, fixed_cost_saving=-3.0))
    unsure = replace(study, effect=replace(study.effect, capability_interval=(-0.9, 0.9)))
    assert "too uncertain" in parting(unsure, replace(same, capability=-0.1))


def test_predictions_are_shapley_values_of_the_model(panel, found):
    """Of an additive learner a yes-or-no attribute's Shapley values differ by its part; of trees by nearly as much."""
    sample = draw_sample(panel, QUESTIONS, capability=CAPABILITY)
    results, name = sample.results, "quality_certificate"
    place = results.data.attribute_names.index(name)
    on, off = results.data.attributes.copy(), results.data.attributes.copy()
    on[:, place], off[:, place] = 1.0, 0.0
    told = predictions(results, [name, "nobody"])
    assert told[0].capability == pytest.approx(
        (results.predict_m(on) - results.predict_m(off)).mean(), abs=1e-9
    )
    assert told[0].fixed_cost_saving == pytest.approx(
        (results.predict_g(on) - results.predict_g(off)).mean(), abs=0.01
    )
    assert told[0].additivity < 1e-6 and [point[0] for point in told[0].shape] == [0.0, 1.0]
    assert np.isnan(told[1].capability) and told[1].shape == ()
    assert found.prediction(name) == told[0]
    assert min(count for *_, count in found.prediction("skill_share").shape) >= 5


def test_sampling_weights_are_said(panel, found):
    assert found.weights == ""
    weights = 1.0 + (panel.firms["firm"].str[-1].astype(int) % 2)
    weighted = FirmPanel.from_frames(panel.firms.assign(weight=weights), panel.trade, metadata=panel.metadata)
    questions = QUESTIONS[:1]
    sample = draw_sample(weighted, questions, capability=CAPABILITY)
    made = report(weighted, questions, QUICK, sample=sample)
    assert "sampling weights" in made.weights and made.studies[0].effect is not None
    assert made.studies[0].effect.capability != found.studies[0].effect.capability


def test_charts_and_words(found, request_):
    study = found.study("quality_certificate")
    drawn = [
        readings_chart(study, "s"),
        beside_prediction_chart(found, "s"),
        beside_prediction_chart(found, "s", "fixed costs"),
        *(shapley_chart(each, found.prediction(each.attribute), "s") for each in found.studies),
        overlap_chart(study.overlap, study, "s"),
        balance_chart(study.balance, study, "s"),
        sensitivity_chart(study.sensitivity, study, "s"),
        *(groups_chart(g, study, "s") for g in study.groups),
    ]
    for each in drawn:
        assert each.title and json.dumps(each.to_dict(), allow_nan=False)
    sure = replace(study.effect, capability=0.3, capability_interval=(0.1, 0.5))
    assert "overstates the effect" in readings_chart(replace(study, effect=sure), "s").title
    unsure = replace(sure, capability_interval=(-0.1, 0.5))
    assert "cannot tell" in readings_chart(replace(study, effect=unsure), "s").title


def test_the_model_card_tells_all(found, request_):
    card = model_card(found, replace(request_, leave_out=("region_code",)))
    assert "synthetic" in card and found.table.content_hash in card
    certificate = card[card.index("## Quality certificate") : card.index("## Skill share")]
    skill = card[card.index("## Skill share") : card.index("## Limits")]
    assert (
        "**Controls**" in certificate and "initial employment" in certificate and "skill share" in certificate
    )
    assert "region code" in card and "**Instruments**: lottery" in certificate
    for test in (
        "Placebo: age",
        "Placebo, instrumented: age",
        "dealt out at random",
        "without a like",
        "First stage",
        "Hidden confounder",
    ):
        assert test in certificate  # fmt: skip
    assert "simulation-extrapolation at a reliability of 0.9" in skill
    broken = replace(found.studies[0], refused={"sensitivity": "no scale"})
    assert "- sensitivity: not told. no scale" in model_card(replace(found, studies=(broken,)), request_)
    choice = Choice("outcome", "splines", (("linear", 0.91), ("splines", 0.82)))
    compared = replace(found, studies=(replace(found.studies[0], choices=(choice,)),))
    assert "| outcome | splines | linear 0.910, splines 0.820 |" in model_card(compared, request_)


def test_the_code_gives_the_same_numbers(found, request_):
    """Reliability, learners and repetitions included: what differs from a default is said."""
    names: dict[str, object] = {}
    exec(python_code(request_), names)
    assert names["report"].content_hash == found.content_hash


def test_the_code_says_all_that_differs_from_a_default(folder):
    design = SyntheticDesign(firms=900, years=2, measurement_error=0.1, variant="misspecified")
    questions = (Question("skill_share", ("a", "b"), 0.8, "other"), Question("age"))
    for asked in (
        Request(design, questions, Settings(level=0.95, seed=3), 2021, 4.0, ("capital",)),
        Request(folder, questions[1:]),
    ):
        names: dict[str, object] = {}
        script = python_code(asked)
        exec(
            script.replace("estimate_channels(Request", "(Request").replace(
                "print(report.table.to_frame())", ""
            ),
            names,
        )
        assert names["report"] == asked
    assert "Settings" not in script and "SyntheticDesign" not in script


def test_beyond_association_is_said_of_instruments_alone(found):
    """Selection on observables is a condition, and the headline states it; an association is no effect."""

    def said(*grades):
        sure = {"capability": 0.3, "capability_interval": (0.1, 0.5)}
        effects = [replace(e, grade=g, **sure) for e, g in zip(found.table, grades, strict=True)]
        return headline(replace(found, table=replace(found.table, effects=tuple(effects))))

    both = said("instrument", "observables")
    assert ": beyond association, quality certificate moves what firms can sell; " in both
    assert "skill share moves it too, provided nothing unobserved moves both" in both
    seen = said("association", "observables")
    assert "eyond" not in seen and ": skill share moves" in seen and "provided nothing" in seen
    assert "no attribute is shown" in said("association", "association")


@pytest.mark.parametrize("agreement", [None, 0.4, 0.03, 0.001])
@pytest.mark.parametrize("grade", ["instrument", "observables", "association"])
def test_the_headline_says_no_more_than_the_tests_below_it(found, grade, agreement):
    """Instruments that contradict each other, or agree only in part, are never beyond association, and it is said."""
    name = found.table.effects[0].attribute
    sure = {"capability": 0.3, "capability_interval": (0.1, 0.5)}
    table = replace(found.table, effects=(replace(found.table.effects[0], grade=grade, **sure),))
    study = next(s for s in found.studies if s.attribute == name)
    instruments = None if study.instruments is None else replace(study.instruments, agreement=agreement)
    if instruments is None:
        pytest.skip("the design gives this attribute no instrument")
    text = headline(replace(found, table=table, studies=(replace(study, instruments=instruments),)))
    sound = agreement is None or agreement >= 0.05
    assert ("eyond association" in text) == (grade == "instrument" and sound)
    assert ("agree only in part" in text) == (grade == "instrument" and not sound)
    assert ("contradict each other" in text) == (agreement == 0.001)
    assert ("provided nothing unobserved" in text) == (grade == "observables")


def test_what_capability_cannot_tell_is_a_caution_of_every_effect(panel):
    """Without destinations one market is left: the scales that cannot be told apart are named beside every effect."""
    abroad = FirmPanel.from_frames(panel.firms, metadata=panel.metadata)
    sample = draw_sample(abroad, QUESTIONS, capability=CAPABILITY)
    made = report(abroad, QUESTIONS, QUICK, sample=sample)
    statement = sample.results.identified.statements[0]
    assert statement.startswith("Firms are seen in one market") and statement in made.capability
    assert len(made.table) and all(statement in effect.cautions for effect in made.table)


def test_default_questions_follow_the_panel(panel):
    names = [question.attribute for question in default_questions(panel)]
    assert names == ["quality_certificate", "skill_share"]
    productive = panel.firms.assign(
        productivity=panel.firms["skill_share"] + panel.firms["initial_employment"]
    )
    carried = FirmPanel.from_frames(productive, panel.trade, metadata=panel.metadata)
    assert default_questions(carried)[-1] == Question("productivity")


def test_productivity_is_studied_with_a_caution(panel):
    generator = np.random.default_rng(3)
    frame = panel.firms.assign(
        productivity=panel.firms["skill_share"] + generator.standard_normal(len(panel.firms))
    )
    carried = FirmPanel.from_frames(frame, panel.trade, metadata=panel.metadata)
    questions = (Question("productivity"),)
    made = report(carried, questions, QUICK, sample=draw_sample(carried, questions, capability=CAPABILITY))
    assert "holds exports themselves" in made.table["productivity"].cautions[-1]


def test_the_command_line(folder, tmp_path):
    arguments = [
        "channels", "--panel", str(folder), "--attribute", "quality_certificate=instrument_lottery",
        "--learner", "linear", "--repetitions", "1", "--write-table", str(tmp_path / "effects.json"), "--json",
        "--leave-out", "skill_share",
    ]  # fmt: skip
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert "skill_share" not in told["studies"][0]["controls"]
    assert told["studies"][0]["effect"]["grade"] == "instrument"
    assert ChannelTable.load(tmp_path / "effects.json")["quality_certificate"].grade == "instrument"


def test_the_command_line_says_what_is_wrong(folder):
    done = CliRunner().invoke(app, ["channels", "--panel", str(folder), "--attribute", "luck", "--json"])
    assert done.exit_code == 2
    assert "luck" in json.loads(done.stdout)["error"]

"""Bad input gets a clear statement and never a number."""

from __future__ import annotations

import numpy as np
import pytest

from firmtrade_core.capability.disguise import how_telling
from firmtrade_core.channels import ChannelData, CrossFit, Outcomes, Settings, study
from firmtrade_core.channels.errors import (
    DisguiseError,
    InstrumentError,
    MeasurementError,
    OverlapError,
    PosteriorError,
    SampleError,
    TreatmentError,
)
from firmtrade_core.channels.estimators import interactive, partially_linear
from firmtrade_core.channels.identification import INSTRUMENTED
from firmtrade_core.channels.measurement import simex
from tests.channels.design import OBSERVED, draw

QUICK = Settings(repetitions=1, learners=("linear",))


@pytest.fixture(scope="module")
def drawn():
    return draw(600, seed=2)


def make(drawn, treatment="certificate", controls=OBSERVED, instruments=(), **columns):
    outcomes = Outcomes(drawn.capability, drawn.entry, drawn.entry_density)
    return ChannelData.from_frame(drawn.firms.assign(**columns), outcomes, treatment, controls, instruments)


def test_thirty_firms_are_too_few():
    with pytest.raises(SampleError, match="30 firms are too few"):
        draw(30).data()


def test_constant_and_missing_attributes(drawn):
    with pytest.raises(TreatmentError, match="without variation"):
        make(drawn, "idle", idle=1.0)
    with pytest.raises(TreatmentError, match="missing in every row"):
        make(drawn, "blank", blank=np.nan)
    with pytest.raises(TreatmentError, match="no column absent"):
        make(drawn, "absent")
    with pytest.raises(TreatmentError, match="no number"):
        make(drawn, "sector")


def test_too_few_with_the_attribute(drawn):
    rare = np.zeros(600)
    rare[:5] = 1
    with pytest.raises(SampleError, match="5 firms with rare and 595 without"):
        make(drawn, "rare", rare=rare)


def test_useless_controls_are_set_aside_and_named(drawn):
    data = make(drawn, controls=(*OBSERVED, "blank", "idle"), blank=np.nan, idle=3.0)
    assert data.notes == (
        "control blank set aside: all values are missing",
        "control idle set aside: it never varies",
    )
    assert "blank" not in data.control_names


def test_gaps_in_controls_are_flagged(drawn):
    gappy = drawn.firms["size"].where(np.arange(600) % 3 > 0)
    data = make(drawn, controls=("gappy", "skill"), gappy=gappy)
    assert data.controls["gappy: not stated"].sum() == 200
    assert np.isfinite(data.controls.to_numpy()).all()


def test_the_outcome_in_disguise(drawn):
    with pytest.raises(DisguiseError, match="twin follows capability"):
        make(drawn, "twin", twin=np.exp(drawn.capability))
    with pytest.raises(DisguiseError, match="tells exactly who exports"):
        make(drawn, "exporter", exporter=(drawn.entry > 0).astype(float))
    with pytest.raises(DisguiseError, match="markets follows the number of markets"):
        make(drawn, controls=(*OBSERVED, "markets"), markets=drawn.entry * 8)


def everyone_exports(drawn):
    entry = np.maximum(drawn.entry, 1 / 8)
    return Outcomes(
        drawn.capability, entry, drawn.entry_density, exports=10 + 0.5 * drawn.capability + noise(600)
    )


def noise(rows, seed=5):
    return np.random.default_rng(seed).standard_normal(rows)


def test_no_never_exporters_accuse_no_column(drawn):
    """A column that is never zero is no sign of exporting where everyone exports; what cannot be told is said."""
    firms = drawn.firms.assign(size=drawn.firms["size"] + 10)
    data = ChannelData.from_frame(firms, everyone_exports(drawn), "certificate", OBSERVED)
    found = study(data, QUICK)
    assert found.effect is not None
    assert "without never-exporters" in found.effect.cautions[-1]
    assert "start to export" in found.effect.cautions[-1]


def test_a_column_that_never_varies_is_no_disguise(drawn):
    data = make(drawn, "lottery", controls=("size",))
    assert not any("never-exporters" in caution for caution in data.cautions)
    assert how_telling(np.full(600, 3.0), drawn.entry > 0).area == 0.5


def test_near_disguise_is_refused_too(drawn):
    """A flag of exporting that is wrong for 3 of 600 firms, among the controls or as the attribute."""
    exports = drawn.entry > 0
    wrong = exports.copy()
    wrong[[*np.flatnonzero(exports)[:2], *np.flatnonzero(~exports)[:1]]] ^= True
    for role in ({"treatment": "flag"}, {"controls": (*OBSERVED, "flag")}):
        with pytest.raises(DisguiseError, match=r"flag tells almost exactly who exports .*in disguise"):
            make(drawn, flag=wrong.astype(float), **role)


def test_a_measure_of_sales_is_refused_and_a_near_one_is_told(drawn):
    """Long tails: ranks follow less than the amounts do, and the amounts alone give the column away."""
    tails = np.random.default_rng(6).standard_t(2, 600)
    outcomes = Outcomes(
        drawn.capability, drawn.entry, drawn.entry_density, exports=np.where(drawn.entry > 0, tails, np.nan)
    )

    def data(error):
        firms = drawn.firms.assign(column=tails + error * noise(600))
        return ChannelData.from_frame(firms, outcomes, "certificate", (*OBSERVED, "column"))

    with pytest.raises(DisguiseError, match=r"column alone tells 9.\s?% of how log exports differ"):
        data(0.4)
    told = study(data(1.3), QUICK).effect.cautions[-1]
    assert told.startswith("column alone tells 8") and "make sure" in told
    assert data(4.0).cautions == ()


def test_a_flag_that_is_often_wrong_is_a_caution(drawn):
    exports = drawn.entry > 0
    flag = exports ^ (np.arange(600) % 33 == 0)
    data = make(drawn, controls=(*OBSERVED, "flag"), flag=flag.astype(float))
    assert data.cautions[0].startswith("flag tells almost exactly who exports (area under the curve 0.9")


def test_a_group_in_which_none_exports_separates_and_is_no_disguise(drawn):
    idle = (drawn.entry == 0) & (np.arange(600) % 3 == 0)
    assert idle.sum() >= 20
    data = make(drawn, controls=(*OBSERVED, "state_owned"), state_owned=idle.astype(float))
    assert data.cautions == (
        "No firm with state owned exports (separation): what makes such firms enter cannot be told from them.",
    )
    sectors = np.where(drawn.entry > 0, "mines", "shops")
    data = make(drawn, sector=sectors)
    assert "sector: shops" in data.cautions[0] and "separation" in data.cautions[0]


def test_the_attribute_among_its_controls(drawn):
    with pytest.raises(TreatmentError, match="itself under another name"):
        make(drawn, controls=(*OBSERVED, "copy"), copy=2 * drawn.firms["certificate"] + 1)
    with pytest.raises(TreatmentError, match="leave it out"):
        make(drawn, controls=(*OBSERVED, "certificate"))


def test_controls_that_fix_the_attribute(drawn):
    data = make(drawn, "sum", sum=drawn.firms["size"] + drawn.firms["skill"])
    with pytest.raises(OverlapError, match="controls fix sum"):
        partially_linear(CrossFit(data, QUICK))


def test_no_overlap(drawn):
    data = make(drawn, "large", large=(drawn.firms["size"] + 0.05 * drawn.firms["age"] > 0).astype(float))
    with pytest.raises(OverlapError, match="have no like"):
        interactive(CrossFit(data, QUICK))


def test_bad_instruments(drawn):
    with pytest.raises(InstrumentError, match="never varies"):
        make(drawn, instruments=("idle",), idle=1.0)
    with pytest.raises(InstrumentError, match="missing in every row"):
        make(drawn, instruments=("blank",), blank=np.nan)
    with pytest.raises(InstrumentError, match="both control and instrument"):
        make(drawn, instruments=("size",))


def test_an_instrument_that_predicts_nothing_gives_no_estimate(drawn):
    found = study(make(drawn, instruments=("nothing",)), QUICK)
    assert "predicts nothing" in found.refused[INSTRUMENTED]
    assert found.reading(INSTRUMENTED) is None
    assert found.instruments is not None and not found.instruments.sets[0].bounded
    assert found.effect is not None and found.effect.grade == "observables"
    assert any("predicts nothing" in caution for caution in found.effect.cautions)


def test_a_posterior_without_the_instrument_is_refused(drawn):
    outcomes = Outcomes(drawn.capability, predictors=("certificate", *OBSERVED))
    with pytest.raises(PosteriorError, match="built without lottery"):
        ChannelData.from_frame(drawn.firms, outcomes, "certificate", OBSERVED, ("lottery",))


def test_impossible_reliability():
    drawn = draw(600, seed=3, binary=False)
    fits = CrossFit(drawn.data(), QUICK)
    with pytest.raises(MeasurementError, match="must be above"):
        simex(fits, 0.1)
    with pytest.raises(MeasurementError, match="no share"):
        simex(fits, 1.4)
    with pytest.raises(MeasurementError, match="yes or no"):
        simex(CrossFit(draw(600).data(), QUICK), 0.9)


def test_settings_out_of_range():
    with pytest.raises(ValueError, match="folds"):
        Settings(folds=1)

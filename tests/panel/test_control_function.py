"""Production functions: the published design's 0.6 and 0.4 are found, biases are where theory puts them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from acf_design import CAPITAL, CASES, LABOUR, draw
from numpy.testing import assert_allclose

from firmtrade_core.panel import EstimationError, control_function
from firmtrade_core.panel.control_function import (
    ProductionFunction,
    estimate_by_sector,
    levinsohn_petrin,
    production_data,
    wooldridge,
)
from firmtrade_core.panel.productivity import markups
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign

ESTIMATORS = {"corrected": levinsohn_petrin, "joint": wooldridge}


@pytest.fixture(scope="module", params=CASES)
def sample(request: pytest.FixtureRequest) -> tuple[int, pd.DataFrame]:
    return request.param, draw(CASES[request.param], seed=4)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_published_design_is_recovered(sample: tuple[int, pd.DataFrame], name: str) -> None:
    _, data = sample
    found = ESTIMATORS[name](data)
    assert_allclose([found.labour, found.capital], [LABOUR, CAPITAL], atol=0.035)
    assert found.persistence == pytest.approx(0.7, abs=0.03)
    assert np.corrcoef(found.productivity, data["omega"])[0, 1] > 0.99
    assert (found.observations, found.firms) == (9_000, 1_000)


def test_without_the_correction_only_design_2_is_recovered(sample: tuple[int, pd.DataFrame]) -> None:
    case, data = sample
    found = levinsohn_petrin(data, correction=False)
    # Published means: 0.000 and 1.121 (design 1), 0.600 and 0.400 (design 2), 0.000 and 1.243 (design 3).
    if case == 2:
        assert_allclose([found.labour, found.capital], [LABOUR, CAPITAL], atol=0.035)
    else:
        assert found.labour == pytest.approx(0.0, abs=0.02)
        assert found.capital > 0.9


def test_row_order_units_and_common_years_change_nothing() -> None:
    data = draw(CASES[3], seed=1, firms=300, years=5)
    base = levinsohn_petrin(data)
    shuffled = levinsohn_petrin(data.sample(frac=1, random_state=1))
    shifts = {"output": 3.0, "labour": -2.0, "capital": 5.0, "materials": 1.0}
    moved = data.assign(**{name: data[name] + by for name, by in shifts.items()})
    moved["output"] += 0.1 * (data["year"] - data["year"].min())
    for other in (shuffled, levinsohn_petrin(moved)):
        assert_allclose([other.labour, other.capital], [base.labour, base.capital], atol=1e-5)
    assert_allclose(shuffled.productivity.loc[data.index], base.productivity, atol=1e-4)
    identity = base.expected_output - base.labour * data["labour"] - base.capital * data["capital"]
    assert_allclose(base.productivity, identity)


def test_standard_errors_are_of_the_right_size() -> None:
    data = draw(CASES[1], seed=2, firms=300, years=5)
    joint, boot = wooldridge(data), levinsohn_petrin(data, draws=8, seed=3)
    for errors in (joint.standard_errors, boot.standard_errors):
        assert 0.004 < errors["labour"] < 0.05
        assert 0.008 < errors["capital"] < 0.08


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("error", [0.1, 0.2])
def test_errors_in_materials_do_not_lead_to_the_wrong_root(case: int, error: float) -> None:
    """Materials told with errors of 10 or 20 %: the joint estimator ended at 0.98 and 0.02."""
    data = draw(CASES[case], seed=20, firms=600, years=8)
    noise = np.random.default_rng(20).standard_normal(len(data))
    found = wooldridge(data.assign(materials=data["materials"] + error * noise))
    assert_allclose([found.labour, found.capital], [LABOUR, CAPITAL], atol=0.06)
    assert found.persistence == pytest.approx(0.7, abs=0.06)


def test_a_joint_root_far_from_the_two_stages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(self: object, theta: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return np.r_[theta[:-4], 0.98, 0.02, 0.0, 0.1]

    monkeypatch.setattr(control_function._Joint, "minimise", elsewhere)
    with pytest.raises(EstimationError, match=r"0\.98 for labour and 0\.02 for capital"):
        wooldridge(draw(CASES[1], seed=2, firms=300, years=5))


def test_missing_values_are_left_out_and_too_few_are_refused() -> None:
    data = draw(CASES[3], seed=1, firms=200, years=4)
    gaps = data.assign(capital=data["capital"].mask(data.index % 10 == 0))
    found = levinsohn_petrin(gaps)
    assert found.productivity.isna().equals(gaps["capital"].isna())
    assert found.labour == pytest.approx(LABOUR, abs=0.1)
    with pytest.raises(EstimationError, match="consecutive years"):
        levinsohn_petrin(data[data["year"] % 2 == 0])
    with pytest.raises(EstimationError, match="capital does not vary"):
        wooldridge(data.assign(capital=1.0))
    with pytest.raises(EstimationError, match="twice in a year"):
        levinsohn_petrin(pd.concat([data, data]))


def test_markups_are_price_over_marginal_cost() -> None:
    panel = make_country(SyntheticDesign(firms=500, years=2, missing=0.0)).panel
    data = production_data(panel)
    expected = pd.Series(np.log(panel.firms["value_added"].to_numpy(dtype=float)), index=data.index)
    function = ProductionFunction("given", 0.6, 0.3, expected, expected, 0, 0, 0.0)
    found = markups(panel, function)
    assert_allclose(found, 0.6 * panel.firms["value_added"] / panel.firms["wages"])
    with pytest.raises(EstimationError, match="other rows"):
        markups(panel, levinsohn_petrin(draw(CASES[3], seed=1, firms=100, years=4)))


@pytest.mark.truth
@pytest.mark.parametrize("case", CASES)
def test_monte_carlo_on_the_published_design(case: int) -> None:
    draws = [draw(CASES[case], seed) for seed in range(60)]
    for estimate in ESTIMATORS.values():
        found = [estimate(data) for data in draws]
        elasticities = np.array([(f.labour, f.capital) for f in found])
        assert_allclose(elasticities.mean(0), [LABOUR, CAPITAL], atol=0.012)
        # Published standard deviations over draws: 0.009 and 0.016.
        assert (elasticities.std(0) < [0.02, 0.03]).all()
        if estimate is wooldridge:
            covered = [abs(f.labour - LABOUR) < 1.96 * f.standard_errors["labour"] for f in found]
            assert 0.85 <= np.mean(covered) <= 1.0


def test_each_sector_has_its_own_function_and_the_rest_say_why() -> None:
    parts = {"x": draw(CASES[3], seed=1, firms=500, years=8), "y": draw(CASES[3], seed=2, firms=500, years=8)}
    parts["few"] = draw(CASES[3], seed=3, firms=5, years=6)
    data = pd.concat([rows.assign(sector=s, firm=s + rows["firm"].astype(str)) for s, rows in parts.items()])
    data = data.reset_index(drop=True)
    data.loc[data["sector"] == "y", "output"] += 5.0
    found = estimate_by_sector(data)
    assert set(found.functions) == {"x", "y"} and "consecutive years" in found.left_out["few"]
    assert_allclose(found.table()[["labour", "capital"]], [[LABOUR, CAPITAL]] * 2, atol=0.06)
    assert found.productivity.isna().equals(data["sector"] == "few")
    for sector in ("x", "y"):
        assert found.productivity[data["sector"] == sector].mean() == pytest.approx(0.0, abs=1e-9)


def test_elasticities_that_the_data_do_not_tell_are_refused() -> None:
    data = draw(CASES[3], seed=1, firms=100, years=5)
    noise = np.random.default_rng(0).normal(size=(2, len(data)))
    lost = data.assign(labour=noise[0], output=data["materials"] - 2 * noise[0] + noise[1])
    with pytest.raises(EstimationError, match="do not tell the elasticity of labour"):
        levinsohn_petrin(lost)

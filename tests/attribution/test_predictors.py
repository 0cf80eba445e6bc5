"""Growth by what predicts it: parts add up to rounding, known laws give back their parts, firms stay unseen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from firmtrade_core.attribution import AttributionError, FirmHistory
from firmtrade_core.attribution.firm_growth import read_source
from firmtrade_core.attribution.predictors import PredictedGrowth, attribute_predictors
from firmtrade_core.panel.synthetic.structure import SyntheticDesign

EFFECTS = {"quality_certificate": 0.8, "log_capital": 0.4}


def history(attributes: list[pd.DataFrame], sold: list[np.ndarray], *, synthetic: bool = True) -> FirmHistory:
    """Two years of the same firms."""
    names = np.array([f"F{i:05d}" for i in range(len(sold[0]))])
    flows = pd.concat(
        pd.DataFrame({"firm": names, "destination": "DEU", "year": year, "exports": 1e6 * x})[x > 0]
        for year, x in zip((1, 2), sold, strict=True)
    )
    known = pd.concat(
        a.assign(firm=names, year=year, weight=1.0) for year, a in zip((1, 2), attributes, strict=True)
    )
    first = ["firm", "year", "weight"]
    table = known[first + [c for c in known if c not in first]].reset_index(drop=True)
    return FirmHistory(flows, table[first], "Invented", "CHL", "USD", "invented", synthetic, table)


def drawn(seed: int, count: int = 20_000) -> list[pd.DataFrame]:
    """Certificates spread from 10 to 30 % of firms, capital grows by 0.2 on average; a third attribute does nothing."""
    random = np.random.default_rng(seed)
    capital, luck = random.normal(0, 1, count), random.random(count)
    rows = [
        pd.DataFrame(
            {
                "quality_certificate": (luck < share + 0.04 * capital).astype(float),
                "log_capital": capital + grown,
                "digital_presence": random.random(count),
            }
        )
        for share, grown in ((0.1, 0.0), (0.3, 0.2 + random.normal(0, 0.2, count)))
    ]
    return rows


KINDS = {"quality_certificate": "quality and differentiation", "log_capital": "scale"}

Law = Callable[[pd.DataFrame], np.ndarray]


def index(rows: pd.DataFrame) -> np.ndarray:
    """What the attributes that count are worth in logs."""
    return np.asarray(rows[list(EFFECTS)].to_numpy(float) @ np.array(list(EFFECTS.values())))


def true_within(mean: list[Law], rows: list[pd.DataFrame], name: str) -> float:
    """What one attribute's change is worth to expected exports: the mean over either year of all else."""
    found = 0.0
    for year in (0, 1):
        for other in (0, 1):
            at = [rows[other].assign(**{name: rows[state][name]}) for state in (0, 1)]
            found += (mean[year](at[1]).sum() - mean[year](at[0]).sum()) / 4
    return found


@pytest.mark.parametrize("returns", [1.0, 1.5])
def test_an_exponential_law_gives_back_its_parts(returns: float) -> None:
    """Tolerances set before: 10 % of what is due to each attribute; nothing for the idle one."""
    rows, random = drawn(1), np.random.default_rng(2)

    mean = [np.exp(-1 + 0.1 * year + index(a) * (returns if year else 1.0)) for year, a in enumerate(rows)]
    sold = [mu * (random.random(len(mu)) < 0.3) / 0.3 * random.lognormal(-0.5, 1.0, len(mu)) for mu in mean]
    found = attribute_predictors(history(rows, sold), 1, 2, draws=20)
    low, high = (found.bands[end].to_dict() for end in ("low", "high"))
    level = (mean[1] - mean[0]) / np.log(mean[1] / mean[0])
    for name, kind in KINDS.items():
        grown = (rows[1][name] - rows[0][name]).to_numpy(float)
        truth = float(level @ grown) * EFFECTS[name] * (1 + returns) / 2
        assert found.within[kind].sum() == pytest.approx(truth, rel=0.1)
        assert low[f"within {kind}"] > 0
    idle = "within network and information"
    assert low[idle] < 0 < high[idle]
    assert (low["reallocation quality and differentiation"] > 0) == (returns > 1)


def test_firms_that_choose_to_export_give_back_the_parts_of_expected_exports() -> None:
    """Entry over a threshold, fat capability, two attributes: 15 % of what is due to each, set before it was seen."""
    rows, random = drawn(3), np.random.default_rng(4)
    unknown, taste = 0.9, 0.8

    def mean(year: int) -> Law:
        def law(a: pd.DataFrame) -> np.ndarray:
            m, s = index(a), np.hypot(unknown, taste)
            return np.exp(m + 0.15 * year + unknown**2 / 2) * ndtr((m - 1.2 + 0.15 * year + unknown**2) / s)

        return law

    sold = []
    u = random.normal(0, unknown, len(rows[0]))
    for year, a in enumerate(rows):
        kappa = index(a) + u + 0.15 * year
        sold.append(np.exp(kappa) * (kappa + random.normal(0, taste, len(a)) > 1.2))
    found = attribute_predictors(history(rows, sold), 1, 2, draws=0)
    laws = [mean(0), mean(1)]
    for name, kind in KINDS.items():
        assert found.within[kind].sum() == pytest.approx(true_within(laws, rows, name), rel=0.15)
    assert found.by_set().set_index("set")["within"].to_dict()["switched"] > 0


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_parts_add_up_whatever_the_firms_did(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = [a.iloc[:300].mask(random.random((300, 3)) < 0.1) for a in drawn(seed, 300)]
    sold = [random.lognormal(0, 2, 300) * (random.random(300) < 0.4) for _ in rows]
    found = attribute_predictors(history(rows, sold), 1, 2, draws=0)
    truth = sold[1].sum() - sold[0].sum()
    for total in (found.steps()["change"].sum(), found.by_set()["change"].sum(), found.change):
        assert total == pytest.approx(truth, abs=1e-9 * (sold[0].sum() + sold[1].sum()))
    assert found.other["apart"].sum() == pytest.approx(0.0, abs=1e-7 * sold[0].sum())


@pytest.fixture(scope="module")
def made() -> PredictedGrowth:
    return attribute_predictors(read_source(SyntheticDesign(firms=1500)), 2018, 2022, draws=10)


def test_a_panel_with_firms_that_open_and_close(made: PredictedGrowth) -> None:
    moved = made.by_set().set_index("set")["change"].to_dict()
    assert moved["opened"] > 0 > moved["closed"]
    assert sum(moved.values()) == pytest.approx(made.change, rel=1e-9)
    flows = made.history.flows.pivot_table(index="firm", columns="year", values="exports", aggfunc="sum")
    both = flows[[2018, 2022]].dropna()
    assert moved["stayed"] == pytest.approx((both[2022] - both[2018]).sum() / 1e6, rel=1e-9)
    assert made.sentence().startswith("Exports ") and "what all firms share" in made.sentence()
    assert set(made.kinds) >= {"scale", "quality and differentiation", "finance"}


def test_refusals_say_what_is_missing() -> None:
    rows = drawn(5, 400)
    some = np.where(np.arange(400) < 40, 1.0, 0.0)
    bare = history(rows, [some, some])
    with pytest.raises(AttributionError, match="no attributes"):
        attribute_predictors(FirmHistory(bare.flows, bare.firms, "Bare", "CHL", "USD", "", True), 1, 2)
    with pytest.raises(AttributionError, match="too few for"):
        attribute_predictors(history([a.iloc[:20] for a in rows], [some[:20], some[:20]]), 1, 2)
    few = np.where(np.arange(400) < 3, 1.0, 0.0)
    with pytest.raises(AttributionError, match="would reveal it"):
        attribute_predictors(history(rows, [some, some + np.roll(few, 50)], synthetic=False), 1, 2, draws=0)

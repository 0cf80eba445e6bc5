"""The reference design is the model's: its shares, moments and margins are those of MODEL 2 and 6."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import kurtosis, norm

from firmtrade_core.panel import PanelError
from firmtrade_core.panel.synthetic.design import (
    Observed,
    ReferenceDesign,
    ReferenceSample,
    draw_reference,
    explained_capability,
)


@pytest.fixture(scope="module")
def sample() -> ReferenceSample:
    return draw_reference()


def test_shape_and_share_present(sample: ReferenceSample) -> None:
    shares = [draw_reference(ReferenceDesign(seed=seed)).observed.present.mean() for seed in range(8)]
    assert sample.observed.log_sales.shape == (6_000, 30)
    assert np.mean(shares) == pytest.approx(0.14, abs=0.01)


def test_margins_are_equations_2_and_3(sample: ReferenceSample) -> None:
    truth, d = sample.truth, sample.truth.design
    s = np.hypot(d.sigma_u, d.sigma_nu)
    gap = (truth.m + truth.g)[:, None] - truth.threshold
    present = sample.observed.present
    assert_allclose(present.mean(0), norm.cdf(gap / s).mean(0), atol=0.012)
    v_k = d.correlation * d.sigma_xi * d.sigma_nu
    weight = np.exp(truth.m + (d.sigma_u**2 + d.sigma_xi**2) / 2)[:, None]
    expected = (weight * norm.cdf((gap + d.sigma_u**2 + v_k) / s)).mean(0).sum()
    potential = np.where(present, np.exp(truth.capability[:, None] + truth.xi), 0.0).mean(0).sum()
    assert potential == pytest.approx(expected, rel=0.05)


def test_sales_and_entry_follow_from_the_truth(sample: ReferenceSample) -> None:
    truth, seen = sample.truth, sample.observed
    index = truth.capability[:, None] + truth.g[:, None] + truth.nu
    assert ((index >= truth.threshold) == seen.present).all()
    sales = truth.demand + truth.capability[:, None] + truth.xi
    assert_allclose(seen.log_sales[seen.present], sales[seen.present])
    m = explained_capability(seen.attributes)
    assert_allclose(truth.m, m - m.mean())
    assert np.corrcoef(truth.xi.ravel(), truth.nu.ravel())[0, 1] == pytest.approx(0.4, abs=0.01)
    assert truth.u.std() == pytest.approx(0.9, abs=0.03)


def test_observed_columns_hold_no_truth(sample: ReferenceSample) -> None:
    assert {field.name for field in fields(Observed)} == {"attributes", "log_sales", "markets"}
    long = sample.observed.long()
    assert list(long.columns) == ["firm", "market", "present", "log_sales", *(f"a{i}" for i in range(1, 9))]
    assert len(long) == 180_000 and long["log_sales"].notna().equals(long["present"])


def test_same_seed_same_draw_and_two_indices() -> None:
    one, two = (draw_reference(ReferenceDesign(firms=300, seed=5)) for _ in range(2))
    assert_allclose(one.observed.log_sales, two.observed.log_sales)
    assert not one.truth.g.any()
    shifted = draw_reference(ReferenceDesign(firms=300, seed=5, two_index=True))
    a6 = shifted.observed.attributes["a6"]
    assert_allclose(shifted.truth.g, 0.4 * (a6 - a6.mean()))
    assert_allclose(shifted.truth.m, one.truth.m)


def test_misspecified_variant_has_fat_tails_and_uneven_risk() -> None:
    sample = draw_reference(ReferenceDesign(variant="misspecified", firms=20_000))
    truth = sample.truth
    assert kurtosis(truth.u) > 1.5
    assert truth.u.std() == pytest.approx(0.9, rel=0.05)
    assert np.mean(truth.xi**2) == pytest.approx(1.1**2, rel=0.03)
    low = sample.observed.attributes["a1"].to_numpy() < 0
    assert truth.xi[low].std() > 1.4 * truth.xi[~low].std()


def test_impossible_designs_are_refused() -> None:
    with pytest.raises(PanelError, match="correlation"):
        ReferenceDesign(correlation=1.0)
    with pytest.raises(PanelError, match="at least 2 firms"):
        ReferenceDesign(firms=1)

"""Truth test of MODEL 6 on its reference design: five fixed seeds, means against the thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from designs import correlation, reference

from firmtrade_core.capability import Scales, estimate
from firmtrade_core.capability.likelihood import integrate

TRUE = Scales(0.9, 1.1, 0.7, 0.4)


@pytest.fixture(scope="module")
def recovered() -> dict[str, np.ndarray]:
    rows = []
    for seed in range(1, 6):
        data, truth = reference(seed=seed)
        results = estimate(data)
        best = integrate(data, truth.m, truth.g, truth.demand[None], truth.threshold[None], TRUE)
        attainable = correlation(truth.m + best.mean, truth.capability)
        s = results.scales
        rows.append(
            {
                "m": correlation(results.m, truth.m),
                "capability": correlation(results.capability, truth.capability) / attainable,
                "sigma_u": s.sigma_u / TRUE.sigma_u - 1,
                "sigma_xi": s.sigma_xi / TRUE.sigma_xi - 1,
                "sigma_nu": s.sigma_nu / TRUE.sigma_nu - 1,
                "known_demand": s.known_demand / TRUE.known_demand - 1,
            }
        )
        print(seed, {name: round(value, 4) for name, value in rows[-1].items()})
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.truth
def test_capability_is_recovered(recovered) -> None:
    assert recovered["m"].mean() >= 0.97
    assert recovered["capability"].mean() >= 0.98


@pytest.mark.truth
def test_scales_are_recovered(recovered) -> None:
    for name in ("sigma_u", "sigma_xi", "sigma_nu"):
        assert abs(recovered[name].mean()) <= 0.10, name
    assert abs(recovered["known_demand"].mean()) <= 0.25

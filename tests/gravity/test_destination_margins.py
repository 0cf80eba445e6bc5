"""Margins by destination: Pareto and lognormal firms told apart; the published means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.gravity.destination_margins import (
    destination_means,
    estimate_margins,
    load_destinations,
    natural_spline,
)
from firmtrade_core.gravity.errors import FlowError


def destinations(kind: str, places: int = 70, noise: float = 0.1, seed: int = 0) -> pd.DataFrame:
    """Exporters and mean exports when thresholds fall with market size and rise with barriers."""
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    size, barrier = rng.normal(0, 1.6, places), rng.normal(0, 0.5, places)
    years = 4
    access = np.repeat(size - 0.8 * barrier, years)
    if kind == "pareto":
        log_share, log_mean = 0.9 * access, np.zeros_like(access)
    else:
        # Firms' log potential is N(0, s²); those above k enter; mean potential of entrants over the entry share.
        s, k = 1.5, 1.0 - access
        log_share = norm.logcdf(-k / s)
        log_mean = access + s**2 / 2 + norm.logcdf((-k + s**2) / s) - log_share
    shock = np.repeat(rng.normal(0, noise, (places, 2)), years, axis=0) + rng.normal(
        0, noise, (places * years, 2)
    )
    year = np.tile(np.arange(years), places)
    return pd.DataFrame(
        {
            "exporter": "BRA",
            "importer": np.repeat([f"D{i}" for i in range(places)], years),
            "year": year,
            "exporters": np.exp(6 + 0.1 * year + log_share + shock[:, 0]),
            "mean_exports": np.exp(10 + 0.05 * year + log_mean + shock[:, 1]),
            "log_size": np.repeat(size, years),
            "log_barrier": np.repeat(barrier, years),
        }
    )


def test_constant_elasticities_of_pareto_firms() -> None:
    found = estimate_margins(destinations("pareto"), draws=50)
    assert found.functions["extensive"].to_numpy() == pytest.approx(0.9, abs=0.12)
    assert found.functions["intensive"].to_numpy() == pytest.approx(0, abs=0.12)
    assert found.barrier["extensive"][0] == pytest.approx(-0.72, abs=0.1)
    assert found.tests["pareto"].p_value > 0.05


def test_falling_extensive_elasticity_of_lognormal_firms() -> None:
    from scipy.stats import norm

    table = destinations("lognormal", noise=0.05)
    found = estimate_margins(table, draws=50)
    function = found.functions
    z = (np.linspace(*np.quantile(table["log_size"], [0.1, 0.9]), len(function)) - 1) / 1.5
    truth = norm.pdf(z) / norm.cdf(z) / 1.5
    np.testing.assert_allclose(function["lognormal"], truth, atol=0.1)
    # Few knots bend as far as they can.
    np.testing.assert_allclose(function["extensive"], truth, atol=0.35)
    assert function["log_share"].is_monotonic_increasing
    assert function["extensive"].iloc[0] > 2 * function["extensive"].iloc[-1]
    assert found.tests["lognormal"].p_value > 0.05 > found.tests["pareto"].p_value
    inside = (function["extensive_low"] <= function["extensive"]) & (
        function["extensive"] <= function["extensive_high"]
    )
    assert inside.all()


def test_spline_slopes_are_its_derivative() -> None:
    knots, x = np.array([-1.0, 0, 1, 2]), np.linspace(-3, 4, 50)
    numeric = (natural_spline(x + 1e-6, knots) - natural_spline(x - 1e-6, knots)) / 2e-6
    np.testing.assert_allclose(natural_spline(x, knots, slope=True), numeric, atol=1e-6)
    beyond = natural_spline(np.array([5.0, 6.0, 7.0]), knots, slope=True)
    np.testing.assert_allclose(beyond, beyond[[0, 0, 0]], atol=1e-9)


def test_too_few_destinations_are_refused() -> None:
    with pytest.raises(FlowError, match="12 destinations are too few"):
        estimate_margins(destinations("pareto", places=12))


@pytest.mark.data
def test_published_means(needs_data: Callable[[str], Path]) -> None:
    from firmtrade_core.published.replication import published

    ours = destination_means(needs_data("exporters-by-destination") / "bra_microdata_agg_by_d.csv")
    target = published("brazil_exporters_by_destination_means").set_index("statistic")["mean"]
    assert round(ours.pop("num_exporters")) == target.pop("num_exporters")
    assert round(ours.pop("avg_num_destinations"), 1) == target.pop("avg_num_destinations")
    for name, value in target.items():
        assert round(ours[str(name)], 2) == value


@pytest.mark.data
def test_three_exporters_margins(needs_data: Callable[[str], Path]) -> None:
    folder = needs_data("exporters-by-destination")
    table = load_destinations([folder / f"{n}_microdata_agg_by_d.csv" for n in ("bra", "wbedd")])
    assert set(table["exporter"]) == {"BRA", "MEX", "PER"}
    found = estimate_margins(table, draws=50)
    assert found.observations == 627 + 778
    assert found.functions["extensive"].mean() > 0.2 and found.functions["extensive_low"].median() > 0
    assert found.barrier["extensive"][0] < -2 * found.barrier["extensive"][1]

"""Attributes' kinds and signs are read by whole words; those that move together are found."""

from __future__ import annotations

import numpy as np
import pytest

from firmtrade_core.capability.attributes import (
    correlated_clusters,
    group_of,
    rank_correlations,
    theory_signs,
)

KINDS = {
    "scale": "employment log_initial_employment capital log_capital size_class earlier_sales age log_age employees "
    "total_assets persons materials log_materials",
    "productivity": "wages log_wages wage_per_worker earlier_sales_per_worker language_skill skill_share rnd_intensity "
    "log_tfp labour_productivity capital_per_employee patents",
    "quality and differentiation": "quality_certificate certificates on_time_delivery iso_9001 management_quality "
    "advertises log_advertising_outlay brands trademarks product_design management_score",
    "network and information": "percentage_digital digital_presence supplier_links buyer_links network_size "
    "imported_input_share product_scope",
    "finance": "trade_finance supplier_credit foreign_ownership foreign_yes bank_loans",
    "location": "distance_to_port region_north city",
    "sector": "sector_steel sector_wages_and_age",
    "other": "storage village mileage average_damage a7 blinking scoped",
}


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for kind, names in KINDS.items() for name in names.split()]
)
def test_kinds_are_told_by_whole_words(name: str, kind: str) -> None:
    assert group_of(name) == kind


def test_signs_only_where_theory_is_plain() -> None:
    signs = theory_signs(
        ["log_tfp", "quality_certificate", "quality_certificate_no", "on_time_delivery", "distance_to_port",
         "log_transport_costs", "productivity_growth", "quality_certificate: not stated", "age", "log_employment",
         "rnd_intensity", "wages", "foreign_ownership", "supplier_links", "export_portfolio", "distance_to_capital"]
    )  # fmt: skip
    assert signs == {
        "log_tfp": 1,
        "quality_certificate": 1,
        "quality_certificate_no": -1,
        "on_time_delivery": 1,
        "distance_to_port": -1,
        "log_transport_costs": -1,
    }


def test_attributes_that_move_together_are_clustered_whatever_the_scale_sign_or_gaps() -> None:
    generator = np.random.default_rng(3)
    x = generator.standard_normal((2000, 5))
    x[:, 1] = np.exp(3 * x[:, 0]) + 0.01 * x[:, 1]
    x[:, 3] = -x[:, 2] + 0.5 * x[:, 3]
    x[generator.random(2000) < 0.4, 3] = np.nan
    weights = np.ones(2000)
    assert correlated_clusters(x, weights, "abcde") == (("a", "b"), ("c", "d"), ("e",))
    # Nobody answers both: no correlation, no cluster.
    x[:1000, 0], x[1000:, 1] = np.nan, np.nan
    assert ("a",) in correlated_clusters(x, weights, "abcde")
    assert correlated_clusters(x[:, :1], weights, "a") == (("a",),)


def test_rank_correlations_are_spearmans_and_respect_weights() -> None:
    import pandas as pd

    generator = np.random.default_rng(4)
    x = generator.standard_normal((300, 3)).round(1)
    x[:, 1] += x[:, 0] ** 3
    x[generator.random(300) < 0.2, 2] = np.nan
    x[:, 2] += x[:, 0]
    expected = pd.DataFrame(x).corr("spearman").to_numpy()
    np.testing.assert_allclose(rank_correlations(x, np.ones(300)), expected, atol=1e-12)
    # A weight of three is three rows.
    weights = generator.integers(0, 4, 300).astype(float)
    repeated = pd.DataFrame(np.repeat(x, weights.astype(int), axis=0)).corr("spearman").to_numpy()
    np.testing.assert_allclose(rank_correlations(x, weights), repeated, atol=1e-9)

"""A small home country's firms, for tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from firmtrade_core.home import Effect, HomeFirms
from firmtrade_core.margins import Deviations


def make_home(
    country: str = "ZAF",
    sectors: tuple[str, ...] = ("agriculture", "metals"),
    count: int = 400,
    seed: int = 0,
    *,
    public: bool = True,
) -> HomeFirms:
    """Firms of two sectors with sizes, regions, ages, certificates, and effects of two grades; nobody's secret unless asked."""
    random = np.random.default_rng(seed)
    capability = random.normal(0, 1.2, count)
    table = pd.DataFrame(
        {
            "firm": [f"F{i:05d}" for i in range(count)],
            "sector": random.choice(sectors, count),
            "capability": capability,
            "fixed_cost_saving": random.normal(0, 0.3, count),
            "weight": random.uniform(1, 4, count),
            "region": random.choice(["north", "south", "west"], count),
            "employment": np.ceil(np.exp(2.5 + 0.6 * capability + random.normal(0, 0.5, count))),
            "age": random.integers(0, 40, count),
            "exports": np.where(random.random(count) < 0.2, random.lognormal(1, 1, count), 0.0),
            "score": random.uniform(0, 1, count),
            "propensity": random.uniform(0, 1, count),
            "skill_share": random.uniform(0, 0.6, count),
            "quality_certificate": (random.random(count) < 0.3).astype(int),
        }
    )
    return HomeFirms(
        country,
        table,
        Deviations(0.9, 1.1, 0.7, 0.3),
        {sectors[0]: {"USA": 0.2, "CHN": 0.05}},
        {
            "quality_certificate": Effect(0.25, 0.1, 0.08, 0.05, "instrument", "invented for tests"),
            "skill_share": Effect(0.4, 0.0, 0.2, 0.0, "association", "invented for tests"),
        },
        "invented for tests",
        public=public,
    )


def unrecorded(home: HomeFirms) -> HomeFirms:
    """The same firms of which nobody knows what they sold: the law alone speaks of them."""
    bare = home.firms.drop(columns=["exports", "sales", "served_sales"], errors="ignore")
    return HomeFirms(
        home.country, bare, home.deviations, home.presence, home.effects, home.source, public=home.public
    )

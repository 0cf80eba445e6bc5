"""Spread, tail and slope of presence come back from tables that few firms of a known law left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.gravity.errors import FlowError
from firmtrade_core.gravity.exporter_moments import PERCENTILES, exporter_moments
from firmtrade_core.margins import Lognormal, TailError
from firmtrade_core.margins.exporters import EXPORTER_LAWS


def table(seed: int, country: str, *, spread: float = 2.1, slope: float = 0.6, median_only: bool = False, tail: float = 0.0) -> pd.DataFrame:  # fmt: skip
    """Firms one by one: their number in a market follows expected sales there, each one's sales are drawn, moments are taken."""
    random = np.random.default_rng(seed)
    rows = []
    for destination in range(60):
        expected = np.exp(random.normal(0, 1.8))
        firms = np.exp(random.normal(0, 0.1)) * 250 * expected**slope
        for year in range(3):
            count = int(random.poisson(firms))
            if count < 5:
                continue
            shape = random.pareto(tail, count) + 1 if tail else np.exp(random.normal(0, spread, count))
            sales = 1e5 * expected / firms * 250 * shape
            largest = np.sort(sales)[-max(1, round(0.05 * count)) :]
            row = {"c": country, "d": f"D{destination}", "y": 2000 + year, "nf": count, "total_v": sales.sum(),
                   "top5_share": largest.sum() / sales.sum(), "med_exports": np.median(sales)}  # fmt: skip
            row |= {
                f"p{p:02d}_norm_exports": q / sales.mean()
                for p, q in zip(PERCENTILES, np.percentile(sales, PERCENTILES), strict=True)
            }
            rows.append(row)
    made = pd.DataFrame(rows)
    return made[["c", "d", "y", "nf", "total_v", "top5_share", "med_exports"]] if median_only else made


def written(folder: Path, **tables: pd.DataFrame) -> list[Path]:
    for name, each in tables.items():
        each.to_csv(folder / f"{name}.csv", index=False)
    return [folder / f"{name}.csv" for name in tables]


def test_a_known_law_comes_back_from_few_firms(tmp_path: Path) -> None:
    """Asked before looking: s within 0.1 by quantiles and 0.2 by medians, the slope within 0.08."""
    paths = written(
        tmp_path,
        quantiles=table(1, "AAA"),
        medians=table(2, "BBB", spread=1.7, slope=0.5, median_only=True),
        pareto=table(3, "CCC", tail=1.4),
    )
    first, second, third, another = exporter_moments(paths, draws=60)
    assert first.dispersion.value == pytest.approx(2.1, abs=0.1) and first.by == "quantiles"
    assert second.dispersion.value == pytest.approx(1.7, abs=0.2) and second.by == "mean over median"
    assert first.presence_slope.value == pytest.approx(0.6, abs=0.08)
    assert second.presence_slope.value == pytest.approx(0.5, abs=0.08)
    assert third.tail.value == pytest.approx(1.4, abs=0.1)
    assert first.dispersion.low < first.dispersion.value < first.dispersion.high
    spread = another.dispersion
    assert another.country == "all" and spread.low < min(m.dispersion.value for m in (first, second, third))
    with pytest.raises(FlowError, match="destinations"):
        exporter_moments(written(tmp_path, few=table(1, "AAA").head(9)))


@pytest.mark.truth
def test_bands_hold_the_truth(tmp_path: Path) -> None:
    """Of 40 tables, 90 % bands of s and of the slope hold the truth at least 30 times each."""
    held = np.zeros(2)
    for seed in range(40):
        (found,) = exporter_moments(written(tmp_path, one=table(100 + seed, "AAA")))
        held += [
            m.low <= truth <= m.high for m, truth in ((found.dispersion, 2.1), (found.presence_slope, 0.6))
        ]
    assert (held >= 30).all(), held


@pytest.mark.truth
def test_the_shipped_numbers_are_those_of_the_tables(needs_data: Callable[[str], Path]) -> None:
    folder = needs_data("exporters-by-destination")
    names = ("bra_microdata_agg_by_d.csv", "wbedd_microdata_agg_by_d.csv")
    found = {each.country: each for each in exporter_moments([folder / name for name in names])}
    for name, law in EXPORTER_LAWS.items():
        if name in ("low", "high"):
            continue
        each = found["all" if name == "mean" else name]
        for moment, value, band in (
            (each.dispersion, law.dispersion, law.dispersion_band),
            (each.presence_slope, law.presence_slope, law.presence_band),
        ):
            assert (moment.value, moment.low, moment.high) == pytest.approx((value, *band), abs=0.011)
    run = CliRunner().invoke(app, ["firms", "moments", *(str(folder / name) for name in names), "--json"])
    assert run.exit_code == 0 and len(json.loads(run.stdout)) == 12


def test_firms_as_unequal_as_some_exporters() -> None:
    law = Lognormal.as_exporters_of("BRA")
    assert (law.dispersion, law.presence_slope) == (1.81, 0.62)
    with pytest.raises(TailError, match="BRA, MEX"):
        Lognormal.as_exporters_of("FRA")
    run = CliRunner().invoke(app, ["solve", "--preset", "us_ten_points", "--json", "--firms-like", "MEX"])
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)["scenario"]
    assert told["structure"]["firms_like"] == "MEX"

"""What came of advice: the rule sees nothing later, likes are likes, and the band holds what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from firmtrade_core.capability import CapabilityError, Learner, Settings
from firmtrade_core.capability.errors import SampleError
from firmtrade_core.capability.hindsight import advice, held_against, hindsight
from firmtrade_core.cli.main import app
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.source import panel_of

QUICK = Settings(tune=False, rounds=1, learner=Learner(kind="splines"), two_indices=False)


def exporters(seed: int = 0, firms: int = 700, years: int = 3) -> FirmPanel:
    """Firms whose capability is seen through two attributes; sales abroad follow it, with luck of the year."""
    import pandas as pd

    random = np.random.default_rng(seed)
    skill, scale = random.random(firms), random.normal(0, 1, firms)
    able = 1.5 * skill + 0.8 * scale + random.normal(0, 0.5, firms)
    rows = []
    for year in range(2000, 2000 + years):
        enters = able + 0.25 * (year - 2000) * skill + random.normal(0, 0.6, firms) > 1.5
        rows.append(
            pd.DataFrame(
                {
                    "firm": [f"F{f}" for f in range(firms)],
                    "year": year,
                    "sector": np.where(np.arange(firms) % 2, "food", "wood"),
                    "employment": np.exp(3 + scale),
                    "skill_share": skill,
                    "exports": np.where(enters, np.exp(8 + able + random.normal(0, 1, firms)), 0.0),
                }
            )
        )
    return FirmPanel.from_frames(pd.concat(rows, ignore_index=True))


def test_likes_by_hand() -> None:
    told = np.array([True] * 20 + [False] * 4 + [True] * 10 + [False] * 3 + [True] * 5)
    cell = np.array(["a"] * 24 + ["b"] * 13 + ["c"] * 5, dtype=object)
    values = np.r_[np.full(20, 1.0), np.full(4, 0.25), np.full(10, 0.4), np.full(3, 0.1), np.full(5, 9.0)]
    found = held_against("starters", "exports", told, values, cell, draws=50)
    assert found.told == pytest.approx((20 * 1.0 + 10 * 0.4) / 30)
    assert found.like == pytest.approx((20 * 0.25 + 10 * 0.1) / 30)
    assert found.firms == 30 and found.without_like == 5  # nobody of c was not told
    with pytest.raises(SampleError, match="have a like"):
        held_against("starters", "exports", told[:10], values[:10], cell[:10])


@pytest.mark.truth
def test_bands_hold_the_truth() -> None:
    """Those told start 10 points more often than their likes, in cells that differ: 85 to 95 % of 200 bands hold it."""
    held = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        cell = random.integers(0, 12, 900)
        told = random.random(900) < 0.05 + 0.02 * cell
        starts = random.random(900) < 0.05 + 0.02 * cell + 0.1 * told
        found = held_against(
            "starters", "exports", told, starts.astype(float), cell.astype(object), draws=200, seed=seed
        )
        held += found.low <= 0.1 <= found.high
    assert 0.85 <= held / 200 <= 0.95


def test_the_rule_sees_nothing_later() -> None:
    panel = exporters(firms=300)
    later = panel.firms.copy()
    random = np.random.default_rng(1)
    last = later["year"] > 2000
    later.loc[last, "exports"] = random.permutation(later.loc[last, "exports"].to_numpy())
    later.loc[last, "skill_share"] = random.random(int(last.sum()))
    other = FirmPanel.from_frames(later, metadata=panel.metadata)
    assert advice(panel, 2000, settings=QUICK).equals(advice(other, 2000, settings=QUICK))


def test_what_came_is_told_as_prediction() -> None:
    found = hindsight(exporters(), 2000, 2002, share=0.2, settings=QUICK, draws=100)
    said = found.sentences()
    assert "Prediction, not effect" in said[0] and found.firms == 700
    starting = next(o for o in found.outcomes if (o.group, o.outcome) == ("starters", "exports"))
    assert starting.difference > 0 and starting.low < starting.difference < starting.high
    assert starting.told > starting.others
    assert any("of like firms not told" in line for line in said[1:])
    with pytest.raises(CapabilityError, match="in order"):
        hindsight(exporters(), 2002, 2000)
    with pytest.raises(CapabilityError, match="share"):
        hindsight(exporters(), share=0.7)


@pytest.mark.data
@pytest.mark.truth
def test_chiles_plants_told_in_1993(needs_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Those told start far more often than others; than their likes, by a band that just leaves nought out or not.

    Measured on all plants: by the default learner 18 % against 13 % (4 % of all not told), +5.9 points (1.3 to 12); by the
    splines used here 20 % against 16 %, +4.2 (-0.2 to 13).
    """
    panel = panel_of(needs_data("chile-enia") / "plants_1990_1996.tsv")
    found = hindsight(panel, 1993, 1996, settings=QUICK)
    starting = next(o for o in found.outcomes if (o.group, o.outcome) == ("starters", "exports"))
    assert starting.firms > 200 and starting.told > 2 * starting.others and starting.difference > 0
    some = panel.firms[panel.firms["firm"].astype(int) % 4 == 0]
    FirmPanel.from_frames(some, metadata=panel.metadata).save(tmp_path)
    run = CliRunner().invoke(
        app, ["firms", "told", str(tmp_path), "--first", "1993", "--last", "1996", "--json"]
    )
    assert run.exit_code == 0 and "Prediction, not effect" in json.loads(run.stdout)["sentences"][0]

"""Real plants: both shapes of Chile's survey load, and say what is known about its exporters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from firmtrade_core.panel import FirmPanel, PanelFileError
from firmtrade_core.panel.control_function import levinsohn_petrin, production_data
from firmtrade_core.panel.enia import BALANCED, PLANTS, WITH_CAPITAL, load_enia
from firmtrade_core.panel.facts import (
    export_transitions,
    exporter_premia,
    exporter_share,
    exports_of_the_largest,
)
from firmtrade_core.panel.validation import validate

pytestmark = pytest.mark.data


@pytest.fixture
def folder(needs_data: Callable[[str], Path]) -> Path:
    return needs_data("chile-enia")


def errors(panel: FirmPanel) -> pd.DataFrame:
    counts = validate(panel).counts
    return counts[counts["severity"] == "error"]


def test_yearly_shape(folder: Path) -> None:
    panel = load_enia(folder / PLANTS)
    assert (panel.count("firms"), panel.firms["firm"].nunique()) == (34_981, 7_231)
    assert not len(errors(panel))
    assert exporter_share(panel).loc[1996] == pytest.approx(0.2143, abs=1e-4)
    premia = exporter_premia(panel)
    assert premia.loc["sales", "all"] == pytest.approx(1.968, abs=1e-3)
    assert premia.loc["employment", "all"] == pytest.approx(1.238, abs=1e-3)
    assert premia.loc["sales_per_worker", "all"] == pytest.approx(0.730, abs=1e-3)
    transitions = export_transitions(panel).mean()
    assert transitions["entry"] == pytest.approx(0.0439, abs=1e-4)
    assert transitions["continuation"] == pytest.approx(0.8756, abs=1e-4)
    assert exports_of_the_largest(panel).loc[1996] == pytest.approx(0.617, abs=2e-3)


def test_shape_with_capital(folder: Path) -> None:
    panel = load_enia(folder / WITH_CAPITAL)
    by_year = panel.firms.groupby("year")["capital"].agg(["size", "count"])
    assert by_year.loc[1992, "size"] < 0.55 * by_year.loc[1993, "size"]
    assert panel.firms["capital"].min() > 0
    assert any("half of 1992" in note for note in panel.metadata.notes)


def test_balanced_shape(folder: Path) -> None:
    panel = load_enia(folder / BALANCED)
    assert (panel.count("firms"), panel.firms["firm"].nunique()) == (15_915, 3_183)
    assert not len(errors(panel))
    numbers = panel.firms.select_dtypes("number")
    assert numbers.drop(columns=["value_added", "investment"]).min().min() >= 0
    assert exporter_share(panel).mean() == pytest.approx(0.2373, abs=1e-4)
    assert panel.firms["skill_share"].between(0, 1).sum() > 14_000


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PanelFileError, match="is missing"):
        load_enia(tmp_path / PLANTS)
    (tmp_path / "x.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(PanelFileError, match="no shape"):
        load_enia(tmp_path / "x.tsv")


def test_production_function_of_food_is_sensible(folder: Path) -> None:
    data = production_data(load_enia(folder / WITH_CAPITAL))
    food = data[data["sector"].str.startswith("31")]
    found = levinsohn_petrin(food)
    assert found.observations == 6_987
    assert 0.7 < found.labour < 1.15 and 0.2 < found.capital < 0.5
    assert 0.7 < found.persistence < 1.0

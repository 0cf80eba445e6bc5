"""A messy folder becomes a panel, twice the same, with every line accounted for and nobody's name in it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from firmtrade_core.harmonise.errors import HarmoniseError
from firmtrade_core.harmonise.example import messy_folder
from firmtrade_core.harmonise.pipeline import Outcome, Settings, harmonise, sort_files
from firmtrade_core.jobs import CancelledError, Checkpoints

SETTINGS = Settings(home="CHL", draws=3, today="2020-06-30")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    folder = tmp_path_factory.mktemp("messy")
    files = sorted(messy_folder(folder / "in").iterdir())
    (folder / "salt").write_text("00" * 32)
    steps = Checkpoints(folder / "job" / "checkpoints")
    return folder, harmonise(files, folder / "out", folder / "salt", SETTINGS, checkpoints=steps)


def test_headers_tell_files_apart(tmp_path: Path) -> None:
    found = sort_files(list(messy_folder(tmp_path).iterdir()))
    assert [p.name for p in found.customs] == ["aduana_2018.csv", "aduana_2019.csv"]
    assert [p.name for p in found.firms] == ["registro.csv"]
    assert len(found.concordances) == 2 and len(found.rates) == 1
    assert list(found.left_out) == ["notes.txt"]


def test_no_line_is_lost_between_steps(done: tuple[Path, Outcome]) -> None:
    folder, outcome = done
    customs = [s for s in outcome.sources if s["kind"] == "customs"]
    broken = sum(f["rows"] for f in outcome.findings if f["rule"] == "line.fields")
    quarantine = pd.read_parquet(folder / "out" / "quarantine.parquet")
    kept = sum(s["kept"] for s in customs)
    assert sum(s["rows"] for s in customs) == kept + len(quarantine) + broken
    trade = pd.read_parquet(folder / "out" / "panel" / "trade.parquet")
    steps = {s["step"]: s for s in outcome.steps}
    assert trade["lines"].sum() >= steps["Setting suspicious lines aside"]["after"]
    value = steps["Adding up by firm, year, country and product"]["value_usd"]
    assert trade["value"].sum() == pytest.approx(value)
    assert set(trade["product"]) == {"870321", "720110", "100191", "100199"}
    mapping = pd.read_parquet(folder / "out" / "product_mapping.parquet")
    assert mapping.groupby(["year", "product"])["weight"].sum().to_list() == pytest.approx([1.0] * 6)
    rules = {f["rule"] for f in outcome.findings}
    assert rules >= {"country.unknown", "country.retired", "line.duplicate", "line.fields", "weight.zero", "product.split"}  # fmt: skip


def test_firms_are_linked_and_joined(done: tuple[Path, Outcome]) -> None:
    folder, outcome = done
    firms = pd.read_parquet(folder / "out" / "panel" / "firms.parquet")
    assert not firms.duplicated(["firm", "year"]).any()
    joined = firms[(firms["exports"] > 0) & firms["employment"].notna()]
    assert joined["firm"].nunique() > 90  # 108 of 120 are in both
    assert outcome.linkage is not None and outcome.linkage["linked"] > 90
    assert outcome.review is not None and "left_name" in pd.read_parquet(outcome.review)
    assert (firms.loc[firms["year"].isin([2018, 2019]), "exports"].notna()).all()


def test_gaps_are_filled_beside_the_panel(done: tuple[Path, Outcome]) -> None:
    folder, outcome = done
    assert outcome.gaps is not None and outcome.gaps["draws"] == 3
    filled = pd.read_parquet(folder / "out" / "panel" / "imputed" / "firms_1.parquet")
    assert filled["sales"].notna().all()
    assert pd.read_parquet(folder / "out" / "panel" / "firms.parquet")["sales"].isna().any()


def test_scorecard_and_mirror(done: tuple[Path, Outcome]) -> None:
    folder, outcome = done
    values = {s["dimension"]: s["value"] for s in outcome.scorecard}
    assert values["timeliness"] == 1.0 and 0.9 < values["validity"] < 1
    assert 0 <= values["coverage"] < 0.01  # a toy beside Chile's exports
    assert outcome.mirror is not None and outcome.mirror["not_scaled"]
    report = json.loads((folder / "out" / "report.json").read_text())
    assert report["scorecard"] and report["sources"][0]["sha256"]


def test_nothing_written_names_a_firm(done: tuple[Path, Outcome]) -> None:
    folder, _ = done
    name = pd.read_csv(folder / "in" / "registro.csv", sep=";")["Razon social"][0]
    word = name.split()[1].encode()
    for path in (p for p in (folder / "out").rglob("*") if p.is_file()):
        assert word not in path.read_bytes(), path
    assert not (folder / "job" / "checkpoints").exists()


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    files = sorted(messy_folder(tmp_path / "in", 40).iterdir())
    (tmp_path / "salt").write_text("00" * 32)
    steps = Checkpoints(tmp_path / "job" / "checkpoints")
    seen: list[str] = []

    def stop(fraction: float, message: str) -> None:
        seen.append(message)
        if "aduana_2019" in message:
            raise CancelledError

    with pytest.raises(CancelledError):
        harmonise(files, tmp_path / "out", tmp_path / "salt", Settings(), progress=stop, checkpoints=steps)
    assert any("aduana_2018" in m for m in seen)
    assert not list(steps.folder.glob("work-*"))
    again: list[str] = []
    harmonise(files, tmp_path / "out", tmp_path / "salt", Settings(), progress=lambda f, m: again.append(m), checkpoints=steps)  # fmt: skip
    assert not any("aduana_2018" in m for m in again) and any("aduana_2019" in m for m in again)


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    (tmp_path / "salt").write_text("00" * 32)
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(HarmoniseError, match="No file holds"):
        harmonise([tmp_path / "a.csv"], tmp_path / "out", tmp_path / "salt")
    with pytest.raises(HarmoniseError, match="apart"):
        harmonise([], tmp_path, tmp_path / "salt")
    (tmp_path / "salt").write_text("short")
    with pytest.raises(HarmoniseError, match="no salt"):
        harmonise([], tmp_path / "out", tmp_path / "salt")

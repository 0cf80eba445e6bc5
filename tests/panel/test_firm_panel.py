"""FirmPanel: building, reading, and the report of what is wrong with it."""

from __future__ import annotations

import gc
import stat
from pathlib import Path

import pandas as pd
import pytest

from firmtrade_core.panel import ColumnError, FirmPanel, PanelError, PanelFileError, PanelMetadata
from firmtrade_core.panel.validation import validate


def firm_table(**changes: list[object]) -> pd.DataFrame:
    table = {
        "firm": ["a", "a", "b", "c"],
        "year": [2020, 2021, 2021, 2021],
        "sector": ["metals", "metals", "metals", "food"],
        "region": ["n", "n", "s", "s"],
        "employment": [10.0, 11.0, 5.0, 7.0],
        "sales": [100.0, 120.0, 40.0, 50.0],
        "exports": [20.0, 30.0, 0.0, 0.0],
        "managers_abroad": [1.0, 2.0, 0.0, 3.0],
        "instrument_lottery": [1, 1, 0, 0],
    }
    return pd.DataFrame(table | changes)


def trade_table(**changes: list[object]) -> pd.DataFrame:
    table = {
        "firm": ["a", "a", "a"],
        "year": [2020, 2021, 2021],
        "flow": ["export", "export", "import"],
        "country": ["BRA", "DEU", "DEU"],
        "product": ["010121", "010121", "870000"],
        "value": [20.0, 30.0, 5.0],
        "quantity": [2.0, 3.0, 1.0],
    }
    return pd.DataFrame(table | changes)


def broken(panel: FirmPanel) -> set[tuple[str, str, str, int]]:
    counts = validate(panel).counts
    rows = counts[counts["severity"] != "advice"]
    return {(r["table"], r["column"], r["rule"], r["rows"]) for r in rows.to_dict("records")}


def test_a_sound_panel_breaks_no_rule() -> None:
    report = validate(FirmPanel.from_frames(firm_table(), trade_table()))
    assert report.usable
    assert set(report.counts["severity"]) == {"advice"}
    assert "value_added: recommended column is missing" in report.text()


def test_every_broken_rule_is_reported_with_its_rows() -> None:
    firms = firm_table(
        year=[2020, 2021, 2021.5, 2021],
        sector=["metals", None, " ", "food"],
        employment=[-1.0, 11.0, float("inf"), 7.0],
        exports=[20.0, 130.0, 0.0, 0.0],
        quality_certificate=[0, 1, 2, None],
    )
    trade = trade_table(
        flow=["export", "Export", "import"],
        country=["BRA", "DEU", "XYZ"],
        value=["20", "thirty", "5"],
        quantity=[0.0, 3.0, 1.0],
    )
    panel = FirmPanel.from_frames(firms, trade)
    assert broken(panel) == {
        ("firms", "year", "is a whole number", 1),
        ("firms", "sector", "is given in every row", 2),
        ("firms", "employment", "is 0 or more", 1),
        ("firms", "employment", "is a finite number", 1),
        ("firms", "quality_certificate", "lies between 0 and 1", 1),
        ("firms", "", "exports are at most sales", 1),
        ("trade", "flow", "is export or import", 1),
        ("trade", "country", "is a known country code (ISO 3166 alpha-3)", 1),
        ("trade", "value", "is a finite number", 1),
        ("trade", "", "a positive value has a positive quantity", 1),
    }
    report = validate(panel)
    assert not report.usable
    assert report.findings.set_index("column").loc["country", "row"] == 2
    assert "row 2: XYZ" in report.text()


def test_duplicates_and_orphans_are_counted() -> None:
    firms = pd.concat([firm_table(), firm_table().head(1)])
    trade = trade_table(firm=["a", "a", "z"])
    found = broken(FirmPanel.from_frames(firms, trade))
    assert ("firms", "", "each firm x year appears once", 1) in found
    assert ("trade", "firm", "each firm and year that trades is in the firm table", 1) in found


def test_a_flood_of_bad_rows_stays_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmtrade_core.panel.validation.CHUNK", 2_048)
    count = 10_000
    firms = pd.DataFrame(
        {"firm": [f"f{i}" for i in range(count)], "year": 2020, "sector": "x", "sales": -1.0}
    )
    report = validate(FirmPanel.from_frames(firms))
    line = report.counts.set_index("column").loc["sales"]
    assert (line["rule"], line["rows"]) == ("is 0 or more", count)
    assert len(report.findings[report.findings["column"] == "sales"]) == 1_000
    assert report.findings["row"].max() == 999
    monkeypatch.setattr("firmtrade_core.panel.validation.LISTED_ROWS", count)
    assert validate(FirmPanel.from_frames(firms)).findings["row"].max() == count - 1


def test_missing_columns_and_empty_tables_are_errors_not_traces() -> None:
    report = validate(FirmPanel.from_frames(firm_table().drop(columns=["firm", "sector"])))
    assert not report.usable
    assert "required column is missing" in report.text()
    assert not validate(FirmPanel.from_frames(firm_table().iloc[:0])).usable


def test_a_panel_returns_from_its_folder(tmp_path) -> None:
    metadata = PanelMetadata(name="test", home="CHL", money="USD", synthetic=True, notes=("one",))
    FirmPanel.from_frames(firm_table(), trade_table(), metadata=metadata).save(tmp_path / "p")
    panel = FirmPanel.from_parquet(tmp_path / "p")
    assert panel.metadata == metadata
    assert panel.metadata.label == "test (synthetic)"
    pd.testing.assert_frame_equal(panel.firms, firm_table(), check_dtype=False)
    assert panel.trade["product"].tolist() == ["010121", "010121", "870000"]


def test_parquet_in_parts_is_one_table(tmp_path) -> None:
    for year, part in firm_table().groupby("year"):
        (tmp_path / "firms").mkdir(exist_ok=True)
        part.to_parquet(tmp_path / "firms" / f"{year}.parquet")
    assert FirmPanel.from_parquet(tmp_path).count("firms") == 4


def test_a_folder_without_firms_is_refused(tmp_path) -> None:
    with pytest.raises(PanelFileError, match=r"no firms\.parquet"):
        FirmPanel.from_parquet(tmp_path)
    (tmp_path / "firms.parquet").write_bytes(b"not parquet")
    with pytest.raises(PanelFileError, match="cannot be read"):
        FirmPanel.from_parquet(tmp_path)


def test_exports_add_up_by_any_column() -> None:
    panel = FirmPanel.from_frames(firm_table(), trade_table())
    assert panel.exports()["value"].tolist() == [50.0]
    by_sector = panel.exports("sector", "year")
    assert by_sector[["sector", "year", "value"]].to_numpy().tolist() == [
        ["metals", 2020, 20.0],
        ["metals", 2021, 30.0],
    ]
    assert panel.exports("country", flow="import")["value"].tolist() == [5.0]
    with pytest.raises(ColumnError, match="colour"):
        panel.exports("colour")
    with pytest.raises(PanelError, match="has no table trade"):
        FirmPanel.from_frames(firm_table()).exports()


def test_extra_columns_are_attributes_and_instruments_are_apart() -> None:
    panel = FirmPanel.from_frames(
        firm_table(), metadata=PanelMetadata(money="USD", units={"managers_abroad": "persons"})
    )
    assert panel.attributes == ("managers_abroad",)  # employment follows sales: an outcome
    assert panel.instruments == ("instrument_lottery",)
    assert (panel.unit("sales"), panel.unit("managers_abroad"), panel.unit("region")) == (
        "USD",
        "persons",
        "",
    )
    with pytest.raises(ColumnError, match=r"capital \(capital stock"):
        panel.need("sales", "capital")


def test_what_spills_is_private_and_goes_with_the_panel() -> None:
    panel = FirmPanel.from_frames(firm_table())
    (folder,) = panel.query("SELECT current_setting('temp_directory') AS folder")["folder"]
    assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
    del panel
    gc.collect()
    assert not Path(folder).exists()

"""Hashed identifiers and cells that reveal no firm."""

from __future__ import annotations

import stat
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.panel import SaltError
from firmtrade_core.panel.confidentiality import hash_identifiers, new_salt, read_salt, suppress


def test_hashes_need_the_salt_and_keep_missing_identifiers(tmp_path) -> None:
    salt = new_salt(tmp_path / "salt", panel_folder=tmp_path / "panel")
    assert read_salt(tmp_path / "salt") == salt
    assert stat.S_IMODE((tmp_path / "salt").stat().st_mode) == 0o600
    firms = pd.Series(["76.1", "76.2", "76.1", None])
    hashed = hash_identifiers(firms, salt)
    assert hashed[0] == hashed[2] != hashed[1]
    assert hashed.isna().tolist() == [False, False, False, True]
    assert not (hashed == hash_identifiers(firms, b"x" * 32)).fillna(False).any()


def test_a_salt_beside_the_panel_overwritten_or_short_is_refused(tmp_path) -> None:
    with pytest.raises(SaltError, match="apart from the panel"):
        new_salt(tmp_path / "panel" / "salt", panel_folder=tmp_path / "panel")
    new_salt(tmp_path / "salt")
    with pytest.raises(SaltError, match="exists already"):
        new_salt(tmp_path / "salt")
    with pytest.raises(SaltError, match="2 bytes"):
        hash_identifiers(pd.Series(["a"]), b"no")


def records(seed: int, rows: int = 220) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "firm": generator.integers(0, 150, rows),
            "sector": generator.choice(list("abcd"), rows, p=[0.5, 0.3, 0.15, 0.05]),
            "region": generator.choice(list("nsew"), rows, p=[0.5, 0.3, 0.15, 0.05]),
            "value": generator.lognormal(0, 2, rows),
        }
    )


@pytest.mark.parametrize("seed", range(6))
def test_no_cell_and_no_subtraction_reveals_a_firm(seed: int) -> None:
    data = records(seed)
    table = suppress(data, ["sector", "region"], "value")
    cell = data.merge(table[["sector", "region", "suppressed"]], on=["sector", "region"])
    for _, group in cell[cell["suppressed"] == ""].groupby(["sector", "region"]):
        by_firm = group.groupby("firm")["value"].sum()
        assert len(by_firm) >= 5
        assert by_firm.max() <= 0.75 * by_firm.sum()
    hidden = cell[cell["suppressed"] != ""]
    assert len(hidden)
    for size in range(2):
        for kept in combinations(["sector", "region"], size):
            lines = hidden.groupby(list(kept)) if kept else [((), hidden)]
            for label, group in lines:
                by_firm = group.groupby("firm")["value"].sum()
                where = dict(zip(kept, label, strict=True))
                line = table[(table[list(where)] == pd.Series(where)).all(axis=1)] if where else table
                safe = len(by_firm) >= 5 and by_firm.max() <= 0.75 * by_firm.sum()
                # A line without an open cell left gives no subtraction beyond its own total.
                assert safe or (line["suppressed"] != "").all()
    assert table.loc[table["suppressed"] != "", ["value", "firms"]].isna().all(axis=None)


def test_open_tables_stay_whole() -> None:
    data = pd.DataFrame({"firm": range(20), "sector": ["a", "b"] * 10, "value": 1.0})
    table = suppress(data, ["sector"], "value")
    assert table["value"].tolist() == [10.0, 10.0]
    assert table["suppressed"].tolist() == ["", ""]


def test_one_dominant_firm_takes_a_second_cell_with_it() -> None:
    data = pd.DataFrame(
        {
            "firm": range(18),
            "sector": ["a"] * 6 + ["b"] * 6 + ["c"] * 6,
            "value": [100.0] + [1.0] * 5 + [9.0] * 6 + [40.0] * 6,
        }
    )
    table = suppress(data, ["sector"], "value").set_index("sector")["suppressed"]
    assert table["a"] == "primary"
    assert table["b"] == "complementary"
    assert table["c"] == ""

"""Hashed identifiers and cells that reveal no firm."""

from __future__ import annotations

import stat
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from firmtrade_core.panel import PanelError, SaltError
from firmtrade_core.panel.confidentiality import (
    FEWEST_FIRMS,
    TOP_SHARE,
    hash_identifiers,
    new_salt,
    read_salt,
    suppress,
)


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


IDENTIFIERS = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=14)


@settings(deadline=None)
@given(st.lists(IDENTIFIERS, min_size=1, max_size=30), st.binary(min_size=16, max_size=32))
def test_hashes_never_leak_and_never_collide(texts: list[str], salt: bytes) -> None:
    hashed = hash_identifiers(pd.Series(texts), salt)
    plain = ["".join(c for c in text.upper() if c.isalnum()) for text in texts]
    by_plain: dict[str, str] = {}
    for text, core, name in zip(texts, plain, hashed, strict=True):
        assert pd.isna(name) == (not core)
        if core:
            assert len(name) == 16 and by_plain.setdefault(core, name) == name
            assert len(core) < 8 or core.lower() not in name
            assert name not in text
    assert len(set(by_plain.values())) == len(by_plain)
    other = hash_identifiers(pd.Series(texts), bytes(b ^ 0xFF for b in salt))
    assert not (hashed == other).fillna(False).any()


def revealing(group: pd.DataFrame) -> bool:
    by_firm = group.groupby("firm")["value"].sum()
    return len(by_firm) < FEWEST_FIRMS or by_firm.max() > TOP_SHARE * by_firm.sum() * (1 + 1e-12)


def determined(hidden: pd.DataFrame, by: list[str]) -> pd.Series:
    """Whether margins over all but one column give each hidden cell away, by rank of the equations."""
    lines = [
        (hidden[[c for c in by if c != left_out]].astype(str).agg("|".join, axis=1) + left_out)
        for left_out in by
    ]
    equations = np.column_stack([pd.get_dummies(line).to_numpy(dtype=float) for line in lines]).T
    rank = np.linalg.matrix_rank(equations)
    unit = np.eye(len(hidden))
    return pd.Series(
        [np.linalg.matrix_rank(np.vstack([equations, unit[i]])) == rank for i in range(len(hidden))],
        index=hidden.index,
    )


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 400),
    firms=st.integers(1, 150),
    spread=st.floats(0.1, 3.0),
    by=st.sampled_from([["sector"], ["sector", "region"], ["sector", "region", "size"]]),
)
def test_no_cell_and_no_subtraction_reveals_a_firm(
    seed: int, rows: int, firms: int, spread: float, by: list[str]
) -> None:
    generator = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "firm": generator.integers(0, firms, rows),
            "sector": generator.choice(list("abcd"), rows, p=[0.5, 0.3, 0.15, 0.05]),
            "region": generator.choice(list("nsew"), rows, p=[0.5, 0.3, 0.15, 0.05]),
            "size": generator.choice(["small", "large"], rows),
            "value": generator.lognormal(0, spread, rows),
        }
    )
    table = suppress(data, by, "value")
    sums = data.groupby(by)["value"].sum()
    shown = table[table["suppressed"] == ""].set_index(by)
    assert np.allclose(shown["value"], sums[shown.index])
    assert table.loc[table["suppressed"] != "", ["value", "firms"]].isna().all(axis=None)
    cell = data.merge(table[[*by, "suppressed"]], on=by)
    assert not any(revealing(group) for _, group in cell[cell["suppressed"] == ""].groupby(by))
    hidden = cell[cell["suppressed"] != ""]
    for size in range(len(by)):
        for kept in combinations(by, size):
            lines = hidden.groupby(list(kept)) if kept else [((), hidden)]
            for label, group in lines:
                line = table
                for column, value in zip(kept, label, strict=True):
                    line = line[line[column] == value]
                # A line without an open cell left gives no subtraction beyond its own total.
                assert not len(group) or not revealing(group) or (line["suppressed"] != "").all()
    cells = table[table["suppressed"] != ""].reset_index(drop=True)
    if len(cells):
        given_away = cells[determined(cells, by) & (cells["suppressed"] == "primary")]
        # Only where margins alone, every cell withheld, or margins that reveal a firm themselves would tell.
        margins = [list(kept) for size in range(len(by)) for kept in combinations(by, size)]
        unsafe = any(
            revealing(group)
            for kept in margins
            for _, group in (data.groupby(kept) if kept else [((), data)])
        )
        assert given_away.empty or unsafe or table.attrs["exposed"]


def test_margins_together_do_not_give_a_cell_away() -> None:
    # Two blocks of hidden cells joined by one: every line is safe by itself, yet the joining cell is determined.
    hidden = {(r, c) for r in "12" for c in "12"} | {(r, c) for r in "34" for c in "34"} | {("1", "3")}
    rows = [
        (f"{r}{c}{k}", r, c, 10.0)
        for r in "1234"
        for c in "1234"
        for k in range(3 if (r, c) in hidden else 9)
    ]
    data = pd.DataFrame(rows, columns=["firm", "row", "column", "value"])
    table = suppress(data, ["row", "column"], "value")
    status = table.set_index(["row", "column"])["suppressed"]
    assert (status[list(hidden)] == "primary").all()
    assert (status == "complementary").sum() == 1
    cells = table[table["suppressed"] != ""].reset_index(drop=True)
    assert not determined(cells, ["row", "column"]).any()


def test_columns_of_the_tables_own_names_are_refused() -> None:
    with pytest.raises(PanelError, match="Rename the column firms"):
        suppress(pd.DataFrame({"firm": ["a"], "firms": ["b"], "value": [1.0]}), ["firms"], "value")


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

"""The same lines give the same digits, however many readers work side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.harmonise import declarations
from firmtrade_core.harmonise.annual import AnnualPlan, add_up
from firmtrade_core.harmonise.database import exact_sum, passing_database
from firmtrade_core.harmonise.declarations import Options, read_declarations
from firmtrade_core.panel.settled import settled
from tests.end_to_end.lines import customs_lines


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return customs_lines(tmp_path_factory.mktemp("lines") / "customs.csv", 130_000)


def harmonised(lines: Path, folder: Path, threads: int) -> tuple[pd.DataFrame, object, dict[str, object]]:
    found = read_declarations([lines], folder / "work", Options(b"salt of sixteen bytes", threads=threads))
    found.save(folder / "out")
    findings = found.findings.to_json()
    found.connection.close()
    trade = add_up(
        [folder / "out" / "lines.parquet"],
        folder / "trade.parquet",
        AnnualPlan(edition=None),
        threads=threads,
    )
    return pd.read_parquet(trade.path), trade.value, findings


def test_one_thread_and_four_give_the_same_bits(lines: Path, tmp_path: Path) -> None:
    first, total, findings = harmonised(lines, tmp_path / "one", 1)
    assert len(first) > 30_000
    for threads in (4,):
        again, other, told = harmonised(lines, tmp_path / str(threads), threads)
        pd.testing.assert_frame_equal(again, first, check_exact=True)
        assert other == total and told == findings


def test_a_sum_does_not_hang_on_the_order() -> None:
    values = np.random.default_rng(0).lognormal(8, 4, 50_000)
    sums = set()
    for seed in range(4):
        frame = pd.DataFrame({"x": np.random.default_rng(seed).permutation(values)})
        with passing_database() as connection:
            connection.register("frame", frame)
            row = connection.execute(f"SELECT {exact_sum('x')} FROM frame").fetchone()
        assert row is not None
        sums.add(row[0])
    assert len(sums) == 1 and sums.pop() == pytest.approx(values.sum(), rel=1e-12)


def test_the_last_bits_do_not_enter_an_estimate() -> None:
    random = np.random.default_rng(1)
    values = random.lognormal(10, 5, (200, 50)) * random.choice([-1, 1], (200, 50))
    moved = values * (1 + 2.3e-16 * random.integers(-1, 2, values.shape))
    assert (moved != values).any()
    np.testing.assert_array_equal(settled(moved), settled(values))
    np.testing.assert_allclose(settled(values), values, rtol=1e-8)
    odd = np.array([0.0, np.nan, np.inf, -np.inf, 1e-300, 1e300, 0.1 + 0.2])
    np.testing.assert_array_equal(settled(odd)[:4], odd[:4])
    assert settled(odd)[-1] == 0.3 and settled(odd)[4] == 1e-300 and settled(odd)[5] == 1e300


def test_tables_in_pieces_are_the_same(lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_declarations([lines], tmp_path / "work", Options(b"salt of sixteen bytes"))
    found.save(tmp_path / "whole", first_file=3)
    monkeypatch.setattr(declarations, "_SORTED_AT_ONCE", 1000)
    monkeypatch.setattr(declarations, "_PIECE", 37_000)
    found.save(tmp_path / "pieces", first_file=3)
    found.connection.close()
    for table in ("lines", "changes", "quarantine"):
        whole, pieces = (pd.read_parquet(tmp_path / f / f"{table}.parquet") for f in ("whole", "pieces"))
        pd.testing.assert_frame_equal(whole, pieces, check_exact=True)


def test_lines_that_repeat_are_found_a_stretch_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = "firm,date,flow,country,product,value,currency\n"
    rows = [f"F{n % 700},2019-03-05,export,DE,020110,{n % 900},USD\n" for n in range(9000)]
    path = tmp_path / "lines.csv"
    path.write_text(heads + "".join(rows))
    counts = []
    for name, most in (("whole", 10_000_000), ("turns", 1000)):
        monkeypatch.setattr(declarations, "_HASHED_AT_ONCE", most)
        found = read_declarations([path], tmp_path / name, Options(b"salt of sixteen bytes"))
        rows_twice = found.connection.execute(
            "SELECT row FROM lines WHERE list_contains(flags, 'line.repeated') ORDER BY row"
        ).fetchall()
        counts.append(rows_twice)
        found.connection.close()
    assert counts[0] == counts[1] and len(counts[0]) == len(rows) - len(set(rows)) - sum(
        r.split(",")[5] == "0" for r in rows[6300:]
    )

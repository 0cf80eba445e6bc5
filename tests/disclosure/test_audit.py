"""What an intruder can work out, exactly, and how little is withheld so that it is not enough."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.disclosure import small_tables
from firmtrade_core.disclosure import DisclosureError, Rule, bounds, compare, exposed, protect, release
from firmtrade_core.panel.confidentiality import suppress


def the_issues_table() -> pd.DataFrame:
    """Three rows of 8, 7 and 6 firms with 10 each in every column; a fourth of six firms with 10 and one with 7."""
    cells = [(row, column, n) for row, n in zip("abc", (8, 7, 6), strict=True) for column in "xyz"]
    rows = [(row, column, 10.0) for row, column, n in [*cells, ("d", "x", 6)] for _ in range(n)]
    rows.append(("d", "y", 7.0))
    return pd.DataFrame(rows, columns=["row", "column", "value"]).assign(firm=range(len(rows)))


def test_totals_do_not_give_back_the_single_firm() -> None:
    data = the_issues_table()
    given = release(data, [["row", "column"]], "value")
    single = given.where(["row", "column"], ["d", "y"])
    # Hidden alone, or with the cell beside it only, the totals give it back.
    alone = given.primary.copy()
    assert exposed(given, alone) == [single]
    alone[given.where(["row", "column"], ["d", "x"])] = True
    found = bounds(given, alone)
    assert found.loc[single, ["low", "high"]].tolist() == [7.0, 7.0] and not found.loc[single, "safe"]
    pattern = protect(given)
    found = bounds(given, pattern.hidden)
    assert exposed(given, pattern.hidden) == [] and not pattern.exposed
    assert found.loc[single, "low"] == pytest.approx(0) and found.loc[single, "high"] == pytest.approx(67)
    table = suppress(data, ["row", "column"], "value").set_index(["row", "column"])["suppressed"]
    assert table["d", "y"] == "primary" and (table != "").sum() == 4


def test_bounds_are_those_of_brute_force() -> None:
    # 2 x 2 with all cells hidden: the single degree of freedom is found by hand.
    data = pd.DataFrame(
        {"row": list("aabb"), "column": list("xyxy"), "value": [3.0, 5.0, 4.0, 2.0], "firm": range(4)}
    )
    given = release(
        data, [["row", "column"]], "value", rule=Rule(fewest_firms=1, top_share=1, top_two=1, within=0)
    )
    found = bounds(given, given.cells.copy())
    for row, column, low, high in (("a", "x", 1, 7), ("a", "y", 1, 7), ("b", "x", 0, 6), ("b", "y", 0, 6)):
        ends = found.loc[given.where(["row", "column"], [row, column]), ["low", "high"]]
        assert ends.tolist() == pytest.approx([low, high])


def linked(seed: int = 3, count: int = 80) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "firm": range(count),
            "region": draw.choice(list("nsw"), count, p=[0.6, 0.36, 0.04]),
            "size": draw.choice(["small", "large"], count, p=[0.85, 0.15]),
            "sector": draw.choice(list("abc"), count, p=[0.5, 0.45, 0.05]),
            "value": draw.lognormal(0, 1.2, count),
        }
    )


def test_tables_of_the_same_firms_are_judged_together() -> None:
    data = linked()
    tables = [["region", "size"], ["sector", "size"], ["region", "sector"]]
    together = release(data, tables, "value")
    # Each safe by itself, one beside the other they give a firm away.
    apart = np.zeros(len(together.names), dtype=bool)
    for table in tables:
        alone = release(data, [table], "value")
        for number in np.flatnonzero(protect(alone).hidden):
            apart[together.where(*alone.names[number])] = True
    assert exposed(together, apart)
    pattern = protect(together)
    assert exposed(together, pattern.hidden) == [] and not pattern.exposed
    assert bounds(together, pattern.hidden)["safe"].all()
    assert pattern.hidden.sum() < len(pattern.hidden)


def test_as_safe_as_the_textbook_and_no_more_cells_lost() -> None:
    totals: dict[str, int] = {}
    for given in small_tables(12, seed=1):
        for name, (lost, bare) in compare(given).items():
            assert bare == 0, name
            totals[name] = totals.get(name, 0) + lost
    assert totals["here"] <= 1.05 * min(totals["optimal"], totals["hypercube"])
    assert totals["hypercube"] > 0


def test_values_below_zero_are_no_bound() -> None:
    data = the_issues_table()
    data.loc[data.index[::3], "value"] *= -1
    given = release(data, [["row", "column"]], "value")
    pattern = protect(given)
    assert exposed(given, pattern.hidden) == []


def test_tables_that_cannot_be_judged_are_refused() -> None:
    with pytest.raises(DisclosureError, match="no column nowhere"):
        release(linked(), [["nowhere"]], "value")
    wide = pd.DataFrame({"firm": range(300), "value": 1.0} | {c: range(300) for c in "ab"})
    with pytest.raises(DisclosureError, match="fewer of them"):
        release(wide, [["a"], ["b"]], "value")


def test_dominance_of_one_of_two_and_by_a_neighbour() -> None:
    def broken(values: list[float]) -> bool:
        data = pd.DataFrame({"firm": range(len(values)), "value": values})
        return bool(release(data, [[]], "value").judgement.broken[0])

    assert not broken([10.0] * 5) and broken([10.0] * 4)
    assert broken([80.0, 5, 5, 5, 5]) and broken([48.0, 47, 2, 2, 1])
    assert broken([70.0, 24, 2, 2, 2]) and not broken([40.0, 20, 20, 10, 10])

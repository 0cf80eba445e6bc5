"""Bad input is refused or set aside, in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.capability import (
    CapabilityData,
    CapabilityError,
    LeakageError,
    NoAttributeError,
    SampleError,
    SelectionError,
)

GENERATOR = np.random.default_rng(3)
SALES = np.where(GENERATOR.random((200, 4)) < 0.4, GENERATOR.normal(size=(200, 4)), np.nan)
PLAIN = pd.DataFrame(GENERATOR.standard_normal((200, 2)), columns=["size", "skill"])


def total() -> np.ndarray:
    return np.log(np.nansum(np.exp(SALES), axis=1) + 1e-9)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("total_exports", np.nansum(np.exp(SALES), axis=1)),
        ("log_exports", total()),
        ("exporter", np.isfinite(SALES).any(1).astype(float)),
        ("destinations", np.isfinite(SALES).sum(1)),
        ("almost_exporter", np.isfinite(SALES).any(1) != (np.arange(200) < 2)),
        ("noisy_log_exports", total() + 0.05 * GENERATOR.standard_normal(200)),
        ("known_only_of_exporters", np.where(np.isfinite(SALES).any(1), 1.0 + np.arange(200), np.nan)),
    ],
)
def test_outcomes_in_disguise_are_refused_by_name(name: str, column: np.ndarray) -> None:
    with pytest.raises(LeakageError, match=name):
        CapabilityData.from_arrays(SALES, PLAIN.assign(**{name: column}))


def test_columns_that_tell_much_and_firms_that_never_sell_are_spoken_of() -> None:
    sells = np.isfinite(SALES).any(1)
    telling = sells + 0.35 * np.random.default_rng(4).standard_normal(200)
    thin = np.where(np.arange(200)[:, None] < 60, np.nan, SALES)
    home_only = (np.arange(200) < 40).astype(float)
    data = CapabilityData.from_arrays(thin, PLAIN.assign(home_only=home_only))
    assert any("No firm with home only sells abroad (separation)" in note for note in data.notes)
    spoken = CapabilityData.from_arrays(SALES, PLAIN.assign(telling=telling))
    assert any(note.startswith("telling tells almost exactly") for note in spoken.notes)


def test_constant_and_empty_columns_are_set_aside_and_said() -> None:
    data = CapabilityData.from_arrays(SALES, PLAIN.assign(one=1.0, none=np.nan))
    assert data.attribute_names == ("size", "skill")
    assert any("one set aside: it never varies" in note for note in data.notes)
    assert any("none set aside: all values are missing" in note for note in data.notes)
    with pytest.raises(NoAttributeError, match="one"):
        CapabilityData.from_arrays(SALES, PLAIN.assign(one=1.0)[["one"]])


def test_too_few_firms_no_sales_and_no_absences_are_refused() -> None:
    with pytest.raises(SampleError, match="30 firms"):
        CapabilityData.from_arrays(SALES[:30], PLAIN[:30])
    with pytest.raises(SelectionError, match="No firm sells"):
        CapabilityData.from_arrays(SALES * np.nan, PLAIN)
    with pytest.raises(SelectionError, match="never-exporters"):
        CapabilityData.from_arrays(np.nan_to_num(SALES), PLAIN)


def test_zero_sales_in_logs_words_and_twins_are_refused() -> None:
    with pytest.raises(CapabilityError, match="infinite"):
        CapabilityData.from_arrays(np.where(np.isfinite(SALES), SALES, -np.inf), PLAIN)
    with pytest.raises(CapabilityError, match="one-hot columns of region"):
        CapabilityData.from_arrays(SALES, PLAIN.assign(region="North"))
    with pytest.raises(CapabilityError, match="two rows"):
        CapabilityData.from_arrays(SALES, PLAIN, firm=np.arange(200) // 2, year=np.full(200, 2020))


def test_markets_without_sellers_are_set_aside() -> None:
    empty = SALES.copy()
    empty[:, 2] = np.nan
    data = CapabilityData.from_arrays(empty, PLAIN)
    assert (data.presence[:, 2] == -1).all()
    assert any("market 3" in note for note in data.notes)


def test_rows_are_sorted_by_firm_and_years_pooled_or_not() -> None:
    firm, year = np.tile(np.arange(100), 2), np.repeat([2021, 2020], 100)
    data = CapabilityData.from_arrays(SALES, PLAIN, firm=firm, year=year)
    assert (np.diff(data.firm) >= 0).all() and set(data.temper) == {0.5}
    assert data.group_names == ("2020", "2021")
    independent = CapabilityData.from_arrays(SALES, PLAIN, firm=firm, year=year, years_are_independent=True)
    assert set(independent.temper) == {1.0}


def test_sectors_make_blocks_unless_firms_move_between_them() -> None:
    firm, year = np.repeat(np.arange(100), 2), np.tile([2020, 2021], 100)
    sector = np.where(firm < 50, "food", "steel")
    stay = CapabilityData.from_arrays(SALES, PLAIN, firm=firm, year=year, sector=sector)
    assert len(set(stay.block)) == 2
    sector[1] = "steel"
    assert len(set(CapabilityData.from_arrays(SALES, PLAIN, firm=firm, year=year, sector=sector).block)) == 1

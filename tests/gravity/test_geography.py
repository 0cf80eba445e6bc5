"""Geography by pair: our own table, CEPII's files in their true form, retired codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.gravity.geography import (
    GeographyFileError,
    geography,
    load_cepii_gravity,
    load_geodist,
    with_geography,
)
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.world.errors import ColumnError


def test_our_own_geography() -> None:
    table = geography(["DEU", "FRA", "USA"]).set_index(["exporter", "importer"])
    assert table.loc[("DEU", "FRA"), "dist"] == pytest.approx(878, rel=0.02)
    assert table.loc[("DEU", "DEU"), "dist"] == pytest.approx(table.loc[("DEU", "FRA"), "dist"] / 4)
    assert table.loc[("DEU", "FRA"), "contiguity"] == 1 and table.loc[("DEU", "USA"), "contiguity"] == 0
    assert table.loc[("FRA", "FRA"), ["contiguity", "language"]].tolist() == [0, 0]
    with pytest.raises(GeographyFileError, match="No capital is known of QQQ"):
        geography(["DEU", "QQQ"])


def test_a_panel_takes_geography_on_and_names_what_is_missing() -> None:
    pairs = [(o, d, 1.0) for o in ("DEU", "FRA") for d in ("DEU", "FRA")]
    panel = GravityPanel.from_table(pd.DataFrame(pairs, columns=["exporter", "importer", "trade"]))
    full = with_geography(panel)
    assert full.table["dist"].notna().all() and full.table["trade"].tolist() == [1, 1, 1, 1]
    with pytest.raises(GeographyFileError, match=r"1 of 4 rows have no dist.*FRA and FRA"):
        with_geography(panel, geography(["DEU", "FRA"]).iloc[:3])


GRAVITY_CSV = """year,country_id_o,country_id_d,iso3_o,iso3_d,country_exists_o,country_exists_d,dist,contig,comlang_off,col_dep_ever,fta_wto
1989,DEU.1,FRA,DEU,FRA,1,1,880,1,0,0,1
1989,DEU.2,FRA,DEU,FRA,0,1,,,,,
1989,SUN,FRA,SUN,FRA,1,1,2480,0,0,0,0
1989,ROM,FRA,ROM,FRA,1,1,1870,0,0,0,0
1992,DEU.2,FRA,DEU,FRA,1,1,881,1,0,0,1
1992,ZAR,FRA,ZAR,FRA,1,1,6000,0,1,0,
"""


def test_cepii_gravity_in_its_own_form(tmp_path: Path) -> None:
    path = tmp_path / "Gravity_V202211.csv"
    path.write_text(GRAVITY_CSV)
    table = load_cepii_gravity(path)
    cells = [*zip(table["exporter"], table["year"], strict=True)]
    assert sorted(cells) == [
        ("COD", 1992), ("DEU", 1989), ("DEU", 1992), ("ROU", 1989), ("RUS", 1989), ("SUN", 1989),
    ]  # fmt: skip
    assert {"dist", "contiguity", "language", "colony", "rta"} <= set(table)
    assert table.set_index(["exporter", "year"]).loc[("DEU", 1992), "dist"] == 881
    assert set(load_cepii_gravity(path, years=[1992])["year"]) == {1992}
    with pytest.raises(GeographyFileError, match="no pairs of these years"):
        load_cepii_gravity(path, years=[2050])
    path.write_text("year,iso3_o\n1989,DEU\n")
    with pytest.raises(ColumnError, match="iso3_d"):
        load_cepii_gravity(path)


@pytest.mark.data
def test_geodist_agrees_with_our_own(needs_data: Callable[[str], Path]) -> None:
    table = load_geodist(needs_data("geodist") / "dist_cepii.dta")
    assert {"ROU", "COD", "SRB"} <= set(table["exporter"]) and not {"ROM", "ZAR"} & set(table["exporter"])
    assert not table.duplicated(["exporter", "importer"]).any()
    countries = ["ARG", "AUS", "BRA", "CHN", "DEU", "EGY", "FRA", "IND", "JPN", "NGA", "ROU", "USA", "ZAF"]
    both = geography(countries).merge(table, on=["exporter", "importer"], suffixes=("", "_cepii"))
    abroad = both[both["exporter"] != both["importer"]]
    assert len(abroad) == 13 * 12
    ratio = np.log(abroad["dist"] / abroad["dist_cepii"])
    # CEPII measures between most populous cities, we between capitals.
    assert ratio.abs().median() < 0.05 and ratio.abs().quantile(0.9) < 0.35
    assert (abroad["contiguity"] == abroad["contiguity_cepii"]).all()


def test_retired_codes_are_placed_where_the_country_is_today() -> None:
    old, new = geography(["ROM", "DEU", "USA"]), geography(["ROU", "DEU", "USA"])
    pd.testing.assert_frame_equal(old.replace("ROM", "ROU"), new)
    table = old[["exporter", "importer"]].assign(trade=1.0)
    panel = with_geography(GravityPanel.from_table(table))
    assert "Placed on the map: ROM as ROU." in panel.notes
    with pytest.raises(GeographyFileError, match=r"known of XYZ\. Use ISO codes"):
        geography(["XYZ", "DEU"])

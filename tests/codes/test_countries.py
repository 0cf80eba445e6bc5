"""Country codes, names and geography."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.codes import countries as c
from firmtrade_core.codes import places
from firmtrade_core.codes.iso import is_known
from firmtrade_core.world.embedded import load_embedded_world

EMBEDDED = load_embedded_world().countries


def test_names_are_the_readers() -> None:
    assert c.country_name("ROW") == "Rest of the world"
    assert c.country_name("KOR") == "South Korea"
    assert c.country_name("DEU") == "Germany"
    assert c.country_name("X1") == "X1"
    assert not [c.country_name(code) for code in EMBEDDED if "," in c.country_name(code)]


def test_numeric_codes() -> None:
    assert (c.numeric_code("USA"), c.numeric_code("AUS"), c.numeric_code("ROW")) == ("840", "036", None)
    assert all(c.numeric_code(code) for code in EMBEDDED if code != "ROW")


@pytest.mark.parametrize(
    ("code", "likely"),
    [
        ("ROM", ("ROU",)),
        ("ZAR", ("COD",)),
        ("CSK", ("CZE", "SVK")),
        ("usa", ("USA",)),
        (" DEU ", ("DEU",)),
        ("Germany", ("DEU",)),
        ("Korea, Rep.", ("KOR",)),
        ("GB", ("GBR",)),
        ("UK", ("GBR",)),
        ("Holland", ("NLD",)),
        ("Channel Islands", ("GGY", "JEY")),
        ("Polland", ()),
        ("Austrlia", ()),
        ("WLD", ()),
        ("", ()),
    ],
)
def test_suggestions_are_meanings_and_never_lookalikes(code: str, likely: tuple[str, ...]) -> None:
    assert places.suggest(code)[: len(likely) or 1] == likely


def test_labels_of_the_list_are_no_present_codes_and_their_successors_are() -> None:
    import pycountry

    current = {getattr(p, k) for p in pycountry.countries for k in ("alpha_2", "alpha_3", "numeric")}
    for place, labels in places.places():
        assert place.story and all(places.is_place(s) for s in place.successors)
        assert place.code is None or places.is_place(place.code)
        assert place.seat == "" or place.seat in place.successors
        for label in labels:
            assert label not in current, label
            assert places.read_place(label) == place, label


def test_every_known_country_has_a_capital() -> None:
    table = c.capitals()
    assert set(EMBEDDED) - {"ROW"} <= set(table)
    assert all(is_known(code) for code in table)
    for code, capital in table.items():
        assert -60 < capital.latitude < 70 and -180 <= capital.longitude <= 180
        assert all(code in table[neighbour].neighbours for neighbour in capital.neighbours), code


def test_distances() -> None:
    km = c.distances(("DEU", "FRA", "USA"))
    np.testing.assert_allclose(km, km.T)
    assert km[0, 1] == pytest.approx(878, abs=5)
    assert km[0, 2] == pytest.approx(6710, rel=0.01)
    assert not np.diag(km).any()
    with_rest = c.distances(("DEU", "ROW", "USA"))
    assert with_rest[0, 2] == pytest.approx(km[0, 2])
    assert 500 < with_rest[0, 1] < with_rest[1, 2]


def test_one_language_whatever_its_script() -> None:
    chinese = c.common_language(["CHN", "HKG", "MAC", "SGP", "TWN"])
    assert (chinese == ~np.eye(5, dtype=bool)).all()
    others = c.common_language(["BIH", "MNE", "SRB", "NOR", "DNK", "MYS", "IDN", "BRN"])
    assert others[:3, :3].sum() == 6 and not others[3:5, :].any()
    assert others[5, 7] and not others[5, 6]


def test_borders_and_languages() -> None:
    trio = ("AUT", "DEU", "GBR", "USA")
    assert c.contiguity(trio).tolist()[0] == [False, True, False, False]
    shared = c.common_language(trio)
    assert shared[0, 1] and shared[2, 3] and not shared[1, 2] and not shared.diagonal().any()


@pytest.mark.data
def test_geography_agrees_with_cepii(needs_data: Callable[[str], Path]) -> None:
    """Our table of capitals against published distances between capitals, which it was not made from."""
    theirs = pd.read_stata(needs_data("geodist") / "dist_cepii.dta")
    theirs = theirs.replace({"iso_o": {"ROM": "ROU", "ZAR": "COD"}, "iso_d": {"ROM": "ROU", "ZAR": "COD"}})
    ours = [code for code in EMBEDDED if code != "ROW"]
    pairs = theirs[theirs["iso_o"].isin(ours) & theirs["iso_d"].isin(ours)].set_index(["iso_o", "iso_d"])
    wide = pairs["distcap"].unstack().reindex(index=ours, columns=ours).to_numpy()
    borders = pairs["contig"].unstack().reindex(index=ours, columns=ours).to_numpy()
    km = c.distances(ours)
    abroad = ~np.eye(len(ours), dtype=bool) & np.isfinite(wide)
    gap = np.abs(km - wide)[abroad]
    assert np.median(gap) < 15
    assert np.quantile(gap, 0.99) < 350
    disagree = (c.contiguity(ours) != (borders == 1)) & abroad
    # Spain and Morocco meet at Ceuta and Melilla, which the published table leaves out.
    assert {frozenset((ours[i], ours[j])) for i, j in np.argwhere(disagree)} <= {frozenset(("ESP", "MAR"))}

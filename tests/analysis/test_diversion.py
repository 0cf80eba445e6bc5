"""Diversion adds up, names the right losers, and follows a shock by hand."""

import numpy as np
import pytest

from firmtrade_core.analysis.diversion import _replacement, diversion, redirection
from firmtrade_core.world.errors import UnknownCodeError


@pytest.mark.parametrize("sectors", [None, ["S01"], ["S00", "S02"]])
def test_everything_adds_up(raised, embargoed, sectors) -> None:
    for first in (None, embargoed):
        found = diversion(raised, "C01", sectors, first=first)
        np.testing.assert_allclose(found.size + found.diverted, found.after - found.before, atol=1e-12)
        assert found.diverted.sum() == pytest.approx(0, abs=1e-12)
        assert found.size.sum() == pytest.approx(found.change.sum())
        net = found.replacement.sum(0) - found.replacement.sum(1)
        np.testing.assert_allclose(net, found.diverted, atol=1e-12)
        assert (found.replacement >= 0).all() and found.replacement.trace() == 0


def test_totals_are_what_the_market_buys(raised) -> None:
    found = diversion(raised, "C01")
    np.testing.assert_allclose(found.after, raised.border_value[:, 1].sum(1) / 1000)
    np.testing.assert_allclose(found.before, raised.world.border_value[:, 1].sum(1) / 1000)


def test_the_one_that_is_hit_is_replaced_by_the_others(raised) -> None:
    found = diversion(raised, "C01")
    assert found.diverted[0] < 0 and (found.diverted[1:] > 0).all()
    table = found.table()
    assert table.iloc[0]["origin"] == "C00" and table["diverted"].is_monotonic_increasing
    pairs = found.replacements()
    assert set(pairs["loser"]) == {"C00"} and pairs["billion_usd"].is_monotonic_decreasing
    assert pairs["billion_usd"].sum() == pytest.approx(-found.diverted[0])


def test_replacement_stays_within_a_sector() -> None:
    diverted = np.array([[-6.0, 2.0], [4.0, 0.0], [2.0, -2.0]])
    expected = np.array([[0, 4, 2], [0, 0, 0], [2, 0, 0]])
    np.testing.assert_allclose(_replacement(diverted), expected)


def test_an_embargo_takes_all_of_it(embargoed) -> None:
    found = diversion(embargoed, "C01")
    assert found.after[0] == 0 and found.change[0] == -found.before[0]


def test_goods_go_elsewhere(raised) -> None:
    table = redirection(raised, "C00", first=None)
    assert table.iloc[0]["destination"] == "C01"
    assert table["after"].sum() == pytest.approx(raised.border_value[0].sum() / 1000)
    assert (table.iloc[1:]["change"] > table.iloc[0]["change"]).all()


def test_unknown_codes_are_named(raised) -> None:
    with pytest.raises(UnknownCodeError, match="C09"):
        diversion(raised, "C09")
    with pytest.raises(UnknownCodeError, match="S09"):
        diversion(raised, "C01", ["S09"])

"""Suppliers lost together: chances by linear algebra, greedy sets within their bound, all sets where they are few."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.home.supplier_loss import SupplierNetwork, supplier_network, worst_suppliers
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign


def network(seed: int, count: int = 9, *, synthetic: bool = True, cycles: bool = True) -> SupplierNetwork:
    """Firms that buy a third of the time from each other, with sales of fat tails."""
    random = np.random.default_rng(seed)
    share = random.random((count, count)) * (random.random((count, count)) < 0.35)
    share = share if cycles else np.triu(share)
    np.fill_diagonal(share, 0.0)
    share *= random.uniform(0.2, 0.9, (count, 1)) / np.maximum(share.sum(1, keepdims=True), 1e-9)
    names = tuple(f"F{i}" for i in range(count))
    buyer, supplier = np.nonzero(share)
    return SupplierNetwork(names, random.lognormal(0, 1.5, count), buyer, supplier, share[buyer, supplier], "test", "USD", synthetic, 2020)  # fmt: skip


def test_what_is_lost_solves_the_equations_and_is_the_chance_that_a_walk_comes_by() -> None:
    given_network = network(3)
    w, gone = given_network.share.toarray(), [1, 4]
    rest = [i for i in range(9) if i not in gone]
    inside = np.linalg.solve(np.eye(7) - w[np.ix_(rest, rest)], w[np.ix_(rest, gone)].sum(1))
    found = given_network.lost(gone)
    np.testing.assert_allclose(found[rest], inside, atol=1e-11)
    assert (found[gone] == 1).all()
    random, hits = np.random.default_rng(0), 0
    for _ in range(4000):
        at = 0
        while at not in gone and (step := random.random()) < w[at].sum():
            at = int(np.searchsorted(np.cumsum(w[at]), step))
        hits += at in gone
    assert hits / 4000 == pytest.approx(found[0], abs=0.03)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_greedy_keeps_its_promises_against_all_sets(seed: int) -> None:
    each = network(seed)
    greedy, best = worst_suppliers(each, 3), worst_suppliers(each, 3, exhaustive=True)
    assert (best.table["loss"] <= greedy.table["most"] * (1 + 1e-9)).all()
    assert (greedy.table["loss"] >= (1 - 1 / np.e) * best.table["loss"]).all()
    assert (greedy.table["loss"] <= best.table["loss"] * (1 + 1e-9)).all()
    assert greedy.table["certified"].between(1 - 1 / np.e - 1e-9, 1).all()
    assert each.reach[greedy.chosen[0]] >= greedy.table["loss"].iloc[0] - 1e-9


def test_a_small_supplier_of_everybody_is_worse_to_lose_than_the_largest_firm() -> None:
    """One firm without sales of its own to speak of from which all buy 30 % of their inputs."""
    count = 50
    share = np.zeros((count, count))
    share[1:, 0] = 0.3
    value = np.concatenate([[0.1], np.full(count - 1, 1.0)])
    value[1] = 5.0
    hub = SupplierNetwork(
        tuple(map(str, range(count))), value, *np.nonzero(share), share[share > 0], "hub", "USD", True, 2020
    )
    found = worst_suppliers(hub, 2)
    assert found.chosen[0] == 0 and found.table["loss"].iloc[0] == pytest.approx(0.1 + 0.3 * (count - 2 + 5))
    assert found.largest_share < found.table["share"].iloc[1]


def test_a_panel_gives_its_network_and_real_firms_are_told_by_fives() -> None:
    panel = make_country(SyntheticDesign(firms=300)).panel
    found = worst_suppliers(supplier_network(panel, measure="exports"), 10)
    assert found.network.value.sum() == pytest.approx(
        panel.firms.query(f"year == {max(panel.years)}")["exports"].sum()
    )
    assert (found.network.share.sum(1) <= 0.95 + 1e-9).all()
    real = worst_suppliers(network(1, 40, synthetic=False), 12)
    assert set(real.told()["together"]) <= {5, 10}
    assert "5 suppliers" not in worst_suppliers(network(1, 40, synthetic=False), 4).sentence()


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(ComparisonError, match="chosen greedily"):
        worst_suppliers(network(0, 60), 6, exhaustive=True)
    with pytest.raises(ComparisonError, match="choose from 1 to 9"):
        worst_suppliers(network(0), 10)
    bare = FirmPanel.from_frames(make_country(SyntheticDesign(firms=200)).panel.firms)
    with pytest.raises(ComparisonError, match="table of links"):
        supplier_network(bare)

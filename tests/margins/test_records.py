"""Direct effects of programmes by firms' own records, against firms that are drawn and choose anew (MODEL 13)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from firmtrade_core.margins import Deviations, FirmRecord, FirmSector, TreatedRows
from firmtrade_core.margins.records import Sector, normal

Array = NDArray[np.float64]

DEVIATIONS = Deviations(0.7, 1.2, 0.8, 0.4)
EFFECT, SAVING = 0.35, 0.2


@dataclass(frozen=True)
class Drawn:
    """Firms of one sector with all that nobody sees; the home country is the last of the markets."""

    m: Array
    g: Array
    kappa: Array
    taste: Array
    entry: Array
    threshold: Array

    def potential(self, shift: Array, saving: Array) -> Array:
        """e^(κ+ξ) where a firm sells, (F, M + 1)."""
        index = (self.kappa + self.g + shift + saving)[:, None] + self.entry
        sold = np.exp((self.kappa + shift)[:, None] + self.taste)
        return np.where(index >= self.threshold, sold, 0.0)


def drawn(seed: int, count: int = 12_000) -> Drawn:
    random, d = np.random.default_rng(seed), DEVIATIONS
    m, g = random.normal(0, 1.0, count), random.normal(0, 0.3, count)
    threshold = np.array([2.0, 1.2, 2.6, 1.6, 2.2, -np.inf])
    known = random.standard_normal((count, 6))
    rho = d.known_taste / (d.taste * d.entry)
    taste = d.taste * (rho * known + np.sqrt(1 - rho**2) * random.standard_normal((count, 6)))
    taste[:, -1] *= 0.3
    return Drawn(m, g, m + d.capability * random.standard_normal(count), taste, d.entry * known, threshold)


def posterior(firms: Drawn, sold: Array) -> tuple[Array, Array]:
    """Mean and spread of κ given presence and all sales, on a grid, the levels of markets known."""
    d = DEVIATIONS
    grid = firms.m[:, None] + d.capability * np.linspace(-4.5, 4.5, 61)
    log_p = -0.5 * ((grid - firms.m[:, None]) / d.capability) ** 2
    rho = d.known_taste / (d.taste * d.entry)
    for j, k in enumerate(firms.threshold[:-1]):
        here = sold[:, j] > 0
        z = (grid + firms.g[:, None] - k) / d.entry
        log_p[~here] += log_ndtr(-z[~here])
        residual = (np.log(sold[here, j])[:, None] - grid[here]) / d.taste
        log_p[here] += -0.5 * residual**2 + log_ndtr((z[here] + rho * residual) / np.sqrt(1 - rho**2))
    log_p += -0.5 * ((np.log(sold[:, -1])[:, None] - grid) / (0.3 * d.taste)) ** 2
    weight = np.exp(log_p - log_p.max(1, keepdims=True))
    weight /= weight.sum(1, keepdims=True)
    mean = (weight * grid).sum(1)
    return mean, np.sqrt((weight * (grid - mean[:, None]) ** 2).sum(1))


def known(firms: Drawn, sold: Array, *, located: bool = True) -> Sector:
    """What a panel would know of them, thresholds matched to presence as the engine matches them."""
    mean, spread = posterior(firms, sold)
    law = FirmSector(firms.m, DEVIATIONS, firms.g).functions
    firm, market = np.nonzero(sold[:, :-1])
    pairs = (firm, market, sold[firm, market]) if located else (None, None, None)
    record = FirmRecord(mean, spread, sold[:, -1], sold[:, :-1].sum(1), *pairs)
    ones = np.ones(len(firms.m))
    return Sector(record, firms.g, ones, DEVIATIONS, law, firms.threshold, 5, sold.sum(0))


def test_the_quick_normal_is_the_normal() -> None:
    z = np.linspace(-12, 9, 20_001)
    assert (np.abs(normal(z) / ndtr(z) - 1) < 3e-7).all()


def test_the_baseline_is_what_firms_sold() -> None:
    firms = drawn(0, 2_000)
    sold = firms.potential(np.zeros(2_000), np.zeros(2_000))
    sector, everybody = known(firms, sold), np.arange(2_000)
    still = np.zeros(2_000)
    sales, chance, home = sector.sales(everybody, still, still, np.zeros(5))
    np.testing.assert_allclose(sales, sold[:, :-1], rtol=1e-12)
    np.testing.assert_array_equal(chance, sold[:, :-1] > 0)
    np.testing.assert_allclose(home, sold[:, -1], rtol=1e-12)


GROUPS = ("all", "small", "large", "exporters", "non-exporters")


def chosen(group: str, firms: Drawn, sold: Array) -> NDArray[np.bool_]:
    exporting = sold[:, :-1].sum(1) > 0
    size = sold[:, -1]
    return {
        "all": np.ones(len(size), bool),
        "small": size < np.median(size),
        "large": size > np.quantile(size, 0.8),
        "exporters": exporting,
        "non-exporters": ~exporting,
    }[group]


@pytest.mark.parametrize("group", GROUPS)
def test_direct_effects_are_those_of_firms_that_choose_anew(group: str) -> None:
    """Sales, pairs and exporters gained, summed over five markets, within 7 % over four draws of 12,000 firms."""
    gained, told = np.zeros(4), np.zeros(4)
    for seed in range(4):
        firms = drawn(seed)
        still = np.zeros(len(firms.m))
        sold = firms.potential(still, still)
        who = chosen(group, firms, sold)
        after = firms.potential(EFFECT * who, SAVING * who)
        sector = known(firms, sold)
        rows = TreatedRows(
            np.flatnonzero(who), np.ones(who.sum()), np.full(who.sum(), EFFECT), np.full(who.sum(), SAVING)
        )
        law = FirmSector(firms.m + EFFECT * who, DEVIATIONS, firms.g + SAVING * who).functions
        potential, presence, anywhere = sector.direct(rows, law)
        at, here = slice(0, 5), sector.functions
        lifted = law.exact(firms.threshold[at]), here.exact(firms.threshold[at])
        grown = np.expm1(lifted[0][0] - lifted[1][0] + potential[at])
        joined = np.expm1(lifted[0][2] - lifted[1][2] + presence[at])
        at_home = np.expm1(law.log_potential_of_all - here.log_potential_of_all + potential[5])
        exporting = (sold[:, at] > 0).any(1).sum()
        share = law.share_in_any(firms.threshold[at]) / here.share_in_any(firms.threshold[at])
        told += (
            (grown * sold[:, at].sum(0)).sum(),
            (joined * np.exp(lifted[1][2]) * len(firms.m)).sum(),
            at_home * sold[:, 5].sum(),
            np.expm1(np.log(share) + anywhere) * exporting,
        )
        gained += (
            (after - sold)[:, at].sum(),
            ((after > 0).sum(0) - (sold > 0).sum(0))[at].sum(),
            (after - sold)[:, 5].sum(),
            (after[:, at] > 0).any(1).sum() - exporting,
        )
    assert told[2] == pytest.approx(gained[2], rel=1e-9)
    assert told[:2] == pytest.approx(gained[:2], rel=0.07)
    if gained[3] > 0:
        assert told[3] == pytest.approx(gained[3], rel=0.07)


def test_the_law_alone_misses_who_is_treated() -> None:
    """Why records are needed: half the firms, the smallest, hold a few percent of sales."""
    firms = drawn(1)
    sold = firms.potential(np.zeros(len(firms.m)), np.zeros(len(firms.m)))
    who = chosen("small", firms, sold)
    law = FirmSector(firms.m + EFFECT * who, DEVIATIONS, firms.g).functions
    gained = np.expm1(
        law.log_potential_of_all - FirmSector(firms.m, DEVIATIONS, firms.g).functions.log_potential_of_all
    )
    true = np.expm1(EFFECT) * sold[who, 5].sum() / sold[:, 5].sum()
    assert gained > 1.5 * true


def test_parts_of_firms_and_weights_add_up() -> None:
    firms = drawn(2, 1_500)
    sold = firms.potential(np.zeros(1_500), np.zeros(1_500))
    sector = known(firms, sold)
    law = FirmSector(firms.m, DEVIATIONS, firms.g).functions
    who = np.arange(0, 1_500, 3)
    full = TreatedRows(who, np.ones(500), np.full(500, 0.2), np.zeros(500))
    twice = TreatedRows(np.repeat(who, 2), np.tile([0.3, 0.7], 500), np.full(1000, 0.2), np.zeros(1000))
    for one, two in zip(sector.direct(full, law), sector.direct(twice, law), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12)


def test_exports_without_destinations_keep_each_firms_total() -> None:
    firms = drawn(3, 3_000)
    sold = firms.potential(np.zeros(3_000), np.zeros(3_000))
    sector = known(firms, sold, located=False)
    observed = sector.observed
    np.testing.assert_allclose(observed.sum(0), sector.revenue[:5], rtol=1e-9)
    exports = sold[:, :-1].sum(1)
    assert observed[exports == 0].sum() == 0
    assert np.abs(observed.sum(1) - exports).sum() < 0.02 * exports.sum()
    _, chance, _ = sector.sales(np.arange(3_000), np.zeros(3_000), np.zeros(3_000), np.zeros(5))
    assert chance[exports == 0].sum() == 0
    expected = 3_000 * np.exp(sector.functions.exact(firms.threshold[:5])[2])
    np.testing.assert_allclose(chance.sum(0), expected, rtol=1e-9)
    assert chance.max() <= 1  # nobody is there twice


def test_a_worse_effect_drives_sellers_out() -> None:
    firms = drawn(4, 4_000)
    sold = firms.potential(np.zeros(4_000), np.zeros(4_000))
    sector, everybody = known(firms, sold), np.arange(4_000)
    down = np.full(4_000, -0.3)
    sales, chance, _ = sector.sales(everybody, down, np.zeros(4_000), np.zeros(5))
    present = sold[:, :-1] > 0
    assert (chance[present] < 1).all() and chance[~present].sum() == 0
    assert (sales[present] < np.exp(-0.3) * sold[:, :-1][present]).all()
    after = firms.potential(down, np.zeros(4_000))
    assert chance.sum() == pytest.approx((after[:, :-1] > 0).sum(), rel=0.05)
    law = FirmSector(firms.m - 0.3, DEVIATIONS, firms.g).functions
    rows = TreatedRows(everybody, np.ones(4_000), down, np.zeros(4_000))
    _, _, anywhere = sector.direct(rows, law)
    told = (
        np.exp(anywhere)
        * law.share_in_any(firms.threshold[:5])
        / sector.functions.share_in_any(firms.threshold[:5])
    )
    true = (after[:, :-1] > 0).any(1).sum() / present.any(1).sum()
    assert told - 1 == pytest.approx(true - 1, rel=0.15)


def test_what_firms_would_gain_is_what_their_profits_say() -> None:
    """Against firms that choose anew: variable profits less fixed costs, drawn as (4) has them."""
    firms, d = drawn(5, 20_000), DEVIATIONS
    still = np.zeros(len(firms.m))
    sold = firms.potential(still, still)
    sector, markup = known(firms, sold), 5.0
    everybody = np.arange(len(firms.m))
    up = np.full(len(firms.m), EFFECT)
    rows = TreatedRows(everybody, np.ones(len(firms.m)), up, np.full(len(firms.m), SAVING))
    known_share = d.known_taste / d.entry**2
    left = d.taste**2 - d.known_taste**2 / d.entry**2

    def costs(potential: Array, saving: float) -> Array:
        # A firm that sells pays e^(k-g) of what its entry shock leaves to fixed costs, as in the synthetic country.
        paid = np.exp(
            firms.threshold[:5]
            - firms.g[:, None]
            - saving
            - (1 - known_share) * firms.entry[:, :5]
            + left / 2
        )
        return np.where(potential[:, :5] > 0, paid, 0.0)

    after = firms.potential(EFFECT + still, SAVING + still)
    true = ((after - sold).sum() - (costs(after, SAVING) - costs(sold, 0.0)).sum()) / markup
    told = sector.profits_gained(rows, markup).sum()
    assert told == pytest.approx(true, rel=0.08)

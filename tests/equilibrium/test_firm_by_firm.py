"""The firms family against a world whose home firms are followed one by one.

The true world draws every firm's u, ξ and ν, lets it enter where it pays, and clears markets by a damped iteration
of its own: it shares no code with the engine. A programme with a known effect is then predicted by the engine from
attributes and standard deviations alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from firmtrade_core.equilibrium import Parameters, Shock, solve
from firmtrade_core.margins import Deviations, Firms, FirmSector, FirmShift, FirmsMargins
from firmtrade_core.world.world import World

TAIL, FIRMS, COUNTRIES = 1.5, 400_000, 4
#: Small enough that 400,000 draws pin sums of e^(κ+ξ) down: sampling, not the engine, limits the comparison.
DEVIATIONS = Deviations(0.7, 0.7, 0.6, 0.15)


@dataclass
class Population:
    """Firms with all that nobody observes, sorted by what decides entry in each market."""

    index: np.ndarray
    count: np.ndarray
    sales: np.ndarray
    costs: np.ndarray
    whole: float

    @classmethod
    def of(cls, groups: list[tuple[np.ndarray, np.ndarray, float]], seed: int) -> Population:
        """Firms of (m, g), each group a share of them: the same draws, so that only the groups differ."""
        random, d = np.random.default_rng(seed), DEVIATIONS
        u = d.capability * random.normal(size=FIRMS)
        rho = d.known_taste / (d.taste * d.entry)
        one, two = random.normal(size=(2, COUNTRIES - 1, FIRMS))
        taste, nu = d.taste * one, d.entry * (rho * one + np.sqrt(1 - rho**2) * two)
        known = d.known_taste / d.entry**2
        left = d.taste**2 - d.known_taste**2 / d.entry**2
        index = np.concatenate([m + g + u + nu for m, g, _ in groups], axis=1)
        count = np.concatenate([np.full(nu.shape, share) for _, _, share in groups], axis=1)
        sales = np.concatenate([share * np.exp(m + u + taste) for m, _, share in groups], axis=1)
        costs = np.concatenate(
            [share * np.exp(-g - nu + known * nu + left / 2) for _, g, share in groups], axis=1
        )
        order = np.argsort(-index, axis=1)
        added = [np.cumsum(np.take_along_axis(part, order, axis=1), axis=1) for part in (count, sales, costs)]
        whole = sum(share * np.exp(m + u + d.taste**2 / 2).sum() for m, _, share in groups)
        return cls(-np.take_along_axis(index, order, axis=1), *added, float(whole))

    def at(self, k: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Number present, their potential and φ at thresholds of the foreign markets."""
        last = [np.searchsorted(row, -x, side="right") - 1 for row, x in zip(self.index, k, strict=True)]
        count, sales, costs = (part[np.arange(len(k)), last] for part in (self.count, self.sales, self.costs))
        return count, sales, np.exp(k) * costs / sales


def true_change(
    X: np.ndarray, sigma: float, k: np.ndarray, before: Population, after: Population
) -> tuple[float, float, float]:
    """Ratios of exports, firm-market pairs and real income at home, from clearing markets firm by firm."""
    share, revenue = X / X.sum(0), X.sum(1)
    count0, potential0, _ = before.at(k)
    phi = np.full(X.shape, (TAIL - 1) / TAIL)
    phi[0] = [0.0, *before.at(k)[2]]
    wages = revenue - ((1 - phi) * X).sum(1) / sigma
    w, E, P = (np.zeros(len(X)) for _ in range(3))
    for _ in range(1200):
        moved = sigma * w[:, None] - E - (sigma - 1) * P
        S = np.exp(-(TAIL - 1) * moved)
        count, potential, phi_home = after.at(k + moved[0, 1:])
        S[0] = [after.whole / before.whole, *(potential / potential0)]
        phi[0] = [0.0, *phi_home]
        terms = share * np.exp((1 - sigma) * w)[:, None] * S
        P = P + 0.3 * (np.log(terms.sum(0)) / (1 - sigma) - P)
        sold = terms / terms.sum(0) * (X.sum(0) * np.exp(E))
        paid = sold.sum(1) - ((1 - phi) * sold).sum(1) / sigma
        w = w + 0.1 * (np.log(paid / wages) - w)
        E = E + 0.3 * (np.log(sold.sum(1) / revenue) - E)
        money = np.log((np.exp(w) * wages).sum() / wages.sum())
        w, E, P = w - money, E - money, P - money
    return sold[0, 1:].sum() / X[0, 1:].sum(), count.sum() / count0.sum(), float(np.exp(E[0] - P[0]))


@pytest.mark.truth
@pytest.mark.parametrize("seed", [0, 1])
def test_a_programme_whose_true_effect_is_known(seed: int) -> None:
    """Predicted and true changes of exports, pairs and real income differ by less than 3 % of the change."""
    random = np.random.default_rng(seed)
    size = random.uniform(0.5, 2, COUNTRIES)
    X = np.outer(size, size) * 10
    X[np.diag_indices(COUNTRIES)] *= 20
    attributes = random.normal(0, 1, FIRMS)
    m, g = 0.6 * attributes, 0.3 * random.normal(0, 1, FIRMS)
    moved, share = (m + 0.25, g + 0.15), 0.3
    presence = np.array([0.25, 0.1, 0.03])
    before = Population.of([(m, g, 1.0)], seed + 10)
    after = Population.of([(m, g, 1 - share), (*moved, share)], seed + 10)
    k = np.array([-row[int(p * FIRMS)] for row, p in zip(before.index, presence, strict=True)])

    names = ("AAA", "BBB", "CCC", "DDD")
    zeros = np.zeros((COUNTRIES, COUNTRIES, 1))
    world = World(names, ("goods",), X[:, :, None], zeros, zeros)
    firms = FirmSector(m, DEVIATIONS, g)
    family = Firms("AAA", {"goods": firms}, {"goods": dict(zip(names[1:], presence, strict=True))})
    treated = FirmSector(
        np.concatenate([m, moved[0]]),
        DEVIATIONS,
        np.concatenate([g, moved[1]]),
        np.repeat([1 - share, share], FIRMS),
    )
    shift = FirmShift({"goods": treated})
    result = solve(world, Shock(firms=shift), Parameters(5.0, family))
    margins = result.margins_in_force
    assert isinstance(margins, FirmsMargins)
    np.testing.assert_allclose(margins.threshold[0, 1:], k, atol=0.02)
    sigma = float(margins.elasticity_of_substitution[0])
    exports, pairs, income = true_change(X, sigma, k, before, after)
    predicted = (
        result.exports_change[0],
        (presence * result.exporters_change[0, 1:, 0]).sum() / presence.sum(),
        result.real_income_change[0],
    )
    for found, truth in zip(predicted, (exports, pairs, income), strict=True):
        assert abs(found - truth) < 0.03 * abs(truth - 1)
    assert exports > 1.02 and pairs > 1.02 and income > 1.01

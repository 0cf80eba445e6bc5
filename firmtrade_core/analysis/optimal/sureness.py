"""How sure a best policy is: the band of its gain over draws, and the best rates under other laws of firms (MODEL 14).

The rates are held where they were found while elasticities, markups and estimated trade are drawn: the band says what the
answer would bring if the world is another one than it was found for. Other laws of firms have best rates of their own: a range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmtrade_core.analysis.assumed import Assumed
from firmtrade_core.analysis.band_difference import between
from firmtrade_core.analysis.optimal.problem import BOUNDS, Array, OptimumError
from firmtrade_core.analysis.optimal.response import (
    BestResponse,
    best_response,
    break_even,
    tipping_retaliation,
)
from firmtrade_core.analysis.uncertainty import DRAWS, LAWS, Band, Bands, bands, own_band
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.margins import BalancedMargins

#: Real income of all others together, per cent: no outcome of one country.
OTHERS = "others"


@dataclass(frozen=True, eq=False)
class Sureness:
    """What is known of a best response beyond its number.

    Attributes
    ----------
    best : BestResponse
    gains : Bands
        From without to with the rates, draw by draw.
    rates : dict of law to (K,)
        Best rates under the other laws of firms, fractions.
    break_even, tipping : dict of law to float
        Of uniform rates: where the gain is gone, which retaliation undoes it; laws without such a rate are left out.
    missing : tuple of str
        Laws without an answer, and why.
    """

    best: BestResponse
    gains: Bands
    rates: dict[str, Array]
    break_even: dict[str, float]
    tipping: dict[str, float]
    missing: tuple[str, ...]

    @property
    def real_income(self) -> Band:
        """Of the country's gain of real income, per cent."""
        return self.gains.band("real_income", self.best.country)

    @property
    def duties(self) -> Band:
        """Of its duties, billion USD."""
        return self.gains.band("duties_bn", self.best.country)

    @property
    def others(self) -> Band:
        """Of the real income of all others together, per cent."""
        world = self.gains.centre.world
        income = self.best.before.income.copy()
        income[world.countries.index(self.best.country)] = 0.0
        weight = income / income.sum()
        laws = {law: float(weight @ found["real_income"]) for law, found in self.gains.laws.items()}
        drawn = self.gains.draws["real_income"] @ weight
        return own_band(
            "world_real_income", "%", float(weight @ self.gains.values["real_income"]), drawn, laws
        )

    @property
    def mean_rates(self) -> tuple[float, float] | None:
        """Lowest and highest mean rate under the other laws, a fraction; None without any."""
        means = [float(found.mean()) for found in self.rates.values()]
        return (min(means), max(means)) if means else None


def sureness(
    best: BestResponse,
    *,
    assumed: Assumed | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    bounds: tuple[float, float] = BOUNDS,
    tipping: bool = True,
) -> Sureness:
    """The band of a best response's gain, and what other laws of firms would call best.

    Parameters
    ----------
    best
    assumed
        The uncertainty around its structure; as `uncertainty.bands` takes it unless given.
    draws, seed
        Of the bands.
    bounds
        Of rates, as they were asked for.
    tipping
        Whether break-even and tipping rates are sought under every law too.

    Raises
    ------
    UncertaintyError
        If too few draws have a certified equilibrium.
    """
    after, before = best.equilibrium, best.before
    of = after.world, after.parameters
    with_it = bands((*of, after.shock), draws=draws, seed=seed, centre=after, assumed=assumed)
    if np.abs(before.real_income_change - 1).max() > 1e-12:
        without = bands((*of, before.shock), draws=draws, seed=seed, centre=before, assumed=assumed)
        with_it = between(without, with_it)
    rates: dict[str, Array] = {}
    gone: dict[str, float] = {}
    undone: dict[str, float] = {}
    missing = []
    family = after.parameters.family
    own = family.law if isinstance(family, BalancedMargins) and family.law is not None else family
    known = own.name in LAWS and after.shock.firms is None
    covered = best.cells.reshape(-1, len(after.world.sectors)).max(0) >= 0
    sectors = [code for code, use in zip(after.world.sectors, covered, strict=True) if use]
    for law, make in LAWS.items() if known else ():
        if law == own.name:
            continue
        try:
            other = best_response(
                after.world,
                after.parameters.with_(family=make()),
                best.country,
                instrument=best.instrument,
                lever=best.lever,
                objective=best.objective,
                shock=before.shock,
                sectors=sectors,
                partners=best.partners,
                weights=dict(best.weights) or None,
                method=best.method,
                bounds=bounds,
                tries=0,
                starts=0,
                seed=seed,
            )
            rates[law] = other.rates
            if tipping and best.instrument == "uniform" and other.gain > 1e-6:
                if other.rates[0] > 0 and (found := break_even(other)) is not None:
                    gone[law] = found
                if best.lever == "tariff" and best.objective == "real_income":
                    found = tipping_retaliation(other)
                    if found is not None:
                        undone[law] = found
        except (EquilibriumError, OptimumError) as error:
            missing.append(f"Law of firms {law}: {error}")
    return Sureness(best, with_it, rates, gone, undone, tuple(missing))

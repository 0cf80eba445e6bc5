"""How far capability left unexplained may be from zero: a profile likelihood, for estimates at a bound and for weak ones.

σ_u at nothing says that the data could not tell unexplained capability from luck, not that there is none. The profile
holds σ_u at each of many values, maximises over market effects, the other scales and the stretches of m and g, and keeps
the values whose likelihood is near the highest one (Venzon and Moolgavkar 1988). The shapes of m and g stay as learned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.capability.estimation import one_thread
from firmtrade_core.capability.maximise import Fit, Parameters, maximise
from firmtrade_core.labels.units import in_percent

if TYPE_CHECKING:
    from firmtrade_core.capability.data import CapabilityData
    from firmtrade_core.capability.estimation import State

Array = NDArray[np.float64]

#: Share of capability explained beyond which σ_u counts as lying at its bound.
AT_THE_BOUND = 0.95

#: Steps of ln σ_u in which the end of an interval is sought, how far, and halvings of the last one.
STEP, MOST_STEPS, HALVINGS = 0.5, 12, 4

#: σ_u as a share of κ's spread at which it counts as nothing.
NOTHING = 0.02


@dataclass(frozen=True)
class Profile:
    """σ_u and the share of capability explained that the likelihood does not reject.

    Parameters
    ----------
    low, high
        Of σ_u, in log points; 0 where nothing at all is not rejected.
    explained_low, explained_high
        Of the share explained, at the two ends (the stretch of m moves with σ_u).
    level
    """

    low: float
    high: float
    explained_low: float
    explained_high: float
    level: float

    @property
    def words(self) -> str:
        """What it says, for a table's notes."""
        return (
            f"Profile likelihood: σ_u between {self.low:.2f} and {self.high:.2f}, so that attributes explain "
            f"{in_percent(self.explained_low)} to {in_percent(min(self.explained_high, 0.99))} of capability ({in_percent(self.level)} interval)."
        )


def at_the_bound(explained: float) -> bool:
    """Whether a share explained is so high that σ_u lies at its bound, nothing."""
    return explained > AT_THE_BOUND


def profile_of_unexplained(data: CapabilityData, state: State, level: float = 0.90) -> Profile:
    """The values of σ_u that lie within the likelihood ratio's critical value of the best, and what they imply.

    Parameters
    ----------
    data, state
        The estimate.
    level
        Of the interval.
    """
    from scipy.stats import chi2

    with one_thread():
        search = _Search(data, state, float(chi2.ppf(level, 1)) / 2)
        ends = [search.end(direction) for direction in (-1, 1)]
    (low, most), (high, least) = ends
    return Profile(low, high, min(least, most), max(least, most), level)


@dataclass(eq=False)
class _Search:
    data: CapabilityData
    state: State
    drop: float

    def __post_init__(self) -> None:
        self.best = self.state.fit.log_likelihood
        self.spread = float(np.sqrt(np.average(self.state.m**2, weights=self.data.row_weights)))

    def end(self, direction: int) -> tuple[float, float]:
        """σ_u and the share explained where the likelihood has fallen by the critical value, or nothing is left."""
        scales = self.state.fit.parameters.scales
        total = np.hypot(self.spread, scales.sigma_u)
        here, found = np.log(max(scales.sigma_u, NOTHING * total)), self.state.fit
        for _ in range(MOST_STEPS):
            ahead = here + direction * STEP
            at = self.fit(ahead, found)
            if self.best - at.log_likelihood > self.drop:
                return self._between(here, ahead, found)
            here, found = ahead, at
            if direction < 0 and np.exp(here) < NOTHING * total:
                return 0.0, self.explained(found)
        return float(np.exp(here)), self.explained(found)

    def _between(self, inside: float, outside: float, found: Fit) -> tuple[float, float]:
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            at = self.fit(middle, found)
            if self.best - at.log_likelihood > self.drop:
                outside = middle
            else:
                inside, found = middle, at
        return float(np.exp((inside + outside) / 2)), self.explained(found)

    def fit(self, log_sigma: float, near: Fit) -> Fit:
        """The best fit at a σ_u."""
        p = near.parameters
        of_m, of_g = p.stretch
        held: Parameters = replace(
            p,
            scales=replace(p.scales, sigma_u=float(np.exp(log_sigma))),
            fixed=(*self.state.fit.parameters.fixed, "sigma_u"),
        )
        fit = maximise(
            self.data,
            of_m * self.state.m,
            of_g * self.state.g,
            held,
            mode=near.posterior.mode,
            tolerance=0.05,
        )
        more_m, more_g = fit.parameters.stretch
        kept = replace(fit.parameters, stretch=(of_m * more_m, of_g * more_g))
        self.best = max(self.best, fit.log_likelihood)
        return replace(fit, parameters=kept)

    def explained(self, fit: Fit) -> float:
        """Share of capability that attributes explain at a fit."""
        own = (fit.parameters.stretch[0] * self.spread) ** 2
        return float(own / (own + fit.parameters.scales.sigma_u**2))

"""Lognormal firms (BMT17): one group in equations (2) to (4) of MODEL 2, with v_f = 0."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.special import log_ndtr, ndtri

from firmtrade_core.margins.base import (
    Array,
    ElasticityKind,
    MarginChange,
    Margins,
    TailError,
    in_the_index,
    solve_nest,
    substitution_between,
)
from firmtrade_core.margins.normal import upper_tail
from firmtrade_core.margins.tables import PairStack, Table, quintic_pieces
from firmtrade_core.world.world import World

#: Slope of presence in market size where presence was not observed (EKK11, MODEL 2).
PRESENCE_SLOPE = 0.65

#: Highest presence abroad that is assumed where presence was not observed (MODEL 2).
HIGHEST_ASSUMED_PRESENCE = 0.9

#: Steps of the solver's tables per standard deviation, and cubic parts of each: they miss the functions by less than 1e-11.
STEPS_PER_DEVIATION, _PARTS = 32, 4

#: Standard deviations below which all firms are present to seventeen digits, and beyond which cells are solved one by one.
_ALL_PRESENT, _FAR_OUT = 9.0, 30.0

#: Below this share present, closed forms are taken in logs.
_SMALLEST_RATIO = 1e-250


def assumed_presence(world: World) -> Array:
    """Share of an origin's firms present in each market where it was not observed, (N, N, S).

    n_ij = min(0.9, (R_ij/R_ii)^0.65) abroad and 1 at home (MODEL 2; slope of EKK11). Where an origin
    sells nothing at home the highest presence is assumed.
    """
    revenue = world.revenue
    home = np.einsum("iis->is", revenue)[:, None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(home > 0, revenue / home, np.inf)
    presence = np.minimum(HIGHEST_ASSUMED_PRESENCE, relative**PRESENCE_SLOPE)
    # A cell without trade has no presence to speak of; any interior value keeps its thresholds finite.
    presence = np.where(revenue > 0, presence, 0.5)
    diagonal = np.arange(len(world.countries))
    presence[diagonal, diagonal, :] = 1.0
    return presence


class LognormalMargins(Margins):
    """Margins of one lognormal group of firms, with thresholds k measured from the group's mean.

    n = Φ(-k/s), S ∝ Φ((s²-k)/s), φ = e^(k-s²/2) Φ(-k/s)/Φ((s²-k)/s); equations (2) to (4) with
    constant m and g and v_f = 0.

    Parameters
    ----------
    elasticity_of_substitution : (S,)
    dispersion : float
        s: standard deviation of log revenue potential.
    threshold : (N, N, S)
        Baseline k; minus infinity where all firms are present.
    within_elasticity : (S,), optional
        γ; σ unless given.
    """

    def __init__(
        self,
        elasticity_of_substitution: Array,
        dispersion: float,
        threshold: Array,
        within_elasticity: Array | None = None,
    ) -> None:
        self.elasticity_of_substitution = elasticity_of_substitution
        self.within_elasticity = (
            elasticity_of_substitution if within_elasticity is None else within_elasticity
        )
        self.dispersion = dispersion
        self.threshold = threshold

    @cached_property
    def _baseline(self) -> tuple[Array, Array]:
        """ln S and ln n at the baseline, exactly, each like the thresholds."""
        s, at = self.dispersion, self.threshold
        return log_ndtr(s - at / s), log_ndtr(-at / s)

    def log_presence(self) -> Array:
        """ln n at the baseline, like the thresholds."""
        return self._baseline[1]

    def evaluate(self, threshold_change: Array) -> MarginChange:
        """All margins; see `MarginChange`."""
        s = self.dispersion
        threshold = self.threshold + threshold_change
        log_potential, log_presence = log_ndtr(s - threshold / s), log_ndtr(-threshold / s)
        return MarginChange(
            log_potential - self._baseline[0],
            _slope(threshold, log_potential, s),
            log_presence - self._baseline[1],
            _fixed_share(threshold, log_potential, log_presence, s),
        )

    def verified(self, threshold_change: Array) -> MarginChange:
        """ln Ŝ and φ by their closed forms, whatever table the solver read; presence and slope, which no equation reads, are left."""
        s = self.dispersion
        k = self.threshold + threshold_change
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            deviations = k / s
            presence = upper_tail(deviations)
            deviations -= s
            potential = upper_tail(deviations)
            share = np.exp(k - s**2 / 2)
            share *= presence
            share /= potential
            change = np.log(potential, out=potential)
            change -= self._baseline[0]
        if not presence.min() > _SMALLEST_RATIO:
            far = presence <= _SMALLEST_RATIO
            log_s, log_n = log_ndtr(s - k[far] / s), log_ndtr(-k[far] / s)
            change[far] = log_s - self._baseline[0][far]
            share[far] = _fixed_share(k[far], log_s, log_n, s)
        return MarginChange(change, np.zeros(0), np.zeros(0), share)

    @cached_property
    def tables(self) -> PairStack:
        """ρ ln S and φ of each sector, as functions of k - (1-ρ) ln S(k)."""
        return PairStack([_tabulate(self.dispersion, float(nest)) for nest in self.nest], _PARTS)

    @cached_property
    def places(self) -> tuple[Array, Array]:
        """Where in the tables the baseline stands and ρ ln S there, each (S, N²)."""
        n, m, s = self.threshold.shape
        threshold, log_potential = (
            np.moveaxis(part, 2, 0).reshape(s, n * m) for part in (self.threshold, self._baseline[0])
        )
        nest = self.nest[:, None]
        return threshold - (1 - nest) * log_potential, nest * log_potential

    def threshold_change(self, index: Array) -> Array:
        """Δk = index + (1-ρ) ln Ŝ, with ln Ŝ from the tables; see `Margins`."""
        if not self.nested or (self.nest > 1).any():
            return super().threshold_change(index)
        return np.asarray(index + (1 / self.nest - 1) * self.effective(index)[0])

    def effective(self, index: Array) -> tuple[Array, Array, Array]:
        """See `Margins`: read from tables that compose the margin functions with the nest's fixed point."""
        if (self.nest > 1).any():
            return in_the_index(self.without_presence(super().threshold_change(index)), self.nest)
        n, m, s = index.shape
        places, baseline = self.places
        at = np.moveaxis(index, 2, 0).reshape(s, n * m) + places
        log_potential, slope, share, beyond = self.tables.read(at)
        log_potential -= baseline
        found = [np.moveaxis(part.reshape(s, n, m), 0, 2) for part in (log_potential, slope, share)]
        if beyond:
            far = np.isnan(found[0])
            change = solve_nest(
                lambda at: self.without_presence(at)[:2], np.where(far, index, 0.0), self.nest
            )
            exact = in_the_index(self.without_presence(change), self.nest)
            for part, right in zip(found, exact, strict=True):
                part[far] = right[far]
        return found[0], found[1], found[2]

    def moved(self, threshold_change: Array) -> Margins:
        """Thresholds carried to where the change left them."""
        return LognormalMargins(
            self.elasticity_of_substitution,
            self.dispersion,
            self.threshold + threshold_change,
            self.within_elasticity,
        )

    def with_substitution(
        self, elasticity_of_substitution: Array, within_elasticity: Array | None = None
    ) -> LognormalMargins:
        """The same thresholds with another σ, and γ where firms are nested, both (S,)."""
        return LognormalMargins(
            elasticity_of_substitution, self.dispersion, self.threshold, within_elasticity
        )


def _slope(threshold: Array, log_potential: Array, s: float) -> Array:
    """∂ln S/∂k = -(1/s) φ_N(z)/Φ(z) at z = s - k/s."""
    z = s - threshold / s
    return np.asarray(-np.exp(-0.5 * z**2 - log_potential) / (np.sqrt(2 * np.pi) * s))


def _fixed_share(threshold: Array, log_potential: Array, log_presence: Array, s: float) -> Array:
    """φ = e^(k-s²/2) n/S, (4)."""
    return np.asarray(np.exp(np.minimum(threshold - s**2 / 2 + log_presence - log_potential, 0.0)))


@lru_cache(maxsize=256)
def _tabulate(s: float, nest: float) -> Table:
    """ρ ln S and φ on a grid of x = k - (1-ρ) ln S(k), which rises strictly with k for ρ up to one.

    A nest's cell solves Δk - (1-ρ) ln Ŝ = index (`Margins.threshold_change`); on this grid it is solved once for all cells.
    """
    step, lowest = s / STEPS_PER_DEVIATION, s * (s - _ALL_PRESENT)
    x: Array = lowest + step * np.arange(int((_ALL_PRESENT + _FAR_OUT) * STEPS_PER_DEVIATION) + 1.0)
    k: Array = x.copy()
    own = 1 - nest
    for _ in range(60):
        log_s = log_ndtr(s - k / s)
        # ln S is concave, so that Newton's steps from above never overshoot.
        move = (k - own * log_s - x) / (1 - own * _slope(k, log_s, s))
        k -= move
        if np.abs(move).max() < 1e-14 * s:
            break
    z, log_s = s - k / s, log_ndtr(s - k / s)
    slope = _slope(k, log_s, s)
    bend = slope * (s * slope - z) / -s
    share = _fixed_share(k, log_s, log_ndtr(-k / s), s)
    # The marginal firm's fixed cost is its profit: d(e^k n)/dk = e^k n + dS/dk.
    share_slope = share + slope * (1 - share)
    share_bend = share_slope + bend * (1 - share) - slope * share_slope
    pace = 1 / (1 - own * slope)  # dk/dx
    quickening = own * bend * pace**3  # d²k/dx²
    rows = (
        (nest * log_s, nest * slope * pace, nest * bend * pace**3),
        (share, share_slope * pace, share_bend * pace**2 + share_slope * quickening),
    )
    return Table(float(x[0]), step, np.concatenate([quintic_pieces(step, *row) for row in rows], axis=1))


@dataclass(frozen=True)
class Lognormal:
    """Firms' log revenue potential is normal with standard deviation s.

    σ is set so that the trade-weighted mean abroad of the elasticity of trade equals ε: (σ-1)(1 - ∂ln S/∂k) to costs
    without a nest (MODEL 3), `substitution_between` in general.

    Parameters
    ----------
    dispersion
        s; 2.4 unless given, the spread of log sales of French exporters (Head, Mayer and Thoenig,
        "Welfare and Trade without Pareto", AER Papers and Proceedings 2014).

    Raises
    ------
    TailError
    """

    dispersion: float = 2.4
    name: str = "lognormal"

    def __post_init__(self) -> None:
        if not 0 < self.dispersion <= 10:
            raise TailError(
                f"The dispersion of log sales is {self.dispersion:g}; give one above 0 and up to 10."
            )

    def calibrate(
        self,
        world: World,
        trade_elasticity: Array,
        within_elasticity: Array | None = None,
        kind: ElasticityKind = "cost",
    ) -> LognormalMargins:
        """Thresholds from (assumed) presence, σ from ε; see `MarginFamily`."""
        presence = np.ascontiguousarray(np.moveaxis(assumed_presence(world), 2, 0))
        # Stored with sectors first, as the solver works, and seen in the usual axis order.
        threshold = np.moveaxis(-self.dispersion * ndtri(presence), 0, 2)
        unit = LognormalMargins(np.full_like(trade_elasticity, 2.0), self.dispersion, threshold)
        slope = unit.evaluate(np.zeros_like(threshold)).potential_slope
        between = substitution_between(
            trade_elasticity, within_elasticity, kind, *abroad_by_cell(slope, world.border_value)
        )
        return unit.with_substitution(1 + between, within_elasticity)


def abroad_by_cell(slope: Array, trade: Array) -> tuple[Array, Array]:
    """Slopes and trade of the cells abroad, (N (N-1), S) each, from (N, N, S)."""
    away = ~np.eye(len(trade), dtype=bool)
    return slope[away], trade[away]

"""Lognormal firms (BMT17): one group in equations (2) to (4) of MODEL 2, with v_f = 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtri

from firmtrade_core.margins.base import (
    Array,
    ElasticityKind,
    MarginChange,
    Margins,
    TailError,
    substitution_between,
)
from firmtrade_core.world.world import World

#: Slope of presence in market size where presence was not observed (EKK11, MODEL 2).
PRESENCE_SLOPE = 0.65

#: Highest presence abroad that is assumed where presence was not observed (MODEL 2).
HIGHEST_ASSUMED_PRESENCE = 0.9


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
        self._baseline_log_potential = self._log_potential(threshold)
        self._baseline_log_presence = log_ndtr(-threshold / dispersion)

    def _log_potential(self, threshold: Array) -> Array:
        return log_ndtr(self.dispersion - threshold / self.dispersion)

    def log_presence(self) -> Array:
        """ln n at the baseline, like the thresholds."""
        return self._baseline_log_presence

    def _slope(self, threshold: Array, log_potential: Array) -> Array:
        """∂ln S/∂k = -(1/s) φ_N(z)/Φ(z) at z = s - k/s."""
        z = self.dispersion - threshold / self.dispersion
        return -np.exp(-0.5 * z**2 - log_potential) / (np.sqrt(2 * np.pi) * self.dispersion)

    def evaluate(self, threshold_change: Array) -> MarginChange:
        """All margins; see `MarginChange`."""
        s = self.dispersion
        threshold = self.threshold + threshold_change
        log_potential = self._log_potential(threshold)
        log_presence = log_ndtr(-threshold / s)
        log_share = threshold - s**2 / 2 + log_presence - log_potential
        return MarginChange(
            log_potential - self._baseline_log_potential,
            self._slope(threshold, log_potential),
            log_presence - self._baseline_log_presence,
            np.exp(np.minimum(log_share, 0.0)),
        )

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

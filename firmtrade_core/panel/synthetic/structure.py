"""Parameters of the synthetic home country: structure (MODEL 2), attributes, take-up, what observers see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from firmtrade_core.panel.errors import PanelError
from firmtrade_core.panel.synthetic.design import Variant

#: True effect of one unit of each attribute on capability κ (log revenue potential), before interactions.
CAPABILITY_EFFECTS: Mapping[str, float] = MappingProxyType(
    {
        "log_initial_employment": 0.26,
        "log_capital": 0.15,
        "skill_share": 1.3,
        "rnd_intensity": 6.0,
        "quality_certificate": 0.25,
        "on_time_delivery": 1.3,
        "foreign_ownership": 0.6,
        "log_supplier_links": 0.16,
        "imported_input_share": 0.4,
        "digital_presence": 0.35,
        "log_age": 0.08,
    }
)

#: What one unit of each attribute takes off the log fixed cost of serving a market, g.
FIXED_COST_EFFECTS: Mapping[str, float] = MappingProxyType(
    {
        "trade_finance": 0.75,
        "log_buyer_links": 0.35,
        "digital_presence": 1.0,
        "quality_certificate": 0.3,
    }
)

#: Gain from a certificate to a firm that delivers reliably: an interaction that no linear model sees.
CERTIFIED_AND_RELIABLE, RELIABLE = 0.25, 0.88

#: Research pays up to this intensity and no further: a kink.
RESEARCH_CEILING = 0.08

#: Correlation of lasting taste with unexplained capability where it is not independent of it.
TASTE_OF_CAPABILITY = 0.5


@dataclass(frozen=True)
class SyntheticDesign:
    """Everything the generator needs besides a world; the defaults are calibrated (`calibration`).

    Parameters
    ----------
    home
        Economy of the world whose firms are made.
    firms
        Firms alive in a typical year. About 6 % more appear for every further year, as firms come and go.
    years, last_year
        Length of the panel and its last year, whose trade is the world's.
    seed
    exporter_share
        Share of firms that export anywhere in the last year; sets the level of presence abroad.
    presence_slope
        Elasticity of the share of firms present to the market's size (EKK11).
    sigma_u, sigma_xi, sigma_nu
        Standard deviations of unexplained capability u, of sales shocks ξ abroad and of entry shocks ν.
    correlation
        ρ of ξ and ν: demand known at entry, v_k = ρ σ_ξ σ_ν.
    persistence
        Share of the variances of ξ and ν that is a firm's lasting taste in a market; the rest is luck of the year.
    manager_effect
        Loading of u on unobserved manager quality, which also moves take-up: the endogeneity of MODEL 7.
    elasticity_of_substitution
        σ, the same in all sectors.
    mean_employment
        Persons; sets the wage level.
    regions
    demand_growth, demand_risk
        Mean and standard deviation of yearly log growth of markets before the last year.
    measurement_error
        Standard deviation of the noise in survey answers, in units of the answers' own.
    missing
        Share of survey answers missing; more among small firms, less where managers are good.
    variant
        ``misspecified`` draws u from Student's t with 4 degrees of freedom and lets σ_ξ vary between firms;
        ``taste_follows_capability`` correlates lasting taste in every market with u (`TASTE_OF_CAPABILITY`), which the
        estimator takes for independent.
    """

    home: str = "CHL"
    firms: int = 20_000
    years: int = 6
    last_year: int = 2022
    seed: int = 2022
    exporter_share: float = 0.21
    presence_slope: float = 0.65
    sigma_u: float = 0.65
    sigma_xi: float = 2.4
    sigma_nu: float = 1.05
    correlation: float = 0.4
    persistence: float = 0.85
    manager_effect: float = 0.35
    elasticity_of_substitution: float = 5.0
    mean_employment: float = 100.0
    regions: int = 12
    demand_growth: float = 0.02
    demand_risk: float = 0.08
    measurement_error: float = 0.3
    missing: float = 0.12
    variant: Variant = "well_specified"

    def __post_init__(self) -> None:
        ranges: dict[str, tuple[float, float]] = {
            "firms": (200, 1_000_000),
            "years": (1, 50),
            "exporter_share": (0.01, 0.9),
            "presence_slope": (0.1, 1.5),
            "sigma_u": (0.05, 3),
            "sigma_xi": (0.05, 3),
            "sigma_nu": (0.05, 3),
            "correlation": (0, 0.95),
            "persistence": (0, 1),
            "elasticity_of_substitution": (1.1, 30),
            "mean_employment": (1, 10_000),
            "regions": (1, 99),
            "measurement_error": (0, 2),
            "missing": (0, 0.6),
        }
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise PanelError(f"{name} is {getattr(self, name):g}; give one from {low:g} to {high:g}.")
        if not 0 <= self.manager_effect <= self.sigma_u:
            raise PanelError(f"manager_effect must lie between 0 and sigma_u ({self.sigma_u:g}).")

    @property
    def calendar(self) -> tuple[int, ...]:
        """Years of the panel."""
        return tuple(range(self.last_year - self.years + 1, self.last_year + 1))

    def with_(self, **changes: Any) -> SyntheticDesign:
        """A copy with some parameters replaced."""
        return replace(self, **changes)


@dataclass(frozen=True)
class TakeUp:
    """Latent demand for a quality certificate: firms adopt once it passes ``threshold``, for good."""

    threshold: float = 1.9
    manager: float = 0.6
    scale: float = 0.35
    voucher: float = 1.1
    distance: float = -0.35
    audit_slots: float = 0.03
    yearly_drift: float = 0.08
    persistent_noise: float = 0.8
    voucher_share: float = 0.25
    #: Year of the panel (from 0) in which the voucher lottery is drawn.
    lottery: int = 2


@dataclass(frozen=True)
class InstrumentTruth:
    """What is true of an instrument for the quality certificate."""

    name: str
    valid: bool
    strength: Literal["strong", "moderate", "weak"]
    why: str


INSTRUMENTS = (
    InstrumentTruth("instrument_voucher", True, "strong", "offered by lottery"),
    InstrumentTruth("instrument_office_distance", True, "moderate", "offices were placed without regard to firms"),
    InstrumentTruth("instrument_audit_slots", True, "weak", "random, but hardly moves take-up"),
    InstrumentTruth("instrument_chamber", False, "strong", "good managers join chambers: it moves capability directly"),
)  # fmt: skip

TAKE_UP = TakeUp()

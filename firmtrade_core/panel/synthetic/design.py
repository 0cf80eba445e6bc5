"""The reference design of truth tests: firms, markets and attributes whose capability is known (MODEL 6)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.panel.errors import PanelError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Variant = Literal["well_specified", "misspecified", "taste_follows_capability"]

ATTRIBUTES = tuple(f"a{number}" for number in range(1, 9))

#: Share of firms with a4 = 1.
SHARE_OF_A4 = 0.3

#: Misspecified: degrees of freedom of u, and how far sales risk falls with a1.
DEGREES_OF_FREEDOM, RISK_SLOPE = 4.0, 0.35


@dataclass(frozen=True)
class ReferenceDesign:
    """Parameters of MODEL 6's reference design; the defaults are the model's own.

    Parameters
    ----------
    firms, markets
        F and J.
    sigma_u, sigma_xi, sigma_nu
        Standard deviations of unexplained capability u, sales shocks ξ and entry shocks ν.
    correlation
        ρ of ξ and ν; ``v_k = ρ σ_ξ σ_ν``.
    two_index
        Adds ``g = 0.4 a6``: an attribute that lowers fixed costs alone.
    variant
        ``misspecified`` draws u from Student's t with 4 degrees of freedom, scaled to σ_u, and lets the standard
        deviation of ξ fall in a1 by ``exp(-0.35 a1)``, scaled to a mean square of σ_ξ².
    seed

    Raises
    ------
    PanelError
        Where a parameter lies outside its range.
    """

    firms: int = 6_000
    markets: int = 30
    sigma_u: float = 0.9
    sigma_xi: float = 1.1
    sigma_nu: float = 0.7
    correlation: float = 0.4
    two_index: bool = False
    variant: Variant = "well_specified"
    seed: int = 2022

    def __post_init__(self) -> None:
        if self.firms < 2 or self.markets < 1:
            raise PanelError(f"Give at least 2 firms and 1 market, not {self.firms} and {self.markets}.")
        if min(self.sigma_u, self.sigma_xi, self.sigma_nu) <= 0:
            raise PanelError("Standard deviations must be above 0.")
        if not -1 < self.correlation < 1:
            raise PanelError(f"The correlation is {self.correlation:g}; give one between -1 and 1.")


@dataclass(frozen=True, eq=False)
class Observed:
    """What an estimator may see.

    Parameters
    ----------
    attributes : DataFrame (F, 8)
        a1 to a8 by firm; the index holds the firms' names.
    log_sales : (F, J)
        Missing where the firm is absent.
    markets : tuple of str
        Names of the J markets.
    """

    attributes: pd.DataFrame
    log_sales: Array
    markets: tuple[str, ...]

    @cached_property
    def present(self) -> Mask:
        """Who sells where, (F, J)."""
        return np.isfinite(self.log_sales)

    def long(self) -> pd.DataFrame:
        """One row by firm and market: ``firm``, ``market``, ``present``, ``log_sales`` and the attributes."""
        firms, markets = self.log_sales.shape
        cells = pd.DataFrame(
            {
                "firm": np.repeat(self.attributes.index.to_numpy(), markets),
                "market": np.tile(np.array(self.markets), firms),
                "present": self.present.ravel(),
                "log_sales": self.log_sales.ravel(),
            }
        )
        return cells.join(self.attributes, on="firm")


@dataclass(frozen=True, eq=False)
class Truth:
    """What only a test may see, under the normalisation E[m] = E[g] = 0 over the firms drawn.

    Parameters
    ----------
    m, g, u : (F,)
        Explained capability, what attributes take off log fixed costs, unexplained capability.
    demand, threshold : (J,)
        δ and k.
    xi, nu : (F, J)
        Sales and entry shocks.
    design
        With the true σ's and ρ.
    """

    m: Array
    g: Array
    u: Array
    demand: Array
    threshold: Array
    xi: Array
    nu: Array
    design: ReferenceDesign

    @property
    def capability(self) -> Array:
        """κ = m + u, (F,)."""
        return self.m + self.u


@dataclass(frozen=True, eq=False)
class ReferenceSample:
    """A draw: what is observed, and the truth apart."""

    observed: Observed
    truth: Truth


def draw_reference(design: ReferenceDesign | None = None) -> ReferenceSample:
    """Draw the reference design: present where ``κ + g + ν >= k``, and then ``ln x = δ + κ + ξ`` (MODEL 6).

    Parameters
    ----------
    design
        The model's own parameters unless given.
    """
    design = design or ReferenceDesign()
    generator = np.random.default_rng(design.seed)
    attributes = _attributes(design.firms, generator)
    m, g = explained_capability(attributes), fixed_cost_shift(attributes, design.two_index)
    u = design.sigma_u * _unexplained(design, generator)
    demand = generator.normal(2, 1, design.markets)
    threshold = generator.uniform(0.8, 3.5, design.markets)
    xi, nu = _shocks(design, attributes, generator)
    # Moving the means of m and g into the markets changes no choice and no sale.
    demand, threshold = demand + m.mean(), threshold - m.mean() - g.mean()
    m, g = m - m.mean(), g - g.mean()
    capability = (m + u)[:, None]
    present = capability + g[:, None] + nu >= threshold
    log_sales = np.where(present, demand + capability + xi, np.nan)
    names = tuple(f"M{number:02d}" for number in range(1, design.markets + 1))
    return ReferenceSample(
        Observed(attributes, log_sales, names), Truth(m, g, u, demand, threshold, xi, nu, design)
    )


def explained_capability(attributes: pd.DataFrame) -> Array:
    """``m = 0.8 a1 + 0.6 max(a2, 0) + 0.5 a4 1(a3 > 0) + 0.4 sin(2 a5)``, (F,), before normalisation."""
    a1, a2, a3, a4, a5 = attributes[list(ATTRIBUTES[:5])].to_numpy(dtype=float).T
    m: Array = 0.8 * a1 + 0.6 * np.maximum(a2, 0) + 0.5 * a4 * (a3 > 0) + 0.4 * np.sin(2 * a5)
    return m


def fixed_cost_shift(attributes: pd.DataFrame, two_index: bool) -> Array:
    """``g = 0.4 a6`` with two indices, else 0, (F,)."""
    a6: Array = attributes["a6"].to_numpy(dtype=float)
    return 0.4 * a6 if two_index else np.zeros_like(a6)


def _attributes(firms: int, generator: np.random.Generator) -> pd.DataFrame:
    values = generator.standard_normal((firms, len(ATTRIBUTES)))
    values[:, 3] = generator.random(firms) < SHARE_OF_A4
    index = pd.Index([f"F{number:05d}" for number in range(firms)], name="firm")
    return pd.DataFrame(values, index, columns=list(ATTRIBUTES))


def _unexplained(design: ReferenceDesign, generator: np.random.Generator) -> Array:
    """Draws with variance one."""
    if design.variant == "well_specified":
        return generator.standard_normal(design.firms)
    scale = np.sqrt(DEGREES_OF_FREEDOM / (DEGREES_OF_FREEDOM - 2))
    return np.asarray(generator.standard_t(DEGREES_OF_FREEDOM, design.firms) / scale)


def _shocks(
    design: ReferenceDesign, attributes: pd.DataFrame, generator: np.random.Generator
) -> tuple[Array, Array]:
    entry, rest = generator.standard_normal((2, design.firms, design.markets))
    sales = design.correlation * entry + np.sqrt(1 - design.correlation**2) * rest
    slope = RISK_SLOPE if design.variant == "misspecified" else 0.0
    risk = np.exp(-slope * attributes["a1"].to_numpy(dtype=float) - slope**2)
    return design.sigma_xi * risk[:, None] * sales, design.sigma_nu * entry

"""Who a firm view is about: one firm of the home country, or a profile typed in by its attributes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.home.home import HomeFirms
from firmtrade_core.home.treatment import Treatment
from firmtrade_core.panel.columns import catalogue
from firmtrade_core.panel.confidentiality import FEWEST_FIRMS
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: Columns of home firms that are read off firms' success, or name them: no part of a profile.
_NO_ATTRIBUTES = frozenset(
    {
        "firm", "capability", "fixed_cost_saving", "weight", "posterior", "posterior_spread", "markets", "served",
        "score", "propensity", "year",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Profile:
    """A firm as the model sees it.

    Parameters
    ----------
    label
        What it is called on screen; no identifier of a real firm.
    sector
        Position in the world.
    capability, spread
        Mean and standard deviation of κ, logs: posterior of a firm that was observed, m and σ_u of one that was not.
    fixed_cost_saving
        g, logs.
    attributes
        By name; missing where not known.
    served
        Codes of destinations it serves already; None where nobody knows.
    treated
        What the scenario's programmes do to it: share of it that is reached, changes of κ and of g.
    single
        Whether it is one firm of the data, and not a profile.
    """

    label: str
    sector: int
    capability: float
    spread: float
    fixed_cost_saving: float
    attributes: Mapping[str, float] = field(default_factory=dict)
    served: tuple[str, ...] | None = None
    treated: tuple[tuple[float, float, float], ...] = ()
    single: bool = False

    @property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that identify the profile."""
        return hashlib.blake2b(repr(self).encode(), digest_size=8).hexdigest()


def firm_profile(home: HomeFirms, world: World, row: int, treatment: Treatment | None = None) -> Profile:
    """One firm of the home country.

    Parameters
    ----------
    row
        Of the firms' table.
    treatment
        Firms after the scenario's programmes.

    Raises
    ------
    ComparisonError
        If there is no such row, or the world has no sector for the firm.
    """
    if not 0 <= row < len(home):
        raise ComparisonError(f"There is no firm {row + 1}; there are {len(home)}.")
    found, sector = home.firms.iloc[row], int(home.sector_of(world)[row])
    if sector < 0:
        raise ComparisonError(f"{world.name} has no sector that holds {found['sector']}.")
    kappa, spread = (float(part[row]) for part in home.posterior)
    return Profile(
        f"Firm {row + 1}",
        sector,
        kappa,
        spread,
        float(found["fixed_cost_saving"]),
        {name: float(found[name]) for name in attribute_names(home) if pd.notna(found[name])},
        tuple(str(found["served"]).split()) if "served" in home.firms else None,
        _treated(home, row, treatment),
        single=True,
    )


def _treated(
    home: HomeFirms, row: int, treatment: Treatment | None
) -> tuple[tuple[float, float, float], ...]:
    if treatment is None:
        return ()
    rows = np.flatnonzero(treatment.firm == row)
    own, whole = home.firms.iloc[row], float(treatment.weight[rows].sum())
    if not treatment.treated[rows].any() or whole <= 0:
        return ()
    return tuple(
        (
            float(treatment.weight[r] / whole),
            float(treatment.capability[r] - own["capability"]),
            float(treatment.fixed_cost_saving[r] - own["fixed_cost_saving"]),
        )
        for r in rows
    )


def attribute_names(home: HomeFirms) -> tuple[str, ...]:
    """Columns that may explain what firms do, as the capability estimate takes them; those with effects first."""
    known = catalogue("firms")
    names = [
        str(name)
        for name in home.firms.columns
        if name not in _NO_ATTRIBUTES
        and pd.api.types.is_numeric_dtype(home.firms[name])
        and (name not in known or known[name].role == "attribute")
        and home.firms[name].nunique() > 1
    ]
    return tuple(sorted(names, key=lambda name: name not in home.effects))


@dataclass(frozen=True, eq=False)
class AttributeReader:
    """m and g of firms that nobody has seen, read from their attributes.

    The estimates' own m̂ and ĝ are functions of attributes; boosted trees learn them back from the home firms, so that
    a file of firms is enough. How well they do on firms set aside stands in ``fit``.

    Parameters
    ----------
    home : HomeFirms
    """

    home: HomeFirms

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Attributes that are read."""
        return attribute_names(self.home)

    @cached_property
    def _learned(self) -> tuple[list[tuple[float, Any]], float]:
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits

        table = self.home.firms
        screen = self.home.screen
        features = np.column_stack([np.empty((len(table), 0)), *(screen.column(name) for name in self.names)])
        aside = np.random.default_rng(0).random(len(table)) < 0.2
        learned: list[tuple[float, Any]] = []
        fit = float("nan")
        for column in ("capability", "fixed_cost_saving"):
            target = table[column].to_numpy(float)
            if not self.names or target.std() < 1e-9 or (~aside).sum() < 50:
                learned.append((float(target.mean()), None))
                continue
            model = HistGradientBoostingRegressor(
                max_iter=200, learning_rate=0.1, max_leaf_nodes=15, random_state=0
            )
            # One thread: others would only wait for each other beside a busy screen.
            with threadpool_limits(1):
                model.fit(features[~aside], target[~aside])
                left = target[aside] - model.predict(features[aside])
            learned.append((0.0, model))
            if column == "capability":
                fit = float(1 - left.var() / max(target[aside].var(), 1e-12))
        return learned, fit

    @property
    def fit(self) -> float:
        """Share of the variance of m̂ that is read back on firms set aside; NaN where there was nothing to learn."""
        return self._learned[1]

    def read(self, values: Mapping[str, float]) -> tuple[float, float]:
        """m and g of a firm with these attributes; what is not given counts as unknown."""
        from threadpoolctl import threadpool_limits

        row = np.array([[float(values.get(name, np.nan)) for name in self.names]])
        with threadpool_limits(1):
            found = [
                level if model is None else float(model.predict(row)[0]) for level, model in self._learned[0]
            ]
        return found[0], found[1]

    def typical(self, world: World, sector: int) -> dict[str, float]:
        """Medians of the attributes over a sector's firms, or over all where they are too few to show."""
        own = np.flatnonzero(self.home.sector_of(world) == sector)
        rows = own if len(own) >= FEWEST_FIRMS else np.arange(len(self.home))
        found = {name: self.home.screen.column(name)[rows] for name in self.names}
        return {name: float(np.nanmedian(v)) for name, v in found.items() if np.isfinite(v).any()}

    def profile(self, sector: int, values: Mapping[str, float], label: str = "This profile") -> Profile:
        """A profile typed in; its κ is known up to what attributes do not explain."""
        m, g = self.read(values)
        return Profile(label, sector, m, self.home.deviations.capability, g, dict(values))

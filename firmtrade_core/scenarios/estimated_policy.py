"""From an estimated coefficient to a policy card: what a trade agreement, a border or a language is worth as a cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.structure import ad_valorem_equivalent
from firmtrade_core.labels.units import in_percent
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.schema import TradeCost


def estimated_policy(
    found: GravityEstimate,
    term: str,
    members: Sequence[str],
    elasticity: float,
    *,
    change: float = -1.0,
) -> TradeCost:
    """A card that changes trade costs among members as the estimate says the regressor does.

    Trade moves by exp(β Δx), so costs change by the factor exp(-β Δx / ε): the full equilibrium of the card is
    the estimated policy's effect at elasticity ε (MODEL 5).

    Parameters
    ----------
    found, term
        The estimate, and which of its coefficients.
    members
        Countries or groups, exporters and importers alike.
    elasticity
        ε: the one that the scenario is solved with.
    change
        Δx of the regressor: -1 switches a policy off, 1 on.

    Raises
    ------
    ScenarioError
        If the change is one that no card can hold.
    """
    hat = ad_valorem_equivalent(found, term, elasticity, change=change)[0]
    if not math.isfinite(hat) or hat <= -1:
        raise ScenarioError(f"{term} changes trade costs by {in_percent(hat)}; no card can hold that.")
    return TradeCost(exporters=tuple(members), importers=tuple(members), change=round(hat, 6))

"""The baseline accounts under a chosen structure: costs, profits, labour's share (MODEL 1 and 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.errors import ProfitsError
from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.margins import Firms, Margins
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Baseline:
    """What the engine knows of the baseline beyond the world's own accounts.

    Attributes
    ----------
    margins : Margins
        Calibrated margin functions.
    profits : (N, S)
        Π, million USD: variable profits less fixed costs; under free entry they pay for entry.
    cost : (N, S)
        C: what producers spend on inputs and labour, million USD; R - Π under restricted entry, else R.
    labour_share : (N, S)
        β = 1 - Σ_k γ; one where nothing is produced.
    input_shares : (N, S, S) or None
        γ = Z/C: country, input, user.
    labour_income : (N,)
        wL = Σ_s βC, million USD.
    profit_income : (N,)
        Profits that are income, million USD: zero under free entry and perfect competition.
    """

    margins: Margins
    profits: Array
    cost: Array
    labour_share: Array
    input_shares: Array | None
    labour_income: Array
    profit_income: Array


def calibrate(world: World, parameters: Parameters) -> Baseline:
    """Baseline accounts of a world under the chosen structure (MODEL 1, 3).

    Raises
    ------
    ProfitsError
        Where profits leave no labour share; names the sector and what would work.
    ParameterError
        Where elasticities are missing or not positive.
    """
    elasticity = parameters.elasticities_for(world)
    margins = parameters.family.calibrate(world, elasticity)
    profits = margins.baseline_profits(world)
    entry_pays = margins.competitive or parameters.entry == "free"
    cost = world.gross_output if entry_pays else world.gross_output - profits
    produced = cost > 0
    value_added = world.value_added - (0.0 if entry_pays else profits)
    labour_share = np.where(produced, value_added / np.where(produced, cost, 1.0), 1.0)
    if (labour_share <= 0).any():
        _refuse_profits(world, parameters, profits, labour_share)
    input_shares = None
    if world.inputs is not None:
        input_shares = np.where(
            produced[:, None, :], world.inputs / np.where(produced, cost, 1.0)[:, None, :], 0.0
        )
    return Baseline(
        margins=margins,
        profits=profits,
        cost=cost,
        labour_share=labour_share,
        input_shares=input_shares,
        labour_income=(labour_share * cost).sum(1),
        profit_income=np.zeros(len(world.countries)) if entry_pays else profits.sum(1),
    )


def _refuse_profits(world: World, parameters: Parameters, profits: Array, labour_share: Array) -> None:
    i, s = np.unravel_index(int(labour_share.argmin()), labour_share.shape)
    output = world.gross_output[i, s]
    count = int((labour_share <= 0).sum())
    own = ""
    if isinstance(parameters.family, Firms):
        own = ", lognormal firms in other countries, the share of firms that sell at home at all (entry data)"
    raise ProfitsError(
        f"In {count} country-sectors profits would exceed value added under the {parameters.family.name} "
        f"family; the worst is {world.countries[i]}, {world.sector_name(world.sectors[s])}: profits are "
        f"{profits[i, s] / output:.1%} of revenue, value added {world.value_added[i, s] / output:.1%}. "
        f"What would work: a higher trade elasticity (or Pareto tail) in this sector{own}, free entry, a "
        "competitive family (Armington), or merging the sector with another."
    )

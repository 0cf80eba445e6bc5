"""The baseline accounts under a chosen structure: costs, profits, labour's share (MODEL 1 and 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.errors import ParameterError, ProfitsError
from firmtrade_core.equilibrium.parameters import Parameters
from firmtrade_core.labels.units import in_percent
from firmtrade_core.margins import ElasticityError, Firms, Margins
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
        C: what producers spend on inputs and labour, million USD; R - Π under restricted entry, else R; less what they
        pay to the labour of other markets.
    labour_share : (N, S)
        β = 1 - Σ_k γ; one where nothing is produced.
    input_shares : (N, S, S) or None
        γ = Z/C: country, input, user.
    labour_income : (N,)
        wL = Σ_s βC, and what firms pay to the market's labour, million USD.
    profit_income : (N,)
        Profits that are income, million USD: zero under free entry and perfect competition.
    paid, received : (N, S)
        ν of fixed costs: what an origin's firms pay to labour in their markets, and a destination's labour receives,
        million USD; the home market included.
    """

    margins: Margins
    profits: Array
    cost: Array
    labour_share: Array
    input_shares: Array | None
    labour_income: Array
    profit_income: Array
    paid: Array
    received: Array


def calibrate(world: World, parameters: Parameters) -> Baseline:
    """Baseline accounts of a world under the chosen structure (MODEL 1, 3).

    Raises
    ------
    ProfitsError
        Where profits leave no labour share; names the sector and what would work.
    ParameterError
        Where elasticities are missing or not positive.
    """
    margins = _margins(world, parameters)
    profits = margins.baseline_profits(world)
    entry_pays = margins.competitive or parameters.entry == "free"
    paid, received = _fixed_costs_abroad(world, margins, parameters.fixed_cost_abroad)
    cost = (world.gross_output if entry_pays else world.gross_output - profits) - paid
    produced = cost > 0
    value_added = world.value_added - (0.0 if entry_pays else profits) - paid
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
        labour_income=(labour_share * cost).sum(1) + received.sum(1),
        profit_income=np.zeros(len(world.countries)) if entry_pays else profits.sum(1),
        paid=paid,
        received=received,
    )


def _fixed_costs_abroad(world: World, margins: Margins, share: float) -> tuple[Array, Array]:
    """ν Σ_j φR/γ by origin and ν Σ_i φR/γ by destination, (N, S) each, million USD."""
    if not share or not margins.has_thresholds:
        nothing = np.zeros_like(world.gross_output)
        return nothing, nothing
    fixed_share = margins.evaluate(np.zeros(world.revenue.shape)).fixed_cost_share
    payments = share * fixed_share * world.revenue / margins.within_elasticity
    return payments.sum(1), payments.sum(0)


def _margins(world: World, parameters: Parameters) -> Margins:
    elasticity, within = parameters.elasticities_for(world), parameters.within_for(world)
    try:
        return parameters.family.calibrate(world, elasticity, within, parameters.elasticity_kind)
    except ElasticityError as error:
        low = np.flatnonzero(np.asarray(error.args[0]))
        names = ", ".join(f"{world.sector_name(world.sectors[s])} ({elasticity[s]:g})" for s in low)
        raise ParameterError(
            f"The {parameters.family.name} family cannot have tariff elasticities this low: {names}. Firms that leave "
            "markets make trade react more than that. What would work: elasticities within countries of their own "
            "(markups), with which every tariff elasticity has its firms; a higher one; or firms alike (Krugman)."
        ) from error


def _refuse_profits(world: World, parameters: Parameters, profits: Array, labour_share: Array) -> None:
    i, s = np.unravel_index(int(labour_share.argmin()), labour_share.shape)
    output = world.gross_output[i, s]
    count = int((labour_share <= 0).sum())
    ways = ["a lower markup (a higher within-country elasticity; without one, a higher trade elasticity)"]
    ways.append("a thinner Pareto tail")
    if isinstance(parameters.family, Firms):
        ways += [
            "lognormal firms in other countries",
            "the share of firms that sell at home at all (entry data)",
        ]
    ways += ["free entry", "a competitive family (Armington)", "merging the sector with another"]
    raise ProfitsError(
        f"In {count} country-sectors profits would exceed value added under the {parameters.family.name} "
        f"family; the worst is {world.countries[i]}, {world.sector_name(world.sectors[s])}: profits are "
        f"{in_percent(profits[i, s] / output)} of revenue, value added {in_percent(world.value_added[i, s] / output)}. "
        f"What would work: {', '.join(ways[:-1])}, or {ways[-1]}."
    )

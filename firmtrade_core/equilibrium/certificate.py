"""Certifies returned quantities against the model's equations, sharing no code with the solver (MODEL 3).

Every residual is relative to the size of its market. Only the accounts of the world, the calibrated
baseline and the returned quantities are read.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

import firmtrade_core
from firmtrade_core.equilibrium.certificate_cells import Cells, read_cells
from firmtrade_core.equilibrium.counterfactual import Counterfactual
from firmtrade_core.equilibrium.shock import Shock
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: A result whose largest residual exceeds this is withheld.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Residual:
    """One equation's residuals, (N,) or (N, S), in absolute value."""

    equation: str
    values: Array


def residuals(equilibrium: Counterfactual) -> list[Residual]:
    """Residuals of equations (5) to (10), adding-up and Walras's law at the returned quantities.

    Parameters
    ----------
    equilibrium : Counterfactual
        Its certificate is not read.

    Returns
    -------
    list of Residual
        In the order of the equations.
    """
    result = equilibrium
    cells = read_cells(result)
    if cells is not None:
        # What all accounts rest on, summed from the returned sales in the same pass.
        result = _with_sums(result, cells)
        markets = _read_markets(result, cells)
    else:
        markets = _market_shares(result)
    return [
        Residual("(5) unit costs", _unit_costs(result)),
        *markets,
        Residual("(8) entry", _entry(result)),
        Residual("(9) labour demand", _labour_demand(result)),
        Residual("(9) labour supply", _labour_supply(result)),
        Residual("(10) income", _income(result)),
        Residual("(10) deficits", _deficits(result)),
        Residual("(10) goods markets", _goods_markets(result)),
        Residual("duties and subsidies", _government(result, cells)),
        Residual("Walras's law", _walras(result, cells)),
        Residual("numeraire", _numeraire(result)),
    ]


def worst_market(found: list[Residual], countries: tuple[str, ...], sectors: tuple[str, ...]) -> str:
    """The largest residual in words: equation, country and sector."""

    def size(residual: Residual) -> float:
        largest = float(residual.values.max())
        return largest if largest == largest else np.inf  # NaN counts as worst

    worst = max(found, key=size)
    values = np.where(np.isnan(worst.values), np.inf, worst.values)
    position = np.unravel_index(int(values.argmax()), values.shape)
    place = [countries[position[0]]] if values.shape[0] == len(countries) else []
    place += [sectors[position[1]]] if values.ndim == 2 else []
    return f"{worst.equation}: {', '.join(place) or 'the world'} ({values[position]:.1e})"


@cache
def versions() -> dict[str, str]:
    """Versions of the product and of what computes with it."""
    return {
        "firmtrade": firmtrade_core.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _unit_costs(result: Counterfactual) -> Array:
    expected = result.baseline.labour_share * np.log(result.wage_change)[:, None]
    if result.baseline.input_shares is not None:
        expected = expected + np.einsum(
            "iks,ik->is", result.baseline.input_shares, np.log(result.price_change)
        )
    if result.shock.productivity is not None:
        expected = expected - np.log(result.shock.productivity)
    return np.abs(np.log(result.cost_change) - expected)


def _with_sums(result: Counterfactual, cells: Cells) -> Counterfactual:
    """The result, with R' by origin known."""
    result.__dict__.setdefault("gross_output", cells.earned)
    return result


def _read_markets(result: Counterfactual, cells: Cells) -> list[Residual]:
    """(1'), (6'), (7) and adding-up, from sums over cells; as `_market_shares`."""
    world, margins = result.world, result.margins_in_force
    sigma, gamma = margins.elasticity_of_substitution, margins.within_elasticity
    open_market = world.total_expenditure > 0
    spending = world.total_expenditure * result.expenditure_change
    scale = np.where(open_market, spending, 1.0)
    index = np.where(open_market, cells.level, 1.0)
    price = np.where(open_market, np.abs(np.log(index * result.price_change ** (sigma - 1))), 0.0)
    earned, received = np.zeros_like(spending), np.zeros_like(spending)
    if not margins.competitive:
        earned = cells.after_fixed / gamma
        if margins.has_thresholds and result.parameters.fixed_cost_abroad:
            received = result.parameters.fixed_cost_abroad * cells.fixed / gamma
    output = np.where(cells.earned > 0, cells.earned, 1.0)
    return [
        Residual("(1) entry thresholds", cells.thresholds),
        Residual("(6) price indices", price),
        Residual("(7) flows", cells.apart / scale),
        Residual("(7) profits", np.abs(earned - result.profits) / output),
        Residual("(9) fixed costs paid in the market", np.abs(received - result.received) / scale),
        Residual("adding-up of shares", np.abs(cells.spent - spending) / scale),
        Residual("(3) and (4) tabulated", np.zeros_like(spending)),
    ]


def _market_shares(result: Counterfactual) -> list[Residual]:
    """(1'), (6'), (7) and adding-up: prices, flows and profits from the terms of the price index.

    The nest's price of each pair is written out, to the power 1-γ, as it stands in (6'); without a nest γ = σ.
    """
    world, margins = result.world, result.margins_in_force
    sigma, gamma = margins.elasticity_of_substitution, margins.within_elasticity
    nested = not np.array_equal(sigma, gamma)
    embargo = None if result.shock.trade_cost is None else np.isposinf(result.shock.trade_cost)
    fixed_share: Array | None = None
    thresholds = np.zeros_like(result.price_change)
    tables = np.zeros_like(result.price_change)
    # Terms of (6') in logs, (1-γ) ln P̂_ij, until they are summed: logs, powers and copies are where a certificate's time goes.
    level = np.log(result.firm_change) - (gamma - 1) * np.log(result.cost_change)
    if not margins.competitive and margins.has_thresholds:
        shift = result.threshold_change
        shift = shift if embargo is None else np.where(embargo, 0.0, shift)
        moved, tables = margins.verified(shift), margins.table_gap(shift)
        logs = moved.log_potential + _by_origin(level, moved.log_potential)
        fixed_share = moved.fixed_cost_share
        _add_wedges(result, logs, gamma - 1)
        if nested or result.parameters.fixed_cost_abroad:
            # Without a nest its price has no part in (1'): γ - σ is zero.
            thresholds = _thresholds(result, shift, logs if nested else None, embargo)
        if nested:
            logs *= (sigma - 1) / (gamma - 1)
        terms = np.exp(logs, out=logs)
        terms *= world.shares
    else:
        # Firms that do not select differ by origin and wedge alone.
        power = (sigma - 1) / (gamma - 1) if nested else np.ones_like(sigma)
        terms = world.shares * _by_origin(np.exp(power * level), world.shares)
        cells = np.moveaxis(terms, 2, 0)
        for where, change, _ in _moved(world, result.shock):
            cells[where] *= np.exp(-(power * (gamma - 1))[where[0]] * change)
    if embargo is not None:
        terms = np.where(embargo, 0.0, terms)
    open_market = world.total_expenditure > 0
    index = np.where(open_market, terms.sum(0), 1.0)
    spending = world.total_expenditure * result.expenditure_change
    scale = np.where(open_market, spending, 1.0)
    price = np.where(open_market, np.abs(np.log(index * result.price_change ** (sigma - 1))), 0.0)
    gap = np.multiply(terms, spending / index, out=terms)
    gap -= result.flows
    flows = np.abs(gap, out=gap).max(0) / scale
    adding_up = np.abs(result.flows.sum(0) - spending) / scale
    earned, received = np.zeros_like(spending), np.zeros_like(spending)
    if not margins.competitive:
        kept = result.gross_output
        if fixed_share is not None:
            kept = kept - np.einsum("ijs,ijs->is", result.revenue, fixed_share)
        earned = kept / gamma
        if fixed_share is not None and result.parameters.fixed_cost_abroad:
            received = result.parameters.fixed_cost_abroad * (fixed_share * result.revenue).sum(0) / gamma
    output = np.where(result.gross_output > 0, result.gross_output, 1.0)
    return [
        Residual("(1) entry thresholds", thresholds),
        Residual("(6) price indices", price),
        Residual("(7) flows", flows),
        Residual("(7) profits", np.abs(earned - result.profits) / output),
        Residual("(9) fixed costs paid in the market", np.abs(received - result.received) / scale),
        Residual("adding-up of shares", adding_up),
        Residual("(3) and (4) tabulated", tables),
    ]


def _by_origin(values: Array, like: Array) -> Array:
    """(N, S) values of origins, to be added to (N, N, S) cells in the order in which those lie in memory."""
    if like.strides[2] > like.strides[1]:
        return np.moveaxis(np.ascontiguousarray(values.T)[:, :, None], 0, 2)
    return values[:, None, :]


def _thresholds(
    result: Counterfactual, change: Array, logs: Array | None, embargo: NDArray[np.bool_] | None
) -> Array:
    """(1') in the cells that trade, largest by destination, (N, S): what makes Δk against Δk itself.

    Parameters
    ----------
    change : (N, N, S)
        Δk.
    logs : (N, N, S) or None
        (1-γ) ln P̂_ij; None where γ = σ.
    """
    world, shock, margins = result.world, result.shock, result.margins_in_force
    sigma, gamma = margins.elasticity_of_substitution, margins.within_elasticity
    abroad = result.parameters.fixed_cost_abroad
    # -(γ-σ) ln P̂_ij = (1-ρ) (1-γ) ln P̂_ij.
    gap = -change if logs is None else ((gamma - sigma) / (gamma - 1)) * logs - change
    gap += _by_origin((gamma - abroad) * np.log(result.cost_change), gap)
    destination = (sigma - 1) * np.log(result.price_change) + np.log(result.expenditure_change)
    gap -= (destination - abroad * np.log(result.wage_change)[:, None])[None]
    _add_wedges(result, gap, -gamma, -(gamma - 1))
    if shock.fixed_cost is not None:
        gap += np.log(shock.fixed_cost)
    np.abs(gap, out=gap)
    gap *= world.expenditure > 0
    if embargo is not None:
        gap = np.where(embargo, 0.0, gap)
    return np.asarray(gap.max(0, initial=0.0))


def _add_wedges(result: Counterfactual, logs: Array, wedge: Array, cost: Array | None = None) -> None:
    """Take wedge x ln T̂ + cost x ln τ̂ off logs, in place; ``cost`` is ``wedge`` unless given.

    Embargoed cells are left for the caller to blank; only cells that change are touched.
    """
    cells = np.moveaxis(logs, 2, 0)
    for moved, change, is_wedge in _moved(result.world, result.shock):
        exponent = wedge if is_wedge or cost is None else cost
        cells[moved] -= exponent[moved[0]] * change


@lru_cache(maxsize=16)
def _moved(world: World, shock: Shock) -> list[tuple[tuple[NDArray[np.intp], ...], Array, bool]]:
    """Cells, sector-first, in which a wedge or a trade cost changes, ln of its factor, and whether it is a wedge.

    Draws of an ensemble share their shock: what moves is looked for once.
    """
    found = []
    subsidy = shock.subsidy_in_force(world)
    for new, old, sign in (
        (shock.tariff, world.tariff, 1.0),
        (None if subsidy is world.subsidy else subsidy, world.subsidy, -1.0),
        (shock.trade_cost, None, 0.0),
    ):
        if new is None:
            continue
        after = np.moveaxis(new, 2, 0)
        if old is None:
            moved = np.nonzero((after != 1) & np.isfinite(after))
            change = after[moved]
        else:
            before = np.moveaxis(old, 2, 0)
            moved = np.nonzero(after != before)
            change = (1 + sign * after[moved]) / (1 + sign * before[moved])
        found.append((moved, np.log(change), bool(sign)))
    return found


def _free_entry(result: Counterfactual) -> bool:
    return result.parameters.entry == "free" and not result.baseline.margins.competitive


def _entry(result: Counterfactual) -> Array:
    if not _free_entry(result):
        return np.abs(result.firm_change - 1)
    before = result.baseline.profits
    expected = np.where(
        before > 0, result.profits / np.where(before > 0, before, 1.0) / result.cost_change, 1.0
    )
    return np.abs(expected / result.firm_change - 1)


def _labour_demand(result: Counterfactual) -> Array:
    demanded = (result.baseline.labour_share * result.cost).sum(1) + result.received.sum(1)
    return np.abs(demanded / result.labour_income - 1)


def _labour_supply(result: Counterfactual) -> Array:
    real_wage = result.wage_change / np.prod(result.price_change**result.world.final_shares, axis=1)
    if result.parameters.duties == "labour_tax":
        before = 0.0 if result.parameters.labour_tax is None else result.parameters.labour_tax
        real_wage = real_wage * (1 - result.labour_tax) / (1 - before)
    return np.abs(result.labour_change / real_wage**result.parameters.labour_supply_elasticity - 1)


def _profit_income(result: Counterfactual) -> Array:
    return np.zeros_like(result.income) if _free_entry(result) else result.profits.sum(1)


def _own_income(result: Counterfactual) -> Array:
    own = result.labour_income + _profit_income(result) + result.duties
    return own - result.subsidy_outlay - result.outlay


def _income(result: Counterfactual) -> Array:
    return np.abs(_own_income(result) + result.deficits - result.income) / result.income


def _deficits(result: Counterfactual) -> Array:
    world, own = result.world, _own_income(result)
    # What people receive from abroad on top of what they earn, wages for foreign firms' fixed costs among it.
    deficits = world.deficits + (result.baseline.paid - result.baseline.received).sum(1)
    if result.parameters.deficits == "fixed":
        before = (result.baseline.labour_income + result.baseline.profit_income).sum()
        after = (result.labour_income + _profit_income(result)).sum()
        expected = deficits * after / before
    elif result.parameters.deficits == "proportional":
        ratio = (result.income / own) / (world.income / (world.income - deficits))
        return np.abs(ratio / ratio[_first_partner(result)] - 1)
    else:
        expected = np.zeros_like(own)
    return np.abs(result.deficits - expected) / result.income


def _first_partner(result: Counterfactual) -> NDArray[np.intp]:
    """The first country that each trades with, directly or through others, (N,): itself where it trades with nobody.

    Deficits are financed among them, so that they share a factor; mostly it is the world's first country.
    """
    if (result.flows[0].any(-1) | result.flows[:, 0].any(-1)).all():
        return np.zeros(len(result.flows), dtype=np.intp)
    trades = result.flows.sum(2) > 0
    reach = trades | trades.T
    if reach[0].all():
        return np.zeros(len(reach), dtype=np.intp)
    for _ in range(int(np.ceil(np.log2(len(reach)))) + 1):
        reach = (reach.astype(float) @ reach) > 0
    return np.asarray(reach.argmax(1), dtype=np.intp)


def _goods_markets(result: Counterfactual) -> Array:
    world = result.world
    shares = world.final_shares
    if result.shock.demand is not None:
        shares = shares * result.shock.demand
        shares = shares / shares.sum(1, keepdims=True)
    demand = shares * (result.income + result.outlay)[:, None]
    if result.baseline.input_shares is not None:
        demand = demand + np.einsum("jks,js->jk", result.baseline.input_shares, result.cost)
    spending = world.total_expenditure * result.expenditure_change
    return np.where(spending > 0, np.abs(demand / np.where(spending > 0, spending, 1.0) - 1), np.abs(demand))


def _government(result: Counterfactual, cells: Cells | None) -> Array:
    if cells is None:
        duties = result.flows.sum((0, 2)) - result.border_value.sum((0, 2))
    else:
        duties = (cells.spent - cells.arriving).sum(1)
    gap = np.abs(duties - result.duties)
    if result.subsidy.any() if cells is None else cells.subsidised:
        gap = gap + np.abs(_subsidies(result) - result.subsidy_outlay)
    if result.parameters.duties == "labour_tax":
        gap = gap + np.abs(_budget_change(result))
    if result.shock.outlay is not None:
        gap = gap + np.abs(result.shock.outlay * result.price_index_change - result.outlay)
    return gap / result.income


def _subsidies(result: Counterfactual) -> Array:
    """Outlays on exports and production, from the rates of the shock and market revenue."""
    shock, rates = result.shock, result.world.subsidy
    rates = rates if shock.subsidy is None else shock.subsidy
    market = result.border_value / (1 - rates)
    paid = (rates * market).sum((1, 2))
    if shock.production_subsidy is not None:
        paid = paid + (shock.production_subsidy * market.sum(1)).sum(1)
    return np.asarray(paid)


def _budget_change(result: Counterfactual) -> Array:
    """Tax on labour, duties less outlays, less the same at the baseline in units of the final basket."""
    world, tax = result.world, result.parameters.labour_tax
    before = world.duties - world.subsidy_outlay
    before = before if tax is None else before + tax * result.baseline.labour_income
    after = result.labour_tax * result.labour_income + result.duties - result.subsidy_outlay - result.outlay
    return np.asarray(after - before * result.price_index_change)


def _walras(result: Counterfactual, cells: Cells | None) -> Array:
    """Spending over sales is the deficit and net earnings abroad, country by country, and deficits sum to zero."""
    spending = result.flows.sum((0, 2)) if cells is None else cells.spent.sum(1)
    sales = result.revenue.sum((1, 2)) if cells is None else cells.earned.sum(1)
    gap = spending - sales - result.duties + result.subsidy_outlay - result.deficits
    gap = gap + (result.paid - result.received).sum(1)
    return np.maximum(np.abs(gap), np.abs(result.deficits.sum())) / spending


def _numeraire(result: Counterfactual) -> Array:
    before = result.baseline.labour_income
    return np.abs(np.array([(result.wage_change * before).sum() / before.sum() - 1]))

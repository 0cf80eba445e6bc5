"""How the equations respond around a point, and the step that follows from it (MODEL 3, "Solver").

Wages take a Newton step on what they do to labour markets once prices and spending have answered. Prices and spending
follow chains of inputs: those within a country to their end, by its own Leontief inverse, those between countries
for a few rounds. What the response leaves out, acceleration learns. Arrays are sector-first, as in `system`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from firmtrade_core.equilibrium.system import Evaluation, System

Array = NDArray[np.float64]

#: Precision of the response: a step need not be exact, and half the memory is read in half the time.
_Single = NDArray[np.float32]

#: Rounds of inputs between countries that every step follows.
_ROUNDS = 1

#: The same where the response of wages is computed, which is done once.
_WAGE_ROUNDS = 4

#: Smallest fall of profits, per firm that enters, that a step of free entry reckons with.
_SLOWEST_ENTRY = 0.05

#: A wage response whose inverse has larger entries is treated as singular.
_LARGEST_INVERSE = 1e8


class Response:
    """Linear response of the equations at a point, solved approximately.

    Parameters
    ----------
    system : System
    evaluation : Evaluation
        Of the point; the baseline's response serves every moderate shock to the same world.

    Notes
    -----
    With a the elasticity of sales to the origin's cost, b that of the price index to itself and ℓ the slope of ρ ln Ŝ in the
    index (L its mean by destination): ``dp = (Π'(a dc) + L de)/b``, ``dc = β dw + Γ'dp``,
    ``dr_i = Σ_j ω_ij (de_j - a dc_i + Π'(a dc)_j - (ℓ_ij - L_j)((σ-1) dp_j + de_j))`` and
    ``de = (labour income in E) dw + (inputs and profits in E) dr + (duties in E) de``, where Π are market shares, ω shares of
    sales, Γ input shares. Under free entry firms follow their profits, which they drive down, and prices and sales follow
    firms. Labour supply, changes of φ and what entry in one place does to entry elsewhere are left to acceleration.
    """

    #: Rounds of inputs between countries that a step follows.
    rounds = _ROUNDS

    def __init__(self, system: System, evaluation: Evaluation) -> None:
        flows, n = evaluation.flows, system.countries
        self.has_inputs, self.beta = system.has_inputs, _single(system.labour_share[:, :, None])
        shares, self.sales = (_single(matrix) for matrix in system.share_matrices(flows))
        self.shares = np.ascontiguousarray(np.swapaxes(shares, 1, 2))
        demanded = system.labour_share * flows.cost
        self.weight = _single(demanded / np.maximum(demanded.sum(0), np.finfo(float).tiny))
        fall, own, slope = system.elasticities(flows)
        self.fall, self.own, self.bend = (_single(part[:, :, None]) for part in (fall, own, slope / own))
        self.bends = bool(slope.any())
        #: ℓ by cell where it differs, and its mean by destination; ν.
        self.slopes: _Single | None = None
        self.mean, self.abroad = _single(slope[:, :, None]), system.abroad
        #: Market shares times a, by destination and origin, and shares of sales times a, summed.
        self.moving, self.sold = self.shares * self.fall, self.sales @ self.fall
        self.bent: _Single | None = None
        cell_slopes = system.cell_slopes(evaluation)
        if cell_slopes is not None:
            self.slopes = _single(cell_slopes)
            away = _single(cell_slopes - slope[:, None, :])
            sigma = _single(system.sigma[:, :, None])
            self.moving = self.moving - self.shares * np.swapaxes(away, 1, 2) * sigma
            self.sold = self.sold - (self.sales * away).sum(2, keepdims=True) * sigma
            self.bent, self.market = self.sales * away, sigma - 1
        if system.free_entry:
            push = _single(np.broadcast_to(system.entry_exponent(slope), fall.shape)[:, :, None])
            # Firms that enter drive down the profits they came for, the less the smaller they are in their markets.
            kept_alive = (self.sales @ push)[:, :, 0] - np.einsum(
                "sij,sij,sj->si", self.sales, shares, push[:, :, 0]
            )
            self.entry, self.entry_push = (
                _single(1 / np.maximum(1 - kept_alive, _SLOWEST_ENTRY)[:, :, None]),
                push,
            )
            self.entry_price = push / _single(own[:, :, None])
        income = np.where(evaluation.income > 0, evaluation.income, 1.0)
        labour = system.labour_income * np.exp(evaluation.point.wage + evaluation.labour)
        kept = not (system.free_entry or system.margins.competitive)
        if system.parameters.deficits == "proportional":
            # Spending moves with own income, whatever the deficit on top.
            own_income = labour + (flows.profits.sum(0) if kept else 0.0) + flows.duties - flows.subsidies
            base = np.where(own_income > 0, own_income, income)
        else:
            base = income
        profits = flows.profits / base if kept else np.zeros_like(flows.profits)
        duties = system.duties_by_sector(flows) / base
        self.profits, self.duties = _single(profits), _single(duties[:, :, None])
        eye = np.eye(n, dtype=np.float32)
        if self.has_inputs:
            self._chain_inputs(system, evaluation, shares, income, profits, duties)
            self.earned = self.final[:, :, 0] * _single(labour / base)
            earned = self.earned[:, :, None]
        else:
            if self.bent is not None:
                # What labour markets feel of all sectors' sales, for they alone answer: summed once, not at every step.
                self.demanded = (self.weight[:, :, None] * self.sales).sum(0)
                turned_away = np.swapaxes(self.weight[:, :, None] * self.bent, 0, 1)
                self.turned_away = np.ascontiguousarray(turned_away).reshape(n, -1)
            # One unknown of spending by country: what profits answer can be solved at once.
            answered = np.einsum("si,sij->ij", self.profits, self.sales)
            self.spend_inverse = _single(_inverse(np.eye(n) - answered - np.diag(duties.sum(0))))
            self.earned = _single(labour / base)
            earned = self.earned[:, None]
        self.price_response, self.spend_response = self._wage_responses(earned * eye)
        spend = self.spend_response if self.has_inputs else self.spend_response[None]
        #: What wages do to labour markets by buyers' turning elsewhere, by sector, and the rest; both (..., N, N).
        self.turned = self.weight[:, :, None] * self._substitution(self._costs(self.price_response, eye))
        revenue = self.sales @ spend + self._bending(self.price_response, spend)
        rest = (self.weight[:, :, None] * revenue).sum(0, dtype=np.float64) - np.eye(n)
        # All wages of those who trade with one another may rise together: they are pinned to where they are.
        together = system.blocs[:, None] == system.blocs
        pin = together * system.labour_income
        self.rest = rest - pin / pin.sum(1, keepdims=True)
        self.wage_inverse = _inverse(self.turned.sum(0, dtype=np.float64) + self.rest)

    def _chain_inputs(
        self,
        system: System,
        evaluation: Evaluation,
        shares: _Single,
        income: Array,
        profits: Array,
        duties: Array,
    ) -> None:
        """Each country's own chains of inputs, upwards to prices and downwards to spending."""
        flows, home = evaluation.flows, np.arange(system.countries)
        inputs = system.baseline.input_shares
        assert inputs is not None
        # Country, user, input: costs are a batch of products with prices.
        self.inputs = _single(np.swapaxes(inputs, 1, 2))
        spending = system.spending * np.exp(evaluation.point.expenditure)
        spending = np.where(spending > 0, spending, 1.0)
        final = system.new_final_shares * income / spending
        self.final = _single(final[:, :, None])
        chain = inputs * (flows.cost.T[:, None, :] / spending.T[:, :, None])
        self.chain = _single(chain + final.T[:, :, None] * profits.T[:, None, :])
        eye = np.eye(system.sectors, dtype=np.float32)
        # Prices of the country's own goods in its costs, and its own sales in what it spends.
        bought = (self.moving[:, home, home] / self.own[:, :, 0]).T
        self.price_inverse = _single(_inverse(eye - bought[:, :, None] * self.inputs))
        own = self.chain * self.sales[:, home, home].T[:, None, :]
        own = own + (final.T[:, :, None] * duties.T[:, None, :]).astype(np.float32)
        self.spend_inverse = _single(_inverse(eye - own))

    # Each of these takes and gives changes in logs, (S, N, M), M of them at a time.

    def _costs(self, price: _Single, wage: _Single | None = None) -> _Single:
        """dc = β dw + Γ'dp."""
        cost = _batched(self.inputs, price) if self.has_inputs else np.zeros_like(price)
        return cost if wage is None else cost + self.beta * wage

    def _prices(self, right: _Single, rounds: int) -> _Single:
        """dp with dp - (a/b) Π'Γ'dp = right."""
        if not self.has_inputs:
            return right
        price = _batched(self.price_inverse, right)
        for _ in range(rounds):
            gap = right + self._turned(self._costs(price)) / self.own - price
            price = price + _batched(self.price_inverse, gap)
        return price

    def _turned(self, cost: _Single) -> _Single:
        """Π'(a dc): what costs do to price indices, to the power 1-σ, at given markets."""
        return _single(self.moving @ cost)

    def _substitution(self, cost: _Single) -> _Single:
        """dr at given spending: buyers turn to who has become cheaper."""
        return self.sales @ self._turned(cost) - self.sold * cost

    def _bending(self, price: _Single, spend: _Single) -> _Single | float:
        """dr where a larger market draws in some origins' firms more than others'."""
        if self.bent is None:
            return 0.0
        return -(self.bent @ (self.market * price + spend))

    def _spending(self, right: _Single, revenue: _Single, rounds: int) -> _Single:
        """de with de = right + (inputs and profits) (revenue + ω de), (S, N, M), or (N, M) without inputs."""
        if not self.has_inputs:
            return self.spend_inverse @ (right + (self.profits[:, :, None] * revenue).sum(0))
        right = right + _batched(self.chain, revenue)
        spend = _batched(self.spend_inverse, right)
        for _ in range(rounds):
            gap = right + _batched(self.chain, self.sales @ spend) - spend
            gap = gap + self.final * (self.duties * spend).sum(0)
            spend = spend + _batched(self.spend_inverse, gap)
        return spend

    def _wage_responses(self, earned: _Single) -> tuple[_Single, _Single]:
        """What prices and spending do when one country's wage rises, (S, N, N) and (S, N, N) or (N, N)."""
        eye = np.eye(len(self.beta[0]), dtype=np.float32)
        from_cost = self.moving @ (self.beta * eye) / self.own
        spend = eye
        for _ in range(3 if self.bends else 1):
            price = self._prices(from_cost + self.bend * spend, _WAGE_ROUNDS)
            revenue = self._substitution(self._costs(price, eye)) + self._bending(price, spend)
            spend = self._spending(earned, revenue, _WAGE_ROUNDS)
        return price, spend

    def _demanded(self, price: _Single | None, spend: _Single) -> _Single:
        """What labour markets feel of prices and spending where there are no inputs, (N, M)."""
        if price is None or self.bent is None:
            return _single((self.weight[:, :, None] * (self.sales @ spend)).sum(0))
        drawn = (self.market * price + spend).reshape(-1, spend.shape[-1])
        return _single(self.demanded @ spend - self.turned_away @ drawn)

    def _crowding(self, firms: _Single) -> _Single:
        """dr when numbers of firms move, at given costs and spending."""
        return self.sales @ self.entry_push * firms - self.sales @ (self.entry_push * (self.shares @ firms))

    def _wages(self, labour_gap: Array) -> Array:
        """What closes labour markets' gaps, (N, M), taken off wages."""
        return self.wage_inverse @ labour_gap

    def step(self, system: System, evaluation: Evaluation) -> Array:
        """Changes of all unknowns that would close the gaps, as a vector."""
        gaps = {name: gap[..., None] for name, gap in evaluation.gaps.items()}
        found = self.answer(gaps, evaluation.point.wage[:, None], system.labour_income[:, None])
        return np.concatenate([block.ravel() for block in found.values()])

    def answer(self, gaps: dict[str, Array], wage: Array, labour_income: Array) -> dict[str, Array]:
        """What closes gaps, by block of unknowns, in columns.

        Parameters
        ----------
        gaps
            By block, (N, M) or (S, N, M).
        wage, labour_income : (N, M)
            Where wages stand, in logs, and what the baseline's labour earns, for the numeraire.
        """
        spend_gap, price = _single(gaps["expenditure"]), None
        firms = self.entry * _single(gaps["firms"]) if "firms" in gaps else None
        if "price" in gaps:
            right = _single(gaps["price"]) + self.bend * spend_gap
            if firms is not None:
                right = right - self.entry_price * (self.shares @ firms)
            price = self._prices(right, self.rounds)
        if self.has_inputs and price is not None:
            revenue = self._substitution(self._costs(price)) + self._bending(price, spend_gap)
            if firms is not None:
                revenue = revenue + self._crowding(firms)
            spend = self._spending(spend_gap, revenue, self.rounds)
            if self.bends:
                price = price + self._prices(self.bend * (spend - spend_gap), 0)
            revenue = revenue + self.sales @ spend
            demanded = (self.weight[:, :, None] * revenue).sum(0)
        else:
            spend = self.spend_inverse @ spend_gap
            demanded = self._demanded(price, spend)
        moved = wage - self._wages(gaps["wage"] + demanded)
        # As `System.numeraire`: wages of the world as a whole stay.
        earned = (np.exp(moved) * labour_income).sum(0) / labour_income.sum(0)
        raised = moved - np.log(earned) - wage
        follow = _single(raised)
        found: dict[str, Array] = {
            **gaps,
            "wage": raised,
            "expenditure": spend + self.spend_response @ follow,
        }
        if firms is not None:
            found["firms"] = np.asarray(firms, dtype=np.float64)
        if price is not None:
            found["price"] = price + self.price_response @ follow
        return found


def _single(array: Array) -> _Single:
    """In single precision, in one stretch of memory."""
    return np.ascontiguousarray(array, dtype=np.float32)


def _batched(matrices: _Single, vectors: _Single) -> _Single:
    """Products of each country's matrix, (N, S, S), with its part of (S, N, M)."""
    return np.ascontiguousarray(np.swapaxes(matrices @ np.swapaxes(vectors, 0, 1), 0, 1))


def _inverse(matrix: Array) -> Array:
    """Inverse, or the pseudo-inverse where it is singular.

    Countries in autarky have wages tied to nobody else's: the pseudo-inverse leaves those where they are.
    """
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        inverse = np.full_like(matrix, np.inf)
    if not np.abs(inverse).max() < _LARGEST_INVERSE:
        inverse = np.linalg.pinv(np.where(np.isfinite(matrix), matrix, 0.0), rcond=1e-12)
    return np.asarray(inverse, dtype=np.float64)

"""How structures beside one respond whose response is known (MODEL 3, 14).

Market shares, shares of sales and chains of inputs are those in the middle. What elasticities decide is each structure's own: σ, the
slope ℓ of ρ ln Ŝ, which for every cell follows from where its threshold stands and from ρ, costs and profits. Arrays are
sector-first, as in `system`, structures last.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.steps import _LARGEST_INVERSE, Response, _batched, _Single, _single

if TYPE_CHECKING:
    from firmtrade_core.equilibrium.baseline import Baseline
    from firmtrade_core.equilibrium.system import Evaluation, System

Array = NDArray[np.float64]

#: How often a step is corrected for what it leaves of the gaps by the structures' own equations: products of matrices that all
#: structures share, which where cells have thresholds of their own cost less than one more evaluation of those.
_CORRECTIONS = 2

#: Smallest 1 - (1-ρ) ∂ln S/∂k that slopes are computed with.
_STEEPEST = 1e-3

#: What differs by structure, which is the last axis.
_OWN = (
    "ratio",
    "close",
    "reach",
    "mean",
    "spread",
    "sold",
    "own",
    "bend",
    "dearer",
    "labour",
    "richer",
    "earned",
)


class Leaning(Response):
    """The responses of D structures beside one.

    Parameters
    ----------
    response : Response
        In the middle.
    middle : Baseline
        There.
    baselines : list of Baseline
        Of the structures.

    Notes
    -----
    ∂ln S/∂k = r is the same function of the threshold whatever ρ, and ℓ = ρr/(1-(1-ρ)r). By sector it is taken at the lowest and the
    highest ρ among the structures and drawn straight in between; a structure's cells have the middle's ℓ, scaled by destination to its
    own mean.
    """

    def __init__(self, response: Response, middle: Baseline, baselines: list[Baseline]) -> None:
        self.__dict__.update(response.__dict__)
        self.rounds = response.rounds if self.slopes is None else 0
        sigma, nest = (
            np.array([getattr(b.margins, name) for b in baselines]).T[:, None, :]
            for name in ("elasticity_of_substitution", "nest")
        )
        before = middle.margins.nest[:, None, None]

        def at(nest: Array, slopes: _Single) -> Array:
            raw = slopes / (before + (1 - before) * slopes)
            return np.asarray(nest * raw / np.maximum(1 - (1 - nest) * raw, _STEEPEST))

        total = self.sales.sum(2, keepdims=True)
        if self.slopes is None:
            mean = at(nest, response.mean)
            sold = mean * total
        else:
            low, high = nest.min(2, keepdims=True), nest.max(2, keepdims=True)
            part = (nest - low) / np.where(high > low, high - low, 1.0)
            one, two = (at(end, self.slopes) for end in (low, high))
            mean, sold = (
                (1 - part) * first + part * second
                for first, second in (
                    [np.einsum("sji,sij->sj", self.shares, end)[:, :, None] for end in (one, two)],
                    [(self.sales * end).sum(2, keepdims=True) for end in (one, two)],
                )
            )
            #: Market shares and shares of sales, times ℓ in the middle.
            self.steep, self.bent = self.shares * np.swapaxes(self.slopes, 1, 2), self.sales * self.slopes
        #: A structure's ℓ over that in the middle.
        self.spread = _single(mean / np.where(response.mean < 0, response.mean, 1.0))
        close, reach = sigma - 1, sigma - self.abroad
        self.close, self.reach, self.mean = _single(close), _single(reach), _single(mean)
        self.sold = _single(close * total - reach * sold)
        self.own = _single(close * (1 - mean))
        self.bend = _single(mean / (close * (1 - mean)))
        #: Reaction of sales to costs over that in the middle, by sector.
        sigma = middle.margins.elasticity_of_substitution[:, None, None]
        weight = self.weight / np.maximum(self.weight.sum(1, keepdims=True), np.finfo(np.float32).tiny)
        was, now = (np.einsum("sj,sjd->sd", weight, part)[:, None] for part in (response.mean, mean))
        self.ratio = _single((close - reach * now) / (sigma - 1 - (sigma - self.abroad) * was))
        self._own_accounts(middle, baselines)
        self._wage_inverses()

    def _own_accounts(self, middle: Baseline, baselines: list[Baseline]) -> None:
        """What profits that differ leave for costs, labour and spending."""

        def own(name: str) -> Array:
            return np.array([getattr(b, name) for b in baselines]).T

        def over(name: str) -> _Single:
            before = getattr(middle, name).T[..., None]
            return _single(np.where(before > 0, own(name) / np.where(before > 0, before, 1.0), 1.0))

        self.dearer, self.labour = 1 / over("cost"), _single(own("labour_share"))
        #: Profits in spending beyond those in the middle, which its chains of inputs hold.
        self.richer = self.profits[:, :, None] * (over("profits") - 1)
        self.earned = self.earned[..., None] * over("labour_income")

    def _wage_inverses(self) -> None:
        """What closes labour markets' gaps, (D, N, N)."""
        sectors, n, draws = self.mean.shape
        turned = self.ratio[:, 0].T @ self.turned.reshape(sectors, n * n)
        inverse = np.linalg.inv(turned.reshape(draws, n, n) + _single(self.rest))
        fine = np.abs(inverse).reshape(draws, -1).max(1) < _LARGEST_INVERSE
        self.wage_inverses = np.where(fine[:, None, None], inverse, _single(self.wage_inverse))

    def only(self, kept: NDArray[np.intp]) -> Leaning:
        """Of some of the structures."""
        part = copy.copy(self)
        for name in _OWN:
            setattr(part, name, getattr(self, name)[..., kept])
        part.wage_inverses = self.wage_inverses[kept]
        return part

    # Each of these takes and gives changes in logs, (S, N, D).

    def _costs(self, price: _Single, wage: _Single | None = None) -> _Single:
        cost = _single(self.dearer * super()._costs(price))
        return cost if wage is None else _single(cost + self.labour * wage)

    def _turned(self, cost: _Single) -> _Single:
        return _single(self.moving @ (self.ratio * cost))

    def _bending(self, price: _Single, spend: _Single) -> _Single | float:
        if self.slopes is None:
            return 0.0
        market = self.close * price + spend
        return self.sales @ (self.mean * market) - self.bent @ (self.spread * market)

    def _demanded(self, price: _Single | None, spend: _Single) -> _Single:
        revenue = self.sales @ spend if price is None else self.sales @ spend + self._bending(price, spend)
        return _single((self.weight[:, :, None] * revenue).sum(0))

    def _wages(self, labour_gap: Array) -> Array:
        return np.asarray((self.wage_inverses @ _single(labour_gap.T)[:, :, None])[:, :, 0].T)

    def answer(self, gaps: dict[str, Array], wage: Array, labour_income: Array) -> dict[str, Array]:
        """As `Response.answer`, corrected where cells have slopes of their own; numbers of firms are left to acceleration."""
        found = super().answer(gaps, wage, labour_income)
        if self.slopes is None or "firms" in gaps:
            return found
        for _ in range(_CORRECTIONS):
            more = super().answer(self._left(gaps, found), wage + found["wage"], labour_income)
            found = {name: part + more[name] for name, part in found.items()}
        return found

    def _left(self, gaps: dict[str, Array], found: dict[str, Array]) -> dict[str, Array]:
        """What changes leave of the gaps, by the structures' own equations; changes of φ are left out."""
        wage, price, spend = (_single(found[name]) for name in ("wage", "price", "expenditure"))
        cost = self._costs(price, wage)
        market = self.close * price + spend
        turned = self.shares @ (self.close * cost) - self.spread * (self.steep @ (self.reach * cost))
        index = turned + self.mean * market
        revenue = self.sales @ (index + spend) - self.sold * cost - self.bent @ (self.spread * market)
        income = (self.richer * revenue).sum(0) + (self.duties * spend).sum(0)
        if self.has_inputs:
            spent = _batched(self.chain, revenue) + self.final * income + self.earned * wage
        else:
            spent = income + (self.profits[:, :, None] * revenue).sum(0) + self.earned * wage
        return {
            "wage": gaps["wage"] + (self.weight[:, :, None] * revenue).sum(0) - wage,
            "price": gaps["price"] + (index - self.mean * self.close * price) / self.own - price,
            "expenditure": gaps["expenditure"] + spent - spend,
        }

    def steps(self, system: System, evaluation: Evaluation) -> Array:
        """Changes of all unknowns that would close the gaps, (D, unknowns)."""
        gaps = {name: np.moveaxis(gap, 0, -1) for name, gap in evaluation.gaps.items()}
        found = self.answer(gaps, evaluation.point.wage.T, system.labour_income.T)
        return np.concatenate([block.reshape(-1, block.shape[-1]) for block in found.values()]).T.copy()

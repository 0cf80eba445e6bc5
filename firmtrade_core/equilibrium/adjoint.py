"""Products with the transposed Jacobian, and the adjoint equations solved with them.

A sweep back through the equations (`tangent.Tangent.back`) is linear in a few vectors by origin and by destination. Their
coefficients are summed, or kept as one matrix a sector where a vector of one side meets a sum of the other, so that a
product costs a handful of batched matrix-vector products. The sweep itself, cell by cell, then certifies the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.equilibrium.tangent import Bar, Tangent, Unknowns

#: Directions that right sides solved together keep, before they start anew from where they are.
_TOGETHER = 40

Array = NDArray[np.float64]
Product = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Start:
    """What solved the adjoint equations near by: the multipliers, and countries' own responses."""

    multipliers: Array
    own: Own


class _Channel(NamedTuple):
    """What one vector, by origin or destination, adds to log weights' and indices' derivatives, cell by cell."""

    name: str
    by_origin: bool
    weight: Array
    bent: Array
    sales: Array


class _Part(NamedTuple):
    """One vector's part of one sum: (S, N) where both are of one side, else (S, N, N) with the sum's side first."""

    channel: str
    output: str
    factor: Array


class Sweep:
    """F_x'λ at an equilibrium, prepared.

    Parameters
    ----------
    tangent
        The equations around the equilibrium.

    Notes
    -----
    Of a cell, with the bars of C_i (spent), of kept profits, of subsidies, of pay received abroad, of duties and of
    ln Σ_i W (index): sales = R (C_i + (1-φ) Π_i/γ + φ net + b B_i) + t V D_j, weight = sales - π index_j, idx = s weight +
    R bend (net - Π_i/γ), net = ν (received_j - C_i)/γ; ln ĉ takes (σ-ν) idx - (σ-1) weight summed over destinations, ln M̂ takes
    ρ weight + (1-ρ) idx, ln Ê and (σ-1) ln P̂ take sales - idx summed over origins, and wages ν idx.
    """

    def __init__(self, tangent: Tangent) -> None:
        self.tangent = tangent
        sigma, nest = tangent.sigma[:, :, None], tangent.nest[:, :, None]
        mixed: dict[str, Callable[[_Channel], Array]] = {
            "cost": lambda c: (sigma - tangent.abroad) * c.bent - (sigma - 1) * c.weight,
            "pull": lambda c: c.sales - c.bent,
        }
        if tangent.free_entry:
            mixed["firms"] = lambda c: nest * c.weight + (1 - nest) * c.bent
        if tangent.abroad:
            mixed["wage"] = lambda c: tangent.abroad * c.bent
        self.parts: list[_Part] = []
        for channel in self._channels():
            for output, mix in mixed.items():
                cells, to_origin = mix(channel), output in ("cost", "firms")
                if not cells.any():
                    continue
                if channel.by_origin == to_origin:
                    factor = cells.sum(2 if to_origin else 1)
                else:
                    factor = np.ascontiguousarray(cells if to_origin else np.swapaxes(cells, 1, 2))
                self.parts.append(_Part(channel.name, output, factor))
        #: The same with countries' own cells alone where one side's vector meets the other's sum.
        self.own_parts = [
            part
            if part.factor.ndim == 2
            else part._replace(factor=np.ascontiguousarray(np.diagonal(part.factor, axis1=1, axis2=2)))
            for part in self.parts
        ]

    def _channels(self) -> list[_Channel]:
        t = self.tangent
        within, share, bend = t.within[:, :, None], t.share, t.bend * t.revenue
        abroad = t.abroad * share / within

        def channel(name: str, by_origin: bool, sales: Array, bent: Array | float = 0.0) -> _Channel:
            return _Channel(name, by_origin, sales, sales * t.slope + bent, sales)

        found = [channel("spent", True, t.revenue * (1 - abroad), -t.abroad * bend / within)]
        if not t.competitive:
            found.append(channel("kept", True, t.revenue * (1 - share) / within, -bend / within))
        if t.abroad:
            found.append(channel("received", False, t.revenue * abroad, t.abroad * bend / within))
        if t.subsidy.any():
            found.append(channel("subsidies", True, t.subsidy * t.revenue))
        if t.tariff.any():
            found.append(channel("duties", False, t.tariff * t.border))
        found.append(_Channel("index", False, -t.shares, -t.shares * t.slope, np.zeros_like(t.shares)))
        return found

    def __call__(self, vector: Array) -> Array:
        """F_x'λ."""
        return self._back(self.tangent.bars(vector), self.parts)

    def back(self, bar: Bar) -> Array:
        """From derivatives with respect to quantities on the way to those with respect to unknowns; exports have no channel."""
        return self._back(bar, self.parts)

    def _back(self, bar: Bar, parts: list[_Part], *, own: bool = False) -> Array:
        t = self.tangent
        t._accounts(bar, own=own)
        shape, lead = (t.sectors, t.countries), bar.wage.shape[:-1]
        vectors: dict[str, Array] = {
            "spent": bar.spent,
            "kept": bar.profits - t.kept * bar.spent,
            "received": bar.received,
            "subsidies": bar.subsidies[..., None, :],
            "duties": bar.duties[..., None, :],
            "index": bar.index,
        }
        sums: dict[str, Array] = {}
        for channel, output, factor in parts:
            vector = vectors[channel]
            if factor.ndim == 2:
                adds = factor * vector
            elif vector.ndim <= 2:
                adds = (factor @ np.broadcast_to(vector, shape)[:, :, None])[:, :, 0]
            else:
                # Several at once: one product of matrices a sector.
                several = np.broadcast_to(vector, (*lead, *shape))
                adds = np.moveaxis(factor @ np.moveaxis(several, 0, 2), 2, 0)
            sums[output] = sums[output] + adds if output in sums else adds
        log_cost, pull = bar.log_cost + sums["cost"], sums["pull"]
        firms = bar.firms + sums["firms"] if "firms" in sums else bar.firms
        wage = bar.wage + (t.system.labour_share * log_cost).sum(-2)
        if "wage" in sums:
            wage = wage + sums["wage"].sum(-2)
        price = bar.price + (t.sigma - 1) * pull
        inputs = t.equilibrium.baseline.input_shares
        if inputs is not None:
            if lead:
                by_user = inputs @ np.moveaxis(log_cost, 0, 2).transpose(1, 0, 2)
                price = price + by_user.transpose(2, 1, 0)
            else:
                price = price + (inputs @ log_cost.T[:, :, None])[:, :, 0].T
        return t.pack(Unknowns(wage, bar.labour, price, bar.expenditure + pull, firms))

    def own(self) -> Own:
        """Every country's own block of the transposed Jacobian, inverted."""
        t = self.tangent
        n, s = t.countries, t.sectors
        size = 2 + (2 + t.free_entry) * s
        places = np.concatenate(
            [np.arange(2)[:, None] * n + np.arange(n), 2 * n + np.arange((size - 2) * n).reshape(size - 2, n)]
        ).T
        blocks = np.empty((n, size, size))
        for k in range(size):
            vector = np.zeros(t.size)
            vector[places[:, k]] = 1.0
            blocks[:, :, k] = self._back(t.bars(vector, own=True), self.own_parts, own=True)[places]
        try:
            inverse = np.asarray(np.linalg.inv(blocks), dtype=np.float64)
        except np.linalg.LinAlgError:
            inverse = np.asarray(np.linalg.pinv(blocks), dtype=np.float64)
        return Own(places, inverse)


@dataclass(frozen=True, eq=False)
class Own:
    """How each country's equations respond alone: its unknowns' places (N, M), and inverses (N, M, M)."""

    places: NDArray[np.int64]
    inverse: Array

    def answer(self, vector: Array) -> Array:
        """The inverse of every country's own block times its part, of one vector or of several, (K, size)."""
        if vector.ndim > 1:
            several = np.empty(vector.shape[::-1])
            several[self.places] = self.inverse @ np.ascontiguousarray(vector.T)[self.places]
            return np.ascontiguousarray(several.T)
        answer = np.empty_like(vector)
        answer[self.places] = (self.inverse @ vector[self.places][:, :, None])[:, :, 0]
        return answer


def solve_adjoint(
    product: Product, own: Own, right: Array, start: Array | None, tolerance: float, limit: int
) -> tuple[Array, int]:
    """λ with F_x'λ = ``right``, by GMRES on what countries' own responses leave.

    Parameters
    ----------
    product
        F_x'λ.
    own
        An inverse near by, applied first.
    right
    start
        A solution near by.
    tolerance
        Of the residual, largest entry relative to the largest of the right side.
    limit
        Most products.

    Returns
    -------
    λ, and the products it took.
    """
    goal = tolerance * float(np.abs(right).max())
    found = np.zeros_like(right) if start is None else start
    left = right if start is None else right - product(start)
    steps = int(start is not None)
    while steps < limit and not np.abs(left).max() <= goal:
        size = float(np.linalg.norm(left))
        most = min(300, limit - steps)
        # One stretch of memory, read along rows: directions, and what their products leave.
        basis, fitted = np.empty((most + 1, len(right))), np.zeros((most + 1, most))
        basis[0] = left / size
        turns, rest = np.zeros((most, 2)), np.zeros(most + 1)
        rest[0], used = size, 0
        for k in range(most):
            vector = product(own.answer(basis[k]))
            along = basis[: k + 1] @ vector
            vector = vector - along @ basis[: k + 1]
            again = basis[: k + 1] @ vector
            vector = vector - again @ basis[: k + 1]
            column, length = along + again, float(np.linalg.norm(vector))
            for m in range(k):
                c, s = turns[m]
                column[m], column[m + 1] = (
                    c * column[m] + s * column[m + 1],
                    c * column[m + 1] - s * column[m],
                )
            radius = float(np.hypot(column[k], length))
            used = k + 1
            if not radius > 0:
                break
            c, s = turns[k] = column[k] / radius, length / radius
            column[k] = radius
            fitted[: k + 1, k] = column
            rest[k], rest[k + 1] = c * rest[k], -s * rest[k]
            if not abs(rest[k + 1]) > 0.5 * goal or length <= 1e-14 * radius:
                break
            basis[k + 1] = vector / length
        combined = np.linalg.solve(fitted[:used, :used], rest[:used])
        found = found + own.answer(combined @ basis[:used])
        steps += used + 1
        before, left = left, right - product(found)
        if not np.abs(left).max() < 0.5 * np.abs(before).max():
            break
    return found, steps


def solve_adjoints(
    product: Product, own: Own, right: Array, start: Array | None, tolerance: float, limit: int
) -> Array:
    """As `solve_adjoint` for several right sides, (K, size): each by GMRES of its own, in step, so that products are of matrices.

    Parameters
    ----------
    product, own, tolerance, limit
    right, start : (K, size)

    Returns
    -------
    λ, (K, size); who asks looks at what it leaves.
    """
    goal = tolerance * np.abs(right).max(1)
    found = np.zeros_like(right) if start is None else start.copy()
    left = right if start is None else right - product(start)
    steps = 0
    while steps < limit:
        going = np.flatnonzero(~(np.abs(left).max(1) <= goal))
        if not len(going):
            break
        move, used = _in_step(product, own, left[going], goal[going], min(_TOGETHER, limit - steps))
        found[going] += move
        steps += used
        before, left = np.abs(left).max(1), right - product(found)
        after = np.abs(left).max(1)
        if not (after[going] < 0.5 * before[going]).any():
            break
    return found


def _in_step(product: Product, own: Own, left: Array, goal: Array, most: int) -> tuple[Array, int]:
    """One stretch of GMRES for each of several right sides; what to add to the answers, and the products it took."""
    count, length = left.shape
    basis, fitted = np.empty((count, most + 1, length)), np.zeros((count, most + 1, most))
    rest, turns = np.zeros((count, most + 1)), np.zeros((most, 2, count))
    rest[:, 0] = np.linalg.norm(left, axis=1)
    basis[:, 0] = left / np.maximum(rest[:, :1], np.finfo(float).tiny)
    used = 0
    for k in range(most):
        vector = product(own.answer(basis[:, k]))
        spanned, along = basis[:, : k + 1], np.zeros((count, k + 1))
        for _ in range(2):
            part = (spanned @ vector[:, :, None])[:, :, 0]
            vector = vector - (part[:, None, :] @ spanned)[:, 0]
            along += part
        size = np.linalg.norm(vector, axis=1)
        column = np.concatenate([along, size[:, None]], axis=1)
        for m in range(k):
            c, s = turns[m]
            column[:, m], column[:, m + 1] = (
                c * column[:, m] + s * column[:, m + 1],
                c * column[:, m + 1] - s * column[:, m],
            )
        radius = np.maximum(np.hypot(column[:, k], size), np.finfo(float).tiny)
        c, s = turns[k] = column[:, k] / radius, size / radius
        column[:, k] = radius
        fitted[:, : k + 1, k] = column[:, : k + 1]
        rest[:, k], rest[:, k + 1] = c * rest[:, k], -s * rest[:, k]
        used = k + 1
        # One whose directions are used up moves no further: its last one is none.
        if not (np.abs(rest[:, k + 1]) > 0.5 * goal).any():
            break
        basis[:, k + 1] = vector / np.where(size > 1e-14 * radius, size, np.inf)[:, None]
    combined = np.linalg.solve(fitted[:, :used, :used], rest[:, :used, None])[:, :, 0]
    return own.answer((combined[:, None, :] @ basis[:, :used])[:, 0]), used

"""Bias of three-way PPML and of its clustered errors, and their correction (Weidner and Zylkin 2021).

With exporter-year, importer-year and pair effects the estimate is consistent, but its bias shrinks no faster than
its standard error as countries are added, so that intervals sit beside their target.
"""

from __future__ import annotations

import dataclasses
from types import MappingProxyType

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import lsqr

from firmtrade_core.gravity.errors import RegressorError
from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.panel import Array, Integers

THREE_WAY = frozenset({"exporter_year", "importer_year", "pair"})


def bias_corrected(found: GravityEstimate) -> GravityEstimate:
    """The estimate with its leading bias taken off and with errors by pair that count the effects' own noise.

    Conditional on a pair's total trade its effect drops out: with shares ϑ_ijt = λ_ijt/Σλ the pair's score is
    S = y - Yϑ, its Hessian H = Y (diag ϑ - ϑϑ'), and the third derivative along x is
    G(x) = -Y (diag d - dϑ' - ϑd'), d = ϑ∘(x - ϑ'x). Noise of an exporter's year effects, α̂_i - α_i ≈ H_i⁺ Σ_j S_ij,
    moves the score of coefficient k by

        B_k = Σ_i { -tr[ H_i⁺ Σ_j H_ij x̃_ij S_ij' ] + ½ tr[ (Σ_j G_ij(x̃_ij)) H_i⁺ (Σ_j S_ij S_ij') H_i⁺ ] },

    importers likewise, D_k; then β̃ = β̂ - W⁻¹(B + D) with W = Σ x̃'Hx̃. The covariance puts (I - P_ij)⁻¹ S_ij S_ij' in
    place of S_ij S_ij', where P_ij = H_ij (H_i⁺ + H_j⁺ + x̃_ij W⁻¹ x̃_ij') is what the fit takes off the scores.

    Parameters
    ----------
    found
        By PPML with just these three effects.

    Raises
    ------
    RegressorError
        For any other equation, whose bias is another.
    """
    specification = found.specification
    if specification.estimator != "ppml" or {*specification.effects} != THREE_WAY:
        raise RegressorError(
            "The bias correction is for PPML with exporter-year, importer-year and pair effects; this equation has "
            f"{', '.join(specification.effects) or 'no effects'} by {specification.estimator}."
        )
    pairs = _Pairs.of(found)
    weight = np.linalg.inv(np.einsum("ptk,pts,psl->kl", pairs.x, pairs.hessian, pairs.x))
    exporter, importer = pairs.pseudo_inverse(pairs.exporter), pairs.pseudo_inverse(pairs.importer)
    shift = pairs.score_bias(pairs.exporter, exporter) + pairs.score_bias(pairs.importer, importer)
    moved = weight @ shift
    covariance = weight @ pairs.meat(weight, exporter, importer) @ weight
    values = np.array([*found.coefficients.values()]) - moved
    largest = float(np.abs(moved / np.sqrt(np.diag(found.covariance))).max())
    return dataclasses.replace(
        found,
        coefficients=MappingProxyType(dict(zip(found.terms, values.tolist(), strict=True))),
        covariance=covariance,
        notes=(
            *found.notes,
            f"Corrected for the bias of three-way PPML (Weidner and Zylkin 2021), at most {largest:.2f} of a standard "
            "error; errors by pair, corrected likewise.",
        ),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Pairs:
    """Every pair's years side by side; years that a pair lacks have flow and share zero.

    Parameters
    ----------
    exporter, importer : (P,)
        Labels of their groups, by sector.
    score : (P, T)
    share : (P, T)
        ϑ.
    total : (P,)
        Y.
    x : (P, T, K)
        Regressors with all three effects taken out.
    """

    exporter: Integers
    importer: Integers
    score: Array
    share: Array
    total: Array
    x: Array

    @classmethod
    def of(cls, found: GravityEstimate) -> _Pairs:
        """Arranged from an estimate's sample."""
        effects = dict(zip(found.specification.effects, found.sample.effects.values(), strict=True))
        fitted, trade = found.cells["fitted"].to_numpy(), found.cells["trade"].to_numpy()
        kept = [found.sample.terms.index(t) for t in found.terms]
        x = _swept(found.sample.regressors[:, kept], fitted, [*effects.values()])
        pair = np.unique(effects["pair"], return_inverse=True)[1]
        year = np.unique(found.cells["year"].to_numpy(), return_inverse=True)[1]
        shape = (int(pair.max()) + 1, int(year.max()) + 1)
        flow, mean, regressors = np.zeros(shape), np.zeros(shape), np.zeros((*shape, x.shape[1]))
        flow[pair, year], mean[pair, year], regressors[pair, year] = trade, fitted, x
        total = flow.sum(1)
        share = mean / mean.sum(1, keepdims=True)
        first = np.unique(pair, return_index=True)[1]
        sector = found.cells["sector"].astype(str).to_numpy()[first]
        exporter, importer = (
            np.unique(found.cells[side].astype(str).to_numpy()[first] + "·" + sector, return_inverse=True)[1]
            for side in ("exporter", "importer")
        )
        return cls(exporter, importer, flow - total[:, None] * share, share, total, regressors)

    @property
    def hessian(self) -> Array:
        """H of every pair, (P, T, T)."""
        spread = -self.share[:, :, None] * self.share[:, None, :]
        at = np.arange(self.share.shape[1])
        spread[:, at, at] += self.share
        return self.total[:, None, None] * spread

    def pseudo_inverse(self, groups: Integers) -> Array:
        """H⁺ of every group, (G, T, T)."""
        result: Array = np.linalg.pinv(_summed(self.hessian, groups), rcond=1e-10, hermitian=True).astype(
            np.float64
        )
        return result

    def score_bias(self, groups: Integers, inverse: Array) -> Array:
        """B of one side's effects, (K,)."""
        outer = _summed(self.score[:, :, None] * self.score[:, None, :], groups)
        middle = inverse @ outer @ inverse
        bias = np.zeros(self.x.shape[2])
        for k in range(len(bias)):
            x = self.x[:, :, k]
            first = np.einsum("pts,ps,pu->ptu", self.hessian, x, self.score)
            centred = self.share * (x - (self.share * x).sum(1, keepdims=True))
            crossed = centred[:, :, None] * self.share[:, None, :]
            third = crossed + np.swapaxes(crossed, 1, 2)
            at = np.arange(x.shape[1])
            third[:, at, at] -= centred
            third *= self.total[:, None, None]
            bias[k] = -np.einsum("gts,gst->", inverse, _summed(first, groups)) + 0.5 * np.einsum(
                "gts,gst->", _summed(third, groups), middle
            )
        return bias

    def meat(self, weight: Array, exporter: Array, importer: Array) -> Array:
        """Σ x̃'(I - P)⁻¹ S S' x̃, made symmetric, (K, K)."""
        own = np.einsum("ptk,kl,psl->pts", self.x, weight, self.x)
        leverage = self.hessian @ (exporter[self.exporter] + importer[self.importer] + own)
        left = np.eye(leverage.shape[1]) - leverage
        # Where a pair alone tells an effect its score is zero: nothing is left to blow up.
        undone = np.einsum("pts,ps->pt", np.linalg.pinv(left, rcond=1e-6), self.score)
        one = np.einsum("ptk,pt->pk", self.x, undone)
        other = np.einsum("ptk,pt->pk", self.x, self.score)
        product = one.T @ other
        # Few pairs in the tails can make the product of two sides negative; what effects take off is never so.
        root = np.linalg.cholesky(other.T @ other)
        values, vectors = np.linalg.eigh(
            np.linalg.solve(root, np.linalg.solve(root, (product + product.T) / 2).T)
        )
        spread = root @ vectors
        result: Array = spread * np.maximum(values, 1.0) @ spread.T
        return result


def _summed(values: Array, groups: Integers) -> Array:
    """Sums of (P, T, T) by group."""
    total = np.zeros((int(groups.max()) + 1, *values.shape[1:]))
    np.add.at(total, groups, values)
    return total


def _swept(x: Array, weights: Array, groups: list[Integers]) -> Array:
    """Regressors less their weighted projection on all effects, (n, K)."""
    places = [np.unique(labels, return_inverse=True)[1] for labels in groups]
    starts = np.concatenate([[0], np.cumsum([int(at.max()) + 1 for at in places])])
    columns = np.concatenate([at + start for at, start in zip(places, starts[:-1], strict=True)])
    root = np.sqrt(weights / weights.mean())
    entries = np.tile(root, len(places))
    size = np.sqrt(np.bincount(columns, weights=entries**2, minlength=int(starts[-1])))
    rows = np.tile(np.arange(len(x)), len(places))
    design = csr_array((entries / size[columns], (rows, columns)), shape=(len(x), int(starts[-1])))
    swept = x.astype(np.float64).copy()
    for k in range(x.shape[1]):
        found = lsqr(design, root * x[:, k], atol=1e-12, btol=1e-12, iter_lim=20_000)[0]
        swept[:, k] = x[:, k] - (design @ found) / root
    return swept

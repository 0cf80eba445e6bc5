"""Who trades with whom, and how much: the two stages of Helpman, Melitz and Rubinstein (HMR08)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.gravity.errors import ConvergenceError, FlowError, RegressorError
from firmtrade_core.gravity.panel import Array
from firmtrade_core.labels import grouped

Mask = NDArray[np.bool_]

#: Where the firm-share parameter is looked for, and probabilities are kept away from zero and one, as in the paper.
LARGEST_DELTA, CERTAIN = 6.0, 1e-7

MOST_ITERATIONS, TOLERANCE = 100, 1e-10


@dataclass(frozen=True, eq=False)
class TwoStages:
    """HMR08's estimate: the barriers' effect on the firm-level trade, free of selection and of the number of firms.

    Parameters
    ----------
    selection
        Probit coefficients of the barriers and excluded variables.
    coefficients
        Second stage: barriers, and ``selection`` (β of η̄: unobserved costs of firms that trade anyway).
    standard_errors
        By a bootstrap over pairs, both directions together; empty without draws.
    firm_share
        δ: how the share of exporting firms moves trade; zero would mean that all firms export.
    uncorrected
        OLS on positive flows with the same effects, for comparison.
    pairs, positive
        Observations of each stage.
    predicted
        Pairs left out because an exporter or importer trades with all or with none.
    """

    selection: dict[str, float]
    coefficients: dict[str, float]
    standard_errors: dict[str, float]
    firm_share: float
    uncorrected: dict[str, float]
    pairs: int
    positive: int
    predicted: int


def two_stages(
    table: pd.DataFrame,
    barriers: Sequence[str],
    excluded: Sequence[str],
    *,
    flow: str = "trade",
    draws: int = 0,
    seed: int = 0,
) -> TwoStages:
    """Estimate HMR08 on one cross-section.

    First stage: probit of positive trade on exporter and importer effects, barriers and excluded variables,
    ẑ = Φ⁻¹(ρ̂), η̄ = φ(ẑ)/Φ(ẑ). Second: ln X = exporter and importer effects + barriers +
    ln(exp(δ(ẑ + η̄)) - 1) + β η̄ + error over positive flows, δ by a search.

    Parameters
    ----------
    table
        Columns exporter, importer, the flow, barriers and excluded; rows at home are left out.
    barriers
        Of trade costs, logs already taken.
    excluded
        What moves the fixed cost of trading, but not its size.
    draws, seed
        Of the bootstrap.

    Raises
    ------
    FlowError, RegressorError, ConvergenceError
        With counts.
    """
    if not excluded:
        raise RegressorError("The first stage needs at least one variable that the second leaves out.")
    used, predicted = _varied(table[table["exporter"] != table["importer"]].reset_index(drop=True), flow)
    missing = int(used[[*barriers, *excluded, flow]].isna().any(axis=1).sum())
    if missing:
        raise RegressorError(
            f"{grouped(missing)} of {grouped(len(used))} pairs lack a barrier, an excluded variable or the flow."
        )
    found = _estimate(used, barriers, excluded, flow)
    errors = _bootstrap(used, barriers, excluded, flow, draws, seed) if draws else {}
    return TwoStages(
        **found,
        standard_errors=errors,
        pairs=len(used),
        positive=int((used[flow] > 0).sum()),
        predicted=predicted,
    )


def _varied(table: pd.DataFrame, flow: str) -> tuple[pd.DataFrame, int]:
    """Without countries that trade with all or with none, whose effects no probit can hold."""
    kept = table
    while True:
        positive = (kept[flow] > 0).astype(float)
        shares = [positive.groupby(kept[side]).transform("mean") for side in ("exporter", "importer")]
        mixed = np.logical_and.reduce([(s > 0) & (s < 1) for s in shares])
        if mixed.all():
            break
        kept = kept[mixed]
    if len(kept) < 20:
        raise FlowError(
            f"Of {grouped(len(table))} pairs {grouped(len(kept))} are left once countries that trade with all or with none are "
            "gone: whether pairs trade must vary."
        )
    return kept.reset_index(drop=True), len(table) - len(kept)


def _estimate(
    table: pd.DataFrame, barriers: Sequence[str], excluded: Sequence[str], flow: str
) -> dict[str, Any]:
    effects = _dummies(table)
    trades = (table[flow] > 0).to_numpy()
    first = np.column_stack([table[[*barriers, *excluded]].to_numpy(dtype=np.float64), effects])
    beta = probit(first, trades)
    z, mills = _latent(first @ beta)
    base = np.column_stack([table[list(barriers)].to_numpy(dtype=np.float64), effects])[trades]
    logs = np.log(table.loc[trades, flow].to_numpy(dtype=np.float64))
    delta, second = _second_stage(logs, base, z[trades], mills[trades], len(barriers))
    plain = np.linalg.lstsq(base, logs, rcond=None)[0]
    k = len(barriers)
    names = [*barriers, *excluded]
    return {
        "selection": dict(zip(names, beta[: len(names)].tolist(), strict=True)),
        "coefficients": dict(zip([*barriers, "selection"], second.tolist(), strict=True)),
        "firm_share": delta,
        "uncorrected": dict(zip(barriers, plain[:k].tolist(), strict=True)),
    }


def _dummies(table: pd.DataFrame) -> Array:
    """Exporters' and importers' dummies, one importer left out, (n, ·)."""
    parts = []
    for side, first in (("exporter", 0), ("importer", 1)):
        codes = table[side].astype("category").cat.remove_unused_categories().cat.codes.to_numpy()
        parts.append(np.eye(int(codes.max()) + 1)[codes][:, first:])
    return np.column_stack(parts)


def probit(X: Array, y: Mask) -> Array:
    """Probit coefficients by Newton's method, (K,).

    Raises
    ------
    ConvergenceError
        If a regressor predicts y perfectly.
    """
    from scipy.special import log_ndtr, ndtr

    sign = np.where(y, 1.0, -1.0)
    beta = np.zeros(X.shape[1])
    likelihood = -np.inf
    for _ in range(MOST_ITERATIONS):
        q = sign * (X @ beta)
        ratio = sign * np.exp(-0.5 * q**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(q))
        weight = ratio * (ratio + X @ beta)
        step = np.linalg.lstsq(X.T @ (X * weight[:, None]), X.T @ ratio, rcond=None)[0]
        size = 1.0
        while (new := float(log_ndtr(sign * (X @ (beta + size * step))).sum())) < likelihood and size > 1e-6:
            size /= 2
        beta = beta + size * step
        if new - likelihood < TOLERANCE * (1 + abs(new)):
            if float(np.abs(X @ beta).max()) > 30 and float(ndtr(sign * (X @ beta)).min()) > 0.999:
                break
            return beta
        likelihood = new
    raise ConvergenceError(
        f"The probit of {grouped(len(y))} pairs ({grouped(int(y.sum()))} trade) has no finite solution: a regressor predicts "
        "perfectly who trades. Leave it out."
    )


def _latent(index: Array) -> tuple[Array, Array]:
    """ẑ within the bounds of certainty, and η̄ = φ(ẑ)/Φ(ẑ)."""
    from scipy.stats import norm

    bound = float(norm.isf(CERTAIN))
    z = np.clip(index, -bound, bound)
    return z, np.exp(norm.logpdf(z) - norm.logcdf(z))


def _second_stage(logs: Array, base: Array, z: Array, mills: Array, k: int) -> tuple[float, Array]:
    """δ, and the coefficients of the barriers and of η̄."""
    from scipy.optimize import minimize_scalar

    reach = z + mills  # above zero: E[z | trade]
    Q = np.linalg.qr(np.column_stack([base, mills]))[0]

    def shares(delta: float) -> Array:
        term: Array = delta * reach + np.log(-np.expm1(-delta * reach))
        return term

    def left_over(log_delta: float) -> float:
        y = logs - shares(float(np.exp(log_delta)))
        return float(((y - Q @ (Q.T @ y)) ** 2).sum())

    grid = np.linspace(np.log(0.02), np.log(LARGEST_DELTA), 25)
    best = int(np.argmin([left_over(d) for d in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    delta = float(np.exp(minimize_scalar(left_over, bounds=bounds, method="bounded").x))
    design = np.column_stack([base, mills])
    beta = np.linalg.lstsq(design, logs - shares(delta), rcond=None)[0]
    return delta, np.append(beta[:k], beta[-1])


def _bootstrap(
    table: pd.DataFrame, barriers: Sequence[str], excluded: Sequence[str], flow: str, draws: int, seed: int
) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    ends = table[["exporter", "importer"]].astype(str)
    pair = np.unique(ends.min(axis=1) + "\n" + ends.max(axis=1), return_inverse=True)[1]
    members = [np.flatnonzero(pair == p) for p in range(int(pair.max()) + 1)]
    found = []
    for _ in range(draws):
        rows = np.concatenate([members[p] for p in rng.integers(0, len(members), len(members))])
        try:
            drawn = _varied(table.iloc[rows].reset_index(drop=True), flow)[0]
            found.append(_estimate(drawn, barriers, excluded, flow)["coefficients"])
        except (ConvergenceError, FlowError):  # a draw may leave a country without variation
            continue
    if len(found) < max(draws // 2, 2):
        raise ConvergenceError(f"Only {len(found)} of {draws} bootstrap draws could be estimated.")
    return {str(name): float(error) for name, error in pd.DataFrame(found).std().items()}

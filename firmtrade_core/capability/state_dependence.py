"""What having exported last year is worth, apart from what exporters are anyway: a dynamic probit (MODEL 15).

    y_it = 1[ρ y_i,t-1 + x_it β + τ_t + c_i + ε_it > 0],   ε ~ N(0, 1)

State dependence ρ is the sunk cost of entry that incumbents are spared, in standard deviations of what moves presence
from year to year (Roberts, Tybout 1997). Firms that suit foreign markets export year after year without any sunk cost:
c_i. Both are told apart by where firms began (Wooldridge 2005):

    c_i = α₀ + α₁ y_i0 + α₂ x̄_i + a_i,   a ~ N(0, σ_a²)

integrated by Gauss-Hermite quadrature and maximised by its analytic gradient. Beside it stands the pooled probit, which
takes all persistence for sunk cost. Shocks ε that last longer than a year are taken for state dependence too: at an
autocorrelation of 0.4 a true ρ of 0.8 reads as 1.5 (`tests`), so that ρ is an upper bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_ndtr, ndtr

from firmtrade_core.capability.errors import CapabilityError
from firmtrade_core.labels import in_percent, number

Array = NDArray[np.float64]

#: Nodes of the integral over a.
_NODES = 24

#: Fewest firms that change between exporting and not.
_FEWEST_SWITCHERS = 30

#: Draws of the parameters behind intervals, and their level.
_DRAWS, LEVEL = 400, 0.90

_LARGEST_GRADIENT, _LONGEST = 1e-5, 400

#: Bounds of ln σ_a.
_NARROWEST, _WIDEST = -6.0, 2.5


@dataclass(frozen=True, eq=False)
class StateDependence:
    """What last year's presence does to this year's.

    Attributes
    ----------
    table : DataFrame
        By parameter: ``value, error, low, high`` (90 %): ``last year`` (ρ), each control, ``first year`` (α₁), ``spread of
        what firms are`` (σ_a).
    effect : tuple of float
        By how much exporting last year raises the chance of exporting this year, averaged over firms, 0 to 1: value, low,
        high.
    pooled : tuple of float
        The same by the pooled probit, which takes what firms are for sunk cost.
    raw : tuple of float
        Chance of exporting of those that did last year, and of those that did not, as the data have it.
    worth : dict of str to float
        By control: the change of it that is worth as much as having exported last year, in its own units.
    firms, rows, switchers : int
    log_likelihood : float
    """

    table: pd.DataFrame
    effect: tuple[float, float, float]
    pooled: tuple[float, float, float]
    raw: tuple[float, float]
    worth: dict[str, float]
    firms: int
    rows: int
    switchers: int
    log_likelihood: float

    @property
    def share_of_persistence(self) -> float:
        """Part of the raw difference in chances that is state dependence, 0 to 1."""
        gap = self.raw[0] - self.raw[1]
        return float(self.effect[0] / gap) if gap > 0 else float("nan")

    def sentence(self) -> str:
        """The finding in words."""
        value, low, high = self.effect
        text = (
            f"{in_percent(self.raw[0])} of last year's exporters export again, {in_percent(self.raw[1])} of the others begin. "
            f"Having exported by itself raises the chance by {number(100 * value)} points (90 %: {number(100 * low)} to "
            f"{number(100 * high)})"
        )
        if low <= 0:
            return f"{text}: no sunk cost of entry can be told from what firms are."
        return (
            f"{text}, {in_percent(self.share_of_persistence)} of the difference; the rest is what exporters are anyway. Shocks "
            "that last longer than a year pass for it: an upper bound."
        )


def state_dependence(
    panel: pd.DataFrame, controls: Sequence[str] = (), *, seed: int = 0, nodes: int = _NODES
) -> StateDependence:
    """Estimate on firms' consecutive years.

    Parameters
    ----------
    panel : DataFrame
        ``firm, year, exporting`` (0 or 1), ``weight`` if firms stand for more, and the controls. Of each firm the first
        unbroken run of at least two years counts; its first year is where it began.
    controls
        Columns x; rows without them are gaps.
    seed
        Of the draws behind intervals.
    nodes
        Of the integral.

    Raises
    ------
    CapabilityError
        If too few firms switch between exporting and not, or nothing is found.
    """
    rows = _runs(panel, controls)
    y, lagged = rows["exporting"].to_numpy(float), rows["lagged"].to_numpy(float)
    switchers = int(rows["firm"][y != lagged].nunique())
    if switchers < _FEWEST_SWITCHERS:
        raise CapabilityError(
            f"{switchers} firms change between exporting and not, fewer than {_FEWEST_SWITCHERS}: nobody can tell sunk costs "
            "from what firms are. Add years or firms."
        )
    fit = _fitted(rows, controls, nodes)
    random = np.random.default_rng(seed)
    own = rows["weight"].to_numpy(float)
    drawn = random.multivariate_normal(fit.theta, fit.covariance, size=_DRAWS, method="eigh")
    drawn[:, -1] = np.minimum(drawn[:, -1], _WIDEST)
    effect = _interval(_effect(fit.design, fit.theta, own), [_effect(fit.design, each, own) for each in drawn])  # fmt: skip
    none = np.array([_NARROWEST])
    redrawn = random.multivariate_normal(fit.pooled, fit.pooled_covariance, size=_DRAWS, method="eigh")
    pooled_effect = _interval(
        _effect(fit.design, np.append(fit.pooled, none), own),
        [_effect(fit.design, np.append(each, none), own) for each in redrawn],
    )
    table = _table(fit)
    values = table["value"].to_dict()
    worth = {name: values["last year"] / values[name] for name in controls if values.get(name)}
    was = lagged > 0
    raw = [float(np.average(y[mask], weights=own[mask])) if mask.any() else float("nan") for mask in (was, ~was)]  # fmt: skip
    return StateDependence(
        table, effect, pooled_effect, (raw[0], raw[1]), worth, len(fit.scores),
        len(rows), switchers, fit.log_likelihood,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Fit:
    """Maximum of the likelihood, and the pooled probit beside it."""

    theta: Array
    covariance: Array
    scores: Array
    pooled: Array
    pooled_covariance: Array
    design: Array
    names: list[str]
    scale: Array
    log_likelihood: float


def _fitted(rows: pd.DataFrame, controls: Sequence[str], nodes: int) -> _Fit:
    """The random-effects probit.

    Raises
    ------
    CapabilityError
        If no maximum is found.
    """
    design, names, scale = _design(rows, controls)
    firm = pd.factorize(rows["firm"])[0].astype(np.intp)
    count = int(firm.max()) + 1
    signs = 2 * rows["exporting"].to_numpy(float) - 1
    weight = np.zeros(count)
    weight[firm] = rows["weight"].to_numpy(float)
    weight /= weight.mean()
    points, masses = np.polynomial.hermite_e.hermegauss(nodes)
    log_mass = np.log(masses / masses.sum())

    def parts(theta: Array) -> tuple[Array, Array, Array]:
        """ln L by firm, and the derivative in each row's index: summed over nodes, and times the node."""
        index = signs[:, None] * ((design @ theta[:-1])[:, None] + np.exp(theta[-1]) * points)
        log_each = log_ndtr(index)
        joint = np.zeros((count, nodes))
        np.add.at(joint, firm, log_each)
        joint += log_mass
        top = joint.max(1)
        posterior = np.exp(joint - top[:, None])
        total = posterior.sum(1)
        posterior /= total[:, None]
        slope = np.exp(-(index**2) / 2 - log_each) / np.sqrt(2 * np.pi) * signs[:, None] * posterior[firm]
        return np.log(total) + top, slope.sum(1), slope @ points

    def value(theta: Array) -> tuple[float, Array]:
        each, pulled, spread = parts(theta)
        own = weight[firm]
        gradient = np.append(design.T @ (own * pulled), np.exp(theta[-1]) * float(own @ spread))
        return -float(weight @ each) / count, -gradient / count

    pooled = _pooled(design, signs, weight[firm])
    bounds = [(None, None)] * len(pooled) + [(_NARROWEST, _WIDEST)]
    options = {"maxiter": _LONGEST, "ftol": 1e-12, "gtol": _LARGEST_GRADIENT}
    start = np.append(0.7 * pooled, np.log(0.7))
    found = minimize(value, start, jac=True, method="L-BFGS-B", options=options, bounds=bounds)
    if not np.isfinite(found.fun):
        raise CapabilityError(
            "The dynamic probit does not converge on these firms; leave out controls that hardly vary."
        )
    each, pulled, spread = parts(found.x)
    scores = np.zeros((count, len(found.x)))
    np.add.at(scores[:, :-1], firm, design * pulled[:, None])
    np.add.at(scores[:, -1], firm, np.exp(found.x[-1]) * spread)
    covariance = np.linalg.pinv((scores * weight[:, None] ** 2).T @ scores)
    bent = _pooled_covariance(design, signs, pooled, weight[firm], firm, count)
    return _Fit(
        found.x,
        np.asarray(covariance, dtype=float),
        scores,
        pooled,
        bent,
        design,
        names,
        scale,
        float(weight @ each),
    )


def _runs(panel: pd.DataFrame, controls: Sequence[str]) -> pd.DataFrame:
    """Rows of each firm's first unbroken run but its first year, with what came before."""
    missing = [name for name in ("firm", "year", "exporting", *controls) if name not in panel]
    if missing:
        raise CapabilityError(f"The panel has no column {', '.join(missing)}.")
    table = panel.dropna(subset=["exporting", *controls]).sort_values(["firm", "year"], kind="stable")
    table = table.assign(weight=table["weight"].fillna(0.0) if "weight" in table else 1.0)
    table = table[table["weight"] > 0].drop_duplicates(["firm", "year"]).reset_index(drop=True)
    table["exporting"] = (table["exporting"] > 0).astype(float)
    same = table["firm"].eq(table["firm"].shift())
    broken = same & (table["year"].diff() != 1)
    # Years after a gap belong to another run.
    table = table[broken.groupby(table["firm"], sort=False).cumsum() == 0].reset_index(drop=True)
    by_firm = table.groupby("firm", sort=False)
    table["lagged"] = by_firm["exporting"].shift()
    table["began"] = by_firm["exporting"].transform("first")
    for name in controls:
        table[f"mean_{name}"] = by_firm[name].transform("mean")
    rows = table[table["lagged"].notna()].reset_index(drop=True)
    if rows.empty:
        raise CapabilityError("No firm is there in two years running; a dynamic probit needs years in a row.")
    return rows


def _design(rows: pd.DataFrame, controls: Sequence[str]) -> tuple[Array, list[str], Array]:
    """Columns z with their names, controls standardised, and what a unit of each is."""
    columns: list[tuple[str, Array, float]] = [
        ("constant", np.ones(len(rows)), 1.0),
        ("last year", rows["lagged"].to_numpy(float), 1.0),
        ("first year", rows["began"].to_numpy(float), 1.0),
    ]
    for name in controls:
        for label, column in ((name, name), (f"mean of {name}", f"mean_{name}")):
            values = rows[column].to_numpy(float)
            spread = float(values.std())
            if spread > 0:
                columns.append((label, (values - values.mean()) / spread, spread))
    years = sorted(rows["year"].unique())
    columns += [(f"year {year}", (rows["year"] == year).to_numpy(float), 1.0) for year in years[1:]]
    groups = rows["market"].astype(str) if "market" in rows else pd.Series([], dtype=str)
    columns += [(f"market {m}", (groups == m).to_numpy(float), 1.0) for m in sorted(groups.unique())[1:]]
    kept = [c for c in columns if c[0] == "constant" or np.ptp(c[1]) > 0]
    return np.column_stack([c[1] for c in kept]), [c[0] for c in kept], np.array([c[2] for c in kept])


def _pooled(design: Array, signs: Array, weight: Array) -> Array:
    """Coefficients of the pooled probit."""

    def value(beta: Array) -> tuple[float, Array]:
        index = signs * (design @ beta)
        log_each = log_ndtr(index)
        slope = np.exp(-(index**2) / 2 - log_each) / np.sqrt(2 * np.pi) * signs
        return -float(weight @ log_each) / len(signs), -(design.T @ (weight * slope)) / len(signs)

    found = minimize(
        value, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": _LONGEST}
    )
    return np.asarray(found.x, dtype=float)


def _pooled_covariance(
    design: Array, signs: Array, beta: Array, weight: Array, firm: NDArray[np.intp], count: int
) -> Array:
    """Clustered by firm."""
    index = signs * (design @ beta)
    slope = np.exp(-(index**2) / 2 - log_ndtr(index)) / np.sqrt(2 * np.pi)
    bread = np.linalg.pinv((design * (weight * slope * (slope + index))[:, None]).T @ design)
    scores = np.zeros((count, design.shape[1]))
    np.add.at(scores, firm, design * (weight * slope * signs)[:, None])
    return np.asarray(bread @ (scores.T @ scores) @ bread)


def _effect(design: Array, theta: Array, weight: Array) -> float:
    """E[Φ(.. y = 1) - Φ(.. y = 0)] over firms, a integrated."""
    width = np.sqrt(1 + np.exp(2 * theta[-1]))
    base = (design @ theta[:-1] - design[:, 1] * theta[1]) / width
    return float(np.average(ndtr(base + theta[1] / width) - ndtr(base), weights=weight))


def _interval(value: float, drawn: list[float]) -> tuple[float, float, float]:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return value, float(min(low, value)), float(max(high, value))


def _table(fit: _Fit) -> pd.DataFrame:
    """Parameters in the controls' own units."""
    theta, covariance, names, scale = fit.theta, fit.covariance, fit.names, fit.scale
    error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    value = np.append(theta[:-1] / scale, np.exp(theta[-1]))
    spread = np.append(error[:-1] / scale, error[-1] * np.exp(theta[-1]))
    reach = 1.6448536269514722
    low, high = value - reach * spread, value + reach * spread
    low[-1], high[-1] = np.exp(theta[-1] - reach * error[-1]), np.exp(theta[-1] + reach * error[-1])
    index = [*names, "spread of what firms are"]
    return pd.DataFrame({"value": value, "error": spread, "low": low, "high": high}, index=index)

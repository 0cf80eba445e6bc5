"""The hybrid, structure alone and their rivals on held-out firms or cells, and after a policy (MODEL 6, 15)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.capability.additive_trees import AdditiveTrees
from firmtrade_core.capability.data import PRESENT, UNOBSERVED, CapabilityData
from firmtrade_core.capability.estimation import Progress, Settings, firm_folds, one_thread
from firmtrade_core.capability.forecast import Forecast, Forecaster, StructuralForecaster
from firmtrade_core.capability.hybrid import HybridForecaster
from firmtrade_core.capability.results import CapabilityResults, estimate
from firmtrade_core.capability.rivals import Econometrics, MachineLearning

Array = NDArray[np.float64]

STRUCTURE, ECONOMETRICS, LEARNING = "structural boosting", "pure econometrics", "pure machine learning"

#: Structure with learning layered on it, and the literature's learner beside boosting.
HYBRID, ADDITIVE = "hybrid", "additive trees"

#: All that stand beside each other, ours first.
MODELS = (HYBRID, STRUCTURE, ECONOMETRICS, LEARNING, ADDITIVE)

#: Measures by name; True where higher is better.
MEASURES: Mapping[str, bool] = {
    "entry log loss": False,
    "AUC": True,
    "average precision": True,
    "calibration error": False,
    "log sales RMSE": False,
    "Poisson deviance": False,
    "aggregate exports error": False,
}

_TINY = 1e-12


def ours(models: Iterable[str]) -> str:
    """The hybrid where it is among models, structure otherwise."""
    return HYBRID if HYBRID in set(models) else STRUCTURE


def forecasters(
    data: CapabilityData, settings: Settings | None = None, progress: Progress | None = None
) -> dict[str, Forecaster]:
    """The hybrid, structure alone and their rivals, each fitted on the data, settings chosen within it."""
    return forecasters_of(estimate(data, settings, progress=progress))


def forecasters_of(results: CapabilityResults) -> dict[str, Forecaster]:
    """The models of `forecasters` on the data of an estimate, which stands for structure."""
    data = results.data
    with one_thread():
        return {
            HYBRID: HybridForecaster.fit(results),
            STRUCTURE: StructuralForecaster(results),
            ECONOMETRICS: Econometrics.tuned(data),
            LEARNING: MachineLearning.tuned(data),
            ADDITIVE: AdditiveTrees.fit(data),
        }


@dataclass(frozen=True, eq=False)
class Scores:
    """Measures of models' forecasts of the same cells.

    Parameters
    ----------
    table : DataFrame
        By measure and model: ``value``, ``low``, ``high`` (bootstrap over firms).
    gains : DataFrame
        By measure and rival: ``gain`` of the hybrid (of structure where there is none), the share by which it cuts a
        loss (or, of measures that are higher where better, the share of what is missing to 1), with ``low`` and
        ``high`` from the same bootstrap: negative where it loses.
    by_market : DataFrame
        By market and model: ``error``, ln of predicted over actual exports of all firms, with ``low`` and ``high``.
    """

    table: pd.DataFrame
    gains: pd.DataFrame
    by_market: pd.DataFrame

    @property
    def ours(self) -> str:
        """The hybrid, or structure where no learning was layered on it."""
        return ours(self.table.index.get_level_values("model"))

    @property
    def models(self) -> tuple[str, ...]:
        """Ours first, then its rivals."""
        seen = set(self.table.index.get_level_values("model"))
        return tuple(name for name in MODELS if name in seen)

    @property
    def best(self) -> pd.Series:
        """Model with the best value by measure."""
        values = self.table["value"].unstack("model")
        return pd.Series(
            {
                name: values.loc[name].idxmax() if up else values.loc[name].idxmin()
                for name, up in MEASURES.items()
            }
        )


@dataclass(frozen=True, eq=False)
class Comparison(Scores):
    """Measures on firms that no model has seen.

    Parameters
    ----------
    calibration : DataFrame
        By model and tenth of its predictions: ``predicted`` and ``observed`` share of cells entered, ``cells``.
    firms
        Held out.
    """

    calibration: pd.DataFrame
    firms: int


def compare(
    data: CapabilityData,
    *,
    settings: Settings | None = None,
    folds: int = 5,
    folds_used: int | None = None,
    draws: int = 40,
    seed: int = 0,
    fit: Callable[[CapabilityData], Mapping[str, Forecaster]] | None = None,
) -> Comparison:
    """Forecast firms that no model has seen, the same folds for all.

    Parameters
    ----------
    folds, folds_used
        Folds by firm, and how many of them are held out in turn (all unless given).
    draws
        Of the bootstrap over held-out firms, for the intervals.
    fit
        Other models than `forecasters`'.
    """
    held = held_out(data, folds, seed)[: folds_used or folds]
    parts = [forecast_unseen(data, firms, fit or (lambda d: forecasters(d, settings))) for firms in held]
    return measure(data, held, parts, draws=draws, seed=seed)


def held_out(data: CapabilityData, folds: int, seed: int) -> list[NDArray[np.int64]]:
    """Firms of each fold, exporters and others spread evenly over them."""
    fold = firm_folds(data, folds, seed)[data.starts[:-1]]
    return [np.flatnonzero(fold == number) for number in range(folds)]


def forecast_unseen(
    data: CapabilityData,
    firms: NDArray[np.int64],
    fit: Callable[[CapabilityData], Mapping[str, Forecaster]],
) -> dict[str, Forecast]:
    """Forecasts for some firms by models fitted on the others."""
    models = fit(data.subset(np.setdiff1d(np.arange(data.firm_count), firms)))
    tested = data.subset(firms)
    return {name: model.forecast(tested.attributes, tested.group) for name, model in models.items()}


def measure(
    data: CapabilityData,
    held: Sequence[NDArray[np.int64]],
    parts: Sequence[Mapping[str, Forecast]],
    *,
    draws: int = 40,
    seed: int = 0,
) -> Comparison:
    """Measures of forecasts for the firms held out in turn.

    Parameters
    ----------
    data
    held : sequence of (R',) of int
        Rows held out, part by part.
    parts
        Forecasts of these rows by model, part by part.
    draws, seed
        Draws of firms for the intervals.
    """
    seen = data.subset(np.concatenate(list(held)))
    forecasts = {name: _stacked([part[name] for part in parts]) for name in parts[0]}
    found = score(seen, forecasts, draws, seed)
    return Comparison(
        found.table, found.gains, found.by_market, _calibration(seen, forecasts), seen.firm_count
    )


def _stacked(parts: Sequence[Forecast]) -> Forecast:
    return Forecast(
        *(np.vstack([getattr(p, name) for p in parts]) for name in ("entry", "log_sales", "exports"))
    )


def score(data: CapabilityData, forecasts: Mapping[str, Forecast], draws: int, seed: int) -> Scores:
    """Scores of forecasts (R, J) on all cells that the data show."""
    generator = np.random.default_rng(seed)
    samples = [
        np.bincount(generator.integers(data.firm_count, size=data.firm_count), minlength=data.firm_count)
        for _ in range(draws)
    ]
    values = {name: pd.Series(_measures(data, f, data.weights)) for name, f in forecasts.items()}
    made = {
        name: pd.DataFrame([_measures(data, f, data.weights * times) for times in samples])
        for name, f in forecasts.items()
    }
    rows, gains = [], []
    own = ours(forecasts)
    for name in forecasts:
        rivalled = _gain(values[own], values[name]) if own in values else None
        spread = _gain(made[own], made[name]) if own in values else None
        for measured in MEASURES:
            low, high = _band(values[name][measured], made[name][measured])
            rows.append(
                {
                    "measure": measured,
                    "model": name,
                    "value": values[name][measured],
                    "low": low,
                    "high": high,
                }
            )
            if rivalled is not None and spread is not None and name != own:
                low, high = _band(rivalled[measured], spread[measured])
                gains.append(
                    {"measure": measured, "model": name, "gain": rivalled[measured], "low": low, "high": high}
                )
    index = ["measure", "model"]
    told = pd.DataFrame(gains, columns=[*index, "gain", "low", "high"])
    by_market = _by_market(data, forecasts, samples)
    return Scores(pd.DataFrame(rows).set_index(index), told.set_index(index), by_market)


def _by_market(
    data: CapabilityData, forecasts: Mapping[str, Forecast], samples: Sequence[NDArray[np.int64]]
) -> pd.DataFrame:
    rows = []
    for name, forecast in forecasts.items():
        error = _market_errors(data, forecast, data.weights)
        made = np.array([_market_errors(data, forecast, data.weights * times) for times in samples])
        for j in np.flatnonzero(np.isfinite(error)):
            known = made[:, j][np.isfinite(made[:, j])]
            low, high = _band(error[j], pd.Series(known)) if len(known) else (np.nan, np.nan)
            rows.append(
                {"market": data.markets[j], "model": name, "error": error[j], "low": low, "high": high}
            )
    return pd.DataFrame(rows, columns=["market", "model", "error", "low", "high"]).set_index(
        ["market", "model"]
    )


def _market_errors(data: CapabilityData, forecast: Forecast, firm_weights: Array) -> Array:
    """ln of predicted over actual exports by market (J,), NaN where nothing was sold."""
    weights = (firm_weights / np.diff(data.starts))[data.firm][:, None]
    seen = data.presence != UNOBSERVED
    actual = (weights * np.where(data.presence == PRESENT, np.exp(data.log_sales), 0.0)).sum(0)
    predicted = (weights * np.where(seen, forecast.exports, 0.0)).sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        error: Array = np.where(actual > 0, np.log(np.maximum(predicted, _TINY) / actual), np.nan)
    return error


def _band(value: float, draws: pd.Series) -> tuple[float, float]:
    """90 % of the draws, moved to where they centre on the value: drawing firms again only adds to errors of totals."""
    low, high = np.quantile(draws, [0.05, 0.95]) + value - draws.mean()
    return float(low), float(high)


def _gain(structure: Any, rival: Any) -> Any:
    """Share of a rival's loss that structure saves, by measure; losses of higher-is-better measures are 1 less them."""
    rises = [name for name, up in MEASURES.items() if up]
    ours, theirs = structure.copy(), rival.copy()
    for each in (ours, theirs):
        each[rises] = 1 - each[rises]
    return 1 - ours / theirs


def _calibration(data: CapabilityData, forecasts: Mapping[str, Forecast], bins: int = 10) -> pd.DataFrame:
    """Predicted and observed shares of cells entered over tenths of each model's predictions."""
    seen = data.presence != UNOBSERVED
    weights = np.broadcast_to(data.row_weights[:, None], seen.shape)[seen]
    entered = (data.presence == PRESENT)[seen].astype(float)
    rows = []
    for name, forecast in forecasts.items():
        p = forecast.entry[seen]
        place = np.searchsorted(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]), p)
        mass = np.bincount(place, weights, bins)
        for tenth in np.flatnonzero(mass):
            here = place == tenth
            rows.append(
                {
                    "model": name,
                    "tenth": int(tenth) + 1,
                    "predicted": float(np.average(p[here], weights=weights[here])),
                    "observed": float(np.average(entered[here], weights=weights[here])),
                    "cells": int(here.sum()),
                }
            )
    return pd.DataFrame(rows)


def measures(data: CapabilityData, forecast: Forecast, firm_weights: Array | None = None) -> dict[str, float]:
    """`MEASURES` of a forecast (R, J) on all cells that the data show."""
    return _measures(data, forecast, data.weights if firm_weights is None else firm_weights)


def _measures(data: CapabilityData, forecast: Forecast, firm_weights: Array) -> dict[str, float]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    weights = (firm_weights / np.diff(data.starts))[data.firm][:, None] * np.ones(data.presence.shape)
    present, seen = data.presence == PRESENT, data.presence != UNOBSERVED
    value = np.where(present, np.exp(data.log_sales), 0.0)
    w, entered, p = weights[seen], present[seen], np.clip(forecast.entry[seen], _TINY, 1 - _TINY)
    log_loss = -np.average(np.where(entered, np.log(p), np.log1p(-p)), weights=w)
    error = np.average((data.log_sales - forecast.log_sales)[present] ** 2, weights=weights[present])
    x, mean = value[seen], np.maximum(forecast.exports[seen], _TINY)
    deviance = 2 * np.average(
        np.where(x > 0, x * np.log(np.maximum(x, _TINY) / mean), 0.0) - (x - mean), weights=w
    )
    return {
        "entry log loss": float(log_loss),
        "AUC": float(roc_auc_score(entered, p, sample_weight=w)),
        "average precision": float(average_precision_score(entered, p, sample_weight=w)),
        "calibration error": _calibration_error(entered, p, w),
        "log sales RMSE": float(np.sqrt(error)),
        "Poisson deviance": float(deviance / np.average(x, weights=w)),
        "aggregate exports error": _aggregate_error(data, value * seen, forecast.exports * seen, weights),
    }


def _calibration_error(entered: NDArray[np.bool_], p: Array, weights: Array, bins: int = 10) -> float:
    """Mean distance of predicted from observed frequency over tenths of the predictions."""
    edges = np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1])
    place = np.searchsorted(edges, p)
    mass = np.bincount(place, weights, bins)
    gap = np.bincount(place, weights * (p - entered), bins)
    return float(np.abs(gap).sum() / mass.sum())


def _aggregate_error(data: CapabilityData, actual: Array, predicted: Array, weights: Array) -> float:
    """Mean over markets of |ln(predicted/actual)| of total exports."""
    totals = np.zeros((2, len(data.group_names), len(data.markets)))
    np.add.at(totals[0], data.group, actual * weights)
    np.add.at(totals[1], data.group, predicted * weights)
    some = totals[0] > 0
    return float(np.abs(np.log(np.maximum(totals[1][some], _TINY) / totals[0][some])).mean())


@dataclass(frozen=True, eq=False)
class PolicyComparison:
    """Changes by market after a policy, in percent.

    Parameters
    ----------
    table : DataFrame
        By model: mean absolute error over markets of the change of ``entry`` and of ``exports``, in points, beside
        the mean changes, with ``low`` and ``high`` where the models were refitted.
    """

    table: pd.DataFrame


def compare_after_policy(
    data: CapabilityData,
    treated: Array,
    true_forecast: tuple[Forecast, Forecast],
    models: Mapping[str, Forecaster],
    *,
    refitted: Mapping[str, Sequence[Forecaster]] | None = None,
) -> PolicyComparison:
    """Error of predicted changes of entry and exports by market when attributes move to ``treated`` (R, K).

    Parameters
    ----------
    true_forecast
        By the true model, before and after.
    refitted
        The models on bootstrap samples of firms, by name: see `refits`. They add 90 % intervals of the changes.
    """
    truth = [_change(data, *(getattr(f, name) for f in true_forecast)) for name in ("entry", "exports")]

    def changes(model: Forecaster) -> list[Array]:
        before = model.forecast(data.attributes, data.group)
        # The hybrid's terms stay where they are: its change is structure's.
        after = (
            model.after(data.attributes, treated, data.group)
            if isinstance(model, HybridForecaster)
            else model.forecast(treated, data.group)
        )
        return [_change(data, getattr(before, what), getattr(after, what)) for what in ("entry", "exports")]

    rows = {}
    for name, model in models.items():
        found = changes(model)
        rows[name] = {
            "entry error": float(np.abs(found[0] - truth[0]).mean()),
            "exports error": float(np.abs(found[1] - truth[1]).mean()),
            "entry change": float(found[0].mean()),
            "exports change": float(found[1].mean()),
        }
        if refitted and refitted.get(name):
            made = np.array([[part.mean() for part in changes(again)] for again in refitted[name]])
            for place, what in enumerate(("entry", "exports")):
                low, high = np.quantile(made[:, place], [0.05, 0.95])
                rows[name] |= {f"{what} low": float(low), f"{what} high": float(high)}
    rows["truth"] = {"entry error": 0.0, "exports error": 0.0, "entry change": float(truth[0].mean()),
                     "exports change": float(truth[1].mean())}  # fmt: skip
    return PolicyComparison(pd.DataFrame(rows).T)


def refits(
    data: CapabilityData, structure: StructuralForecaster, draws: int, seed: int = 0
) -> dict[str, list[Forecaster]]:
    """The three models on bootstrap samples of firms: structure by its warm-started draws, rivals anew."""
    results = structure.results.with_bootstrap(draws, seed=seed, keep_learners=True)
    made: dict[str, list[Forecaster]] = {STRUCTURE: [], ECONOMETRICS: [], LEARNING: []}
    for number, draw in enumerate(results.draws):
        fit = replace(results.state.fit, parameters=draw.parameters)
        state = replace(
            results.state, fit=fit, m_learned=draw.m_learned, g_learned=draw.g_learned,
            m_form=draw.m_form, g_form=draw.g_form,
        )  # fmt: skip
        at = replace(results, state=state)
        made[STRUCTURE].append(StructuralForecaster(at))
        generator = np.random.default_rng([seed, number])
        drawn = data.subset(np.sort(generator.integers(data.firm_count, size=data.firm_count)))
        with one_thread():
            made[ECONOMETRICS].append(Econometrics.tuned(drawn))
            made[LEARNING].append(MachineLearning.tuned(drawn))
    return made


def _change(data: CapabilityData, before: Array, after: Array) -> Array:
    """Percent change of totals by market."""
    totals = [(data.row_weights[:, None] * part).sum(0) for part in (before, after)]
    change: Array = 100 * (totals[1] / totals[0] - 1)
    return change

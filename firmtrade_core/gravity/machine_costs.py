"""Does the log-linear form of trade costs miss something? Gradient boosting against it, over pairs held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from firmtrade_core.gravity.errors import FlowError, RegressorError
from firmtrade_core.gravity.panel import Array, GravityPanel, Integers

FOLDS = 10


@dataclass(frozen=True, eq=False)
class CostComparison:
    """How well geography explains revealed trade costs of pairs that were not used.

    Parameters
    ----------
    pairs
        DataFrame: exporter, importer, revealed (log freeness of trade, home sales as the measure), linear and
        boosted (predictions for held-out pairs).
    zeros
        Pairs left out because they do not trade both ways.
    """

    pairs: pd.DataFrame
    zeros: int

    def share_explained(self, form: str) -> float:
        """Out-of-sample R² of ``linear`` or ``boosted``."""
        y = self.pairs["revealed"]
        return float(1 - ((y - self.pairs[form]) ** 2).sum() / ((y - y.mean()) ** 2).sum())

    @property
    def gain(self) -> tuple[float, float]:
        """What boosting lowers the mean squared error by, as a share of the linear form's, and its standard error."""
        y = self.pairs["revealed"]
        linear, boosted = ((y - self.pairs[form]) ** 2 for form in ("linear", "boosted"))
        difference = linear - boosted
        scale = float(linear.mean())
        return float(difference.mean()) / scale, float(difference.std() / np.sqrt(len(y))) / scale

    @property
    def verdict(self) -> str:
        """In words."""
        gain, error = self.gain
        if gain > 2 * error:
            return f"the log-linear form misses something: boosting lowers its error by {gain:.0%}"
        if gain < -2 * error:
            return "the log-linear form predicts better than boosting"
        return "boosting does no better than the log-linear form"


def compare_costs(
    panel: GravityPanel,
    variables: Sequence[str],
    *,
    year: int | None = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> CostComparison:
    """Predict ln √(X_ij X_ji / (X_ii X_jj)) from geography, countries' own levels included.

    Folds hold out unordered pairs. The linear form has an effect of each country besides the variables; boosting
    starts from it and learns what it leaves over, so that it can only win by what the form misses.

    Raises
    ------
    FlowError, RegressorError
        If home sales or enough trading pairs are missing.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.model_selection import KFold

    pairs, zeros = _revealed(panel, variables, panel.years[-1] if year is None else year)
    if len(pairs) < 5 * folds:
        raise FlowError(f"{len(pairs):,} pairs trade both ways; {folds} folds need {5 * folds}.")
    X, y = pairs[list(variables)].to_numpy(dtype=np.float64), pairs["revealed"].to_numpy()
    codes = _ends(pairs)
    countries = np.eye(int(codes.max()) + 1)
    design = np.column_stack([countries[codes[:, 0]] + countries[codes[:, 1]], X])
    predictions = np.zeros((2, len(y)))
    for train, held in KFold(folds, shuffle=True, random_state=seed).split(X):
        beta = np.linalg.lstsq(design[train], y[train], rcond=None)[0]
        linear = design @ beta
        effects = np.sort(beta[codes], axis=1)
        features = np.column_stack([X, effects])
        boosting = HistGradientBoostingRegressor(
            max_iter=150, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=20, random_state=seed
        )
        boosting.fit(features[train], (y - linear)[train])
        predictions[:, held] = linear[held], linear[held] + boosting.predict(features[held])
    return CostComparison(pairs.assign(linear=predictions[0], boosted=predictions[1]), zeros)


def _revealed(panel: GravityPanel, variables: Sequence[str], year: int) -> tuple[pd.DataFrame, int]:
    table = panel.only(years=[year]).table
    total = table.groupby(["exporter", "importer"], observed=True)["trade"].sum().unstack().fillna(0.0)
    countries = [c for c in panel.countries if c in total.index and c in total.columns]
    flows: Array = total.loc[countries, countries].to_numpy(dtype=np.float64)
    home = np.diag(flows)
    if (home <= 0).any():
        lacking = [c for c, x in zip(countries, home, strict=True) if x <= 0]
        raise FlowError(
            f"Sales at home are missing for {', '.join(lacking[:5])}; revealed costs are measured by them."
        )
    i, j = np.triu_indices(len(countries), 1)
    both = (flows[i, j] > 0) & (flows[j, i] > 0)
    i, j = i[both], j[both]
    revealed = 0.5 * np.log(flows[i, j] * flows[j, i] / (home[i] * home[j]))
    ends = pd.DataFrame({"exporter": np.array(countries)[i], "importer": np.array(countries)[j]})
    lacking = [v for v in variables if v not in table]
    if lacking:
        raise RegressorError(f"The panel has no variable {', '.join(lacking)}.")
    first = table.drop_duplicates(["exporter", "importer"])[["exporter", "importer", *variables]]
    found = ends.merge(
        first.astype({"exporter": str, "importer": str}), on=["exporter", "importer"], how="left"
    )
    return found.assign(revealed=revealed), int((~both).sum())


def _ends(pairs: pd.DataFrame) -> Integers:
    """Numbers of the two countries of each pair, (pairs, 2)."""
    ends = pairs[["exporter", "importer"]].to_numpy(dtype=object).astype(str)
    codes: Integers = np.unique(ends, return_inverse=True)[1].reshape(ends.shape)
    return codes

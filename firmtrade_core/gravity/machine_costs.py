"""Does the log-linear form of trade costs miss something? Gradient boosting against it, over pairs held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.gravity.errors import FlowError, RegressorError
from firmtrade_core.gravity.panel import Array, GravityPanel, Integers
from firmtrade_core.labels import grouped
from firmtrade_core.labels.units import in_percent
from firmtrade_core.world.estimated import estimated_cells
from firmtrade_core.world.world import World

FOLDS = 10

#: Share of a flow that may be estimated in a pair that counts: filled cells give back the gravity prior that filled them.
MOST_FILLED = 0.1


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
    filled
        Pairs left out because their trade, one way or the other, is estimated more than `MOST_FILLED` of it.
    """

    pairs: pd.DataFrame
    zeros: int
    filled: int = 0

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
            return f"the log-linear form misses something: boosting lowers its error by {in_percent(gain)}"
        if gain < -2 * error:
            return "the log-linear form predicts better than boosting"
        return "boosting does no better than the log-linear form"


def compare_costs(
    panel: GravityPanel,
    variables: Sequence[str],
    *,
    year: int | None = None,
    estimated: pd.DataFrame | None = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> CostComparison:
    """Predict ln √(X_ij X_ji / (X_ii X_jj)) from geography, countries' own levels included.

    Parameters
    ----------
    panel, variables, year
        Flows and what explains costs; the last year unless another is given.
    estimated
        Share of each flow that is estimated rather than observed, 0 to 1, exporters in rows and importers in columns
        (`estimated_shares`); pairs with more than `MOST_FILLED` are left out. None where all trade is observed.

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
    filled = 0
    if estimated is not None:
        seen = _observed(pairs, estimated)
        filled, pairs = int((~seen).sum()), pairs[seen].reset_index(drop=True)
    if len(pairs) < 5 * folds:
        raise FlowError(
            f"{grouped(len(pairs))} pairs trade both ways"
            + (f" in flows that are observed ({grouped(filled)} are estimated)" if filled else "")
            + f"; {folds} folds need {5 * folds}."
        )
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
    return CostComparison(pairs.assign(linear=predictions[0], boosted=predictions[1]), zeros, filled)


def estimated_shares(world: World) -> pd.DataFrame:
    """Share of each pair's goods trade in cells that are estimated (`estimated_cells`), exporters in rows; 0 without trade."""
    goods = np.ones(len(world.sectors), dtype=bool) if world.goods is None else world.goods
    value = world.border_value[:, :, goods]
    part = (value * estimated_cells(world)[:, :, goods]).sum(2)
    whole = value.sum(2)
    shares = np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
    return pd.DataFrame(shares, world.countries, world.countries)


def _observed(pairs: pd.DataFrame, estimated: pd.DataFrame) -> NDArray[np.bool_]:
    i, j = (estimated.index.get_indexer(pd.Index(pairs[end])) for end in ("exporter", "importer"))
    shares = estimated.to_numpy(dtype=np.float64)
    found: NDArray[np.bool_] = np.maximum(shares[i, j], shares[j, i]) <= MOST_FILLED
    return found


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

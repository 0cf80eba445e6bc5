"""Growth of a country's exports by what predicts them: within firms, reallocation, entry and exit, by kind of attribute (MODEL 8).

Of all firms that are there in both years, exporters or not, exports are fitted year by year by Poisson pseudo maximum
likelihood on their attributes, ``μ_ωt = exp(θ_t + β_t a_ωt)``; fitted exports add up to actual ones in each year. A firm's
change of μ is split exactly by its logarithmic mean (Ang 2004), ``L(μ₁, μ₂) = (μ₂ - μ₁)/(ln μ₂ - ln μ₁)``:

    Δμ = L Δθ' + Σ_g L β̄_g Δa_g + Σ_g L (ā_g - m_g) Δβ_g

*within*: attributes changed; *reallocation*: buyers turned to firms with the attribute, or away (m_g is the plain mean
over exporters, so that the typical exporter's growth stays in *market*). What single firms did beyond μ cancels between those that
exported in both years and those that began or stopped; firms that opened or closed stand apart. All parts add up to the
change, to rounding. This is what predicts, not what caused: see `channels` for effects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from firmtrade_core.attribution.firm_growth import MILLION, FirmHistory
from firmtrade_core.attribution.result import AttributionError
from firmtrade_core.capability.attributes import group_of
from firmtrade_core.labels import change as written
from firmtrade_core.panel.confidentiality import FEWEST_FIRMS, TOP_SHARE

Array = NDArray[np.float64]

#: θ and β.
Coefficients = tuple[float, Array]

#: What firms did: label and what it is.
SETS: dict[str, tuple[str, str]] = {
    "stayed": ("Exporters of both years", "Firms that exported in both years."),
    "switched": (
        "Began or stopped",
        "Firms there in both years that exported in one of them, or in neither.",
    ),
    "opened": ("Firms that opened", "Firms that are not in the first year's panel."),
    "closed": ("Firms that closed", "Firms that are not in the second year's panel."),
}

#: Parts that are no attribute's: label and what it is.
OTHER: dict[str, tuple[str, str]] = {
    "market": ("Demand and costs all share", "What the typical exporter would have gained with unchanged attributes."),
    "apart": ("Beyond their attributes", "What single firms did beyond what their attributes predict; over all firms there in both years it is nought."),
    "births": ("Firms opened and closed", "Their exports, whole."),
}  # fmt: skip

#: Ridge on standardised coefficients: keeps answers that separate exporters perfectly finite.
_RIDGE = 1e-3

#: Largest gradient of the fit, of a deviance of order one.
_TOLERANCE = 1e-6

#: Draws of firms behind the intervals, and their level.
DRAWS, LEVEL = 40, 0.90

#: Fewest firms there in both years for each coefficient.
_FEWEST_PER_COLUMN = 10


@dataclass(frozen=True, eq=False)
class PredictedGrowth:
    """Growth of exports between two years by kinds of attributes and by what firms did; million of the panel's money.

    Attributes
    ----------
    history : FirmHistory
    first, second : int
    within, reallocation : DataFrame
        Rows: `SETS` (of those there in both years), columns: kinds of attributes.
    other : DataFrame
        Rows: all of `SETS`, columns: `OTHER`.
    bands : DataFrame
        By part (``within kind``, ``reallocation kind``, ``market``) ``low`` and ``high``, 90 %, from firms drawn anew.
    before, after : float
        Exports of either year.
    firms : mapping
        Firms by set.
    attributes : mapping
        Kind of each attribute.
    """

    history: FirmHistory
    first: int
    second: int
    within: pd.DataFrame
    reallocation: pd.DataFrame
    other: pd.DataFrame
    bands: pd.DataFrame
    before: float
    after: float
    firms: Mapping[str, int]
    attributes: Mapping[str, str]

    @property
    def change(self) -> float:
        """Of all exports."""
        return self.after - self.before

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of attributes."""
        return tuple(str(name) for name in self.within.columns)

    @property
    def common(self) -> float:
        """What all firms share, percent of exports before."""
        return float(100 * self.other["market"].sum() / self.before)

    def steps(self) -> pd.DataFrame:
        """One row per part: part, label, explanation, change, low, high, percent of exports before; they add up."""
        rows = [
            (f"within {kind}", f"Within firms: {kind}", f"Firms' own {kind} changed.", float(self.within[kind].sum()))
            for kind in self.kinds
        ]  # fmt: skip
        rows += [
            (
                f"reallocation {kind}", f"To firms with more {kind}",
                f"Exports moved to firms with more {kind}, or away from them.", float(self.reallocation[kind].sum()),
            )
            for kind in self.kinds
        ]  # fmt: skip
        rows += [(key, *OTHER[key], float(self.other[key].sum())) for key in OTHER if key != "apart"]
        table = pd.DataFrame(rows, columns=["part", "label", "explanation", "change"])
        for end in ("low", "high"):
            table[end] = table["part"].map(self.bands[end])
        table["percent"] = 100 * table["change"] / self.before
        return table

    def by_set(self) -> pd.DataFrame:
        """One row by what firms did: set, label, within, reallocation, market, apart, births, change; rows add up."""
        table = pd.DataFrame(
            {
                "set": list(SETS),
                "label": [SETS[key][0] for key in SETS],
                "firms": [float(self.firms.get(key, 0)) for key in SETS],
                "within": self.within.sum(axis=1).reindex(list(SETS)).fillna(0.0).to_numpy(),
                "reallocation": self.reallocation.sum(axis=1).reindex(list(SETS)).fillna(0.0).to_numpy(),
            }
        )
        for key in OTHER:
            table[key] = self.other[key].reindex(list(SETS)).fillna(0.0).to_numpy()
        table["change"] = table[["within", "reallocation", *OTHER]].sum(axis=1)
        return table

    def sentence(self) -> str:
        """The finding in words."""
        steps = self.steps()
        percent = 100 * self.change / self.before
        sure = steps[(steps["low"] > 0) | (steps["high"] < 0)]
        sure = sure[sure["part"] != "market"].sort_values("percent", key=abs, ascending=False)
        moved = f"Exports {'rose' if percent >= 0 else 'fell'} by {written(abs(percent)).lstrip('+')} from {self.first} to {self.second}"
        common = f"what all firms share brought {written(self.common)}"
        if sure.empty:
            return f"{moved}: {common}; no kind of attribute did anything that stands clear of chance."
        told = ", ".join(
            f"{row['label'][:1].lower()}{row['label'][1:]} {written(row['percent'])}"
            for row in sure.head(3).to_dict("records")
        )
        return f"{moved}: {common}; {told}."


def attribute_predictors(
    history: FirmHistory, first: int, second: int, *, draws: int = DRAWS, seed: int = 0
) -> PredictedGrowth:
    """Split the growth of exports between two years by kinds of attributes.

    Parameters
    ----------
    history
    first, second
        Years.
    draws
        Of firms, behind the intervals; 0 goes without.
    seed
        Of the draws.

    Raises
    ------
    AttributionError
        If a year is missing, the panel has no attributes, or its firms are too few.
    """
    if first >= second:
        raise AttributionError(
            f"Growth runs from an earlier year to a later one; {first} is not before {second}."
        )
    table = history.attributes
    if table is None or table.shape[1] <= 3:
        raise AttributionError(
            f"{history.label} has no attributes beside exports: add columns such as capital, age or certificates to its "
            "firms."
        )
    years = []
    for year in (first, second):
        rows = table[table["year"] == year]
        if rows.empty:
            raise AttributionError(f"{history.label} has no firms in {year}.")
        sold = history.flows[history.flows["year"] == year].groupby("firm")["exports"].sum()
        rows = rows.set_index("firm").drop(columns="year")
        missing = sold.index.difference(rows.index)
        if len(missing) and sold[missing].sum() > 1e-9 * sold.sum():
            raise AttributionError(
                f"{len(missing)} exporters of {year} are not among the firms of {history.label}: their attributes are not known."
            )
        years.append(
            rows.assign(exports=sold.reindex(rows.index).fillna(0.0) / rows["weight"].where(rows["weight"] > 0))
        )  # fmt: skip
    stay = years[0].index.intersection(years[1].index)
    names = [name for name in years[0].columns if name not in ("weight", "exports")]
    both = [year.loc[stay].assign(exports=lambda t: t["exports"].fillna(0.0)) for year in years]
    groups = {name: group_of(name) for name in names}
    design, columns = _design(both, names)
    if len(stay) < _FEWEST_PER_COLUMN * len(columns):
        raise AttributionError(
            f"{len(stay)} firms are there in both years, too few for {len(columns)} attributes; choose closer years."
        )
    # One weight a firm: changes of sampling weights would pass for changes of exports.
    weight = both[1]["weight"].to_numpy(float)
    amounts = [
        (year["exports"] * year["weight"]).to_numpy(float) / np.where(weight > 0, weight, 1.0)
        for year in both
    ]
    if any((values > 0).sum() < FEWEST_FIRMS for values in amounts):
        raise AttributionError("Too few firms export in both years to tell what predicts it.")
    exporting = (amounts[0] > 0) & (amounts[1] > 0)
    _refuse_revealing(history, amounts, weight, exporting)
    kinds = list(dict.fromkeys(groups[name.removeprefix("known_")] for name in columns))
    member = np.array([[groups[name.removeprefix("known_")] == kind for name in columns] for kind in kinds], dtype=float)  # fmt: skip
    # Many small fits: threads would only wait for one another.
    with threadpool_limits(1):
        fits = [_fit(a, x, weight) for a, x in zip(design, amounts, strict=True)]
        parts, fitted = _parts(design, amounts, weight, member, fits)
        drawn = _drawn(design, amounts, weight, member, fits, draws, seed)
    sets = {"stayed": exporting, "switched": ~exporting}
    summed = {key: (parts[:, own_set] @ weight[own_set]) * MILLION for key, own_set in sets.items()}
    count = len(kinds)
    within = pd.DataFrame({key: values[:count] for key, values in summed.items()}, index=kinds).T
    moved = pd.DataFrame({key: values[count : 2 * count] for key, values in summed.items()}, index=kinds).T
    apart = {
        key: float(weight[own_set] @ ((amounts[1] - amounts[0]) - (fitted[1] - fitted[0]))[own_set]) * MILLION
        for key, own_set in sets.items()
    }
    totals = [float((year["exports"] * year["weight"]).sum()) * MILLION for year in years]
    there = [float(weight @ values) * MILLION for values in amounts]
    other = pd.DataFrame(0.0, index=list(SETS), columns=list(OTHER))
    for key in sets:
        other.loc[key, "market"], other.loc[key, "apart"] = summed[key][-1], apart[key]
    other.loc["opened", "births"], other.loc["closed", "births"] = totals[1] - there[1], there[0] - totals[0]
    labels = [*(f"within {kind}" for kind in kinds), *(f"reallocation {kind}" for kind in kinds), "market"]
    ends = np.quantile(drawn * MILLION, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0) if len(drawn) else np.full((2, len(labels)), np.nan)  # fmt: skip
    firms = {
        "stayed": int(exporting.sum()),
        "switched": int((~exporting & (amounts[0] + amounts[1] > 0)).sum()),
        "opened": int((years[1]["exports"].drop(stay) > 0).sum()),
        "closed": int((years[0]["exports"].drop(stay) > 0).sum()),
    }
    return PredictedGrowth(
        history, first, second, within, moved, other,
        pd.DataFrame({"low": ends[0], "high": ends[1]}, index=labels), totals[0], totals[1], firms, groups,
    )  # fmt: skip


def _design(both: list[pd.DataFrame], names: list[str]) -> tuple[list[Array], list[str]]:
    """Standardised attributes of both years, (F, K) each: gaps at the median beside a column that says so."""
    columns, found = [], [[], []]  # type: ignore[var-annotated]
    for name in names:
        values = [pd.to_numeric(year[name], errors="coerce").to_numpy(float, na_value=np.nan) for year in both]  # fmt: skip
        joint = np.concatenate(values)
        known = np.isfinite(joint)
        if not known.any() or np.ptp(joint[known]) == 0:
            continue
        middle = float(np.median(joint[known]))
        pairs = [(name, [np.where(np.isfinite(v), v, middle) for v in values])]
        if not known.all():
            pairs.append((f"known_{name}", [np.isfinite(v).astype(float) for v in values]))
        for label, filled in pairs:
            spread = float(np.concatenate(filled).std())
            if spread > 0:
                centre = float(np.concatenate(filled).mean())
                columns.append(label)
                for year, part in zip(found, filled, strict=True):
                    year.append((part - centre) / spread)
    if not columns:
        raise AttributionError("No attribute varies between firms: nothing predicts their exports.")
    return [np.column_stack(year) for year in found], columns


def _fit(design: Array, sold: Array, weight: Array, start: Coefficients | None = None) -> Coefficients:
    """θ and β by PPML; the intercept is set so that fitted exports add up to actual ones to rounding."""
    from sklearn.linear_model import PoissonRegressor

    used = weight > 0
    level = float(weight @ sold / weight.sum())
    model = PoissonRegressor(
        alpha=_RIDGE, solver="lbfgs", max_iter=400, tol=_TOLERANCE, warm_start=start is not None
    )
    if start is not None:
        model.coef_, model.intercept_ = start[1].copy(), float(start[0] - np.log(level))
    model.fit(design[used], sold[used] / level, sample_weight=weight[used])
    index = design @ model.coef_
    top = float(index.max())
    theta = np.log(weight @ sold) - top - np.log(weight @ np.exp(index - top))
    return float(theta), np.asarray(model.coef_, dtype=float)


def _parts(
    design: list[Array], sold: list[Array], weight: Array, member: Array, fits: list[Coefficients]
) -> tuple[Array, list[Array]]:
    """Parts of each firm's change of fitted exports, (2 G + 1, F): within, reallocation, market; and fitted exports."""
    (theta, beta), (theta_after, beta_after) = fits
    fitted = [np.exp(t + a @ b) for t, a, b in zip((theta, theta_after), design, (beta, beta_after), strict=True)]  # fmt: skip
    grown = np.log(fitted[1]) - np.log(fitted[0])
    level = np.where(
        np.abs(grown) > 1e-9, (fitted[1] - fitted[0]) / np.where(grown == 0, 1.0, grown), fitted[0]
    )
    middle = (design[0] + design[1]) / 2
    exports = weight * ((sold[0] > 0) | (sold[1] > 0))
    centre = exports @ middle / exports.sum()
    within = member @ ((beta + beta_after) / 2 * (design[1] - design[0])).T
    moved = member @ ((middle - centre) * (beta_after - beta)).T
    market = np.full(len(weight), theta_after - theta + float(centre @ (beta_after - beta)))
    return np.vstack([within, moved, market]) * level, fitted


def _drawn(
    design: list[Array],
    sold: list[Array],
    weight: Array,
    member: Array,
    known: list[Coefficients],
    draws: int,
    seed: int,
) -> Array:
    """Totals of the parts with firms drawn anew, (D, 2 G + 1), at the panel's own exports."""
    random, found = np.random.default_rng(seed), []
    for _ in range(draws):
        drawn = weight * random.multinomial(len(weight), np.full(len(weight), 1 / len(weight)))
        if not (drawn @ sold[0] > 0 and drawn @ sold[1] > 0):
            continue
        fits = [_fit(a, x, drawn, start) for a, x, start in zip(design, sold, known, strict=True)]
        parts = _parts(design, sold, drawn, member, fits)[0] @ drawn
        # As shares of exports before: a draw with one giant twice is no larger country.
        scale = float(weight @ sold[0]) / float(drawn @ sold[0])
        found.append(parts * scale)
    return np.array(found).reshape(-1, 2 * len(member) + 1)


def _refuse_revealing(history: FirmHistory, sold: list[Array], weight: Array, exporting: NDArray[np.bool_]) -> None:  # fmt: skip
    """Sums over what real firms did are told only where enough stand behind them and none leads."""
    if history.synthetic:
        return
    for own in (exporting, ~exporting):
        for values in sold:
            amounts = (weight * values)[own]
            some = amounts[amounts > 0]
            if len(some) and (len(some) < FEWEST_FIRMS or some.max() > TOP_SHARE * some.sum()):
                raise AttributionError(
                    "Too few firms began or stopped exporting, or one leads: parts would reveal it. Choose other years."
                )

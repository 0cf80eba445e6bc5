"""What came of advice: whom the rule would have told to treat in an early year, and what those firms did by a later one.

The rule sees the early year alone (and, where asked, the year before it). Of firms that export nothing it takes those with the
largest gain in expected exports from one and the same lift of capability, and of exporters likewise (the rule of `treat`, whose
programmes cost the same by firm). They are held against firms not told of the same sector, size and exporting, reweighted to
those told. Nobody was treated: the difference says whether the rule finds firms that do better anyway, not what treating
them would have done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from firmtrade_core.capability.errors import CapabilityError, SampleError
from firmtrade_core.capability.estimation import Settings
from firmtrade_core.capability.results import CapabilityResults, estimate
from firmtrade_core.capability.sources import from_panel
from firmtrade_core.jobs import Checkpoints, Progress, part, silent
from firmtrade_core.labels import change, grouped, in_percent, number
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.attributes import with_earlier_outcomes
from firmtrade_core.panel.source import Source, files_of, panel_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: The lift of log capability by whose gain firms are ranked.
LIFT = 0.1

#: Firms told, and not told, below which nothing is said of a group.
FEWEST = 20

#: Raised when numbers change, so that stored ones are not taken for them.
EDITION = 1

GROUPS = {
    "starters": "firms that exported nothing",
    "exporters": "exporters",
}

OUTCOMES = {
    "exports": ("export", "share of firms"),
    "growth": ("growth of exports, in percent of the mean of both years", "share"),
    "alive": ("are still there", "share of firms"),
}


@dataclass(frozen=True)
class Outcome:
    """One outcome of those told against like firms.

    Parameters
    ----------
    group, outcome
        Of `GROUPS` and `OUTCOMES`.
    firms
        Told, with a like.
    told, like, others
        Means of those told, of like firms not told, and of all not told.
    low, high
        Band of told less like, firms drawn with replacement.
    without_like
        Told firms that have none.
    """

    group: str
    outcome: str
    firms: int
    told: float
    like: float
    others: float
    low: float
    high: float
    without_like: int

    @property
    def difference(self) -> float:
        """Told less like."""
        return self.told - self.like

    def sentence(self, first: int, last: int) -> str:
        """In words."""
        what = OUTCOMES[self.outcome][0]
        apart = f"{change(100 * self.difference, 'points')}, 90 %: {change(100 * self.low, 'points')} to {change(100 * self.high, 'points')}"
        if self.outcome == "growth":
            shown = (
                f"{what}, is {number(100 * self.told, signed=True)} % by {last} for those told and "
                f"{number(100 * self.like, signed=True)} % for like firms not told"
            )
        else:
            shown = f"{in_percent(self.told)} of those told {what} ({last}), {in_percent(self.like)} of like firms not told"
        return f"{GROUPS[self.group].capitalize()} in {first}: {shown} ({apart})."


@dataclass(frozen=True)
class Hindsight:
    """What came of the rule's advice.

    Parameters
    ----------
    panel, synthetic
        Whose firms.
    first, last
        The year of the advice, and of what came.
    share
        Of each group that was told.
    firms
        Of the early year.
    outcomes
    refused
        What cannot be told, and why.
    """

    panel: str
    synthetic: bool
    first: int
    last: int
    share: float
    firms: int
    outcomes: tuple[Outcome, ...]
    refused: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """Findings in words, the reading of them first."""
        return [
            f"{in_percent(self.share)} of {grouped(self.firms)} firms of {self.first} would have been told to be treated, by what was "
            f"known then. Prediction, not effect: nobody was treated, and what they did by {self.last} says whether the rule finds "
            "firms that do better anyway.",
            *(each.sentence(self.first, self.last) for each in self.outcomes),
            *self.refused,
        ]


def hindsight(
    panel: FirmPanel,
    first: int | None = None,
    last: int | None = None,
    *,
    share: float = 0.1,
    attributes: Sequence[str] | None = None,
    earlier: bool = True,
    settings: Settings | None = None,
    draws: int = 500,
    progress: Progress = silent,
) -> Hindsight:
    """Rank by the early year alone, and look at the later one.

    Parameters
    ----------
    panel
        With exports of firms by year.
    first, last
        The year of the advice and the year looked at; the middle year and the last unless given.
    share
        Of firms told in each group.
    attributes
        That the rule may see; as `sources.from_panel` takes them.
    earlier
        Whether size and productivity of the year before explain too, where there is one.
    settings
        Of the estimate; its search is left out unless given.
    draws
        For bands.
    progress

    Raises
    ------
    CapabilityError
        If the years are not the panel's, or the early year cannot carry the estimate.
    """
    years = panel.years
    first = years[(len(years) - 1) // 2] if first is None else first
    last = years[-1] if last is None else last
    if not {first, last} <= set(years) or first >= last:
        raise CapabilityError(
            f"Years {first} and {last}: give two of the panel's ({years[0]} to {years[-1]}), in order."
        )
    if not 0 < share < 0.5:
        raise CapabilityError(f"A share of {share:g} cannot be told; give one between 0 and 0.5.")
    panel.need("exports")
    chosen = settings or Settings(tune=False)
    gains = advice(
        panel,
        first,
        attributes=attributes,
        earlier=earlier,
        settings=chosen,
        progress=part(progress, 0.0, 0.95),
    )
    progress(0.95, "Looking at what came")
    table = _what_came(panel, first, last).join(gains, how="inner")
    found: list[Outcome] = []
    refused: list[str] = []
    for group in GROUPS:
        rows = table[table["exported"] == (group == "exporters")]
        told = _told(rows["gain"].to_numpy(), share)
        for outcome in ("exports", "alive") if group == "starters" else ("growth", "exports", "alive"):
            try:
                found.append(
                    held_against(
                        group, outcome, told, rows[outcome].to_numpy(float), rows["cell"].to_numpy(), draws=draws, seed=chosen.seed
                    )
                )  # fmt: skip
            except SampleError as error:
                refused.append(str(error))
                break
    return Hindsight(
        panel.metadata.label,
        panel.metadata.synthetic,
        first,
        last,
        share,
        len(table),
        tuple(found),
        tuple(refused),
    )


def advice(
    panel: FirmPanel,
    year: int,
    *,
    attributes: Sequence[str] | None = None,
    earlier: bool = True,
    settings: Settings | None = None,
    progress: Progress = silent,
) -> pd.Series:
    """What the rule ranks by, from what was known in a year: expected exports gained by one lift of capability, by firm.

    Parameters
    ----------
    panel, year
    attributes, earlier, settings, progress
        As `hindsight` takes them.

    Raises
    ------
    CapabilityError
        If the year cannot carry the estimate.
    """
    known = _until(panel, year)
    if earlier and year - 1 in panel.years:
        known = with_earlier_outcomes(known)
    data = from_panel(
        known, attributes=attributes, years=[year], sectors="markets" if "trade" in panel.tables else "shared"
    )  # fmt: skip
    results = estimate(
        data, settings or Settings(tune=False), progress=lambda words, done: progress(done, words)
    )
    return pd.Series(_gain(results), index=pd.Index([data.firm_names[f] for f in data.firm]), name="gain")


def held_against(
    group: str,
    outcome: str,
    told: Mask,
    values: Array,
    cell: NDArray[np.object_],
    *,
    draws: int = 500,
    seed: int = 0,
) -> Outcome:
    """Those told against firms not told of the same cell, cells weighted by those told: ``Σ_c n_c (ȳ_c,told - ȳ_c,not) / Σ n_c``.

    Parameters
    ----------
    group, outcome
        Names.
    told, values, cell : (F,)
        Who was told, the outcome, and what makes firms alike.
    draws, seed
        Of firms with replacement, for the band of 90 %.

    Raises
    ------
    SampleError
        If fewer than `FEWEST` firms told have a like.
    """
    label = pd.factorize(cell)[0]
    cells = int(label.max()) + 1 if len(label) else 0

    def means(weight: Array) -> tuple[float, float, float]:
        n_told = np.bincount(label, weight * told, cells)
        n_not = np.bincount(label, weight * ~told, cells)
        both = np.where(n_not > 0, n_told, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            of_told = np.bincount(label, weight * told * values, cells) / n_told
            of_not = np.bincount(label, weight * ~told * values, cells) / n_not
        used = both > 0
        if not used.any():
            return np.nan, np.nan, 0.0
        return (
            float(np.average(of_told[used], weights=both[used])),
            float(np.average(of_not[used], weights=both[used])),
            float(both.sum()),
        )

    mean_told, mean_like, count = means(np.ones(len(told)))
    if count < FEWEST:
        raise SampleError(
            f"{GROUPS[group].capitalize()}: {count:.0f} firms told have a like among those not told; {FEWEST} are needed."
        )
    random = np.random.default_rng(seed)
    apart = []
    for _ in range(draws):
        one, other, _n = means(
            np.bincount(random.integers(0, len(told), len(told)), minlength=len(told)).astype(float)
        )
        apart.append(one - other)
    low, high = np.nanquantile(apart, [0.05, 0.95])
    return Outcome(
        group, outcome, int(count), mean_told, mean_like, float(values[~told].mean()), float(low), float(high),
        int(told.sum() - count),
    )  # fmt: skip


def _until(panel: FirmPanel, year: int) -> FirmPanel:
    """The panel as it was known then."""
    firms = panel.firms[panel.firms["year"] <= year]
    trade = None
    if "trade" in panel.tables:
        trade = panel.query("SELECT * FROM trade WHERE year <= ?", [year])
    return FirmPanel.from_frames(firms, trade, metadata=panel.metadata)


def _gain(results: CapabilityResults) -> Array:
    """Expected exports gained by the lift, by row: Σ_j e^δ_j [e^(κ+h) Φ(z_j + h/σ_ν) - e^κ Φ(z_j)], z the entry index with v_k."""
    data, p = results.data, results.state.fit.parameters
    kappa = np.asarray(results.capability)
    sold = (data.cell_counts[0] > 0)[data.group]
    demand = np.where(sold, p.demand[data.group], -np.inf)
    z = (kappa + results.g)[:, None] - np.where(sold, p.threshold[data.group], np.inf) + p.scales.known_demand
    nu = p.scales.sigma_nu
    sales = np.exp(demand + kappa[:, None])
    return np.asarray((sales * (np.exp(LIFT) * ndtr((z + LIFT) / nu) - ndtr(z / nu))).sum(1))


def _told(gain: Array, share: float) -> Mask:
    """The largest gains, so many as the share says."""
    told = np.zeros(len(gain), bool)
    told[np.argsort(-gain, kind="stable")[: round(share * len(gain))]] = True
    return told


def _what_came(panel: FirmPanel, first: int, last: int) -> pd.DataFrame:
    """By firm of the early year: whether it exported, its cell, and its outcomes; a firm that is gone exports nothing."""
    columns = ["firm", "sector", "exports", *(["employment"] if "employment" in panel.column_names() else [])]
    table = panel.firms.loc[panel.firms["year"] == first, columns].copy()
    table["firm"] = table["firm"].astype(str)
    table = table.set_index("firm")
    later = panel.firms.loc[panel.firms["year"] == last, ["firm", "exports"]]
    after = later.set_index(later["firm"].astype(str))["exports"].reindex(table.index)
    before = table["exports"].astype(float).fillna(0.0)
    gained = after.astype(float).fillna(0.0)
    table["exported"] = before > 0
    table["alive"] = table.index.isin(later["firm"].astype(str)).astype(float)
    table["exports"] = (gained > 0).astype(float)
    both = (before + gained).to_numpy()
    table["growth"] = 2 * (gained - before).to_numpy() / np.where(both > 0, both, 1.0)
    size = pd.Series("any size", table.index)
    if "employment" in table:
        rank = table["employment"].astype(float).rank(pct=True).fillna(0.0)
        size = pd.Series(np.ceil(4 * rank).astype(int).astype(str), table.index)
    table["cell"] = table["sector"].astype(str) + " " + size + " " + table["exported"].astype(str)
    return table


def hindsight_arguments(source: Source) -> dict[str, object]:
    """Of `study_hindsight`, with the files that its result depends on."""
    return {"source": source, "files": files_of(source), "edition": EDITION}


def study_hindsight(
    source: Source,
    files: tuple[Path, ...] = (),
    edition: int = EDITION,
    *,
    progress: Progress = silent,
    checkpoints: Checkpoints | None = None,
) -> Hindsight:
    """`hindsight` as a job.

    Parameters
    ----------
    source, files, edition
        Of the panel, so that a changed one is studied anew.
    progress, checkpoints
        Of a job.

    Raises
    ------
    CapabilityError
        If the panel cannot carry it, or stored work is of another edition.
    """
    if edition != EDITION:
        raise CapabilityError(f"Edition {edition} of the method is gone; this one is {EDITION}.")
    return hindsight(panel_of(source), progress=part(progress, 0.0, 1.0))

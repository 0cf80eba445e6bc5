"""The whole work on a panel as one job: capability, draws, explanation, rivals, prospects; every step is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.capability.attributes import group_of, theory_signs
from firmtrade_core.capability.bootstrap import FEWEST_DRAWS, Domain, Draw, Kind, bootstrap, told_interval
from firmtrade_core.capability.boundary import at_the_bound
from firmtrade_core.capability.comparison import (
    Comparison,
    Forecast,
    forecast_unseen,
    forecasters,
    held_out,
    measure,
)
from firmtrade_core.capability.data import PRESENT, CapabilityData
from firmtrade_core.capability.errors import CapabilityError
from firmtrade_core.capability.estimation import Settings
from firmtrade_core.capability.explanation import (
    INTERACTION_ROWS,
    Explanation,
    Interactions,
    explain,
    importance_by_seed,
    interactions,
    premium_split,
    variance_shares,
)
from firmtrade_core.capability.imputations import PooledResults, pool_imputations
from firmtrade_core.capability.known import (
    KnownComparison,
    compare_in_known_markets,
    compare_next_year,
)
from firmtrade_core.capability.prospects import (
    Prospects,
    SingleIndexTest,
    TailReport,
    premia,
    prospects,
    single_index_test,
    starters,
    tail_report,
)
from firmtrade_core.capability.results import CapabilityResults, estimate
from firmtrade_core.capability.sources import Sectors, explaining_attributes, from_panel
from firmtrade_core.capability.years import YearTreatments, treatments_of_years
from firmtrade_core.jobs import Checkpoints, Progress, content_hash, part, silent
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.attributes import with_earlier_outcomes
from firmtrade_core.panel.source import Source, completed_panels, files_of, panel_of

Result = TypeVar("Result")
Flow = Literal["export", "import"]
Hidden = Literal["markets", "years"]

#: Raised when estimates change, so that stored ones are not taken for them.
EDITION = 7

#: Sellers a sector's market needs on average for sectors to have demand and thresholds of their own.
DENSE = 20

#: Years from which the last one is forecast; shocks' persistence is chosen within them.
YEARS_BEFORE = 2

#: Share explained beyond which none is told: σ_u at its bound says that the data could not tell.
AT_MOST = 0.99

#: Columns by which firms' size is told, the best first.
SIZES = ("employment", "initial_employment", "sales")

THIRDS = ("small third", "middle third", "large third")


@dataclass(frozen=True)
class Request:
    """What is to be estimated on which panel.

    Parameters
    ----------
    source
        A design of synthetic firms, or a folder of a firm panel in Parquet.
    flow
        ``export``, or ``import`` as its mirror.
    settings
        Of the estimate: learner, one index or two, seed.
    earlier
        Whether size and productivity of the year before explain too; see `panel.attributes.earlier_outcomes`.
    signs
        Whether boosting keeps the signs that theory gives (`attributes.theory_signs`).
    leave_out
        Attributes not to be used, such as one that is the outcome in disguise.
    year
        The last one unless given.
    years
        How many up to that one; those of a firm count once.
    sector
        Firms of this sector alone, with an m of their own; all, which share m, unless given.
    most_markets
        Countries that stand alone; the others make one market.
    draws, kind
        Of the bootstrap, from which bands come; see `bootstrap.bootstrap`.
    imputations
        Whether the panel's completed tables are estimated too and pooled by Rubin's rules.
    folds, held_out
        Folds of the comparison with rivals, and how many of them are held out in turn; none to leave it out.
    hidden
        What else is held out: ``markets`` of known firms, known firms' last ``years``.
    sample
        Firms explained.
    elasticity_of_substitution
        σ, for trade-cost equivalents.
    """

    source: Source
    flow: Flow = "export"
    settings: Settings = field(default_factory=Settings)
    leave_out: tuple[str, ...] = ()
    earlier: bool = False
    signs: bool = False
    year: int | None = None
    years: int = 1
    sector: str | None = None
    most_markets: int = 15
    draws: int = 10
    kind: Kind = "model"
    imputations: bool = False
    folds: int = 5
    held_out: int = 3
    hidden: tuple[Hidden, ...] = ("markets", "years")
    sample: int = 2_000
    elasticity_of_substitution: float = 5.0

    def __post_init__(self) -> None:
        if self.flow not in ("export", "import"):
            raise CapabilityError(f"flow is {self.flow}; give export or import.")
        if self.signs and self.settings.learner.kind != "boosting":
            raise CapabilityError("Only boosting keeps signs of theory: choose it, or drop the signs.")
        if self.elasticity_of_substitution <= 1:
            raise CapabilityError("The elasticity of substitution must exceed 1.")
        if self.years < 1:
            raise CapabilityError(f"{self.years} years cannot be studied; give 1 or more.")
        if not 0 <= self.held_out <= self.folds:
            raise CapabilityError(f"{self.held_out} of {self.folds} folds cannot be held out.")

    def prepared(self, panel: FirmPanel) -> FirmPanel:
        """A panel with the attributes that are made for this request.

        Raises
        ------
        PanelError
        """
        return with_earlier_outcomes(panel) if self.earlier else panel

    def settings_for(self, data: CapabilityData) -> Settings:
        """The settings with the signs that theory gives to the attributes at hand, where these were asked for."""
        if not self.signs:
            return self.settings
        signed = replace(self.settings.learner, signs=theory_signs(data.attribute_names))
        return replace(self.settings, learner=signed)

    @property
    def within(self) -> tuple[str, ...] | None:
        """Sectors studied; None for all."""
        return None if self.sector is None else (self.sector,)

    @property
    def arguments(self) -> dict[str, Any]:
        """Of `estimate_capability`, with the files that its result depends on."""
        return {"request": self, "files": files_of(self.source), "edition": EDITION}


@dataclass(frozen=True)
class Band:
    """A number with its interval; the value has the bias taken out that the draws measure.

    Parameters
    ----------
    value
    low, high
        NaN without draws.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class CapabilityReport:
    """Everything the Firms page, its tables and its model card show.

    Parameters
    ----------
    panel, synthetic, home, year, flow
        Whose firms, which trade.
    results
        The estimate with its draws.
    places : DataFrame (R, .)
        ``sector``, ``region`` and ``size`` of each row, as far as the panel tells.
    explanations
        By index, ``m`` and, with two indices, ``g``.
    seeds
        By index: `explanation.importance_by_seed`.
    interactions
        By index.
    shares : DataFrame
        `explanation.variance_shares`.
    premium
        Of exporters in log sales abroad, by source, with bands.
    comparison
        None where it was not asked for or not possible.
    known
        Comparisons on hidden markets and on the last year of known firms, as far as asked for and possible.
    single_index, tail, premia, prospects
        See `prospects`.
    by_market, by_sector : DataFrame
        ``absent`` firms, and expected ``starters`` among them with ``low`` and ``high``.
    bands
        ``explained`` (share of capability), ``starters`` (any market), ``likely`` (firms more likely than not).
    pooled
        Over the panel's completed tables, where asked for and possible.
    refused
        What could not be told, and why.
    elasticity_of_substitution
    content_hash
        Of the request and the panel.
    years
        What the share explained is under each treatment of years, where one market's years are all there is.
    """

    panel: str
    synthetic: bool
    home: str
    year: int
    flow: Flow
    results: CapabilityResults
    places: pd.DataFrame
    explanations: Mapping[str, Explanation]
    seeds: Mapping[str, pd.DataFrame]
    interactions: Mapping[str, Interactions]
    shares: pd.DataFrame
    premium: Mapping[str, Band]
    comparison: Comparison | None
    known: Mapping[Hidden, KnownComparison]
    single_index: SingleIndexTest | None
    tail: TailReport
    premia: pd.DataFrame
    prospects: Prospects
    by_market: pd.DataFrame
    by_sector: pd.DataFrame
    bands: Mapping[str, Band]
    pooled: PooledResults | None
    refused: Mapping[str, str]
    elasticity_of_substitution: float
    content_hash: str
    years: YearTreatments | None = None

    @cached_property
    def groups(self) -> dict[str, str]:
        """Attribute group by attribute."""
        return {name: group_of(name) for name in self.results.data.attribute_names}


def read_data(panel: FirmPanel, request: Request) -> CapabilityData:
    """Firms of the years asked for; sectors have markets of their own where these have `DENSE` sellers on average.

    Raises
    ------
    CapabilityError
    """
    kept = explaining_attributes(panel, request.flow, request.leave_out)
    last = panel.years[-1] if request.year is None else request.year
    years = [year for year in panel.years if last - request.years < year <= last]
    here = panel.firms[panel.firms["year"].isin(years)]
    sectors = here["sector"].nunique() if "sector" in here and request.sector is None else 1

    def read(way: Sectors) -> CapabilityData:
        return from_panel(
            panel, flow=request.flow, attributes=kept, years=years, sectors=way, within=request.within,
            most_markets=request.most_markets,
        )  # fmt: skip

    data = read("shared")
    if sectors > 1 and (data.presence == PRESENT).sum() >= DENSE * sectors * len(years) * len(data.markets):
        return read("markets")
    if sectors > 1:
        note = f"sectors share demand and thresholds: with them apart, markets would have fewer than {DENSE} sellers"
        return replace(data, notes=(*data.notes, note))
    return data


def estimate_capability(
    request: Request,
    files: tuple[Path, ...] = (),
    edition: int = EDITION,
    *,
    progress: Progress = silent,
    checkpoints: Checkpoints | None = None,
) -> CapabilityReport:
    """The report that a request asks for.

    Parameters
    ----------
    request
    files
        Of the panel, so that a changed one is estimated anew.
    edition
        Of the method; there is but one, it only tells stored results apart.
    progress, checkpoints
        Of a job.

    Raises
    ------
    CapabilityError
        If the panel cannot be read or carries no estimate. The message says what to change.
    """
    if edition != EDITION:
        raise CapabilityError(f"Edition {edition} of the method is gone; this one is {EDITION}.")
    try:
        progress(0.01, "Reading the firms")
        panel = request.prepared(panel_of(request.source))
        work = _Work(request, content_hash(request.source, files, edition), progress, checkpoints)
        return work.report(panel)
    except PanelError as error:
        raise CapabilityError(str(error)) from error


@dataclass(frozen=True, eq=False)
class _Work:
    request: Request
    panel_hash: str
    progress: Progress
    checkpoints: Checkpoints | None

    def report(self, panel: FirmPanel) -> CapabilityReport:
        request, refused = self.request, dict[str, str]()
        wanted = (
            request.flow,
            request.leave_out,
            request.year,
            request.years,
            request.sector,
            request.most_markets,
        )
        data = self._step("data", wanted, lambda: read_data(panel, request))
        settings = request.settings_for(data)
        told = (*wanted, settings)
        results = self._step("estimate", told, lambda: self._estimate(data, settings, 0.03, 0.25))
        draws = self._draws(results, told)
        results = replace(results, draws=draws)
        comparison = self._tried("comparison", refused, lambda: self._comparison(data, told))
        known = self._known(panel, data, told, refused)
        index = self._tried(
            "single-index test", refused, lambda: self._step("index", told, lambda: self._index_test(results))
        )
        self.progress(0.88, "What predicts: Shapley values")
        explained = self._step(
            "explanation",
            (*told, request.sample, request.draws, request.kind),
            lambda: self._explained(results),
        )
        explanations, seeds, pairs, shares = explained
        pooled = (
            self._tried("pooling imputations", refused, lambda: self._pooled(told))
            if request.imputations
            else None
        )
        # Draws' learners have told what they had to.
        draws = tuple(replace(draw, m_learned=None, g_learned=None) for draw in draws)
        results = replace(results, draws=draws)
        years = None
        if len(data.markets) == 1 and data.firm_count < len(data.firm):
            self.progress(0.93, "What the years are taken for")
            years = self._step(
                "years", told, lambda: treatments_of_years(data, settings, known=replace(results, draws=()))
            )
        self.progress(0.94, "Who could be next")
        places = describe(panel, data)
        made = [results.at_draw(draw) for draw in draws]
        told_starters = [starters(each) for each in (results, *made)]
        return CapabilityReport(
            panel.metadata.label, panel.metadata.synthetic, panel.metadata.home, int(data.years.max()), request.flow,
            results, places, explanations, seeds, pairs, shares, premium_bands(results, made), comparison, known, index,
            tail_report(results), premia(results), prospects(results, draws=100), *_starters(results, told_starters, places),
            _bands(results, made, told_starters), pooled, refused, request.elasticity_of_substitution,
            content_hash(self.panel_hash, request), years,
        )  # fmt: skip

    def _step(self, name: str, depends_on: object, compute: Callable[[], Result]) -> Result:
        if self.checkpoints is None:
            return compute()
        return self.checkpoints.step(name, (self.panel_hash, depends_on), compute)

    def _tried(self, name: str, refused: dict[str, str], work: Callable[[], Result]) -> Result | None:
        """A step without which the rest still stands."""
        try:
            return work()
        except CapabilityError as error:
            refused[name] = str(error)
            return None

    def _estimate(
        self, data: CapabilityData, settings: Settings, start: float, end: float
    ) -> CapabilityResults:
        told = part(self.progress, start, end)
        told(0.0, "Capability: first parameters")
        return estimate(data, settings, progress=lambda words, share: told(share, f"Capability, {words}"))

    def _draws(self, results: CapabilityResults, told: object) -> tuple[Draw, ...]:
        made: list[Draw] = []
        for number in range(self.request.draws):
            self.progress(0.25 + 0.25 * number / self.request.draws,
                          f"Bands: bootstrap draw {number + 1} of {self.request.draws}")  # fmt: skip

            def draw(number: int = number) -> tuple[Draw, ...]:
                request = self.request
                return bootstrap(
                    results.data,
                    results.state,
                    number + 1,
                    first=number,
                    kind=request.kind,
                    seed=request.settings.seed,
                    keep_learners=True,
                )

            made += self._step(f"draw{number}", (told, self.request.kind), draw)
        return tuple(made)

    def _comparison(self, data: CapabilityData, told: object) -> Comparison | None:
        request = self.request
        if request.held_out == 0:
            return None
        folds = held_out(data, request.folds, request.settings.seed)[: request.held_out]
        parts = []
        for number, firms in enumerate(folds):
            start = 0.5 + 0.2 * number / len(folds)
            say = part(self.progress, start, start + 0.2 / len(folds))
            name = f"Rivals, fold {number + 1} of {len(folds)}"
            say(0.0, name)

            def fold(
                firms: NDArray[np.int64] = firms, say: Progress = say, name: str = name
            ) -> dict[str, Forecast]:
                return forecast_unseen(
                    data, firms,
                    lambda rest: forecasters(rest, request.settings_for(data), lambda words, share: say(share, f"{name}: {words}")),
                )  # fmt: skip

            parts.append(self._step(f"fold{number}", (told, request.folds), fold))
        return measure(data, folds, parts, draws=100, seed=request.settings.seed)

    def _known(
        self, panel: FirmPanel, data: CapabilityData, told: object, refused: dict[str, str]
    ) -> dict[Hidden, KnownComparison]:
        request, settings = self.request, self.request.settings_for(data)

        def markets() -> KnownComparison:
            self.progress(0.71, "Rivals in markets hidden from all")
            return compare_in_known_markets(
                data, settings=settings, folds=request.folds, folds_used=1, seed=settings.seed
            )

        def years() -> KnownComparison:
            self.progress(0.74, "Rivals in the last year, from the years before")
            last = int(data.years.max())
            seen = [year for year in panel.years if last - YEARS_BEFORE <= year <= last]
            history = from_panel(
                panel, flow=request.flow, attributes=explaining_attributes(panel, request.flow, request.leave_out), years=seen, sectors="shared",
                within=request.within, most_markets=request.most_markets,
            )  # fmt: skip
            return compare_next_year(history, settings=settings, seed=settings.seed)

        ways: dict[Hidden, Callable[[], KnownComparison]] = {"markets": markets, "years": years}
        found: dict[Hidden, KnownComparison] = {}
        for hidden in request.hidden:
            compute = ways[hidden]

            def kept(name: str = hidden, compute: Callable[[], KnownComparison] = compute) -> KnownComparison:
                return self._step(f"hidden_{name}", (told, request.folds), compute)

            made = self._tried(f"hidden {hidden}", refused, kept)
            if made is not None:
                found[hidden] = made
        return found

    def _pooled(self, told: object) -> PooledResults:
        request = self.request
        panels = [request.prepared(panel) for panel in completed_panels(request.source)]
        if not panels:
            raise CapabilityError(
                "The panel has no completed tables: fill its gaps when harmonising, in two draws or more."
            )
        found = []
        for number, panel in enumerate(panels):
            words = f"Completed panel {number + 1} of {len(panels)}"
            self.progress(0.9 + 0.04 * number / len(panels), words)

            def one(panel: FirmPanel = panel) -> CapabilityResults:
                data = read_data(panel, request)
                results = estimate(data, request.settings_for(data))
                made = bootstrap(
                    results.data, results.state, request.draws, kind=request.kind, seed=request.settings.seed
                )
                return replace(results, draws=made)

            found.append(self._step(f"imputation{number}", (told, request.draws, request.kind), one))
        return pool_imputations(found)

    def _index_test(self, results: CapabilityResults) -> SingleIndexTest:
        self.progress(0.8, "One index or two")
        plain = replace(results, draws=())
        if not results.settings.two_indices:
            return single_index_test(plain)
        one = self._estimate(results.data, replace(results.settings, two_indices=False), 0.8, 0.88)
        return replace(single_index_test(one), together=results.log_likelihood - one.log_likelihood)

    def _explained(
        self, results: CapabilityResults
    ) -> tuple[dict[str, Explanation], dict[str, pd.DataFrame], dict[str, Interactions], pd.DataFrame]:
        found, seeds = dict[str, Explanation](), dict[str, pd.DataFrame]()
        pairs = dict[str, Interactions]()
        indices: tuple[Literal["m", "g"], ...] = ("m",) if results.state.g_learned is None else ("m", "g")
        for index in indices:
            found[index] = explain(results, index, sample=self.request.sample, seed=results.settings.seed)
            seeds[index] = importance_by_seed(results, found[index].rows[:500], index=index)
            some = np.random.default_rng(results.settings.seed).permutation(found[index].rows)
            pairs[index] = interactions(results, some[:INTERACTION_ROWS], index)
        return found, seeds, pairs, variance_shares(results)


def describe(panel: FirmPanel, data: CapabilityData) -> pd.DataFrame:
    """``sector``, ``region`` and third of ``size`` of each row of the data, as far as the panel tells, (R, .)."""
    firms = panel.firms[panel.firms["year"].isin(np.unique(data.years))]
    firms = firms.assign(firm=firms["firm"].astype(str)).set_index(["firm", "year"])
    rows = pd.MultiIndex.from_arrays([[data.firm_names[f] for f in data.firm], data.years])
    here = firms.reindex(rows)
    found = {name: here[name].astype(str).to_numpy() for name in ("sector", "region") if name in here}
    size = next((name for name in SIZES if name in here and here[name].notna().any()), None)
    if size is not None:
        rank = here[size].astype(float).rank(pct=True).to_numpy()
        labels = np.array([*THIRDS, "size unknown"], dtype=object)
        found["size"] = labels[
            np.where(np.isfinite(rank), np.minimum((np.nan_to_num(rank) * 3).astype(int), 2), 3)
        ]
    return pd.DataFrame(found)


def banded(value: float, draws: list[float], *, domain: Domain = "real", level: float = 0.90) -> Band:
    """A number about its corrected value, inside its domain; see `bootstrap.told_interval`."""
    if len(draws) < FEWEST_DRAWS:
        return Band(value, float("nan"), float("nan"))
    told = told_interval(value, np.array(draws), domain=domain, level=level)
    return Band(told.corrected, told.low, told.high)


def premium_bands(results: CapabilityResults, made: list[CapabilityResults]) -> dict[str, Band]:
    """`explanation.premium_split` with bands over draws; empty where all firms trade."""
    if results.data.exports_anywhere.all():
        return {}
    drawn = [premium_split(each) for each in made]
    split = premium_split(results)
    return {str(name): banded(float(split[name]), [float(d[name]) for d in drawn]) for name in split.index}


def _bands(
    results: CapabilityResults,
    made: list[CapabilityResults],
    told: list[tuple[pd.Series, NDArray[np.float64]]],
) -> dict[str, Band]:
    def share(each: CapabilityResults) -> float:
        return float(each.variances["share of capability explained"])

    found = {"explained": banded(share(results), [share(each) for each in made], domain="share")}
    if at_the_bound(share(results)):
        # σ_u at nothing is no share of 100 %: what the likelihood does not reject.
        profile = results.profile
        most = min(profile.explained_high, AT_MOST)
        found["explained"] = Band(min(profile.explained_low, most), min(profile.explained_low, most), most)
    never = ~results.data.exports_anywhere
    if not never.any():
        return found
    sums, likely = [], []
    for each, (_, weighted) in zip([results, *made], told, strict=True):
        weights = each.data.weights[never]
        sums.append(float(weighted.sum()))
        likely.append(float(weights[weighted > 0.5 * weights].sum()))
    found["starters"] = banded(sums[0], sums[1:], domain="positive")
    found["likely"] = banded(likely[0], likely[1:], domain="positive")
    return found


def _starters(
    results: CapabilityResults, told: list[tuple[pd.Series, NDArray[np.float64]]], places: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Expected starters by market and by sector, with bands over draws, most first."""
    data = results.data
    never = np.flatnonzero(~data.exports_anywhere)
    rows = data.starts[never + 1] - 1
    sector = places["sector"].to_numpy()[rows] if "sector" in places else np.full(len(never), "all")
    sold = (data.cell_counts[0] > 0)[data.group[rows]].sum(0)
    markets = {
        name: _line(int(sold[j]), [float(by_market.iloc[j]) for by_market, _ in told])
        for j, name in enumerate(data.markets)
    }
    sectors = {
        name: _line(
            int((sector == name).sum()), [float(weighted[sector == name].sum()) for _, weighted in told]
        )
        for name in sorted(set(sector.tolist()))
    }
    tables = [
        pd.DataFrame.from_dict(lines, orient="index", columns=["absent", "starters", "low", "high"])
        for lines in (markets, sectors)
    ]
    return tables[0].sort_values("starters", ascending=False), tables[1].sort_values(
        "starters", ascending=False
    )


def _line(absent: int, values: list[float]) -> tuple[int, float, float, float]:
    band = banded(values[0], values[1:], domain="positive")
    return absent, band.value, band.low, band.high

"""From a firm panel to the effects of its attributes: one estimate of capability, one study for each attribute."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.capability import (
    CapabilityData,
    CapabilityError,
    CapabilityResults,
    LeakageError,
    estimate,
)
from firmtrade_core.capability import Settings as CapabilitySettings
from firmtrade_core.capability.disguise import how_telling
from firmtrade_core.capability.sources import MADE_OF, explaining_attributes
from firmtrade_core.channels.any_shape import strengthened
from firmtrade_core.channels.crossfit import CrossFit, Settings
from firmtrade_core.channels.data import (
    CATEGORIES,
    ChannelData,
    Outcomes,
    control_source,
    encode_controls,
    known_rows,
    sampling_weights,
)
from firmtrade_core.channels.errors import ChannelError, DisguiseError, MeasurementError, SampleError
from firmtrade_core.channels.generated import Capability
from firmtrade_core.channels.groups import thirds
from firmtrade_core.channels.identification import Labels, Progress, Study, study
from firmtrade_core.channels.posterior import outcomes
from firmtrade_core.channels.prediction import Prediction, predictions
from firmtrade_core.channels.table import ChannelTable
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.attributes import earlier_outcomes

Array = NDArray[np.float64]

#: Destinations whose sellers are followed one by one, the most common first.
MOST_MARKETS = 25

#: Sellers that a destination needs.
FEWEST_SELLERS = 20

#: Share of firms that must be seen the year before for it to serve as a control.
SEEN_BEFORE = 0.5

WEIGHTS = (
    "firms count by their sampling weights in capability, learners, scores, clustered errors and robust sets; the "
    "conditional likelihood ratio set takes weighted firms' variances as equal"
)

#: Names under which a panel may carry productivity. The index of `panel.productivity` is none of its attributes: it is
#: made of sales, and so of the exports to be explained; of an earlier year, or in physical units, it is one.
PRODUCTIVITY = ("productivity", "productivity_index", "total_factor_productivity")

#: What `panel.attributes.earlier_outcomes` makes of it.
EARLIER_PRODUCTIVITY = ("earlier_value_added_per_worker", "earlier_sales_per_worker")

#: Columns by which firms' size before take-up is told, the best first.
SIZES = ("initial_employment", "employment")


@dataclass(frozen=True)
class Question:
    """An attribute whose effect is sought.

    Parameters
    ----------
    attribute
    instruments
        Columns that move it and nothing else.
    reliability
        Share of its variance that is no error, where known: the effect without error is then shown beside.
    proxy
        A second measurement of it that errs independently: the effect by it is then shown beside. It is no control.
    """

    attribute: str
    instruments: tuple[str, ...] = ()
    reliability: float | None = None
    proxy: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it names."""
        return self.attribute, *self.instruments, *((self.proxy,) if self.proxy else ())


@dataclass(frozen=True)
class ChannelReport:
    """All studies of one panel.

    Parameters
    ----------
    panel, synthetic, home, year
        Whose firms.
    studies
    predictions
        By attribute, in the order of the studies.
    table
        The bridge to programmes.
    capability
        What was noted when capability was estimated.
    firms, markets
        It rests on.
    weights
        How sampling weights count, in words; empty where every firm counts the same.
    """

    panel: str
    synthetic: bool
    home: str
    year: int
    studies: tuple[Study, ...]
    predictions: tuple[Prediction, ...]
    table: ChannelTable
    capability: tuple[str, ...]
    firms: int
    markets: int
    weights: str = ""

    def study(self, attribute: str) -> Study:
        """The study of one attribute."""
        return next(found for found in self.studies if found.attribute == attribute)

    def prediction(self, attribute: str) -> Prediction:
        """What Shapley values of the capability model give it."""
        return next(found for found in self.predictions if found.attribute == attribute)

    @cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that identify everything shown."""
        text = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, eq=False)
class Sample:
    """Firms of one year, row by row as their capability was estimated.

    Parameters
    ----------
    frame : DataFrame (R, .)
        The firm table.
    earlier : DataFrame
        The same firms' first rows of the panel, with ``entry``, the number of markets they served then; indexed by firm.
    results
        Capability, with all attributes and all instruments among its predictors.
    predictors
        Columns it was built with.
    attributes
        Those of the panel that are neither made of exports nor left out: each one's controls are the others.
    """

    frame: pd.DataFrame
    earlier: pd.DataFrame
    results: CapabilityResults
    predictors: tuple[str, ...]
    attributes: tuple[str, ...]

    @property
    def capability(self) -> Capability:
        """As the basis of outcomes."""
        return Capability(
            self.results.data, self.results.m, self.results.g, self.results.state.fit.parameters
        )


def draw_sample(
    panel: FirmPanel,
    questions: Sequence[Question],
    *,
    year: int | None = None,
    leave_out: Sequence[str] = (),
    capability: CapabilitySettings | None = None,
    progress: Progress | None = None,
) -> Sample:
    """Firms of one year with their capability estimated, the last year unless given.

    Columns made of exports, and those to ``leave_out``, take no part.

    Parameters
    ----------
    panel
    questions
        Attributes and their instruments.
    year
        The last unless given.
    leave_out
        Columns that take no part.
    capability
        Settings of its estimate.
    progress

    Raises
    ------
    ChannelError
        If the panel lacks a column, says too little of who sells where, or a column is the outcome in disguise.
    DisguiseError
        If a column is the outcome in disguise.
    SampleError
        If the panel says too little of who sells where.
    """
    named = [
        name
        for question in questions
        for name in question.columns
        if not _made_of_exports(question.attribute)
    ]
    panel.need(*named)
    attributes = tuple(explaining_attributes(panel, "export", leave_out))
    year = panel.years[-1] if year is None else year
    frame = panel.firms[panel.firms["year"] == year].reset_index(drop=True)
    sales = market_sales(panel, year, frame["firm"])
    predictors = tuple(dict.fromkeys([*named, *attributes]))
    columns = [name for name in predictors if name not in CATEGORIES]
    # Sectors have demand and thresholds of their own; dummies in m would say the same twice.
    encoded, _ = encode_controls(frame.drop(columns="sector"), columns)
    _refuse_disguise(encoded, sales)
    try:
        data = CapabilityData.from_arrays(
            np.log(sales.where(sales > 0).to_numpy(float)), encoded, firm=list(frame["firm"]),
            sector=list(frame["sector"]), markets=list(sales.columns), weights=frame["weight"].to_numpy(float) if "weight" in frame else None,
        )  # fmt: skip
        say = progress or (lambda share, words: None)
        results = estimate(
            data,
            capability or CapabilitySettings(two_indices=True, tune=False),
            progress=lambda words, share: say(share, words),
        )
    except LeakageError as error:
        raise DisguiseError(str(error)) from error
    except CapabilityError as error:
        raise SampleError(str(error)) from error
    place = pd.Index(frame["firm"].astype(str)).get_indexer(pd.Index([data.firm_names[f] for f in data.firm]))
    return Sample(frame.iloc[place].reset_index(drop=True), _earlier(panel), results, predictors, attributes)


def market_sales(panel: FirmPanel, year: int, firms: pd.Series) -> pd.DataFrame:
    """Exports by firm and destination of a year, (R, J), zeros where there are none.

    Without destinations, "abroad" is the one market.

    Raises
    ------
    SampleError
        If no destination has enough sellers.
    """
    if "trade" not in panel.tables:
        panel.need("exports")
        table = panel.firms[panel.firms["year"] == year].set_index("firm")["exports"]
        return table.reindex(firms).fillna(0.0).to_frame("abroad")
    sold = panel.exports("firm", "year", "country")
    sold = sold[(sold["year"] == year) & (sold["value"] > 0)]
    sellers = sold.groupby("country")["firm"].nunique().sort_values(ascending=False, kind="stable")
    chosen = sellers[sellers >= FEWEST_SELLERS].index[:MOST_MARKETS]
    if not len(chosen):
        most = f"{sellers.iloc[0]} to {sellers.index[0]}" if len(sellers) else "none anywhere"
        raise SampleError(
            f"No destination has {FEWEST_SELLERS} sellers in {year} (most: {most}); capability cannot be estimated."
        )
    wide = sold[sold["country"].isin(chosen)].pivot_table(
        index="firm", columns="country", values="value", aggfunc="sum"
    )
    return wide.reindex(index=firms.to_numpy(), columns=chosen).fillna(0.0)


def study_attribute(
    sample: Sample,
    panel: FirmPanel,
    question: Question,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
) -> Study:
    """Effects of one attribute on the firms of a sample; all other attributes are its controls.

    Parameters
    ----------
    sample, panel
    question
        The attribute, its instruments and its second measure.
    settings
    progress

    Raises
    ------
    ChannelError
    DisguiseError
        If the attribute is made of exports.
    MeasurementError
        If the second measure is none.
    """
    frame, settings = sample.frame, settings or Settings()
    if _made_of_exports(question.attribute):
        raise DisguiseError(
            f"{question.attribute} is made of exports: it is the outcome, and what it does to exports is no question."
        )
    controls = [name for name in sample.attributes if name not in question.columns]
    if question.proxy in (question.attribute, *question.instruments):
        raise MeasurementError(
            f"{question.proxy} cannot measure {question.attribute} a second time; name another column."
        )
    fits, rows = _fitted(sample, panel, question.attribute, controls, question.instruments, settings)
    again = None
    if question.proxy is not None:
        # Firms measured once take part in all but this.
        again = partial(
            _measured_again, sample, panel, question.attribute, controls, question.proxy, settings
        )
    kept = frame[rows].reset_index(drop=True)
    return study(
        fits.data,
        settings,
        fits=fits,
        groupings=_groupings(kept, sample.earlier, fits.data),
        placebo_outcomes=_placebos(kept, sample.earlier, question),
        reliability=question.reliability,
        measured_again=again,
        further=_further(panel, sample, kept, question),
        source=f"{panel.metadata.label}, {int(frame['year'].iloc[0])}",
        progress=progress,
    )


def _measured_again(
    sample: Sample, panel: FirmPanel, attribute: str, controls: Sequence[str], proxy: str, settings: Settings
) -> CrossFit:
    return _fitted(sample, panel, attribute, controls, (proxy,), settings)[0]


def _fitted(
    sample: Sample,
    panel: FirmPanel,
    attribute: str,
    controls: Sequence[str],
    instruments: Sequence[str],
    settings: Settings,
) -> tuple[CrossFit, NDArray[np.bool_]]:
    """Attribute and instruments predicted by controls, capability freed of shrinkage along them; rows (R,) that have all."""
    frame = sample.frame
    basis = Outcomes(sample.results.capability, predictors=sample.predictors)
    first = ChannelData.from_frame(frame, basis, attribute, controls, instruments, unit=panel.unit(attribute))
    rows = known_rows(frame, [attribute, *instruments])
    fits = strengthened(CrossFit(first, settings))
    first = fits.data
    along = np.zeros((len(frame), 1 + len(first.instrument_names)))
    along[rows, 0] = first.treatment - fits.treatment().mean(0)
    if instruments:
        along[rows, 1:] = first.instruments.to_numpy(float) - fits.instruments().mean(0)
    data = replace(first, outcomes=outcomes(sample.capability, along).rows(rows))
    data._check()
    return fits.with_data(data), rows


def report(
    panel: FirmPanel,
    questions: Sequence[Question],
    settings: Settings | None = None,
    *,
    year: int | None = None,
    leave_out: Sequence[str] = (),
    elasticity_of_substitution: float = 5.0,
    sample: Sample | None = None,
    progress: Progress | None = None,
) -> ChannelReport:
    """Studies of several attributes on one panel; an attribute that cannot be studied is refused, with the reason.

    Where a ``sample`` is given, its year and its attributes count.

    Parameters
    ----------
    panel
    questions
        Attributes and their instruments.
    settings
    year, leave_out
        As `draw_sample`.
    elasticity_of_substitution
        In which capability is told as productivity.
    sample
        Drawn already; its year and attributes count.
    progress

    Raises
    ------
    ChannelError
        If nothing at all can be estimated.
    """
    say: Progress = progress or (lambda share, words: None)
    settings = settings or Settings()
    if sample is None:
        sample = draw_sample(
            panel,
            questions,
            year=year,
            leave_out=leave_out,
            progress=lambda share, words: say(0.4 * share, f"Capability, {words}"),
        )
    studies, refused = [], {}
    for number, question in enumerate(questions):
        start, width = 0.4 + 0.6 * number / len(questions), 0.6 / len(questions)

        def told(
            share: float,
            words: str,
            start: float = start,
            width: float = width,
            name: str = question.attribute,
        ) -> None:
            say(start + width * share, f"{name}: {words}")

        try:
            found = study_attribute(sample, panel, question, settings, progress=told)
            studies.append(_warned(found, sample.results.identified.statements))
        except ChannelError as error:
            refused[question.attribute] = str(error)
    effects = tuple(found.effect for found in studies if found.effect is not None)
    digest = hashlib.blake2b(
        pd.util.hash_pandas_object(sample.frame, index=False).to_numpy().tobytes(), digest_size=8
    )
    table = ChannelTable(effects, settings.level, elasticity_of_substitution, digest.hexdigest(), refused)
    data = sample.results.data
    return ChannelReport(
        panel.metadata.label,
        panel.metadata.synthetic,
        panel.metadata.home,
        int(sample.frame["year"].iloc[0]),
        tuple(studies),
        predictions(sample.results, [found.attribute for found in studies]),
        table,
        sample.results.diagnostics,
        data.firm_count,
        len(data.markets),
        "" if sampling_weights(sample.frame) is None else WEIGHTS,
    )


def _warned(found: Study, statements: tuple[str, ...]) -> Study:
    """With what capability's estimate could not tell among the effect's cautions: programmes read these alone."""
    if found.effect is None:
        return found
    own: tuple[str, ...] = ()
    if found.attribute in PRODUCTIVITY:
        own = (
            "Productivity reckoned from sales of the same year holds exports themselves: this is an effect only of "
            "productivity of an earlier year, or in physical units.",
        )
    return replace(found, effect=replace(found.effect, cautions=(*found.effect.cautions, *own, *statements)))


def _made_of_exports(attribute: str) -> bool:
    return attribute in MADE_OF["export"]


def _refuse_disguise(attributes: pd.DataFrame, sales: pd.DataFrame) -> None:
    """Before any work is done on them: each column (R, .) held against exports (R, J)."""
    total = sales.sum(axis=1).to_numpy(float)
    logs = np.where(total > 0, np.log(np.where(total > 0, total, 1.0)), np.nan)
    for name in attributes:
        told = how_telling(attributes[name].to_numpy(float), total > 0, logs)
        if told.refused and control_source(str(name)) not in CATEGORIES:
            raise DisguiseError(
                f"{name} {told.words}: it is the outcome in disguise. Leave it out of the firms' attributes or lag it."
            )


def _earlier(panel: FirmPanel) -> pd.DataFrame:
    """First row of every firm, with the number of markets it served then."""
    first = panel.firms.sort_values("year", kind="stable").groupby("firm", as_index=False).first()
    if "trade" in panel.tables:
        sold = panel.exports("firm", "year", "country")
        served = sold[sold["value"] > 0].groupby(["firm", "year"]).size().rename("entry").reset_index()
        first = first.merge(served, on=["firm", "year"], how="left")
        first["entry"] = first["entry"].fillna(0.0)
    return first.set_index("firm")


def _further(
    panel: FirmPanel, sample: Sample, frame: pd.DataFrame, question: Question
) -> dict[str, pd.DataFrame]:
    """Reasonable controls that are none yet: size, and what firms were the year before; logs, missing where there are none."""
    taken = {*sample.attributes, *question.columns}

    def logs(table: pd.DataFrame) -> pd.DataFrame:
        values = table.astype(float)
        return pd.DataFrame(np.log(values.where(values > 0))).set_axis(frame.index)

    found: dict[str, pd.DataFrame] = {}
    size = [name for name in ("employment", "capital") if name in frame and name not in taken]
    if size:
        found["with size among the controls"] = logs(frame[size])
    try:
        before = earlier_outcomes(panel).set_index(["firm", "year"])
    except PanelError:
        return found
    columns = [name for name in before if name not in taken]
    rows = pd.MultiIndex.from_frame(frame[["firm", "year"]])
    known = before[columns].reindex(rows)
    columns = [name for name in columns if known[name].notna().mean() > SEEN_BEFORE]
    if columns:
        found["with the year before among the controls"] = logs(known[columns])
    return found


def _groupings(frame: pd.DataFrame, earlier: pd.DataFrame, data: ChannelData) -> dict[str, Labels]:
    """Sector, size when first seen, and whether the firm exported when first seen."""
    first = earlier.loc[frame["firm"]]
    found: dict[str, Labels] = {"sector": data.sector}
    size = next((name for name in SIZES if name in first), None)
    if size is not None:
        values = first[size].to_numpy(dtype=float, na_value=np.nan)
        found["size when first seen"] = thirds(
            values, data.firm, ("small third", "middle third", "large third")
        )
    if "exports" in first and (first["year"].to_numpy() < frame["year"].to_numpy()).any():
        exported = first["exports"].to_numpy(dtype=float, na_value=0.0) > 0
        found["export status when first seen"] = np.where(exported, "exporter", "no exporter").astype(object)
    return found


def _placebos(frame: pd.DataFrame, earlier: pd.DataFrame, question: Question) -> dict[str, Array]:
    """Outcomes settled before take-up: age; for a yes-or-no attribute, markets served before firms had it."""
    found: dict[str, Array] = {}
    if "age" in frame and question.attribute != "age":
        found["age"] = frame["age"].to_numpy(dtype=float, na_value=np.nan)
    first = earlier.loc[frame["firm"]]
    before = first["year"].to_numpy() < frame["year"].to_numpy()
    now = frame[question.attribute].to_numpy(dtype=float, na_value=np.nan)
    then = first[question.attribute].to_numpy(dtype=float, na_value=np.nan)
    if "entry" in first and np.isin(now, (0.0, 1.0)).all():
        untouched = before & (then == 0)
        if untouched.sum() >= 200 and 20 <= now[untouched].sum() <= untouched.sum() - 20:
            served = first["entry"].to_numpy(float)
            found["markets served before take-up"] = np.where(untouched, served, np.nan)
    return found

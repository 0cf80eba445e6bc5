"""One attribute, every way of estimating its effect, side by side, and what may be concluded (MODEL 7)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from firmtrade_core.channels.any_shape import IN_ANY_SHAPE, strengthened
from firmtrade_core.channels.crossfit import CrossFit, Settings, firm_sums, residuals
from firmtrade_core.channels.data import ChannelData, control_source
from firmtrade_core.channels.errors import ChannelError
from firmtrade_core.channels.estimators import Estimate, instrumented, interactive, partially_linear
from firmtrade_core.channels.falsification import (
    Permutation,
    Placebo,
    WithoutSector,
    leave_one_sector_out,
    permutation,
    placebo,
    placebo_fits,
)
from firmtrade_core.channels.groups import GroupEffects, group_effects
from firmtrade_core.channels.learners import Choice
from firmtrade_core.channels.measurement import Remeasured, Simex, instrumented_by_proxy, simex
from firmtrade_core.channels.robustness import Otherwise, apart, falls_short, with_further_controls
from firmtrade_core.channels.sensitivity import Sensitivity, sensitivity
from firmtrade_core.channels.support import (
    MANY_WITHOUT_LIKE,
    MOST_WITHOUT_LIKE,
    Balance,
    Overlap,
    balance,
    overlap,
)
from firmtrade_core.channels.table import ChannelEffect, Grade, usual_step
from firmtrade_core.channels.weak import (
    WEAK,
    ConfidenceSet,
    FirstStage,
    anderson_rubin,
    conditional_likelihood_ratio,
    first_stage,
    overidentification,
)
from firmtrade_core.labels import number, probability
from firmtrade_core.labels.units import in_percent

Array = NDArray[np.float64]
Labels = NDArray[np.object_]
Progress = Callable[[float, str], None]
Found = TypeVar("Found")

#: Significance at which a placebo outcome or disagreeing instruments discredit an estimate.
DISCREDITS = 0.01

#: Significance at which it is a reason for doubt.
DOUBTS = 0.05

#: Share of what is left of outcome and attribute that a hidden trait must explain at least to take an effect's interval to zero.
LEAST_ROBUST = 0.05


@dataclass(frozen=True)
class Reading:
    """One estimator's answer.

    Parameters
    ----------
    method
    of
        ``capability``, ``fixed costs`` or ``exports``.
    effect, standard_error, low, high
        In logs; ends are infinite where a robust set has none.
    grade
        Of the evidence that the method gives at best.
    meaning
        What is compared, in plain words.
    """

    method: str
    of: str
    effect: float
    standard_error: float
    low: float
    high: float
    grade: Grade
    meaning: str


@dataclass(frozen=True)
class Instruments:
    """What instruments say.

    Parameters
    ----------
    names
    first_stage
    sets
        Confidence sets that hold however weak they are.
    fixed_cost_set
        The clustered Anderson-Rubin set of the effect on fixed costs.
    agreement
        p-value that several instruments agree; None with one.
    """

    names: tuple[str, ...]
    first_stage: FirstStage
    sets: tuple[ConfidenceSet, ...]
    fixed_cost_set: ConfidenceSet | None
    agreement: float | None


@dataclass(frozen=True)
class Study:
    """All that was found out about one attribute.

    Parameters
    ----------
    attribute, unit, binary, spread, firms, rows
    controls, level
    readings
        Side by side, the weakest evidence first.
    instruments
        None without instruments.
    groups, overlap, balance, sensitivity, placebos, permutation, without_sector, simex
    remeasured
        None without a second measurement.
    choices
        Learners and the losses that chose them.
    refused
        What could not be told, by step, and why.
    notes
    effect
        The conclusion, for programmes; None where there is none.
    otherwise
        The effect on observables asked in other reasonable ways; where they part, its grade falls.
    """

    attribute: str
    unit: str
    binary: bool
    spread: float
    firms: int
    rows: int
    controls: tuple[str, ...]
    level: float
    readings: tuple[Reading, ...]
    instruments: Instruments | None
    groups: tuple[GroupEffects, ...]
    overlap: Overlap | None
    balance: tuple[Balance, ...]
    sensitivity: Sensitivity | None
    placebos: tuple[Placebo, ...]
    permutation: Permutation | None
    without_sector: tuple[WithoutSector, ...]
    simex: Simex | None
    remeasured: Remeasured | None
    choices: tuple[Choice, ...]
    refused: Mapping[str, str]
    notes: tuple[str, ...]
    effect: ChannelEffect | None
    otherwise: tuple[Otherwise, ...] = ()

    @property
    def step(self) -> tuple[float, str]:
        """A usual step in the attribute's units, and in words; see `table.usual_step`."""
        return usual_step(self.unit, self.spread, self.binary)

    def reading(self, method: str, of: str = "capability") -> Reading | None:
        """The answer of one method."""
        return next((r for r in self.readings if (r.method, r.of) == (method, of)), None)


@dataclass
class _Bench:
    """The work on one attribute, with what failed and why."""

    fits: CrossFit
    refused: dict[str, str] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)

    def attempt(self, step: str, work: Callable[[], Found]) -> Found | None:
        try:
            return work()
        except ChannelError as error:
            self.refused[step] = str(error)
            return None


NAIVE = "Naive premium"
ORDINARY = "Least squares with effects"
POISSON = "Poisson on exports, with effects"
PARTIALLY_LINEAR = "Double machine learning"
INTERACTIVE = "Interactive, all firms"
INTERACTIVE_TREATED = "Interactive, firms that have it"
INSTRUMENTED = "Instrumented"
REMEASURED = "By a second measurement"


def study(
    data: ChannelData,
    settings: Settings | None = None,
    *,
    fits: CrossFit | None = None,
    groupings: Mapping[str, Labels] | None = None,
    placebo_outcomes: Mapping[str, Array] | None = None,
    reliability: float | None = None,
    measured_again: Callable[[], CrossFit] | None = None,
    further: Mapping[str, pd.DataFrame] | None = None,
    source: str = "not stated",
    progress: Progress | None = None,
) -> Study:
    """Estimate one attribute's effects by every method, and test them.

    Parameters
    ----------
    data
    settings
    fits
        Of these data, where the attribute and its instruments have been predicted already.
    groupings
        Labels (R,) by grouping, settled before take-up.
    placebo_outcomes
        Values (R,) settled before take-up.
    reliability
        Of an attribute in degrees, for the correction of errors in it.
    measured_again
        Makes fits of the same question whose one instrument is a second measurement of the attribute.
    further
        Reasonable controls that were not among the data's, (R, .) by what they add in words: the effect has to stand with
        each of them.
    source
        Data and sample in words, for the table.
    progress
        Called with the share done and a sentence.

    Raises
    ------
    ChannelError
        Where no estimator can say anything; what fails in part is listed in ``refused``.
    """
    say: Progress = progress or (lambda share, words: None)
    bench = _Bench(strengthened(CrossFit(data, settings or Settings())) if fits is None else fits)
    data = bench.fits.data
    say(0.02, "Comparing firms as they are")
    _plain_readings(bench)
    say(0.15, "Double machine learning")
    fixed = _orthogonal_readings(bench)
    say(0.45, "Instruments")
    found = _instruments(bench) if len(data.instruments.columns) else None
    say(0.60, "Groups, overlap and balance")
    known = bench.fits
    parts = [
        bench.attempt(f"effects by {name}", partial(group_effects, known, name, labels))
        for name, labels in (groupings or {}).items()
    ]
    told = bench.attempt(
        "sensitivity", lambda: _after(say, 0.70, "Omitted confounders", lambda: sensitivity(known))
    )
    say(0.85, "Placebos")
    placebos = _placebos(bench, placebo_outcomes or {}, found)
    dealt = bench.attempt("permuted take-up", lambda: permutation(known))
    without = bench.attempt("leaving sectors out", lambda: leave_one_sector_out(known)) or ()
    corrected = None
    if reliability is not None:
        corrected = bench.attempt("errors in the attribute", lambda: simex(known, reliability))
    again = _measured_again(bench, measured_again)
    say(0.99, "Weighing the evidence")
    compared = bench.attempt("overlap", lambda: overlap(known))
    asked = _otherwise(bench, further or {})
    return Study(
        data.name, data.unit, data.binary, float(data.treatment.std()), data.firms, len(data.treatment),
        data.control_names, known.settings.level, tuple(bench.readings), found, tuple(p for p in parts if p),
        compared, bench.attempt("balance", lambda: balance(known)) or (),
        told, placebos, dealt, without, corrected, again, tuple(known.choices.values()), bench.refused, data.notes,
        _conclude(bench, fixed, found, placebos, compared, told, asked, source), asked,
    )  # fmt: skip


def _otherwise(bench: _Bench, further: Mapping[str, pd.DataFrame]) -> tuple[Otherwise, ...]:
    """The effect by double machine learning beside straight lines, exports as outcome, and further controls."""
    readings = {(reading.method, reading.of): reading for reading in bench.readings}
    own = readings.get((PARTIALLY_LINEAR, "capability"))
    if own is None:
        return ()
    ends, found = (own.low, own.high), []
    for key, words, parted in (
        ((ORDINARY, "capability"), "by least squares with effects", apart),
        ((POISSON, "exports"), "on exports, zeros included (Poisson)", falls_short),
    ):
        if (other := readings.get(key)) is not None:
            between = (other.low, other.high)
            found.append(Otherwise(words, other.effect, *between, parted(ends, between)))
    wider = bench.attempt("further controls", lambda: with_further_controls(bench.fits, further, ends))
    return (*found, *(wider or ()))


def _after(say: Progress, share: float, words: str, work: Callable[[], Found]) -> Found:
    say(share, words)
    return work()


def _plain_readings(bench: _Bench) -> None:
    """What a comparison without double machine learning says."""
    data = bench.fits.data
    regressors = [f"x{i}" for i in range(data.controls.shape[1])]
    table = data.controls.set_axis(regressors, axis=1)
    table = table.assign(
        capability=data.outcomes.capability, treatment=data.treatment, firm=data.firm,
        cell=pd.Series(list(zip(data.sector, data.year, strict=True))).astype(str), weight=data.row_weights,
    )  # fmt: skip
    controls = " + ".join(["treatment", *regressors])
    _regress(bench, table, "feols", "capability ~ treatment", NAIVE, "capability",
             "firms with more of it against firms with less, nothing held equal")  # fmt: skip
    _regress(bench, table, "feols", f"capability ~ {controls} | cell", ORDINARY, "capability",
             "firms of one sector and year, controls held equal in straight lines")  # fmt: skip
    if data.outcomes.exports is not None:
        exports = np.where(np.isfinite(data.outcomes.exports), np.exp(data.outcomes.exports), 0.0)
        table = table.assign(exports=exports / exports.mean())
        _regress(bench, table, "fepois", f"exports ~ {controls} | cell", POISSON, "exports",
                 "total exports, zeros included: entry and sales together")  # fmt: skip


def _regress(
    bench: _Bench, table: pd.DataFrame, kind: str, formula: str, name: str, of: str, meaning: str
) -> None:
    import pyfixest

    options: dict[str, Any] = {"separation_check": ["fe", "ir"]} if kind == "fepois" else {}
    if bench.fits.data.weights is not None:
        options["weights"] = "weight"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = getattr(pyfixest, kind)(formula, table, vcov={"CRV1": "firm"}, **options)
            effect, error = float(model.coef()["treatment"]), float(model.se()["treatment"])
    except (ValueError, KeyError, RuntimeError, np.linalg.LinAlgError) as problem:
        bench.refused[name] = f"It cannot be estimated: {problem}"
        return
    reach = _quantile(bench) * error
    bench.readings.append(
        Reading(name, of, effect, error, effect - reach, effect + reach, "association", meaning)
    )


def _orthogonal_readings(bench: _Bench) -> CrossFit | None:
    """Double machine learning on capability and on fixed costs; returns the fits for fixed costs."""
    fits, data = bench.fits, bench.fits.data
    words = "firms alike in all controls, whatever shape their influence has"
    plain = bench.attempt(PARTIALLY_LINEAR, lambda: partially_linear(fits))
    if plain is None:
        return None
    bench.readings.append(_reading(plain, PARTIALLY_LINEAR, "capability", words))
    if data.binary:
        _interactive_reading(bench, INTERACTIVE, "ATE")
        _interactive_reading(bench, INTERACTIVE_TREATED, "ATTE")
    weights = (data.treatment - fits.treatment().mean(0)) ** 2
    fixed = fixed_cost_fits(fits, weights)
    if fixed is not None:
        bench.readings.append(
            _reading(
                partially_linear(fixed),
                PARTIALLY_LINEAR,
                "fixed costs",
                f"{words}; entry beyond what capability explains",
            )
        )
    return fixed


def _interactive_reading(bench: _Bench, name: str, score: Literal["ATE", "ATTE"]) -> None:
    found = bench.attempt(name, lambda: interactive(bench.fits, score))
    if found is not None:
        bench.readings.append(_reading(found, name, "capability", f"mean effect over {found.target}"))


def fixed_cost_fits(fits: CrossFit, weights: Array) -> CrossFit | None:
    """Fits whose outcome is what is taken off fixed costs: an attribute's effect on it is its effect on g (MODEL 7).

    Where capability was estimated, g is read from the same likelihood; where it is observed, the outcome is
    ``entry / mean slope - κ``.

    Parameters
    ----------
    fits
    weights : (R,)
        That the estimator gives to rows of the same sampling weight; the mean slope takes the same.
    """
    data, outcomes = fits.data, fits.data.outcomes
    if outcomes.generated is not None:
        generated = replace(outcomes.generated, side=1)
        lean = data.row_weights * (data.treatment - fits.treatment().mean(0))
        g = generated.outcome(lean, lean / data.row_weights)
        changed = data.with_outcome(g)
        changed = replace(changed, outcomes=replace(changed.outcomes, generated=generated))
        return fits.with_data(changed, "outcome", "outcome with", "outcome without")
    if outcomes.entry is None or outcomes.entry_density is None:
        return None
    weights = data.row_weights * np.maximum(weights, 0)
    slope = float(np.average(outcomes.entry_density, weights=weights))
    if not slope > 0:
        return None
    changed = data.with_outcome(outcomes.entry / slope - outcomes.capability)
    return fits.with_data(changed, "outcome", "outcome with", "outcome without")


def _instruments(bench: _Bench) -> Instruments | None:
    fits, data = bench.fits, bench.fits.data
    left = bench.attempt("instruments", lambda: residuals(fits, instruments=True))
    if left is None:
        return None
    strength = first_stage(left, data.firm)
    estimate = instrumented(fits)
    names = data.instrument_names
    if strength.moves:
        bench.readings.append(
            _reading(estimate, INSTRUMENTED, "capability", "firms that the instrument moved", "instrument")
        )
    else:
        bench.refused[INSTRUMENTED] = (
            f"{' and '.join(names)} {strength.words}: no estimate is given; the robust sets hold all the same."
        )
    level = fits.settings.level
    sets = [anderson_rubin(left, data.firm, level, estimate.effect, estimate.standard_error)]
    if len(names) > 1:
        sets.append(conditional_likelihood_ratio(left, data.firm, level))
    fixed = fixed_cost_fits(fits, left.lean * left.treatment / data.row_weights) if strength.moves else None
    fixed_set = None
    if fixed is not None:
        on_fixed = instrumented(fixed)
        bench.readings.append(
            _reading(
                on_fixed,
                INSTRUMENTED,
                "fixed costs",
                "firms that the instrument moved; entry beyond what capability explains",
                "instrument",
            )
        )
        fixed_left = residuals(fixed, instruments=True)
        fixed_set = anderson_rubin(fixed_left, data.firm, level, on_fixed.effect, on_fixed.standard_error)
    agreement = overidentification(left, data.firm, estimate.effect, estimate.standard_error)
    return Instruments(names, strength, tuple(sets), fixed_set, agreement)


def _measured_again(bench: _Bench, make: Callable[[], CrossFit] | None) -> Remeasured | None:
    if make is None:
        return None
    found = bench.attempt(REMEASURED, lambda: instrumented_by_proxy(make()))
    if found is not None:
        words = f"firms alike in all controls, the attribute also measured by {found.proxy}; {found.words}"
        bench.readings.append(
            Reading(REMEASURED, "capability", found.effect, found.standard_error, found.low, found.high, "observables", words)
        )  # fmt: skip
    return found


def _placebos(
    bench: _Bench, outcomes: Mapping[str, Array], instruments: Instruments | None
) -> tuple[Placebo, ...]:
    """Every placebo outcome, by each estimator whose effect it may discredit."""
    ways = (False, True) if instruments is not None and instruments.first_stage.moves else (False,)
    found = []
    for name, values in outcomes.items():
        fits = bench.attempt(f"placebo {name}", partial(placebo_fits, bench.fits, name, values))
        if fits is None:
            continue
        for by_instrument in ways:
            step = f"placebo {name}{', instrumented' if by_instrument else ''}"
            found.append(bench.attempt(step, partial(placebo, fits, name, by_instrument=by_instrument)))
    return tuple(each for each in found if each is not None)


def _reading(estimate: Estimate, name: str, of: str, meaning: str, grade: Grade = "observables") -> Reading:
    return Reading(
        name, of, estimate.effect, estimate.standard_error, estimate.low, estimate.high, grade, meaning
    )


def _quantile(bench: _Bench) -> float:
    return float(norm.ppf(0.5 + bench.fits.settings.level / 2))


def _conclude(
    bench: _Bench,
    fixed: CrossFit | None,
    instruments: Instruments | None,
    placebos: Sequence[Placebo],
    compared: Overlap | None,
    told: Sensitivity | None,
    asked: Sequence[Otherwise],
    source: str,
) -> ChannelEffect | None:
    """The effect that programmes use: by instruments where they hold, else on observables, else an association."""
    readings = {(reading.method, reading.of): reading for reading in bench.readings}
    cautions: list[str] = []
    grade: Grade
    capability_ends: tuple[float, float] | None
    fixed_ends: tuple[float, float] | None
    if instruments is not None and _holds(instruments, placebos, cautions):
        chosen, grade = INSTRUMENTED, "instrument"
        capability_ends = _hull(instruments.sets[0])
        fixed_ends = _hull(instruments.fixed_cost_set)
        if instruments.agreement is not None and instruments.agreement < DOUBTS:
            # Values that instruments agree on grow few as they part: a short set is doubt then, not precision.
            capability_ends = _holding(capability_ends, readings.get((chosen, "capability")))
            fixed_ends = _holding(fixed_ends, readings.get((chosen, "fixed costs")))
        method = f"partially linear, instrumented by {' and '.join(instruments.names)}"
    else:
        chosen, grade, method = PARTIALLY_LINEAR, "observables", "partially linear double machine learning"
        capability_ends = fixed_ends = None
    capability, on_fixed = readings.get((chosen, "capability")), readings.get((chosen, "fixed costs"))
    if capability is None:
        return None
    failed = _failed(placebos, by_instrument=False)
    if failed and grade == "observables":
        grade = "association"
        cautions.append(f"It seems to move {', '.join(failed)}, which it cannot: unseen differences remain.")
    if chosen == PARTIALLY_LINEAR and _without_like(compared, cautions):
        grade = "association"
    if chosen == PARTIALLY_LINEAR and (parted := [way.asked for way in asked if way.parts]):
        grade = "association"
        cautions.append(
            f"Asked otherwise it is another number: {'; '.join(parted)}, by more than both intervals. It stands on how one asks."
        )
    if chosen == PARTIALLY_LINEAR and told is not None and 0 < told.robustness_interval < LEAST_ROBUST:
        grade = "association"
        cautions.append(
            f"A hidden trait that explains {in_percent(told.robustness_interval)} of what is left of both capability and the "
            f"attribute would take its interval to zero; an effect has to stand {in_percent(LEAST_ROBUST)}."
        )
    if grade == "observables":
        cautions.append("It holds if nothing unobserved moves both the attribute and capability.")
    if capability_ends is None:
        capability_ends = (capability.low, capability.high)
        if chosen == PARTIALLY_LINEAR and told is not None and told.benchmarks:
            capability_ends = (min(told.low, capability.low), max(told.high, capability.high))
            cautions.append(
                f"Its interval holds what a hidden trait as strong as {_strongest(told)}, the strongest observed control, could do; "
                f"errors of estimation alone leave {number(capability.low, signed=True)} to {number(capability.high, signed=True)}."
            )
    if fixed_ends is None:
        fixed_ends = (on_fixed.low, on_fixed.high) if on_fixed else (0.0, 0.0)
    data = bench.fits.data
    return ChannelEffect(
        data.name, data.unit or ("0 or 1" if data.binary else ""), capability.effect, on_fixed.effect if on_fixed else 0.0,
        capability.standard_error, on_fixed.standard_error if on_fixed else 0.0, capability_ends, fixed_ends,
        _error_correlation(bench.fits, fixed, chosen == INSTRUMENTED), grade, method, source,
        float(data.treatment.std()), data.firms, (*cautions, *data.cautions),
    )  # fmt: skip


def _strongest(told: Sensitivity) -> str:
    return control_source(told.benchmarks[0].control).replace("_", " ")


def _hull(found: ConfidenceSet | None) -> tuple[float, float] | None:
    """Ends of a robust set; None where it is empty, as instruments that are strong and agree only in part leave it: the
    clustered interval, which holds for strong instruments, then serves."""
    return found.hull if found is not None and found.parts else None


def _holding(ends: tuple[float, float] | None, reading: Reading | None) -> tuple[float, float] | None:
    """Ends that hold a reading's clustered interval too."""
    if ends is None or reading is None:
        return ends
    return min(ends[0], reading.low), max(ends[1], reading.high)


def _failed(placebos: Sequence[Placebo], *, by_instrument: bool) -> list[str]:
    """Placebo outcomes that one way of estimating seems to move."""
    of_way = [p for p in placebos if p.by_instrument == by_instrument]
    return [p.outcome for p in of_way if p.p_value < DISCREDITS / len(of_way)]


def _without_like(compared: Overlap | None, cautions: list[str]) -> bool:
    """Whether most firms that have the attribute have no like among the others; says so where many have none."""
    share = 0.0 if compared is None else compared.treated_without_like
    if share > MANY_WITHOUT_LIKE:
        cautions.append(
            f"{in_percent(share)} of the firms that have it have no like among those that do not: what it does for them is not seen, "
            "and the effect is that of the others."
        )
    return share > MOST_WITHOUT_LIKE


def _holds(instruments: Instruments, placebos: Sequence[Placebo], cautions: list[str]) -> bool:
    """Whether instruments may carry the conclusion; else why not."""
    names = " and ".join(name.replace("instrument_", "").replace("_", " ") for name in instruments.names)
    if any(name.endswith(IN_ANY_SHAPE) for name in instruments.names):
        cautions.append(
            f"{names}: in straight lines the instrument is weak; the effect rests on a first stage of any shape, which asks that "
            "it tells nothing of what is left out, in any shape."
        )
    if not instruments.first_stage.moves or instruments.first_stage.effective_f < WEAK:
        cautions.append(f"{names}: {instruments.first_stage.words}; the effect leans on observables instead.")
        return False
    if instruments.agreement is not None and instruments.agreement < DISCREDITS:
        cautions.append(f"{names} contradict each other: at least one of them is no instrument.")
        return False
    if failed := _failed(placebos, by_instrument=True):
        cautions.append(
            f"By {names} the attribute seems to move {', '.join(failed)}, which it cannot: no instrument; the effect leans on "
            "observables instead."
        )
        return False
    if instruments.sets[0].parts and not instruments.sets[0].bounded:
        cautions.append(
            f"{names}: the robust set of the effect has no end ({instruments.sets[0].words}); the effect leans on observables "
            "instead."
        )
        return False
    if instruments.agreement is not None and instruments.agreement < DOUBTS:
        cautions.append(
            f"{names} agree only in part ({probability(instruments.agreement)}): they may move different firms, or one of them "
            "may be no instrument."
        )
    return True


def _error_correlation(fits: CrossFit, fixed: CrossFit | None, by_instrument: bool) -> float:
    """Correlation of the errors of the two effects, from scores by firm."""
    if fixed is None:
        return 0.0
    scores = []
    for left in (residuals(each, instruments=by_instrument) for each in (fits, fixed)):
        effect = float(left.lean @ left.outcome) / float(left.lean @ left.treatment)
        moments = left.lean * (left.outcome - effect * left.treatment) + left.generated
        scores.append(firm_sums(moments, fits.data.firm))
    return float(np.corrcoef(scores[0], scores[1])[0, 1])

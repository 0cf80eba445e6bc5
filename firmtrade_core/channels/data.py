"""What an effect is estimated from: capability, entry, one attribute, its controls and instruments, by firm and year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from firmtrade_core.capability.disguise import Telling, how_telling, side_without_exception
from firmtrade_core.channels.errors import (
    DisguiseError,
    InstrumentError,
    PosteriorError,
    SampleError,
    TreatmentError,
)
from firmtrade_core.channels.generated import Generated
from firmtrade_core.panel.settled import settled

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Firms below which five folds and clustered errors say nothing.
FEWEST_FIRMS = 100

#: Firms with, and without, a yes-or-no attribute.
FEWEST_TREATED = 20

#: Rank correlation with an outcome beyond which a column is made of it.
DISGUISE_CORRELATION = 0.97

#: Correlation beyond which a control is the attribute itself.
SAME_COLUMN = 0.999

#: Columns that make cells comparable rather than describe the firm: dummies are made of them.
CATEGORIES = ("sector", "region", "year")


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What attributes may move, by row (firm and year), as the capability posterior gives it (MODEL 7).

    Parameters
    ----------
    capability : (R,)
        κ, log revenue potential; a posterior built with treatment, controls and instruments among its predictors.
    entry : (R,)
        Share of observed markets that the firm serves.
    entry_density : (R,)
        Mean over its observed markets of φ_N((m+g-k)/s)/s.
    predictors
        What the posterior was built with; empty of outcomes that are observed without a posterior.
    exports : (R,), optional
        Log of total sales abroad, missing where there are none: only to notice columns made of it.
    generated
        Where capability was estimated: as each estimator needs it, with what its parameters' errors add.
    """

    capability: Array
    entry: Array | None = None
    entry_density: Array | None = None
    predictors: tuple[str, ...] = ()
    exports: Array | None = None
    generated: Generated | None = None

    def rows(self, keep: NDArray[np.bool_]) -> Outcomes:
        """Some rows only."""

        def part(values: Array | None) -> Array | None:
            return None if values is None else values[keep]

        return Outcomes(
            self.capability[keep],
            part(self.entry),
            part(self.entry_density),
            self.predictors,
            part(self.exports),
            None if self.generated is None else self.generated.rows(keep),
        )


@dataclass(frozen=True, eq=False)
class ChannelData:
    """One attribute whose effect is sought; R rows (firm and year), F firms, K controls, L instruments.

    Parameters
    ----------
    outcomes
    treatment : (R,)
    name, unit
        Of the treatment.
    controls : DataFrame (R, K)
        Numbers without gaps: gaps are filled with the mean and flagged in a column of their own.
    instruments : DataFrame (R, L)
    firm : (R,) of int
        0 to F-1; folds and errors go by it.
    sector, year : (R,)
    notes
        What was set aside and why, in plain words.
    weights : (R,), optional
        Firms of the population that a row stands for, mean 1; None where every row counts the same.
    """

    outcomes: Outcomes
    treatment: Array
    name: str
    unit: str
    controls: pd.DataFrame
    instruments: pd.DataFrame
    firm: Integers
    sector: NDArray[np.object_]
    year: Integers
    notes: tuple[str, ...] = ()
    weights: Array | None = None

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        outcomes: Outcomes,
        treatment: str,
        controls: Sequence[str],
        instruments: Sequence[str] = (),
        *,
        unit: str = "",
    ) -> ChannelData:
        """Check, encode and clean.

        Parameters
        ----------
        frame : DataFrame (R, .)
            With ``firm``, the named columns and, where known, ``sector``, ``region`` and ``year``, which become dummies,
            and ``weight``, of sampling.
        outcomes
            In the same rows.
        treatment, controls, instruments
            Columns. Categories among the controls become dummies.

        Raises
        ------
        ChannelError
            See the subclasses in `errors`.
        TreatmentError
            If the attribute is missing in every row.
        """
        _refuse_unknown(frame, [treatment, *controls, *instruments])
        _refuse_roles(treatment, controls, instruments)
        _refuse_shortened_posterior(outcomes, [treatment, *controls, *instruments])
        value = _numbers(frame[treatment])
        if not np.isfinite(value).any():
            raise TreatmentError(
                f"{treatment} is missing in every row; it has no effect that data could show."
            )
        instrument = pd.DataFrame({name: _numbers(frame[name]) for name in instruments}, index=frame.index)
        _refuse_dead_instruments(instrument)
        keep = known_rows(frame, [treatment, *instruments])
        dropped = len(frame) - int(keep.sum())
        notes = [f"{dropped} rows without {treatment}, an instrument or a weight left out"] if dropped else []
        frame, outcomes, instrument = frame[keep], outcomes.rows(keep), instrument[keep]
        encoded, more = encode_controls(frame, controls)
        year = frame["year"].to_numpy(np.int64) if "year" in frame else np.zeros(len(frame), np.int64)
        sector = (
            frame["sector"].astype(str).to_numpy(object)
            if "sector" in frame
            else np.full(len(frame), "all", object)
        )
        data = cls(
            outcomes,
            settled(value[keep]),
            treatment,
            unit,
            _settled(encoded),
            _settled(instrument.reset_index(drop=True)),
            pd.factorize(frame["firm"])[0].astype(np.int64),
            sector,
            year,
            (*notes, *more),
            sampling_weights(frame),
        )
        data._check()
        return data

    @property
    def control_names(self) -> tuple[str, ...]:
        """Encoded controls, in order."""
        return tuple(str(name) for name in self.controls)

    @property
    def instrument_names(self) -> tuple[str, ...]:
        """Instruments, in order."""
        return tuple(str(name) for name in self.instruments)

    @property
    def firms(self) -> int:
        """F."""
        return int(self.firm.max()) + 1

    @cached_property
    def binary(self) -> bool:
        """Whether the attribute is a yes-or-no one."""
        return bool(np.isin(self.treatment, (0.0, 1.0)).all())

    def subset(self, keep: NDArray[np.bool_]) -> ChannelData:
        """Some rows only; columns that no longer vary drop out of the controls."""
        controls = self.controls[keep].reset_index(drop=True)
        return replace(
            self,
            outcomes=self.outcomes.rows(keep),
            treatment=self.treatment[keep],
            controls=controls.loc[:, controls.nunique() > 1],
            instruments=self.instruments[keep].reset_index(drop=True),
            firm=pd.factorize(self.firm[keep])[0].astype(np.int64),
            sector=self.sector[keep],
            year=self.year[keep],
            weights=None if self.weights is None else self.weights[keep],
        )

    def with_outcome(self, capability: Array) -> ChannelData:
        """The same firms with another outcome in capability's place, such as a placebo."""
        return replace(self, outcomes=replace(self.outcomes, capability=capability, generated=None))

    @property
    def row_weights(self) -> Array:
        """Sampling weights, (R,); ones where there are none."""
        return np.ones(len(self.treatment)) if self.weights is None else self.weights

    def _check(self) -> None:
        if not np.isfinite(self.outcomes.capability).all():
            raise PosteriorError("Capability is missing for some rows; estimate it for all of them first.")
        if self.firms < FEWEST_FIRMS:
            raise SampleError(
                f"{self.firms} firms are too few to tell an effect from chance: at least {FEWEST_FIRMS} are needed. "
                "Pool years, sectors or regions."
            )
        if np.ptp(self.treatment) == 0:
            raise TreatmentError(
                f"{self.name} is {self.treatment[0]:g} for every firm: without variation there is no effect to estimate."
            )
        if self.binary:
            self._refuse_few_treated()
        self._refuse_twins()
        self._refuse_disguise()

    def _refuse_few_treated(self) -> None:
        treated = len(np.unique(self.firm[self.treatment == 1]))
        untreated = len(np.unique(self.firm[self.treatment == 0]))
        if min(treated, untreated) < FEWEST_TREATED:
            raise SampleError(
                f"{treated} firms with {self.name} and {untreated} without it: at least {FEWEST_TREATED} of each are "
                "needed."
            )

    def _refuse_twins(self) -> None:
        for name in self.control_names:
            if abs(_correlation(self.treatment, self.controls[name].to_numpy())) > SAME_COLUMN:
                raise TreatmentError(
                    f"The control {name} is {self.name} itself under another name: leave it out of the controls."
                )

    def _refuse_disguise(self) -> None:
        """The attribute, or a control, that is made of the outcome."""
        outcomes = {"capability as estimated": self.outcomes.capability}
        if self.outcomes.entry is not None:
            outcomes["the number of markets served"] = self.outcomes.entry
        if self.outcomes.exports is not None:
            outcomes["exports"] = self.outcomes.exports
        for name, column in self._columns().items():
            for words, outcome in outcomes.items():
                if self._follows(column, outcome):
                    raise DisguiseError(
                        f"{name} follows {words} almost exactly: it is the outcome in disguise. Leave it out or lag it."
                    )
            # A sector or region that alone exports is no disguise: it separates, and the effect says so.
            told = self._told.get(name)
            if told is not None and told.refused and control_source(name) not in CATEGORIES:
                raise DisguiseError(
                    f"{name} {told.words}: it is the outcome in disguise. Leave it out or lag it."
                )

    def _columns(self) -> dict[str, Array]:
        """The attribute and its controls."""
        return {self.name: self.treatment} | {n: self.controls[n].to_numpy(float) for n in self.control_names}

    @cached_property
    def _told(self) -> dict[str, Telling]:
        """What the attribute, and each control, alone tell of exports."""
        entry = self.outcomes.entry
        if entry is None:
            return {}
        return {
            n: how_telling(column, entry > 0, self.outcomes.exports) for n, column in self._columns().items()
        }

    @cached_property
    def cautions(self) -> tuple[str, ...]:
        """What these firms cannot tell, and columns that tell too much, in plain words."""
        entry = self.outcomes.entry
        if entry is None:
            return ()
        exports = entry > 0
        if exports.all():
            return (
                "Every firm exports: without never-exporters, what moves sales and entry to further destinations can be "
                "told, but not what would make a firm start to export.",
            )
        groups: dict[str, list[str]] = {}
        suspects = []
        for name, column in self._columns().items():
            found = side_without_exception(column, exports)
            if found is not None:
                side, everyone = found
                start = "Every firm" if everyone else "No firm"
                groups.setdefault(start, []).append(
                    f"{'with' if side else 'without'} {name.replace('_', ' ')}"
                )
            elif self._told[name].suspect:
                suspects.append(f"{name} {self._told[name].words}: make sure that it is not made of exports.")
        apart = [
            f"{start} {_listed(names)} exports (separation): what makes such firms enter cannot be told from them."
            for start, names in groups.items()
        ]
        return (*suspects, *apart)

    @staticmethod
    def _follows(column: Array, outcome: Array) -> bool:
        known = np.isfinite(outcome)
        if known.sum() < 30 or np.ptp(column[known]) == 0 or np.ptp(outcome[known]) == 0:
            return False
        return abs(_correlation(rankdata(column[known]), rankdata(outcome[known]))) > DISGUISE_CORRELATION


def encode_controls(frame: pd.DataFrame, controls: Sequence[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Controls as numbers without gaps, and notes on what was set aside.

    Dummies for sector, region, year and every text column; missing numbers at the mean with a flag beside them.
    """
    wanted = [*dict.fromkeys([*controls, *(name for name in CATEGORIES if name in frame)])]
    parts: dict[str, Array] = {}
    notes = []
    for name in wanted:
        column = frame[name]
        if name in CATEGORIES or not pd.api.types.is_numeric_dtype(column):
            dummies = pd.get_dummies(
                column.astype("string").fillna("not stated"), drop_first=True, dtype=float
            )
            parts |= {f"{name}: {label}": dummies[label].to_numpy() for label in dummies}
            continue
        values = _numbers(column)
        known = np.isfinite(values)
        if not known.any() or (known.all() and np.ptp(values) == 0):
            notes.append(
                f"control {name} set aside: {'it never varies' if known.any() else 'all values are missing'}"
            )
            continue
        parts[name] = np.where(known, values, values[known].mean())
        if not known.all():
            parts[f"{name}: not stated"] = (~known).astype(float)
    return pd.DataFrame(parts, index=range(len(frame))), tuple(notes)


def known_rows(frame: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.bool_]:
    """Rows (R,) that have every one of some columns, and stand for some firm."""
    keep = np.ones(len(frame), bool)
    for name in columns:
        keep &= np.isfinite(_numbers(frame[name]))
    return keep & (_numbers(frame["weight"]) > 0) if "weight" in frame else keep


def sampling_weights(frame: pd.DataFrame) -> Array | None:
    """Sampling weights of the rows with mean 1, None where there are none or all are alike."""
    if "weight" not in frame:
        return None
    weights = _numbers(frame["weight"])
    return None if np.ptp(weights) < 1e-9 * weights.max() else np.asarray(weights / weights.mean())


def control_source(column: str) -> str:
    """The column of the firm table that an encoded control was made of."""
    return column.split(": ")[0]


def _listed(names: Sequence[str], most: int = 3) -> str:
    rest = len(names) - most
    return " or ".join([*names[:most], *([f"{rest} more such groups"] if rest > 0 else [])])


def _numbers(column: pd.Series) -> Array:
    if not pd.api.types.is_numeric_dtype(column):
        raise TreatmentError(
            f"{column.name} is no number; an effect is per unit. Make a 0-or-1 column of it."
        )
    values = column.to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _refuse_unknown(frame: pd.DataFrame, names: Sequence[str]) -> None:
    missing = [name for name in ["firm", *names] if name not in frame]
    if missing:
        raise TreatmentError(f"The firm table has no column {', '.join(missing)}.")


def _refuse_roles(treatment: str, controls: Sequence[str], instruments: Sequence[str]) -> None:
    twice = sorted({*instruments} & {*controls})
    if twice:
        raise InstrumentError(f"{', '.join(twice)} cannot be both control and instrument; choose one role.")
    if treatment in controls or treatment in instruments:
        raise TreatmentError(
            f"{treatment} is the attribute studied; leave it out of controls and instruments."
        )


def _refuse_shortened_posterior(outcomes: Outcomes, names: Sequence[str]) -> None:
    left_out = [name for name in names if name not in outcomes.predictors and name not in CATEGORIES]
    if outcomes.predictors and left_out:
        raise PosteriorError(
            f"The capability posterior was built without {', '.join(left_out)}. Shrinkage would then bias the effect "
            "(MODEL 7): build it with the attribute, all controls and all instruments."
        )


def _refuse_dead_instruments(instruments: pd.DataFrame) -> None:
    for name in instruments:
        known = instruments[name].dropna()
        if known.empty:
            raise InstrumentError(f"The instrument {name} is missing in every row.")
        if known.nunique() == 1:
            raise InstrumentError(f"The instrument {name} never varies, so it can move nothing.")


def _correlation(first: Array, second: Array) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _settled(table: pd.DataFrame) -> pd.DataFrame:
    """Every column of numbers without its last bits."""
    columns = {name: settled(table[name].to_numpy(float)) for name in table}
    return pd.DataFrame(columns, index=table.index, columns=table.columns)

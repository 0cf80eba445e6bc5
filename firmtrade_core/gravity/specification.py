"""What a gravity equation explains trade with (MODEL 5)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Literal

from firmtrade_core.gravity.errors import RegressorError

Estimator = Literal["ppml", "ols", "ols_remoteness"]

#: Effects by name, with the parts whose combinations have an intercept each.
EFFECTS: dict[str, tuple[str, ...]] = {
    "exporter": ("exporter",),
    "importer": ("importer",),
    "year": ("year",),
    "exporter_year": ("exporter", "year"),
    "importer_year": ("importer", "year"),
    "pair": ("pair",),
    "symmetric_pair": ("symmetric_pair",),
}

#: Anderson and van Wincoop's resistances as a proxy: what "ols_remoteness" adds (AGTPA, chapter 1).
REMOTENESS = ("log_remoteness_exporter", "log_remoteness_importer")


@dataclass(frozen=True)
class GravitySpecification:
    """A gravity equation: regressors, effects, estimator, sample and errors.

    Parameters
    ----------
    regressors
        Columns of the panel, or ``log(name)``, ``log1p(name)``, ``lag(name, years)``, ``lead(name, years)``,
        ``change(name, years)`` (the value less its lag, so that beside it a variable's own coefficient is the sum of
        both), ``log_output``, ``log_expenditure`` (totals of the panel's flows, domestic sales included),
        ``log_remoteness_exporter``, ``log_remoteness_importer``, ``border`` (one between countries), ``domestic`` (one
        at home), ``is(column, value)`` (one where it has it), products ``x:y``, and ``by(x, column)`` or
        ``by(x, column, base)``: x with a coefficient of its own for every value of a column, but for the base.
    effects
        Names of `EFFECTS`, or columns joined by ``^`` (``exporter^year``, ``region^year``), each with an intercept per
        group and sector; none means one constant. The estimates of several sectors together are pooled: one
        coefficient each, effects by sector.
    estimator
        ``ppml`` (SST06), ``ols`` on logs of positive flows, or ``ols_remoteness``: as ols, with remoteness added.
    clusters
        Within which errors may be correlated: parts such as ``pair``, ``symmetric_pair``, ``exporter``,
        ``importer``, ``year`` or a column; several give multiway clusters; none gives heteroskedasticity alone.
    domestic, zeros
        Whether sales at home and zero flows are in the sample. OLS leaves zeros out in any case.
    years
        Years in the sample, all unless given (see `every`); leads and lags look beyond them.
    borders_by_year
        Adds the border interacted with each year; the first year is the base where there are pair effects.
    confidence
        Of the intervals.
    bias_correction
        Whether the leading bias of three-way PPML and of its errors is taken off (`bias.bias_corrected`).
    """

    regressors: tuple[str, ...]
    effects: tuple[str, ...] = ("exporter_year", "importer_year")
    estimator: Estimator = "ppml"
    clusters: tuple[str, ...] = ("pair",)
    domestic: bool = True
    zeros: bool = True
    years: tuple[int, ...] | None = None
    borders_by_year: bool = False
    confidence: float = 0.95
    bias_correction: bool = False

    def __post_init__(self) -> None:
        for name in ("regressors", "effects", "clusters"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "effects", tuple(map(_known_name, self.effects)))
        if self.estimator not in ("ppml", "ols", "ols_remoteness"):
            raise RegressorError(f"The estimator is {self.estimator!r}; choose ppml, ols or ols_remoteness.")
        unknown = [e for e in self.effects if e not in EFFECTS and "^" not in e]
        if unknown:
            raise RegressorError(
                f"No effects are called {', '.join(unknown)}; choose of {', '.join(EFFECTS)}, or join columns: "
                "exporter^year."
            )
        repeated = sorted({r for r in self.regressors if self.regressors.count(r) > 1})
        if repeated:
            raise RegressorError(f"Regressors are listed twice: {', '.join(repeated)}.")
        if not self.regressors and not self.borders_by_year:
            raise RegressorError("Name at least one regressor.")
        if not 0.5 <= self.confidence < 1:
            raise RegressorError(f"The confidence is {self.confidence:g}; give one from 0.5 to below 1.")

    @property
    def all_regressors(self) -> tuple[str, ...]:
        """Regressors, with those that the estimator adds."""
        added = REMOTENESS if self.estimator == "ols_remoteness" else ()
        return (*self.regressors, *(r for r in added if r not in self.regressors))

    @property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that identify the equation."""
        return hashlib.blake2b(repr(self).encode(), digest_size=8).hexdigest()

    def with_(self, **changes: Any) -> GravitySpecification:
        """A copy with some choices replaced."""
        return replace(self, **changes)


def effect_parts(name: str) -> tuple[str, ...]:
    """Columns whose combinations have an intercept each, of an effect's name."""
    return EFFECTS[name] if name in EFFECTS else tuple(part.strip() for part in name.split("^"))


def _known_name(effect: str) -> str:
    """``exporter^year`` and ``year^exporter`` are what `EFFECTS` calls exporter_year."""
    parts = {*effect_parts(effect)}
    if parts == {"exporter", "importer"}:
        return "pair"
    return next((name for name, known in EFFECTS.items() if {*known} == parts), effect)


def every(interval: int, first: int, last: int) -> tuple[int, ...]:
    """Years first, first + interval, ... up to last: trade adjusts slowly, so guides space the years."""
    return tuple(range(first, last + 1, interval))


def with_leads_and_lags(
    name: str, leads: tuple[int, ...] = (), lags: tuple[int, ...] = ()
) -> tuple[str, ...]:
    """A regressor with its leads and lags, in the order in which an event study shows them."""
    before = tuple(f"lead({name}, {years})" for years in sorted(leads, reverse=True))
    return (*before, name, *(f"lag({name}, {years})" for years in sorted(lags)))

"""The bridge to policy: what each attribute does to capability and to fixed costs, how well that is known, hashed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from firmtrade_core.channels.errors import ChannelError
from firmtrade_core.paths import write_whole

Grade = Literal["association", "observables", "instrument"]

#: Grades of evidence, weakest first, in words.
GRADES: Mapping[Grade, str] = {
    "association": "association, not a proven effect",
    "observables": "effect given selection on observables",
    "instrument": "effect identified by an instrument",
}

_FORMAT = "firmtrade channels 1"


#: A share moves by so much at a usual step, unless firms differ in it by less than half of that.
TEN_POINTS = 0.10


def usual_step(unit: str, spread: float, binary: bool) -> tuple[float, str]:
    """A step that firms take, in the attribute's units, and in words: having it, ten points of a share, else one spread.

    Parameters
    ----------
    unit
        Of the attribute.
    spread
        Its standard deviation over firms.
    binary
        Whether it is a yes-or-no attribute.
    """
    if binary:
        return 1.0, "having it"
    if spread >= TEN_POINTS / 2 and "share" in unit:
        return TEN_POINTS, "10 points more"
    if spread >= TEN_POINTS / 2 and "0 to 1" in unit:
        return TEN_POINTS, "a tenth of the index more"
    if unit.startswith("share"):
        return spread, f"{100 * spread:.3g} points more (one standard deviation)"
    if unit in ("firms", "persons") and spread >= 0.5:
        # Nobody gains half a partner.
        step = float(round(spread))
        near = "one" if step == spread else "about one"
        return step, f"{step:.0f} {unit} more ({near} standard deviation)"
    return spread, f"{spread:.3g} {unit} more (one standard deviation)".replace("  ", " ")


@dataclass(frozen=True)
class ChannelEffect:
    """What one more unit of an attribute does to a firm.

    Parameters
    ----------
    attribute, unit
    capability, fixed_cost_saving
        Change of κ and of g, in logs.
    capability_error, fixed_cost_error
        Standard errors.
    capability_interval, fixed_cost_interval
        Ends; infinite where a robust set has no end.
    correlation
        Of the two estimation errors.
    grade
        Evidence, of `GRADES`.
    method
        Estimator, in words.
    source
        Data and sample, in words.
    spread
        Standard deviation of the attribute over firms: what a usual step is.
    firms
        The estimate rests on.
    cautions
        What a reader must know before using it.
    """

    attribute: str
    unit: str
    capability: float
    fixed_cost_saving: float
    capability_error: float
    fixed_cost_error: float
    capability_interval: tuple[float, float]
    fixed_cost_interval: tuple[float, float]
    correlation: float
    grade: Grade
    method: str
    source: str
    spread: float
    firms: int
    cautions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        numbers = (self.capability, self.fixed_cost_saving, self.capability_error, self.fixed_cost_error)
        if not all(math.isfinite(value) for value in numbers):
            raise ChannelError(
                f"The effect of {self.attribute} is no number; leave the attribute out of the table."
            )
        if self.grade not in GRADES:
            raise ChannelError(f"{self.grade} is no grade of evidence; choose among {', '.join(GRADES)}.")

    @property
    def words(self) -> str:
        """The grade in words."""
        return GRADES[self.grade]

    @property
    def step(self) -> tuple[float, str]:
        """A usual step in the attribute's units, and in words; see `usual_step`."""
        return usual_step(self.unit, self.spread, self.unit.startswith("0 or 1"))

    def by_step(self) -> ChannelEffect:
        """The effect of a usual step in place of one unit."""
        size = self.step[0]

        def both(interval: tuple[float, float]) -> tuple[float, float]:
            return size * interval[0], size * interval[1]

        return replace(
            self,
            capability=size * self.capability,
            fixed_cost_saving=size * self.fixed_cost_saving,
            capability_error=size * self.capability_error,
            fixed_cost_error=size * self.fixed_cost_error,
            capability_interval=both(self.capability_interval),
            fixed_cost_interval=both(self.fixed_cost_interval),
        )

    def ad_valorem(self, elasticity_of_substitution: float) -> tuple[float, float, float]:
        """Percent of trade costs that do the same, ``-effect/(σ-1)`` in logs, with the ends of its interval."""
        return _percents(self.capability, self.capability_interval, elasticity_of_substitution - 1)

    @property
    def fixed_cost_percent(self) -> tuple[float, float, float]:
        """Change of fixed costs in percent, with the ends of its interval."""
        return _percents(self.fixed_cost_saving, self.fixed_cost_interval, 1.0)

    def programme(self) -> dict[str, Any]:
        """What a programme card's effect takes, by the names of its fields."""
        return {
            "capability": self.capability,
            "fixed_cost_saving": self.fixed_cost_saving,
            "capability_error": self.capability_error,
            "fixed_cost_error": self.fixed_cost_error,
            "grade": self.grade,
            "source": f"{self.method}; {self.source}",
        }


@dataclass(frozen=True)
class ChannelTable:
    """Effects by attribute, as stored.

    Parameters
    ----------
    effects
    level
        Of the intervals.
    elasticity_of_substitution
        σ, for trade-cost equivalents.
    data_hash
        Identifies the firm data.
    refused
        Attributes without an effect, and why.
    """

    effects: tuple[ChannelEffect, ...]
    level: float = 0.90
    elasticity_of_substitution: float = 5.0
    data_hash: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [effect.attribute for effect in self.effects]
        if len(set(names)) < len(names):
            raise ChannelError("An attribute appears twice in the table of effects.")
        if not self.elasticity_of_substitution > 1:
            raise ChannelError("The elasticity of substitution must be above 1.")

    def __iter__(self) -> Iterator[ChannelEffect]:
        return iter(self.effects)

    def __len__(self) -> int:
        return len(self.effects)

    def __getitem__(self, attribute: str) -> ChannelEffect:
        for effect in self.effects:
            if effect.attribute == attribute:
                return effect
        raise KeyError(attribute)

    def programmes(self) -> dict[str, dict[str, Any]]:
        """Effects by attribute as programme cards take them."""
        return {effect.attribute: effect.programme() for effect in self.effects}

    @cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that identify the whole table."""
        text = json.dumps(self._plain(), sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def to_frame(self) -> pd.DataFrame:
        """One row by attribute, for people: a usual step's effect in logs and percents, with intervals and grade."""
        rows = []
        for per_unit in self.effects:
            effect = per_unit.by_step()
            cost, fixed = effect.ad_valorem(self.elasticity_of_substitution), effect.fixed_cost_percent
            rows.append(
                {
                    "attribute": effect.attribute,
                    "unit": effect.unit,
                    "step": per_unit.step[1],
                    "capability": effect.capability,
                    "capability low": effect.capability_interval[0],
                    "capability high": effect.capability_interval[1],
                    "trade cost equivalent, %": cost[0],
                    "trade cost low, %": cost[1],
                    "trade cost high, %": cost[2],
                    "fixed cost saving": effect.fixed_cost_saving,
                    "fixed cost, %": fixed[0],
                    "fixed cost low, %": fixed[1],
                    "fixed cost high, %": fixed[2],
                    "evidence": effect.words,
                    "method": effect.method,
                    "firms": effect.firms,
                }
            )
        return pd.DataFrame(rows)

    def to_json(self) -> str:
        """Text that `from_json` reads back, with its hash."""
        return json.dumps(self._plain() | {"hash": self.content_hash}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> ChannelTable:
        """Read a table.

        Raises
        ------
        ChannelError
            If the text is no table of effects, or was changed since it was written.
        """
        try:
            given = json.loads(text)
            if given["format"] != _FORMAT:
                raise ChannelError(f"This file is of format {given['format']!r}, not {_FORMAT!r}.")
            known = {column.name for column in fields(ChannelEffect)}
            effects = tuple(_effect({k: v for k, v in row.items() if k in known}) for row in given["effects"])
            table = cls(
                effects,
                given["level"],
                given["elasticity_of_substitution"],
                given["data_hash"],
                given["refused"],
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, ChannelError):
                raise
            raise ChannelError(f"This is no table of effects ({error}).") from error
        if table.content_hash != given.get("hash"):
            raise ChannelError("The table of effects was changed after it was written; estimate it again.")
        return table

    def save(self, path: str | Path) -> Path:
        """Write the table to a file."""
        path = Path(path)
        write_whole(path, self.to_json())
        return path

    @classmethod
    def load(cls, path: str | Path) -> ChannelTable:
        """Read a table from a file.

        Raises
        ------
        ChannelError
            If the file cannot be read, or holds no such table.
        """
        try:
            return cls.from_json(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ChannelError(f"{path} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise ChannelError(f"{path} is no table of effects: it is no text.") from error

    def _plain(self) -> dict[str, Any]:
        rows = []
        for effect in self.effects:
            row = asdict(effect)
            for name in ("capability_interval", "fixed_cost_interval"):
                row[name] = [end if math.isfinite(end) else None for end in row[name]]
            row["cautions"] = list(row["cautions"])
            rows.append(row)
        return {
            "format": _FORMAT,
            "level": self.level,
            "elasticity_of_substitution": self.elasticity_of_substitution,
            "data_hash": self.data_hash,
            "effects": rows,
            "refused": dict(self.refused),
        }


def _effect(row: dict[str, Any]) -> ChannelEffect:
    for name in ("capability_interval", "fixed_cost_interval"):
        low, high = row[name]
        row[name] = (-math.inf if low is None else low, math.inf if high is None else high)
    row["cautions"] = tuple(row.get("cautions", ()))
    return ChannelEffect(**row)


def _percents(effect: float, interval: tuple[float, float], divisor: float) -> tuple[float, float, float]:
    value, ends = _percent(-effect / divisor), sorted(_percent(-end / divisor) for end in interval)
    return value, ends[0], ends[1]


def _percent(change: float) -> float:
    return math.inf if change > 700 else 100 * math.expm1(change)

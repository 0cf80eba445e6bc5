"""Trade elasticities and markups that the product ships: published sets by sector, and elasticities estimated here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.codes.sectors import BROAD_SECTORS, broad_sector
from firmtrade_core.labels.units import in_percent
from firmtrade_core.paths import asset, read_rows
from firmtrade_core.world.accounts import closest
from firmtrade_core.world.errors import UnknownCodeError, WorldError, WorldFileError
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: Columns of the table that describe a set; every other column is a sector.
DESCRIPTION = ("set", "label", "kind", "source", "note")

#: Of the file of a set that was estimated here, one row per sector; `gravity.elasticities` says what they hold.
ESTIMATED_COLUMNS = (
    "sector",
    "status",
    "value",
    "low",
    "high",
    "raw",
    "raw_error",
    "shrunk",
    "shrunk_error",
    "observations",
)

#: Years since the change at which local projections are offered as choices.
OFFERED_YEARS = (1, 3, 5, 8)

#: Sets of markups: none covers services, so that theirs is always an assumption.
SERVICES = "services"

#: Scale elasticity 1/(γ-1) assumed of services unless another is given: the median of the goods sectors published by
#: Lashkaripour and Lugovskyy (2023), a markup of a fifth (γ = 6).
ASSUMED_SERVICES_SCALE = 0.2

#: ρ = (σ-1)/(γ-1) at which services are held where their trade elasticity would break ρ < 1: that of their assumed
#: markup at the trade elasticity of four that the sets assume of services.
ASSUMED_SERVICES_RATIO = 0.8

#: Of value added, what producers pay to labour at the least, whatever the markup.
LABOUR_KEEPS = 0.1

ElasticityKind = Literal["cost", "tariff"]
FlowValues = Literal["consumer", "border"]
ElasticityStatus = Literal["usable", "wrong sign", "too noisy", "assumed"]


@dataclass(frozen=True)
class SectorEstimate:
    """What the data say of one sector, before any repair.

    Parameters
    ----------
    value, std_error
        The sector's own estimate; NaN where there is none.
    shrunk, shrunk_error
        Given all sectors' estimates.
    status
        Whether it can be used; if not, the set holds another value in its place.
    observations
    """

    value: float
    std_error: float
    shrunk: float
    shrunk_error: float
    status: ElasticityStatus
    observations: int


@dataclass(frozen=True)
class ElasticitySet:
    """One set of trade elasticities.

    Parameters
    ----------
    name, label
        Short key (``"CP"``) and the name on screen.
    kind : {"cost", "tariff"}
        Whether flows move by -ε with trade costs or with tariffs (MODEL 3).
    flow_values : {"consumer", "border"}
        Which flows: with the importer's tariff, or before it.
    source, note
        Citation, and what a user should know about it.
    by_sector : mapping of sector to float
        ε above 0.
    intervals
        By sector, (low, high) at 95 %, where the source has them.
    estimates
        By sector, what `by_sector` rests on, where it was estimated here.
    years
        Years since the change that a set is of, as words; empty where it does not say (`horizon_sets`).
    """

    name: str
    label: str
    kind: ElasticityKind
    source: str
    note: str
    by_sector: Mapping[str, float]
    flow_values: FlowValues = "consumer"
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    estimates: Mapping[str, SectorEstimate] = field(default_factory=dict)
    years: str = ""

    @property
    def flagged(self) -> tuple[str, ...]:
        """Sectors whose own estimate cannot be used: another value stands in its place."""
        return tuple(s for s, e in self.estimates.items() if e.status != "usable")

    def cost_elasticity(self, tail: float = 1.0) -> Mapping[str, float]:
        """ε of consumer values to trade costs, by sector (MODEL 3).

        Tariffs move the entry of Pareto firms with tail ``tail`` = ζ more than costs do, by ζ - 1; without
        selection (ζ = 1) the two elasticities are one. Tariffs move border values by one more than consumer values.

        Raises
        ------
        WorldError
            Naming sectors whose elasticity would not stay above zero.
        """
        gap = tail - 1 + (self.flow_values == "border") if self.kind == "tariff" else 0.0
        low = [s for s, value in self.by_sector.items() if value <= gap]
        if low:
            raise WorldError(
                f"Of the tariff elasticities {self.name}, those of {', '.join(low)} are not above {gap:g}, by which "
                "tariffs move trade more than costs do: choose a smaller tail, or a family without selection."
            )
        return {sector: value - gap for sector, value in self.by_sector.items()}


@dataclass(frozen=True)
class MarkupSet:
    """One set of markups: how close substitutes the firms of one country are (MODEL 11).

    Parameters
    ----------
    name, label
        Short key (``"LL"``) and the name on screen.
    source, note
        Citation, and what a user should know about it.
    scale : mapping of sector to float
        1/(γ-1) above 0, which is the net markup and, with firms alike, the scale elasticity; broad sectors and finer ones.
    standard_errors : mapping of sector to float
        Of the scale elasticity, where the source has them.
    trade_elasticity : mapping of sector to float
        ε that the source estimates together with the markup: the two belong together, and other sets' elasticities may
        break ρ < 1.
    ratio : mapping of sector to float
        ρ = (σ-1)/(γ-1) of the source, below 1. Of broad sectors a mean of finer ratios, which the ratio of means is not:
        electronics and machinery have 0.75, their mean elasticity times their mean markup is 1.34.
    """

    name: str
    label: str
    source: str
    note: str
    scale: Mapping[str, float]
    standard_errors: Mapping[str, float] = field(default_factory=dict)
    trade_elasticity: Mapping[str, float] = field(default_factory=dict)
    ratio: Mapping[str, float] = field(default_factory=dict)

    def within_elasticity(
        self, sectors: Iterable[str] | None = None, *, services: float = ASSUMED_SERVICES_SCALE
    ) -> dict[str, float]:
        """γ by sector, the source's for goods and 1 + 1/``services`` for services.

        Parameters
        ----------
        sectors
            Labels of a world's sectors: broad sectors, or ISIC codes, which take their own value where the source has one
            and their broad sector's where not. The broad sectors, unless given.
        services
            Net markup of services: the user's assumption, for no set covers them.

        Raises
        ------
        WorldError
            Naming sectors without a value.
        """
        if not services > 0:
            raise WorldError(
                f"The net markup of services is {services:g}; give one above 0, such as 0.2 (20 %)."
            )
        known = {**self.scale, SERVICES: services}
        labels = list(BROAD_SECTORS) if sectors is None else list(sectors)
        return {label: 1 + 1 / _of_sector(known, label, f"markups {self.name}") for label in labels}

    def suited(
        self,
        world: World,
        trade_elasticity: Array,
        *,
        services: float = ASSUMED_SERVICES_SCALE,
        finer: bool = False,
    ) -> SuitedMarkups:
        """γ for a world and a set of trade elasticities: the published ones wherever the two agree with them.

        γ is raised, markups fall, where the trade elasticity would put ρ at one or above (then the published ratio is
        kept in place of the published markup), and where profits R/γ would leave labour less than `LABOUR_KEEPS` of value
        added. Both are judged with firms alike, for whom profits and ρ are largest, so that all families share one γ.

        Parameters
        ----------
        world : World
        trade_elasticity : (S,)
            ε, to costs or to tariffs.
        services
            Net markup of services, an assumption.
        finer
            Whether sectors that have ISIC codes take finer markups; for trade elasticities that are as fine.

        Raises
        ------
        WorldError
            Naming sectors without a value.
        """
        labels = [s if finer else _broad(s) for s in world.sectors]
        published = np.array([self.within_elasticity([label], services=services)[label] for label in labels])
        ratios = {**self.ratio, SERVICES: ASSUMED_SERVICES_RATIO}
        kept = np.array([_of_sector(ratios, label, f"markups {self.name}") for label in labels])
        breaks = trade_elasticity / (published - 1) >= 1
        used = np.where(breaks, 1 + trade_elasticity / kept, published)
        output, added = world.gross_output, world.value_added
        profitable = np.where(
            output > 0, output / np.maximum((1 - LABOUR_KEEPS) * added, 1e-9 * output + 1e-300), 0.0
        )
        floor = profitable.max(0)
        return SuitedMarkups(
            self,
            world.sectors,
            published,
            np.maximum(used, floor),
            trade_elasticity,
            tuple(
                "profits" if floor[s] > used[s] else "ratio" if breaks[s] else "published"
                for s in range(len(labels))
            ),
            tuple(world.countries[int(i)] for i in profitable.argmax(0)),
        )


WhyMarkup = Literal["published", "ratio", "profits"]


@dataclass(frozen=True, eq=False)
class SuitedMarkups:
    """Markups of a set as a world and a set of trade elasticities can carry them.

    Attributes
    ----------
    source : MarkupSet
    sectors : tuple of str
    published, used : (S,)
        γ.
    trade_elasticity : (S,)
    reasons : tuple of str
        Why the one used: as published; raised to keep the published ratio ρ below one; raised because profits would
        take value added.
    binding : tuple of str
        Country with the smallest value added per unit of output, which decides where profits do.
    """

    source: MarkupSet
    sectors: tuple[str, ...]
    published: Array
    used: Array
    trade_elasticity: Array
    reasons: tuple[WhyMarkup, ...]
    binding: tuple[str, ...]

    @property
    def within_elasticity(self) -> dict[str, float]:
        """γ by sector, as `Parameters` takes it."""
        return dict(zip(self.sectors, self.used.tolist(), strict=True))

    @property
    def ratio(self) -> Array:
        """ρ = ε/(γ-1) with firms alike, (S,); it is smaller where firms differ. Below one free entry is interior."""
        return self.trade_elasticity / (self.used - 1)

    @property
    def ratio_as_published(self) -> Array:
        """The same with the published γ: where it is one or more, the two sets do not go together."""
        return self.trade_elasticity / (self.published - 1)

    def notes(self, name: Callable[[str], str] = str) -> tuple[str, ...]:
        """One sentence for each sector whose markup is not the published one."""
        found = []
        for s, (sector, reason) in enumerate(zip(self.sectors, self.reasons, strict=True)):
            if reason == "published":
                continue
            before, after = 100 / (self.published[s] - 1), 100 / (self.used[s] - 1)
            why = (
                f"with a trade elasticity of {self.trade_elasticity[s]:.3g} firms of one country would be less alike than "
                f"those of different ones (ρ = {self.ratio_as_published[s]:.2f})"
                if reason == "ratio"
                else f"profits would leave labour less than {in_percent(LABOUR_KEEPS)} of value added in {self.binding[s]}"
            )
            found.append(
                f"{name(sector)}: markup {after:.0f} % of cost instead of {before:.0f} %, because {why}."
            )
        return tuple(found)


def _broad(label: str) -> str:
    """The broad sector of a label; labels that name none, by ISIC code or as services, stay as they are."""
    named = any(c.isdigit() for c in label) or SERVICES[:-1] in label.lower()
    if label in BROAD_SECTORS or not named:
        return label
    try:
        return broad_sector(label)
    except KeyError:
        return label


def by_broad_sector(
    values: Mapping[str, float], sectors: Iterable[str], what: str = "set"
) -> dict[str, float]:
    """Values for a world's sectors: a label's own, else that of the broad sector its ISIC code belongs to.

    Raises
    ------
    WorldError
        Naming the sector without a value.
    """
    return {label: _of_sector(values, label, what) for label in sectors}


def _of_sector(values: Mapping[str, float], label: str, what: str) -> float:
    if label in values:
        return values[label]
    try:
        return values[_broad(label)]
    except KeyError as error:
        raise WorldError(
            f"The {what} have no value for sector {label}: name it as one of {', '.join(values)}, or by an ISIC Rev. 4 code."
        ) from error


@cache
def markup_sets(path: Path | None = None) -> Mapping[str, MarkupSet]:
    """All sets of markups, by short name; the first is the default.

    Parameters
    ----------
    path
        Another table of the form of ``assets/markups.csv``.

    Raises
    ------
    WorldFileError
        If a value is not a positive number or a set is not described.
    """
    table = path or asset("markups.csv")
    head, rows = _head_of(table), read_rows(table, ",")
    try:
        found = {name: _markups(name, head, rows) for name in dict.fromkeys(row["set"] for row in rows)}
    except (KeyError, TypeError, ValueError) as error:
        raise WorldFileError(f"{table.name} is not a table of markups: {error}.") from error
    return MappingProxyType(found)


def _head_of(path: Path) -> dict[str, str]:
    """What a table says of itself in lines ``# term: words``."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line[1:].strip().split(": ", 1) for line in lines if line.startswith("#") and ": " in line)


def _markups(name: str, head: Mapping[str, str], rows: Iterable[Mapping[str, str]]) -> MarkupSet:
    own = [row for row in rows if row["set"] == name]

    def column(which: str) -> Mapping[str, float]:
        return MappingProxyType({row["sector"]: float(row[which]) for row in own if row[which]})

    scale = column("scale_elasticity")
    if not min(scale.values()) > 0:
        raise ValueError("scale elasticities must be above 0")
    return MarkupSet(
        name=name,
        label=head[name],
        source=head["source"],
        note=head[f"{name} note"],
        scale=scale,
        standard_errors=column("standard_error"),
        trade_elasticity=column("trade_elasticity"),
        ratio=column("between_over_within"),
    )


def markup_set(name: str) -> MarkupSet:
    """One set of markups.

    Raises
    ------
    UnknownCodeError
        Naming the sets there are.
    """
    return _called(name, markup_sets(), "set of markups")


@cache
def elasticity_sets(path: Path | None = None) -> Mapping[str, ElasticitySet]:
    """All sets, by short name, in the order in which the product offers them.

    Parameters
    ----------
    path
        Another table of the form of ``assets/trade_elasticities.csv``, alone; by default that one and the set
        estimated here.

    Raises
    ------
    WorldFileError
        If a row lacks a column or a value is not a positive number.
    """
    published = path or asset("trade_elasticities.csv")
    sets = {row["set"]: _published(row, published) for row in read_rows(published, ",")}
    own = asset("estimates/trade_elasticities.csv")
    if path is None and own.is_file():
        estimated = read_estimated_set(own)
        sets[estimated.name] = estimated
    return MappingProxyType(sets)


@cache
def horizon_sets() -> Mapping[str, ElasticitySet]:
    """Choices by years since a change, by short name: one value for all sectors each, published or estimated here.

    Each is a choice by itself: studies differ by a factor of fourteen at ten years, and no two of them make one path.
    Published ones are in ``assets/horizon_elasticities.csv``; ``assets/estimates/local_projections.csv`` holds those that
    local projections found on the world panel, offered where the model has an elasticity that goes with them.

    Raises
    ------
    WorldFileError
        If a row lacks a column or its value is too small for values before duties.
    """
    table = asset("horizon_elasticities.csv")
    found = {row["set"]: _of_horizon(row, table) for row in read_rows(table, ",")}
    own = asset("estimates/local_projections.csv")
    if own.is_file():
        head = _head_of(own)
        for row in read_rows(own, ","):
            value, years = -float(row["estimate"]), int(row["horizon"])
            if value <= 1.0 or years not in OFFERED_YEARS:
                continue
            name = f"LP{years}"
            found[name] = _of_horizon(
                {
                    "set": name,
                    "label": f"Estimated here by local projections, {years} year{'s' if years > 1 else ''}",
                    "years": str(years),
                    "kind": "tariff",
                    "flow_values": "border",
                    "value": str(value),
                    "low": str(-float(row["high"])),
                    "high": str(-float(row["low"])),
                    "source": head["source"],
                    "note": f"Of values before duties {value:.2f} ({-float(row['high']):.2f} to {-float(row['low']):.2f}); of "
                    f"spending with duties, the model's own, {value - 1:.2f}. At so low an elasticity the model lets a country "
                    "gain from tariffs almost without end: read trade, not welfare.",
                },
                own,
            )
    return MappingProxyType(found)


def _of_horizon(row: Mapping[str, str], path: Path) -> ElasticitySet:
    """A set with one value for all sectors."""
    try:
        value, border = float(row["value"]), row["flow_values"] == "border"
        if not value > (1.0 if border else 0.0):
            raise ValueError("an elasticity must be above 0, and above 1 of values before duties")
        ends = (float(row["low"]), float(row["high"])) if row["low"] and row["high"] else None
        labels = list(BROAD_SECTORS)
        return ElasticitySet(
            name=row["set"],
            label=row["label"],
            kind=_kind(row["kind"]),
            source=row["source"],
            note=row["note"],
            by_sector=MappingProxyType(dict.fromkeys(labels, value)),
            flow_values="border" if border else "consumer",
            intervals=MappingProxyType(dict.fromkeys(labels, ends) if ends else {}),
            years=row["years"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WorldFileError(f"{path.name}, set {row.get('set')!r}: {error}.") from error


def elasticity_set(name: str) -> ElasticitySet:
    """One set, of those by sector or of those by years since the change.

    Raises
    ------
    UnknownCodeError
        Naming the sets there are.
    """
    return _called(name, {**elasticity_sets(), **horizon_sets()}, "elasticity set")


_Set = TypeVar("_Set", ElasticitySet, MarkupSet)


def _called(name: str, sets: Mapping[str, _Set], what: str) -> _Set:
    if name not in sets:
        alike = closest(name, sets) or list(sets)
        raise UnknownCodeError(f"No {what} is called {name!r}. Choose {' or '.join(alike)}.")
    return sets[name]


def read_estimated_set(path: Path) -> ElasticitySet:
    """A set estimated by gravity: lines ``# set: ...``, ``# label: ...`` and so on, then a table by sector.

    Raises
    ------
    ValueError
    WorldFileError
        Naming what is missing.
    """
    try:
        head, rows = _head_of(path), read_rows(path, ",")
    except UnicodeDecodeError as error:
        raise WorldFileError(f"{path.name} is not a set of estimated elasticities: it is no text.") from error
    try:
        estimates, values, intervals = {}, {}, {}
        for row in rows:
            sector = row["sector"]
            estimates[sector] = _estimate(row)
            values[sector] = float(row["value"])
            if row["low"] and row["high"]:
                intervals[sector] = (float(row["low"]), float(row["high"]))
        if not values or min(values.values()) <= 0:
            raise ValueError("elasticities must be above 0")
        return ElasticitySet(
            name=head["set"],
            label=head["label"],
            kind=_kind(head["kind"]),
            source=head["source"],
            note=head.get("note", ""),
            by_sector=MappingProxyType(values),
            intervals=MappingProxyType(intervals),
            estimates=MappingProxyType(estimates),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WorldFileError(f"{path.name} is not a set of estimated elasticities: {error}.") from error


def _estimate(row: Mapping[str, str]) -> SectorEstimate:
    def number(column: str) -> float:
        return float(row[column]) if row[column] else float("nan")

    statuses: dict[str, ElasticityStatus] = {status: status for status in get_args(ElasticityStatus)}
    return SectorEstimate(
        value=number("raw"),
        std_error=number("raw_error"),
        shrunk=number("shrunk"),
        shrunk_error=number("shrunk_error"),
        status=statuses[row["status"]],
        observations=int(float(row["observations"] or 0)),
    )


def _kind(text: str) -> ElasticityKind:
    if text not in ("cost", "tariff"):
        raise ValueError("elasticities are of kind cost or tariff")
    return "cost" if text == "cost" else "tariff"


def _published(row: dict[str, str], path: Path) -> ElasticitySet:
    try:
        values = {sector: float(text) for sector, text in row.items() if sector not in DESCRIPTION}
        if not values or min(values.values()) <= 0 or row["kind"] not in ("cost", "tariff"):
            raise ValueError("elasticities must be above 0 and of kind cost or tariff")
        return ElasticitySet(
            name=row["set"],
            label=row["label"],
            kind=_kind(row["kind"]),
            source=row["source"],
            note=row["note"],
            by_sector=MappingProxyType(values),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WorldFileError(f"{path.name}, set {row.get('set')!r}: {error}.") from error

"""A policy scenario as data: what is changed, by whom, on whom, under which structure (MODEL 4).

A scenario is a list of cards, applied in order. It names countries by ISO code or group and sectors by
code, so that it can be compiled onto any world; nothing in it depends on one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from firmtrade_core.scenarios import fields
from firmtrade_core.scenarios.errors import ScenarioError, readable
from firmtrade_core.scenarios.fields import ALL_GOODS, EVERYTHING, Line, Names, NamesOrNone, Paragraph, Rate

#: Version of the format; a file of a later version is refused by name, an older one is brought up to this one.
VERSION = 2

#: What the structure of a version 1 meant where it left a field out: it left out what was the default then.
_LEFT_OUT_BY_VERSION_1 = {
    "family": "armington",
    "elsewhere": "pareto",
    "deficits": "fixed",
    "within_elasticity": None,
}

MOST_CARDS = 50

#: Paragraphs of a narrative.
MOST_PARAGRAPHS = 12

#: What raising a dollar of taxes costs beyond the dollar: United States, OMB Circular A-94, "25 cents per dollar".
COST_OF_FUNDS = 0.25

#: Fall of a finished programme's effect in a year: Chilean suppliers' sales 16.0, 11.2 and 8.5 % higher in years 1 to 3
#: (Arráiz, Henríquez, Stucchi 2013), 1 - √(8.5/16).
FADING = 0.27

#: Real rate at which later years weigh less.
DISCOUNT_RATE = 0.03


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Card(_Frozen):
    """One policy. ``enabled: false`` keeps it in the stack without effect."""

    kind: str
    enabled: bool = True

    @model_serializer(mode="wrap")
    def _kind_first(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"kind": self.kind, **handler(self)}


class Reach(Card):
    """A card on trade: which exporters' sales to which importers, in which sectors.

    Home sales are never touched. Exceptions are taken off what the lists name.
    """

    exporters: Names = (EVERYTHING,)
    importers: Names = (EVERYTHING,)
    sectors: Names = (ALL_GOODS,)
    except_exporters: NamesOrNone = ()
    except_importers: NamesOrNone = ()
    except_sectors: NamesOrNone = ()

    @model_validator(mode="after")
    def _has_partners(self) -> Self:
        if (
            self.exporters == self.importers
            and len(self.exporters) == 1
            and _single_country(self.exporters[0])
        ):
            raise ValueError(
                f"{self.exporters[0]} is both exporter and importer; a policy on trade needs a partner abroad."
            )
        return self


class Measure(_Frozen):
    """Points that retaliators add on given sectors of those who moved first."""

    by: Names = (EVERYTHING,)
    sectors: Names = (ALL_GOODS,)
    add: Rate


class Retaliation(_Frozen):
    """What those hit by a tariff card do in return, right after the card.

    Parameters
    ----------
    kind : {"none", "mirror", "proportional", "list"}
        *mirror*: the same points back on the same sectors. *proportional*: on the card's sectors, the rate
        whose duties on baseline imports from the first mover equal the exports lost to it in the solve
        without retaliation. *list*: own schedule, ``measures``.
    by
        Who retaliates, of those hit; all unless named.
    share
        Of the mirrored points, or of the lost exports, that is answered.
    ceiling
        Highest rate added in proportional retaliation.
    """

    kind: Literal["none", "mirror", "proportional", "list"] = "none"
    by: Names = (EVERYTHING,)
    share: Annotated[float, Field(gt=0, le=10)] = 1.0
    ceiling: Rate = 1.0
    measures: Annotated[tuple[Measure, ...], Field(max_length=MOST_CARDS)] = ()

    @model_validator(mode="before")
    @classmethod
    def _by_word(cls, given: Any) -> Any:
        """``retaliation: mirror`` is short for ``{kind: mirror}``."""
        return {"kind": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if (self.kind == "list") != bool(self.measures):
            raise ValueError("measures belong to retaliation of kind list, and a list needs at least one.")
        if self.ceiling <= 0:
            raise ValueError("the ceiling of retaliation must be above 0.")
        return self


class Tariff(Reach):
    """The importers change their tariffs on the exporters' goods.

    Parameters
    ----------
    method : {"add", "set", "scale", "swiss"}
        What ``value`` is: points added, the new rate, a factor on the rate, or the coefficient a of the
        Swiss formula t' = a t/(a + t), which brings every positive rate below a.
    """

    kind: Literal["tariff"] = "tariff"
    method: Literal["add", "set", "scale", "swiss"] = "add"
    value: Annotated[float, fields.PlainSerializer(fields.written)]
    retaliation: Retaliation = Retaliation()

    @field_validator("value", mode="before")
    @classmethod
    def _value_fits_method(cls, value: Any, info: ValidationInfo) -> float:
        method = info.data.get("method", "add")
        if method == "scale":
            factor = fields.number(value)
            if factor < 0:
                raise ValueError(f"a factor on tariffs must be 0 or more, not {factor:g}.")
            return factor
        found = fields.rate(value)
        if method == "swiss" and found <= 0:
            raise ValueError(f"the coefficient of the Swiss formula must be above 0, not {found:g}.")
        return found


class ScheduleRow(_Frozen):
    """One line of a schedule: a rate on an exporter's goods, from a day on.

    Parameters
    ----------
    exporter, importer, sector
        Codes or groups; the card's importers and all goods unless named.
    rate
        Points added, or the new rate, by the card's method.
    effective
        Day from which it counts; always where none is given.
    basis
        Authority or source, for the reader.
    """

    exporter: Annotated[str, Field(min_length=1, max_length=60)]
    rate: Rate
    importer: Annotated[str, Field(max_length=60)] = ""
    sector: Annotated[str, Field(min_length=1, max_length=60)] = ALL_GOODS
    effective: date | None = None
    basis: Line = ""


class TariffSchedule(Card):
    """Rates by exporter, and by sector where the schedule tells: on top of what stands, or in its place.

    Parameters
    ----------
    added
        Exporter's code to points; ``otherwise`` where it has none.
    table
        A schedule the product ships in ``assets/schedules``, instead of ``added``.
    digest
        Of the table's content when the scenario was written: a later one that differs says so.
    rows
        Lines of one's own, instead of either.
    day
        The day whose rates count, of a table or rows with dates; the last unless given.
    method : {"add", "set"}
        Whether rates are added to today's tariffs or replace them.
    share
        How far the schedule goes: 1 all the way, 0.5 half of the way from what stands before it.
    """

    kind: Literal["schedule"] = "schedule"
    importers: Names
    added: Annotated[dict[str, Rate], Field(max_length=fields.MOST_NAMES)] = {}
    table: Annotated[str, Field(pattern=r"^[a-z0-9_]{0,60}$")] = ""
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{0,12}$")] = ""
    rows: Annotated[tuple[ScheduleRow, ...], Field(max_length=5000)] = ()
    day: date | None = None
    method: Literal["add", "set"] = "add"
    share: Annotated[float, Field(ge=0, le=2)] = 1.0
    otherwise: Rate = 0.0
    sectors: Names = (ALL_GOODS,)
    except_exporters: NamesOrNone = ()
    except_sectors: NamesOrNone = ()
    retaliation: Retaliation = Retaliation()

    @field_validator("added", mode="before")
    @classmethod
    def _plain_codes(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            fields.names(tuple(given))
        return given

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(map(bool, (self.added, self.table, self.rows))) != 1:
            raise ValueError(
                "give the added points by exporter (added), the name of a table, or rows of your own: one of the three."
            )
        return self


class _Union(Card):
    """Members and the sectors in which they lift the tariffs between them."""

    members: Names
    sectors: Names = (ALL_GOODS,)
    except_sectors: NamesOrNone = ()

    @model_validator(mode="after")
    def _has_partners(self) -> Self:
        if len(self.members) == 1 and _single_country(self.members[0]):
            raise ValueError(f"{self.members[0]} alone is no trade area; name two members or a group.")
        return self


class FreeTradeArea(_Union):
    """Members lift the tariffs between them and keep their own towards others."""

    kind: Literal["free_trade_area"] = "free_trade_area"


class CustomsUnion(_Union):
    """Members lift the tariffs between them and set one tariff towards others.

    Parameters
    ----------
    external_tariff
        The common rate; None takes, by sector, the members' trade-weighted mean on outsiders.
    """

    kind: Literal["customs_union"] = "customs_union"
    external_tariff: Rate | None = None


class ExportSubsidy(Reach):
    """The exporters' governments pay a share of the price of sales abroad; negative values tax them."""

    kind: Literal["export_subsidy"] = "export_subsidy"
    method: Literal["add", "set"] = "add"
    value: Rate

    @field_validator("value")
    @classmethod
    def _leaves_a_price(cls, value: float) -> float:
        if value >= 1:
            raise ValueError(f"a subsidy is a fraction of the price below 1, not {value:g}.")
        return value


class ProductionSubsidy(Card):
    """The countries' governments pay their producers a share of what buyers pay them, at home and abroad.

    Negative values tax production. It is on top of what is paid today.
    """

    kind: Literal["production_subsidy"] = "production_subsidy"
    countries: Names
    sectors: Names = (ALL_GOODS,)
    except_sectors: NamesOrNone = ()
    value: Rate


class TradeCost(Reach):
    """Variable (iceberg) trade costs change by a fraction: -0.05 takes five percent off."""

    kind: Literal["trade_cost"] = "trade_cost"
    change: Rate
    both_directions: bool = False


class FixedCost(Reach):
    """Firms' fixed costs of serving foreign markets change by a fraction."""

    kind: Literal["fixed_cost"] = "fixed_cost"
    change: Rate
    both_directions: bool = False


class Embargo(Reach):
    """No trade at all from exporters to importers in the sectors named."""

    kind: Literal["embargo"] = "embargo"
    both_directions: bool = True


class _AtHome(Card):
    countries: Names
    sectors: Names = (EVERYTHING,)
    except_sectors: NamesOrNone = ()
    change: Rate


class Productivity(_AtHome):
    """Productivity of the countries' producers changes by a fraction."""

    kind: Literal["productivity"] = "productivity"


class Demand(_AtHome):
    """The countries' final demand shifts: shares of the sectors change by a fraction, then renormalise."""

    kind: Literal["demand"] = "demand"


PolicyName = Literal[
    "quality_certification",
    "supplier_networks",
    "delivery_reliability",
    "export_promotion",
    "research",
    "skills",
    "digital_trade",
    "trade_finance",
]


class ProgrammeEffect(_Frozen):
    """What one unit of a programme does to a firm it reaches, in logs, with standard errors and evidence."""

    capability: Annotated[float, Field(ge=-5, le=5)] = 0.0
    fixed_cost_saving: Annotated[float, Field(ge=-5, le=5)] = 0.0
    capability_error: Annotated[float, Field(ge=0, le=5)] = 0.0
    fixed_cost_error: Annotated[float, Field(ge=0, le=5)] = 0.0
    grade: Literal["assumed", "association", "observables", "instrument"] = "association"


class Eligibility(_Frozen):
    """Which firms may take part; what is left out does not restrict.

    Parameters
    ----------
    regions
        Names of regions.
    smallest, largest
        Employment, bounds included.
    youngest, oldest
        Age in years.
    exporters : {"any", "exporters", "non_exporters"}
    lowest_score
        Of the table's column ``score``.
    """

    regions: NamesOrNone = ()
    smallest: Annotated[float, Field(ge=0)] | None = None
    largest: Annotated[float, Field(ge=0)] | None = None
    youngest: Annotated[float, Field(ge=0)] | None = None
    oldest: Annotated[float, Field(ge=0)] | None = None
    exporters: Literal["any", "exporters", "non_exporters"] = "any"
    lowest_score: float | None = None


class Programme(Card):
    """A programme for firms at home (MODEL 4).

    Parameters
    ----------
    policy
        What it gives firms.
    country
        Whose firms; empty means the country whose firms are loaded.
    eligible
        Which firms of the sectors may take part.
    take_up
        Share of eligible firms that do, from 0 to 1.
    by : {"share", "propensity"}
        Every eligible firm alike, or in proportion to the table's column ``propensity``.
    intensity
        Units of the attribute given to each; no firm goes beyond the attribute's own bounds (MODEL 13).
    unit_cost
        USD a year for each firm treated, 0 or more. None is not entered, which is not zero: results then show what
        a firm's treatment may cost at most, and no ratio.
    cost_source
        Where the cost comes from; empty means the person's own entry.
    outlay
        Million USD a year in all; overrides the unit cost.
    deadweight
        Share of the firms treated that would have done it anyway: they are paid for and nothing moves.
    cost_of_funds
        What raising a dollar costs beyond the dollar.
    own_cost
        USD a year that each firm spends itself; None is not entered.
    paid_years
        Years for which it is paid, from the first; None pays as long as the effect lasts, so that one year stands
        for all.
    fading
        Share of the effect that is lost in each year after the last payment.
    counted_years, discount_rate
        Years whose gains count, and the rate at which later ones weigh less; both with ``paid_years`` only.
    phase_in, horizon
        Years until all take part, and the year looked at.
    attribute
        Of the table of effects; by default the one the policy moves.
    effect
        Instead of the table's.
    effect_deviations
        Standard errors away from the estimate, to see its interval.
    contingent_on_exports
        Whether support depends on exporting; draws a note on WTO rules.
    """

    kind: Literal["programme"] = "programme"
    policy: PolicyName
    country: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{0,20}$")] = ""
    sectors: Names = (ALL_GOODS,)
    except_sectors: NamesOrNone = ()
    eligible: Eligibility = Eligibility()
    take_up: Annotated[float, fields.BeforeValidator(fields.number)] = 0.3
    by: Literal["share", "propensity"] = "share"
    intensity: Annotated[float, Field(gt=0, le=1000)] = 1.0
    unit_cost: float | None = None
    cost_source: Line = ""
    outlay: float | None = None
    deadweight: Annotated[float, Field(ge=0, lt=1), fields.BeforeValidator(fields.number)] = 0.0
    cost_of_funds: Annotated[float, Field(ge=0, le=5), fields.BeforeValidator(fields.number)] = COST_OF_FUNDS
    own_cost: float | None = None
    paid_years: Annotated[float, Field(gt=0, le=50)] | None = None
    fading: Annotated[float, Field(ge=0, le=1), fields.BeforeValidator(fields.number)] = FADING
    counted_years: Annotated[float, Field(gt=0, le=50)] = 10.0
    discount_rate: Annotated[float, Field(ge=0, le=0.5), fields.BeforeValidator(fields.number)] = (
        DISCOUNT_RATE
    )
    phase_in: Annotated[float, Field(ge=0, le=50)] = 0.0
    horizon: Annotated[float, Field(ge=0, le=50)] = 10.0
    attribute: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{0,60}$")] = ""
    effect: ProgrammeEffect | None = None
    effect_deviations: Annotated[float, Field(ge=-4, le=4)] = 0.0
    contingent_on_exports: bool = False

    @model_validator(mode="before")
    @classmethod
    def _placeholders_are_no_costs(cls, given: Any) -> Any:
        """Cards of earlier versions marked a cost that nobody had entered: it counts as not entered."""
        if not isinstance(given, Mapping) or "cost_assumed" not in given:
            return given
        left = {name: value for name, value in given.items() if name != "cost_assumed"}
        if given["cost_assumed"]:
            left.pop("unit_cost", None)
        return left

    @field_validator("take_up")
    @classmethod
    def _a_share(cls, value: float) -> float:
        if not 0 <= value <= 1:
            raise ValueError(f"take-up is a share of eligible firms from 0 to 1 (100 %), not {value:g}.")
        return value

    @field_validator("unit_cost", "outlay", "own_cost")
    @classmethod
    def _not_negative(cls, value: float | None) -> float | None:
        if value is not None and not 0 <= value <= 1e9:
            raise ValueError(f"a programme's cost must be from 0 to a billion, not {value:g}.")
        return value

    @property
    def reached(self) -> float:
        """Share of the way to full take-up in the year looked at."""
        return 1.0 if self.phase_in == 0 else min(1.0, self.horizon / self.phase_in)

    @property
    def cost_known(self) -> bool:
        """Whether a cost was entered, zero included."""
        return self.unit_cost is not None or self.outlay is not None


AnyCard = Annotated[
    Tariff
    | TariffSchedule
    | FreeTradeArea
    | CustomsUnion
    | ExportSubsidy
    | ProductionSubsidy
    | TradeCost
    | FixedCost
    | Embargo
    | Productivity
    | Demand
    | Programme,
    Field(discriminator="kind"),
]

CARDS: tuple[type[Card], ...] = (
    Tariff,
    TariffSchedule,
    FreeTradeArea,
    CustomsUnion,
    ExportSubsidy,
    ProductionSubsidy,
    TradeCost,
    FixedCost,
    Embargo,
    Productivity,
    Demand,
    Programme,
)


class Structure(_Frozen):
    """The model's structural choices (MODEL 2 and 3).

    Parameters
    ----------
    family
        How firms differ. ``differing``, the default, is settled when the scenario meets a world (`resolved`): the
        home country's own firms where some are loaded or a programme treats them, else lognormal firms.
        ``none`` is another word for ``armington``; ``firms`` takes the home country's own firms, and falls back
        to the law of ``elsewhere`` where none are loaded.
    elsewhere
        Law of firms in other countries, and in home sectors without firms, in the firms family.
    tail
        ζ of the Pareto family, above 1.
    dispersion
        s of the lognormal family.
    firms_like
        Whose exporters give lognormal firms their spread and the slope of their presence in place of ``dispersion`` and of
        0.65: a name of `margins.exporters.EXPORTER_LAWS`.
    elasticity
        Trade elasticity ε (cost, on consumer values): one number, one per sector, or the name of a
        published set such as ``CP``.
    elasticity_kind
        Whether ε, where it is a number, is an elasticity to costs or to tariffs; a published set says so itself.
    within_elasticity
        γ, between firms of one country: sets markups γ/(γ-1) (MODEL 11). None leaves firms without a nest, γ = σ; else
        one number, one per sector, or the name of a published set of markups such as ``LL``, the default, which is suited
        to the world and the trade elasticities.
    services_markup
        Markup of services over cost, less one, where a published set is used: no set covers services.
    entry, deficits, labour_supply_elasticity, duties, fixed_cost_abroad
        See `firmtrade_core.equilibrium.Parameters`.
    """

    family: Literal["differing", "armington", "eaton_kortum", "krugman", "pareto", "lognormal", "firms"] = (
        "differing"
    )
    elsewhere: Literal["pareto", "lognormal"] = "lognormal"
    tail: Annotated[float, Field(gt=1, le=100)] = 1.5
    dispersion: Annotated[float, Field(gt=0, le=10)] = 2.4
    firms_like: Literal["BRA", "MEX", "PER", "mean", "low", "high"] | None = None
    elasticity: str | float | dict[str, float] = 4.0
    elasticity_kind: Literal["cost", "tariff"] = "cost"
    within_elasticity: str | float | dict[str, float] | None = "LL"
    services_markup: Annotated[float, Field(gt=0, le=10)] = 0.2
    entry: Literal["restricted", "free"] = "restricted"
    deficits: Literal["fixed", "proportional", "removed"] = "proportional"
    labour_supply_elasticity: Annotated[float, Field(ge=0, le=20)] = 0.0
    duties: Literal["lump_sum", "labour_tax"] = "lump_sum"
    fixed_cost_abroad: Annotated[float, Field(ge=0, le=1)] = 0.0

    @field_validator("family", mode="before")
    @classmethod
    def _none_is_armington(cls, given: Any) -> Any:
        return "armington" if given in ("none", None) else given

    @field_validator("elasticity", mode="before")
    @classmethod
    def _positive(cls, given: Any) -> Any:
        return _by_sector(given, "trade elasticity", 0)

    @field_validator("within_elasticity", mode="before")
    @classmethod
    def _above_one(cls, given: Any) -> Any:
        return None if given is None or given == "none" else _by_sector(given, "within-country elasticity", 1)


def _by_sector(given: Any, what: str, above: float) -> Any:
    """A name of a set, one number, or one by sector, each above a bound."""
    if isinstance(given, str):
        return fields.names(given)[0]
    values = given if isinstance(given, Mapping) else {"": given}
    if not values:
        raise ValueError(f"give a {what} for each sector, one number, or the name of a set.")
    fields.names(tuple(values) if isinstance(given, Mapping) else ())
    for sector, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not above < value <= 1000:
            where = f" of {sector}" if sector else ""
            raise ValueError(f"the {what}{where} must be a number above {above:g}, not {str(value)[:20]!r}.")
    return given


class WorldReference(_Frozen):
    """The baseline world a scenario was written on: its name and content hash."""

    name: Line = ""
    content_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")] = ""


class Scenario(_Frozen):
    """A policy scenario.

    Parameters
    ----------
    name, description, source
        Title, one-line explanation, and citation where the policy has one.
    cards
        Policies, applied in order.
    structure
        How the world responds.
    narrative
        What its writer tells, paragraph by paragraph, with numbers in braces that follow the result
        (`report.live_words`).
    world
        The baseline it was written on, if that matters.
    version
        Of this format.

    Raises
    ------
    pydantic.ValidationError
        `Scenario.parse` raises `ScenarioError` instead, in words for people.
    """

    version: Literal[2] = 2
    name: Line = "Untitled scenario"
    description: Paragraph = ""
    source: Paragraph = ""
    cards: Annotated[tuple[AnyCard, ...], Field(max_length=MOST_CARDS)] = ()
    structure: Structure = Structure()
    narrative: Annotated[tuple[Paragraph, ...], Field(max_length=MOST_PARAGRAPHS)] = ()
    world: WorldReference | None = None

    FIELDS: ClassVar[dict[str, tuple[str, ...]]] = {}

    @classmethod
    def parse(cls, content: Any) -> Scenario:
        """A scenario from plain data (mappings, lists, numbers, texts).

        Version 1 is read too: a structure that it names keeps its meaning, one that it does not name is the default.

        Raises
        ------
        ScenarioError
            Naming the card, the field and what to write instead.
        """
        if not isinstance(content, Mapping):
            raise ScenarioError("A scenario is a mapping with fields such as name and cards.")
        version = content.get("version", VERSION)
        if version not in (1, VERSION) or isinstance(version, bool | float):
            raise ScenarioError(
                f"This scenario says version {str(version)[:20]!r}; this program reads versions 1 and {VERSION}."
            )
        try:
            return cls.model_validate(_of_version_1(content) if version == 1 else dict(content))
        except ValidationError as error:
            raise readable(error, cls.FIELDS) from None
        except RecursionError:
            raise ScenarioError("The scenario is nested too deeply.") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain data from which `parse` makes an equal scenario; defaults are left out."""
        return {"version": self.version, **self.model_dump(mode="json", exclude_defaults=True)}

    @classmethod
    def from_yaml(cls, text: str | bytes) -> Scenario:
        """Read YAML, safely: no tags, no aliases, bounded size and depth.

        Raises
        ------
        ScenarioError
        """
        from firmtrade_core.scenarios.yaml_text import read

        return cls.parse(read(text))

    def to_yaml(self) -> str:
        """YAML from which `from_yaml` makes an equal scenario."""
        from firmtrade_core.scenarios.yaml_text import write

        return write(self.to_dict())

    @property
    def active_cards(self) -> tuple[AnyCard, ...]:
        """Cards that are switched on."""
        return tuple(card for card in self.cards if card.enabled)

    @property
    def treats_firms(self) -> bool:
        """Whether a programme is among the cards, switched on or off: then firms are told one by one."""
        return any(isinstance(card, Programme) for card in self.cards)

    @cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits of what moves numbers and report: active cards, structure, world; not words."""
        structure = self.structure.model_dump(mode="json")
        if self.structure.firms_like is None:  # what was hashed before there was the choice keeps its hash
            del structure["firms_like"]
        content = {
            "version": self.version,
            "cards": [_dumped(card) for card in self.active_cards],
            "structure": structure,
            "world": self.world and self.world.model_dump(mode="json"),
        }
        if self.structure.family == "differing" and self.treats_firms:
            content["treats_firms"] = True
        text = json.dumps(content, sort_keys=True, ensure_ascii=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def with_(self, **changes: Any) -> Scenario:
        """A copy with some fields replaced, validated again; raises ScenarioError as `parse` does."""
        try:
            return Scenario(**{name: getattr(self, name) for name in type(self).model_fields} | changes)
        except ValidationError as error:
            raise readable(error, self.FIELDS) from None


def _dumped(card: AnyCard) -> dict[str, Any]:
    """A card for the hash: a schedule that goes all the way is what it was before it could go half of it."""
    content = card.model_dump(mode="json")
    if isinstance(card, TariffSchedule) and card.share == 1:
        del content["share"]
    return content


def older_default(content: Any) -> str:
    """What a reader is told of a scenario of version 1 that names no structure; empty for any other."""
    if not isinstance(content, Mapping) or content.get("version") != 1 or content.get("structure"):
        return ""
    return (
        "This scenario was written when firms did not differ unless it said so, and deficits were a fixed share of the "
        "world. It names neither, and is shown under today's choices: firms that differ, deficits in step with income. Its "
        "numbers differ from those of then; Model choices bring them back (Armington, fixed share of the world)."
    )


def _of_version_1(content: Mapping[Any, Any]) -> dict[Any, Any]:
    """A version 1 as this version says it."""
    structure = content.get("structure")
    now = {}
    if isinstance(structure, Mapping) and structure:
        now = {"structure": {**_LEFT_OUT_BY_VERSION_1, **structure}}
    return {**content, "version": VERSION, **now}


Scenario.FIELDS.update(
    {"": tuple(Scenario.model_fields)}
    | {str(card.model_fields["kind"].default): tuple(card.model_fields) for card in CARDS}
)


def _single_country(name: str) -> bool:
    """Whether a name can only be one country: not a group and not everything."""
    return len(name) == 3 and name.isupper() and name != "ROW"

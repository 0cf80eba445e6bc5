"""A scenario in one plain sentence, written from the scenario itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import NamedTuple

from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.groups import group_names, spoken_group
from firmtrade_core.codes.sectors import BROAD_SECTORS
from firmtrade_core.labels import MINUS, NARROW_NO_BREAK_SPACE, grouped
from firmtrade_core.scenarios import schema
from firmtrade_core.scenarios.fields import ALL_GOODS, EVERYTHING, listed
from firmtrade_core.scenarios.schedules import dated, entries, in_words
from firmtrade_core.scenarios.unknown_tariffs import unknown_notes
from firmtrade_core.world.world import World

#: Policies told in full; more are counted.
MOST_CLAUSES = 4

#: Names told in full; more are counted.
MOST_NAMES = 3


#: Programmes that are spoken of by another name than their own.
_SPOKEN = {"research": "research and development"}

_PLURAL_ENDINGS = (" countries", " economies", " states")

_WITH_ARTICLE = "ARE BHS CAF COG COD COM CYM DOM FLK FRO GBR GMB MDV MHL NLD PHL SLB SYC TCA UMI USA VGB VIR"


class Noun(NamedTuple):
    """Words for who acts or is acted on, and whether they take a plural verb."""

    text: str
    plural: bool

    def verb(self, stem: str) -> str:
        """The verb as the noun calls for: add, adds; impose, imposes; tax, taxes."""
        if self.plural:
            return stem
        return stem + ("es" if stem.endswith(("x", "s", "sh", "ch")) else "s")

    @property
    def its(self) -> str:
        """``their`` or ``its``."""
        return "their" if self.plural else "its"


def describe(scenario: schema.Scenario, world: World) -> str:
    """One plain sentence: who changes what on whom; and one on tariffs nobody knows, where it would lift some.

    Parameters
    ----------
    scenario : Scenario
    world : World
        Its own names of countries and sectors are used where it has them.

    Examples
    --------
    "The United States adds 10 points to its tariffs on all goods from China; China answers in kind."
    """
    clauses = [clause(card, world) for card in scenario.active_cards]
    if not clauses:
        return "Nothing changes."
    if len(clauses) > MOST_CLAUSES:
        more = len(clauses) - MOST_CLAUSES + 1
        clauses = [*clauses[: MOST_CLAUSES - 1], f"and {more} more policies"]
    sentence = "; ".join(clauses) + "."
    return " ".join([sentence[0].upper() + sentence[1:], *unknown_notes(scenario, world)])


@singledispatch
def clause(card: schema.Card, world: World) -> str:
    """One card in words, without a full stop."""
    return card.kind.replace("_", " ")


# Tariffs ----------------------------------------------------------------------------------------


@clause.register
def _(card: schema.Tariff, world: World) -> str:
    who = countries(card.importers, card.except_importers)
    whom = countries(card.exporters, card.except_exporters)
    goods = f"{who.its} tariffs on {sectors(card.sectors, card.except_sectors, world)} from {whom.text}"
    return f"{who.text} {_tariff_change(card, who, goods)}{_answer(card.retaliation, who, whom)}"


def _tariff_change(card: schema.Tariff, who: Noun, goods: str) -> str:
    value = card.value
    if card.method == "add":
        if value < 0:
            return f"{who.verb('take')} {points(-value)} off {goods}"
        return f"{who.verb('add')} {points(value)} to {goods}"
    if value == 0:
        return f"{who.verb('end')} {goods}"
    if card.method == "set":
        return f"{who.verb('set')} {goods} at {percent(value)}"
    if card.method == "swiss":
        return f"{who.verb('bring')} {goods} below {percent(value)} by the Swiss formula"
    verb = "cut" if value < 1 else "raise"
    return f"{who.verb(verb)} {goods} by {percent(abs(value - 1))} of what they are"


@clause.register
def _(card: schema.TariffSchedule, world: World) -> str:
    who = countries(card.importers)
    what = sectors(card.sectors, card.except_sectors, world)
    but = f" (but {countries(card.except_exporters).text})" if card.except_exporters else ""
    but += "" if card.share == 1 else f", {percent(card.share)} of the way"
    answer = _answer(card.retaliation, who, Noun("all who are hit", True))
    table = dated(card)
    if table is not None:
        regime = table.regime(card.day)
        day = in_words(card.day or regime.since)
        verb = "add" if card.method == "add" else "set"
        return f"{who.text} {who.verb(verb)} the tariffs by exporter and product in force on {day} ({regime.authority}){but}{answer}"
    if card.rows:
        lowest, highest = (f(row.rate for row in card.rows) for f in (min, max))
        how = "add" if card.method == "add" else "set"
        day = f", in force on {in_words(card.day)}" if card.day else ""
        return (
            f"{who.text} {who.verb(how)} tariffs of {number(lowest * 100)} to {points(highest)} by a schedule of "
            f"{len(card.rows)} rows{day}{but}{answer}"
        )
    listed = tuple(entries(card).values())
    lowest, highest = min((*listed, card.otherwise)), max((*listed, card.otherwise))
    text = (
        f"{who.text} {who.verb('add')} {number(lowest * 100)} to {points(highest)}, by exporter, to "
        f"{who.its} tariffs on {what}{but}, {points(card.otherwise)} where none is listed"
    )
    return text + answer


def _answer(answer: schema.Retaliation, who: Noun, whom: Noun) -> str:
    if answer.kind == "none":
        return ""
    everyone = whom.text.startswith(("all", "the rest")) and answer.by == (EVERYTHING,)
    answering = countries(answer.by) if answer.by != (EVERYTHING,) else whom
    answering = Noun("all who are hit", True) if everyone else answering
    manner = {
        "mirror": "in kind" if answer.share == 1 else f"with {percent(answer.share)} of the points",
        "proportional": f"in proportion to {answering.its} lost exports",
        "list": f"with {answering.its} own list",
    }
    return f"; {answering.text} {answering.verb('answer')} {manner[answer.kind]}"


@clause.register
def _(card: schema.FreeTradeArea, world: World) -> str:
    return f"{_members(card)} a free-trade area for {sectors(card.sectors, card.except_sectors, world)}"


@clause.register
def _(card: schema.CustomsUnion, world: World) -> str:
    rate = card.external_tariff
    common = "their mean tariff" if rate is None else f"one tariff of {percent(rate)}"
    goods = sectors(card.sectors, card.except_sectors, world)
    return f"{_members(card)} a customs union for {goods} with {common} towards others"


def _members(card: schema.FreeTradeArea | schema.CustomsUnion) -> str:
    members = countries(card.members)
    return f"{members.text} {members.verb('form')}"


# Other policies ---------------------------------------------------------------------------------


@clause.register
def _(card: schema.ExportSubsidy, world: World) -> str:
    who = countries(card.exporters, card.except_exporters)
    goods = f"{who.its} exports of {sectors(card.sectors, card.except_sectors, world)}{_to(card)}"
    verb = who.verb("subsidise" if card.value >= 0 else "tax")
    manner = "at" if card.method == "set" else "by a further"
    return f"{who.text} {verb} {goods} {manner} {percent(abs(card.value))} of the price"


@clause.register
def _(card: schema.ProductionSubsidy, world: World) -> str:
    who = countries(card.countries)
    verb = who.verb("subsidise" if card.value >= 0 else "tax")
    made = sectors(card.sectors, card.except_sectors, world)
    return f"{who.text} {verb} {who.its} producers of {made} by {percent(abs(card.value))} of their sales"


@clause.register
def _(card: schema.TradeCost, world: World) -> str:
    return f"the cost of trading {_route(card, card.both_directions, world)} {_moves(card.change)}"


@clause.register
def _(card: schema.FixedCost, world: World) -> str:
    return f"the fixed cost of exporting {_route(card, card.both_directions, world)} {_moves(card.change)}"


@clause.register
def _(card: schema.Embargo, world: World) -> str:
    return f"an embargo ends trade in {_route(card, card.both_directions, world)}"


@clause.register
def _(card: schema.Productivity, world: World) -> str:
    return f"productivity in {_at_home(card, world)} {_moves(card.change)}"


@clause.register
def _(card: schema.Demand, world: World) -> str:
    where = countries(card.countries).text
    what = sectors(card.sectors, card.except_sectors, world)
    return f"demand for {what} in {where} {_moves(card.change)} against the rest of spending"


@clause.register
def _(card: schema.Programme, world: World) -> str:
    who = countries([card.country]).text if card.country else "the home country"
    whom = f"{percent(card.take_up)} of {_eligible(card)}firms in {sectors(card.sectors, card.except_sectors, world)}"
    cost = (
        ""
        if card.outlay is not None
        else " at a cost not entered"
        if card.unit_cost is None
        else f" at {number(card.unit_cost)} dollars a firm a year"
    )
    cost = f" for {number(card.outlay)} million dollars a year" if card.outlay is not None else cost
    return f"a programme of {who} for {_SPOKEN.get(card.policy, card.policy.replace('_', ' '))} reaches {whom}{cost}"


def _eligible(card: schema.Programme) -> str:
    rule = card.eligible
    words = {"exporters": "exporting ", "non_exporters": "not yet exporting "}.get(rule.exporters, "")
    restricted = rule.model_dump(exclude_defaults=True).keys() - {"exporters"}
    return f"eligible {words}" if restricted else words


def _at_home(card: schema.Productivity, world: World) -> str:
    where = countries(card.countries).text
    if card.sectors == (EVERYTHING,) and not card.except_sectors:
        return where
    return f"{sectors(card.sectors, card.except_sectors, world)} in {where}"


def _route(card: schema.Reach, both_directions: bool, world: World) -> str:
    goods = sectors(card.sectors, card.except_sectors, world)
    origin = countries(card.exporters, card.except_exporters).text
    destination = countries(card.importers, card.except_importers).text
    if origin == destination:
        return f"{goods} among {origin}"
    if both_directions:
        return f"{goods} between {origin} and {destination}"
    return f"{goods} from {origin} to {destination}"


def _to(card: schema.Reach) -> str:
    if card.importers == (EVERYTHING,) and not card.except_importers:
        return ""
    return f" to {countries(card.importers, card.except_importers).text}"


def _moves(change: float) -> str:
    return f"{'rises' if change >= 0 else 'falls'} by {percent(abs(change))}"


# Names and numbers ------------------------------------------------------------------------------


def countries(codes: Sequence[str], excluded: Sequence[str] = ()) -> Noun:
    """Countries and groups by name: ``the United States``, ``Germany, France, Italy and 5 others``."""
    but = f" but {_several([_country(code) for code in excluded])}" if excluded else ""
    if tuple(codes) == (EVERYTHING,):
        return Noun(f"all countries{but}", True)
    spoken = [_country(code) for code in codes]
    plural = len(codes) > 1 or spoken[0].endswith(_PLURAL_ENDINGS)
    return Noun(_several(spoken) + but, plural)


def _country(code: str) -> str:
    key = code.upper().replace(" ", "_").replace("-", "_")
    if key in group_names():
        return spoken_group(key)
    if code == "ROW":
        return "the rest of the world"
    return f"the {country_name(code)}" if code in _WITH_ARTICLE.split() else country_name(code)


def sectors(codes: Sequence[str], excluded: Sequence[str], world: World) -> str:
    """Sectors by name, in the middle of a sentence."""
    named = _several([_sector(code, world) for code in codes])
    return f"{named} but {_several([_sector(code, world) for code in excluded])}" if excluded else named


def _sector(code: str, world: World) -> str:
    if code in (ALL_GOODS, EVERYTHING):
        return ALL_GOODS if code == ALL_GOODS else "all goods and services"
    name = world.sector_name(code) if code in world.sectors else BROAD_SECTORS.get(code, code)
    return name if name == code and code[:1].isupper() else name[:1].lower() + name[1:]


def _several(names: Sequence[str]) -> str:
    if len(names) <= MOST_NAMES + 1:
        return listed(names)
    return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} others"


def number(value: float) -> str:
    """A policy's number as it was given, four digits at most (results are rounded harder, by `labels`)."""
    return grouped(float(f"{value:.4g}"), ".10g").replace("-", MINUS)


def percent(fraction: float) -> str:
    """``12.5 %`` of 0.125."""
    return f"{number(fraction * 100)}{NARROW_NO_BREAK_SPACE}%"


def points(fraction: float) -> str:
    """``10 points`` of 0.10."""
    return f"{number(fraction * 100)} point{'' if round(fraction * 100, 4) == 1 else 's'}"

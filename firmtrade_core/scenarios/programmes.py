"""Firm programmes at home: who is treated, what it does to capability and fixed costs, what it costs (MODEL 4)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.places import suggest
from firmtrade_core.disclosure import FEWEST_FIRMS
from firmtrade_core.home.errors import OverlapError
from firmtrade_core.home.home import GRADES, Effect, HomeFirms
from firmtrade_core.labels import grouped, number
from firmtrade_core.panel.columns import catalogue
from firmtrade_core.scenarios import schema
from firmtrade_core.scenarios.atlas import Atlas
from firmtrade_core.scenarios.draft import Draft
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.evidence import beyond_published
from firmtrade_core.scenarios.laws import lognormal
from firmtrade_core.scenarios.levers import apply

Array = NDArray[np.float64]

#: Attribute of the firm panel that a programme moves, unless the card names another.
ATTRIBUTES = {
    "quality_certification": "quality_certificate",
    "supplier_networks": "supplier_links",
    "delivery_reliability": "on_time_delivery",
    "export_promotion": "export_promotion",
    "research": "rnd_intensity",
    "skills": "skill_share",
    "digital_trade": "digital_presence",
    "trade_finance": "trade_finance",
}

#: Stamp of a programme whose cost nobody has entered.
COST_NOT_ENTERED = "cost not entered"


_MILLION = 1e-6


def effect_of(card: schema.Programme, home: HomeFirms | None, units: float | None = None) -> Effect:
    """The effect a programme has on a firm it reaches, by the card or by the table of effects.

    Parameters
    ----------
    units
        Units given; the card's intensity, as far as the attribute's range allows, unless given.

    Raises
    ------
    ScenarioError
        If neither says what it is.
    """
    found = unscaled_effect_of(card, home)
    if units is None:
        low, high = bounds(attribute_of(card))
        room = (high - low) / found.step if found.step > 0 else np.inf
        units = min(card.intensity, room)
    return found.times(units).at(card.effect_deviations)


def attribute_of(card: schema.Programme) -> str:
    """The column of the firm panel that a programme moves."""
    return card.attribute or ATTRIBUTES[card.policy]


def bounds(attribute: str) -> tuple[float, float]:
    """Range of an attribute, endless where it has no bound."""
    column = catalogue("firms").get(attribute)
    low = column.lowest if column is not None and column.lowest is not None else -np.inf
    high = column.highest if column is not None and column.highest is not None else np.inf
    return float(low), float(high)


def units_given(card: schema.Programme, home: HomeFirms, effect: Effect) -> Array:
    """Units of the attribute that each firm gets, (F,): the intensity, and no more than there is room for (MODEL 13).

    Room ends at the attribute's own bound, and without one at the largest value that any firm of the table has:
    nothing is known beyond. Firms that did not say what they have count as the median firm.
    """
    attribute, given = attribute_of(card), np.full(len(home), card.intensity)
    if not effect.step > 0 or attribute not in home.firms:
        return given
    has = home.screen.column(attribute)
    known = np.isfinite(has)
    if not known.any():
        return given
    has = np.where(known, has, np.median(has[known]))
    highest = bounds(attribute)[1]
    ceiling = highest if np.isfinite(highest) else float(has.max())
    return np.minimum(given, np.maximum(ceiling - has, 0.0) / effect.step)


def unscaled_effect_of(card: schema.Programme, home: HomeFirms | None) -> Effect:
    """The effect of one unit; raises as `effect_of`.

    Raises
    ------
    ScenarioError
        As `effect_of`.
    """
    attribute = attribute_of(card)
    known = None if home is None else home.effects.get(attribute)
    if card.effect is not None:
        given = card.effect
        return Effect(
            given.capability,
            given.fixed_cost_saving,
            given.capability_error,
            given.fixed_cost_error,
            given.grade,
            "given with the card",
            step=_step(attribute, known, home),
        )
    if known is not None:
        return replace(known, step=_step(attribute, known, home))
    names = f" Effects are known of: {', '.join(home.effects)}." if home is not None and home.effects else ""
    raise ScenarioError(
        f"nobody has estimated what {card.policy.replace('_', ' ')} does to a firm ({attribute}): enter an effect on the "
        f"card (in a file, effect: {{capability: 0.05, grade: assumed}}), or load firms with a table of effects.{names}"
    )


#: Size of one unit by its words, for tables of effects written before they carried it.
_STEP_OF_WORDS = {"10 points": 0.1, "a tenth of the index": 0.1, "1 point of sales": 0.01, "having it": 1.0, "one firm": 1.0}  # fmt: skip


def _step(attribute: str, known: Effect | None, home: HomeFirms | None) -> float:
    """One unit in the attribute's units; having it or not is one unit of a yes-or-no attribute; 0 where not known."""
    if known is not None and known.step > 0:
        return known.step
    if known is not None and known.unit in _STEP_OF_WORDS:
        return _STEP_OF_WORDS[known.unit]
    column = catalogue("firms").get(attribute)
    return 1.0 if column is not None and column.unit.startswith("0 or 1") else 0.0


def take_up(card: schema.Programme, home: HomeFirms, place: NDArray[np.intp], sectors: Array) -> Array:
    """Share of each firm that the programme reaches, (F,).

    Firms that are somebody's secret are reached by groups (`disclosure.Screen`): a condition holds for a group's means, and
    on sectors, regions and exporting for all firms of it.

    Raises
    ------
    ScenarioError
        If nobody is eligible, or a column it asks for is missing.
    """
    table, rule, screen = home.firms, card.eligible, home.screen
    eligible = screen.all_of(np.where(place >= 0, sectors[place], 0.0) > 0)
    if rule.regions:
        eligible &= screen.all_of(_column(home, "region").astype(str).isin(rule.regions).to_numpy(bool))
    if rule.exporters != "any":
        exporting = (_column(home, "exports") > 0).to_numpy(bool)
        eligible &= screen.all_of(exporting if rule.exporters == "exporters" else ~exporting)
    for name, keeps in (
        ("employment", rule.smallest is not None and (lambda c: c >= rule.smallest)),
        ("employment", rule.largest is not None and (lambda c: c <= rule.largest)),
        ("age", rule.youngest is not None and (lambda c: c >= rule.youngest)),
        ("age", rule.oldest is not None and (lambda c: c <= rule.oldest)),
        ("score", rule.lowest_score is not None and (lambda c: c >= rule.lowest_score)),
    ):
        if callable(keeps):
            _column(home, name)
            eligible &= keeps(screen.column(name))
    attribute, lacking = attribute_of(card), np.ones(len(table))
    if attribute in table and set(table[attribute].dropna().unique()) <= {0, 1}:
        # Firms that already have it gain nothing from being given it; of a group, as many as have it.
        lacking = 1 - np.nan_to_num(screen.column(attribute))
        eligible &= lacking > 0
    if not eligible.any():
        who = "no firm" if screen.public else f"no group of at least {FEWEST_FIRMS} firms"
        raise ScenarioError(
            f"{who} is eligible: widen its sectors, regions, sizes or ages, or drop the condition on exporting "
            "(firms that already have the attribute do not count)."
        )
    wanted = card.take_up * card.reached
    if card.by == "share":
        return np.where(eligible, wanted * lacking, 0.0)
    _column(home, "propensity")
    score = np.where(eligible, np.maximum(np.nan_to_num(screen.column("propensity")), 0.0), 0.0)
    weight = table["weight"].to_numpy(float) * lacking
    return lacking * _by_propensity(score, weight * eligible, wanted)


def _by_propensity(score: Array, weight: Array, wanted: float) -> Array:
    """min(1, c x score) with the constant c that makes the mean over eligible firms what is wanted."""
    if not (score * weight).sum() > 0:
        raise ScenarioError("every eligible firm has a propensity of zero; let them take up by share.")
    low, high = 0.0, 1.0
    total = weight.sum()
    reachable = weight[score > 0].sum() / total
    goal = min(wanted, reachable)
    while (np.minimum(1, high * score) * weight).sum() / total < goal * (1 - 1e-12) and high < 1e12:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        if (np.minimum(1, middle * score) * weight).sum() / total < goal:
            low = middle
        else:
            high = middle
    return np.minimum(1.0, high * score).astype(np.float64)


def _column(home: HomeFirms, name: str) -> pd.Series:
    if name not in home.firms:
        raise ScenarioError(f"eligibility asks for {name}, which the table of firms does not have.")
    return home.firms[name]


@apply.register
def _(card: schema.Programme, draft: Draft, atlas: Atlas) -> None:
    home = atlas.home
    sectors = atlas.sectors(card.sectors, card.except_sectors)
    effect = effect_of(card, home)
    for line in _cautions(card, effect, home):
        atlas.note(line)
    draft.stamp(*stamps_of(card, effect, home))
    if home is None or draft.treatment is None:
        _without_firms(card, effect, draft, atlas, sectors)
        return
    if card.country not in ("", home.country):
        raise ScenarioError(
            f"it is a programme of {card.country}, but the firms loaded are of {home.country}."
        )
    place = home.sector_of(draft.world)
    share = take_up(card, home, place, sectors)
    if not home.screen.public:
        atlas.note(home.screen.note)
    reached = float((share * home.firms["weight"].to_numpy(float)).sum())
    outlay = outlay_of(card, reached)
    unit = unscaled_effect_of(card, home).at(card.effect_deviations)
    units = units_given(card, home, unit)
    short = share[units < card.intensity * (1 - 1e-9)] > 0
    if short.any():
        atlas.note(
            f"{attribute_of(card).replace('_', ' ').capitalize()} ends before {number(card.intensity)} units for "
            f"{grouped(int(short.sum()))} of {grouped(int((share > 0).sum()))} firms reached: they get what there is room for."
        )
    try:
        draft.treatment = draft.treatment.after(share, unit, outlay, units, card.deadweight)
    except OverlapError as error:
        raise ScenarioError(str(error)) from error
    draft.outlay[draft.world.country_index(home.country)] += outlay


def stamps_of(card: schema.Programme, effect: Effect, home: HomeFirms | None) -> tuple[str, ...]:
    """What stands beside every number of a programme wherever it goes, the evidence of its effect first."""
    beyond = beyond_published(card, effect)
    return (
        GRADES[effect.grade],
        *((beyond,) if beyond else ()),
        *(("synthetic firms",) if home is not None and home.synthetic else ()),
        *(() if card.cost_known else (COST_NOT_ENTERED,)),
    )


def outlay_of(card: schema.Programme, reached: float) -> float:
    """Million USD a year for so many firms; 0 where no cost was entered, which results say."""
    if card.outlay is not None:
        return card.outlay * card.reached
    return 0.0 if card.unit_cost is None else reached * card.unit_cost * _MILLION


def _cautions(card: schema.Programme, effect: Effect, home: HomeFirms | None) -> list[str]:
    """What must be read along with every number that follows from a programme."""
    policy, lines = card.policy.replace("_", " "), []
    if effect.grade in ("association", "assumed"):
        words = (
            "an association, not a proven effect"
            if effect.grade == "association"
            else "assumed, not estimated"
        )
        lines.append(f"The effect of {policy} is {words}: read every number that follows from it so.")
    if card.effect is None and home is not None and home.synthetic:
        lines.append(
            f"The effect of {policy} on a firm was estimated from synthetic firms of {country_name(home.country)}: it "
            "shows how the method works and says nothing of real firms."
        )
    if not card.cost_known:
        lines.append(
            f"No cost of {policy} is entered: gains are before any cost, and no ratio of gain to cost is shown."
        )
    return lines


def _without_firms(
    card: schema.Programme, effect: Effect, draft: Draft, atlas: Atlas, sectors: Array
) -> None:
    """The same policy where no firms are known: what it does to the mean of a Pareto or to equal firms.

    Moving a share p of Pareto firms up by d raises S and n everywhere by B = 1 - p + p e^(ζd), which is what
    iceberg costs lower by B^(1/θ) do; saving on fixed costs works through S alone (MODEL 2, table). With
    lognormal firms the same holds exactly where all are reached, and with their mean where a share is.
    """
    country = card.country or (home_firms.country if (home_firms := atlas.home) is not None else "")
    if not country:
        raise ScenarioError("name the country whose firms it treats (country: MEX): no firms are loaded.")
    if country not in draft.world.countries:
        meant = [code for code in suggest(country) if code in draft.world.countries]
        hint = f" Did you mean {' or '.join(meant)}?" if meant else ""
        raise ScenarioError(f"{country} is not in this world.{hint}")
    home = draft.world.country_index(country)
    structure, elasticity = atlas.structure, atlas.elasticity
    law = structure.elsewhere if structure.family in ("firms", "differing") else structure.family
    tail = structure.tail if law == "pareto" else 1.0
    # Capability moves sales as the (1-σ)th power of costs; tail times σ-1 is ε in the constant families.
    per_cost = elasticity
    if law == "lognormal":
        margins = lognormal(structure).calibrate(draft.world, elasticity, atlas.within)
        per_cost = margins.elasticity_of_substitution - 1
    if atlas.within is not None and law not in ("armington", "eaton_kortum"):
        # Inside a country's nest, capability moves sales as the (1-γ)th power of costs (MODEL 11).
        per_cost = tail * (atlas.within - 1)
    reached, outlay = _reach_as_a_whole(card, draft, atlas, country, sectors)
    reached = reached * (1 - card.deadweight)
    lift = np.log1p(reached * np.expm1(tail * effect.capability)) / per_cost
    draft.trade_cost[home] = draft.trade_cost[home] * np.exp(-lift)
    if law in ("pareto", "lognormal") and effect.fixed_cost_saving:
        power = tail - 1 if law == "pareto" else 1.0
        saving = np.log1p(reached * np.expm1(power * effect.fixed_cost_saving)) / power
        abroad = np.arange(len(draft.world.countries)) != home
        draft.fixed_cost[home, abroad] *= np.exp(-saving)
    draft.outlay[home] += outlay or 0.0
    words = {"pareto": "Pareto firms", "lognormal": "lognormal firms"}.get(law, "equal firms")
    uncounted = outlay is None and card.cost_known
    cost = " Its cost is not counted, for want of a number of firms (give outlay)." if uncounted else ""
    atlas.note(
        f"This structure knows no single firms of {country}: the programme moves {words} of a sector as a whole.{cost}"
    )


def _reach_as_a_whole(
    card: schema.Programme, draft: Draft, atlas: Atlas, country: str, sectors: Array
) -> tuple[Array, float | None]:
    """Share of firms reached by sector, (S,), and the outlay, None where nobody knows how many firms there are."""
    known = atlas.home is not None and atlas.home.country == country
    outlay = None if card.outlay is None else card.outlay * card.reached
    if atlas.home is None or not known:
        return card.take_up * card.reached * sectors, outlay
    place = atlas.home.sector_of(draft.world)
    share = take_up(card, atlas.home, place, sectors)
    weight = atlas.home.firms["weight"].to_numpy(float)
    here, count = place >= 0, len(sectors)
    total = np.bincount(place[here], weight[here], minlength=count)
    treated = np.bincount(place[here], (weight * share)[here], minlength=count)
    cost = outlay_of(card, float(treated.sum()))
    return treated / np.where(total > 0, total, 1.0), cost if outlay is None else outlay


def wto_note(card: schema.AnyCard) -> str:
    """What the Agreement on Subsidies and Countervailing Measures has to say, where a card depends on exports."""
    contingent = isinstance(card, schema.ExportSubsidy) and card.value > 0
    if isinstance(card, schema.Programme):
        contingent = card.contingent_on_exports or card.eligible.exporters == "exporters"
    if not contingent:
        return ""
    return (
        "Support that depends on exporting is prohibited by Article 3.1(a) of the WTO Agreement on Subsidies and "
        "Countervailing Measures (countries of its Annex VII excepted): partners may answer with countervailing duties."
    )

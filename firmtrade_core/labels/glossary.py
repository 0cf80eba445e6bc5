"""The one glossary: terms of the field in a sentence or two, shown wherever they stand on a page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from html import escape


@dataclass(frozen=True)
class Term:
    """A term and what it means.

    Parameters
    ----------
    name
        As the list of terms writes it.
    means
        One or two plain sentences.
    forms
        Other ways in which pages write it.
    """

    name: str
    means: str
    forms: tuple[str, ...] = ()


TERMS = (
    Term(
        "trade elasticity",
        "By how many percent trade between two countries falls when its cost rises by one percent. The choice that moves the answer most.",
        ("trade elasticities",),
    ),
    Term(
        "markup",
        "What a firm charges above its cost. Published by sector, 20 % on cost where nothing is published.",
        ("markups",),
    ),
    Term(
        "general equilibrium",
        "All markets of all countries at once: wages, prices and trade move until every account adds up.",
    ),
    Term("baseline", "The world as it was before the policy: its trade, tariffs and incomes of one year."),
    Term(
        "certificate",
        "Separate code puts the solution back into the model's equations and says how far the worst of them is off.",
        ("certified equilibrium", "certified"),
    ),
    Term(
        "90 % band",
        "Ninety of a hundred draws of what is uncertain (elasticities, markups, estimated trade) give a number inside it.",
        ("90 % bands", "bands hold 90 of 100 draws"),
    ),
    Term(
        "lognormal firms",
        "Firms' productivities are spread by a lognormal law, as sales of firms are: many small, few very large.",
    ),
    Term(
        "Pareto firms",
        "Firms' productivities are spread by a power law. The trade elasticity is then the same in every market.",
        ("Pareto",),
    ),
    Term(
        "Armington",
        "Goods differ by country of origin only; firms are all alike. The simplest model of trade.",
    ),
    Term(
        "deficits in step with income",
        "Each country's trade deficit stays the same share of its income. The other choices hold it fixed, or end it.",
        ("proportional deficits",),
    ),
    Term(
        "free entry",
        "Firms enter a sector until profits are gone. Restricted entry keeps their number.",
        ("restricted entry",),
    ),
    Term(
        "input-output links",
        "What each sector buys from the others: a tariff on steel is a cost to cars.",
        ("input-output link",),
    ),
    Term(
        "iceberg cost",
        "A cost of trade that melts part of what is shipped: freight, delay, paperwork.",
        ("iceberg costs", "iceberg"),
    ),
    Term("ad valorem", "A tariff written as a share of the value at the border."),
    Term(
        "most-favoured-nation",
        "The tariff that a country takes from all members of the World Trade Organization alike.",
        ("MFN",),
    ),
    Term(
        "terms of trade",
        "What a country's exports fetch, divided by what its imports cost. A large country's tariff can turn them in its favour.",
    ),
    Term(
        "trade diversion",
        "Buying from a partner that a policy favours instead of from a cheaper one.",
        ("diversion",),
    ),
    Term(
        "rest of the world",
        "All economies that the data do not tell apart, as one.",
    ),
    Term(
        "gravity",
        "Trade between two countries explained by their sizes and by what lies between them: distance, borders, agreements, tariffs.",
        ("gravity equation", "structural gravity"),
    ),
    Term(
        "PPML",
        "Poisson pseudo maximum likelihood: the estimator of gravity that keeps zeros and is not misled by unequal variances.",
    ),
    Term(
        "resistance",
        "How hard a country is to reach from everywhere, or how hard everywhere is to reach from it.",
        ("resistances", "multilateral resistance"),
    ),
    Term(
        "selection",
        "Only firms that expect to earn more than the fixed cost of a market sell there. Costs that rise drive the weakest out.",
    ),
    Term(
        "capability",
        "What makes a firm sell abroad and how much, learned from its attributes and from where it already sells.",
    ),
    Term(
        "Shapley value",
        "A fair split of a prediction among what it was made from. It tells what predicts, not what causes.",
        ("Shapley values", "SHAP values", "SHAP"),
    ),
    Term(
        "double machine learning",
        "An effect estimated after machine learning has taken out what firms' other attributes explain, on folds it has not seen.",
    ),
    Term(
        "instrument",
        "Something that moves the attribute and reaches trade in no other way. Without one an effect may be a cause turned round.",
        ("instruments", "instrumental variables"),
    ),
    Term(
        "propensity",
        "How likely a firm is to have an attribute, given everything else about it.",
    ),
    Term(
        "Nash equilibrium",
        "Every country's tariff is the best answer to the others'. Nobody wants to move, and all may be worse off.",
        ("Nash",),
    ),
    Term(
        "best response",
        "The policy that serves a country most while the others stand still.",
    ),
    Term(
        "equivalent variation",
        "The yearly income that, given at baseline prices, would have moved welfare as much as the policy does.",
    ),
    Term(
        "deadweight",
        "Programme money for firms that would have exported anyway.",
    ),
    Term(
        "cost of public funds",
        "What a euro of tax costs the economy beyond the euro.",
    ),
    Term(
        "Harmonised System",
        "The codes by which customs offices name goods: 97 chapters, 5 000 subheadings.",
        ("HS",),
    ),
    Term(
        "free-trade area",
        "Members lift the tariffs between them and keep their own towards others.",
        ("free-trade areas",),
    ),
    Term(
        "customs union",
        "A free-trade area whose members also share one tariff towards others.",
    ),
    Term("most exposed", "Those whose income falls most with the loss of one partner."),
)


@cache
def _by_form() -> dict[str, Term]:
    return {form.casefold(): term for term in TERMS for form in (term.name, *term.forms)}


@cache
def _pattern() -> re.Pattern[str]:
    # The longest first, so that "certified equilibrium" is one term.
    forms = sorted(_by_form(), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, forms))})(?![\w-])", re.IGNORECASE)


def meaning(term: str) -> str:
    """What a term means.

    Raises
    ------
    KeyError
        If it is not in the glossary.
    """
    return _by_form()[term.casefold()].means


def explained(text: str) -> str:
    """A text as HTML, safe to put on a page: each term where it first stands tells what it means to those who point at it.

    Examples
    --------
    >>> explained("a < b at a markup of 0.2")[:45]
    'a &lt; b at a <span class="ft-term" tabindex='
    """
    found: list[str] = []
    told: set[str] = set()
    end = 0
    for match in _pattern().finditer(text):
        term = _by_form()[match.group().casefold()]
        # Capitals only where a term is an abbreviation.
        abbreviated = any(
            form.isupper() and form.casefold() == match.group().casefold() for form in term.forms
        )
        if term.name in told or (abbreviated and not match.group().isupper()):
            continue
        told.add(term.name)
        found += [escape(text[end : match.start()]), told_term(match.group(), term.means)]
        end = match.end()
    return "".join([*found, escape(text[end:])])


def told_term(words: str, means: str) -> str:
    """Words that tell what they mean, as HTML; ``assets/terms.js`` shows it on hover, focus and touch."""
    return f'<span class="ft-term" tabindex="0" role="button" data-means="{escape(means)}">{escape(words)}</span>'

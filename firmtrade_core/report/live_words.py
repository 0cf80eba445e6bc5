"""Numbers inside a text that follow the result: ``{real_income.USA}`` becomes ``+0.15 %``.

================================ =========================================================================
written                          becomes
================================ =========================================================================
``{real_income.USA}``            the change, signed, with its unit
``{real_income.USA|verb}``       "rises by 0.15 %", "falls by 1.4 %", "stays as it is"
``{exports.VNM|before}``         the level before (or ``after``), where the variable has one
``{real_income|most}``           who gains most (or ``least``): "Vietnam (+1.6 %)"
``{real_income|up}``             in how many economies it rises (or ``down``)
``{real_income.world}``          the world's; ``{trade.world}`` is the world's trade in goods
================================ =========================================================================
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np

from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures.outcomes import headlines, outcome
from firmtrade_core.labels import VARIABLES, change, grouped, level, listed, shows
from firmtrade_core.world.world import World

#: Anything in braces that is meant for a number: letters, and the signs that stand between them.
_PLACE = re.compile(r"\{([a-z_]+)(?:\.([A-Za-z]+))?(?:\|([a-z]+))?\}")

_WORLD = {"real_income": "world_real_income", "trade": "world_goods_trade"}

_WORLD_WORDS = {"real_income": "Real income of the world", "trade": "World trade in goods"}

_FORMS = ("", "verb", "before", "after", "most", "least", "up", "down")


class LiveWordsError(ValueError):
    """A text asks for a number that there is not; the message names it and says what there is."""


def filled(text: str, equilibrium: Equilibrium, first: Equilibrium | None = None) -> str:
    """A text with its numbers.

    Parameters
    ----------
    text
        Places in braces as above; other braces stay.
    equilibrium
    first
        What it is read against; the baseline unless given.

    Raises
    ------
    LiveWordsError
        Naming the place that cannot be filled.
    """
    return _PLACE.sub(lambda match: _number(match, equilibrium, first), text)


def told(
    paragraphs: Sequence[str], equilibrium: Equilibrium, first: Equilibrium | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Paragraphs with their numbers, and what is wrong with those that cannot be filled, in words.

    A paragraph that cannot be filled stands as it was written.

    Parameters
    ----------
    paragraphs
        As of `filled`.
    equilibrium
    first
        What they are read against; the baseline unless given.
    """
    lines, problems = [], []
    for paragraph in paragraphs:
        try:
            lines.append(filled(paragraph, equilibrium, first))
        except LiveWordsError as problem:
            lines.append(paragraph)
            problems.append(str(problem))
    return tuple(lines), tuple(problems)


def offered(world: World, country: str) -> list[tuple[str, str]]:
    """What can be written, for one country: the place in braces, and what it tells.

    Parameters
    ----------
    world
    country
        Code of the country that examples name; any other code of the world stands in its place.
    """
    name = country_name(country)
    found = [
        (f"{{{key}.{country}}}", f"{variable.label} of {name}: change, {variable.unit}")
        for key, variable in VARIABLES.items()
    ]
    found += [
        (f"{{real_income.{country}|verb}}", "the same as a verb: rises by ..., falls by ..., stays as it is"),
        (f"{{exports.{country}|before}}", f"level before, for {_with_levels()}; |after for the level after"),
        ("{real_income|most}", "who gains most, by name, with the change; |least for who loses most"),
        ("{real_income|up}", "in how many economies it rises; |down for where it falls"),
    ]
    found += [(f"{{{key}.world}}", f"{_WORLD_WORDS[key]}: change, %") for key in _WORLD]
    return found


def _with_levels() -> str:
    named = [variable.label.lower() for variable in VARIABLES.values() if variable.level_unit]
    return listed(named, most=len(named))


def _like(given: str, known: Sequence[str]) -> str:
    """What was probably meant, as a sentence."""
    near = get_close_matches(given, known, n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else ""


def _number(match: re.Match[str], equilibrium: Equilibrium, first: Equilibrium | None) -> str:
    key, code, form = match[1], match[2] or "", match[3] or ""
    if form not in _FORMS:
        raise LiveWordsError(f"{match[0]}: after the bar stands one of {', '.join(_FORMS[1:])}.")
    if code == "world":
        return _of_world(match[0], key, form, equilibrium, first)
    if key not in VARIABLES:
        raise LiveWordsError(
            f"{match[0]}: no variable is called {key}.{_like(key, list(VARIABLES))} There are: {', '.join(VARIABLES)}."
        )
    found = outcome(equilibrium, key, first)
    unit = found.variable.unit
    countries = equilibrium.world.countries
    if not code:
        return _over_all(match[0], form, found.change, unit, countries)
    if code not in countries:
        raise LiveWordsError(
            f"{match[0]}: {code} is no economy of {equilibrium.world.name}.{_like(code.upper(), countries)} Write the "
            "three letters of its ISO code, such as USA."
        )
    i = countries.index(code)
    if form in ("before", "after"):
        levels = found.old if form == "before" else found.new
        if levels is None or not found.variable.level_unit:
            raise LiveWordsError(f"{match[0]}: {found.variable.label} has no level, only a change.")
        return level(float(levels[i]), found.variable.level_unit)
    return _change(match[0], form, float(found.change[i]), unit)


def _change(place: str, form: str, value: float, unit: str) -> str:
    if form not in ("", "verb"):
        raise LiveWordsError(f"{place}: {form} is of all economies, not of one.")
    if not form:
        return change(value, unit)
    if not shows(value, unit):
        return "stays as it is"
    return f"{'rises' if value > 0 else 'falls'} by {change(abs(value), unit).lstrip('+')}"


def _over_all(place: str, form: str, values: np.ndarray, unit: str, countries: tuple[str, ...]) -> str:
    known = np.flatnonzero(np.isfinite(values))
    if form in ("up", "down"):
        sign = 1 if form == "up" else -1
        return grouped(float(sum(shows(float(v), unit) and sign * v > 0 for v in values[known])))
    if form not in ("most", "least") or not known.size:
        raise LiveWordsError(
            f"{place}: say whose, as in {place[:-1].split('|')[0]}.USA}}, or |most, |least, |up, |down."
        )
    i = int(known[np.argmax(values[known]) if form == "most" else np.argmin(values[known])])
    return f"{country_name(countries[i])} ({change(float(values[i]), unit)})"


def _of_world(place: str, key: str, form: str, equilibrium: Equilibrium, first: Equilibrium | None) -> str:
    if key not in _WORLD:
        raise LiveWordsError(f"{place}: of the world there is {', '.join(f'{k}.world' for k in _WORLD)}.")
    found = next(
        item
        for item in headlines(equilibrium, equilibrium.world.countries[0], "", first)
        if item.variable == _WORLD[key]
    )
    return _change(place, form, found.value, found.unit)

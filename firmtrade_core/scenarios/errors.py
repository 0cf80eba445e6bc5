"""What can be wrong with a scenario."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError


class ScenarioError(ValueError):
    """The scenario cannot be read, or does not fit the world. The message says what to change."""


def suggestion(given: object, known: Iterable[str]) -> str:
    """`` Did you mean ...?`` for a name that is not known; empty where nothing looks alike."""
    by_folded = {name.casefold(): name for name in known}
    alike = difflib.get_close_matches(str(given).casefold(), by_folded, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(by_folded[a] for a in alike)}?" if alike else ""


def readable(error: ValidationError, fields_of: Mapping[str, Sequence[str]]) -> ScenarioError:
    """The same error in words a person can act on, one line per mistake (the first ten).

    Parameters
    ----------
    error
        What pydantic found.
    fields_of
        Names of the fields a card of each kind has, and under "" those of the scenario.
    """
    problems = error.errors(include_url=False)
    lines = [f"{_place(p['loc'])}{_mistake(p, fields_of)}" for p in problems[:10]]
    if len(problems) > 10:
        lines.append(f"... and {len(problems) - 10} more mistakes.")
    return ScenarioError("\n".join(lines))


def _place(location: tuple[int | str, ...]) -> str:
    """``card 2 (tariff), value: `` from ``("cards", 1, "tariff", "value")``."""
    words: list[str] = []
    rest = list(location)
    if len(rest) > 1 and rest[0] == "cards" and isinstance(rest[1], int):
        words.append(f"card {rest[1] + 1}" + (f" ({rest[2]})" if len(rest) > 2 else ""))
        rest = rest[3:]
    words += [f"item {part + 1}" if isinstance(part, int) else part for part in rest]
    return ", ".join(words) + ": " if words else ""


def _mistake(problem: Any, fields_of: Mapping[str, Sequence[str]]) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return "this field is missing."
    if kind == "extra_forbidden":
        field = problem["loc"][-1]
        owner = str(problem["loc"][2]) if len(problem["loc"]) > 3 else ""
        return f"there is no such field.{suggestion(field, fields_of.get(owner, ()))}"
    if kind == "union_tag_invalid":
        known = [name for name in fields_of if name]
        return f"no card is of kind {str(context['tag'])[:40]!r}; the kinds are {', '.join(known)}."
    if kind == "union_tag_not_found":
        return "a card needs a kind, such as kind: tariff."
    if kind == "tuple_type":
        return f"give a list, not {_short(problem['input'])}."
    if kind == "literal_error":
        return f"{_short(problem['input'])} is not one of {context['expected']}."
    return f"{problem['msg']} (given: {_short(problem['input'])})."


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."

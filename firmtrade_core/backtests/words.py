"""What the board says, in sentences made from its own numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from firmtrade_core.backtests.board import NUMBERS, Board, Episode, nearest
from firmtrade_core.backtests.scoring import NO_SKILL, SKILL, TOO_FEW
from firmtrade_core.codes.countries import country_name
from firmtrade_core.labels import number
from firmtrade_core.scenarios.compile import elasticity_of
from firmtrade_core.scenarios.schema import Structure

#: Skill within this of zero is no better and no worse than equal growth.
MARGIN = 0.1

#: Partners named in a line; the rest are counted.
MOST_NAMED = 6


def judged(skill: float) -> str:
    """A skill in words: "better than equal growth", "no better than", "worse than"."""
    if not np.isfinite(skill):
        return "not to be told from equal growth"
    return (
        "better than equal growth"
        if skill > MARGIN
        else "worse than equal growth"
        if skill < -MARGIN
        else "no better than equal growth"
    )


def finding(board: Board) -> str:
    """The page's first sentence: what the record says in all, of the stored numbers."""
    episode = board.episode("us_2025")
    row = episode.row("model 4")
    without = _without(episode, "without China")
    best = max(NUMBERS, key=lambda e: float(episode.row(f"model {e:g}")["skill"]))
    return (
        f"US imports of 2025 by partner: correlation {number(float(row['correlation']), significant=2)} at a trade elasticity of 4, "
        f"{number(float(without['correlation']), significant=2)} without China; of 1, 2 and 4 an elasticity of {best:g} came nearest"
    )


def verdict(episode: Episode) -> str:
    """One sentence on an episode: the elasticity that fits, whether that beats equal growth, and the rivals."""
    models = {e: episode.row(f"model {e:g}", horizon=last_horizon(episode)) for e in NUMBERS}
    best = max(models, key=lambda e: float(models[e]["skill"]))
    skill = float(models[best]["skill"])
    said = (
        f"Of the model's elasticities 1, 2 and 4, {best:g} came nearest: {judged(skill)} (skill {_two(skill)}, slope "
        f"{_two(models[best]['slope'])}, correlation {_two(models[best]['correlation'])})"
    )
    rivals = [
        row
        for row in episode.rows
        if row["kind"] != "model"
        and row["horizon"] == last_horizon(episode)
        and np.isfinite(float(row["skill"]))
    ]
    # Rivals that lack some pairs are compared on those that every method predicts.
    narrow = {(row["method"], row["horizon"]): row for row in episode.rows if row["sample"] == "same pairs"}
    china = next((row for row in episode.without if row["without"] == "without China"), None)
    if china is not None:
        said += (
            f". China alone makes it: without China, at 4, correlation {_two(china['correlation'])} and {judged(float(china['skill']))} (skill "
            f"{_two(china['skill'])})"
        )
    if not rivals:
        return f"{said}."
    key = f"model {best:g}", last_horizon(episode)
    mine = float(narrow.get(key, models[best])["skill"])
    theirs = max(
        (narrow.get((row["method"], row["horizon"]), row) for row in rivals if row["sample"] == "all"),
        key=lambda row: float(row["skill"]),
    )
    where = ", on the pairs that all predict" if narrow else ""
    return (
        f"{said}. The best of the rivals{where}: {theirs['label'][0].lower()}{theirs['label'][1:]}, skill {_two(theirs['skill'])}, the model "
        f"{_two(mine)}."
    )


def last_horizon(episode: Episode) -> int:
    """The longest horizon of an episode."""
    return max(int(row["horizon"]) for row in episode.rows)


def _without(episode: Episode, name: str) -> Mapping[str, Any]:
    return next(row for row in episode.without if row["without"] == name)


def _two(value: Any) -> str:
    return number(float(value), significant=2)


# Beside an answer --------------------------------------------------------------------------------


def mean_elasticity(structure: Structure) -> float:
    """ε of a structure in one number: the mean over goods sectors where there are several."""
    values, _ = elasticity_of(structure)
    if isinstance(values, Mapping):
        goods = [v for k, v in values.items() if k != "services"] or list(values.values())
        return float(np.mean(goods))
    return float(values)


def standing(board: Board, code: str, elasticity: float) -> str:
    """A partner's record in a word or two, for a column of a table."""
    row = board.partner(code, elasticity)
    if row is None:
        return "no record"
    told = f"{100 * float(row['closer']):.0f} % of {row['predictions']:.0f} closer"
    if row["verdict"] == TOO_FEW:
        return f"too few ({row['predictions']:.0f})"
    return f"{'skill' if row['verdict'] == SKILL else 'no skill'}: {told}"


def beside_partners(board: Board, partners: Sequence[str], elasticity: float) -> str:
    """A line under what a result says of partners: for which of them earlier predictions were no better than equal growth."""
    rows = {code: board.partner(code, elasticity) for code in partners}
    poor = [c for c, row in rows.items() if row is not None and row["verdict"] == NO_SKILL]
    good = [c for c, row in rows.items() if row is not None and row["verdict"] == SKILL]
    other = [c for c in partners if c not in poor and c not in good]
    at = f"at a trade elasticity of {nearest(elasticity):g}"
    parts = []
    if poor:
        parts.append(
            f"no better than equal growth for {_named(poor)}: what is shown of them has no record to stand on"
        )
    if good:
        parts.append(f"better for {_named(good)}")
    if other:
        parts.append(f"too few or none for {_named(other)}")
    if not parts:
        return ""
    return f"Record {at}, of earlier tariff changes and agreements: {'; '.join(parts)}."


def beside_answer(board: Board, country: str, elasticity: float) -> str:
    """A line under the headline: what the record says of the answer's kind for the country looked at; "" where nothing."""
    at = nearest(elasticity)
    if country == "USA":
        episode = board.episode("us_2025")
        skill, alone = float(episode.row(f"model {at:g}")["skill"]), _without(episode, "without China")
        return (
            f"Record: US imports of 2025 by partner, at a trade elasticity of {at:g}: {judged(skill)} (skill {_two(skill)}; at 4 without China "
            f"{_two(alone['skill'])}). Real income has no record. More: Backtests."
        )
    row = board.episode("pair_years_1").row(f"model {at:g}")
    skill = float(row["skill"])
    return (
        f"Record: imports one year after {row['predictions']:.0f} large tariff changes, at a trade elasticity of {at:g}: {judged(skill)} (skill "
        f"{_two(skill)}). Real income has no record. More: Backtests."
    )


def _named(codes: Iterable[str]) -> str:
    names = [country_name(code) for code in codes]
    shown = ", ".join(names[:MOST_NAMED])
    return shown if len(names) <= MOST_NAMED else f"{shown} and {len(names) - MOST_NAMED} more"

"""One headline under every choice that could have been made otherwise, each a run of its own from its real start (MODEL 9, 14)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from firmtrade_core.analysis.assumed import _Held, drawn_worlds
from firmtrade_core.analysis.robustness.choices import (
    KINDS,
    Choice,
    choices,
    programme_attributes,
    treats,
    untouched,
)
from firmtrade_core.analysis.robustness.firm_chain import FirmChain, Start
from firmtrade_core.analysis.uncertainty import COUNTRY_OUTCOMES, NOTHING, UncertaintyError, outcomes
from firmtrade_core.capability import CapabilityError
from firmtrade_core.channels import ChannelError
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.harmonise.errors import HarmoniseError
from firmtrade_core.home import HomeFirms
from firmtrade_core.jobs import Checkpoints, Progress, content_hash, silent
from firmtrade_core.jobs.spread import spread
from firmtrade_core.labels import change, number
from firmtrade_core.margins import FirmsError, TailError
from firmtrade_core.panel import PanelError
from firmtrade_core.scenarios import Scenario, ScenarioError, resolved, run
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World

#: Raised when results change, so that stored runs are not taken for them.
EDITION = 1

_ERRORS = (
    CapabilityError,
    ChannelError,
    EquilibriumError,
    FirmsError,
    HarmoniseError,
    PanelError,
    ScenarioError,
    TailError,
    WorldError,
)

#: Label of the answer itself, and of the same run of firms from their start.
AS_GIVEN, RUN_ANEW = "As given", "The firms run anew, nothing else changed"


@dataclass(frozen=True)
class Row:
    """One choice and the headline under it.

    Attributes
    ----------
    kind, label
        Of `choices.KINDS`; what is different.
    value : float
        Of the outcome; NaN where the run has no answer.
    seconds : float
        Of processor.
    residual : float
        Of the certificate; NaN without an answer.
    problem : str
        Why there is none.
    """

    kind: str
    label: str
    value: float
    seconds: float = 0.0
    residual: float = float("nan")
    problem: str = ""


@dataclass(frozen=True, eq=False)
class Robustness:
    """A headline under alternative choices.

    Attributes
    ----------
    outcome, unit, country
        What is read off every run.
    value : float
        The answer itself.
    against : float
        What alternatives are held against where firms are made anew: the same chain with nothing changed. NaN where no
        firms are made anew.
    rows : tuple of Row
        The chain run anew, if any, then one row by alternative.
    untouched : dict of kind to str
        Kinds of choices that cannot move this answer, and why.
    notes : tuple of str
    seconds : float
    """

    outcome: str
    unit: str
    country: str
    value: float
    against: float
    rows: tuple[Row, ...]
    untouched: dict[str, str]
    notes: tuple[str, ...]
    seconds: float

    @property
    def answered(self) -> tuple[Row, ...]:
        """Alternatives with an answer."""
        return tuple(row for row in self.rows if np.isfinite(row.value) and row.label != RUN_ANEW)

    def base_of(self, kind: str) -> float:
        """What an alternative of a kind is held against."""
        from firmtrade_core.analysis.robustness.choices import OF_FIRMS

        return self.against if kind in OF_FIRMS else self.value

    @property
    def same_sign(self) -> float:
        """Share of alternatives with the answer's sign; NaN without any."""
        found = self.answered
        if not found:
            return float("nan")
        return float(np.mean([_sign(row.value) == _sign(self.value) for row in found]))

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest answer, the given one included."""
        values = [self.value, *(row.value for row in self.answered)]
        return min(values), max(values)

    @property
    def sentence(self) -> str:
        """The finding in words."""
        found = self.answered
        if not found:
            return f"{change(self.value, self.unit)}; no alternative has an answer."
        same = sum(_sign(row.value) == _sign(self.value) for row in found)
        low, high = self.range
        if max(abs(low), abs(high)) <= NOTHING:
            return "Nothing moves, whatever is chosen."
        kind = self.most_telling
        text = (
            f"{same} of {len(found)} alternatives have the sign of the answer ({change(self.value, self.unit)}); they range from "
            f"{number(low, signed=True)} to {change(high, self.unit)}"
        )
        return (
            f"{text}. Most hangs on: {KINDS[kind][0][0].lower()}{KINDS[kind][0][1:]}." if kind else f"{text}."
        )

    @property
    def most_telling(self) -> str:
        """The kind of choice whose alternatives lie furthest from what they are held against; empty without any."""
        found = {row.kind: 0.0 for row in self.answered}
        for row in self.answered:
            found[row.kind] = max(found[row.kind], abs(row.value - self.base_of(row.kind)))
        return max(found, key=found.__getitem__, default="")

    def table(self) -> pd.DataFrame:
        """One row by choice: kind, label, where it begins, value, difference from what it is held against, sign, problem."""
        rows = [
            {
                "kind": KINDS[row.kind][0],
                "choice": row.label,
                "begins_at": KINDS[row.kind][1],
                "value": row.value,
                "difference": row.value - self.base_of(row.kind),
                "same_sign": bool(np.sign(row.value) == np.sign(self.value))
                if np.isfinite(row.value)
                else None,
                "seconds": row.seconds,
                "residual": row.residual,
                "remark": row.problem,
            }
            for row in self.rows
        ]
        rows += [
            {
                "kind": KINDS[kind][0],
                "choice": "does not move this answer",
                "begins_at": KINDS[kind][1],
                "value": np.nan,
                "difference": np.nan,
                "same_sign": None,
                "seconds": 0.0,
                "residual": np.nan,
                "remark": why,
            }
            for kind, why in self.untouched.items()
        ]
        frame = pd.DataFrame(rows)
        if len(frame):
            frame["same_sign"] = frame["same_sign"].astype("boolean")
        frame["unit"] = self.unit
        return frame


def robustness(
    scenario: Scenario,
    world: World,
    home: HomeFirms | None = None,
    *,
    country: str,
    outcome: str = "real_income",
    start: Start | None = None,
    kinds: Sequence[str] = (),
    progress: Progress = silent,
    checkpoints: Checkpoints | None = None,
    edition: int = EDITION,
) -> Robustness:
    """Run a scenario under every alternative choice.

    Parameters
    ----------
    scenario, world, home
        As `compile`.
    country, outcome
        Whose and which of `uncertainty.COUNTRY_OUTCOMES`.
    start
        Where firms come from, for scenarios with programmes: a design of invented firms, raw files, or a panel. Without it
        choices on firms are not run, and the table says so.
    kinds
        Of `choices.KINDS`; all unless given.
    progress, checkpoints
        Of a job: finished runs are kept, a run called off goes on from them.

    Raises
    ------
    ScenarioError, EquilibriumError
        The scenario itself has no answer.
    UncertaintyError
        For an outcome that no country has, or a kind that there is not.
    """
    began = time.process_time()
    if outcome not in COUNTRY_OUTCOMES:
        raise UncertaintyError(
            f"{outcome} is no outcome of a country; choose among {', '.join(COUNTRY_OUTCOMES)}."
        )
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise UncertaintyError(f"{unknown[0]} is no kind of choice; choose among {', '.join(KINDS)}.")
    place = world.country_index(country)
    scenario = resolved(scenario, home)
    progress(0.0, "Solving the answer itself")
    value = float(outcomes(run(scenario, world, home=home))[outcome][place])
    chain = (
        FirmChain(start, programme_attributes(scenario)) if start is not None and treats(scenario) else None
    )
    asked = [c for c in choices(scenario, world, home, chain) if not kinds or c.kind in kinds]
    firms = [c for c in asked if c.chain is not None]
    if chain is not None and firms:
        asked.insert(0, Choice("process", RUN_ANEW, chain=chain))
    rows = _runs(asked, scenario, world, home, outcome, place, progress, checkpoints)
    against = next((row.value for row in rows if row.label == RUN_ANEW), float("nan"))
    notes = []
    if firms:
        notes.append(
            f"Choices on firms run from their start on firms of their own, and are held against the same run with nothing changed "
            f"({change(against, COUNTRY_OUTCOMES[outcome])})."
        )
    why = {k: v for k, v in untouched(scenario, home, world, chain).items() if not kinds or k in kinds}
    return Robustness(
        outcome,
        COUNTRY_OUTCOMES[outcome],
        country,
        value,
        against,
        tuple(rows),
        why,
        tuple(notes),
        time.process_time() - began,
    )


def _runs(
    asked: list[Choice],
    scenario: Scenario,
    world: World,
    home: HomeFirms | None,
    outcome: str,
    place: int,
    progress: Progress,
    checkpoints: Checkpoints | None,
) -> list[Row]:
    """Rows in the order asked, finished ones from their checkpoints, the others one by one or on a cluster."""
    known: dict[int, Row] = {}
    keys = [
        (
            EDITION,
            world.content_hash,
            home.content_hash if home else "",
            outcome,
            place,
            *_told(choice, scenario),
        )
        for choice in asked
    ]
    if checkpoints is not None:
        for at, key in enumerate(keys):
            if checkpoints.file("choice", key).is_file():
                again = partial(_one, scenario, world, home, outcome, place, asked[at])
                known[at] = checkpoints.step("choice", key, again)
    left = [at for at in range(len(asked)) if at not in known]
    if not left:
        return [known[at] for at in range(len(asked))]
    # Pieces of a cluster come back together; here each is kept as it is done.
    from firmtrade_core.jobs.spread import wanted

    groups = [left] if wanted() else [[at] for at in left]
    for group in groups:

        def told(share: float, words: str, before: int = len(known), size: int = len(group)) -> None:
            done = before + round(share * size)
            progress(done / len(asked), words)

        progress(len(known) / len(asked), f"{KINDS[asked[group[0]].kind][0]}: {asked[group[0]].label}")
        found = spread(
            _one,
            [asked[at] for at in group],
            shared=(scenario, world, home, outcome, place),
            progress=told if wanted() else silent,
            words="Choice {done} of {all}",
        )
        for at, row in zip(group, found, strict=True):
            known[at] = row
            if checkpoints is not None:
                known[at] = checkpoints.step("choice", keys[at], partial(_same, row))
    return [known[at] for at in range(len(asked))]


def _same(row: Row) -> Row:
    return row


def _sign(value: float) -> int:
    """-1, 0 or 1; what certificates do not tell from nothing is nothing."""
    return 0 if abs(value) <= NOTHING else (1 if value > 0 else -1)


def _told(choice: Choice, scenario: Scenario) -> tuple[object, ...]:
    """What identifies a run."""
    chain = choice.chain
    return (
        choice.kind,
        choice.label,
        (choice.scenario or scenario).content_hash,
        choice.world,
        "" if chain is None else content_hash(chain),
    )


def _one(
    scenario: Scenario, world: World, home: HomeFirms | None, outcome: str, place: int, choice: Choice
) -> Row:
    """One run from its start."""
    began = time.process_time()
    try:
        firms = home if choice.chain is None else choice.chain.run(world)
        found = run(choice.scenario or scenario, _world(world, choice.world), home=firms)
        value = float(outcomes(found)[outcome][place])
        residual = found.certificate.largest
    except _ERRORS as error:
        return Row(choice.kind, choice.label, float("nan"), time.process_time() - began, problem=str(error))
    return Row(choice.kind, choice.label, value, time.process_time() - began, residual)


def _world(world: World, change: str) -> World:
    if change == "no_links":
        return world.with_(inputs=None, name=f"{world.name}, without input-output links")
    if change.startswith("cells_"):
        return drawn_worlds(_Held(world), 0)[0][int(change.removeprefix("cells_"))]
    return world

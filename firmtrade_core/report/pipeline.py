"""The whole way in one run: raw files, panel, capability, channels, home firms, a scenario solved, a briefing.

Every stage is kept under the hash of what it depends on and of all stages before it: a run that was stopped, or that
asks for another scenario, begins where it must and not before.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from firmtrade_core.analysis.alternatives import own_law
from firmtrade_core.analysis.programmes import evaluate_programme
from firmtrade_core.analysis.uncertainty import UncertaintyError, bands
from firmtrade_core.attribution import (
    AttributionError,
    attribute_firms,
    attribute_productivity,
    attribute_scenario,
    read_history,
)
from firmtrade_core.capability import CapabilityError, CapabilityResults, Learner, Settings, estimate
from firmtrade_core.capability.learners import Kind
from firmtrade_core.capability.sources import from_panel
from firmtrade_core.channels import ChannelError, ChannelTable
from firmtrade_core.channels import Settings as ChannelSettings
from firmtrade_core.channels.from_panel import Question, draw_sample
from firmtrade_core.channels.from_panel import report as study_all
from firmtrade_core.channels.work import CAPABILITY, default_questions
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.errors import ProfitsError
from firmtrade_core.figures.outcomes import Headline, headlines, sector_outcomes
from firmtrade_core.figures.uncertainty import banded, bands_wanted
from firmtrade_core.harmonise import pipeline as harmonising
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.from_panel import home_firms
from firmtrade_core.home.making import ROUNDS, TOLERANCE
from firmtrade_core.home.outcomes import exporters
from firmtrade_core.jobs import Checkpoints, Progress, content_hash, part, silent
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.confidentiality import FEWEST_FIRMS
from firmtrade_core.panel.validation import validate
from firmtrade_core.paths import write_whole
from firmtrade_core.report.briefing_page import briefing_page
from firmtrade_core.report.export import about_result, to_parquet
from firmtrade_core.report.pipeline_result import Findings, PipelineResult, Stage
from firmtrade_core.scenarios import Programme, Scenario, run
from firmtrade_core.scenarios.results import country_table
from firmtrade_core.words.scenario import describe
from firmtrade_core.world.world import World

Result = TypeVar("Result")

#: Raised when results change, so that stored stages are not taken for them.
EDITION = 1

#: Finished stages lie here, inside the output; they hold single firms.
STEPS = ".steps"

#: Words by which invented raw files say so (`panel.synthetic.raw.LABEL`).
INVENTED = "SYNTHETIC DATA"

#: Stages in order: label, and the share of the work at which each ends.
STAGES: dict[str, tuple[str, float]] = {
    "harmonise": ("Harmonising raw files", 0.2),
    "panel": ("Checking the panel", 0.24),
    "capability": ("Estimating capability", 0.5),
    "channels": ("Estimating what attributes do", 0.8),
    "home": ("Putting the firms into the world", 0.84),
    "scenario": ("Solving the scenario", 0.95),
    "briefing": ("Writing the briefing", 1.0),
}


class PipelineError(ValueError):
    """A stage cannot be carried out. The message names it and says what to change."""


@dataclass(frozen=True)
class Plan:
    """Everything that a person chooses.

    Parameters
    ----------
    files
        Raw files, concordances and rates, in any order.
    world
        The firms' country must be in it.
    scenario
        Solved with the firms family, whatever it says itself.
    salt
        Secret of hashed identifiers.
    harmonise
        With ``home``, the firms' country.
    learner, seed
        Of the estimator of capability.
    attributes
        Whose effects are estimated: all that programmes move and the panel has unless given; an empty tuple for none.
    channels
        Learners, folds, repetitions.
    synthetic
        Whether the firms are invented, which every page of the briefing then says.
    """

    files: tuple[Path, ...]
    world: World
    scenario: Scenario
    salt: Path
    harmonise: harmonising.Settings
    learner: Kind = "boosting"
    seed: int = 0
    attributes: tuple[str, ...] | None = None
    channels: ChannelSettings = field(default_factory=ChannelSettings)
    synthetic: bool = False


class _Stages:
    """Stages in order, each found finished or carried out, with a note of which."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.checkpoints = Checkpoints(folder)
        self.progress = progress
        self.key = content_hash(EDITION)
        self.done: list[Stage] = []

    def run(
        self,
        name: str,
        depends_on: object,
        compute: Callable[[Progress], Result],
        needs: tuple[Path, ...] = (),
    ) -> Result:
        """The result of a stage.

        Parameters
        ----------
        needs
            What the stage writes: where one is gone, it is carried out again.
        """
        self.key = content_hash(self.key, name, depends_on)
        kept = self.checkpoints.file(name, self.key)
        if kept.is_file() and not all(path.exists() for path in needs):
            kept.unlink()
        reused, began = kept.is_file(), time.perf_counter()
        start = self._end(self.done[-1].name) if self.done else 0.0
        label, end = STAGES[name]
        self.progress(start, f"{label}{' (done before)' if reused else ''}")
        told = part(self.progress, start, end)
        result = self.checkpoints.step(
            name, self.key, lambda: compute(lambda share, words: told(share, f"{label}: {words}"))
        )
        self.done.append(Stage(name, reused, time.perf_counter() - began))
        return result

    @staticmethod
    def _end(name: str) -> float:
        return STAGES[name][1]


def _one_order(work: Callable[..., PipelineResult]) -> Callable[..., PipelineResult]:
    """The work with linear algebra on one thread: several add up in another order, and the last bits with them."""

    @wraps(work)
    def alone(*given: Any, **named: Any) -> PipelineResult:
        import_module("scipy.linalg")  # a limit reaches only libraries already loaded
        with threadpool_limits(1, user_api="blas"):
            return work(*given, **named)

    return alone


@_one_order
def run_pipeline(plan: Plan, folder: Path, *, progress: Progress = silent) -> PipelineResult:
    """Carry a plan out, resuming what an earlier run in the same folder has finished.

    Raises
    ------
    PipelineError
        If the panel does not carry an estimate.
    HarmoniseError, PanelError, CapabilityError, FirmsError, ScenarioError, EquilibriumError
        Naming what to mend; finished stages are kept.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stages = _Stages(folder / STEPS, progress)
    notes: list[str] = []
    panel_folder = folder / "harmonised" / "panel"
    outcome = stages.run(
        "harmonise",
        (tuple(sorted(plan.files)), plan.salt, plan.harmonise),
        lambda told: _harmonised(plan, folder, told),
        (panel_folder / "firms.parquet",),
    )
    panel = FirmPanel.from_parquet(panel_folder).with_metadata(synthetic=plan.synthetic)
    year = panel.years[-1]
    firms = stages.run("panel", (plan.synthetic,), lambda told: _checked(panel, year))
    growth = _growth(panel)
    results = stages.run(
        "capability", (plan.learner, plan.seed, year), lambda told: _capability(panel, plan, year, told)
    )
    effects, said = stages.run(
        "channels",
        (plan.attributes, plan.channels),
        lambda told: _channels(panel, plan, year, told),
    )
    notes += said
    effects.save(folder / "effects.json")
    home_file = folder / "home.parquet"
    stages.run("home", (), lambda told: _home(results, panel, effects, year, home_file), (home_file,))
    home = HomeFirms.load(home_file)
    findings = stages.run(
        "scenario",
        (plan.world.content_hash, plan.scenario.content_hash, home.content_hash),
        lambda told: _findings(plan.scenario, plan.world, home, folder),
        (folder / "results.parquet",),
    )
    notes += [findings.note] if findings.note else []
    parameters = results.parameters, results.diagnostics
    made = PipelineResult(
        folder,
        (),
        outcome,
        parameters,
        effects,
        growth,
        _named(firms, plan.world),
        findings,
        (*outcome.notes, *notes),
    )
    return _with_briefing(made, plan, stages)


def _with_briefing(made: PipelineResult, plan: Plan, stages: _Stages) -> PipelineResult:
    from dataclasses import replace

    began = time.perf_counter()
    stages.progress(STAGES["scenario"][1], STAGES["briefing"][0])
    write_whole(made.briefing, briefing_page(made, synthetic=plan.synthetic))
    stages.progress(1.0, "Done")
    done = (*stages.done, Stage("briefing", False, time.perf_counter() - began))
    return replace(made, stages=done)


def is_invented(files: tuple[Path, ...]) -> bool:
    """Whether a text file among the raw ones says that all of them are invented."""
    texts = [
        path for path in files if path.suffix.lower() in (".txt", ".md") and path.stat().st_size < 100_000
    ]
    return any(INVENTED in path.read_text(encoding="utf-8", errors="replace") for path in texts)


def _named(firms: pd.DataFrame, world: World) -> pd.DataFrame:
    """Sectors by name where the world has them."""
    names = {code: world.sector_name(code) for code in world.sectors}
    return firms.assign(sector=[names.get(code, code) for code in firms["sector"]])


# Stages -----------------------------------------------------------------------------------------


def _harmonised(plan: Plan, folder: Path, progress: Progress) -> harmonising.Outcome:
    # Steps within harmonising hold names of firms: they go as soon as it is done.
    within = folder / STEPS / "harmonise"
    outcome = harmonising.harmonise(
        plan.files,
        folder / "harmonised",
        plan.salt,
        plan.harmonise,
        progress=progress,
        checkpoints=Checkpoints(within / "checkpoints"),
    )
    shutil.rmtree(within, ignore_errors=True)
    if plan.synthetic:
        _mark_invented(folder / "harmonised" / "panel" / "panel.json")
    return outcome


def _mark_invented(path: Path) -> None:
    about = json.loads(path.read_text(encoding="utf-8"))
    about |= {"synthetic": True, "name": f"Invented firms of {country_name(about['home'])}"}
    write_whole(path, json.dumps(about, ensure_ascii=False, indent=1))


def _checked(panel: FirmPanel, year: int) -> pd.DataFrame:
    """Firms by sector in the baseline year, once the panel holds against its rules."""
    report = validate(panel)
    if not report.usable:
        raise PipelineError(f"The harmonised panel is not usable.\n{report.text()}")
    if not panel.attributes:
        raise PipelineError(
            "The firm tables say nothing of what firms are like: add age, skills, certificates, deliveries or other "
            "attributes, by firm and year."
        )
    table = panel.firms[panel.firms["year"] == year]
    export = table["exports"].fillna(0) > 0 if "exports" in table else pd.Series(False, index=table.index)
    grouped = export.groupby(table["sector"].astype(str))
    counts = pd.DataFrame({"firms": grouped.size(), "exporters": grouped.sum()})
    counts = counts[counts["firms"] >= FEWEST_FIRMS]
    # Exporters are few in some sectors, or all but few: fewer than five are not told apart from none.
    exporting, other = counts["exporters"], counts["firms"] - counts["exporters"]
    safe = (exporting >= FEWEST_FIRMS) & ((other >= FEWEST_FIRMS) | (other == 0))
    counts["exporters"] = exporting.astype(float).where(safe)
    return counts.sort_values("firms", ascending=False).rename_axis("sector").reset_index()


def _growth(panel: FirmPanel) -> tuple[str, ...]:
    """What firms did between the first and the last year that customs cover."""
    try:
        history = read_history(panel)
        first, last = history.years[0], history.years[-1]
        if first == last:
            return ()
        said = [attribute_firms(history, first, last).sentence()]
        said += [attribute_productivity(history, first, last, name).sentence() for name in history.measures]
        return tuple(said)
    except AttributionError as error:
        return (f"Past growth among the firms is not shown. {error}",)


def _capability(panel: FirmPanel, plan: Plan, year: int, progress: Progress) -> CapabilityResults:
    settings = Settings(
        learner=Learner(kind=plan.learner),
        two_indices=True,
        tune=False,
        rounds=ROUNDS,
        tolerance=TOLERANCE,
        seed=plan.seed,
    )
    try:
        return estimate(
            from_panel(panel, years=[year]), settings, progress=lambda words, share: progress(share, words)
        )
    except CapabilityError as error:
        raise PipelineError(
            f"Capability cannot be estimated from {panel.metadata.label}, {year}. {error}"
        ) from error


def _channels(
    panel: FirmPanel, plan: Plan, year: int, progress: Progress
) -> tuple[ChannelTable, tuple[str, ...]]:
    """Effects of attributes; where none can be told, an empty table and the reason."""
    questions = (
        default_questions(panel)
        if plan.attributes is None
        else tuple(Question(name) for name in plan.attributes)
    )
    if not questions:
        return ChannelTable(()), (
            "No attribute's effect was asked for, or none that programmes move is there.",
        )
    try:
        sample = draw_sample(
            panel, questions, year=year, capability=CAPABILITY, progress=part(progress, 0.0, 0.4)
        )
        table = study_all(
            panel, questions, plan.channels, year=year, sample=sample, progress=part(progress, 0.4, 1.0)
        ).table
    except (ChannelError, PanelError) as error:
        return ChannelTable(()), (f"No effect of any attribute can be told: {error}",)
    return table, tuple(f"{name.replace('_', ' ')}: no effect. {why}" for name, why in table.refused.items())


def _home(results: CapabilityResults, panel: FirmPanel, effects: ChannelTable, year: int, path: Path) -> str:
    made = home_firms(results, panel, effects, year)
    made.save(path)
    return made.content_hash


def _with_bands(
    numbers: list[Headline], scenario: Scenario, world: World, home: HomeFirms, result: Equilibrium
) -> list[Headline]:
    """Headlines of the home country with their bands, where bands are wanted and can be drawn."""
    if not bands_wanted():
        return numbers
    try:
        return banded(numbers, bands(scenario, world, home, centre=result), home.country)
    except UncertaintyError:
        return numbers


def _findings(asked: Scenario, world: World, home: HomeFirms, folder: Path) -> Findings:
    scenario, note, result = _solved(asked, world, home)
    write_whole(folder / "results.parquet", to_parquet(result, scenario))
    i = world.country_index(home.country)
    who = country_name(home.country)
    counted = exporters(result)
    firms, pairs = counted.firms.sum(1), counted.pairs.sum((1, 2))
    percent, dollars = sector_outcomes(result, home.country, "exports")
    change = (result.border_value - world.border_value)[i].sum(1)
    codes = list(world.countries)
    return Findings(
        describe(scenario, world),
        home.country,
        tuple(_with_bands(headlines(result, home.country, who), scenario, world, home, result)),
        {
            "Home firms that export": (float(firms[0]), float(firms[1])),
            "Firm-market pairs": (float(pairs[0]), float(pairs[1])),
        },
        country_table(result)[["country", "real_income", "equivalent_variation"]]
        .assign(name=[country_name(code) for code in codes], real_income=lambda t: 100 * t["real_income"])
        .sort_values("real_income", ascending=False),
        pd.DataFrame(
            {
                "name": [world.sector_name(code) for code in world.sectors],
                "percent": percent,
                "dollars": dollars,
            }
        ),
        pd.DataFrame(
            {
                "name": [country_name(code) for code in codes],
                "exports": change,
                # What a destination's few firms do is not told.
                "firms": np.where(
                    home.open_markets(world), counted.pairs[1].sum(0) - counted.pairs[0].sum(0), np.nan
                ),
            }
        )
        .drop(index=i)
        .sort_values("exports", key=np.abs, ascending=False),
        attribute_scenario(result, home.country, scenario.name).waterfall(),
        _programmes(scenario, world, home),
        about_result(scenario, result),
        note,
    )


def _solved(asked: Scenario, world: World, home: HomeFirms) -> tuple[Scenario, str, Equilibrium]:
    """The scenario under the firms' own law, what was changed for that, and the result."""
    ways = own_law(asked)
    for scenario, note in ways:
        try:
            return scenario, note, run(scenario, world, home=home)
        except ProfitsError:
            if scenario is ways[-1][0]:
                raise
    raise AssertionError("own_law names at least one way")


def _programmes(scenario: Scenario, world: World, home: HomeFirms) -> pd.DataFrame:
    rows = []
    for position, card in enumerate(scenario.cards):
        if not isinstance(card, Programme) or not card.enabled:
            continue
        found = evaluate_programme(scenario, world, home, position)
        rows.append(
            {
                "programme": card.policy.replace("_", " "),
                "treated": found.treated,
                "new_exporters": found.new_exporters,
                "exports": found.exports,
                "public_cost": found.public_cost if found.account.known else float("nan"),
                "benefit_cost": found.benefit_cost,
                "break_even": found.account.break_even,
                "evidence": found.stamp,
            }
        )
    return pd.DataFrame(rows)

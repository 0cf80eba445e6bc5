"""Causal effects in plain words: where prediction and effect part, a model card, the Python that reproduces them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from firmtrade_core.channels import Study
from firmtrade_core.channels.from_panel import ChannelReport
from firmtrade_core.channels.prediction import Prediction
from firmtrade_core.channels.work import Request
from firmtrade_core.labels import grouped, in_words, number


def plain(name: str) -> str:
    """A column's name as words."""
    return in_words(name.replace("instrument_", ""))


def parting(study: Study, prediction: Prediction) -> str:
    """Where Shapley values and effects of an attribute part, in plain words; empty where they do not (MODEL 7)."""
    effect = study.effect
    if effect is None:
        return ""
    said = [
        _parted(study, prediction.capability, effect.capability, effect.capability_interval, "capability"),
        _parted(study, prediction.fixed_cost_saving, effect.fixed_cost_saving, effect.fixed_cost_interval, "fixed costs"),
    ]  # fmt: skip
    return " ".join(words for words in said if words)


def _parted(study: Study, predicted: float, caused: float, interval: tuple[float, float], of: str) -> str:
    """Opposite signs, or a prediction outside the effect's interval; nothing where no effect on it was estimated."""
    if not math.isfinite(predicted) or interval == (0.0, 0.0):
        return ""
    name, step = plain(study.attribute), 1.0 if study.binary else study.spread
    credited, done = (number(step * value, signed=True) for value in (predicted, caused))
    per = "having it" if study.binary else "one standard deviation more"
    on = "capability" if of == "capability" else "what firms save on fixed costs"
    if interval[0] <= predicted <= interval[1]:
        if predicted * caused >= 0:
            return ""
        return (
            f"On {on}, prediction ({credited}) and effect ({done}) of {name} have opposite signs, though the effect is "
            "too uncertain to rule the prediction out."
        )
    if predicted * caused < 0:
        return (
            f"On {on}, prediction and effect of {name} point in opposite directions: the model credits {per} with "
            f"{credited}, but giving it to a firm is estimated to do {done}. Do not read the prediction as what a policy "
            "would do."
        )
    if abs(predicted) > abs(caused):
        return (
            f"On {on}, the model credits {per} with {credited}, other attributes equal, but the effect of {name} itself "
            f"is {done}: much of the difference was there before, and a policy that hands it out would not create it."
        )
    return (
        f"On {on}, the prediction ({credited}) gives {name} less than its effect ({done}): a model that predicts well need "
        "not credit the attribute that does the work."
    )


def headline(report: ChannelReport | None) -> str:
    """The page's headline: what instruments show goes beyond association, the rest holds on a condition, and says so."""
    if report is None:
        return "What would an attribute do to a firm that does not have it?"
    whose = f"what firms of {report.panel} can sell"
    sure = [e for e in report.table if not e.capability_interval[0] <= 0 <= e.capability_interval[1]]
    shown, likely = (
        [plain(e.attribute) for e in sure if e.grade == grade] for grade in ("instrument", "observables")
    )
    provided = "provided nothing unobserved moves both"
    if shown:
        said = f"Beyond association, {_listed(shown)} {_moves(shown)} {whose}"
        return f"{said}; {_listed(likely)} {_moves(likely)} it too, {provided}" if likely else said
    if likely:
        start = _listed(likely)
        return f"{start[0].upper()}{start[1:]} {_moves(likely)} {whose}, {provided}"
    return f"No attribute is shown to move {whose}"


def _moves(names: Sequence[str]) -> str:
    return "moves" if len(names) == 1 else "move"


def _listed(names: Sequence[str]) -> str:
    """Up to three names, or how many there are."""
    if len(names) > 3:
        return f"{len(names)} attributes"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def evidence(study: Study) -> str:
    """What the conclusion leans on, in a sentence; its cautions stand apart."""
    effect = study.effect
    if effect is None:
        return "No effect can be told from these data."
    return f"{effect.words[0].upper()}{effect.words[1:]}, by {plain(effect.method)}."


def python_code(request: Request) -> str:
    """A script that gives the same report."""
    if isinstance(request.source, Path):
        source, imports = f'Path("{request.source}")', "from pathlib import Path\n"
    else:
        source = f"SyntheticDesign(home={request.source.home!r}, firms={request.source.firms}, seed={request.source.seed})"
        imports = ""
    questions = "\n".join(f"    Question({q.attribute!r}, {q.instruments!r})," for q in request.questions)
    settings = request.settings
    return (
        f"{imports}from firmtrade_core.channels import Settings\n"
        "from firmtrade_core.channels.from_panel import Question\n"
        "from firmtrade_core.channels.work import Request, estimate_channels\n"
        "from firmtrade_core.panel.synthetic.structure import SyntheticDesign\n\n"
        f"questions = (\n{questions}\n)\n"
        f"settings = Settings(level={settings.level}, folds={settings.folds}, repetitions={settings.repetitions}, "
        f"learners={settings.learners!r}, seed={settings.seed})\n"
        f"report = estimate_channels(Request({source}, questions, settings, year={request.year}, "
        f"elasticity_of_substitution={request.elasticity_of_substitution}))\n"
        "print(report.table.to_frame())\n"
    )


def model_card(report: ChannelReport, request: Request) -> str:
    """Data, features, folds, choice of learners, results and limits, as Markdown."""
    settings, table = request.settings, report.table
    lines = [
        f"# Effects of firms' attributes: {report.panel}, {report.year}",
        "",
        f"- **Data**: {grouped(report.firms)} firms, {report.markets} destinations"
        + (", synthetic (no such firm exists)" if report.synthetic else ""),
        "- **Outcome**: log revenue potential (capability) from the model of entry and sales, re-estimated with every "
        "attribute and instrument among its predictors and freed of shrinkage (MODEL 7); fixed costs from entry beyond it",
        "- **Errors**: clustered by firm; those of the capability model's own parameters are included, by influence functions",
        "- **Weights**: " + (report.weights or "every firm counts the same"),
        f"- **Folds**: {settings.folds} by firm, {settings.repetitions} divisions, medians; "
        f"intervals {settings.level:.0%}; seed {settings.seed}",
        f"- **Table of effects**: {table.content_hash}; data {table.data_hash}",
        "",
        "| Attribute | Effect on capability | SHAP (prediction) | Fixed costs | Evidence | Learners (share explained out of fold) |",
        "|---|---|---|---|---|---|",
    ]
    for found in report.studies:
        learners = "; ".join(f"{plain(c.target)}: {c.learner} ({c.explained:.2f})" for c in found.choices)
        effect = found.effect
        if effect is None:
            lines.append(f"| {plain(found.attribute)} | none | none | none | none | {learners} |")
            continue
        lines.append(
            f"| {plain(found.attribute)} | {band(effect.capability, effect.capability_interval)} "
            f"| {shapley(report.prediction(found.attribute).capability)} "
            f"| {band(-effect.fixed_cost_saving, _turned(effect.fixed_cost_interval))} | {effect.words} | {learners} |"
        )
    lines += (
        ["", "## Refused", ""] + [f"- {plain(n)}: {why}" for n, why in table.refused.items()]
        if table.refused
        else []
    )
    lines += ["", "## Limits", ""]
    lines += [f"- {plain(e.attribute)}: {caution}" for e in table for caution in e.cautions]
    lines += [f"- {note}" for note in report.capability]
    lines.append(
        "- Effects are averages over firms of this sample; spillovers between firms are not measured."
    )
    return "\n".join(lines) + "\n"


def shapley(value: float) -> str:
    """A Shapley value per unit as written."""
    return number(value, signed=True) if math.isfinite(value) else "none"


def band(value: float, interval: tuple[float, float]) -> str:
    """A value with the ends of its interval."""
    ends = " to ".join(number(end, signed=True) if math.isfinite(end) else "no end" for end in interval)
    return f"{number(value, signed=True)} ({ends})"


def _turned(interval: tuple[float, float]) -> tuple[float, float]:
    return -interval[1], -interval[0]

"""Causal effects in plain words: where prediction and effect part, a model card, the Python that reproduces them."""

from __future__ import annotations

import math
from pathlib import Path

from firmtrade_core.channels import Study
from firmtrade_core.channels.from_panel import ChannelReport, Prediction
from firmtrade_core.channels.work import Request
from firmtrade_core.labels import number


def plain(name: str) -> str:
    """A column's name as words."""
    return name.replace("instrument_", "").replace("_", " ")


def parting(study: Study, prediction: Prediction) -> str:
    """Where the prediction and the effect of an attribute part, in a sentence; empty where they do not (MODEL 7)."""
    effect = study.effect
    if effect is None or not math.isfinite(prediction.capability):
        return ""
    low, high = effect.capability_interval
    if low <= prediction.capability <= high:
        return ""
    name, step = plain(study.attribute), 1.0 if study.binary else study.spread
    predicted, caused = (
        number(step * value, signed=True) for value in (prediction.capability, effect.capability)
    )
    firms = "Firms that have it" if study.binary else "Firms with one standard deviation more"
    if prediction.capability * effect.capability < 0:
        return (
            f"Prediction and effect of {name} point in opposite directions: firms with more of it are predicted {predicted}, "
            f"but giving it to a firm is estimated to do {caused}. Do not read the prediction as what a policy would do."
        )
    if abs(prediction.capability) > abs(effect.capability):
        return (
            f"{firms} are more capable by {predicted}, other attributes equal, but the effect of {name} itself is "
            f"{caused}: much of the difference was there before, and a policy that hands it out would not create it."
        )
    return (
        f"The prediction ({predicted}) gives {name} less than its effect ({caused}): a model that predicts well need not "
        "credit the attribute that does the work."
    )


def evidence(study: Study) -> str:
    """What the conclusion leans on, in a sentence."""
    effect = study.effect
    if effect is None:
        return "No effect can be told from these data."
    cautions = " ".join(effect.cautions)
    return f"{effect.words[0].upper()}{effect.words[1:]}, by {plain(effect.method)}. {cautions}".strip()


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
        f"- **Data**: {report.firms:,} firms, {report.markets} destinations"
        + (", synthetic (no such firm exists)" if report.synthetic else ""),
        "- **Outcome**: log revenue potential (capability) from the model of entry and sales, re-estimated with every "
        "attribute and instrument among its predictors and freed of shrinkage (MODEL 7); fixed costs from entry beyond it",
        f"- **Folds**: {settings.folds} by firm, {settings.repetitions} divisions, medians; errors clustered by firm; "
        f"intervals {settings.level:.0%}; seed {settings.seed}",
        f"- **Table of effects**: {table.content_hash}; data {table.data_hash}",
        "",
        "| Attribute | Effect on capability | Fixed costs | Evidence | Learners (share explained out of fold) |",
        "|---|---|---|---|---|",
    ]
    for found in report.studies:
        learners = "; ".join(f"{plain(c.target)}: {c.learner} ({c.explained:.2f})" for c in found.choices)
        effect = found.effect
        if effect is None:
            lines.append(f"| {plain(found.attribute)} | none | none | none | {learners} |")
            continue
        lines.append(
            f"| {plain(found.attribute)} | {band(effect.capability, effect.capability_interval)} "
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


def band(value: float, interval: tuple[float, float]) -> str:
    """A value with the ends of its interval."""
    ends = " to ".join(number(end, signed=True) if math.isfinite(end) else "no end" for end in interval)
    return f"{number(value, signed=True)} ({ends})"


def _turned(interval: tuple[float, float]) -> tuple[float, float]:
    return -interval[1], -interval[0]

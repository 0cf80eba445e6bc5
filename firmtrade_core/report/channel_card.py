"""What leaves the Channels page: the model card, and the code that gives the same numbers."""

from __future__ import annotations

from firmtrade_core.channels import Study
from firmtrade_core.channels.from_panel import ChannelReport
from firmtrade_core.channels.work import Request
from firmtrade_core.labels import grouped, in_percent, number
from firmtrade_core.report.as_code import as_code, imports
from firmtrade_core.words.channels import band, plain, shapley, trials, turned


def python_code(request: Request) -> str:
    """A script that gives the same numbers: everything asked for that a default does not say."""
    code = f"report = estimate_channels({as_code(request)})"
    return f"{imports(code, _HOMES)}\n\n{code}\nprint(report.table.to_frame())\n"


#: Where the code finds what it calls.
_HOMES = {
    "Path": "pathlib",
    "Question": "firmtrade_core.channels.from_panel",
    "Request": "firmtrade_core.channels.work",
    "Settings": "firmtrade_core.channels",
    "SyntheticDesign": "firmtrade_core.panel.synthetic.structure",
    "estimate_channels": "firmtrade_core.channels.work",
}


def model_card(report: ChannelReport, request: Request) -> str:
    """Data, features, folds, choice of learners, effects, tests, what was refused, and limits, as Markdown."""
    settings, table = request.settings, report.table
    lines = [
        f"# Effects of firms' attributes: {report.panel}, {report.year}",
        "",
        "## Data",
        "",
        f"- {grouped(report.firms)} firms, {report.markets} destinations"
        + (", synthetic (no such firm exists)" if report.synthetic else ". Real firms; averages only"),
        "- **Weights**: " + (report.weights or "every firm counts the same"),
        f"- **Table of effects**: {table.content_hash}; data {table.data_hash}",
        "",
        "## Estimation",
        "",
        "- **Outcome**: log revenue potential (capability) from the model of entry and sales, re-estimated with every "
        "attribute and instrument among its predictors and freed of shrinkage (MODEL 7); fixed costs from entry beyond it",
        "- **Errors**: clustered by firm; those of the capability model's own parameters are included, by influence functions",
        f"- **Folds**: {settings.folds} by firm, {settings.repetitions} divisions, medians; "
        f"intervals {in_percent(settings.level)}; seed {settings.seed}",
        f"- **Learners compared**: {', '.join(settings.learners)}; the smallest loss out of fold serves",
        *([f"- **Left out of the controls**: {', '.join(map(plain, request.leave_out))}"] if request.leave_out else []),
        "",
        "## Effects",
        "",
        "| Attribute | Effect on capability | SHAP (prediction) | Fixed costs | Evidence | Firms |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for found in report.studies:
        effect = found.effect
        told = ["none", "none", "none", "none"] if effect is None else [
            band(effect.capability, effect.capability_interval),
            shapley(report.prediction(found.attribute).capability),
            band(-effect.fixed_cost_saving, turned(effect.fixed_cost_interval)),
            effect.words,
        ]  # fmt: skip
        lines.append(f"| {' | '.join([plain(found.attribute), *told, grouped(found.firms)])} |")
    for found in report.studies:
        lines += _card_of(found)
    if table.refused:
        lines += ["", "## Refused", "", *(f"- {plain(name)}: {why}" for name, why in table.refused.items())]
    lines += ["", "## Limits", "", *(f"- {note}" for note in report.capability)]
    lines.append(
        "- Effects are averages over firms of this sample; spillovers between firms are not measured."
    )
    return "\n".join(lines) + "\n"


def _card_of(study: Study) -> list[str]:
    """One attribute's features, methods, learners with the losses of all, tests, refusals and cautions."""
    lines = ["", f"## {plain(study.attribute).capitalize()}", ""]
    if study.unit:
        lines.append(f"- **Unit**: {study.unit}; standard deviation {number(study.spread)}")
    lines.append(
        f"- **Controls** ({len(study.controls)}): {', '.join(plain(name) for name in study.controls)}"
    )
    if study.instruments is not None:
        lines.append(f"- **Instruments**: {', '.join(plain(name) for name in study.instruments.names)}")
    lines += [f"- {note}" for note in study.notes]
    lines += ["", "| Method | On | Effect | Compares |", "|---|---|---|---|"]
    lines += [
        f"| {r.method} | {r.of} | {band(r.effect, (r.low, r.high))} | {r.meaning} |" for r in study.readings
    ]
    lines += [
        "",
        "| Predicted from controls | Learner | Loss out of fold over a constant's, by learner |",
        "|---|---|---|",
    ]
    for choice in study.choices:
        losses = ", ".join(f"{name} {loss:.3f}" for name, loss in choice.losses)
        lines.append(f"| {plain(choice.target)} | {choice.learner} | {losses} |")
    lines += ["", "| Test | Result | Chance | Reading |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in trials(study)]
    said = [*(f"{step}: not told. {why}" for step, why in study.refused.items())]
    said += [] if study.effect is None else study.effect.cautions
    return [*lines, "", *(f"- {line}" for line in said)] if said else lines

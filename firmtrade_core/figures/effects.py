"""Charts of causal effects: methods side by side, effects beside predictions, overlap, balance, hidden confounders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from firmtrade_core.channels import Study
from firmtrade_core.channels.from_panel import ChannelReport
from firmtrade_core.channels.groups import GroupEffects
from firmtrade_core.channels.identification import NAIVE
from firmtrade_core.channels.prediction import Prediction
from firmtrade_core.channels.sensitivity import Sensitivity
from firmtrade_core.channels.support import MOST_WITHOUT_LIKE, UNBALANCED, Balance, Overlap
from firmtrade_core.codes.sectors import sector_words
from firmtrade_core.figures.chart import ACCENT, EDGE, MUTED, TEXT, Chart, base_layout, upright
from firmtrade_core.figures.intervals import ROW_HEIGHT, Row
from firmtrade_core.figures.intervals import axis_words as _words
from firmtrade_core.figures.intervals import inside_words as _inside
from firmtrade_core.figures.intervals import interval_rows as _intervals
from firmtrade_core.figures.intervals import interval_words as _interval
from firmtrade_core.figures.intervals import quiet_axis as _axis
from firmtrade_core.figures.row_names import margin_for, named_rows, row_height
from firmtrade_core.labels import grouped, in_percent, in_words, number, probability

#: What an attribute may move.
Of = Literal["capability", "fixed costs"]

#: Okabe-Ito's orange: the second series, where one accent will not do.
SECOND = "#E69F00"

#: Most rows of a balance chart, the worst first.
MOST_CONTROLS = 12


def readings_chart(study: Study, source: str) -> Chart:
    """Every method's effect on capability, the weakest evidence first, robust sets last."""
    rows = []
    for reading in study.readings:
        if reading.of == "fixed costs":
            continue
        colour = MUTED if reading.grade == "association" else ACCENT
        on = " (exports)" if reading.of == "exports" else ""
        rows.append(
            Row(f"{reading.method}{on}", reading.effect, reading.low, reading.high, colour,
                f"<b>{reading.method}</b><br>{_interval(reading.effect, reading.low, reading.high)}<br>{reading.meaning}")
        )  # fmt: skip
    for found in study.instruments.sets if study.instruments else ():
        for low, high in found.parts:
            name = f"Set: {found.test}"
            rows.append(
                Row(
                    name, None, low, high, ACCENT, f"<b>{found.test}</b><br>{found.words}{_noted(found.note)}"
                )
            )
    return _intervals(
        rows, _readings_title(study), f"Effect of {_step(study)} on log revenue potential, {in_percent(study.level)} intervals",
        source, name_width=270, unit="log points per unit",
    )  # fmt: skip


def _readings_title(study: Study) -> str:
    naive, effect = study.reading(NAIVE), study.effect
    if effect is None or naive is None:
        return "No method can tell an effect"
    if effect.grade == "association":
        if study.overlap is not None and study.overlap.treated_without_like > MOST_WITHOUT_LIKE:
            return "Most firms that have it have no like without it: an association"
        return "Firms alike in all controls still differ, but unseen differences remain: an association"
    if effect.capability_interval[0] <= 0 <= effect.capability_interval[1]:
        return "The best evidence cannot tell the effect from none"
    share = effect.capability / naive.effect if naive.effect else math.nan
    if 0 < share < 0.8:
        return f"The naive premium overstates the effect {1 / share:.1f} times"
    if share < 0:
        return "The naive premium has the wrong sign"
    return (
        "The effect is about as large as the naive premium"
        if share < 1.25
        else "The naive premium hides part of the effect"
    )


def beside_prediction_chart(report: ChannelReport, source: str, of: Of = "capability") -> Chart:
    """Effects with intervals beside Shapley values of the capability model, for a usual step of each attribute."""
    rows, apart, count = [], 0, 0
    for found in report.studies:
        told = _effect_and_prediction(found, report.prediction(found.attribute), of)
        if told is None:
            continue
        effect, (low, high), predicted, words = told
        count += 1
        name = in_words(found.attribute)
        rows.append(
            Row(name, effect, low, high, ACCENT, f"<b>{name}: effect</b><br>{_interval(effect, low, high)}<br>{words}")
        )  # fmt: skip
        if math.isfinite(predicted):
            apart += not low <= predicted <= high
            hover = f"<b>{name}: prediction (SHAP)</b><br>{number(predicted, signed=True)}"
            rows.append(Row("", predicted, predicted, predicted, SECOND, hover, False))
    named = "capability" if of == "capability" else "fixed costs"
    title = f"On {named}, SHAP lies outside the effect's interval for {apart} of {count} attributes"
    unit = "log revenue potential" if of == "capability" else "log fixed costs saved"
    return _intervals(
        rows, title if apart else f"On {named}, SHAP lies within every effect's interval",
        f"{unit[0].upper()}{unit[1:]}, of a usual step (having it, 10 points of a share, else one standard deviation) · full: effect, open: SHAP",
        source, name_width=190, unit="log points",
    )  # fmt: skip


def shapley_chart(study: Study, prediction: Prediction, source: str, of: Of = "capability") -> Chart:
    """Shapley values along an attribute, and the line that its effect would draw, with its interval.

    Raises
    ------
    ValueError
        Where there is no effect or no Shapley value to show.
    """
    told = _effect_and_prediction(study, prediction, of)
    if told is None or not prediction.shape or not math.isfinite(told[2]):
        raise ValueError(f"{study.attribute} has no effect or no Shapley values on {of}.")
    step, _ = study.step
    effect, low, high, predicted = (each / step for each in (told[0], *told[1], told[2]))
    x = np.array([point[0] for point in prediction.shape])
    firms = np.array([point[3] for point in prediction.shape])
    credited = np.array([point[1 if of == "capability" else 2] for point in prediction.shape])
    centre, level = float(np.average(x, weights=firms)), float(np.average(credited, weights=firms))
    line = np.linspace(x.min(), x.max(), 2) - centre
    data: list[dict[str, Any]] = []
    if math.isfinite(low) and math.isfinite(high):
        # A band through the centre: two triangles.
        around = np.array([x.min(), centre, x.max()]) - centre
        upper, lower = np.maximum(low * around, high * around), np.minimum(low * around, high * around)
        data.append(
            {"type": "scatter", "mode": "lines", "x": [*(centre + around), *(centre + around)[::-1]],
             "y": [*upper, *lower[::-1]], "fill": "toself", "line": {"width": 0}, "fillcolor": ACCENT, "opacity": 0.18,
             "hoverinfo": "skip"}
        )  # fmt: skip
    data += [
        {"type": "scatter", "mode": "lines", "x": (centre + line).tolist(), "y": (effect * line).tolist(),
         "line": {"color": ACCENT, "width": 2.5},
         "hovertemplate": f"effect {number(effect, signed=True)} per unit<extra></extra>"},
        {"type": "scatter", "mode": "markers", "x": x.tolist(), "y": (credited - level).tolist(),
         "marker": {"size": 9, "color": SECOND, "symbol": "circle-open", "line": {"width": 2, "color": SECOND}},
         "customdata": [f"{count} firms" for count in firms.tolist()],
         "hovertemplate": "%{x:.3g}: SHAP %{y:+.3f}<br>%{customdata}<extra></extra>"},
    ]  # fmt: skip
    name = in_words(study.attribute)
    unit = "log revenue potential" if of == "capability" else "log fixed costs saved"
    layout = base_layout(
        margin={"l": 52, "r": 12, "t": 4, "b": 36},
        dragmode=False,
        hovermode="closest",
        xaxis=_axis(title=_words(f"{name}, {study.unit}" if study.unit else name)),
        yaxis=_axis(title=_words(unit)),
        shapes=[{"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": 0, "y1": 0, "line": {"color": MUTED, "width": 1}}],
    )  # fmt: skip
    if study.binary:
        layout["xaxis"] |= {"tickvals": [0, 1], "ticktext": ["without", "with"], "range": [-0.25, 1.25]}
    per = study.step[1]
    title = (
        f"SHAP credits {per} with {number(step * predicted, signed=True)}, "
        f"its effect is {number(step * effect, signed=True)}"
    )
    subtitle = (
        f"{unit[0].upper()}{unit[1:]}, from its mean · open: mean SHAP of firms alike in it (prediction) · "
        f"line: effect, {in_percent(study.level)} interval"
    )
    return Chart(
        title,
        subtitle,
        source,
        data,
        layout,
        height=250,
        units={"x": "the attribute's own unit", "y": "log points"},
    )


def _effect_and_prediction(
    study: Study, prediction: Prediction, of: Of
) -> tuple[float, tuple[float, float], float, str] | None:
    """Effect, interval and prediction of a usual step, and the grade in words; None where there is no effect on it."""
    effect, (step, _) = study.effect, study.step
    if effect is None:
        return None
    value, ends, predicted = (
        (effect.capability, effect.capability_interval, prediction.capability)
        if of == "capability"
        else (effect.fixed_cost_saving, effect.fixed_cost_interval, prediction.fixed_cost_saving)
    )
    if of != "capability" and ends == (0.0, 0.0):
        return None
    return step * value, (step * ends[0], step * ends[1]), step * predicted, effect.words


def groups_chart(groups: GroupEffects, study: Study, source: str) -> Chart:
    """Effects by group, in the groups' own order."""
    names = [sector_words(line.group) for line in groups.effects]
    rows = [
        Row(name, line.effect, line.low, line.high, ACCENT,
            f"<b>{name}</b><br>{_interval(line.effect, line.low, line.high)}<br>{grouped(line.firms)} firms")
        for name, line in zip(names, groups.effects, strict=True)
    ]  # fmt: skip
    differ = "differ" if groups.p_value < 0.05 else "may all be the same"
    title = f"By {groups.grouping}: effects {differ} ({chance(groups.p_value)})"
    missing = (
        f" · too few, or selling too little: {', '.join(map(sector_words, groups.left_out))}"
        if groups.left_out
        else ""
    )
    return _intervals(
        rows, title, f"Effect of {_step(study)} by double machine learning, {in_percent(study.level)} intervals{missing}", source,
        name_width=margin_for(names, 190), unit="log points per unit",
    )  # fmt: skip


def overlap_chart(overlap: Overlap, study: Study, source: str) -> Chart:
    """How likely firms are to have the attribute, those with it above and those without it below."""
    edges = np.array(overlap.edges)
    centres = ((edges[1:] + edges[:-1]) / 2).round(4).tolist()
    data: list[dict[str, Any]] = []
    for values, sign, colour, name in (
        (overlap.with_attribute, 1, ACCENT, "have it"),
        (overlap.without, -1, MUTED, "do not"),
    ):
        data.append(
            {
                "type": "bar",
                "x": centres,
                "y": [sign * 100 * value for value in values],
                "width": float(edges[1] - edges[0]) * 0.92,
                "marker": {"color": colour},
                "customdata": [f"{in_percent(value)} of firms that {name}" for value in values],
                "hovertemplate": "propensity %{x:.2f}<br>%{customdata}<extra></extra>",
            }
        )
    reach = 108 * max(*overlap.with_attribute, *overlap.without)
    layout = base_layout(
        margin={"l": 8, "r": 8, "t": 2, "b": 34},
        barmode="overlay",
        dragmode=False,
        xaxis=_axis(range=[0, 1], title=_words("probability of having it, given controls")),
        yaxis={"range": [-reach, reach], "showticklabels": False, "showgrid": False, "zerolinecolor": MUTED, "fixedrange": True},
        annotations=[_inside(0.99, 0.98, "firms that have it", ACCENT), _inside(0.99, 0.04, "firms that do not", MUTED)],
    )  # fmt: skip
    far = f"{in_percent(overlap.without_like)} of firms have no like on the other side"
    title = far if overlap.without_like >= 0.01 else "Nearly every firm has a like on the other side"
    return Chart(
        title,
        f"Share of each side's firms by propensity · {study.attribute.replace('_', ' ')}",
        source,
        data,
        layout,
        height=240,
        units={"x": "probability", "y": "%"},
    )


def balance_chart(balance: Sequence[Balance], study: Study, source: str) -> Chart:
    """Differences in controls before and after weighting, the worst first."""
    shown = list(balance)[:MOST_CONTROLS]
    names, width = [in_words(line.control) for line in shown], 210
    rows = list(range(len(shown)))
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [getattr(line, side) for line in shown],
            "y": rows,
            "marker": {"size": 9, "color": colour, "symbol": symbol, "line": {"width": 1.5, "color": colour}},
            "customdata": [f"<b>{line.control}</b><br>{words}: {number(getattr(line, side), signed=True)}" for line in shown],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
        for side, colour, symbol, words in (("before", SECOND, "circle-open", "before"), ("after", ACCENT, "circle", "after weighting"))
    ]  # fmt: skip
    reach = 1.1 * max([UNBALANCED, *(abs(v) for line in shown for v in (line.before, line.after))])
    layout = base_layout(
        margin={"l": width, "r": 16, "t": 2, "b": 28},
        dragmode=False,
        xaxis=_axis(range=[-reach, reach]),
        yaxis=named_rows(names, width),
        shapes=[upright(0.0, MUTED), upright(-UNBALANCED, EDGE), upright(UNBALANCED, EDGE)],
    )
    left = sum(abs(line.after) > UNBALANCED for line in balance)
    before = sum(abs(line.before) > UNBALANCED for line in balance)
    kind = "standardised differences" if study.binary else "correlations with the attribute"
    title = f"{before} of {len(balance)} controls differ before weighting, {left} after"
    subtitle = f"Controls' {kind}; lines at ±{UNBALANCED} · open: before, full: after"
    height = row_height(names, width, ROW_HEIGHT) * max(len(shown), 1) + 34
    return Chart(
        title,
        subtitle,
        source,
        data,
        layout,
        height=height,
        units={"x": "standard deviations" if study.binary else "correlation"},
    )


def sensitivity_chart(found: Sensitivity, study: Study, source: str) -> Chart:
    """How strong a hidden confounder must be to bring the effect to zero, with observed controls for scale."""
    ratio = found.robustness**2 / (1 - found.robustness)
    top = 1.25 * max([found.robustness, *(max(b.with_outcome, b.with_treatment) for b in found.benchmarks)])
    top = float(np.clip(top, 0.02, 0.99))
    treatment = np.linspace(top / 200, top, 120)
    outcome = ratio * (1 - treatment) / treatment
    keep = outcome <= top * 1.5
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": (100 * treatment[keep]).round(4).tolist(),
            "y": (100 * outcome[keep]).round(4).tolist(),
            "line": {"color": ACCENT, "width": 2},
            "hovertemplate": "here the effect would be zero<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": [100 * b.with_treatment for b in found.benchmarks],
            "y": [100 * b.with_outcome for b in found.benchmarks],
            "text": [in_words(b.control) if i < 3 else "" for i, b in enumerate(found.benchmarks)],
            "textposition": _apart([b.with_outcome for b in found.benchmarks[:3]]),
            "textfont": {"size": 12, "color": TEXT},
            "marker": {"size": 8, "color": SECOND},
            "customdata": [
                f"<b>{b.control}</b><br>without it the effect would be {number(b.change, signed=True)} different"
                for b in found.benchmarks
            ],
            "hovertemplate": "%{customdata}<extra></extra>",
        },
    ]
    layout = base_layout(
        margin={"l": 46, "r": 12, "t": 4, "b": 36},
        dragmode=False,
        xaxis=_axis(range=[0, 100 * top], title=_words("explains of the attribute, %")),
        # Room below zero for the name of the lowest dot.
        yaxis=_axis(range=[-10 * top, 100 * top], tick0=0, title=_words("explains of capability, %")),
    )
    title = f"A hidden trait must explain {in_percent(found.robustness)} of both to undo the effect"
    return Chart(
        title,
        "Shares of what controls leave of each; on the line the effect would be zero · dots: observed controls, as if hidden",
        source,
        data,
        layout,
        height=300,
        units={"x": "%", "y": "%"},
    )


def _apart(heights: list[float]) -> list[str]:
    """Where the names of a few close dots stand, so that they do not overlap: the highest dot's above it."""
    order = sorted(range(len(heights)), key=lambda place: -heights[place])
    places = ("top right", "middle right", "bottom right")
    return [places[order.index(place)] for place in range(len(heights))]


def _noted(note: str) -> str:
    return f"<br>{note}" if note else ""


def _step(study: Study) -> str:
    name = in_words(study.attribute)
    return f"having a {name}" if study.binary else f"one unit of {name}"


def chance(p_value: float) -> str:
    """A p-value as written."""
    return probability(p_value)

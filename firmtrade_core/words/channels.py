"""Sentences about effects of firms' attributes: where prediction and effect part, what tests say (MODEL 7)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from firmtrade_core.channels import Study
from firmtrade_core.channels.falsification import Placebo
from firmtrade_core.channels.from_panel import ChannelReport
from firmtrade_core.channels.identification import DISCREDITS, DOUBTS
from firmtrade_core.channels.prediction import Prediction
from firmtrade_core.channels.support import MANY_WITHOUT_LIKE, MOST_WITHOUT_LIKE, UNBALANCED
from firmtrade_core.codes.sectors import sector_words
from firmtrade_core.labels import grouped, in_percent, in_words, number, probability

NO_PRODUCTIVITY = (
    "Productivity is no attribute of these firms: reckoned from their sales it would hold the exports it is to explain. To "
    "study it, let the year before explain too, or give the panel a column productivity in physical units."
)


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
    name, (step, per) = plain(study.attribute), study.step
    credited, done = (number(step * value, signed=True) for value in (predicted, caused))
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
    whose = "what firms can sell"
    agreement = {study.attribute: _agreement(study) for study in report.studies}
    sure = [e for e in report.table if not e.capability_interval[0] <= 0 <= e.capability_interval[1]]
    by_instrument = [e.attribute for e in sure if e.grade == "instrument"]
    shown, in_part = (
        [plain(name) for name in by_instrument if (agreement.get(name, 1.0) < DOUBTS) == doubted]
        for doubted in (False, True)
    )
    likely = [plain(e.attribute) for e in sure if e.grade == "observables"]
    provided = "provided nothing unobserved moves both"
    clauses = []
    if shown:
        clauses.append(f"beyond association, {_listed(shown)} {_moves(shown)} {whose}")
    if in_part:
        clauses.append(
            f"{_listed(in_part)} {_moves(in_part)} {'it' if clauses else whose} by instruments that agree only in part"
        )
    if likely:
        clauses.append(f"{_listed(likely)} {_moves(likely)} {'it too' if clauses else whose}, {provided}")
    if not clauses:
        clauses.append(f"no attribute is shown to move {whose}")
    against = [plain(name) for name, chance_of in agreement.items() if chance_of < DISCREDITS]
    if against:
        clauses.append(f"the instruments of {_listed(against)} contradict each other and show nothing")
    return f"{report.panel}: {'; '.join(clauses)}"


def _agreement(study: Study) -> float:
    """Chance of instruments as far apart as these if all are instruments; 1 where there is nothing to compare."""
    found = study.instruments
    return 1.0 if found is None or found.agreement is None else found.agreement


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


def trials(study: Study) -> list[tuple[str, str, str, str]]:
    """Tests that an effect ought to pass: what, result, chance, reading."""
    rows = [
        (f"Placebo{', instrumented' if p.by_instrument else ''}: {plain(p.outcome)}",
         f"{number(p.effect, signed=True)} standard deviations", probability(p.p_value),
         _placebo_words(p, sum(p.by_instrument == other.by_instrument for other in study.placebos)))
        for p in study.placebos
    ]  # fmt: skip
    if study.permutation is not None:
        dealt = study.permutation
        rows.append(
            (f"Take-up dealt out at random, {dealt.draws} times", f"spread {number(dealt.spread)}", probability(dealt.p_value),
             f"false alarms {in_percent(dealt.false_alarms)} (nominal {in_percent(1 - study.level)})")
        )  # fmt: skip
    if study.overlap is not None:
        alone = study.overlap.treated_without_like
        rows.append(
            ("Firms that have it without a like", in_percent(alone), "",
             "too many for an effect" if alone > MOST_WITHOUT_LIKE else "their effect is not seen" if alone > MANY_WITHOUT_LIKE else "passes")
        )  # fmt: skip
    if study.balance:
        apart = [line for line in study.balance if abs(line.after) > UNBALANCED]
        rows.append(
            ("Controls unbalanced after weighting", f"{len(apart)} of {len(study.balance)}", "",
             "passes" if not apart else f"most: {plain(max(apart, key=lambda line: abs(line.after)).control)}")
        )  # fmt: skip
    if study.without_sector:
        low, high = (pick(study.without_sector, key=lambda s: s.effect) for pick in (min, max))
        rows.append(
            ("Leaving one sector out", f"{number(low.effect, signed=True)} to {number(high.effect, signed=True)}", "",
             f"lowest without {sector_words(low.sector).lower()}, highest without {sector_words(high.sector).lower()}")
        )  # fmt: skip
    return [*rows, *_asked_otherwise(study), *_measured(study), *_instrumented(study), *_hidden(study)]


def _asked_otherwise(study: Study) -> list[tuple[str, str, str, str]]:
    return [
        (f"Asked otherwise: {way.asked}", band(way.effect, (way.low, way.high)), "",
         "parts by more than both intervals" if way.parts else "passes")
        for way in study.otherwise
    ]  # fmt: skip


def _placebo_words(placebo: Placebo, of: int) -> str:
    """With ``of`` placebos of its kind, one fails at a smaller chance."""
    if placebo.p_value < DISCREDITS / of:
        return "seems to move what it cannot"
    return "doubtful" if placebo.p_value < DOUBTS else "passes"


def _measured(study: Study) -> list[tuple[str, str, str, str]]:
    rows = []
    if study.simex is not None:
        corrected = (study.simex.low, study.simex.high)
        rows.append(
            ("Errors in the attribute undone", band(study.simex.corrected, corrected), "",
             f"simulation-extrapolation at a reliability of {study.simex.reliability:g}; "
             f"{number(study.simex.effects[0], signed=True)} before")
        )  # fmt: skip
    if study.remeasured is not None:
        again = study.remeasured
        rows.append(
            (f"Measured a second time: {plain(again.proxy)}", band(again.effect, (again.low, again.high)), "",
             f"{again.words}; {grouped(again.firms)} firms measured twice, the second {again.first_stage.words}")
        )  # fmt: skip
    return rows


def _instrumented(study: Study) -> list[tuple[str, str, str, str]]:
    found = study.instruments
    if found is None:
        return []
    rows = [(f"First stage: {', '.join(plain(n) for n in found.names)}", f"F {found.first_stage.effective_f:.1f}",
             probability(found.first_stage.p_value), found.first_stage.words)]  # fmt: skip
    rows += [
        (f"Set: {each.test}", "", "", f"{each.words}{f'; {each.note}' if each.note else ''}")
        for each in found.sets
    ]
    if found.agreement is not None:
        agree = (
            "they contradict each other" if found.agreement < DISCREDITS
            else "only in part" if found.agreement < DOUBTS else "no contradiction"
        )  # fmt: skip
        rows.append(("Instruments agree", "", probability(found.agreement), agree))
    return rows


def _hidden(study: Study) -> list[tuple[str, str, str, str]]:
    told = study.sensitivity
    if told is None:
        return []
    return [("Hidden confounder", f"{in_percent(told.robustness)} of both", "", told.words)]


def shapley(value: float) -> str:
    """A Shapley value per unit as written."""
    return number(value, signed=True) if math.isfinite(value) else "none"


def band(value: float, interval: tuple[float, float]) -> str:
    """A value with the ends of its interval."""
    ends = " to ".join(number(end, signed=True) if math.isfinite(end) else "no end" for end in interval)
    return f"{number(value, signed=True)} ({ends})"


def turned(interval: tuple[float, float]) -> tuple[float, float]:
    """An interval of what is lost, from one of what is saved."""
    return -interval[1], -interval[0]

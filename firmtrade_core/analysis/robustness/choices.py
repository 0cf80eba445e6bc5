"""What could have been chosen otherwise: one alternative at a time, each a whole run of its own from where it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from firmtrade_core.analysis.robustness.firm_chain import FirmChain
from firmtrade_core.capability.learners import Kind
from firmtrade_core.gravity.meta_analysis import random_effects
from firmtrade_core.home.home import HomeFirms
from firmtrade_core.margins.exporters import EXPORTER_LAWS
from firmtrade_core.panel.synthetic.structure import TASTE_OF_CAPABILITY, SyntheticDesign
from firmtrade_core.scenarios import Programme, Scenario, resolved
from firmtrade_core.scenarios.programmes import ATTRIBUTES
from firmtrade_core.scenarios.schema import Structure
from firmtrade_core.world.elasticities import elasticity_sets, horizon_sets, markup_sets
from firmtrade_core.world.estimated import estimated_cells
from firmtrade_core.world.world import World

#: Kinds of choices: label, and where a run begins again.
KINDS: dict[str, tuple[str, str]] = {
    "elasticities": ("Trade elasticities", "the model"),
    "shrinkage": ("Prior that shrinks elasticities", "the sectors' own estimates"),
    "law": ("Law of firms", "the model"),
    "markups": ("Markups", "the model"),
    "closure": ("Closure and entry", "the model"),
    "links": ("Input-output links", "the world's accounts"),
    "cells": ("Estimated trade of the baseline", "the world's accounts"),
    "cleaning": ("Cleaning of records", "raw files"),
    "imputation": ("Gaps in records", "the cleaned panel"),
    "learners": ("Learners", "the cleaned panel"),
    "folds": ("Folds and chance", "the cleaned panel"),
    "prior": ("Prior that shrinks learners", "the cleaned panel"),
    "measurement": ("Errors of measurement", "the cleaned panel"),
    "process": ("How the data come about", "the firms"),
}

#: Kinds that only firms' records carry.
OF_FIRMS = ("cleaning", "imputation", "learners", "folds", "prior", "measurement", "process")

#: Kinds that only the model and the world carry.
OF_MODEL = tuple(kind for kind in KINDS if kind not in OF_FIRMS)

#: Baselines with the estimated cells drawn anew.
DRAWN_CELLS = 4

#: The set estimated here, whose shrinkage is a choice.
_ESTIMATED = "GRAV"


@dataclass(frozen=True)
class Choice:
    """One alternative to what the answer rests on.

    Parameters
    ----------
    kind
        Of `KINDS`.
    label
        What is different.
    scenario
        With its structure, where that differs.
    world
        ``no_links``, ``cells_0`` and so on, where the accounts differ.
    chain
        Where firms are made anew.
    """

    kind: str
    label: str
    scenario: Scenario | None = None
    world: str = ""
    chain: FirmChain | None = None


def choices(
    scenario: Scenario, world: World, home: HomeFirms | None, chain: FirmChain | None
) -> list[Choice]:
    """All alternatives that could touch a scenario's answer, in the order of `KINDS`.

    Parameters
    ----------
    scenario, world, home
        As `compile`.
    chain
        How the firms came to be, where a policy treats firms; None where no policy does, or the answer takes them as they are.
    """
    scenario = resolved(scenario, home)
    found = [*_of_model(scenario, world)]
    if chain is not None:
        found += _of_firms(chain)
    order = list(KINDS)
    return sorted(found, key=lambda choice: order.index(choice.kind))


def untouched(
    scenario: Scenario, home: HomeFirms | None, world: World, chain: FirmChain | None
) -> dict[str, str]:
    """Kinds of choices that cannot move the answer, or cannot be re-run, and why."""
    reasons: dict[str, str] = {}
    family = resolved(scenario, home).structure.family
    if chain is None:
        why = (
            "No policy here treats firms: their records enter no equation of this answer."
            if not treats(scenario)
            else "The programmes carry effects of their own and no records of firms are at hand: name a panel, or raw files."
        )
        reasons |= dict.fromkeys(OF_FIRMS, why)
    if family == "firms":
        reasons["law"] = (
            "Firms at home are told one by one: there is no law of theirs to exchange. Firms abroad keep theirs."
        )
    if family in ("armington", "eaton_kortum"):
        reasons["markups"] = "Without market power there are no markups."
    if world.inputs is None:
        reasons["links"] = f"{world.name} has no input-output links."
    return reasons


def treats(scenario: Scenario) -> bool:
    """Whether a programme for firms is in force."""
    return any(isinstance(card, Programme) for card in scenario.active_cards)


def programme_attributes(scenario: Scenario) -> tuple[str, ...]:
    """Attributes that its programmes move by effects of the table; those whose card carries its own effect need none."""
    cards = [card for card in scenario.active_cards if isinstance(card, Programme) and card.effect is None]
    return tuple(dict.fromkeys(card.attribute or ATTRIBUTES[card.policy] for card in cards))


# The model and the world ------------------------------------------------------------------------


def _of_model(scenario: Scenario, world: World) -> list[Choice]:
    structure = scenario.structure

    def other(kind: str, label: str, **changes: Any) -> Choice:
        made = scenario.with_(structure=Structure(**{**structure.model_dump(), **changes}))
        return Choice(kind, label, made)

    found = [
        other("elasticities", f"{item.label}", elasticity=name)
        for name, item in {**elasticity_sets(), **horizon_sets()}.items()
        if structure.elasticity != name and not (structure.elasticity == 4.0 and name == "U4")
    ]
    found += [
        other("shrinkage", label, elasticity=values, elasticity_kind="tariff")
        for label, values in shrunken().items()
    ]
    if structure.family != "firms":
        laws = {
            "armington": "Competition, no market power",
            "krugman": "Firms that are all alike",
            "pareto": "Pareto firms",
            "lognormal": "Lognormal firms",
        }
        found += [other("law", label, family=law) for law, label in laws.items() if law != structure.family]
        if structure.family in ("differing", "lognormal"):
            found += [
                other("law", f"Lognormal firms, {EXPORTER_LAWS[name].label}", firms_like=name)
                for name in ("mean", "low", "high")
                if structure.firms_like != name
            ]
    if structure.family not in ("armington", "eaton_kortum"):
        found += [
            other("markups", item.label, within_elasticity=name)
            for name, item in markup_sets().items()
            if structure.within_elasticity != name
        ]
        if structure.within_elasticity is not None:
            found.append(
                other("markups", "Markups follow the trade elasticity alone", within_elasticity=None)
            )
        if structure.family != "firms":
            other_entry = "free" if structure.entry == "restricted" else "restricted"
            words = "Firms come and go" if other_entry == "free" else "The number of firms is fixed"
            found.append(other("closure", words, entry=other_entry))
    closures = {
        "proportional": "Deficits in step with income",
        "removed": "No trade deficits",
        "fixed": "Deficits fixed in dollars",
    }
    found += [
        other("closure", label, deficits=name)
        for name, label in closures.items()
        if name != structure.deficits
    ]
    if structure.labour_supply_elasticity == 0:
        elastic = {"labour_supply_elasticity": 0.5}
        found.append(other("closure", "Labour supply answers wages (0.5)", **elastic))
        # While labour supply stands still a tax on it moves nothing: the two are one choice.
        found.append(
            other(
                "closure", "Labour supply answers wages, duties lower its tax", **elastic, duties="labour_tax"
            )
        )
    elif structure.duties != "labour_tax":
        found.append(other("closure", "Duties lower the tax on labour", duties="labour_tax"))
    if world.inputs is not None:
        found.append(Choice("links", "Without input-output links", scenario, "no_links"))
    if estimated_cells(world).any():
        found += [
            Choice("cells", f"Drawn anew, {number} of {DRAWN_CELLS}", scenario, f"cells_{number - 1}")
            for number in range(1, DRAWN_CELLS + 1)
        ]
    return found


def shrunken() -> dict[str, Mapping[str, float]]:
    """Elasticities of the sectors' own estimates under other priors than the one the set estimated here has.

    The prior is a normal law around the common mean whose spread τ is estimated (0 here: every sector takes the mean). Other
    priors are other spreads; where an estimate would fall below a tenth of the mean it is held there, as no model has ε <= 0.
    """
    used = elasticity_sets().get(_ESTIMATED)
    if used is None:
        return {}
    known = {s: e for s, e in used.estimates.items() if np.isfinite(e.value) and e.std_error > 0}
    if len(known) < 3:
        return {}
    values = np.array([e.value for e in known.values()])
    errors = np.array([e.std_error for e in known.values()])
    pooled = random_effects(values, errors)
    found: dict[str, Mapping[str, float]] = {}
    for spread in (0.5, 1.0, 2.0):
        variance = spread**2
        weight = 1 / (errors**2 + variance)
        mean = float(weight @ values / weight.sum())
        own = variance / (variance + errors**2)
        shrunk = np.maximum(own * values + (1 - own) * mean, 0.1 * pooled.mean)
        found[f"Estimated here, prior spread {spread:g} (estimated: {pooled.spread:.2f})"] = {
            **dict(used.by_sector),
            **dict(zip(known, shrunk.tolist(), strict=True)),
        }
    return found


# Firms ------------------------------------------------------------------------------------------


def _of_firms(chain: FirmChain) -> list[Choice]:
    def other(kind: str, label: str, **changes: Any) -> Choice:
        return Choice(kind, label, chain=replace(chain, **changes))

    found = [other("cleaning", "Outlying cells of firm tables emptied", cleaning="outliers")]
    if not _is_panel(chain):
        found += [
            other("cleaning", "Nothing set aside", cleaning="nothing"),
            other("cleaning", "Every suspicious line set aside", cleaning="all_suspicions"),
        ]
    found += [
        other("imputation", "Filled by matching, one draw", filling="matched"),
        other("imputation", "Filled by matching, another draw", filling="matched_again"),
        other("imputation", "Filled by the year's mean", filling="mean"),
        other("imputation", "Firms with gaps left out", filling="complete"),
    ]
    kinds: dict[Kind, str] = {
        "boosting": "Boosted trees",
        "elastic_net": "Straight lines (elastic net)",
        "random_forest": "Random forest",
        "splines": "Smooth curves",
    }
    found += [
        other("learners", f"Capability by {label[0].lower()}{label[1:]}", learner=kind)
        for kind, label in kinds.items()
        if kind != chain.learner
    ]
    found += [
        other("learners", f"Effects by {label}", effect_learner=name)
        for name, label in (("linear", "straight lines"), ("boosting", "boosted trees"))
        if name != chain.effect_learner
    ]
    found += [other("folds", f"{folds} folds", folds=folds) for folds in (3, 10) if folds != chain.folds]
    found += [
        other("folds", f"Another division into folds ({seed})", seed=chain.seed + seed) for seed in (1, 2)
    ]
    found += [
        other("prior", f"{label} shrinkage", penalty=chain.penalty * factor)
        for label, factor in (("A tenth of the", 0.1), ("Ten times the", 10.0))
    ]
    found += [
        other("measurement", f"Attributes told with errors: reliability {share:g}", reliability=share)
        for share in (0.9, 0.8)
    ]
    found.append(other("measurement", "Exports told with errors of 20 %", misreported=0.2))
    if isinstance(chain.start, SyntheticDesign):
        found += [
            other("process", "Fat tails: Student's t with 4 degrees of freedom", variant="misspecified"),
            other(
                "process",
                f"Taste goes with capability (correlation {TASTE_OF_CAPABILITY:g})",
                variant="taste_follows_capability",
            ),
        ]
    found += [
        other("process", "Estimated with a fat right tail where the data ask for it", law="chosen"),
        other("process", "Estimated with one index: attributes move no fixed cost", two_indices=False),
    ]
    return found


def _is_panel(chain: FirmChain) -> bool:
    from pathlib import Path

    return isinstance(chain.start, Path)

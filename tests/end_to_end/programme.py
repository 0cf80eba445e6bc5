"""A certificate programme in the synthetic home, predicted from the panel and solved in the true world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.capability.estimation import one_thread
from firmtrade_core.capability.rivals import MachineLearning
from firmtrade_core.channels import Settings
from firmtrade_core.channels.from_panel import Question, Sample, draw_sample, study_attribute
from firmtrade_core.channels.work import CAPABILITY
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.from_panel import home_firms
from firmtrade_core.home.outcomes import exporters, firm_outcomes
from firmtrade_core.home.population import SIZES, size_classes
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.synthetic.country import CountryTruth, make_country
from firmtrade_core.panel.synthetic.firms import capability_index, fixed_cost_index
from firmtrade_core.panel.synthetic.structure import (
    CAPABILITY_EFFECTS,
    CERTIFIED_AND_RELIABLE,
    FIXED_COST_EFFECTS,
    RELIABLE,
    SyntheticDesign,
)
from firmtrade_core.scenarios import Scenario, compile, run
from firmtrade_core.world.aggregation import aggregate
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World
from tests.end_to_end.true_world import TAIL, true_change

Array = NDArray[np.float64]

CERTIFICATE, VOUCHER = "quality_certificate", "instrument_voucher"
OUTCOMES = ("exports", "exporters", "real income")
KNOWN, ESTIMATED = "hybrid, true effect", "hybrid, estimated effect"

#: ε at which all families have the σ = 5 of the generating world: firms elsewhere have θ = ζ(σ-1) = 6.
ELASTICITY = 6.0

#: Within the bounds of MODEL 2 (v_k below σ_ν²), and not so skewed that a handful of firms make all exports.
DESIGN = {"firms": 12_000, "years": 1, "sigma_xi": 1.2, "sigma_nu": 0.8, "correlation": 0.4}

_REGIONS = {
    "EUR": "AUT BEL BGR CHE CYP CZE DEU DNK ESP EST FIN FRA GBR GRC HRV HUN IRL ISL ITA LTU LUX LVA MLT NLD NOR POL PRT"
    " ROU SVK SVN SWE",
    "LAM": "ARG BRA COL CRI MEX PER",
    "ASI": "HKG IDN IND JPN KOR MYS PHL SGP THA TWN VNM",
}
_ALONE = ("CHL", "CHN", "USA")
_SECTORS = {
    "primary": "agriculture mining_energy",
    "light": "food_beverages_tobacco textiles_apparel_leather wood_paper_other_mfg",
    "heavy": "fuels_chemicals_plastics_minerals metals",
    "machines": "electronics_machinery vehicles_transport_eq",
}


@lru_cache(maxsize=1)
def small_world() -> World:
    """The embedded world in 7 economies and 5 sectors."""
    world = load_embedded_world()
    regions = {code: group for group, codes in _REGIONS.items() for code in codes.split()}
    regions |= {code: "ROW" for code in world.countries if code not in regions and code not in _ALONE}
    sectors = {code: group for group, codes in _SECTORS.items() for code in codes.split()}
    return aggregate(world, countries=regions, sectors=sectors, name="embedded world in seven economies")


@dataclass(frozen=True)
class ClassOutcome:
    """What firms of one size add to the home's exports, as fractions of all exports before.

    Parameters
    ----------
    share
        Of exports before.
    true, told
        What the class's exports change by, in truth and as predicted with the true effect.
    sampling
        Standard error of ``true``, as a sum over the firms that happened to be drawn.
    """

    share: float
    true: float
    told: float
    sampling: float


@dataclass(frozen=True)
class Outcome:
    """Relative changes by outcome: the true world's, and those predicted by model.

    Parameters
    ----------
    truth
        By outcome.
    predicted
        By model and outcome; missing where a model says nothing.
    interval
        Half the width of the 90 % interval that the estimated effect gives the hybrid, by outcome.
    sizes
        By size class of firms.
    """

    truth: Mapping[str, float]
    predicted: Mapping[str, Mapping[str, float]]
    interval: Mapping[str, float]
    sizes: Mapping[str, ClassOutcome]

    def error(self, model: str, outcome: str) -> float:
        """|predicted change - true change| / |true change|."""
        return abs(self.predicted[model][outcome] - self.truth[outcome]) / abs(self.truth[outcome])

    def relative_interval(self, outcome: str) -> float:
        """Half the interval's width over the true change."""
        return self.interval[outcome] / abs(self.truth[outcome])


def follow(seed: int, **design: Any) -> Outcome:
    """One synthetic home: all firms without a certificate get one."""
    with one_thread():
        return _followed(SyntheticDesign(**{**DESIGN, "seed": seed, **design}))


def _followed(design: SyntheticDesign) -> Outcome:
    world = small_world()
    country = make_country(design, world)
    truth = true_change(country.truth, world, *_true_shift(country.truth))
    question = Question(CERTIFICATE, (VOUCHER,))
    sample = draw_sample(country.panel, [question], capability=CAPABILITY)
    home = home_firms(sample.results, country.panel)
    # The card that knows the truth tells firms that deliver reliably by what the panel says of them.
    home.firms["score"] = home.firms["on_time_delivery"]
    centre, interval = _from_estimate(sample, country.panel, question, world, home)
    return Outcome(
        {
            "exports": truth.exports - 1,
            "exporters": truth.exporters - 1,
            "real income": truth.real_income - 1,
        },
        {
            KNOWN: _answer(_known_effect(), world, home),
            ESTIMATED: centre,
            "Pareto shortcut, true effect": _answer(_known_effect(), world, home, family="pareto"),
            "pure machine learning": _machine_learning(sample),
        },
        interval,
        _by_size(country.truth, truth.sold, world, home),
    )


def _by_size(truth: CountryTruth, sold: Array, world: World, home: HomeFirms) -> dict[str, ClassOutcome]:
    """Exports by size class before and after, in truth and as the hybrid predicts them with the true effect."""
    scenario = Scenario.model_validate({"cards": _known_effect(), "structure": _structure("firms")})
    compiled = compile(scenario, world, home)
    assert compiled.treatment is not None
    found = firm_outcomes(compiled.solve(), compiled.treatment)
    classes = size_classes(home.firms)
    number = pd.Series(np.arange(len(truth.hashed)), index=truth.hashed.astype(str))[
        home.firms["firm"]
    ].to_numpy()
    told = np.zeros((len(home), 2))
    np.add.at(told, found.firm, found.exports)
    sizes, everything = {}, float(sold[number, 0].sum())
    for name in SIZES:
        own = classes == name
        before, after = sold[number[own]].T
        missed = after - told[own, 1]
        sizes[name] = ClassOutcome(
            *(
                float(part.sum()) / everything
                for part in (before, after - before, told[own, 1] - told[own, 0])
            ),
            float(np.sqrt((missed**2).sum())) / everything,
        )
    return sizes


def _true_shift(truth: CountryTruth) -> tuple[Array, Array]:
    """True changes of m and g by firm, (F,) each."""
    before = {name: value[:, -1] for name, value in truth.firms.attributes.items()}
    after = before | {CERTIFICATE: np.ones_like(before[CERTIFICATE])}
    return (
        capability_index(after) - capability_index(before),
        fixed_cost_index(after) - fixed_cost_index(before),
    )


def _card(capability: float, saving: float, **more: Any) -> dict[str, Any]:
    effect = {"capability": capability, "fixed_cost_saving": saving, "grade": "instrument"}
    return {
        "kind": "programme", "policy": "quality_certification", "sectors": "all", "take_up": 1.0, "effect": effect, **more,
    }  # fmt: skip


def _known_effect() -> list[dict[str, Any]]:
    more = _card(CERTIFIED_AND_RELIABLE, 0.0, eligible={"lowest_score": RELIABLE})
    return [_card(CAPABILITY_EFFECTS[CERTIFICATE], FIXED_COST_EFFECTS[CERTIFICATE]), more]


def _from_estimate(
    sample: Sample, panel: FirmPanel, question: Question, world: World, home: HomeFirms
) -> tuple[dict[str, float], dict[str, float]]:
    """Changes at the estimated effect, and half their 90 % interval by the delta method."""
    found = study_attribute(sample, panel, question, Settings(learners=("linear",), repetitions=1)).effect
    assert found is not None and found.grade == "instrument"
    effect = np.array([found.capability, found.fixed_cost_saving])
    errors = np.array([found.capability_error, found.fixed_cost_error])
    centre, *moved = (
        _answer([_card(*effect + step)], world, home) for step in (0 * errors, *np.diag(errors))
    )
    between = np.array([[1.0, found.correlation], [found.correlation, 1.0]])
    slopes = {name: np.array([there[name] - centre[name] for there in moved]) for name in OUTCOMES}
    return centre, {name: 1.645 * float(np.sqrt(slope @ between @ slope)) for name, slope in slopes.items()}


def _structure(family: str) -> dict[str, Any]:
    """The generating world's: Pareto firms elsewhere, one σ = 5 between all firms at home and abroad, deficits fixed."""
    return {
        "family": family, "elsewhere": "pareto", "elasticity": ELASTICITY, "tail": TAIL, "deficits": "fixed",
        "within_elasticity": None,
    }  # fmt: skip


def _answer(
    cards: list[dict[str, Any]], world: World, home: HomeFirms, family: str = "firms"
) -> dict[str, float]:
    """Relative changes predicted for the home country."""
    scenario = Scenario.model_validate({"cards": cards, "structure": _structure(family)})
    found = run(scenario, world, home=home)
    place = world.country_index(home.country)
    return {
        "exports": float(found.exports_change[place]) - 1,
        "exporters": _exporters(found, place) - 1,
        "real income": float(found.real_income_change[place]) - 1,
    }


def _exporters(found: Equilibrium, place: int) -> float:
    if found.parameters.family.name == "firms":
        counted = exporters(found)
        return float(counted.firms[1].sum() / counted.firms[0].sum())
    # Pareto firms are ranked alike everywhere: the sector's easiest market tells who exports at all.
    weight = np.delete(found.world.border_value[place], place, axis=0)
    change = np.delete(found.exporters_change[place], place, axis=0)
    return float(np.average(change, weights=weight))


def _machine_learning(sample: Sample) -> dict[str, float]:
    """Boosting of entry and sales on attributes: markets stand still, and it knows no real income."""
    data = sample.results.data
    model, treated = MachineLearning.tuned(data), data.attributes.copy()
    treated[:, data.attribute_names.index(CERTIFICATE)] = 1.0
    before, after = (model.forecast(table, data.group) for table in (data.attributes, treated))
    anywhere = [(1 - np.prod(1 - found.entry, axis=1)).sum() for found in (before, after)]
    return {
        "exports": float(after.exports.sum() / before.exports.sum()) - 1,
        "exporters": float(anywhere[1] / anywhere[0]) - 1,
        "real income": float("nan"),
    }

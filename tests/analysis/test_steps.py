"""From competition to firms that differ: parts add up over the orders of the steps, and sentences say what numbers say."""

from __future__ import annotations

import re
from itertools import permutations

import numpy as np
import pytest

from firmtrade_core.analysis.heterogeneity import compare_laws
from firmtrade_core.analysis.steps import MODELS, STEPS, Steps, steps
from firmtrade_core.figures.heterogeneity import step_bars
from firmtrade_core.labels import MINUS
from firmtrade_core.scenarios import Scenario, Structure, load_preset, run
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World
from tests.earlier_world import earlier_world
from tests.worlds import make_world

WORLD = make_world(4, 3, seed=2).with_(countries=("USA", "CHN", "ZAF", "DEU"))
SCENARIO = Scenario.parse(
    {
        "cards": [{"kind": "tariff", "importers": "USA", "sectors": ["all"], "value": 0.2}],
        "structure": {"elasticity": 6.0},
    }
)


@pytest.fixture(scope="module")
def found() -> Steps:
    return steps(SCENARIO, WORLD, "USA")


def test_parts_add_up_to_what_lies_between_the_ends(found: Steps) -> None:
    for country in WORLD.countries:
        read = found.looked_at(country)
        ends = read.real_income("differ") - read.real_income("competition")
        assert read.total == ends
        assert sum(read.parts().values()) == pytest.approx(ends, abs=1e-12)
    own = run(SCENARIO, WORLD)
    assert found.real_income("differ") == pytest.approx(100 * (own.real_income_change[0] - 1), abs=1e-7)


def test_parts_are_the_mean_over_every_order_in_which_steps_can_be_taken(found: Steps) -> None:
    def worth(taken: set[str]) -> float:
        links = "links" in taken
        model = "differ" if "selection" in taken else "alike" if "power" in taken else "competition"
        return found.real_income(model, links) - found.real_income("competition", links)

    orders = [o for o in permutations(STEPS) if o.index("power") < o.index("selection")]
    assert len(orders) == 3
    for step, part in found.parts().items():
        added = [worth(set(o[: o.index(step) + 1])) - worth(set(o[: o.index(step)])) for o in orders]
        assert part == pytest.approx(np.mean(added), abs=1e-12)


def test_without_links_there_is_nothing_they_add() -> None:
    bare = steps(SCENARIO, WORLD.with_(inputs=None), "USA")
    parts = bare.parts()
    assert parts["links"] == 0
    # Firms alike in a world of labour alone, given numbers of firms: markups change nothing (ACR12).
    assert parts["power"] == pytest.approx(bare.real_income("alike") - bare.real_income("competition"))
    assert parts["selection"] == pytest.approx(bare.real_income("differ") - bare.real_income("alike"))


def test_at_the_same_elasticity_to_tariffs_only_selecting_firms_answer_otherwise(found: Steps) -> None:
    tariff = steps(SCENARIO, WORLD, "USA", kind="tariff")
    for model in MODELS[:2]:
        assert tariff.real_income(model) == pytest.approx(found.real_income(model), abs=1e-7)
    assert abs(tariff.real_income("differ") - found.real_income("differ")) > 1e-3
    assert sum(tariff.parts().values()) == pytest.approx(tariff.total, abs=1e-12)
    trade = WORLD.border_value * ~np.eye(4, dtype=bool)[:, :, None]
    margins = tariff.results["differ", True].baseline.margins
    slope = -margins.effective(np.zeros(trade.shape))[1]
    elasticity = (margins.elasticity_of_substitution - 1) * (1 + slope) + slope
    np.testing.assert_allclose((trade * elasticity).sum((0, 1)) / trade.sum((0, 1)), 6.0)


def test_sentences_say_what_the_numbers_say(found: Steps) -> None:
    for country in WORLD.countries:
        read = found.looked_at(country)
        told = [float(n.replace(MINUS, "-")) for n in re.findall(rf"[+{MINUS}]?\d+\.?\d*", read.sentence())]
        parts = read.parts()
        expected = [
            read.total,
            read.real_income("competition"),
            read.real_income("differ"),
            2.4,
            *parts.values(),
        ]
        np.testing.assert_allclose(told, expected, rtol=0.06, atol=0.006)
        assert all(name.lower() in read.sentence() for name in STEPS.values())
        bars = step_bars([read], subtitle="s", source="s")
        stacked = sum(np.array(trace["x"]) for trace in bars.data[:3])
        np.testing.assert_allclose(stacked, [read.total], atol=1e-5)
        largest = max(parts, key=lambda step: abs(parts[step]))
        assert bars.title.startswith(STEPS[largest])
    still = steps(SCENARIO.with_(cards=()), WORLD, "USA")
    assert (
        "hardly matter" in still.sentence()
        and "next to nothing" in step_bars([still], subtitle="", source="").title
    )


def test_the_scenarios_own_law_gives_the_number_of_every_other_page() -> None:
    for family in ("differing", "pareto", "krugman", "armington", "eaton_kortum"):
        scenario = SCENARIO.with_(structure=Structure(family=family, elasticity=6.0))
        laws = compare_laws(scenario, WORLD, "USA")
        own = run(scenario, WORLD)
        assert laws.results[laws.chosen].content_hash == own.content_hash
        table = laws.table().set_index("law")
        assert table.real_income[laws.chosen] == pytest.approx(
            100 * (own.real_income_change[0] - 1), abs=1e-7
        )


# The United States add ten points, on the world that is shipped and on the one before it ------------------

#: Percent of real income by deficit closure and markups: competition, firms alike, lognormal; with links, then without.
REFERENCE = {
    ("fixed", None): ((0.2045, 0.0895, 0.0618), (0.1256, 0.1256, 0.1498)),
    ("proportional", None): ((0.2771, 0.1609, 0.1327), (0.1734, 0.1734, 0.1974)),
    ("proportional", "LL"): ((0.277, 0.186, 0.206), (0.173, 0.168, 0.189)),
    ("removed", "LL"): ((0.221, 0.130, 0.150), (0.129, 0.124, 0.144)),
}

#: The same on the world that was shipped until November 2026.
EARLIER = {
    ("fixed", None): ((0.208, -0.093, -0.205), (0.117, 0.117, 0.141)),
    ("proportional", None): ((0.289, -0.018, -0.133), (0.165, 0.165, 0.189)),
}


@pytest.fixture(scope="module")
def worlds() -> dict[str, World]:
    return {"shipped": load_embedded_world(), "earlier": earlier_world()}


@pytest.mark.parametrize(
    ("which", "deficits", "within"),
    [*(("shipped", *key) for key in REFERENCE), *(("earlier", *key) for key in EARLIER)],
)
def test_ten_points_of_the_united_states(
    worlds: dict[str, World], which: str, deficits: str, within: str | None
) -> None:
    structure = Structure(family="lognormal", deficits=deficits, within_elasticity=within)
    read = steps(load_preset("us_ten_points").with_(structure=structure), worlds[which], "USA")
    reference = REFERENCE if which == "shipped" else EARLIER
    for links, expected in zip((True, False), reference[deficits, within], strict=True):
        np.testing.assert_allclose([read.real_income(m, links) for m in MODELS], expected, atol=6e-4)
    # Markups pile up through the links: that, not selection alone, is most of what firms do to the answer.
    parts = read.parts()
    assert abs(parts["links"]) > abs(parts["power"]) > abs(parts["selection"]) > 0.005


def test_the_parts_at_the_same_elasticity_to_tariffs(worlds: dict[str, World]) -> None:
    read = steps(load_preset("us_ten_points"), worlds["shipped"], "USA", kind="tariff")
    assert read.real_income("differ") == pytest.approx(0.211, abs=6e-4)
    found = [read.parts()[step] for step in STEPS]
    np.testing.assert_allclose(found, [-0.034, 0.024, -0.057], atol=6e-4)

"""Questions about real firms, replayed as somebody would who is after one of them; all firms are invented here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmtrade_core.analysis.who_gains import firm_groups
from firmtrade_core.disclosure import FEWEST_FIRMS
from firmtrade_core.disclosure.groups import counted, row_keys
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.outcomes import firm_outcomes
from firmtrade_core.scenarios import Programme, Scenario, ScenarioError, compile
from firmtrade_core.scenarios.programmes import take_up
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world

WORLD = synthetic_world()
#: As if they were real.
REAL = make_home(public=False)
OPEN = make_home()


def reached(home: HomeFirms, **rule: Any) -> frozenset[int]:
    """Which firms a link's programme reaches; none where it is refused. A number of firms is all that a reader sees."""
    card = Programme(policy="research", take_up=1.0, effect={"capability": 0.1}, eligible=rule)
    try:
        share = take_up(card, home, home.sector_of(WORLD), np.ones(len(WORLD.sectors)))
    except ScenarioError:
        return frozenset()
    return frozenset(np.flatnonzero(share > 0).tolist())


def hunt(home: HomeFirms) -> tuple[int, int, set[int]]:
    """Halve bounds of size, age and score around the largest firm: openings, fewest firms ever told, firms told alone."""
    openings, fewest = 0, len(home)
    alone: set[int] = set()
    rule: dict[str, Any] = {}
    answers = [reached(home)]
    for low, high, start in (
        ("smallest", "largest", (0, 4000)),
        ("youngest", "oldest", (0, 64)),
        ("lowest_score", "", (0, 1)),
    ):
        least, most = (float(end) for end in start)
        for _ in range(14):
            openings += 1
            middle = (least + most) / 2
            answers.append(reached(home, **rule, **{low: middle}))
            if answers[-1]:
                least = middle
            else:
                most = middle
        rule[low] = least
        if high:
            rule[high] = most
    for one in answers:
        if one:
            fewest = min(fewest, len(one))
        for other in answers:
            between = one ^ other
            if 0 < len(between) < FEWEST_FIRMS:
                alone |= between
    return openings, fewest, alone


def test_the_attack_finds_one_firm_where_nothing_is_confidential() -> None:
    openings, fewest, alone = hunt(OPEN)
    assert openings == 42 and fewest == 1 and alone


def test_the_attack_finds_groups_only_where_firms_are_real() -> None:
    _, fewest, alone = hunt(REAL)
    assert fewest >= FEWEST_FIRMS and not alone


def test_no_question_and_no_difference_is_smaller_than_a_group() -> None:
    draw = np.random.default_rng(0)
    group = REAL.screen.group
    sizes = np.bincount(group)
    assert sizes.min() >= FEWEST_FIRMS and len(sizes) > 25
    for _ in range(150):
        low, high = np.sort(draw.integers(0, 60, 2))
        rule = {
            "smallest": float(low), "largest": float(high) + 1, "youngest": float(draw.integers(0, 20)),
            "lowest_score": float(draw.random() / 2),
            "regions": tuple(draw.choice(["north", "south", "west", "nowhere"], draw.integers(0, 3), replace=False)),
            "exporters": str(draw.choice(["any", "exporters", "non_exporters"])),
        }  # fmt: skip
        told = np.zeros(len(REAL), dtype=bool)
        told[list(reached(REAL, **rule))] = True
        inside = np.bincount(group, told)
        assert ((inside == 0) | (inside == sizes)).all()


@pytest.mark.parametrize("column", ["employment", "exports"])
def test_no_firm_dominates_its_group(column: str) -> None:
    table = REAL.firms.assign(group=REAL.screen.group)
    totals = table.groupby("group")[column].agg(["sum", "max"])
    totals = totals[totals["sum"] > 0]
    assert (totals["max"] <= 0.75 * totals["sum"]).all()


def test_a_refusal_is_the_same_for_nobody_and_for_few() -> None:
    def refusal(**rule: Any) -> str:
        card = Programme(policy="research", effect={"capability": 0.1}, eligible=rule)
        with pytest.raises(ScenarioError) as caught:
            take_up(card, REAL, REAL.sector_of(WORLD), np.ones(len(WORLD.sectors)))
        return str(caught.value)

    largest = float(REAL.firms["employment"].max())
    assert refusal(smallest=largest) == refusal(smallest=largest + 1) == refusal(regions=("nowhere",))


def test_screens_say_so_and_ends_are_no_firms() -> None:
    card = Programme(policy="quality_certification", unit_cost=1.0)
    scenario = Scenario(cards=(card,), structure={"family": "firms"})
    assert any("fixed groups" in line for line in compile(scenario, WORLD, REAL).report)
    assert not any("fixed groups" in line for line in compile(scenario, WORLD, OPEN).report)
    assert REAL.screen.ends("employment")[1] < REAL.firms["employment"].max()
    assert OPEN.screen.ends("employment")[1] == REAL.firms["employment"].max()
    assert "secret" in OPEN.screen.note


def test_what_the_owner_declares_travels_and_synthetic_is_a_beginning(tmp_path: Path) -> None:
    for home in (REAL, OPEN):
        home.save(tmp_path / "home.parquet")
        assert HomeFirms.load(tmp_path / "home.parquet").screen.public == home.public
    assert REAL.content_hash != OPEN.content_hash
    named = replace(REAL, source="customs records, cleaned with synthetic controls")
    assert not named.synthetic and not named.screen.public
    assert replace(REAL, source="Synthetic firms of Chile").screen.public


def test_few_firms_answer_nothing() -> None:
    few = make_home(count=4, public=False)
    assert few.screen.silent and reached(few) == frozenset()


def test_numbers_of_firms_carry_noise_of_the_set_alone() -> None:
    keys = row_keys(b"file", 2000)
    sets = [np.arange(start, start + 40) for start in range(0, 1900)]
    noise = np.array([counted(40.0, keys[each]) - 40 for each in sets])
    assert np.abs(noise).max() == 2 and abs(noise.mean()) < 0.1
    again = np.array([counted(40.0, keys[each[::-1]]) - 40 for each in sets])
    assert (noise == again).all()
    # Of two sets that differ by one firm the difference says nothing of it.
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < 0.1
    assert (row_keys(b"another file", 2000) != keys).all()


def test_destinations_of_few_firms_are_withheld() -> None:
    table = REAL.firms.copy()
    abroad = [code for code in WORLD.countries if code != REAL.country]
    table["served"] = [abroad[0] if i % 2 else f"{abroad[0]} {abroad[1]}" for i in range(len(table))]
    table.loc[:2, "served"] = [f"{abroad[0]} {abroad[2]}"] * 3
    table["served_sales"] = [" ".join("1.0" for _ in text.split()) for text in table["served"]]
    told = replace(REAL, firms=table).open_markets(WORLD)
    place = {code: j for j, code in enumerate(WORLD.countries)}
    # The one that three firms serve, and another, or subtraction from the total would tell.
    assert not told[place[abroad[2]]] and told.sum() <= len(told) - 2
    assert replace(OPEN, firms=table).open_markets(WORLD).all()


def test_groups_of_who_gains_are_counted_with_noise() -> None:
    scenario = Scenario(
        cards=({"kind": "tariff", "method": "add", "value": 0.1},), structure={"family": "firms"}
    )
    for home in (OPEN, REAL):
        compiled = compile(scenario, WORLD, home)
        result = compiled.solve()
        assert compiled.treatment is not None
        found = firm_groups(firm_outcomes(result, compiled.treatment), 1.0)["region"]
        exact = home.firms.groupby("region")["weight"].sum().to_numpy()
        off = np.abs(found["firms"].to_numpy(float) - exact)
        assert off.max() < 1e-6 if home.public else 0 < off.max() <= 2
